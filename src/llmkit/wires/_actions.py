"""What the wires of kept things (files, batches, caches, models) share: an action is chosen, its parameters named.

No dialect's names: which actions and parameters there are is each wire's own table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._calls import ResourceCall
from .._http import HTTPRequest
from ._params import Ledger

__all__ = ["Acted", "chosen", "named", "no_requests"]

Acted = Callable[..., HTTPRequest]


def chosen(ledger: Ledger, call: ResourceCall, actions: Mapping[str, Any]) -> Any:
    """The entry for the call's action. Raises ``InvalidRequestError`` where the provider has none."""
    if call.action not in actions:
        known = ", ".join(sorted(actions))
        raise ledger.invalid(
            f"{call.provider} cannot {call.action} {call.resource} by its API; what there is: {known}"
        )
    return actions[call.action]


def named(ledger: Ledger, names: Mapping[str, str]) -> dict[str, Any]:
    """The call's parameters under the provider's names; those that are not in ``names`` are refused.

    Raises:
        UnsupportedParamsError: something is not taken, and ``drop_params`` is not set.
    """
    sent: dict[str, Any] = {}
    call = ledger.call
    for name, value in call.params.items():
        if value is None:
            continue
        if name in names or name in call.allowed:
            sent[names.get(name, name)] = value
        else:
            ledger.refuse(name, value)
    ledger.settle()
    return sent


def no_requests(ledger: Ledger, call: ResourceCall) -> None:
    """Refuse calls given at once where a file of them is wanted."""
    if call.params.get("requests") is not None:
        raise ledger.invalid(
            f"{call.provider} takes a batch's calls as a file: create_file(…, purpose='batch'), then "
            "create_batch(input_file_id=…)"
        )
