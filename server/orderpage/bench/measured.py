"""The other end of the measured process: start it, switch it, read its account."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import IO, Any

import msgspec

_GRACE = 10.0


class ServerDied(Exception):
    """The measured process ended. The message holds what it said last."""


class Account(msgspec.Struct, frozen=True):
    """What the process has used until now: CPU seconds of all its threads, and durable commits of its database.

    ``answering_s`` is what answers took on their thread since the last account, where the stand keeps one of that.
    """

    cpu_s: float
    commits: int
    answering_s: Mapping[str, float]


class Child:
    """A process of the bench that answers each line on its standard input with a line of JSON.

    ``port`` is the one on loopback where it listens.
    """

    def __init__(self, process: asyncio.subprocess.Process, said: IO[bytes]) -> None:
        self._process = process
        self._said = said
        self.port = 0

    async def started(self) -> None:
        """Wait until it listens. Raises ``ServerDied``."""
        self.port = int((await self._hear())["port"])

    async def ask(self, line: str) -> dict[str, Any]:
        """Its answer. Raises ``ServerDied``."""
        if self._process.stdin is None:
            raise ServerDied("the process's standard input is closed")
        self._process.stdin.write(f"{line}\n".encode())
        return await self._hear()

    async def _hear(self) -> dict[str, Any]:
        line = await self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip()
            raise ServerDied(f"the measured server ended: {said.splitlines()[-1] if said else 'it said nothing'}")
        message: dict[str, Any] = json.loads(line)
        return message


class Measured:
    """A running server process. ``port`` is on loopback."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self.port = child.port

    async def switch(self, variant: str) -> Account:
        """Answer by that variant from now on; what was used so far. Raises ``ServerDied``."""
        return msgspec.convert(await self._child.ask(variant), Account)


@asynccontextmanager
async def measured_server(stand: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Measured]:
    """A server process of its own, ended with the block: ``stand`` is a name of ``server_process.STANDS``.

    Raises ``ServerDied`` with what it wrote.
    """
    async with child_process("orderpage.bench.server_process", stand, environment=environment) as child:
        yield Measured(child)


@asynccontextmanager
async def child_process(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Child]:
    """``python -m module``, ended with the block. Raises ``ServerDied`` with what it wrote.

    That goes to a file: a pipe that nobody reads fills up, and stops it.
    """
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
            env={**os.environ, **(environment or {})},
        )
        try:
            child = Child(process, said)
            await child.started()
            yield child
        finally:
            await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _GRACE)
    except TimeoutError:
        process.kill()
        await process.wait()
