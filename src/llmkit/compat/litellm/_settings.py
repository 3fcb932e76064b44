"""LiteLLM's module settings: which are honoured, which have nothing left to do, and which are refused or warned of.

They are the compat layer's own. ``llmkit``'s functions see none of them; the compat layer's calls read them when they
are made. Nothing is called here.
"""

from __future__ import annotations

import sys
import warnings
from types import FunctionType, ModuleType
from typing import Any, Final, cast

from typing_extensions import override

from ...errors import ConfigurationError

__all__ = ["BUDGET", "Settings", "UnhonouredSettingWarning", "outside", "setting"]


class UnhonouredSettingWarning(UserWarning):
    """A setting of LiteLLM's was changed that changes nothing here."""


HONOURED: Final[dict[str, Any]] = {
    "aclient_session": None,
    "api_base": None,
    "api_key": None,
    "api_version": None,
    "cache": None,
    "callbacks": [],
    "client_session": None,
    "content_policy_fallbacks": None,
    "context_window_fallbacks": None,
    "custom_provider_map": [],
    "default_fallbacks": None,
    "drop_params": False,
    "failure_callback": [],
    "fallbacks": None,
    "headers": None,
    "include_cost_in_streaming_usage": False,
    "input_callback": [],
    "model_alias_map": {},
    "model_fallbacks": None,
    "num_retries": None,
    "openai_errors": False,
    "organization": None,
    "request_timeout": None,
    "set_verbose": False,
    "ssl_certificate": None,
    "ssl_verify": True,
    "success_callback": [],
    "turn_off_message_logging": False,
    "vertex_location": None,
    "vertex_project": None,
}
"""What the calls heed, and what each is at first; beside these the keys: ``openai_key``, ``groq_key`` …"""

_MOOT: Final[dict[str, Any]] = {
    "aiohttp_trust_env": False,
    "allow_dynamic_callback_disabling": True,
    "caching": False,
    "caching_with_models": False,
    "check_provider_endpoint": False,
    "disable_aiohttp_transport": False,
    "disable_aiohttp_trust_env": False,
    "disable_hf_tokenizer_download": None,
    "disable_stop_sequence_limit": False,
    "email": None,
    "enable_json_schema_validation": False,
    "filter_invalid_headers": False,
    "in_memory_llm_clients_cache": None,
    "log_client_error_tracebacks": False,
    "redact_messages_in_exceptions": False,
    "redact_user_api_key_info": False,
    "retry": True,
    "return_response_headers": False,
    "safe_memory_mode": False,
    "suppress_debug_info": False,
    "telemetry": True,
    "token": None,
    "use_aiohttp_transport": True,
    "use_client": False,
}
"""What asks for something that is always so here, or that there is none of: nothing is said of them."""

_UNHEEDED: Final[dict[str, tuple[Any, str]]] = {
    "add_function_to_prompt": (False, "tools are never written into the prompt: the provider must take them"),
    "custom_prompt_dict": ({}, "prompts are made by the provider: give messages"),
    "json_logs": (False, "logging is the application's: give the logger 'llmkit' a handler"),
    "max_tokens": (4096, "pass max_tokens= with the call"),
    "modify_params": (False, "messages are never changed: what a provider does not take is an error"),
    "service_callback": ([], "there are no services behind this"),
}  # fmt: skip
"""What changes nothing, with what to do instead; it warns."""

_REFUSED: Final[dict[str, tuple[Any, str]]] = {
    "cost_discount_config": ({}, "give your own prices: register_model, or input_cost_per_token= with the call"),
    "cost_margin_config": ({}, "give your own prices: register_model, or input_cost_per_token= with the call"),
    "post_call_rules": ([], "give llmkit.Client(hooks=[…]) an object with after_call"),
    "pre_call_rules": ([], "give llmkit.Client(hooks=[…]) an object with before_call"),
    "proxy_auth": (None, "give the key as api_key="),
    "secret_manager_client": (None, "give the key as api_key=, which may be a function"),
    "use_litellm_proxy": (False, "call the gateway by its address: api_base= and custom_llm_provider='openai'"),
}  # fmt: skip
"""What others would take for granted (a check, a price, a way): setting it raises."""

