"""Common LiteLLM code comes to the same over llmkit: what LiteLLM 1.109.1 said is in ``said.json``."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

import llmkit
from llmkit import errors
from llmkit.compat import litellm
from llmkit.compat.litellm.integrations.custom_logger import CustomLogger
from llmkit.compat.litellm.types.utils import GenericStreamingChunk, ModelResponse
from llmkit.compat.litellm.utils import CustomStreamWrapper
from llmkit.errors import ConfigurationError, UnsupportedParamsError
from llmkit.telemetry import sink
from llmkit.testing import Simulator, scripted

from . import more_programs, programs

SAID = json.loads(Path(__file__).with_name("said.json").read_text(encoding="utf-8"))
MODEL, SAY = programs.MODEL, programs.SAY
KEY = "sk-" + "test"

TIER_1 = (
    "completion acompletion Router ModelResponse Choices Message Delta StreamingChoices Usage "
    "CustomStreamWrapper ChatCompletionMessageToolCall ModelResponseStream Function api_key api_base "
    "drop_params modify_params set_verbose suppress_debug_info telemetry callbacks success_callback "
    "failure_callback input_callback cache num_retries request_timeout fallbacks context_window_fallbacks "
    "model_alias_map model_cost max_budget budget_duration ssl_verify client_session aclient_session "
    "openai_key anthropic_key organization turn_off_message_logging json_logs return_response_headers "
    "include_cost_in_streaming_usage custom_provider_map custom_prompt_dict "
)
TIER_2 = (
    "embedding aembedding EmbeddingResponse completion_cost cost_per_token token_counter encode decode "
    "get_llm_provider get_model_info get_max_tokens get_supported_openai_params supports_function_calling "
    "supports_parallel_function_calling supports_vision supports_response_schema supports_reasoning "
    "supports_prompt_caching supports_web_search supports_pdf_input supports_audio_input supports_audio_output "
    "supports_system_messages supports_tool_choice supports_computer_use supports_assistant_prefill "
    "supports_url_context validate_environment check_valid_key get_valid_models register_model trim_messages "
    "stream_chunk_builder function_to_dict BadRequestError UnsupportedParamsError ContextWindowExceededError "
    "ContentPolicyViolationError ImageFetchError RejectedRequestError InvalidRequestError "
    "LiteLLMUnknownProvider PaymentRequiredError AuthenticationError PermissionDeniedError NotFoundError "
    "Timeout UnprocessableEntityError RateLimitError InternalServerError BadGatewayError "
    "ServiceUnavailableError MidStreamFallbackError APIError APIConnectionError APIResponseValidationError "
    "JSONSchemaValidationError BudgetExceededError OpenAIError MockException GuardrailRaisedException "
    "BlockedPiiEntityError ModelNotMappedError RouterRateLimitError completion_with_retries "
    "acompletion_with_retries text_completion atext_completion responses aresponses transcription "
    "atranscription speech aspeech image_generation aimage_generation image_edit rerank arerank moderation "
    "amoderation create_file file_content create_batch retrieve_batch list_batches BudgetManager CustomLLM "
    "CustomLogger exceptions utils types integrations caching Cache enable_cache disable_cache update_cache "
    "batch_completion abatch_completion batch_completion_models batch_completion_models_all_responses "
)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """A provider."""
    with Simulator() as simulator:
        yield simulator.base_url


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key of the machine's, and the settings as they were."""
    monkeypatch.delenv("COHERE_API_KEY", raising=False)
    yield
    from llmkit.compat.litellm import _settings

    _settings._values.clear()


def _ask(**more: Any) -> Any:
    return litellm.completion(MODEL, SAY, **{"mock_response": "ok", **more})


@pytest.mark.parametrize(
    "program",
    [*programs.PROGRAMS, *more_programs.PROGRAMS],
    ids=lambda program: program.__name__,
)
def test_it_comes_to_what_litellm_comes_to(program: Any, base: str) -> None:
    """Answers, streams, tools, mocks, failures, loggers, custom providers, routers, settings: all equal."""
    ours = json.loads(json.dumps(program(litellm, base)))
    assert ours == SAID[program.__name__]


@pytest.mark.parametrize("name", [*TIER_1.split(), *TIER_2.split()])
def test_every_name_is_there(name: str) -> None:
    """Functions, classes, settings and modules of the first two tiers."""
    assert hasattr(litellm, name)


def test_an_import_is_light() -> None:
    """Neither httpx, pydantic nor openai is loaded before something is used."""
    code = "import sys; import llmkit.compat.litellm as l; print(*{'httpx','pydantic','openai'} & {*sys.modules})"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout.strip() == ""


