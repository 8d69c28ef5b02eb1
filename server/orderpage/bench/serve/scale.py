"""``orderpage bench serve --workers-scale``: pages a second from one worker and from two, in alternating rounds.

Two workers can only give twice as much where the machine has processors to spare: the load and the database want
theirs too. So the figures say who used the machine, and what two workers would give with a processor each.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import mean, median

import msgspec

from orderpage.bench.measured import ServerDied
from orderpage.bench.serve.account import cores, machine_cpu_seconds, memory
from orderpage.bench.serve.load_process import Done, Task
from orderpage.bench.serve.measure import BUYER_ID
from orderpage.bench.serve.served import Served, served

CHANNELS = 8
"""Connections of each load process: the kernel deals connections out to workers, so a few would not be fair."""

_IN_FLIGHT = 2
_WARM_UP = 0.5
"""Of a round's seconds, before the first round."""


class ScaleFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the rounds; ``two_over_one`` is the median of each round's own ratio of pages a second.

    ``two_over_one_cpu`` is twice the ratio of pages a CPU second: what two workers would give if each, and the load,
    and the database, had a processor to itself. Shares are of all the machine's ``cores``, while two workers ran:
    of the load, of the workers, and of everything together. ``cores_for_workers`` is how many processors the others
    left: below two, two workers cannot give twice as much, however good they are. ``fairness`` is the quieter worker's
    CPU over the busier's, ``watcher_rss_mb`` the process that watches the workers.
    """

    two_over_one: float
    two_over_one_cpu: float
    one_rps: float
    two_rps: float
    one_cpu_us: float
    two_cpu_us: float
    load_cpu_us: float
    load_cpu_share: float
    workers_cpu_share: float
    machine_cpu_share: float
    cores_for_workers: float
    fairness: float
    worker_rss_mb: float
    worker_pss_mb: float | None
    watcher_rss_mb: float
    cores: int
    load_processes: int
    rounds: int


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One round of one server. CPU in seconds: of each worker, of the load, of the whole machine in ``wall_s``."""

    calls: int
    rps: float
    workers_s: tuple[float, ...]
    load_s: float
    machine_s: float
    wall_s: float

    @property
    def cpu_us(self) -> float:
        """Of the workers, a page."""
        return sum(self.workers_s) * 1e6 / self.calls


async def measure_scale(
    url: str, request: bytes, rounds: int, seconds: float, load_processes: int, say: Callable[[str], None]
) -> ScaleFigures:
    """Both servers run on the PostgreSQL database ``url`` all the time; each round asks one after the other."""
    ones, twos = list[Round](), list[Round]()
    async with (
        served({"database": url}) as one,
        served({"database": url}, workers=2) as two,
        _loads(load_processes) as loads,
    ):
        for server in (one, two):
            await _round(server, loads, request, seconds * _WARM_UP)
        for number in range(rounds):
            for server in (one, two) if number % 2 else (two, one):
                (ones if server is one else twos).append(await _round(server, loads, request, seconds))
            say(f"round {number + 1} of {rounds}: {ones[-1].rps:.0f} pages a second by one, {twos[-1].rps:.0f} by two")
        return scale_figures(ones, twos, two, load_processes)


async def _round(server: Served, loads: Sequence["_LoadProcess"], request: bytes, seconds: float) -> Round:
    task = Task(server.port, seconds, CHANNELS, _IN_FLIGHT, request, BUYER_ID)
    workers, machine, began = server.worker_cpu_seconds(), machine_cpu_seconds(), time.perf_counter()
    done = await asyncio.gather(*(load.perform(task) for load in loads))
    wall = time.perf_counter() - began
    used = server.worker_cpu_seconds()
    return Round(
        calls=sum(each.calls for each in done),
        rps=sum(each.calls / each.seconds for each in done),
        workers_s=tuple(after - before for before, after in zip(workers, used, strict=True)),
        load_s=sum(each.cpu_s for each in done),
        machine_s=machine_cpu_seconds() - machine,
        wall_s=wall,
    )


def scale_figures(ones: Sequence[Round], twos: Sequence[Round], two: Served, load_processes: int) -> ScaleFigures:
    """What the rounds of one worker and of two, in pairs, say; memory is what ``two`` holds now."""
    pairs, held = list(zip(ones, twos, strict=True)), [memory(pid) for pid in two.workers]
    there = cores()
    return ScaleFigures(
        two_over_one=round(median(two.rps / one.rps for one, two in pairs), 3),
        two_over_one_cpu=round(median(2 * one.cpu_us / two.cpu_us for one, two in pairs), 3),
        one_rps=round(median(each.rps for each in ones), 1),
        two_rps=round(median(each.rps for each in twos), 1),
        one_cpu_us=round(median(each.cpu_us for each in ones), 1),
        two_cpu_us=round(median(each.cpu_us for each in twos), 1),
        load_cpu_us=round(median(each.load_s * 1e6 / each.calls for each in twos), 1),
        load_cpu_share=round(median(each.load_s / each.wall_s / there for each in twos), 3),
        workers_cpu_share=round(median(sum(each.workers_s) / each.wall_s / there for each in twos), 3),
        machine_cpu_share=round(median(each.machine_s / each.wall_s / there for each in twos), 3),
        cores_for_workers=round(median(_left(each) for each in twos), 2),
        fairness=round(median(min(each.workers_s) / max(each.workers_s) for each in twos), 3),
        worker_rss_mb=round(mean(each.rss_mb for each in held), 2),
        worker_pss_mb=_mean([each.pss_mb for each in held]),
        watcher_rss_mb=round(memory(two.pid).rss_mb, 2),
        cores=there,
        load_processes=load_processes,
        rounds=len(pairs),
    )


def _left(seen: Round) -> float:
    """Processors that nobody but the workers used."""
    return cores() - (seen.machine_s - sum(seen.workers_s)) / seen.wall_s


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(mean(known), 2) if len(known) == len(values) else None


class _LoadProcess:
    """A running ``load_process``."""

    def __init__(self, tasks: asyncio.StreamWriter, done: asyncio.StreamReader) -> None:
        self._tasks = tasks
        self._done = done

    async def perform(self, task: Task) -> Done:
        """Raises ``ServerDied`` where it ended: a call of it failed."""
        self._tasks.write(msgspec.json.encode(task) + b"\n")
        line = await self._done.readline()
        if not line:
            raise ServerDied("a load process ended, because a call of it failed; what it says stands above")
        return msgspec.json.decode(line, type=Done)


@asynccontextmanager
async def _loads(count: int) -> AsyncIterator[Sequence[_LoadProcess]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(_load()) for _ in range(count)]


@asynccontextmanager
async def _load() -> AsyncIterator[_LoadProcess]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orderpage.bench.serve.load_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise ServerDied("a load process cannot be talked to")
    try:
        yield _LoadProcess(process.stdin, process.stdout)
    finally:
        process.stdin.close()
        await process.wait()
