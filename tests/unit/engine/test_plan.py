import asyncio
from datetime import datetime
from typing import Any

import pytest

from orderpage.engine.extension import extends, extension
from orderpage.engine.plan import PlanSet, PlanSource, UnknownScenario
from orderpage.engine.problems import PackageErrors
from orderpage.engine.run import Run
from orderpage.engine.stats import BOUNDS, Stats


def test_an_unknown_value_is_named_with_its_dimension_and_the_known_ones(toy: Any, default: str) -> None:
    plans = toy.compile(default)
    for look in (plans.plan, plans.cell):
        with pytest.raises(UnknownScenario) as caught:
            look(("HK", "fax", "everyone", "control"), toy.NOW)
        assert (caught.value.dimension, caught.value.value, caught.value.known) == ("entry", "fax", ("web", "app"))
        assert str(caught.value) == "unknown entry 'fax'; known: web, app"
        with pytest.raises(LookupError, match="a scenario has 4 values"):
            look(("HK",), toy.NOW)


def test_an_instant_needs_a_time_zone_where_time_matters(toy: Any, default: str) -> None:
    plans = toy.compile(default, "package: a\nactive: {from: 2026-01-01}\n")
    with pytest.raises(TypeError):
        plans.plan(toy.CELL, datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_reload_swaps_the_set_and_requests_under_way_keep_theirs(toy: Any, default: str) -> None:
    texts = [default]
    source = PlanSource(lambda: toy.compile(texts[-1]))
    pinned = source.current
    texts.append(default + "note: {add: [{use: word}]}\n")
    fresh = source.reload()
    assert source.current is fresh
    assert fresh.version != pinned.version
    assert "note" not in pinned.plan(toy.CELL, toy.NOW).stages
    assert "note" in fresh.plan(toy.CELL, toy.NOW).stages


def test_a_reload_that_fails_keeps_the_old_set_and_says_why(toy: Any, default: str) -> None:
    texts = [default]
    source = PlanSource(lambda: toy.compile(texts[-1]))
    old: PlanSet = source.current
    texts.append(default + "note: {add: [{use: nonsense}]}\n")
    with pytest.raises(PackageErrors, match="nonsense"):
        source.reload()
    assert source.current is old
    assert source.refused
    texts.append(default)
    source.reload()
    assert not source.refused


def test_a_set_compiled_again_from_the_same_packages_has_the_same_version(toy: Any, default: str) -> None:
    note = "note: {add: [{use: word}]}\n"
    assert toy.compile(default + note).version == toy.compile(default + note).version


def test_counters_outlive_a_reload_and_are_shared_by_plans_of_equal_names(toy: Any, default: str) -> None:
    texts = [default + "note: {add: [{use: word}]}\n"]
    source = PlanSource(lambda: toy.compile(texts[-1], "package: sg\nwhen: {site: SG}\nshow: {add: [{use: word}]}\n"))
    sites = [source.current.plan((site, *toy.CELL[1:]), toy.NOW) for site in ("HK", "SG")]
    for plan in sites:
        Run(plan, facts={}).collect(toy.NOTE, 1)
    texts.append(default + "note: {add: [{use: word, settings: {word: again}}, {use: other}]}\n")
    Run(source.reload().plan(toy.CELL, toy.NOW), facts={}).collect(toy.NOTE, 1)
    Run(sites[0], facts={}).collect(toy.NOTE, 1)  # a request that began before the reload
    counted = {names: stats.calls for names, stats in source.stats.slots()}
    assert counted == {("note", "word", "word"): 4, ("note", "other", "other"): 1, ("show", "word", "word"): 0}
    assert {point: stats.calls for point, stats in source.stats.stages()} == {"note": 4, "show": 0}


def test_times_fall_into_the_bucket_that_they_do_not_exceed() -> None:
    stats = Stats()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1], 100.0):
        stats.took(seconds)
    assert stats.buckets == [2, 1, *([0] * (len(BOUNDS) - 3)), 1, 1]
    assert stats.seconds == pytest.approx(101.00005)


async def test_stages_and_slots_that_wait_are_timed_and_pure_slots_are_not(toy: Any) -> None:
    @extension("asker")
    class Asker:
        @extends(toy.ASK, fills=toy.WIND)
        async def ask(self, view: int) -> int:
            await asyncio.sleep(0.002)
            return 3

        @extends(toy.NOTE)
        def note(self, view: int) -> list[str]:
            return []

    plan = toy.plan(Asker)
    run = Run(plan, facts={})
    await run.fill(toy.ASK, 1, wanted=(toy.WIND,))
    run.collect(toy.NOTE, 1)
    ask, note = plan.stages["ask"], plan.stages["note"]
    assert (ask.stats.calls, note.stats.calls) == (1, 1)
    assert ask.stats.seconds >= ask.compiled[0].stats.seconds >= 0.002
    assert sum(note.stats.buckets) == 1
    assert not any(note.compiled[0].stats.buckets)
