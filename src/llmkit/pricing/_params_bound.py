"""What the parameters of a call do to its cost, in every dialect's names: one table, and what it leads to.

A field that is not in the table makes the call unbounded: nobody knows what it bills. What the values
amount to is in ``_bound``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ._prompt_bound import TOOL_TOKENS, Meter, mapping
from ._rates import Unpriceable

__all__ = ["FREE", "LENGTHS", "Wishes", "take"]


class Wishes:
    """What was asked for, as far as it has a price; of several values the dearest is kept.

    ``limits``: tokens of one answer, ``budgets``: of its thinking. ``open``: whether a limit was taken
    back, or none was said as the provider reads it, so that none holds. ``counts``: answers wanted.
    ``tiers``: service tiers as spelled. ``facts``: values of what rates can depend on.
    ``made``: kinds of output (``"audio"``).
    """

    __slots__ = (
        "budgets", "counts", "facts", "heeded", "limits", "made", "meter", "open", "path", "predicted",
        "schemas", "tiers",
    )  # fmt: skip

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.limits: list[int] = []
        self.budgets: list[int] = []
        self.open = False
        self.counts: list[int] = []
        self.tiers: set[str] = set()
        self.facts: dict[str, set[str]] = {}
        self.made: set[str] = set()
        self.predicted = 0
        self.schemas = False
        self.path: tuple[str, ...] = ()
        """Where in the request the field is that is being read."""
        self.heeded: Callable[[], frozenset[tuple[str, ...]]] | None = None
        """Tells where the provider looks for a limit; elsewhere it may be passed over."""

    @property
    def n(self) -> int:
        """How many answers to each prompt; asked for none, one may be made all the same."""
        return max([1, *self.counts]) if self.counts else 1

    @property
    def settled(self) -> tuple[tuple[str, str], ...]:
        """The facts that are known: of what was said twice, differently, nothing is."""
        found = ((key, next(iter(v))) for key, v in self.facts.items() if len(v) == 1)
        return tuple(sorted(found))


def take(wishes: Wishes, params: Iterable[tuple[Any, Any]], *, sent_as_is: bool = False) -> None:
    """Read parameters. ``sent_as_is``: they go out as they are, so that a ``None`` takes back what was said.

    Raises:
        Unpriceable: what one of them costs cannot be said.
    """
    for name, value in params:
        act = _TABLE.get(name) or _TABLE.get(_snake(name))
        if value is None:
            if sent_as_is and act in _TAKEN_BACK:
                wishes.open = True
        elif act is None:
            raise Unpriceable(f"{name!s:.80}: what this field costs is not known")
        else:
            act(wishes, str(name), value)


def _snake(name: object) -> str:
    """``maxOutputTokens`` as ``max_output_tokens``."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", str(name)).lower()


# --- what a field does ---------------------------------------------------------------------


def _free(wishes: Wishes, name: str, value: Any) -> None:
    """It bills nothing."""


def _text(wishes: Wishes, name: str, value: Any) -> None:
    wishes.meter.content(value)


def _shown(wishes: Wishes, name: str, value: Any) -> None:
    wishes.meter.tokens += wishes.meter.data(value, name)


def _schema(wishes: Wishes, name: str, value: Any) -> None:
    # A word names a format ("mp3"), it is no schema.
    wishes.schemas = wishes.schemas or not isinstance(value, str)
    wishes.meter.tokens += wishes.meter.schema(value, name)


def _messages(wishes: Wishes, name: str, value: Any) -> None:
    wishes.meter.messages(value)


def _limit(wishes: Wishes, name: str, value: Any) -> None:
    count = _count(name, value)
    # Zero, at some, means that there is no limit.
    wishes.limits.append(count)
    passed_over = wishes.heeded is not None and (*wishes.path, name) not in wishes.heeded()
    wishes.open = wishes.open or count == 0 or passed_over


def _several(wishes: Wishes, name: str, value: Any) -> None:
    wishes.counts.append(_count(name, value))


def _tier(wishes: Wishes, name: str, value: Any) -> None:
    wishes.tiers.add(_word(name, value))


def _region(wishes: Wishes, name: str, value: Any) -> None:
    wishes.facts.setdefault("region", set()).add(_word(name, value))


def _fact(wishes: Wishes, name: str, value: Any) -> None:
    if isinstance(value, int | float):
        return  # how fast a voice speaks: no rate depends on a number
    wishes.facts.setdefault(name, set()).add(_word(name, value))


def _kinds(wishes: Wishes, name: str, value: Any) -> None:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise Unpriceable(f"{name} is not a list")
    wishes.made.update(str(kind).lower() for kind in value)