def test_it_stands_in_for_litellm() -> None:
    """A program that is not to be touched imports what it always did, and gets the same classes."""
    code = """
import llmkit.compat.litellm as ours
ours.stand_in()
ours.stand_in()
import litellm
from litellm import completion
from litellm.integrations.custom_logger import CustomLogger
from litellm.llms.custom_llm import CustomLLM
from litellm.router import Router
from litellm._logging import verbose_logger
from litellm.caching.caching import Cache
from litellm.main import acompletion
from litellm.types.llms.openai import AllMessageValues, ChatCompletionUserMessage
from litellm.types.router import Deployment, RetryPolicy
from litellm.types.utils import ModelResponse
from litellm.utils import token_counter
import litellm.exceptions
assert litellm is ours and CustomLogger is ours.CustomLogger and litellm.exceptions is ours.exceptions
assert Cache is ours.Cache and acompletion is ours.acompletion
assert ChatCompletionUserMessage(role="user", content="x") == {"role": "user", "content": "x"}
assert CustomLLM is ours.CustomLLM and Router is ours.Router and ModelResponse is ours.ModelResponse
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=30)


def test_signatures_are_shown() -> None:
    """An editor sees the arguments that may go without names."""
    shown = list(inspect.signature(litellm.completion).parameters)
    assert shown[:4] == ["model", "messages", "timeout", "temperature"]
    with pytest.raises(TypeError, match="twice"):
        litellm.completion(MODEL, SAY, messages=SAY)
    with pytest.raises(TypeError, match="without names"):
        litellm.moderation("x", "m", "k", "more")


# --- settings ------------------------------------------------------------------------------------


def test_llmkits_own_calls_see_no_setting() -> None:
    """Key, address, loggers and retries of the module are its own."""
    told: list[Any] = []
    litellm.success_callback = [lambda *given: told.append(given)]
    litellm.api_key, litellm.api_base, litellm.drop_params = KEY, "http://127.0.0.1:9", True
    dry = llmkit.default_client().dry_run("completion", model=MODEL, messages=SAY)
    assert "127.0.0.1" not in dry.url
    llmkit.completion(MODEL, SAY, mock_response="ok")
    assert told == []
    _ask()
    assert len(told) == 1


def test_what_is_not_honoured_is_said() -> None:
    """A warning for what changes nothing, an error for what others take for granted, nothing for the rest."""
    with pytest.warns(
        litellm.UnhonouredSettingWarning, match=r"modify_params.*never changed"
    ) as caught:
        litellm.modify_params = True
    assert caught[0].filename == __file__
    assert litellm.modify_params is True
    with pytest.warns(litellm.UnhonouredSettingWarning, match=r"migration\.md"):
        litellm.langsmith_batch_size = 5
    with pytest.raises(ConfigurationError, match=r"pre_call_rules.*before_call"):
        litellm.pre_call_rules = [print]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        litellm.suppress_debug_info = True
        litellm.modify_params = False
        litellm.pre_call_rules = []
        litellm.groq_key = KEY
    del litellm.suppress_debug_info
    assert litellm.suppress_debug_info is False


@pytest.mark.parametrize("name", ["guardrails", "prompt_id", "client", "shared_session"])
def test_arguments_that_are_not_honoured_are_refused(name: str) -> None:
    """Their absence would be missed; the message says what to do."""
    with pytest.raises(
        litellm.UnsupportedParamsError, match=f"{name}= is not honoured: "
    ) as caught:
        _ask(**{name: ["x"]})
    assert caught.value.param == name
    assert isinstance(caught.value, UnsupportedParamsError)


def test_arguments_nobody_knows_are_the_providers() -> None:
    """As in LiteLLM: they go into the body; what is for loggers or deployments does not."""
    told: list[Any] = []
    litellm.input_callback = [told.append]
    with scripted("Hello") as script:
        litellm.completion(
            MODEL, SAY, api_key=KEY, safe_mode=1, metadata={"a": 1}, rpm=5, id="x", temperature=1
        )
    body = script.calls[0].request.json()
    assert body["safe_mode"] == 1
    assert body["temperature"] == 1
    assert not {"metadata", "rpm", "id"} & body.keys()
    assert told[0]["optional_params"] == {"temperature": 1, "safe_mode": 1}


def test_keys_are_the_providers() -> None:
    """``groq_key`` is for Groq alone; ``api_key`` is for all that have none."""
    litellm.groq_key, litellm.api_key = KEY + "1", KEY + "2"
    with scripted("a", "b", "c") as script:
        litellm.completion("groq/llama-3.1-8b-instant", SAY)
        litellm.completion(MODEL, SAY)
        litellm.completion(MODEL, SAY, api_key=KEY)
    sent = [call.request.headers["authorization"] for call in script.calls]
    assert len(set(sent)) == 3 or set(sent) == {"Bearer <redacted>"}


# --- answers and streams -------------------------------------------------------------------------


def test_what_litellm_puts_beside_an_answer(base: str) -> None:
    """``_hidden_params``, headers and times; a cost that is not known is ``None``, never 0."""
    answer = litellm.completion(MODEL, SAY, api_base=base, api_key=KEY, temperature=0.5)
    hidden = answer._hidden_params
    assert hidden["api_base"] == base
    assert hidden["litellm_model_name"] == MODEL
    assert hidden["optional_params"] == {"temperature": 0.5}
    assert hidden["additional_headers"]["llm_provider-content-type"] == "application/json"
    assert answer._response_ms >= hidden["litellm_overhead_time_ms"] >= 0
    assert "content-type" in answer._response_headers
    hidden["mine"] = 1
    assert answer._hidden_params["mine"] == 1
    dear = litellm.completion("openai/unheard-of", SAY, api_base=base, api_key=KEY)
    assert dear._hidden_params["response_cost"] is None
    assert float(answer.cost.total or 0) == hidden["response_cost"] > 0


def test_answers_are_made_by_programs() -> None:
    """Tests make them by hand, and custom providers fill an empty one in."""
    empty = ModelResponse()
    empty.choices[0].message.content = "filled"
    empty.usage = litellm.Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
    assert empty["choices"][0]["message"]["content"] == "filled"
    message = litellm.Message(content="x", role="assistant")
    made = ModelResponse(id="1", model="m", choices=[litellm.Choices(message=message, index=0)])
    assert made.choices[0].message.content == "x"
    assert made._hidden_params["response_cost"] is None
    assert GenericStreamingChunk(text="x")["text"] == "x"


def test_a_stream_is_of_either_colour(base: str) -> None:
    """It can be left early, and closes what it reads from."""
    to = {"api_base": base, "api_key": KEY, "stream": True}

    async def main() -> str:
        async with await litellm.acompletion(MODEL, SAY, **to) as stream:
            assert isinstance(stream, CustomStreamWrapper)
            async for _ in stream:  # type: ignore[attr-defined]
                break
        return str(stream.response_uptil_now)

    assert asyncio.run(main()) == ""
    litellm.include_cost_in_streaming_usage = True
    with litellm.completion(MODEL, SAY, stream_options={"include_usage": True}, **to) as stream:
        last = list(stream)[-1]
    assert last.usage.cost == stream._hidden_params["response_cost"] > 0
    assert stream.received_finish_reason == "stop"
    assert litellm.stream_chunk_builder([]) is None


# --- exceptions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (422, "UnprocessableEntityError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
        (502, "BadGatewayError"),
        (503, "ServiceUnavailableError"),
    ],
)
def test_a_status_is_litellms_exception(status: int, name: str) -> None:
    """Of both libraries' classes, with LiteLLM's attributes, through ``pickle``, too."""
    with scripted(status), pytest.raises(getattr(litellm, name)) as caught:
        litellm.completion(MODEL, SAY, api_key=KEY, num_retries=0)
    error = caught.value
    assert type(error) is getattr(litellm.exceptions, name)
    assert isinstance(error, errors.for_status(status))
    assert (error.status_code, error.llm_provider, error.model) == (status, "openai", "gpt-4o-mini")
    assert error.response.status_code == status  # type: ignore[attr-defined]
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(again), again.status_code, str(again)) == (type(error), status, str(error))


def test_errors_that_litellm_has_no_name_for_are_of_both() -> None:
    """The nearest of LiteLLM's, and llmkit's own."""
    error = litellm.exceptions.adopted(errors.UnknownModelError("which?"))
    assert isinstance(error, litellm.BadRequestError)
    assert isinstance(error, errors.UnknownModelError)
    assert error.status_code == 400  # type: ignore[attr-defined]
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert type(again) is type(error)
    store = errors.StoreError("full")
    assert litellm.exceptions.adopted(store) is store
    assert type(store) is errors.StoreError


def test_programs_make_exceptions() -> None:
    """With LiteLLM's arguments, in its order."""
    limit = litellm.RateLimitError("slow", "openai", "gpt", category="vendor_rate_limit")
    assert (limit.message, limit.llm_provider, limit.model) == ("slow", "openai", "gpt")
    bad = litellm.BadRequestError("bad", "gpt", "openai", body={"a": 1})
    assert (bad.model, bad.llm_provider, bad.response.json()) == ("gpt", "openai", {"a": 1})
    assert litellm.Timeout("late", "m", "p").status_code == 408
    assert litellm.APIError(418, "tea", "p", "m").status_code == 418
    broken = litellm.MidStreamFallbackError("cut", "m", "p", generated_content="half")
    assert (broken.generated_content, broken.is_pre_first_chunk) == ("half", False)
    shape = litellm.JSONSchemaValidationError("m", "p", "{}", "schema")
    assert (shape.raw_response, shape.schema) == ("{}", "schema")
    with pytest.raises(TypeError, match="at most"):
        litellm.RateLimitError(*range(20))


