"""Who answers a checkout: the flag, under the ramps' shares, under the trips; decided once and kept by the quote."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.buckets import bucket_number
from orderpage.domain.buyer import Buyer
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.page import Totals
from orderpage.domain.problem import Code, Refusal
from orderpage.domain.scenario import Cell
from orderpage.migration.flags.file import dump, to_flagd
from orderpage.migration.flags.rules import SALT, Route, Rule, Rules, Split
from orderpage.migration.flags.source import FlagSource, open_flags
from orderpage.migration.router import OTHER, Decision, Flags, Router, Shares
from orderpage.migration.scope import Scope, TrafficCell
from orderpage.quote import LEGACY, NEW, Quote
from orderpage.request import Identity

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
CELL = Cell("SG", "marketplace", "h5", "everyone", "control")
SG = Scope(site="SG")


class Standing:
    """Shares and trips as the database might have them, for one cell."""

    def __init__(self, share: int | None = None, *, tripped: bool = False) -> None:
        self._share = share
        self._tripped = tripped

    def share(self, cell: TrafficCell) -> int | None:
        return self._share

    def trip(self, cell: TrafficCell) -> object | None:
        return "a trip" if self._tripped else None


@pytest.fixture
def flags(tmp_path: Path) -> Iterator[Callable[..., FlagSource]]:
    """Real flags: rules in a file, evaluated by flagd."""
    opened: list[FlagSource] = []

    def make(*rules: Rule) -> FlagSource:
        file = tmp_path / f"flags-{len(opened)}.json"
        file.write_text(dump(to_flagd(Rules.of(rules))), "utf-8")
        opened.append(open_flags(file, lambda _: None))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def rule(route: Route, **more: Any) -> Rule:
    return Rule(SG, more.get("versions", ""), Split.whole(route))


DIMENSIONS = {"site": ("SG",), "business": ("marketplace",), "client": ("h5",), "crowd": ("everyone",)}


def router_of(flags: Flags, shares: Shares) -> Router:
    return Router(flags, shares, lambda: DIMENSIONS)


def identity(buyer: str = "b-1") -> Identity:
    return Identity(Buyer(buyer_id=buyer, crowd=""), CELL)


def quote(stack: str, buyer: str = "b-1") -> Quote:
    zero = Totals(goods=0, goods_discount=0, freight=0, freight_discount=0, fees=0, tax=0, border=0, payable=0)
    return Quote(
        checkout_id="c", buyer_id=buyer, stack=stack, cell=CELL, content=b"", plan_digest="", selections={},
        rate=ExchangeRate("r", CNY, Currency("SGD", 2), 1, 5), priced_at=NOW, expires_at=NOW + timedelta(minutes=15),
        totals=zero,
    )  # fmt: skip


def buyer_in(low: int, high: int) -> str:
    """Somebody whose bucket is at least ``low`` and below ``high``."""
    return next(f"b-{n}" for n in range(10**6) if low <= bucket_number(SALT, f"b-{n}") < high)


@pytest.mark.parametrize(
    ("route", "share", "tripped", "expected"),
    [
        (Route.LEGACY, None, False, Decision(LEGACY, False)),
        (Route.SHADOW, None, False, Decision(LEGACY, True)),
        (Route.NEW, None, False, Decision(NEW, False)),
        (Route.NEW, None, True, Decision(LEGACY, True)),
        (Route.KILLED, None, False, Decision(LEGACY, False)),
        (Route.RAMP, None, False, Decision(LEGACY, True)),
        (Route.RAMP, 0, False, Decision(LEGACY, True)),
        (Route.RAMP, 10_000, False, Decision(NEW, False)),
        (Route.RAMP, 10_000, True, Decision(LEGACY, True)),
    ],
)
def test_a_first_page_goes_where_flag_ramp_and_trips_say(
    flags: Callable[..., FlagSource], route: Route, share: int | None, tripped: bool, expected: Decision
) -> None:
    router = router_of(flags(rule(route)), Standing(share, tripped=tripped))
    assert router.decide(identity(), "", None) == expected


def test_a_ramp_takes_the_buckets_below_its_share(flags: Callable[..., FlagSource]) -> None:
    router = router_of(flags(rule(Route.RAMP)), Standing(2_000))
    assert router.decide(identity(buyer_in(0, 2_000)), "", None).stack == NEW
    assert router.decide(identity(buyer_in(1_990, 2_000)), "", None).stack == NEW
    assert router.decide(identity(buyer_in(2_000, 2_010)), "", None) == Decision(LEGACY, True)


@given(st.text(max_size=20), st.integers(0, 10_000), st.integers(0, 10_000))
def test_raising_a_ramp_takes_nobody_off_the_new_page(buyer: str, one: int, other: int) -> None:
    class Ramp:
        trouble = ""

        def route(self, cell: TrafficCell, version: str, bucket: int) -> Route:
            return Route.RAMP

    low, high = sorted((one, other))
    before = router_of(Ramp(), Standing(low)).decide(identity(buyer), "", None).stack
    after = router_of(Ramp(), Standing(high)).decide(identity(buyer), "", None).stack
    assert not (before == NEW and after == LEGACY)


@pytest.mark.parametrize("route", [Route.LEGACY, Route.SHADOW, Route.NEW, Route.RAMP])
@pytest.mark.parametrize("stack", [LEGACY, NEW])
def test_a_checkout_stays_where_it_began_whatever_the_flag_says_now(
    flags: Callable[..., FlagSource], route: Route, stack: str
) -> None:
    router = router_of(flags(rule(route)), Standing(0))
    assert router.decide(identity(), "", quote(stack)).stack == stack
    assert router.honours(quote(NEW), "")


@pytest.mark.parametrize(("route", "tripped"), [(Route.KILLED, False), (Route.RAMP, True), (Route.NEW, True)])
def test_a_kill_or_a_trip_takes_checkouts_under_way_off_the_new_page(
    flags: Callable[..., FlagSource], route: Route, tripped: bool
) -> None:
    router = router_of(flags(rule(route)), Standing(10_000, tripped=tripped))
    assert router.decide(identity(), "", quote(NEW)).stack == LEGACY
    assert not router.honours(quote(NEW), "")


def test_an_old_client_is_refused_at_its_first_page_and_may_finish_what_it_began(
    flags: Callable[..., FlagSource],
) -> None:
    router = router_of(flags(rule(Route.REFUSED, versions="<3.2.0"), rule(Route.NEW)), Standing())
    with pytest.raises(Refusal) as refused:
        router.decide(identity(), "3.1.9", None)
    assert refused.value.problems[0].code is Code.CLIENT_VERSION_LOW
    assert router.decide(identity(), "3.1.9", quote(NEW)).stack == NEW
    assert router.decide(identity(), "3.1.9", quote(LEGACY)).stack == LEGACY
    assert router.decide(identity(), "3.2.0", None).stack == NEW


@pytest.mark.parametrize(
    ("rules", "standing", "expected"),
    [
        ((Rule(SG, "", Split.of(new=1, shadow=9_999)),), Standing(), True),
        ((rule(Route.SHADOW),), Standing(), False),
        ((rule(Route.RAMP),), Standing(100), True),
        ((rule(Route.RAMP),), Standing(0), False),
        ((rule(Route.RAMP),), Standing(100, tripped=True), False),
    ],
)
def test_a_cell_serves_the_new_page_when_anybody_in_it_gets_it(
    flags: Callable[..., FlagSource], rules: tuple[Rule, ...], standing: Standing, expected: bool
) -> None:
    assert router_of(flags(*rules), standing).serves_new(TrafficCell(*CELL[:4]), "") is expected


def test_what_a_client_makes_up_is_one_cell(flags: Callable[..., FlagSource]) -> None:
    router = router_of(flags(), Standing())
    assert router.cell(CELL) == TrafficCell(*CELL[:4])
    assert router.cell(Cell("TW", "x" * 60, "h5", "everyone", "control")) == TrafficCell(OTHER, OTHER, "h5", "everyone")
