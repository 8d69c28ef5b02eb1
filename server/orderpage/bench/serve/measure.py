"""``orderpage bench serve``: how soon the real server is ready, and what a process of it weighs."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import msgspec

from orderpage.adapters.sql.urls import is_postgresql
from orderpage.bench.collector import collecting
from orderpage.bench.load import Sent, load_on
from orderpage.bench.serve.account import memory
from orderpage.bench.serve.served import served

BUYER_ID = "b-demo"
_IN_FLIGHT = 8
_TRACE_RATIO = "0.01"


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """One life of a server. Times are from its start until SERVING: on the wall, and of its own CPU.

    Memory is in megabytes, when it was ready and after some pages (``_after_``); ``pss`` counts a page that n processes
    share as one n-th, and is None where the system does not tell.
    """

    ready_s: float
    ready_cpu_s: float
    rss_mb: float
    pss_mb: float | None
    rss_after_mb: float
    pss_after_mb: float | None


class ServeFigures(Start, frozen=True, kw_only=True):
    """Medians over the starts: first with metrics and traces off, then (``telemetry_``) with both on.

    ``ready_best_s`` is the fastest of those with both off: on a machine that others use, the one they left alone.
    """

    ready_best_s: float
    telemetry_ready_s: float
    telemetry_ready_cpu_s: float
    telemetry_rss_mb: float
    telemetry_pss_mb: float | None
    telemetry_rss_after_mb: float
    telemetry_pss_after_mb: float | None
    database: str
    starts: int
    renders: int


async def measure_serve(
    url: str, request: bytes, starts: int, renders: int, say: Callable[[str], None]
) -> ServeFigures:
    """Start so many servers on the database ``url``, by turns without and with telemetry, and render on each.

    One of each is started beforehand and not counted: it leaves compiled modules behind, as an installation does.
    """
    off, on = list[Start](), list[Start]()
    with TemporaryDirectory(prefix="orderpage-bytecode-") as folder:
        async with collecting() as collector:
            plain, telemetry = {"database": url}, {"database": url, **_telemetry(collector.endpoint)}
            for settings in (plain, telemetry):
                await _start(settings, Path(folder), request, 1)
            for number in range(starts):
                off.append(await _start(plain, Path(folder), request, renders))
                on.append(await _start(telemetry, Path(folder), request, renders))
                say(f"start {number + 1} of {starts}: {_short(off[-1])}; with telemetry {_short(on[-1])}")
    with_telemetry = {f"telemetry_{name}": value for name, value in _medians(on).items()}
    database = "postgresql" if is_postgresql(url) else "sqlite"
    about = {
        "ready_best_s": round(min(start.ready_s for start in off), 2),
        "database": database,
        "starts": starts,
        "renders": renders,
    }
    return msgspec.convert({**_medians(off), **with_telemetry, **about}, ServeFigures)


def _telemetry(endpoint: str) -> dict[str, str]:
    return {"metrics": "127.0.0.1:0", "otlp_endpoint": endpoint, "trace_ratio": _TRACE_RATIO}


async def _start(settings: Mapping[str, str], bytecode: Path, request: bytes, renders: int) -> Start:
    async with served(settings, bytecode=bytecode) as server:
        ready = memory(server.pid)
        async with load_on(server.port) as load:
            await load.burst("Render", [Sent(request, BUYER_ID)] * renders, _IN_FLIGHT)
        after = memory(server.pid)
        return Start(
            ready_s=server.ready_s,
            ready_cpu_s=server.ready_cpu_s,
            rss_mb=ready.rss_mb,
            pss_mb=ready.pss_mb,
            rss_after_mb=after.rss_mb,
            pss_after_mb=after.pss_mb,
        )


def _medians(starts: Sequence[Start]) -> dict[str, float | None]:
    """Field by field; None where any of them is."""
    medians: dict[str, float | None] = {}
    for name in Start.__struct_fields__:
        values = [getattr(start, name) for start in starts]
        medians[name] = None if None in values else round(median(values), 2)
    return medians


def _short(start: Start) -> str:
    return f"{start.ready_s:.2f} s ({start.ready_cpu_s:.2f} s CPU), {start.rss_mb:.0f}–{start.rss_after_mb:.0f} MB"