def _predicted(wishes: Wishes, name: str, value: Any) -> None:
    """It is in the prompt, and what of it is not taken is billed as an answer beside the limit."""
    size = wishes.meter.data(value, name)
    wishes.predicted += size
    wishes.meter.tokens += size


def _inside(wishes: Wishes, name: str, value: Any) -> None:
    """Fields within a field; where it is a text, it may be one to be read or spoken."""
    if isinstance(value, str):
        wishes.meter.content(value)
    elif not isinstance(value, bool | int):
        outer, wishes.path = wishes.path, (*wishes.path, name)
        take(wishes, mapping(value, name).items(), sent_as_is=True)
        wishes.path = outer


def _reasoning(wishes: Wishes, name: str, value: Any) -> None:
    """How much to think, which is within the limit of the answer unless ``output_limit`` knows better."""
    for key in _BUDGETS & value.keys() if isinstance(value, Mapping) else ():
        if value[key] is not None and value[key] != -1:
            wishes.budgets.append(_count(key, value[key]))
    odd = [] if isinstance(value, str | bool) else mapping(value, name).keys() - _THINKING
    if odd:
        raise Unpriceable(f"{name}.{min(odd)!s:.80}: {_TIMES}")


def _marked(wishes: Wishes, name: str, value: Any) -> None:
    wishes.meter.marked = True


def _off(why: str) -> Callable[[Wishes, str, Any], None]:
    """What cannot be bounded, unless it is turned off."""

    def refuse(wishes: Wishes, name: str, value: Any) -> None:
        if value not in (False, "", "none", "off", "disabled", [], ()):
            raise Unpriceable(f"{name}: {why}")

    return refuse


def _never(why: str) -> Callable[[Wishes, str, Any], None]:
    """What cannot be bounded; even an empty value asks for it."""

    def refuse(wishes: Wishes, name: str, value: Any) -> None:
        raise Unpriceable(f"{name}: {why}")

    return refuse


def _tools(wishes: Wishes, name: str, value: Any) -> None:
    if isinstance(value, str | bytes) or not isinstance(value, list | tuple):
        raise Unpriceable(f"{name} is not a list")
    for tool in value:
        wishes.meter.tokens += TOOL_TOKENS + _own(tool)
    if value:
        _schema(wishes, name, value)


def _choice(wishes: Wishes, name: str, value: Any) -> None:
    """How tools are to be used; Bedrock has the tools themselves in there."""
    inner = mapping(value, name)
    for key, held in inner.items():
        if key == "tools":
            _tools(wishes, key, held)
        elif key not in _CHOICES:
            raise Unpriceable(f"{name}.{key!s:.80}: what this field costs is not known")
    _shown(wishes, name, inner)


_CHOICES: Final = frozenset({
    "toolChoice", "tool_choice", "functionCallingConfig", "function_calling_config", "retrievalConfig",
    "retrieval_config",
})  # fmt: skip


def _language(wishes: Wishes, name: str, value: Any) -> None:
    if "multi" in (value if isinstance(value, list | tuple) else (value,)):
        raise Unpriceable(f"{name}: to hear several languages may cost more than to hear one")


def _own(tool: object) -> int:
    """Tokens of a tool's description that the provider has itself. Raises for one that it runs itself, too."""
    given = mapping(tool, "a tool")
    kind = given.get("type", "function")
    if not isinstance(kind, str):
        raise Unpriceable("a tool has no type")
    if kind.startswith(_CLIENT_TOOLS):
        return _CLIENT_TOOL_TOKENS
    if kind not in _OWN_TOOLS or not _DESCRIBED.issuperset(given):
        odd = kind if kind not in _OWN_TOOLS else next(k for k in given if k not in _DESCRIBED)
        raise Unpriceable(f"the tool {odd!s:.80} runs at the provider, or is not known here")
    inner = given.get("function")
    if isinstance(inner, Mapping) and inner.get("type", "function") != "function":
        raise Unpriceable("a function with a type of its own may run at the provider")
    return 0


_OWN_TOOLS: Final = frozenset({"function", "custom"})
# Described by the provider, run by the caller. Anthropic's page on tool use has at most 735 tokens for one
# beside 500 before them; 1842 were seen in a request with a computer, 1577 with a memory.
_CLIENT_TOOLS: Final = ("bash_", "computer_2", "text_editor_", "memory_")
_CLIENT_TOOL_TOKENS: Final = 4096
_DESCRIBED: Final = frozenset({
    "type", "function", "custom", "name", "description", "parameters", "input_schema", "strict", "format",
    "cache_control", "input_examples", "eager_input_streaming", "allowed_callers", "defer_loading",
    "functionDeclarations", "function_declarations", "toolSpec", "cachePoint",
})  # fmt: skip


