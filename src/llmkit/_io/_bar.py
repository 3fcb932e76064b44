"""The progress bar: tqdm's, where it is installed and somebody watches. It knows nothing of what progresses."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from ..errors import ConfigurationError

__all__ = ["Bar", "in_kernel", "progress_bar"]


def in_kernel() -> bool:
    """Whether a notebook's kernel runs this."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None and hasattr(shell, "get_ipython") else None
    return hasattr(found, "kernel")


class Bar:
    """A bar, or none."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def moved(self, by: int, said: str) -> None:
        """So many more are done, and this is said beside."""
        if self._bar is not None:
            self._bar.set_postfix_str(said, refresh=False)
            self._bar.update(by)

    def close(self) -> None:
        """Show it as it is, and leave it there."""
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()


def progress_bar(total: int, *, wanted: bool | None) -> Bar:
    """A bar of so many rows. ``None``: where tqdm is installed, and there is a terminal or a notebook.

    Raises:
        ConfigurationError: one is wanted, and tqdm is not installed.
    """
    watched = wanted or (wanted is None and (in_kernel() or sys.stderr.isatty()))
    if not watched or not total:
        return Bar(None)
    if importlib.util.find_spec("tqdm") is None:
        if wanted:
            raise ConfigurationError(
                "a progress bar needs tqdm: pip install 'llmkit[notebook]', or progress=False"
            )
        return Bar(None)
    return Bar(_quiet(_kind())(total=total, unit="row", dynamic_ncols=True))


def _kind() -> Any:
    if in_kernel() and importlib.util.find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm as widget  # noqa: PLC0415 - an extra

        return widget
    from tqdm.std import tqdm  # noqa: PLC0415 - an extra

    return tqdm


def _quiet(kind: Any) -> Any:
    """The same without the thread that tqdm leaves running."""
    return type("tqdm", (kind,), {"monitor_interval": 0})
