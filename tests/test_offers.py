"""Every provider of OpenAI's form that users of other libraries know: found, light to load, and what it offers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

import llmkit
from llmkit import providers
from llmkit._calls import EmbeddingCall
from llmkit._http import Endpoint, HTTPRequest
from llmkit.errors import ConfigurationError, UnsupportedParamsError
from llmkit.providers._offers import OFFERS, offered
from llmkit.providers._provider import OPENAI_CALLS
from llmkit.providers.compatible import ROWS
from llmkit.wires.openai_chat import OpenAIChat

COMPATIBLE = """
    abliteration ai21 aihubmix aiand aiml amazon_nova anyscale apertis assemblyai atlascloud azure_ai baseten
    bedrock_mantle bigmodel cerebras charity_engine chutes clarifai cloudflare codestral cognition cometapi
    compactifai cortecs crusoe dashscope databricks datarobot deepinfra deepseek docker_model_runner edenai empower
    featherless_ai fireworks_ai friendliai galadriel github github_copilot gmi gradient_ai groq helicone heroku
    hosted_vllm hostinger_router huggingface hyperbolic inception inferenceapis kyma lambda_ai lemonade libertai
    litellm_proxy llamacpp llamafile llamagate lm_studio maritalk meta meta_llama minimax mistral modelscope moonshot
    morph mzai nano-gpt nebius neosantara novita nscale nvidia_nim oobabooga openai openai_like opencode_go openrouter
    ovhcloud parasail perplexity poe portkey publicai qiniu qwen_ai_platform qwencloud ragflow reka requesty sail
    sambanova sarvam scaleway scx-ai snowflake streamlake synthetic telnyx tencent tensormesh text-completion-openai
    together_ai v0 veniceai vercel_ai_gateway volcengine wandb xai xiaomi_mimo xinference zai zerogpu
""".split()  # noqa: SIM905 - a hundred names read better as words
# Of the same lists, in a form that is not only OpenAI's: they have modules, or are other modules' aliases.
NATIVE = {"jina_ai", "azure_text"}
# A browser signs in there, and answers come in another form than chat's.
LEFT_OUT = {"chatgpt"}
# More than data: auth, addresses or messages of their own.
MODULES = {"openai", "mistral", "codestral", "databricks", "snowflake", "datarobot", "ragflow"}


def test_the_list_is_whole() -> None:
    """A hundred and seventeen names: found here, native elsewhere, or left out for a reason."""
    assert len({*COMPATIBLE, *NATIVE, *LEFT_OUT}) == 117
    assert len(COMPATIBLE) == len(set(COMPATIBLE))


@pytest.mark.parametrize("name", COMPATIBLE)
def test_each_is_found(name: str) -> None:
    """What another library's user writes before the slash is a provider that chats."""
    assert providers.get(name).chat is not None


def test_modules_are_no_rows() -> None:
    """Whoever is more than data has a file, and no row beside it."""
    assert not MODULES & ROWS.keys()
    assert all(isinstance(providers.get(name).chat, OpenAIChat) for name in MODULES)


def test_offers_are_of_providers() -> None:
    """Each entry is of a provider that is there, and of kinds of call that there are."""
    known = {
        *OPENAI_CALLS,
        *("text_completion", "embedding", "image", "transcription", "speech", "rerank"),
        *("moderation", "responses", "files", "batches"),
    }
    for name, kinds in OFFERS.items():
        assert providers.has(name), name
        assert set(kinds.split()) <= known, name
        assert len(kinds.split()) == len(set(kinds.split())), name


def test_offered_kinds_have_wires() -> None:
    """A kind that is offered can be loaded."""
    for name in (*OFFERS, "mistral", "perplexity"):
        for kind in offered(name):
            assert hasattr(providers.get(name).wire(kind), "build"), (name, kind)


def embedding(name: str, **params: Any) -> HTTPRequest:
    """The request of an embedding at this provider's own address."""
    call = EmbeddingCall(id="call_1", provider=name, model="m", inputs=("a",), params=params)
    provider = providers.get(name)
    request: HTTPRequest = provider.wire("embedding").build(call, Endpoint(provider.base_url or ""))
    return request


