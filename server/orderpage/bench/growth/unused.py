"""Whether extensions that are installed and that no layer uses cost anything: two processes, one with a thousand more.

``python -m orderpage.bench.growth.unused`` is such a process: it prints what it has found and how much CPU finding and
compiling took; each line in is a number of pages to render; the line out is the CPU they took.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from orderpage.api.from_proto import render_request
from orderpage.bench.figures import middle, paired
from orderpage.bench.measured import ServerDied
from orderpage.bench.pinned_page import BUYER, pinned_memory, pinned_plans, pinned_renderer, pinned_request
from orderpage.bench.saying import say
from orderpage.engine.discover import EXTENSIONS, offered_extensions

UNUSED = 1000
_SECONDS = 30.0


class UnusedFigures(msgspec.Struct, frozen=True):
    """``render``: the one with more over the one without, median of paired rounds. ``start_ms``: CPU more at start."""

    render: float
    start_ms: float


def measure_unused(rounds: int, calls: int, say: Callable[[str], None]) -> UnusedFigures:
    """Render in both processes by turns. Raises ``ServerDied`` where one ends early."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _install(folder, UNUSED)
        few, more = stack.enter_context(_process()), stack.enter_context(_process(folder))
        if more.offered - few.offered != UNUSED:
            raise ServerDied(f"{UNUSED} extensions were installed, but {more.offered - few.offered} were found")
        cost: dict[Any, list[float]] = {few: [], more: []}
        for number in range(rounds):
            for process in (few, more) if number % 2 else (more, few):
                cost[process].append(process.render(calls))
    figures = UnusedFigures(paired(cost[more], cost[few]), middle([(more.start_s - few.start_s) * 1000]))
    say(f"{UNUSED} unused extensions: Render x {figures.render}, start {figures.start_ms:+} ms CPU")
    return figures


class _Other:
    """A running process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        said = self._hear()
        self.offered, self.start_s = int(said["offered"]), float(said["start_s"])

    def render(self, pages: int) -> float:
        """CPU seconds for so many pages."""
        if self._process.stdin is None:
            raise ServerDied("the measured process has no standard input")
        self._process.stdin.write(f"{pages}\n")
        self._process.stdin.flush()
        return float(self._hear()["cpu_s"])

    def _hear(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise ServerDied("the measured process ended; run python -m orderpage.bench.growth.unused to see why")
        said: dict[str, Any] = json.loads(line)
        return said


@contextmanager
def _process(folder: Path | None = None) -> Iterator[_Other]:
    """A process of its own that also finds what is installed in ``folder``; ended with the block."""
    environment = dict(os.environ)
    if folder is not None:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), str(folder))))
    command = (sys.executable, "-m", "orderpage.bench.growth.unused")
    process = subprocess.Popen(  # noqa: S603  # our own program
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield _Other(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()


def _install(folder: Path, count: int) -> None:
    """A distribution that offers so many extensions. There is no code: whoever imports one of them fails."""
    info = folder / "orderpage_bench_unused-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orderpage-bench-unused\nVersion: 1.0\n")
    rows = "".join(f"unused.number_{index} = orderpage_bench_unused:Number{index}\n" for index in range(count))
    (info / "entry_points.txt").write_text(f"[{EXTENSIONS}]\n{rows}")


def main() -> None:
    """Find, compile, then render as told until standard input ends."""
    started = time.process_time()
    renderer = pinned_renderer(pinned_memory(), pinned_plans())
    say({"start_s": time.process_time() - started, "offered": len(offered_extensions())})
    request = render_request(pinned_request())

    async def render(pages: int) -> float:
        begun = time.thread_time()
        for _ in range(pages):
            await renderer.render(request, BUYER.buyer_id, time.monotonic() + _SECONDS)
        return time.thread_time() - begun

    uvloop.run(render(20))  # to warm up
    for line in sys.stdin:
        say({"cpu_s": uvloop.run(render(int(line)))})


if __name__ == "__main__":
    main()