def _count(name: str, value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unpriceable(f"{name}={value!r:.80} is not a count")
    return int(value)


def _word(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Unpriceable(f"{name}={value!r:.80} is not a word")
    return str(value)


_BUDGETS: Final = frozenset({"max_tokens", "budget_tokens", "thinking_budget", "thinkingBudget"})
_THINKING: Final = frozenset({
    "effort", "summary", "generate_summary", "enabled", "exclude", "max_tokens", "type", "budget_tokens",
    "display", "thinking_budget", "thinkingBudget", "include_thoughts", "includeThoughts", "thinking_level",
    "thinkingLevel", "keep", "clear_thinking",
})  # fmt: skip
_SEARCH = "a search adds pages to the prompt"
_STORED = "what is stored at the provider joins the prompt"
_RUNS = "it runs inside the call"
_ROUTE = "it may choose another model or host, of another price"
_BESIDE = "it may be billed beside the rest"
_TIMES = "it may ask the model several times"

_Act = Callable[[Wishes, str, Any], None]
_ACTS: tuple[tuple[_Act, str], ...] = (
    (
        _free,
        """
        temperature top_p top_k top_a min_p typical_p presence_penalty frequency_penalty
        repetition_penalty repeat_penalty stop stop_sequences stop_token_ids seed
        random_seed user user_id metadata labels store stream stream_options logprobs
        top_logprobs prompt_logprobs response_logprobs logit_bias prompt_cache_key
        prompt_cache_retention safety_identifier parallel_tool_calls
        disable_parallel_tool_use verbosity reasoning_effort effort summary generate_summary
        thinking_budget enable_thinking include_reasoning reasoning_format reasoning_split
        truncation background include max_tool_calls anthropic_version
        anthropic_beta betas safety_settings audio speech_config response_mime_type
        request_id echo return_prompt skip_special_tokens do_sample ignore_eos
        encoding_format dimensions output_dimensionality input_type output_dtype
        embedding_types user_location request_metadata citation_options keep_alive raw think
        p k safety_mode strict_tools return_documents top_n rank_fields max_tokens_per_doc
        max_chunks_per_doc return_token_ids style output_compression
        moderation aspect_ratio task timestamp_granularities chunking_strategy
        voice stream_format sample_rate normalized late_chunking
        output_dimension num_ctx clear_thinking usage
        """,
    ),
    (_text, "system system_instruction instructions suffix preamble title"),
    (_shown, "tool_choice function_call"),
    (_choice, "tool_config"),
    (_language, "language languages"),
    (
        _schema,
        """
        response_format output_format format json_schema response_schema
        response_json_schema guided_json grammar output_schema chat_template_kwargs
        """,
    ),
    (_tools, "tools functions"),
    (_messages, "messages"),
    (
        _limit,
        """
        max_tokens max_completion_tokens max_output_tokens max_new_tokens max_gen_len
        max_tokens_to_sample num_predict max_token_count max_output_length
        """,
    ),
    (_several, "n best_of candidate_count num_generations num_return_sequences"),
    (_tier, "service_tier"),
    (_region, "inference_geo"),
    (_fact, "speed size quality resolution"),
    (_kinds, "modalities response_modalities"),
    (_predicted, "prediction"),
    (
        _inside,
        """
        generation_config inference_config text_generation_config text output_config options
        parameters additional_model_request_fields
        """,
    ),
    (_reasoning, "reasoning thinking thinking_config reasoning_config"),
    (_marked, "cache_control prompt_cache_options"),
    (_never(_SEARCH), "web_search_options"),
    (
        _off(_SEARCH),
        """
        search_parameters web_search web_plugin plugins documents data_sources
        retrieval_config connectors search_queries_only enable_search search_recency_filter
        """,
    ),
    (
        _off(_STORED),
        """
        previous_response_id conversation conversation_id cached_content prompt chat_history
        context_management session_id task_budget
        """,
    ),
    (_off(_RUNS), "mcp_servers container server_tools compound_custom agent agents"),
    (_off(_ROUTE), "model models route fallbacks provider provider_options transforms inference_profile"),
    (_off(_TIMES), "num_beams use_beam_search"),
    (_off("it changes what a picture costs"), "media_resolution"),
    (_off(_BESIDE), "guardrail_config performance_config diarize keywords multichannel safe_prompt"),
)  # fmt: skip
_TABLE: Final[Mapping[Any, _Act]] = {name: act for act, names in _ACTS for name in names.split()}
FREE: Final = frozenset(name for name, act in _TABLE.items() if act is _free)
"""Names of what bills nothing, whatever it says."""
LENGTHS: Final = frozenset(name for name, act in _TABLE.items() if act is _limit)
"""Names of what limits an answer."""
_TAKEN_BACK: Final = frozenset({_limit, _inside})