def test_other_calls_are_mocked_by_what_stands_for_their_answer() -> None:
    """A text, a vector, an address; and a timeout that was waited for."""
    assert litellm.text_completion("x", MODEL, mock_response="t").choices[0].text == "t"
    answer = litellm.responses("x", MODEL, mock_response="r")
    assert answer.output[0]["content"][0]["text"] == "r"
    vectors = litellm.embedding("openai/e", ["x"], mock_response=[0.5])
    assert vectors.data[0].embedding == [0.5]
    picture = litellm.image_generation(
        "x", "openai/gpt-image-1", mock_response="https://x.test/p.png"
    )
    assert picture.data[0].url == "https://x.test/p.png"
    with pytest.raises(litellm.Timeout):
        _ask(mock_timeout=True, timeout=0.001)
    with pytest.raises(litellm.MockException):
        _ask(mock_response=ValueError("mine"))


# --- loggers -------------------------------------------------------------------------------------


def test_a_logger_that_fails_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; the next one is told, and the answer handed out."""
    told: list[Any] = []

    class Failing(CustomLogger):
        @override
        def log_success_event(self, *_: Any) -> None:
            raise ValueError("mine")

    litellm.callbacks = [Failing(), lambda *given: told.append(given)]
    with caplog.at_level(logging.ERROR, "llmkit"):
        assert _ask().choices[0].message.content == "ok"
    assert "log_success_event failed: ValueError: mine" in caplog.text
    assert len(told) == 2  # of the request and of the answer


def test_loggers_by_name_are_llmkits_sinks(tmp_path: Path) -> None:
    """A name that nobody has would otherwise be told nothing, in silence."""
    litellm.success_callback = ["lagnfuse"]
    with pytest.raises(litellm.BadRequestError, match="lagnfuse"):
        _ask()
    litellm.success_callback = [5]
    with pytest.raises(litellm.BadRequestError, match="cannot be called"):
        _ask()
    path = tmp_path / "calls.jsonl"
    litellm.success_callback = [f"jsonl:{path}"]
    _ask()
    sink(f"jsonl:{path}").flush()
    assert json.loads(path.read_text(encoding="utf-8"))["outcome"] == "mocked"


def test_answers_are_kept(base: str, tmp_path: Path) -> None:
    """``litellm.cache``, with LiteLLM's arguments; another setting ends it."""
    to = {"api_base": base, "api_key": KEY}
    litellm.enable_cache(
        type="disk", disk_cache_dir=str(tmp_path), supported_call_types=["acompletion"]
    )
    try:
        first, second = (litellm.completion(MODEL, SAY, **to) for _ in range(2))
        third = litellm.completion(MODEL, SAY, cache={"no-cache": True}, **to)
    finally:
        litellm.cache.close()
        litellm.disable_cache()
    hits = [one._hidden_params["cache_hit"] for one in (first, second, third)]
    assert hits == [None, True, None]
    assert second._hidden_params["response_cost"] == 0.0
    assert litellm.cache is None
    with pytest.raises(ConfigurationError, match="s3_bucket_name"):
        litellm.Cache(s3_bucket_name="x")
    with pytest.raises(ConfigurationError, match="local, disk, redis"):
        litellm.Cache(type="qdrant-semantic")


