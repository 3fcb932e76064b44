"""Python to schemas and back: functions as tools, pydantic classes as ``response_format``, answers to instances.

Source of the strict form: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas, read
2026-11-22: every property required, no additional ones, no defaults.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError, create_model

from .._call import Adjustment
from ..errors import InvalidRequestError, JSONSchemaValidationError
from ..types.answer import Answer
from ..types.chat import ChatCompletion

__all__ = ["as_response_format", "as_tools", "function_tool", "parse_answer", "parse_text"]

_FENCE = "```"
_PARAM_LINE = re.compile(r"^\s*(?::param\s+)?(\w+)\s*(?:\([^)]*\))?\s*:\s*(\S.*)$")


def as_tools(tools: Any) -> list[Any]:
    """Turn functions and classes among the tools into OpenAI's form; dicts stay as they are."""
    if isinstance(tools, str | bytes | Mapping) or not isinstance(tools, Sequence):
        raise InvalidRequestError(
            "tools must be a list of dicts, functions or pydantic classes", param="tools"
        )
    return [tool if tool.__class__ is dict else _as_tool(i, tool) for i, tool in enumerate(tools)]


def _as_tool(position: int, tool: Any) -> Any:
    if isinstance(tool, Mapping):
        return tool
    if isinstance(tool, type) and issubclass(tool, BaseModel):
        return _class_tool(tool)
    if callable(tool):
        return function_tool(tool)
    kind = type(tool).__name__
    raise InvalidRequestError(
        f"tools[{position}] must be a dict, a function or a pydantic class, not {kind}"
    )


def _class_tool(model: type[BaseModel]) -> dict[str, Any]:
    described = {"name": model.__name__, "parameters": _inlined_title(model.model_json_schema())}
    if model.__doc__:
        described["description"] = inspect.cleandoc(model.__doc__)
    return {"type": "function", "function": described}


def function_tool(function: Callable[..., Any]) -> dict[str, Any]:
    """Describe a function as a tool: types and defaults from its signature, texts from its docstring.

    Raises:
        InvalidRequestError: a parameter's type has no JSON schema, or the function takes ``*args``.
    """
    name = getattr(function, "__name__", type(function).__name__)
    text, described = _docstring(inspect.getdoc(function) or "")
    fields = {p.name: _field(name, p) for p in _parameters(name, function)}
    try:
        schema = create_model(name, **fields).model_json_schema()  # type: ignore[call-overload]
    except Exception as error:  # noqa: BLE001 - pydantic raises many kinds, and each means the same here
        raise InvalidRequestError(
            f"tool {name}() cannot be described as JSON: {_first(error)}"
        ) from None
    for parameter, line in described.items():
        if parameter in schema.get("properties", {}):
            schema["properties"][parameter].setdefault("description", line)
    made = {"name": name, "parameters": _inlined_title(schema)}
    return {"type": "function", "function": made | ({"description": text} if text else {})}


def _parameters(name: str, function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    except (NameError, TypeError, ValueError) as error:
        raise InvalidRequestError(f"tool {name}(): its signature cannot be read: {error}") from None
    for parameter in parameters:
        if parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
            parameter.POSITIONAL_ONLY,
        ):
            raise InvalidRequestError(
                f"tool {name}() has the parameter {parameter}, which a model cannot give by name"
            )
    return parameters


def _field(name: str, parameter: inspect.Parameter) -> tuple[Any, Any]:
    if parameter.annotation is parameter.empty:
        raise InvalidRequestError(
            f"tool {name}(): annotate the parameter {parameter.name!r} with its type"
        )
    default = ... if parameter.default is parameter.empty else parameter.default
    return parameter.annotation, default


def _docstring(text: str) -> tuple[str, dict[str, str]]:
    """Split a docstring into its text and its descriptions of parameters (Google's or Sphinx's form)."""
    head, _, rest = re.sub(r"\n\s*(Args|Arguments|Parameters)\s*:\s*\n", "\0", text).partition("\0")
    lines = (
        rest.splitlines()
        if rest
        else [li for li in text.splitlines() if li.strip().startswith(":param")]
    )
    found = (_PARAM_LINE.match(line) for line in lines)
    described = {match.group(1): match.group(2).strip() for match in found if match}
    prose = [line for line in head.splitlines() if not line.strip().startswith(":")]
    return "\n".join(prose).strip(), described


def _inlined_title(schema: dict[str, Any]) -> dict[str, Any]:
    """Drop the titles that pydantic writes: they repeat the names and cost tokens."""
    schema.pop("title", None)
    for inner in (*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()):
        if isinstance(inner, dict):
            _inlined_title(inner)
    return schema