def test_embeddings_have_their_names_there() -> None:
    """Mistral's dimensions and Perplexity's path are their own; others have OpenAI's."""
    mistral = json.loads(bytes(embedding("mistral", dimensions=8).body))
    assert mistral == {"model": "m", "input": ["a"], "output_dimension": 8}
    with pytest.raises(UnsupportedParamsError, match="user"):
        embedding("mistral", user="u")
    assert embedding("perplexity").url == "https://api.perplexity.ai/v1/embeddings"
    assert embedding("together_ai").url == "https://api.together.ai/v1/embeddings"


@pytest.mark.parametrize("name", ["groq", "mistral", "databricks", "huggingface"])
def test_one_provider_loads_no_other(name: str) -> None:
    """Using one provider loads its module and the table, and no other provider's module or wire."""
    code = (
        f"import sys; from llmkit import providers; providers.get({name!r})\n"
        "print(*(m for m in sys.modules if m.startswith(('llmkit.providers', 'llmkit.wires'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {m for m in done.stdout.split() if re.fullmatch(r"llmkit\.providers\.[a-z]\w*", m)}
    mine = {f"llmkit.providers.{name}"} & loaded
    assert loaded <= {"llmkit.providers.compatible", *mine}
    assert ("llmkit.wires.mistral_chat" in done.stdout) == (name == "mistral")
    assert not re.search(r"wires\.(gemini|anthropic_messages|openai_embeddings)", done.stdout)


def url(model: str, **given: str) -> str:
    """Where a call goes."""
    environ = {name: value for name, value in given.items() if name.isupper()}
    options = {name: value for name, value in given.items() if name.islower()}
    with llmkit.Client(environ=environ, api_key="k-" + "0001") as client:
        asked = [{"role": "user", "content": "Hi"}]
        dry = client.completion(model, asked, dry_run=True, **options)  # type: ignore[call-overload]
    return str(dry.url).removesuffix("/chat/completions")


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ("", "https://app.datarobot.com/api/v2/genai/llmgw"),
        ("https://app.eu.datarobot.com", "https://app.eu.datarobot.com/api/v2/genai/llmgw"),
        ("https://app.eu.datarobot.com/api/v2", "https://app.eu.datarobot.com/api/v2/genai/llmgw"),
        ("https://x.example/api/v2/deployments/1", "https://x.example/api/v2/deployments/1"),
    ],
)
def test_datarobots_gateway(given: str, at: str) -> None:
    """DataRobot's variable may hold a host, its API, or a whole address."""
    assert url("datarobot/some/model", DATAROBOT_ENDPOINT=given) == at


def test_ragflows_assistants() -> None:
    """RAGFlow's assistants and agents are in the address; what is missing is told."""
    host = "http://localhost:9380"
    assert url("ragflow/chat/c1/m", RAGFLOW_API_BASE=host) == f"{host}/api/v1/chats_openai/c1"
    assert (
        url("ragflow/agent/a 1/m", base_url=f"{host}/api/v1")
        == f"{host}/api/v1/agents_openai/a%201"
    )
    whole = f"{host}/api/v1/chats_openai/c2"
    assert url("ragflow/m", base_url=whole) == whole
    with pytest.raises(ConfigurationError, match="RAGFLOW_API_BASE"):
        url("ragflow/chat/c1/m")
    with pytest.raises(ConfigurationError, match="ragflow/chat/ID/MODEL"):
        url("ragflow/m", RAGFLOW_API_BASE=host)


def test_hugging_faces_ways() -> None:
    """A provider may follow the model's name; a dedicated endpoint is an address; either variable has the key."""
    asked = [{"role": "user", "content": "Hi"}]
    with llmkit.Client(environ={"HUGGINGFACE_API_KEY": "hf-" + "0001"}) as client:
        dry = client.completion("huggingface/openai/gpt-oss-20b:together", asked, dry_run=True)
        assert dry.body["model"] == "openai/gpt-oss-20b:together"
        assert dry.url == "https://router.huggingface.co/v1/chat/completions"
        assert dry.key_source == "HUGGINGFACE_API_KEY"
        own = "https://abc.endpoints.huggingface.cloud/v1"
        dry = client.completion("huggingface/tgi", asked, dry_run=True, base_url=own)
        assert dry.url == f"{own}/chat/completions"


def test_githubs_organisations() -> None:
    """GitHub Models bills an organisation at an address of its own."""
    base = "https://models.github.ai/orgs/acme/inference"
    assert url("github/openai/gpt-4.1", base_url=base) == base
    assert url("github/openai/gpt-4.1") == "https://models.github.ai/inference"
