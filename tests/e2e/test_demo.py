"""``orderpage demo`` walks through pages of every site and an order, and ends well."""

import re

import pytest
from tests.e2e.live import run


@pytest.fixture(scope="module")
def shown() -> str:
    finished = run("demo")
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_it_shows_two_sites_in_full_and_every_other_way_to_sell_in_a_line(shown: str) -> None:
    assert "HK: h5, zh-Hant" in shown
    assert "SG: h5, en" in shown
    for page in ("TW marketplace", "MY marketplace", "CA marketplace", "HK supermarket", "HK hk local", "TW saas"):
        assert f"│ {page} " in shown


def test_it_says_what_of_a_presale_is_paid_when(shown: str) -> None:
    # How much it is depends on the day on which the demo is run.
    assert re.search(r"• TW marketplace: deposit: \d{3} TWD with the order", shown)
    assert "• TW marketplace: balance: about" in shown


def test_it_says_of_freight_that_is_not_paid_now_who_charges_it_and_when(shown: str) -> None:
    assert "charged by the forwarder" in shown
    assert "after weighing" in shown
    assert "Third-party consolidation: The forwarder carries" in shown


def test_what_a_method_costs_more_or_less_is_what_was_shown_and_a_retry_gets_the_same_order(shown: str) -> None:
    (move,) = (line for line in shown.splitlines() if "shown beforehand" in line)
    promised, moved = move.partition("shown beforehand ")[2].split(", moved ")
    assert promised == moved
    assert "submitted again: the same order" in shown
    assert "read back: confirmed" in shown