def test_several_are_asked_at_once() -> None:
    """Answers in their order, failures among them, each told to the loggers; the first of several models."""
    told: list[Any] = []
    litellm.success_callback = [lambda kwargs, *_: told.append(kwargs["model"])]
    many = litellm.batch_completion(MODEL, [SAY, SAY], mock_response="ok", max_workers=2)
    assert [one.choices[0].message.content for one in many] == ["ok", "ok"]
    assert isinstance(many[0], ModelResponse)
    failed = litellm.batch_completion(MODEL, [SAY], mock_response="litellm.RateLimitError")
    assert isinstance(failed[0], litellm.RateLimitError)
    later = asyncio.run(litellm.abatch_completion(MODEL, [SAY, SAY], mock_response="ok"))
    assert len(later) == 2
    models = ["openai/gpt-4o", MODEL]
    first = litellm.batch_completion_models(models=models, messages=SAY, mock_response="ok")
    assert first.choices[0].message.content == "ok"
    every = litellm.batch_completion_models_all_responses(
        models=models, messages=SAY, mock_response="x"
    )
    assert [one.model for one in every] == ["gpt-4o", "gpt-4o-mini"]
    with pytest.raises(litellm.RateLimitError):
        litellm.batch_completion_models(
            models=models, messages=SAY, mock_response="litellm.RateLimitError"
        )
    assert told.count("gpt-4o-mini") >= 5


