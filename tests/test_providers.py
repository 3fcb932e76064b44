from __future__ import annotations

import dataclasses
import importlib
import json
import re
import runpy
import sys
from collections import Counter
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import llmkit
from llmkit import providers
from llmkit._call import ChatCall
from llmkit._flow import Deadlines, Flow
from llmkit._http import Endpoint, HTTPRequest
from llmkit._io._limit import ParallelLimit
from llmkit._secret import Secret
from llmkit.errors import ConfigurationError, UnknownProviderError, UnsupportedParamsError
from llmkit.providers import Bearer, HeaderKey, Identity, Provider, Tokens, openai_compatible
from llmkit.providers._registry import Registry
from llmkit.providers.compatible import ROWS
from llmkit.testing import Simulator
from llmkit.types.params import ModelParams
from llmkit.wires.openai_chat import OpenAIChat

ROOT = Path(__file__).resolve().parents[1]
# ``llmkit.providers._registry`` as an attribute is the registry that the module made.
REGISTRY = importlib.import_module("llmkit.providers._registry")
PACKAGE = "llmkit.providers"
EVERY = tuple(ROWS.values())
# Each deployment or server has an address of its own.
WITHOUT_ADDRESS = {"oobabooga", "openai_like"}
# What ``refused`` may name beside parameters.
NOT_PARAMETERS = {"cache_control", "developer", "json_object", "json_schema"}
DUE = """
    openai_like groq deepseek xai mistral cerebras zai perplexity venice vercel_ai_gateway
    llamacpp lm_studio lmstudio hosted_vllm vllm together_ai together fireworks_ai fireworks
    openrouter huggingface databricks cloudflare dashscope alibaba moonshot minimax nvidia_nim
    sambanova volcengine deepinfra github litellm_proxy snowflake avian crusoe heroku doubleword
    portkey ollama ollama_chat
""".split()  # noqa: SIM905 - forty names read better as words

each_row = pytest.mark.parametrize("row", EVERY, ids=lambda row: row.name)


@pytest.fixture
def registry() -> Registry:
    """A registry of the built-in providers that nobody else uses."""
    return Registry(PACKAGE)


def built(
    row: Provider, messages: Any = None, *, stream: bool = False, **params: Any
) -> HTTPRequest:
    """The request that a row writes."""
    messages = messages or [{"role": "user", "content": "Hello"}]
    call = ChatCall("call_1", row.name, "m", messages, params=params, stream=stream)
    assert row.chat is not None
    return row.chat.build(call, Endpoint("https://host.test/v1"))


def body(row: Provider, messages: Any = None, **params: Any) -> dict[str, Any]:
    """The body of the request that a row writes."""
    made: dict[str, Any] = json.loads(built(row, messages, **params).body)
    return made


def authorized(row: Provider) -> dict[str, str]:
    """The headers that carry a row's key."""
    who = Identity(
        secret=Secret("key-1"),
        options={},
        environ={},
        wall=lambda: 0.0,
        deadlines=Deadlines(0, 0, 0, 0),
        tokens=Tokens(ParallelLimit),
        show=lambda secret: None,
    )
    flow = row.auth.authorize(HTTPRequest("POST", "https://host.test"), who)
    with pytest.raises(StopIteration) as end:
        next(flow)
    return dict(end.value.value.headers)


# --- the rows -----------------------------------------------------------------------------------


@each_row
def test_row_is_named_and_sourced(row: Provider) -> None:
    """A row has a name that the registry takes, and says where it was read and when."""
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", row.name)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,63}", alias) for alias in row.aliases)
    assert row.docs.startswith("https://")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", row.read)


@each_row
def test_row_has_an_address(row: Provider) -> None:
    """A base URL is https, or plain http on loopback, or absent where each user has another."""
    if row.base_url is None:
        assert row.name in WITHOUT_ADDRESS
        assert row.base_env
        return
    loopback = re.match(r"http://(localhost|127\.0\.0\.1):\d+(/|$)", row.base_url)
    assert loopback or re.match(r"https://[^/{}]*(\{\w+\}[^/{}]*)?\.\w|\{host\}/", row.base_url)
    assert bool(loopback) <= row.key_optional
    assert not row.base_url.endswith(("/", "/completions", " "))


