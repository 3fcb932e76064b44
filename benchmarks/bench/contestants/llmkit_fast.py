"""llmkit over pyreqwest (the extra ``fast``), with a kept client."""

from __future__ import annotations

from bench.contestants import llmkit as plain


class Sync(plain.Sync):
    """``Client(transport="reqwest")``."""

    transport = "reqwest"


class Async(plain.Async):
    """The same."""

    transport = "reqwest"
