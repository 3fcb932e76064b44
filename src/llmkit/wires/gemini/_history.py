"""One model turn in both forms: native parts, and OpenAI's message with what it cannot say kept beside it.

``provider_specific_fields["parts"]`` of a message are its native parts, present only where content and tool calls do
not say all of it (signatures, thoughts, code, media, order). Bytes of images and audio are left out of them: they are
in ``images`` and ``audio``. The parts hold as long as they still say what the message says; an edited message is
written anew from its content and calls, with the signatures that its calls still have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..._json import NotJSON, dump_text, load
from ._media import data_url

__all__ = [
    "arguments",
    "as_call",
    "is_made",
    "made_id",
    "message_parts",
    "rebuilt",
    "text_of",
    "unsaid",
]

_MADE = "call_noid_"


def made_id(response: str, candidate: int, position: int, name: str) -> str:
    """An id for a call that came without one: always the same for the same answer, never sent back."""
    seed = f"{response}\0{candidate}\0{position}\0{name}"
    return _MADE + hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:24]


def is_made(call_id: Any) -> bool:
    """Whether an id is one of ours, which the provider does not know."""
    return isinstance(call_id, str) and call_id.startswith(_MADE)


def arguments(text: Any) -> dict[str, Any]:
    """A call's arguments as an object. Raises ``NotJSON`` where they are none."""
    made = load(text) if isinstance(text, str) and text.strip() else text or {}
    if not isinstance(made, Mapping):
        raise NotJSON("not an object")
    return dict(made)


def text_of(parts: Sequence[Mapping[str, Any]]) -> str:
    """What the user is told: all text that is no thought."""
    return "".join(
        p["text"] for p in parts if isinstance(p.get("text"), str) and not p.get("thought")
    )