@each_row
def test_row_names_its_variables(row: Provider) -> None:
    """Variables are upper case, none is named twice, and each place in a URL has one."""
    asked = (name for variable in row.variables for name in row.names_of(variable))
    variables = [name for name in asked if not name.islower()]
    names = (*row.key_env, *row.base_env, *variables, *row.header_env.values())
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", name) for name in names)
    assert len(set(names)) == len(names)
    assert row.key_env or row.key_optional
    assert set(re.findall(r"\{(\w+)\}", row.base_url or "")) == row.variables.keys()


@each_row
def test_row_differs_by_known_names(row: Provider) -> None:
    """What a row refuses or renames is something that a caller can pass."""
    chat = row.chat
    assert isinstance(chat, OpenAIChat)
    parameters = ModelParams.__annotations__.keys()
    assert chat.refused <= parameters | NOT_PARAMETERS
    assert chat.renamed.keys() <= parameters
    assert not chat.refused & {*chat.renamed, *chat.renamed.values(), "stream_options"}
    # The wire reads both a parameter and a type of content parts from one set.
    assert "thinking" not in chat.refused or "content_parts" not in (chat.history or ())


@each_row
def test_row_writes_a_call(row: Provider) -> None:
    """A plain streamed call can be written, and asks for usage where that is the way to get it."""
    request = built(row, stream=True, temperature=0.5)
    assert isinstance(row.chat, OpenAIChat)
    assert request.url == "https://host.test/v1" + row.chat.path
    made = json.loads(request.body)
    assert ("stream_options" in made) == row.chat.stream_usage
    assert made["temperature"] == 0.5
    assert request.adjustments == ()


def test_names_are_unique() -> None:
    """No name and no alias means two providers, modules included."""
    every = [providers.get(name) for name in providers.names()]
    count = Counter(n for provider in every for n in (provider.name, *provider.aliases))
    assert [name for name, times in count.items() if times > 1] == []


def test_rows_are_keyed_by_name() -> None:
    """The table holds each row under its own name."""
    assert {name: row.name for name, row in ROWS.items()} == {name: name for name in ROWS}


@pytest.mark.parametrize("name", DUE)
def test_expected_names_are_there(name: str) -> None:
    """What other libraries' users write before the slash is found."""
    assert providers.get(name).chat is not None


def test_preferred_have_a_model() -> None:
    """Whoever the command line may ask has a model to ask."""
    assert {"openai", "openrouter", "groq", "mistral", "deepseek", "xai"} <= {
        *providers.preferred()
    }
    assert all(providers.get(name).default_model for name in providers.preferred())


