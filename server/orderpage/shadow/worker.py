"""The comparing process from inside: tasks in, results out, one at a time."""

import asyncio
import sys
from typing import BinaryIO, Protocol

import msgspec
import structlog

from orderpage.migration.shadowing import Result, Task
from orderpage.shadow.frames import frame, read_frame

log = structlog.get_logger(__name__)


class Job(Protocol):
    """What is done with a task; ``orderpage.shadow.job.ShadowJob`` is it."""

    async def do(self, task: Task) -> Result:
        """Never raises."""


async def work(job: Job, results: BinaryIO) -> None:
    """Do the tasks from standard input until it ends. Results are written as they come."""
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), sys.stdin)
    tasks: msgspec.msgpack.Decoder[Task] = msgspec.msgpack.Decoder(Task)
    while (task := await read_frame(stream, tasks)) is not None:
        result = await job.do(task)
        try:
            results.write(frame(result))
            results.flush()
        except BrokenPipeError:  # the server is gone
            return
