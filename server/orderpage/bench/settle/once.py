"""A process that settles one day, and says how long that took and how much memory it had at the most."""

import asyncio
import sys
import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec

from orderpage.adapters.sql.database import open_database
from orderpage.adapters.sql.settlement import SqlSettlement
from orderpage.bench.serve.account import peak_mb

_SECONDS = 600.0


class Once(msgspec.Struct, frozen=True):
    """What it says, as JSON on a line."""

    statements: int
    seconds: float
    peak_mb: float


async def settle_once(url: str, day: date) -> Once:
    """Settle the day in one pass."""
    database = await open_database(url, connections=1, seconds=_SECONDS)
    try:
        started = time.perf_counter()
        settled = await SqlSettlement(database, ZoneInfo("UTC")).settle(day, datetime.now(UTC))
        seconds = time.perf_counter() - started
    finally:
        await database.close()
    return Once(len(settled.statements), seconds, peak_mb())


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(settle_once(sys.argv[1], date.fromisoformat(sys.argv[2])))))