def test_page_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/providers.md is what scripts/provider_table.py would write."""
    monkeypatch.setattr(REGISTRY, "entry_points", lambda **_: ())
    script = runpy.run_path(str(ROOT / "scripts" / "provider_table.py"))
    written = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    assert written == script["page"](), "run scripts/provider_table.py"


# --- what single rows say -----------------------------------------------------------------------


def test_openai_like_sends_everything() -> None:
    """Behind an unknown address nothing is refused, renamed, or taken out of the history."""
    said = {"role": "assistant", "content": "Hi", "reasoning": "a", "reasoning_content": "b"}
    asked = {"top_k": 3, "logit_bias": {"1": 2}, "thinking": {"type": "enabled"}, "max_tokens": 5}
    made = body(ROWS["openai_like"], [said], **asked)
    assert made == {"model": "m", "messages": [said], **asked}


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("groq", "logit_bias", {"1": 2}),
        ("groq", "prompt_cache_key", "k"),
        ("cerebras", "top_k", 3),
    ],
)
def test_refusals(name: str, parameter: str, value: Any) -> None:
    """What a host rejects is refused before anything is sent."""
    with pytest.raises(UnsupportedParamsError, match=parameter):
        built(ROWS[name], **{parameter: value})


@pytest.mark.parametrize("name", ["deepseek", "zai"])
def test_schema_is_emulated(name: str) -> None:
    """Where there is JSON mode only, a schema is asked for in words, and the ledger says so."""
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    request = built(ROWS[name], response_format=wanted)
    made = json.loads(request.body)
    assert made["response_format"] == {"type": "json_object"}
    assert '{"type":"object"}' in made["messages"][-1]["content"].replace(" ", "")
    assert [a.change for a in request.adjustments] == ["emulated"]


def test_lm_studio_has_no_json_mode() -> None:
    """LM Studio, which knows schemas only, is asked for JSON in words; a schema is sent."""
    made = body(ROWS["lm_studio"], response_format={"type": "json_object"})
    assert "response_format" not in made
    assert made["messages"][-1]["role"] == "system"
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    assert body(ROWS["lm_studio"], response_format=schema)["response_format"] == schema


@pytest.mark.parametrize("name", ["deepseek", "zai", "dashscope", "volcengine"])
def test_developer_becomes_system(name: str) -> None:
    """Hosts that do not know the role get the one that it replaced."""
    made = body(ROWS[name], [{"role": "developer", "content": "Be brief"}])
    assert made["messages"] == [{"role": "system", "content": "Be brief"}]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("groq", "reasoning"),
        ("cerebras", "reasoning"),
        ("deepseek", "reasoning_content"),
        ("moonshot", "reasoning_content"),
        ("xai", "reasoning_content"),
    ],
)
def test_reasoning_goes_back_under_the_hosts_name(name: str, field: str) -> None:
    """Reasoning that came from elsewhere is sent in the one field that the host takes."""
    other = "reasoning" if field == "reasoning_content" else "reasoning_content"
    made = body(ROWS[name], [{"role": "assistant", "content": "4", other: "Hm"}])
    assert made["messages"] == [{"role": "assistant", "content": "4", field: "Hm"}]


def test_keys_go_where_hosts_look() -> None:
    """A key goes into Authorization, or into the header that the host has for it."""
    assert authorized(ROWS["groq"]) == {"authorization": "Bearer key-1"}
    assert authorized(ROWS["sarvam"]) == {"api-subscription-key": "key-1"}


# --- finding them -------------------------------------------------------------------------------


@each_row
def test_get_finds_name_and_aliases(row: Provider, registry: Registry) -> None:
    """A row is found by its name and by each alias, also in other spellings."""
    for name in (row.name, *row.aliases):
        assert registry.get(name) is row
        assert registry.get(name.replace("_", "-").upper()) is row


def test_names_leave_aliases_out(registry: Registry) -> None:
    """The list has every row and module once, in order, under its own name."""
    names = registry.names()
    assert ROWS.keys() | {"openai"} <= set(names)
    assert list(names) == sorted(set(names))
    assert not {alias for row in EVERY for alias in row.aliases} & set(names)


@pytest.mark.parametrize(("asked", "meant"), [("groqq", "groq"), ("mistrall", "mistral")])
def test_near_misses(asked: str, meant: str, registry: Registry) -> None:
    """An unknown name gets an error that names what may have been meant."""
    with pytest.raises(UnknownProviderError, match=rf"{asked}.*did you mean.*\b{meant}\b"):
        registry.get(asked)
    assert not registry.has(asked)


def test_nothing_near(registry: Registry) -> None:
    """Where nothing is near, the error says where the names are."""
    with pytest.raises(UnknownProviderError, match=r"names\(\)"):
        registry.get("qqqqqqqqqq")


@pytest.mark.parametrize(
    "name", ["", " ", "os.path", "../os", "_auth", "__init__", "a/b", "1ab", "é", "a" * 65, "a\nb"]
)
def test_malformed_names_import_nothing(
    name: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is none is refused; only what lists the names is imported, for near misses."""
    imported: list[str] = []

    def recording(path: str) -> ModuleType:
        imported.append(path)
        return sys.modules[path]

    monkeypatch.setattr(REGISTRY.importlib, "import_module", recording)
    monkeypatch.setattr(REGISTRY.importlib.util, "find_spec", imported.append)
    with pytest.raises(UnknownProviderError):
        registry.get(name)
    assert set(imported) <= {PACKAGE, f"{PACKAGE}.compatible"}


