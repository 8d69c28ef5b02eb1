"""The other end of the measured process: start it, switch it, read its CPU account."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

_GRACE = 10.0


class ServerDied(Exception):
    """The measured process ended. The message holds what it said last."""


class Measured:
    """A running server process. ``port`` is on loopback."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    async def switch(self, variant: str) -> float:
        """Answer by that variant from now on; the CPU seconds used so far."""
        if self._process.stdin is None:
            raise ServerDied("the server's standard input is closed")
        self._process.stdin.write(f"{variant}\n".encode())
        return float((await _hear(self._process))["cpu_s"])


@asynccontextmanager
async def measured_server() -> AsyncIterator[Measured]:
    """A server process of its own, ended with the block. Raises ``ServerDied`` with what it wrote."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orderpage.bench.server_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Measured(process, int((await _hear(process))["port"]))
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _GRACE)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _hear(process: asyncio.subprocess.Process) -> dict[str, Any]:
    line = await process.stdout.readline() if process.stdout is not None else b""
    if not line:
        said = (await process.stderr.read()).decode().strip() if process.stderr is not None else ""
        raise ServerDied(f"the measured server ended: {said.splitlines()[-1] if said else 'it said nothing'}")
    message: dict[str, Any] = json.loads(line)
    return message
