"""A load in a process of its own: ``python -m orderpage.bench.serve.load_process``. Standard input says what to do.

A line in is a ``Task``; the line out, once it is done, is a ``Done``. End of input ends it. One process cannot keep
two workers busy, and what it costs itself has to be known.
"""

import asyncio
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import grpc
import msgspec

from orderpage.bench.load import Load, Sent

_BURST = 4
"""Calls of each call in flight between two looks at the clock."""


class Task(msgspec.Struct, frozen=True):
    """Ask ``port`` for so many ``seconds``, over ``channels`` connections with ``in_flight`` calls on each."""

    port: int
    seconds: float
    channels: int
    in_flight: int
    request: bytes
    buyer_id: str


class Done(msgspec.Struct, frozen=True):
    """How many ``calls`` were answered in how many ``seconds``, and the CPU seconds that asking took."""

    calls: int
    seconds: float
    cpu_s: float


async def perform(task: Task) -> Done:
    """Do it. Raises ``CallFailed`` for the first call that is refused."""
    async with AsyncExitStack() as channels:
        loads = [Load(await _connect(task, channels)) for _ in range(task.channels)]
        began, used = time.perf_counter(), _cpu_seconds()
        until = began + task.seconds
        burst = [Sent(task.request, task.buyer_id)] * (task.in_flight * _BURST)
        calls = sum(await asyncio.gather(*(_ask(load, until, burst, task.in_flight) for load in loads)))
        return Done(calls, time.perf_counter() - began, _cpu_seconds() - used)


async def _connect(task: Task, channels: AsyncExitStack) -> grpc.aio.Channel:
    """A connection of its own: channels to one address would share one, and one connection has one worker."""
    own = (("grpc.use_local_subchannel_pool", 1),)
    channel = await channels.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{task.port}", options=own))
    await channel.channel_ready()
    return channel


async def _ask(load: Load, until: float, burst: Sequence[Sent], in_flight: int) -> int:
    calls = 0
    while time.perf_counter() < until:
        await load.burst("Render", burst, in_flight)
        calls += len(burst)
    return calls


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _main() -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        done = await perform(msgspec.json.decode(line, type=Task))
        sys.stdout.write(msgspec.json.encode(done).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