_KEYS: Final = ("_key", "_api_key")
_FIRST: Final = {
    **HONOURED,
    **_MOOT,
    **{n: first for n, (first, _) in _UNHEEDED.items()},
    **{n: first for n, (first, _) in _REFUSED.items()},
}
_values: dict[str, Any] = {}


def setting(name: str) -> Any:
    """A setting as it is now. A list or a dict is the one that ``append`` and its kin change."""
    if name not in _values and name in _FIRST:
        first = _FIRST[name]
        if not isinstance(first, list | dict):
            return first
        _values[name] = first.copy()
    return _values.get(name)


def put(name: str, value: Any) -> None:
    """Set a setting, from within."""
    _values[name] = value


def is_setting(name: str) -> bool:
    """Whether LiteLLM has, or somebody has set, such a setting; keys of providers are any ``…_key``."""
    known = name in _FIRST or name in _values
    return known or (name.endswith(_KEYS) and not name.startswith(("_", "get_")))


class _Standing:
    """The budget of all calls."""

    limit: float = 0.0
    duration: str | None = None
    manager: Any = None


BUDGET: Final = _Standing()


class Settings(ModuleType):
    """A module whose settings are looked at when they are set."""

    @property
    def max_budget(self) -> float:
        """Most USD that all calls of this module may cost; 0 for no limit."""
        return BUDGET.limit

    @max_budget.setter
    def max_budget(self, limit: float | None) -> None:
        _limit(limit or 0.0, BUDGET.duration)

    @property
    def budget_duration(self) -> str | None:
        """Over what time: ``"30s"`` … ``"30d"`` roll, ``"1mo"`` is the calendar's month; ``None`` is for ever."""
        return BUDGET.duration

    @budget_duration.setter
    def budget_duration(self, duration: str | None) -> None:
        _limit(BUDGET.limit, duration)

    @property
    def _current_cost(self) -> float:
        """What the calls have cost within ``budget_duration`` since ``max_budget`` was set first."""
        if BUDGET.manager is None:
            return 0.0
        (status,) = BUDGET.manager.check_budget().limits
        return float(status.spent)

    @_current_cost.setter
    def _current_cost(self, cost: float) -> None:
        if BUDGET.manager is None:
            raise ConfigurationError("set max_budget first: without it, costs are not added up")
        BUDGET.manager.reset()
        if cost:
            BUDGET.manager.update_spend(cost)

    @override
    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(getattr(type(self), name, None), property) or _of_the_module(
            self, name, value
        ):
            super().__setattr__(name, value)
        elif name == "model_cost":
            raise ConfigurationError(
                "model_cost is the catalogue: add to it with register_model, or model_cost[name] = {…}"
            )
        else:
            _check(name, value)
            _values[name] = value

    @override
    def __delattr__(self, name: str) -> None:
        if name in _values:
            del _values[name]
        else:
            super().__delattr__(name)


def _of_the_module(module: ModuleType, name: str, value: Any) -> bool:
    """Whether it is no setting: what the import system says, a submodule, a function that somebody replaces."""
    known = cast("list[str]", module.__dict__.get("__all__", ()))
    return (
        (name[:2] == "__" or isinstance(value, ModuleType | FunctionType)) and name not in _FIRST
    ) or (name in known and name != "model_cost")


def _check(name: str, value: Any) -> None:
    first, why = _REFUSED.get(name, (None, ""))
    if why and value and value != first:
        raise ConfigurationError(f"litellm.{name} is not honoured: {why}")
    if name in HONOURED or name in _MOOT or name.endswith(_KEYS):
        return
    first, why = _UNHEEDED.get(name, (None, "see docs/migration.md"))
    if value and value != first:
        warnings.warn(
            f"litellm.{name} is not honoured: {why}",
            UnhonouredSettingWarning,
            stacklevel=outside(),
        )


def outside() -> int:
    """How many frames up from its caller the program is, and not this package: whom a warning shall point at."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 - warnings has no other way in Python 3.11
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        level, frame = level + 1, frame.f_back
    return level


def _limit(limit: float, duration: str | None) -> None:
    from ...budget import Budget, BudgetManager  # noqa: PLC0415 - few set them

    if limit:
        budget = Budget(limit, duration)
        if BUDGET.manager is None:
            BUDGET.manager = BudgetManager()
        BUDGET.manager.remove_budget()
        BUDGET.manager.set_budget(budget)
    BUDGET.limit, BUDGET.duration = limit, duration
