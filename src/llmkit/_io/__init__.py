"""Drivers: they perform what flows yield, in both colours. The only importers of httpx, httpcore and anyio.

Nothing is decided here: what to retry, what an error means and what a call costs is settled on lower floors.
"""
