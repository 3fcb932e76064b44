"""What the simulated Gemini refuses in `tools` and `toolConfig`.

Pure. A schema's own language is the business of `_check_schema`, or of JSON Schema where it is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..._schema import shape_fault
from ._check_schema import schema_faults
from ._refusal import bad_request

__all__ = ["check_tools", "declared", "json_schema_faults", "tool_faults"]

_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
# The modes that a list of allowed names goes with.
_NAMING: Final = ("ANY", "VALIDATED")


def declared(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every function declaration of *request*, whichever tool it stands in."""
    return [each for tool in request.get("tools", ()) for each in _declarations(tool)]


def _declarations(tool: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(tool.get("functionDeclarations", ()))


def tool_faults(request: Mapping[str, Any]) -> Iterator[str]:
    """A line for each fault of *request*'s tools, as a validator finds them."""
    for index, tool in enumerate(request.get("tools", ())):
        for position, function in enumerate(_declarations(tool)):
            where = f"tools[{index}].function_declarations[{position}]"
            yield from _function_faults(function, where)


def _function_faults(function: Mapping[str, Any], where: str) -> Iterator[str]:
    if not _NAME.fullmatch(function.get("name", "")):
        yield (
            f"{where}.name: Invalid function name. Must start with a letter or an underscore. Must be "
            "alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a "
            "maximum length of 64."
        )
    if "parameters" in function and "parametersJsonSchema" in function:
        yield f"{where}: parameters and parameters_json_schema must not both be set."
    yield from _parameters_faults(function.get("parameters", {}), f"{where}.parameters")
    if "parametersJsonSchema" in function:
        path = f"{where}.parameters_json_schema"
        yield from json_schema_faults(function["parametersJsonSchema"], path)


def _parameters_faults(schema: Mapping[str, Any], where: str) -> Iterator[str]:
    if schema and schema.get("type") != "OBJECT":
        yield f"{where}.type: must be OBJECT"
    elif schema:
        yield from schema_faults(schema, where, outer=True)


def json_schema_faults(schema: Any, where: str) -> Iterator[str]:
    """The line for what is no JSON Schema about *schema*, if anything is."""
    if not isinstance(schema, dict):
        yield f"{where}: must be a JSON schema object"
    elif fault := shape_fault(schema):
        yield f"{where}: {fault}"


def check_tools(request: Mapping[str, Any], *, vertex: bool) -> None:
    """Raise the `Refusal` that tools deserve which do not go together; return if they are fine."""
    names = [function["name"] for function in declared(request)]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise bad_request(f"Duplicate function declaration found: {repeated}")
    config = request.get("toolConfig", {})
    _check_choice(config.get("functionCallingConfig", {}), names)
    builtin = any(
        kind != "functionDeclarations" for tool in request.get("tools", ()) for kind in tool
    )
    if names and builtin and not vertex and not config.get("includeServerSideToolInvocations"):
        raise bad_request(
            "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools "
            "with Function calling."
        )


def _check_choice(config: Mapping[str, Any], names: list[str]) -> None:
    mode, allowed = config.get("mode", "UNSPECIFIED"), config.get("allowedFunctionNames", ())
    if not names and (allowed or mode in _NAMING):
        raise bad_request("Function calling config is set without function_declarations.")
    if allowed and mode not in _NAMING:
        raise bad_request("allowed_function_names may be set only with mode ANY or VALIDATED.")
    if unknown := [name for name in allowed if name not in names]:
        listed = ", ".join(unknown)
        raise bad_request(f"allowed_function_names has names without a declaration: {listed}.")
