"""Contents to messages: native parts of a model's turn are kept beside what chat's fields say of them.

Source: ``Content`` and ``Part`` of the v1beta reference, https://ai.google.dev/api/caching#Content, read 2026-11-22. A
call without an id is told by its place: results come back in the order of their calls, or under their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..._json import NotJSON, dump_text, load
from ...wires.gemini._history import as_call, made_id, text_of, unsaid
from .._checks import invalid, listed, mapping
from .._riding import is_packed, merge, unpack
from ._names import camel

__all__ = ["Messages"]

Json = dict[str, Any]
_ROLES = {
    "user": "user",
    "function": "user",
    "tool": "user",
    "model": "model",
    "assistant": "model",
}
_BINARY = {"image": "image_url", "video": "video_url"}


class Messages:
    """A request's contents on their way to messages."""

    def __init__(self) -> None:
        self.made: list[Json] = []
        self._waiting: list[tuple[str, str]] = []
        self._turns = 0

    def system(self, given: Any) -> None:
        """The instruction: a content, or just its text."""
        if isinstance(given, str):
            self.made.append({"role": "system", "content": given})
            return
        parts = [camel(p, "systemInstruction") for p in _parts(given, "systemInstruction")]
        texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
        if len(texts) != len(parts):
            raise invalid("systemInstruction must have texts only", "systemInstruction")
        if len(texts) == 1:
            self.made.append({"role": "system", "content": texts[0]})
        elif texts:
            content = [{"type": "text", "text": text} for text in texts]
            self.made.append({"role": "system", "content": content})

    def take(self, given: Any) -> None:
        """All contents; one by itself, or a text, is a list of it."""
        contents = [given] if isinstance(given, str | Mapping) else listed(given, "contents")
        for i, content in enumerate(contents):
            path = f"contents[{i}]"
            turn = {"parts": [{"text": content}]} if isinstance(content, str) else content
            role = mapping(turn, path).get("role") or "user"
            if not isinstance(role, str) or role not in _ROLES:
                raise invalid(f"{path}.role is {role!r:.80}; there are user and model", path)
            parts = [camel(part, path) for part in _parts(turn, path)]
            if _ROLES[role] == "model":
                self._model(parts)
            else:
                self._user(path, parts)

    def _model(self, parts: list[Json]) -> None:
        self._turns += 1
        packed = [rode for p in parts if (rode := unpack(p.get("thoughtSignature"))) is not None]
        own = [made for p in parts if (made := _without_ride(p)) is not None]
        calls = [*self._calls(own)]
        self._waiting = [(call["id"], call["function"]["name"]) for call in calls]
        thought = "".join(_thoughts(own))
        message: Json = {"role": "assistant", "content": text_of(own) or None}
        if thought:
            message["reasoning_content"] = thought
        if calls:
            message["tool_calls"] = calls
        if images := [*_images(own)]:
            message["images"] = images
        kept = unsaid(message, own)
        if kept is not None:
            message["provider_specific_fields"] = {"parts": kept}
        for rode in packed:
            merge(message, rode)
        self.made.append(message)

    def _calls(self, parts: list[Json]) -> Iterator[Json]:
        for position, part in enumerate(p for p in parts if "functionCall" in p):
            function = mapping(part["functionCall"], "functionCall")
            name = str(function.get("name"))
            seed = made_id(f"turn {self._turns}", 0, position, name)
            yield as_call(part, str(function.get("id") or seed))

    def _user(self, path: str, parts: list[Json]) -> None:
        said: list[Json] = []
        for part in parts:
            if "functionResponse" not in part:
                said.append(_part(path, part))
                continue
            if said:
                self.made.append({"role": "user", "content": said})
                said = []
            self.made.append(self._result(path, part["functionResponse"]))
        if said:
            plain = len(said) == 1 and said[0].keys() == {"type", "text"}
            self.made.append({"role": "user", "content": said[0]["text"] if plain else said})

    def _result(self, path: str, given: Any) -> Json:
        response = mapping(given, f"{path}.functionResponse")
        name = response.get("name")
        content: Any = _written(response.get("response"))
        given_parts = listed(response.get("parts") or (), f"{path}.functionResponse.parts")
        media = [_part(path, camel(part, path)) for part in given_parts]
        if media:
            content = [{"type": "text", "text": content}, *media]
        made = {"role": "tool", "tool_call_id": self._called(path, response.get("id"), name)}
        return made | {"name": name, "content": content}

    def _called(self, path: str, call_id: Any, name: Any) -> str:
        """Which call a result is of: by its id, else the first one of its name that still waits."""
        fits = (w for w in self._waiting if (w[0] == call_id if call_id else w[1] == name))
        found = next(fits, None)
        if found is None:
            raise invalid(
                f"{path} has the result of {name!r:.80}, which no model's turn before it called",
                path,
            )
        self._waiting.remove(found)
        return found[0]


