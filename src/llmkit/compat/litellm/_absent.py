"""LiteLLM's names that are not here: what to use in their place. Names and advice only.

A name that LiteLLM 1.109.1 has and this package has not is an error that says so, never a silent nothing.
"""

from __future__ import annotations

import difflib
import opcode
import re
import sys
from collections.abc import Sequence
from typing import Any, Final

from ...errors import ConfigurationError

__all__ = ["AbsentImportError", "AbsentNameError", "absent", "advice"]


class AbsentNameError(ConfigurationError, AttributeError):
    """A name of LiteLLM's that is not here was asked for; the message says what to use."""


class AbsentImportError(ConfigurationError, ImportError):
    """``AbsentNameError`` for ``from … import``, which would hide another's message."""


_TYPES: Final = "it is for annotations: litellm.types.llms.openai has some, and plain dicts are taken everywhere"
_GATEWAY: Final = "the gateway has what it replaces: see docs/proxy.md"
_SDK: Final = "use the provider's own SDK beside llmkit"
_PROVIDER: Final = "see docs/adding-a-provider.md for how providers are described here"
_SINKS: Final = (
    "agentops", "arize", "athina", "datadog", "helicone.*", "lago", "langfuse", "langsmith", "langtrace", "literal_ai",
    "logfire_logger", "lunary", "mlflow", "newrelic", "openmeter", "opentelemetry", "opik", "posthog", "prompt_layer",
    "s3", "sqs", "supabase", "traceloop", ".*_mock_client",
)  # fmt: skip
_ADVICE: Final[tuple[tuple[str, str], ...]] = (
    (r".*fine_?tun.*", f"llmkit does no fine-tuning: {_SDK}"),
    (
        r"a?(a_)?(add_message|.*assistants?|.*threads?|run_thread(_stream)?|get_messages)|.*Assistant.*|Thread|Run",
        "the assistants API is being switched off by its provider: use responses()",
    ),
    (r".*vector_?store.*|.*VectorStore.*|a?ingest|a?query", f"there are no vector stores here: {_SDK}"),
    (r".*realtime.*|.*Realtime.*", f"there is no realtime voice here: {_SDK}"),
    (r"a?video_.*|.*Video.*", f"there is no video here: {_SDK}"),
    (
        r".*(containers?|evals?|skills?|agents?|agent_versions|sandbox|_tool|_code|_runs?|agentic_loop|container_files?)",
        f"there are no agents, skills, evals or containers here: {_SDK}",
    ),
    (r".*mcp.*|.*MCP.*", "there is no MCP here: use an MCP client, and give its tools as tools="),
    (r"a?run_tool_loop|ToolLoop.*", "write the loop: tool_calls of the answer, tool messages in the next call"),
    (r"a?ocr|a?search|a?extraction|a?decisions|a?systemone|a?compact_responses|compress", _SDK),
    (r"a?generate_content|google_genai|aadapter_.*|adapter_.*|adapters|Adapter.*", "use completion(), or messages()"),
    (r"a?llm_passthrough_route|passthrough.*", "use an HTTP client: nothing would be translated"),
    (
        r"create_tokenizer|create_pretrained_tokenizer|Tokenizer",
        "tokens are counted by public encodings, see token_counter; counts of the provider's: acount_tokens",
    ),
    (r"a?health_check|.*health_check.*", "use a Router: it checks its deployments (docs/router.md)"),
    (r"get_secret.*|.*secret_manager.*|KeyManagement.*", "give the key as api_key=, which may be a function"),
    (
        r"prompt_factory|custom_prompt|register_prompt_template|.*_pt|function_call_prompt|.*[pP]rompt_?[mM]anage.*",
        "prompts are made by the provider: give messages",
    ),
    (r"DualCache|RedisCache|InMemoryCache|.*_cache_instance", "use litellm.Cache, or llmkit.cache"),
    (r"CustomGuardrail|custom_guardrail", "give llmkit.Client(hooks=[…]) an object with before_call and after_call"),
    (r"exception_type", "errors are of this module's classes already: catch them"),
    (r"client", "llmkit.Client is what calls go through; callbacks=[…] are told of them"),
    (r"Logging|LiteLLMLoggingObj", "derive from CustomLogger, and put it into litellm.callbacks"),
    (r"verbose_logger|print_verbose|_?logging", "use the logger 'llmkit' of the standard library's logging"),
    (r"turn_on_debug", "set litellm.set_verbose, or call litellm._turn_on_debug()"),
    (r"turn_on_json", "logging is the application's: give the logger 'llmkit' a handler"),
    (r"(Async)?(HTTPHandler|OpenAI)|Default.*HttpxClient", "set litellm.client_session to an httpx client"),
    (r"get_model_cost_map|add_known_models|model_cost_map_url", "nothing is fetched: use register_model"),
    (r"get_litellm_params|get_optional_params.*|.*_optional_params", "llmkit.completion(dry_run=True) shows them"),
    (r".*(Config|ConfigManager|Handler|Transformation|transformation|_instance|ModelInfo)", _PROVIDER),
    (r".*(ChatCompletion|TextCompletion|Embedding|Rerank|ImageGeneration|LLM|Base)", _PROVIDER),
    (r".*_(chat_completions?|transformation|llms?|embeddings?|transcriptions)", _PROVIDER),
    (r"proxy|router_strategy|scheduler|Scheduler", _GATEWAY),
    (r"config_completion|identify|rust", "there is nothing of the kind here"),
    (r"(async_)?(completion_with_fallbacks|mock_completion_streaming_obj)", "use completion(), with fallbacks="),
    (r"get_hidden_params", "look at _hidden_params of the answer"),
    (r"stream_chunk_builder_text_completion|.*convert_.*_to_.*", "use stream_chunk_builder"),
    (r"should_run_mock_completion|mock_.*", "give mock_response="),
    (r"ChatCompletion\w+|OpenAI\w+|\w+Event|Response\w+|\w+(Param|Params|Object|Request|TypedDict)", _TYPES),
    (r"Router\w+|Routing\w+|\w+Policy|router_\w+", "see docs/router.md for how a Router is told"),
    ("|".join(_SINKS), "sinks are named: litellm.callbacks = ['langfuse'] (docs/telemetry.md)"),
)  # fmt: skip
_COMPILED: Final = tuple((re.compile(pattern), why) for pattern, why in _ADVICE)


