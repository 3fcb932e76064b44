"""Cassettes: exchanges with a provider, recorded at the HTTP boundary and played back without a network.

`_recorder` and `_player` are taps of the drivers; the rest is pure: what is written, hidden, compared and read.
"""

from __future__ import annotations

from ._modes import cassette, record, replay
from ._player import Player
from ._recorder import Recorder

__all__ = ["Player", "Recorder", "cassette", "record", "replay"]