@pytest.mark.parametrize("name", ["compatible", "_registry", "auth"])
def test_modules_of_the_package_are_no_providers(name: str, registry: Registry) -> None:
    """The package's own modules cannot be had as providers."""
    assert not registry.has(name)
    assert name not in registry.names()


# --- adding to them -----------------------------------------------------------------------------


ACME = openai_compatible("acme", "https://api.acme.test/v1", "ACME_API_KEY", aliases=("acme_chat",))


def test_register_adds(registry: Registry) -> None:
    """A registered provider is found by name and alias, and listed."""
    assert registry.register(ACME) is ACME
    assert registry.get("acme") is registry.get("acme_chat") is ACME
    assert "acme" in registry.names()
    assert "acme_chat" not in registry.names()


def test_register_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """``register_provider`` adds to what ``get`` finds."""
    monkeypatch.setattr(providers._registry, "_found", {})
    providers.register_provider(ACME)
    assert providers.get("acme") is ACME


@pytest.mark.parametrize(
    ("name", "aliases"), [("groq", ()), ("together", ()), ("acme", ("groq",)), ("openai", ())]
)
def test_register_refuses_taken_names(
    name: str, aliases: tuple[str, ...], registry: Registry
) -> None:
    """A name or alias that is taken is refused, and nothing is changed."""
    before = registry.names()
    with pytest.raises(ConfigurationError, match="replace=True"):
        registry.register(Provider(name=name, base_url=None, aliases=aliases))
    assert registry.names() == before


@pytest.mark.parametrize("name", ["", "Acme", "ac-me", "1acme", "acme/chat", "_acme"])
def test_register_refuses_malformed_names(name: str, registry: Registry) -> None:
    """A name that could not stand before a slash is refused."""
    with pytest.raises(ConfigurationError, match="lower case"):
        registry.register(Provider(name=name, base_url=None))


@pytest.mark.parametrize("name", ["groq", "openai"])
def test_register_replaces(name: str, registry: Registry) -> None:
    """A built-in provider gives way when that is asked for, also after it was found."""
    registry.get(name)
    mine = Provider(name=name, base_url="https://mine.test/v1")
    registry.register(mine, replace=True)
    assert registry.get(name) is mine
    assert registry.names().count(name) == 1


def entry(name: str, value: str) -> EntryPoint:
    """An entry point as a third party's package declares it."""
    return EntryPoint(name=name, value=value, group="llmkit.providers")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry beside which a third party's package is installed."""
    module = ModuleType("llmkit_acme_for_tests")
    module.__dict__.update(PROVIDER=ACME, MISTAKE="no provider")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    found = [
        entry("acme", "llmkit_acme_for_tests:PROVIDER"),
        entry("groq", "llmkit_acme_for_tests:PROVIDER"),
        entry("mistake", "llmkit_acme_for_tests:MISTAKE"),
        entry("broken", "llmkit_no_such_module:PROVIDER"),
    ]
    monkeypatch.setattr(REGISTRY, "entry_points", lambda group: found if "llmkit" in group else [])
    return Registry(PACKAGE)


def test_entry_point_is_found(installed: Registry) -> None:
    """A provider of another package is found by its name, and listed."""
    assert installed.get("acme") is ACME
    assert "acme" in installed.names()


def test_built_in_wins_over_entry_point(installed: Registry) -> None:
    """An entry point cannot take a built-in provider's place."""
    assert installed.get("groq") is ROWS["groq"]


def test_entry_point_that_is_no_provider(installed: Registry) -> None:
    """An entry point that leads to something else is an error that names it."""
    with pytest.raises(ConfigurationError, match="llmkit_acme_for_tests:MISTAKE"):
        installed.get("mistake")


