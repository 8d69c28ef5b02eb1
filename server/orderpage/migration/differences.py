"""Differences as they are kept: counted by group, with the latest examples, each of which can be made again."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from orderpage.migration.comparison.found import Difference
from orderpage.migration.scope import Scope, TrafficCell

EXAMPLES_KEPT = 20
"""Of each group: the latest."""

EXAMPLES_A_PAGE = 3
"""Of one group from one comparison: twenty options that differ alike are one example to a reader."""


class Kind(StrEnum):
    """Why a recording was kept."""

    SAMPLE = "SAMPLE"
    DIFFERENCE = "DIFFERENCE"


class Verdict(StrEnum):
    """Which side is right; OPEN until a person said."""

    OPEN = ""
    LEGACY = "LEGACY"
    NEW = "NEW"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Differences that are alike. ``cause`` is a guess; ``money`` whether a buyer would pay another amount.

    ``count`` is of differences since ``first_at``. The verdict's other fields are empty while it is OPEN.
    """

    group_id: str
    subject: str
    field: str
    cause: str
    cell: TrafficCell
    money: bool
    count: int
    first_at: datetime
    last_at: datetime
    verdict: Verdict = Verdict.OPEN
    verdict_reason: str = ""
    verdict_by: str = ""
    verdict_at: datetime | None = None


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One difference, and the recording that it was seen on."""

    difference_id: int
    group_id: str
    recording_id: str
    at: datetime
    place: str
    legacy: str
    new: str


class KeptRecording(msgspec.Struct, frozen=True, kw_only=True):
    """A recording. ``body`` is packed ``Evidence``."""

    recording_id: str
    at: datetime
    kind: Kind
    cell: TrafficCell
    plan_digest: str
    body: bytes


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which groups or recordings. ``since``: last seen then or later; the others narrow groups only."""

    scope: Scope = Scope()
    since: datetime | None = None
    money: bool = False
    unjudged: bool = False


class Pruned(msgspec.Struct, frozen=True):
    """How many rows were dropped."""

    examples: int
    recordings: int
    groups: int


class DifferenceStore(Protocol):
    """Where differences are kept. Each method is one transaction, and may raise ``Unavailable``."""

    async def save(
        self,
        at: datetime,
        cell: TrafficCell,
        subject: str,
        differences: Sequence[Difference],
        recording: bytes,
        plan_digest: str,
    ) -> None:
        """Count each difference in its group, and keep the latest ``EXAMPLES_KEPT`` of each with their recording.

        Several workers may save at once. Nothing is written for no differences. Recordings that no example refers to
        any more are dropped, unless they are samples.
        """

    async def save_sample(self, at: datetime, cell: TrafficCell, recording: bytes, plan_digest: str) -> str:
        """Keep a recording in which nothing need differ, to replay on other packages. Returns its id."""

    async def groups(self, wanted: Filter) -> Sequence[Group]:
        """Those that are wanted: money first, then those seen most."""

    async def group(self, group_id: str) -> Group | None:
        """One of them; also by the beginning of its id, where no other begins so."""

    async def examples(self, group_id: str) -> Sequence[Example]:
        """Of one group, the latest first."""

    async def example(self, difference_id: int) -> Example | None:
        """One of them."""

    async def recording(self, recording_id: str) -> KeptRecording | None:
        """One of them."""

    async def recordings(self, wanted: Filter, limit: int) -> Sequence[KeptRecording]:
        """The latest first, samples and those of differences alike."""

    async def judge(self, group_id: str, verdict: Verdict, reason: str, who: str, at: datetime) -> bool:
        """Write down which side is right. False where there is no such group."""

    async def prune(self, before: datetime) -> Pruned:
        """Drop examples and recordings from before, and groups last seen before that nobody judged."""


def group_id(subject: str, difference: Difference, cell: TrafficCell) -> str:
    """Names the group of a difference: ``g`` and twelve hexadecimal digits."""
    text = "\x00".join((subject, difference.field, difference.cause, *cell))
    return f"g{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"