def test_failures_before_a_call_are_told() -> None:
    """Each ends once, though nothing was asked."""
    told: list[Any] = []
    litellm.failure_callback = [lambda kwargs, *_: told.append(kwargs["exception"])]
    with pytest.raises(litellm.BadRequestError):
        litellm.completion("nowhere-known/m", SAY)
    with pytest.raises(litellm.RateLimitError):
        _ask(mock_response="litellm.RateLimitError")
    assert [type(error).__name__ for error in told] == ["LiteLLMUnknownProvider", "RateLimitError"]


def test_texts_are_kept_from_loggers() -> None:
    """``turn_off_message_logging``, and ``no-log`` for a call."""
    told: list[Any] = []
    litellm.success_callback = [lambda kwargs, *_: told.append(kwargs)]
    litellm.turn_off_message_logging = True
    _ask()
    _ask(**{"no-log": True})
    (kwargs,) = told
    flat = kwargs["standard_logging_object"]
    assert flat["messages"] == flat["response"] == "redacted-by-litellm"


# --- names ---------------------------------------------------------------------------------------


def test_what_is_absent_says_what_to_use() -> None:
    """By attribute, by ``from … import``, in a submodule; what LiteLLM has not is as anywhere."""
    with pytest.raises(AttributeError, match=r"create_fine_tuning_job is not in llmkit: .*SDK"):
        litellm.create_fine_tuning_job  # noqa: B018
    assert not hasattr(litellm, "create_assistants")
    with pytest.raises(ImportError, match=r"get_optional_params is not in llmkit: .*dry_run"):
        from llmkit.compat.litellm.utils import get_optional_params  # noqa: F401
    with pytest.raises(ConfigurationError, match="fine-tuning"):
        litellm.create_fine_tuning_job  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'completoin'"):
        litellm.completoin  # noqa: B018


def test_messages_in_anthropics_form(base: str) -> None:
    """``litellm.anthropic.messages`` of any provider, of either colour, streamed or not."""
    asked: Any = {
        "model": MODEL,
        "messages": SAY,
        "max_tokens": 9,
        "api_base": base,
        "api_key": KEY,
    }
    assert litellm.anthropic.messages.create(**asked)["content"][0]["type"] == "text"

    async def main() -> list[str]:
        stream = await litellm.anthropic.messages.acreate(**asked, stream=True)
        return [event.type async for event in stream]

    assert asyncio.run(main())[0] == "message_start"
    with scripted(429), pytest.raises(litellm.RateLimitError):
        litellm.anthropic.messages.create(**asked, num_retries=0)


def test_lists_and_shapes_of_litellms(base: str) -> None:
    """Models by provider, its OpenAI-like client, deployments and policies of its classes."""
    assert "gpt-4o-mini" in litellm.open_ai_chat_completion_models
    assert set(litellm.models_by_provider["openai"]) == {*litellm.open_ai_chat_completion_models}
    assert litellm.LlmProviders.OPENAI in litellm.provider_list
    assert MODEL in litellm.model_list
    chat = litellm.LiteLLM(api_key=KEY, base_url=base).chat
    assert chat.completions.create(model=MODEL, messages=SAY).choices[0].message.content
    params = litellm.LiteLLM_Params(model=MODEL, api_base=base, api_key=KEY)
    made = litellm.Router(
        [litellm.Deployment(model_name="g", litellm_params=params)],
        retry_policy=litellm.RetryPolicy(RateLimitErrorRetries=0),
    )
    assert made.completion("g", SAY).model
    with scripted(429), pytest.raises(litellm.RateLimitError):
        made.completion("g", SAY)
