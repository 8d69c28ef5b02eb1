"""``orderpage bench settle``: orders settled a second, and what a day with ten times the orders adds to the memory."""

import asyncio
import sys
from collections.abc import Callable
from datetime import date, timedelta
from subprocess import PIPE

import msgspec

from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.urls import is_postgresql
from orderpage.bench.fresh_database import filled
from orderpage.bench.measured import ServerDied
from orderpage.bench.settle.once import Once
from orderpage.bench.settle.trade import write_day

_FIRST = date(2026, 1, 5)
_TIMES = 10


class SettleFigures(msgspec.Struct, frozen=True, kw_only=True):
    """``orders`` were settled in one pass, and a tenth of them, the day before, in a process of its own.

    ``peak_growth_mb`` is how much more memory the process of the larger day had at its most.
    """

    database: str
    orders: int
    statements: int
    settle_s: float
    orders_per_second: int
    tenth_peak_mb: float
    peak_mb: float
    peak_growth_mb: float


async def measure_settle(url: str, orders: int, say: Callable[[str], None]) -> SettleFigures:
    """Measure on an empty database, which is empty again afterwards. Raises as ``filled``, and ``ServerDied``."""
    with filled(url, []):
        days = ((_FIRST, max(1, orders // _TIMES)), (_FIRST + timedelta(days=1), orders))
        for day, many in days:
            say(f"writing {many:,} orders of {day}")
            await asyncio.to_thread(run_command, url, lambda c, day=day, many=many: write_day(c, day, many))
        runs = []
        for day, many in days:
            runs.append(await _in_a_process(url, day))
            say(f"settled {many:,} orders in {runs[-1].seconds:.2f} s, at most {runs[-1].peak_mb:.1f} MB")
    tenth, whole = runs
    return SettleFigures(
        database="postgresql" if is_postgresql(url) else "sqlite",
        orders=orders,
        statements=whole.statements,
        settle_s=round(whole.seconds, 3),
        orders_per_second=round(orders / whole.seconds),
        tenth_peak_mb=tenth.peak_mb,
        peak_mb=whole.peak_mb,
        peak_growth_mb=round(whole.peak_mb - tenth.peak_mb, 1),
    )


async def _in_a_process(url: str, day: date) -> Once:
    command = (sys.executable, "-m", "orderpage.bench.settle.once", url, day.isoformat())
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    said, _ = await process.communicate()
    if process.returncode:
        raise ServerDied(f"the process that settles {day} ended with {process.returncode}; see what it said above")
    return msgspec.json.decode(said, type=Once)
