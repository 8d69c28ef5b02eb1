from datetime import datetime
from typing import Any

import pytest

from orderpage.engine.plan import PlanSet, PlanSource, UnknownScenario
from orderpage.engine.problems import PackageErrors


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


def test_a_set_compiled_again_from_the_same_packages_has_the_same_version(toy: Any, default: str) -> None:
    note = "note: {add: [{use: word}]}\n"
    assert toy.compile(default + note).version == toy.compile(default + note).version
