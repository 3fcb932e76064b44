"""Write a page for each provider from the registry: what it takes, where, and what becomes of each parameter.

usage: provider_pages.py DIRECTORY   (writes DIRECTORY/NAME.md for each provider)

It is also a hook of mkdocs: the pages are made when the documentation is built, so none can be out of date. Nothing is
asserted by hand: each parameter is given to the provider's own wire, and the request is looked at.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from llmkit import providers
from llmkit._call import ChatCall
from llmkit._http import Endpoint
from llmkit.catalogue import models
from llmkit.errors import InvalidRequestError, UnsupportedParamsError
from llmkit.providers import HeaderKey, NoAuth, Provider
from llmkit.testing.conformance._samples import HI, PARAMS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "providers"
TABLE = "providers.md"
SAMPLE = "some-model"
HERE = Endpoint("https://host.example/v1")
PARTS: Mapping[str, Mapping[str, Any]] = {
    "image_url": {"image_url": {"url": "https://host.example/a.png"}},
    "input_audio": {"input_audio": {"data": "AAAA", "format": "wav"}},
    "file": {"file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
    "document_url": {"document_url": "https://host.example/a.pdf"},
    "video_url": {"video_url": {"url": "https://host.example/a.mp4"}},
}
NOTES: Mapping[str, str] = {
    "cloudflare": "Pictures and speech have addresses of their own there, and are not called.",
    "databricks": """\
A model is a serving endpoint's name. Thinking of Claude models comes as parts of the content and goes back so.""",
    "deepseek": "Texts are completed at another address, `/beta`: give it as `base_url`.",
    "github": """\
To have an organisation billed, give `base_url="https://models.github.ai/orgs/ORG/inference"`.""",
    "github_copilot": """\
The key is the token that Copilot's own API takes, which lasts half an hour: give `api_key` a function. Signing in is
not done here.""",
    "huggingface": """\
`MODEL:PROVIDER` chooses who serves a model; a dedicated endpoint is called by `base_url=`.""",
    "mistral": """\
`prompt_mode` and `safe_prompt` go in `extra_body`. An assistant message that comes last is continued (`prefix`). OCR is
no chat, and refused.""",
    "openrouter": """\
`provider`, `models`, `plugins`, `transforms` and `reasoning` go in `extra_body`; `usage.cost` is what OpenRouter
charged.""",
    "perplexity": """\
`citations`, `search_results` and `related_questions` are fields of the answer, `usage.cost` is what was charged. Its
own parameters (`search_domain_filter`, `return_images` and others) go in `extra_body`.""",
    "portkey": "Where a call goes is said in headers (`x-portkey-...`): give `extra_headers`.",
    "snowflake": """\
A programmatic access token may be given as `pat/TOKEN`, too. The older `inference:complete` is not spoken.""",
    "xai": "`usage.cost_in_usd_ticks` is kept as it comes.",
}
"""What the declarations cannot say, by provider."""
CALLED: Mapping[str, tuple[str, str]] = {
    "chat": ("chat", 'completion("{model}", [{{"role": "user", "content": "Hello"}}])'),
    "embedding": ("embedding", 'embedding("{model}", ["a lighthouse", "a beacon"])'),
    "rerank": ("rerank", 'rerank("{model}", "light", ["a lighthouse", "a cave"])'),
    "transcription": ("audio_transcription", 'transcription("{model}", "meeting.mp3")'),
    "speech": ("audio_speech", 'speech("{model}", "Hello there", "VOICE")'),
}
"""What a page begins with: the catalogue's word for such models, and the call."""
NAMED: Mapping[str, str] = {"ragflow": "chat/CHAT_ID/MODEL"}
"""What stands for a model where the catalogue has none, and not any name will do."""
GUIDES: Mapping[str, str] = {
    "batches": "files-and-batches", "caches": "files-and-batches", "count_tokens": "other-calls",
    "embedding": "embedding", "files": "files-and-batches", "image": "images", "messages": "messages",
    "models": "other-calls", "moderation": "other-calls", "rerank": "other-calls", "responses": "responses",
    "speech": "audio", "text_completion": "other-calls", "transcription": "audio", "chat": "quickstart",
}  # fmt: skip
"""Where each kind of call is described."""