def advice(name: str) -> str | None:
    """What to use in place of a name of LiteLLM's; ``None`` for one that it has not, or that nobody wrote for."""
    found = (why for pattern, why in _COMPILED if pattern.fullmatch(name))
    return next(found, None)


def absent(module: str, name: str, known: Sequence[str] = ()) -> Exception:
    """The error for a name that is not here, said so that who asked for it sees it. ``known``: near misses are."""
    if name.startswith("__"):
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    why = advice(name)
    if why is None:
        near = difflib.get_close_matches(name, known, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "docs/litellm-names.md lists all"
        message = f"module {module!r} has no attribute {name!r}; {hint}"
    else:
        message = f"LiteLLM's {name} is not in llmkit: {why}"
    return AbsentImportError(message) if _is_imported() else AbsentNameError(message)


def _is_imported() -> bool:
    """Whether the module is asked by ``from … import name``: Python replaces an ``AttributeError``'s words there.

    The frame outside this package is the one that runs the import; nothing else tells the two apart.
    """
    frame: Any = sys._getframe(1)  # noqa: SLF001 - Python has no other way to see who asks
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(__package__):
        frame = frame.f_back
    code, at = frame.f_code.co_code, frame.f_lasti
    return bool(0 <= at < len(code) and code[at] == opcode.opmap["IMPORT_FROM"])
