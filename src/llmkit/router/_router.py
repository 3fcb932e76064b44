"""``Router``: calls for groups of deployments. What it does is in its parents, by theme; here is how it is made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from typing_extensions import override

from .._control.routing.arguments import Given
from .._control.routing.config import configured
from .._given import catalogue_of
from .._io._config import Config, read_config, tell
from .._settlements import Store
from ..errors import ConfigurationError
from ._caching import cache_in
from ._checking import Checking
from ._several import Several

__all__ = ["Router"]


class Router(Several, Checking):
    """Every call of a ``Client``, for groups of deployments: it goes to one of a group, and to others where that fails.

    ``Router(model_list=[{"model_name": "fast", "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": …}}, …])``
    takes what LiteLLM's router takes, and ``Deployment``s; then ``router.completion("fast", messages)``.

    Args:
        model_list: the deployments.
        store: where limits, places and cooldowns are kept for several processes: a ``SQLiteStore``,
            ``PostgresStore`` or ``RedisStore``; ``redis_url=…`` is one of the latter. By default this process keeps
            them for itself.
        **how: see ``llmkit.router.RouterOptions``; and every keyword of a ``Client``.

    Raises:
        ConfigurationError: a keyword is not honoured, or a value is wrong; the message says what to do.
    """

    _manages: ClassVar[bool] = True

    @classmethod
    def from_config(
        cls,
        path: str | os.PathLike[str] | Mapping[str, Any],
        *,
        store: Store | None = None,
        environ: Mapping[str, str] | None = None,
        catalogue: Any = None,
        budget: Any = None,
        **how: Any,
    ) -> Self:
        """A router of LiteLLM's ``config.yaml`` (or the same as JSON, TOML, or a mapping).

        What is not honoured is logged once, and is in ``router.report``, key by key, with the reason.

        Args:
            path: the file.
            store: as of ``Router``.
            environ: where ``os.environ/NAME`` is looked up; by default the process's environment.
            catalogue: as of ``Router``.
            budget: as of ``Router``; or a function that makes one of the budgets that the file says.
            **how: keywords of ``Router`` that go before the file's.

        Raises:
            ConfigurationError: the file cannot be read, or something in it is wrong.
        """
        if not isinstance(path, str | os.PathLike | Mapping):
            raise ConfigurationError(
                f"a configuration is a file's path or a mapping, not {type(path).__name__}"
            )
        config = Config(dict(path), ()) if isinstance(path, Mapping) else read_config(path)
        environ, known = os.environ if environ is None else environ, catalogue_of(catalogue)
        clients = {name: how.pop(name) for name in tuple(how) if name in _CLIENTS}
        sections, notes = config
        if "cache" not in clients:
            sections, clients["cache"], more = cache_in(sections, environ)
            notes = (*notes, *more)
        told = configured(
            sections,
            how,
            environ=environ,
            catalogue=known,
            budget=None if callable(budget) else budget,
            notes=notes,
        )
        if callable(budget):
            budget = budget(told.budgets)
        tell(told.report, "the configuration" if isinstance(path, Mapping) else path)
        made = cls.__new__(cls)
        made._set_up(told, store, budget=budget, catalogue=known, **clients)  # noqa: SLF001 - one's own
        return made

    @override
    def _set_up(self, told: Given, store: Store | None, **how: Any) -> None:
        super()._set_up(told, store, **how)
        self._begin_checks()

    def _repr_html_(self) -> str:
        from ._looks import router_page  # noqa: PLC0415 - only in notebooks

        return router_page(repr(self), self.deployments())

    @override
    def __repr__(self) -> str:
        table, settings = self._table, self._table.settings
        many = f"groups={len(table.groups)}, deployments={len(table.deployments)}"
        name = getattr(settings.strategy, "name", settings.strategy)
        return f"{type(self).__name__}({many}, strategy={name!r:.80})"


_CLIENTS = frozenset({
    "billing", "cache", "callbacks", "cert", "clock", "hooks", "http2", "http_client", "ledger", "max_parallel",
    "proxy", "retry", "transport", "verify",
})  # fmt: skip