def test_broken_entry_point_shows(installed: Registry) -> None:
    """An entry point that cannot be imported is not taken for an absent provider."""
    with pytest.raises(ModuleNotFoundError, match="llmkit_no_such_module"):
        installed.get("broken")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of providers with no rows, to put modules into."""
    made = tmp_path / f"providers_of_{tmp_path.name}"
    made.mkdir()
    (made / "__init__.py").touch()
    (made / "compatible.py").write_text("ROWS = {}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return made


def test_module_is_found(package: Path) -> None:
    """A module's ``PROVIDER`` is found by the module's name."""
    source = (
        "from llmkit.providers import Provider\nPROVIDER = Provider(name='own', base_url=None)\n"
    )
    (package / "own.py").write_text(source)
    assert Registry(package.name).get("own").name == "own"
    assert Registry(package.name).names() == ("own",)


def test_import_error_of_a_module_shows(package: Path) -> None:
    """A module that fails to import something is not taken for an absent provider."""
    (package / "broken.py").write_text("import no_such_module_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        Registry(package.name).get("broken")


def test_module_without_a_provider(package: Path) -> None:
    """A module whose ``PROVIDER`` is something else is an error that names it."""
    (package / "odd.py").write_text("PROVIDER = 3\n")
    with pytest.raises(ConfigurationError, match=r"odd\.PROVIDER"):
        Registry(package.name).get("odd")


def test_what_is_no_provider_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that no provider has costs its search once; what is registered later is found all the same."""
    registry = Registry("llmkit.providers")
    searched: list[str] = []
    real = Registry._aliased
    monkeypatch.setattr(
        Registry, "_aliased", lambda self, name: searched.append(name) or real(self, name)
    )
    assert [registry.has("qwen-nowhere") for _ in range(3)] == [False] * 3
    assert searched == ["qwen_nowhere"]
    with pytest.raises(UnknownProviderError):
        registry.get("qwen-nowhere")
    registry.register(dataclasses.replace(registry.get("groq"), name="qwen_nowhere", aliases=()))
    assert registry.has("qwen-nowhere")


def test_what_was_lent_leaves_what_else_lay_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lays something over the registry while a provider is lent takes it off again, whoever ends first."""
    with monkeypatch.context() as patch:
        with providers.lend(ACME):
            patch.setitem(providers._registry._found, "laid_over", ACME)
        assert "laid_over" in providers._registry._found
        assert "acme" not in providers._registry._found
    assert "laid_over" not in providers._registry._found
    with providers.lend(ACME), monkeypatch.context() as patch:
        patch.setitem(providers._registry._found, "laid_over", ACME)
    assert "laid_over" not in providers._registry._found


class Signed(HeaderKey):
    """A key, and a header besides."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """See ``Auth``."""
        return (yield from super().authorize(request, identity)).with_headers({"x-signed": "yes"})


class Signs:
    """Another way to say the same."""

    def authorize(self, request: HTTPRequest, identity: Identity) -> Flow[HTTPRequest]:
        """See ``Auth``."""
        yield from ()
        return request.with_headers({"x-signed": "yes", "authorization": "Bearer a-token"})


class Mixed(Signs, HeaderKey):
    """Its way comes first."""


class Around(Signs):
    """Stands for another auth in all that it does not do itself."""

    def __getattr__(self, name: str) -> Any:
        return getattr(Bearer(), name)


@pytest.mark.parametrize("auth", [Signed("authorization", "Bearer "), Mixed("x-key"), Around()])
def test_an_auth_made_of_another_is_asked(auth: Any) -> None:
    """Who authorizes in a way of its own does so, whatever is known of the class below it."""
    made = openai_compatible("acme", "https://acme.test/v1", "ACME_KEY", auth=auth)
    with providers.lend(made), Simulator() as simulator, llmkit.Client() as client:
        options = {"api_key": "sk-" + "acme-0123456789", "base_url": simulator.base_url}
        client.completion("acme/m", [{"role": "user", "content": "Hi"}], **options)
    assert simulator.requests[0].headers["x-signed"] == "yes"
