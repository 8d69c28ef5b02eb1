"""Differences are counted by group, their latest examples kept with a recording each, and judged by people."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from orderpage.adapters.sql.database import Database
from orderpage.adapters.sql.differences import SqlDifferences
from orderpage.adapters.sql.schema import difference_groups, differences, recordings
from orderpage.migration.comparison.found import Cause, Difference
from orderpage.migration.differences import EXAMPLES_KEPT, Filter, Kind, Pruned, Verdict, group_id
from orderpage.migration.scope import Scope, TrafficCell

CELL = TrafficCell("SG", "marketplace", "h5", "everyone")
MINUTE = timedelta(minutes=1)
FREIGHT = Difference("parcels.options.freight", "parcels[1:1].options[A].freight", "100", "120", Cause.FREIGHT, True)
LABEL = Difference("parcels.options.label", "parcels[1:1].options[A].label", "Air", "By air", Cause.TEXT, False)


@pytest.fixture
def store(database: Database) -> SqlDifferences:
    return SqlDifferences(database)


async def save(store: SqlDifferences, at: datetime, *found: Difference, cell: TrafficCell = CELL) -> None:
    await store.save(at, cell, "PAGE", found, b"body", "digest")


async def rows(database: Database) -> tuple[int, int, int]:
    """Groups, examples, recordings."""
    tables = (difference_groups, differences, recordings)
    counts = select(*(select(func.count()).select_from(table).scalar_subquery() for table in tables))
    groups, examples, kept = await database.look(lambda connection: connection.execute(counts).one())
    return groups, examples, kept


async def test_alike_differences_are_one_group_with_its_count_and_its_times(
    store: SqlDifferences, now: datetime
) -> None:
    await save(store, now, FREIGHT, LABEL)
    await save(store, now + MINUTE, FREIGHT)
    await save(store, now - MINUTE, FREIGHT, FREIGHT)
    money, words = await store.groups(Filter())
    assert (money.field, money.cause, money.cell, money.money) == ("parcels.options.freight", "FREIGHT", CELL, True)
    assert (money.count, money.first_at, money.last_at) == (4, now - MINUTE, now + MINUTE)
    assert (words.count, words.money, words.verdict) == (1, False, Verdict.OPEN)
    assert money.group_id == group_id("PAGE", FREIGHT, CELL)


async def test_another_subject_cause_or_cell_is_another_group(store: SqlDifferences, now: datetime) -> None:
    other = Difference(FREIGHT.field, FREIGHT.place, "1", "2", Cause.ROUNDING, True)
    await save(store, now, FREIGHT, other)
    await save(store, now, FREIGHT, cell=CELL._replace(client="native"))
    await store.save(now, CELL, "ORDER", [FREIGHT], b"body", "digest")
    assert len(await store.groups(Filter())) == 4


async def test_money_in_one_of_them_is_money_of_the_group(store: SqlDifferences, now: datetime) -> None:
    for money in (False, True, False):
        await save(store, now, Difference("parcels.options.tax_lines.amount", "p", "1", "2", Cause.TAX, money))
    assert [group.money for group in await store.groups(Filter(money=True))] == [True]


async def test_no_difference_writes_nothing(store: SqlDifferences, database: Database, now: datetime) -> None:
    await save(store, now)
    assert await rows(database) == (0, 0, 0)


async def test_groups_are_filtered(store: SqlDifferences, now: datetime) -> None:
    await save(store, now, FREIGHT, LABEL)
    await save(store, now + MINUTE, LABEL, cell=CELL._replace(site="HK"))
    freight = group_id("PAGE", FREIGHT, CELL)
    await store.judge(freight, Verdict.NEW, "legacy forgot the step", "mei", now)

    async def fields(wanted: Filter) -> list[tuple[str, str]]:
        return sorted((group.cell.site, group.field.rpartition(".")[2]) for group in await store.groups(wanted))

    assert await fields(Filter(scope=Scope(site="HK"))) == [("HK", "label")]
    assert await fields(Filter(scope=Scope(site="SG", client="h5"))) == [("SG", "freight"), ("SG", "label")]
    assert await fields(Filter(money=True)) == [("SG", "freight")]
    assert await fields(Filter(unjudged=True)) == [("HK", "label"), ("SG", "label")]
    assert await fields(Filter(since=now + MINUTE)) == [("HK", "label")]


async def test_the_latest_examples_are_kept_and_no_recording_without_one(
    store: SqlDifferences, database: Database, now: datetime
) -> None:
    for number in range(EXAMPLES_KEPT + 5):
        extra = (LABEL,) if number == 0 else ()
        one = Difference(FREIGHT.field, FREIGHT.place, str(number), "x", Cause.FREIGHT, True)
        await save(store, now + number * MINUTE, one, *extra)
    examples = await store.examples(group_id("PAGE", FREIGHT, CELL))
    assert [example.legacy for example in examples] == [str(number) for number in range(EXAMPLES_KEPT + 4, 4, -1)]
    # The first recording is still the example of the label.
    assert await rows(database) == (2, EXAMPLES_KEPT + 1, EXAMPLES_KEPT + 1)
    (label,) = await store.examples(group_id("PAGE", LABEL, CELL))
    kept = await store.recording(label.recording_id)
    assert kept is not None
    assert (kept.body, kept.kind, kept.cell, kept.at, kept.plan_digest) == (
        b"body",
        Kind.DIFFERENCE,
        CELL,
        now,
        "digest",
    )


async def test_a_page_gives_a_group_few_examples_and_its_whole_count(store: SqlDifferences, now: datetime) -> None:
    await save(store, now, *[FREIGHT] * 30)
    (group,) = await store.groups(Filter())
    assert group.count == 30
    assert len(await store.examples(group.group_id)) == 3


async def test_workers_who_save_at_once_lose_no_count(store: SqlDifferences, database: Database, now: datetime) -> None:
    found = [Difference(f"field.{name}", "p", "1", "2", Cause.OTHER, False) for name in "abcde"]
    await asyncio.gather(*(save(store, now, *(found if turn % 2 else reversed(found))) for turn in range(40)))
    groups = await store.groups(Filter())
    assert [group.count for group in groups] == [40] * 5
    assert all([len(await store.examples(group.group_id)) == EXAMPLES_KEPT for group in groups])
    _, examples, kept = await rows(database)
    assert examples == 5 * EXAMPLES_KEPT
    assert kept == len({example.recording_id for group in groups for example in await store.examples(group.group_id)})


async def test_samples_stay_and_are_read_with_the_others(store: SqlDifferences, now: datetime) -> None:
    sample = await store.save_sample(now, CELL, b"sample", "d1")
    for number in range(EXAMPLES_KEPT + 1):
        await save(store, now + MINUTE, Difference("f", "p", str(number), "", Cause.OTHER, False))
    kept = await store.recordings(Filter(), 1000)
    assert [one.kind for one in kept] == [Kind.DIFFERENCE] * EXAMPLES_KEPT + [Kind.SAMPLE]
    assert kept[-1].recording_id == sample
    assert len(await store.recordings(Filter(), 3)) == 3
    assert await store.recordings(Filter(scope=Scope(site="HK")), 10) == []
    assert len(await store.recordings(Filter(since=now + MINUTE), 100)) == EXAMPLES_KEPT


async def test_a_verdict_says_who_when_and_why(store: SqlDifferences, now: datetime) -> None:
    await save(store, now, FREIGHT)
    name = group_id("PAGE", FREIGHT, CELL)
    assert await store.judge(name, Verdict.LEGACY, "the tariff is legacy's", "mei", now + MINUTE)
    group = await store.group(name[:6])
    assert group is not None
    assert (group.verdict, group.verdict_reason, group.verdict_by, group.verdict_at) == (
        Verdict.LEGACY,
        "the tariff is legacy's",
        "mei",
        now + MINUTE,
    )
    await save(store, now, FREIGHT)  # seen again, it stays judged
    assert (await store.groups(Filter()))[0].verdict is Verdict.LEGACY
    assert not await store.judge("g-none", Verdict.NEW, "x", "mei", now)


async def test_a_group_is_found_by_the_beginning_of_its_id_unless_two_begin_so(
    store: SqlDifferences, now: datetime
) -> None:
    await save(store, now, FREIGHT, LABEL)
    assert await store.group("g") is None
    assert await store.group("") is None
    assert await store.group("g-none") is None
    assert await store.example(12345) is None
    assert await store.recording("none") is None


async def test_pruning_drops_what_is_old_and_keeps_verdicts(
    store: SqlDifferences, database: Database, now: datetime
) -> None:
    await store.save_sample(now, CELL, b"old", "d")
    await save(store, now, FREIGHT, LABEL)
    await store.judge(group_id("PAGE", FREIGHT, CELL), Verdict.NEW, "so it is", "mei", now)
    await save(store, now + 2 * MINUTE, Difference("f", "p", "1", "2", Cause.OTHER, False))
    assert await store.prune(now + MINUTE) == Pruned(examples=2, recordings=2, groups=1)
    assert await rows(database) == (2, 1, 1)
    assert await store.prune(now + MINUTE) == Pruned(examples=0, recordings=0, groups=0)
