"""``map`` and ``amap``: one call for each of many rows."""

from __future__ import annotations

import os
from typing import Any, Literal, overload

from .._control.mapping.results import MapPlan, MapResults
from .._mapping._run import Asked, arun, run

__all__ = ["amap", "map"]


@overload
def map(  # noqa: A001 - what it is called everywhere
    rows: Any,
    fn_or_prompt: Any = None,
    *,
    dry_run: Literal[False] = False,
    call: str | None = None,
    client: Any = None,
    budget: Any = None,
    max_cost: Any = None,
    concurrency: int = 8,
    checkpoint: str | os.PathLike[str] | None = None,
    version: str = "",
    unknown: Literal["redo", "keep"] = "redo",
    progress: Any = None,
    raise_errors: bool = False,
    **params: Any,
) -> MapResults: ...
@overload
def map(  # noqa: A001
    rows: Any, fn_or_prompt: Any = None, *, dry_run: Literal[True], **how: Any
) -> MapPlan: ...
def map(  # noqa: A001
    rows: Any, fn_or_prompt: Any = None, *, dry_run: bool = False, **how: Any
) -> MapResults | MapPlan:
    """Ask for each of many rows, several at a time; results in the rows' order, errors kept with their rows.

    ``llmkit.map(reviews, "Is this review kind? {text}", model="openai/gpt-4o-mini", max_tokens=5, budget="0.50",
    checkpoint="kind.sqlite")``. It blocks, also within a running event loop (a notebook); Ctrl-C ends all calls.

    Args:
        rows: dicts, texts or anything else, in a list or an iterator; or a data frame or a column of pandas or polars.
        fn_or_prompt: a prompt (``"Translate {text}"``), messages, or a dict of arguments, with gaps for columns
            (``{row}``: a row that has none); a call (``llmkit.embedding``, ``client.completion``), which takes
            rows as they are; or your function of a row.
        dry_run: whether to send nothing, and return a ``MapPlan`` instead.
        **how: what follows.
        call: which call is made with a prompt: ``"completion"``, ``"embedding"`` …
        client: the ``Client`` or ``Router`` that is asked; by default the module's.
        budget: an amount in USD for the whole of it, earlier runs of the checkpoint included. The most that the rows
            to do can cost is worked out first, and nothing is sent where that is more; tries that come on top (retries,
            fallbacks) are held to it, too. Or a ``BudgetManager``, which holds each try by itself.
        max_cost: the most that one row costs, in USD, where it is a function's: nobody can work that out.
        concurrency: how many rows are asked at a time.
        checkpoint: a file that keeps what was answered. With the same rows, prompt and parameters again, what it has is
            not asked again; rows that failed, and those that changed, are.
        version: changes when something does that neither rows nor parameters nor the function's own code show.
        unknown: rows that a run began, which was killed then, may have been paid though nothing is kept: ``redo``
            asks again, ``keep`` leaves them with an ``OutcomeUnknownError``. Either way ``notes`` names them.
        progress: ``True``, ``False``, a function of a ``MapProgress``; by default a bar where tqdm is installed and
            somebody can see it.
        raise_errors: whether the first row that fails ends all the others, and is raised.
        **params: what the call takes besides, such as ``model=`` and ``max_tokens=``; your own function's keywords.

    Raises:
        ConfigurationError: an argument is wrong, or no row has a column that the prompt names. Nothing was sent.
        BudgetExceededError, UnboundedCostError: there is no room, or the most is not known; nothing was sent.
        StoreUnavailableError: another run has the checkpoint.
    """
    return run(_asked(rows, fn_or_prompt, {**how, "dry_run": dry_run}))


@overload
async def amap(
    rows: Any,
    fn_or_prompt: Any = None,
    *,
    dry_run: Literal[False] = False,
    call: str | None = None,
    client: Any = None,
    budget: Any = None,
    max_cost: Any = None,
    concurrency: int = 8,
    checkpoint: str | os.PathLike[str] | None = None,
    version: str = "",
    unknown: Literal["redo", "keep"] = "redo",
    progress: Any = None,
    raise_errors: bool = False,
    **params: Any,
) -> MapResults: ...
@overload
async def amap(
    rows: Any, fn_or_prompt: Any = None, *, dry_run: Literal[True], **how: Any
) -> MapPlan: ...
async def amap(
    rows: Any, fn_or_prompt: Any = None, *, dry_run: bool = False, **how: Any
) -> MapResults | MapPlan:
    """``map`` for async code, on asyncio or trio; a function may be async. Whoever cancels it cancels all calls.

    Args:
        rows: dicts, texts or anything else, in a list or an iterator; or a data frame or a column of pandas or polars.
        fn_or_prompt: a prompt (``"Translate {text}"``), messages, or a dict of arguments, with gaps for columns
            (``{row}``: a row that has none); a call (``llmkit.embedding``, ``client.completion``), which takes
            rows as they are; or your function of a row.
        dry_run: whether to send nothing, and return a ``MapPlan`` instead.
        **how: what follows.
        call: which call is made with a prompt: ``"completion"``, ``"embedding"`` …
        client: the ``Client`` or ``Router`` that is asked; by default the module's.
        budget: an amount in USD for the whole of it, earlier runs of the checkpoint included. The most that the rows
            to do can cost is worked out first, and nothing is sent where that is more; tries that come on top (retries,
            fallbacks) are held to it, too. Or a ``BudgetManager``, which holds each try by itself.
        max_cost: the most that one row costs, in USD, where it is a function's: nobody can work that out.
        concurrency: how many rows are asked at a time.
        checkpoint: a file that keeps what was answered. With the same rows, prompt and parameters again, what it has is
            not asked again; rows that failed, and those that changed, are.
        version: changes when something does that neither rows nor parameters nor the function's own code show.
        unknown: rows that a run began, which was killed then, may have been paid though nothing is kept: ``redo``
            asks again, ``keep`` leaves them with an ``OutcomeUnknownError``. Either way ``notes`` names them.
        progress: ``True``, ``False``, a function of a ``MapProgress``; by default a bar where tqdm is installed and
            somebody can see it.
        raise_errors: whether the first row that fails ends all the others, and is raised.
        **params: what the call takes besides, such as ``model=`` and ``max_tokens=``; your own function's keywords.

    Raises:
        ConfigurationError: an argument is wrong, or no row has a column that the prompt names. Nothing was sent.
        BudgetExceededError, UnboundedCostError: there is no room, or the most is not known; nothing was sent.
        StoreUnavailableError: another run has the checkpoint.
    """
    return await arun(_asked(rows, fn_or_prompt, {**how, "dry_run": dry_run}))


_ARGUMENTS = frozenset(Asked.__slots__) - {"rows", "what", "params"}


def _asked(rows: Any, what: Any, how: dict[str, Any]) -> Asked:
    """The arguments, told apart from the call's."""
    ours = {name: how.pop(name) for name in _ARGUMENTS & how.keys()}
    return Asked(rows, what, how, **ours)
