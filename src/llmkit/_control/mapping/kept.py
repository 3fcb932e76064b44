"""Results as text, and back: answers of llmkit's with their cost, and plain values. No pickle: a file is no program."""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from ..._call import CallInfo
from ..._cost import Cost
from ...errors import ConfigurationError, StoreError
from ...types.answer import Answer
from ..structured import parse_answer

__all__ = ["read_value", "written"]

_TAG: Final = "~"
_PLAIN: Final = (str, bool, int, float, type(None))
_TYPES: Final = "llmkit.types."
_INFO: Final = (
    "id",
    "provider",
    "model",
    "request_id",
    "group",
    "deployment",
    "kind",
    "started",
    "seconds",
)


def written(value: Any) -> str:
    """A result as text.

    Raises:
        ConfigurationError: it holds something that would not come back as what it is.
    """
    return json.dumps(_tagged(value), ensure_ascii=False, separators=(",", ":"))


def read_value(text: str, wanted: type | None = None) -> Any:
    """The result that ``written`` wrote; ``wanted`` is the class that answers are instances of (``response_format``).

    Raises:
        StoreError: it was not written by this version of llmkit, or is damaged.
    """
    try:
        return _untagged(json.loads(text), wanted)
    except (ValueError, KeyError, TypeError, ArithmeticError, AttributeError, ImportError) as error:
        raise StoreError(f"a result in the checkpoint cannot be read: {error}") from None


def _tagged(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if type(value) is list:
        return [_tagged(one) for one in value]
    if type(value) is dict and all(type(name) is str for name in value):
        made = {name: _tagged(one) for name, one in value.items()}
        return {_TAG: "dict", "of": made} if _TAG in made else made
    return _rarer(value)


def _rarer(value: Any) -> dict[str, Any]:
    if type(value) is tuple:
        return {_TAG: "tuple", "of": [_tagged(one) for one in value]}
    if type(value) is bytes:
        return {_TAG: "bytes", "of": base64.b64encode(value).decode()}
    if type(value) is Decimal:
        return {_TAG: "Decimal", "of": str(value)}
    if type(value) in (datetime, date):
        return {_TAG: type(value).__name__, "of": value.isoformat()}
    if isinstance(value, Cost):
        return {_TAG: "Cost", "of": value.to_dict()}
    if isinstance(value, Answer):
        return _answer(value)
    raise ConfigurationError(
        f"a checkpoint keeps plain values and llmkit's answers, not {type(value).__name__}: return its "
        "fields as a dict (for a pydantic object, .model_dump())"
    )


def _answer(value: Answer) -> dict[str, Any]:
    kind = type(value)
    if not kind.__module__.startswith(_TYPES):
        raise ConfigurationError(f"a checkpoint keeps llmkit's own answers, not {kind.__name__}")
    fields = {
        name: getattr(value, name) for name, field in kind.model_fields.items() if field.exclude
    }
    info = value.call
    return {
        _TAG: "answer",
        "type": f"{kind.__module__.removeprefix(_TYPES)}:{kind.__name__}",
        "of": value.model_dump(mode="json", exclude=_unkept(value)),
        "beside": _tagged(fields),
        "call": {name: getattr(info, name) for name in _INFO},
        "cost": value.cost.to_dict(),
    }


def _unkept(value: Answer) -> Any:
    """What is made anew of the rest when it is read: ``parsed``."""
    return {"choices": {"__all__": {"message": {"parsed"}}}} if hasattr(value, "choices") else None


def _untagged(value: Any, wanted: type | None) -> Any:
    if isinstance(value, list):
        return [_untagged(one, wanted) for one in value]
    if not isinstance(value, Mapping):
        return value
    if _TAG not in value:
        return {name: _untagged(one, wanted) for name, one in value.items()}
    if value[_TAG] == "answer":
        return _restored(value, wanted)
    return _READ[value[_TAG]](value["of"])


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "dict": lambda of: {name: _untagged(one, None) for name, one in of.items()},
    "tuple": lambda of: tuple(_untagged(one, None) for one in of),
    "bytes": base64.b64decode,
    "Decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "Cost": Cost.from_dict,
}


def _restored(kept: Mapping[str, Any], wanted: type | None) -> Answer:
    module, _, name = kept["type"].partition(":")
    # Of ours alone: what stands in a file loads nothing else.
    if not module.isidentifier():
        raise ValueError(f"{module!r} is no module of answers")
    kind = getattr(importlib.import_module(_TYPES + module), name)
    if not (isinstance(kind, type) and issubclass(kind, Answer)):
        raise TypeError(f"{name!r} is no answer")
    beside = _untagged(kept["beside"], None)
    answer: Answer = kind.model_validate({**kept["of"], **beside})
    answer.came(CallInfo(**kept["call"]), Cost.from_dict(kept["cost"]))
    if wanted is not None and hasattr(answer, "choices"):
        parse_answer(answer, wanted)  # type: ignore[arg-type]
    return answer