def as_response_format(given: Any) -> tuple[Any, type | None, tuple[Adjustment, ...]]:
    """Turn a class into a ``json_schema`` format; return the format, the class, and what was changed."""
    if not isinstance(given, type):
        return given, None, ()
    schema = _schema_of(given)
    strict = _is_closed(schema)
    made = {
        "name": given.__name__,
        "schema": _strictened(schema) if strict else schema,
        "strict": strict,
    }
    changed: tuple[Adjustment, ...] = ()
    if not strict:
        reason = "the class has free-form parts, which strict schemas cannot express"
        changed = (
            Adjustment("response_format.strict", "defaulted", given.__name__, False, reason),
        )
    return {"type": "json_schema", "json_schema": made}, given, changed


def _schema_of(given: type) -> dict[str, Any]:
    try:
        return TypeAdapter(given).json_schema()
    except Exception as error:  # noqa: BLE001 - pydantic raises many kinds, and each means the same here
        raise InvalidRequestError(
            f"{given.__name__} cannot be described as JSON: {_first(error)}"
        ) from None


def _first(error: Exception) -> str:
    """What it says first: pydantic goes on for several lines, and ends with an address."""
    return str(error).strip().partition("\n")[0]


def _is_closed(schema: Any) -> bool:
    """Whether every object in the schema names its properties."""
    if isinstance(schema, list):
        return all(_is_closed(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" and (
        not schema.get("properties") or schema.get("additionalProperties")
    ):
        return False
    if not schema.keys() - {"title", "description", "default"}:
        return False
    parts = [*_subschemas(schema)]
    return all(_is_closed(part) for part in parts)


def _subschemas(schema: Mapping[str, Any]) -> list[Any]:
    named = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    single = [schema[key] for key in ("items",) if isinstance(schema.get(key), dict)]
    several = [
        item for key in ("anyOf", "oneOf", "allOf", "prefixItems") for item in schema.get(key, ())
    ]
    return [*named, *single, *several]


def _strictened(schema: dict[str, Any]) -> dict[str, Any]:
    """Make a closed schema strict, in place: it is freshly made and nobody else's."""
    if "properties" in schema:
        schema["required"] = list(schema["properties"])
        schema["additionalProperties"] = False
    schema.pop("default", None)
    for part in _subschemas(schema):
        _strictened(part)
    return schema


def parse_answer(completion: ChatCompletion, wanted: type) -> None:
    """Set ``message.parsed`` on each choice that answers in JSON; refusals and tool calls stay ``None``.

    Raises:
        JSONSchemaValidationError: a choice does not fit; the error has the whole completion.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(wanted)
    for choice in completion.choices:
        text = choice.message.content
        if choice.message.refusal or not text:
            continue
        try:
            choice.message.parsed = adapter.validate_json(_unfenced(text))
        except ValidationError as error:
            raise _unfit(completion, choice.finish_reason, wanted, error) from None


def parse_text(answer: Answer, text: str, wanted: type) -> Any:
    """The instance that a text is of.

    Raises:
        JSONSchemaValidationError: it does not fit; the error has the whole answer.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(wanted)
    try:
        return adapter.validate_json(_unfenced(text))
    except ValidationError as error:
        raise _unfit(answer, None, wanted, error) from None


def _unfenced(text: str) -> str:
    """Models asked for JSON in words like to put it into a fence."""
    inner = text.strip()
    # No pattern: some models end in white space without end, and patterns try each way to share it out.
    if len(inner) < 2 * len(_FENCE) or not (inner.startswith(_FENCE) and inner.endswith(_FENCE)):
        return text
    return inner.removeprefix(_FENCE).removesuffix(_FENCE).removeprefix("json").strip()


def _unfit(
    completion: Answer, finish: str | None, wanted: type, error: ValidationError
) -> JSONSchemaValidationError:
    problems = "; ".join(
        f"{'.'.join(map(str, p['loc'])) or 'answer'}: {p['msg']}"
        for p in error.errors(include_url=False, include_input=False)[:5]
    )
    hint = " (it was cut off: raise max_tokens)" if finish == "length" else ""
    made = JSONSchemaValidationError(
        f"the answer does not fit {wanted.__name__}{hint}: {problems}",
        status_code=200,
        model=completion.get("model"),
        provider=completion.call.provider or None,
        request_id=completion.call.request_id,
        sent="yes",
    )
    made.completion = completion
    return made
