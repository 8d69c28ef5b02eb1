"""The differences in the database that the settings name, for commands."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from orderpage.adapters.sql.differences import SqlDifferences
    from orderpage.migration.differences import Example, Group, KeptRecording
    from orderpage.migration.recording.packing import Evidence

T = TypeVar("T")


def ask(database: str | None, question: Callable[["SqlDifferences"], Awaitable[T]]) -> T:
    """Open the database (None: the settings' own), ask, and close it. Blocks."""
    from orderpage.settings import read_settings

    return asyncio.run(_ask(read_settings(os.environ, {"database": database}).database, question))


async def _ask(url: str, question: Callable[["SqlDifferences"], Awaitable[T]]) -> T:
    from orderpage.adapters.sql.database import open_database
    from orderpage.adapters.sql.differences import SqlDifferences

    database = await open_database(url, connections=1)
    try:
        return await question(SqlDifferences(database))
    finally:
        await database.close()


async def need_group(store: "SqlDifferences", name: str) -> "Group":
    """The group of that id, or of an id that alone begins so. Raises ``UserMistake``."""
    from orderpage.cli.failures import UserMistake

    group = await store.group(name)
    if group is None:
        raise UserMistake(f"there is no one group of differences {name!r}; `orderpage diff list` shows their ids")
    return group


async def need_example(store: "SqlDifferences", difference_id: int) -> tuple["Example", "Group", "KeptRecording"]:
    """The difference of that number with its group and its recording. Raises ``UserMistake``."""
    from orderpage.cli.failures import UserMistake

    example = await store.example(difference_id)
    group = await store.group(example.group_id) if example else None
    kept = await store.recording(example.recording_id) if example else None
    if example is None or group is None or kept is None:
        raise UserMistake(
            f"there is no difference {difference_id}; only the latest examples of a group are kept: "
            "`orderpage diff show GROUP` lists them"
        )
    return example, group, kept


def evidence_of(kept: "KeptRecording") -> "Evidence":
    """What was recorded. Raises ``UserMistake`` where this program can't read it."""
    from orderpage.cli.failures import UserMistake
    from orderpage.migration.recording.packing import UnreadableRecording, unpack

    try:
        return unpack(kept.body)
    except UnreadableRecording as error:
        raise UserMistake(f"recording {kept.recording_id}: {error}") from None