def code(names: Iterable[str]) -> str:
    """Names as Markdown code, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)


def page(provider: Provider) -> str:
    """One provider's page."""
    pieces = (
        f"# {provider.name}\n",
        *_head(provider),
        "## What it takes\n",
        *_calls(provider),
        *(_parameters(provider) if provider.chat is not None else ()),
        *_notes(provider),
        *_known(provider),
        f"\nSource: [{provider.docs}]({provider.docs}), read {provider.read}.\n",
    )
    return "\n".join(pieces)


def _head(provider: Provider) -> Iterator[str]:
    yield f"```python\nimport llmkit\n\n{example(provider)}\n```\n"
    yield "| | |\n|---|---|"
    if provider.aliases:
        yield f"| also called | {code(provider.aliases)} |"
    address = f"`{provider.base_url}`" if provider.base_url else "its own for each deployment"
    yield f"| address | {address} |"
    if provider.base_env:
        yield f"| another address | `base_url=`, {code(provider.base_env)} |"
    for name in sorted(provider.variables):
        yield f"| `{{{name}}}` in it | {_places(provider.names_of(name))} |"
    optional = ", optional" if provider.key_optional else ""
    yield f"| key{optional} | {', '.join(filter(None, ['`api_key=`', code(provider.key_env)]))} |"
    yield f"| shown as | {shown(provider)} |"
    if provider.header_env:
        pairs = sorted(provider.header_env.items())
        yield f"| headers | {', '.join(f'`{name}` from `{source}`' for name, source in pairs)} |"
    yield ""


def example(provider: Provider) -> str:
    """A call of it: a chat where it has one, with a model that is known."""
    kind = "chat" if provider.chat is not None else next(k for k in CALLED if k in provider.calls)
    mode, call = CALLED[kind]
    named = (
        (NAMED[provider.name],)
        if provider.name in NAMED
        else (m.name for m in models(provider.name) if m.mode == mode and not m.deprecated)
    )
    model = (provider.default_model if kind == "chat" else None) or next(iter(named), "MODEL")
    return f"response = llmkit.{call.format(model=f'{provider.name}/{model}')}"


def _places(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}=`" if name.islower() else f"`{name}`" for name in names)


def shown(provider: Provider) -> str:
    """How a credential is put onto a request."""
    auth = provider.auth
    if isinstance(auth, NoAuth):
        return "nothing"
    if isinstance(auth, HeaderKey):
        return f"`{auth.header}: {auth.prefix}KEY`"
    said = (type(auth).__doc__ or type(auth).__name__).strip().partition("\n")[0]
    return said.replace("``", "`")


def _calls(provider: Provider) -> Iterator[str]:
    kinds = [*(["chat"] if provider.chat is not None else []), *sorted(provider.calls)]
    linked = (f"[`{k}`](../{GUIDES[k]}.md)" if k in GUIDES else f"`{k}`" for k in kinds)
    yield f"Calls: {', '.join(linked)}."
    if provider.chat is not None:
        wire = type(provider.chat).__module__.split(".")[2]
        found = wire_page(wire)
        yield f"\nChat is written by the wire `{wire}`" + (f" ([more]({found}))." if found else ".")
    yield ""


def wire_page(wire: str) -> str | None:
    """The page of a wire, from a provider's page."""
    names = (wire, wire.partition("_")[0])
    found = (n for n in names if (ROOT / "docs" / "wires" / f"{n}.md").is_file())
    name = next(found, None)
    return f"../wires/{name}.md" if name else None


