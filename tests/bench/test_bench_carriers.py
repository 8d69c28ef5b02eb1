"""The bench of carriers runs, and its figures are right by construction. How long anything takes is never asserted."""

import json
from typing import Any

from typer.testing import CliRunner

from orderpage.bench.carriers.measure import Answered, carrier_figures
from orderpage.cli.commands import app


def test_the_bench_ends_with_one_line_of_json() -> None:
    arguments = ("--rounds", "1", "--seconds", "1", "--rate", "10")
    ran = CliRunner().invoke(app, ["bench", "carriers", "--json", *arguments], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert figures["slow_pages"] == figures["slow_degraded"] == 10, "every page did without the slow carrier"
    assert 1 <= figures["slow_asked"] <= 10
    assert figures["slow_longest_ms"] >= figures["budget_ms"], "the first page waited for it"


def test_a_page_is_late_when_it_takes_longer_than_the_longest_without_a_carrier_and_the_budget() -> None:
    none, fast = Answered((0.010, 0.050), 0, 0), Answered((0.020, 0.020), 0, 2)
    slow = Answered((0.150, 0.199, 0.201, 0.012), 4, 3)
    figures = carrier_figures([{"none": none, "fast": fast, "slow": slow}], rate=4, seconds=1)
    assert figures.slow_past_budget == 0.25
    assert (figures.none_longest_ms, figures.slow_longest_ms) == (50.0, 201.0)
    assert (figures.slow_degraded, figures.slow_asked, figures.slow_pages) == (4, 3, 4)
