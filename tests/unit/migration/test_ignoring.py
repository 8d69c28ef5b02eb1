"""Rules say which differences do not matter, where, until when and why."""

from datetime import date

import pytest

from orderpage.engine.problems import PackageErrors
from orderpage.migration.comparison.ignoring import NOTHING, RuleBook, read_rules
from orderpage.migration.scope import TrafficCell

CELL = TrafficCell("SG", "marketplace", "h5", "everyone")
TEXT = """
ignore:
  - {field: parcels.options.score, why: legacy has no scores}
  - {field: "blocks.*", site: SG, client: native, why: legacy draws its own}
  - field: totals.border_estimate
    site: SG
    until: 2026-12-31
    why: legacy rounds it to a dollar until its release
"""


@pytest.fixture
def book() -> RuleBook:
    return read_rules("rules.yaml", TEXT)


def test_a_rule_holds_where_it_says(book: RuleBook) -> None:
    rules = book.at(CELL, date(2026, 11, 28))
    assert rules.ignore("parcels.options.score")
    assert not rules.ignore("parcels.options.freight")
    assert not rules.ignore("blocks.title")
    assert book.at(CELL._replace(client="native"), date(2026, 11, 28)).ignore("blocks.title")


def test_a_rule_holds_through_its_last_day_and_is_then_reported(book: RuleBook) -> None:
    last, after = date(2026, 12, 31), date(2027, 1, 1)
    assert book.at(CELL, last).ignore("totals.border_estimate")
    assert not book.at(CELL, after).ignore("totals.border_estimate")
    assert book.expired(last) == ()
    (rule,) = book.expired(after)
    assert str(rule) == (
        "totals.border_estimate in site=SG until 2026-12-31: legacy rounds it to a dollar until its release"
    )


def test_without_rules_everything_matters() -> None:
    assert not NOTHING.ignore("totals.payable")
    assert not RuleBook().at(CELL, date(2026, 1, 1)).ignore("totals.payable")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ignore:\n  - {field: totals.tax}\n", "rules.yaml:2: ignore[0]: object missing required field `why`; add it"),
        ("ignore:\n  - {field: totals.tax, why: ''}\n", "rules.yaml:2: ignore[0].why: expected `str` of length >= 1"),
        (
            "ignore:\n\n  - {field: totals.taxes, why: x}\n",
            "rules.yaml:3: no answer has a field 'totals.taxes'; did you",
        ),
        ("ignore:\n  - {field: a, reason: x}\n", "rules.yaml:2: ignore[0].reason: unknown key 'reason'"),
        ("ignore:\n  - {field: totals.tax, why: x, until: soon}\n", "rules.yaml:2: ignore[0].until: invalid RFC3339"),
        ("rules: []\n", "rules.yaml:1: a file of rules has one key, ignore, and a list of rules under it"),
        ("ignore: [}\n", "rules.yaml:1: not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_to_do(text: str, message: str) -> None:
    with pytest.raises(PackageErrors) as raised:
        read_rules("rules.yaml", text)
    assert message in str(raised.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(PackageErrors) as raised:
        read_rules("rules.yaml", "ignore:\n  - {why: x}\n  - {field: nothing.at.all, why: x}\n")
    assert len(raised.value.errors) == 2