def _parts(content: Any, path: str) -> list[Any]:
    given = mapping(content, path).get("parts")
    parts = [given] if isinstance(given, Mapping | str) else listed(given, f"{path}.parts")
    return [{"text": part} if isinstance(part, str) else mapping(part, path) for part in parts]


def _without_ride(part: Json) -> Json | None:
    """A part without what rode in it; ``None`` where it was made for that alone."""
    if not is_packed(part.get("thoughtSignature")):
        return part
    rest = {name: value for name, value in part.items() if name != "thoughtSignature"}
    return None if rest.get("text") == "" else rest


def _thoughts(parts: list[Json]) -> Iterator[str]:
    for part in parts:
        if part.get("thought") and isinstance(part.get("text"), str):
            yield part["text"]


def _images(parts: list[Json]) -> Iterator[Json]:
    for part in parts:
        blob = part.get("inlineData")
        kind = str(blob.get("mimeType")) if isinstance(blob, Mapping) else ""
        if isinstance(blob, Mapping) and kind.startswith("image/") and not part.get("thought"):
            yield {"type": "image_url", "image_url": {"url": _data_url(blob)}}


def _written(response: Any) -> str:
    """A result as text: a text of its own is no JSON, anything else is."""
    given = response if isinstance(response, Mapping) else {}
    output = given.get("output")
    if given.keys() == {"output"} and isinstance(output, str) and not _is_json(output):
        return output
    return dump_text(given)


def _is_json(text: str) -> bool:
    try:
        return isinstance(load(text), dict | list)
    except NotJSON:
        return False


def _part(path: str, part: Json) -> Json:
    beside = {"video_metadata": part["videoMetadata"]} if "videoMetadata" in part else {}
    for name, write in _PARTS.items():
        if name in part:
            return write(path, part) | beside
    known = ", ".join((*_PARTS, "functionResponse"))
    raise invalid(f"{path} has a part with none of {known}", path)


def _text(path: str, part: Json) -> Json:
    if not isinstance(part["text"], str):
        raise invalid(f"{path}: text must be a text", path)
    return {"type": "text", "text": part["text"]}


def _inline(path: str, part: Json) -> Json:
    blob = mapping(part["inlineData"], f"{path}.inlineData")
    family, _, form = str(blob.get("mimeType") or "").partition("/")
    if family == "audio":
        return {"type": "input_audio", "input_audio": {"data": blob.get("data"), "format": form}}
    if family not in _BINARY:
        file = {"file_data": _data_url(blob)}
        name = blob.get("displayName")
        return {"type": "file", "file": file | ({"filename": name} if name else {})}
    kind = _BINARY[family]
    return {"type": kind, kind: {"url": _data_url(blob)}}


def _data_url(blob: Mapping[str, Any]) -> str:
    return f"data:{blob.get('mimeType') or 'text/plain'};base64,{blob.get('data')}"


def _file(path: str, part: Json) -> Json:
    given = mapping(part["fileData"], f"{path}.fileData")
    kind = {} if given.get("mimeType") is None else {"format": given["mimeType"]}
    return {"type": "file", "file": {"file_id": given.get("fileUri"), **kind}}


_PARTS: dict[str, Callable[[str, Json], Json]] = {
    "text": _text,
    "inlineData": _inline,
    "fileData": _file,
}
