"""The real ``orderpage serve``, started as an operator starts it, and timed until its health says SERVING."""

import asyncio
import json
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import msgspec
from grpc_health.v1 import health_pb2, health_pb2_grpc

from crossborder.checkout.v1 import order_page_pb2
from orderpage.bench.measured import ServerDied
from orderpage.bench.serve.account import cpu_seconds

COMMAND = (sys.executable, "-c", "from orderpage.cli import main; main()")
_SERVICE = order_page_pb2.DESCRIPTOR.services_by_name["OrderPageService"].full_name
_SECONDS = 60.0
_AT_ONCE = (("grpc.initial_reconnect_backoff_ms", 10), ("grpc.max_reconnect_backoff_ms", 10))
"""A channel that finds nobody waits for a second by default, which would be measured too."""


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A running server on loopback. ``ready_s`` is wall time from its start until SERVING.

    ``workers`` are the processes that serve: the server itself, or those it watches. ``ready_cpu_s`` is what the
    busiest of them had used when it was ready. ``metrics_port`` is where the first of them tells metrics, 0 where it
    tells none.
    """

    pid: int
    port: int
    workers: tuple[int, ...]
    ready_s: float
    ready_cpu_s: float
    metrics_port: int = 0

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def worker_cpu_seconds(self) -> tuple[float, ...]:
        """What each worker has used so far."""
        return tuple(cpu_seconds(pid) for pid in self.workers)


@asynccontextmanager
async def served(
    settings: Mapping[str, str], workers: int = 1, bytecode: Path | None = None, command: str = "serve"
) -> AsyncIterator[Served]:
    """A server of so many workers with those settings (names as in ``ServerSettings``), ended with the block.

    ``bytecode`` is a folder that keeps compiled modules for the next start, as an installed server finds them;
    ``command`` is ``serve``, or ``legacy`` for the old page.
    Raises ``ServerDied`` with what it said last, ``TimeoutError`` where it is not ready within a minute.
    """
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        command,
        env=_environment({"listen": "127.0.0.1:0", **settings, "workers": str(workers)}, bytecode),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    if process.stderr is None:
        raise ServerDied("the server's standard error cannot be read")
    log = _Log(process.stderr)
    try:
        async with asyncio.timeout(_SECONDS):
            serving = await log.events("serving", workers)
            await _until_serving(serving[0]["port"])
        ready = time.perf_counter() - began
        pids = tuple(event["pid"] for event in log.seen if event["event"] == "worker.started") or (process.pid,)
        used = max(cpu_seconds(pid) for pid in pids)
        told = next((event["port"] for event in log.seen if event["event"] == "metrics"), 0)
        yield Served(
            pid=process.pid,
            port=serving[0]["port"],
            workers=pids,
            ready_s=ready,
            ready_cpu_s=used,
            metrics_port=told,
        )
    finally:
        if process.returncode is None:
            process.terminate()
        await log.rest()
        await process.wait()


class _Log:
    """A server's log, read so that its pipe never fills."""

    def __init__(self, lines: asyncio.StreamReader) -> None:
        self._lines = lines
        self._last: deque[str] = deque(maxlen=1)
        self.seen: list[dict[str, Any]] = []
        self._arrived = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def events(self, name: str, count: int) -> list[dict[str, Any]]:
        """The first ``count`` events of that name, once they are there. Raises ``ServerDied``."""
        while len(found := [event for event in self.seen if event["event"] == name]) < count:
            if self._reading.done():
                raise ServerDied(f"the server ended: {self._last[0] if self._last else 'it said nothing'}")
            self._arrived.clear()
            await self._arrived.wait()
        return found

    async def rest(self) -> None:
        """Read on until the server has ended."""
        await self._reading

    async def _read(self) -> None:
        while line := (await self._lines.readline()).decode().strip():
            self._last.append(line)
            if line.startswith("{"):
                self.seen.append(json.loads(line))
            self._arrived.set()
        asyncio.get_running_loop().call_soon(self._arrived.set)  # once this task is done


async def _until_serving(port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=_AT_ONCE) as channel:
        health = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
        request = health_pb2.HealthCheckRequest(service=_SERVICE)
        serving = health_pb2.HealthCheckResponse.SERVING
        while (await health.Check(request, timeout=_SECONDS, wait_for_ready=True)).status != serving:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def _environment(settings: Mapping[str, str], bytecode: Path | None) -> dict[str, str]:
    """This process's variables, with none of orderpage's but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ORDERPAGE_")}
    if bytecode is not None:
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        kept["PYTHONPYCACHEPREFIX"] = str(bytecode)
    return kept | {f"ORDERPAGE_{name.upper()}": value for name, value in settings.items()}