def unsaid(message: Mapping[str, Any], parts: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """The parts to keep beside a message, without media that it has anyway; ``None``: it says it all."""
    if not parts or (all(map(_plain, parts)) and [*rebuilt(message, ())] == parts):
        return None
    return [_light(part) for part in parts]


def _plain(part: Mapping[str, Any]) -> bool:
    call = part.get("functionCall", {})
    known = part.keys() <= {"text", "functionCall"} and isinstance(call, Mapping)
    return known and isinstance(call.get("args") or {}, Mapping)


def _light(part: dict[str, Any]) -> dict[str, Any]:
    blob = part.get("inlineData")
    if not isinstance(blob, dict) or _place(part) is None:
        return part
    return part | {"inlineData": {k: v for k, v in blob.items() if k != "data"}}


def _place(part: Mapping[str, Any]) -> str | None:
    """Which field of the message has this part's bytes."""
    blob = part.get("inlineData")
    if not isinstance(blob, Mapping) or part.get("thought"):
        return None
    kind = str(blob.get("mimeType") or "").partition("/")[0].lower()
    return {"image": "images", "audio": "audio"}.get(kind)


def message_parts(message: Mapping[str, Any], text: str) -> list[dict[str, Any]]:
    """The native parts of an assistant message; ``text`` is its content as one text.

    Raises:
        NotJSON: a call's arguments are no JSON object.
    """
    said = message.get("provider_specific_fields")
    kept = said.get("parts") if isinstance(said, Mapping) else None
    calls = [*_calls(message)]
    if not isinstance(kept, list) or not all(isinstance(p, Mapping) for p in kept):
        return [*rebuilt(message, ())]
    if text_of(kept) != text or not _same_calls(kept, calls):
        return [*rebuilt({**message, "content": text}, kept)]
    return [*_restored(kept, calls, message)]


def _calls(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from message.get("tool_calls") or ()
    if message.get("function_call"):
        yield {"function": message["function_call"]}


def _native(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function") or {}
    given = {} if call.get("id") is None or is_made(call["id"]) else {"id": call["id"]}
    return {**given, "name": function.get("name"), "args": arguments(function.get("arguments"))}


def _same(part: Mapping[str, Any], native: Mapping[str, Any]) -> bool:
    kept = part.get("functionCall")
    kept = kept if isinstance(kept, Mapping) else {}
    return bool(kept.get("name") == native["name"] and (kept.get("args") or {}) == native["args"])


def _same_calls(kept: Sequence[Mapping[str, Any]], calls: Sequence[Mapping[str, Any]]) -> bool:
    asked = [part for part in kept if "functionCall" in part]
    return len(asked) == len(calls) and all(
        _same(part, _native(call)) for part, call in zip(asked, calls, strict=True)
    )


def _restored(
    kept: Sequence[Mapping[str, Any]],
    calls: Sequence[Mapping[str, Any]],
    message: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    """The kept parts with what they left out: media from the message, ids as its calls have them now."""
    natives = iter([_native(call) for call in calls])
    images = iter(message.get("images") or ())
    audio = message.get("audio")
    for part in kept:
        place = _place(part)
        if "functionCall" in part:
            yield {**part, "functionCall": _with_id(part["functionCall"], next(natives))}
        elif place is None or "data" in part["inlineData"]:
            yield dict(part)
        elif place == "images":
            yield from _refilled(part, (_image(next(images, None)) or {}).get("data"))
        else:
            yield from _refilled(part, audio.get("data") if isinstance(audio, Mapping) else None)
            audio = None


def _with_id(kept: Mapping[str, Any], native: Mapping[str, Any]) -> dict[str, Any]:
    rest = {k: v for k, v in kept.items() if k != "id"}
    return {"id": native["id"], **rest} if "id" in native else rest


def _image(image: Any) -> dict[str, Any] | None:
    """The blob that a message's image is; ``None`` where it is only an address."""
    address = image.get("image_url") if isinstance(image, Mapping) else None
    url = address.get("url") if isinstance(address, Mapping) else None
    found = data_url(url) if isinstance(url, str) else None
    return found["inlineData"] if found else None


def _seen_and_heard(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The message's own media, where nothing says what their parts were."""
    for blob in filter(None, map(_image, message.get("images") or ())):
        yield {"inlineData": blob}
    audio = message.get("audio")
    if isinstance(audio, Mapping) and audio.get("data") and audio.get("mime_type"):
        yield {"inlineData": {"mimeType": audio["mime_type"], "data": audio["data"]}}


def _refilled(part: Mapping[str, Any], data: Any) -> Iterator[dict[str, Any]]:
    """A part with its bytes; one whose bytes the caller threw away is left out."""
    if isinstance(data, str):
        yield {**part, "inlineData": {**part["inlineData"], "data": data}}


def rebuilt(
    message: Mapping[str, Any], kept: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Parts from content and calls alone; a call takes its signature from itself, or from its old part."""
    content = message.get("content")
    # An answer of nothing is a turn all the same: without it two turns of the user would become one.
    others = message.get("images"), message.get("audio"), *_calls(message)
    if isinstance(content, str) and (content or not any(others)):
        yield {"text": content}
    yield from _seen_and_heard(message)
    unused = [part for part in kept if "functionCall" in part]
    for call in _calls(message):
        native = _native(call)
        old = next((part for part in unused if _same(part, native)), {})
        unused = [part for part in unused if part is not old]
        signature = _signature(call) or old.get("thoughtSignature")
        yield {"functionCall": native, **({"thoughtSignature": signature} if signature else {})}


def _signature(call: Mapping[str, Any]) -> str | None:
    """Where a call's signature may stand: our (and LiteLLM's) place, or that of Google's OpenAI endpoint."""
    for outer in ("provider_specific_fields", "extra_content"):
        found = call.get(outer)
        inner = found.get("google", found) if isinstance(found, Mapping) else None
        if isinstance(inner, Mapping) and isinstance(inner.get("thought_signature"), str):
            return str(inner["thought_signature"])
    return None


def as_call(part: Mapping[str, Any], call_id: str) -> dict[str, Any]:
    """A ``functionCall`` part as OpenAI's tool call."""
    function = part["functionCall"]
    made: dict[str, Any] = {
        "id": call_id,
        "type": "function",
        "function": {
            "name": function.get("name") or "",
            "arguments": dump_text(function.get("args") or {}),
        },
    }
    if part.get("thoughtSignature"):
        made["provider_specific_fields"] = {"thought_signature": part["thoughtSignature"]}
    return made
