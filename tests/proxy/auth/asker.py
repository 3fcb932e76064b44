"""A process that asks, for each line that it reads, who bears the key in it; and says what it was told."""

from __future__ import annotations

import asyncio
import sys

from llmkit.proxy.auth.bearers import Bearers
from llmkit.proxy.data.database import Database
from llmkit.proxy.failure import Refused
from llmkit.proxy.settings import Settings


async def main(url: str) -> None:
    """Until its input ends."""
    database = Database(url)
    bearers = Bearers(Settings(database_url=url), database)
    made = await asyncio.to_thread(bearers.open)
    say("ready" if made is None else made)
    while key := (await asyncio.to_thread(sys.stdin.readline)).strip():
        try:
            subject = await bearers.subject({"authorization": key}, {})
            say(f"{subject.role} {subject.alias}")
        except Refused as refused:
            say(f"{refused.status} {refused.message}")
    await asyncio.to_thread(bearers.close)
    database.close()


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