def _parameters(provider: Provider) -> Iterator[str]:
    model = provider.default_model or SAMPLE
    yield f"\n## What becomes of each parameter\n\nAs the wire of `{model}` writes them; a model may take less.\n"
    yield "| parameter | here |\n|---|---|"
    for name in sorted(PARAMS):
        yield f"| `{name}` | {fate(provider, model, name)} |"
    kinds = [kind for kind in PARTS if takes_part(provider, model, kind)]
    yield f"\nParts of a content that are taken: {code(['text', *kinds])}."
    refused = [kind for kind in PARTS if kind not in kinds]
    if refused:
        yield f"Refused: {code(refused)}."


def built(provider: Provider, model: str, messages: Any, params: Mapping[str, Any]) -> Any:
    """The request of a call: its body, and what was changed."""
    call = ChatCall(
        id="call_1", provider=provider.name, model=model, messages=messages, params=dict(params)
    )
    rules: Any = provider.family_of(model).chat
    return rules.build(call, HERE)


def fate(provider: Provider, model: str, name: str) -> str:
    """What the provider's wire does with a parameter."""
    values, others = PARAMS[name]
    try:
        before = leaves(body(built(provider, model, HI, others)))
        request = built(provider, model, HI, {**others, name: values[0]})
    except UnsupportedParamsError:
        return "refused"
    except InvalidRequestError as error:
        return f"refused: {error.message}".replace("|", "\\|")
    listed = [change for change in request.adjustments if change.parameter.startswith(name)]
    if listed:
        return f"{listed[0].change}: {listed[0].reason}".replace("|", "\\|")
    added = sorted(leaves(body(request)) - before)
    tops = {path.partition("[")[0] for path in added}
    if not tops or name in {path.partition(".")[0] for path in tops}:
        return "sent" if tops else "not sent"
    return f"sent as {code(sorted(tops))}"


def body(request: Any) -> Any:
    """The JSON of a request."""
    return json.loads(bytes(request.body))


def leaves(value: Any, path: str = "") -> set[str]:
    """The places in a JSON value, with what stands there."""
    if isinstance(value, dict) and value:
        inner = (leaves(item, f"{path}.{name}" if path else name) for name, item in value.items())
        return set().union(*inner)
    if isinstance(value, list) and value:
        return set().union(*(leaves(item, f"{path}[{i}]") for i, item in enumerate(value)))
    return {f"{path}[= {value!r}"}


def takes_part(provider: Provider, model: str, kind: str) -> bool:
    """Whether a type of content parts is written at all."""
    parts = [{"type": "text", "text": "Look"}, {"type": kind, **PARTS[kind]}]
    try:
        built(provider, model, [{"role": "user", "content": parts}], {})
    except InvalidRequestError:
        return False
    return True


def _notes(provider: Provider) -> Iterator[str]:
    if provider.name in NOTES:
        yield f"\n## To know\n\n{NOTES[provider.name]}"


def _known(provider: Provider) -> Iterator[str]:
    if count := len(list(models(provider.name))):
        yield (
            f"\nThe [catalogue](../catalogue.md) has {count} of its models, with limits and prices: "
            f"`llmkit models {provider.name}`."
        )


def pages() -> dict[str, str]:
    """All pages, by the provider's name."""
    return {name: page(providers.get(name)) for name in providers.names()}


def linked(table: str) -> str:
    """The table of providers with its names as links to their pages."""
    for name in providers.names():
        table = table.replace(f"\n| `{name}`", f"\n| [`{name}`]({FOLDER}/{name}.md)", 1)
    return table


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to the documentation; they are found by the table, not by the navigation."""
    structure = importlib.import_module("mkdocs.structure.files")
    for name, text in pages().items():
        made = structure.File.generated(config, f"{FOLDER}/{name}.md", content=text)
        made.inclusion = structure.InclusionLevel.NOT_IN_NAV
        files.append(made)
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Link the table's names to their pages."""
    return linked(markdown) if page.file.src_uri == TABLE else markdown


def main(arguments: list[str]) -> int:
    """Write the pages; returns the exit status."""
    folder = Path(*arguments[:1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
