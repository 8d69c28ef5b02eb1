"""Each bug makes exactly the difference it says; without any there is none (``test_same_page``)."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace
from tests.e2e import live
from tests.e2e.live import refused
from tests.integration.legacy.conftest import Pages, Start, carts
from tests.integration.legacy.test_stand_in import bought, same

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from orderpage.bench.render.handwritten import comparable, differences
from orderpage_legacy.bugs import BUGS

CARTS = 120
CUTOFF = datetime(2026, 11, 23, 16, tzinfo=timezone(timedelta(hours=8)))
PAGE_BUGS = ("remote-on-top", "round-line", "late-at-cutoff", "double-space")


async def both(pages: Pages, site: str, bug: str) -> Sequence[tuple[RenderResponse, RenderResponse]]:
    """Our page and the old one with its bug, of each cart."""
    return [
        (comparable(await pages.ours(request, buyer)), comparable(await pages.old(request, buyer, bug)))
        for buyer, request, _ in carts(site, CARTS, 11)
    ]


def fees(page: Any) -> list[tuple[str, dict[str, int]]]:
    """Of every option, in an order of our own."""
    found = [(parcel.parcel_id + option.method, option) for parcel in page.page.parcels for option in parcel.options]
    return [(name, {fee.code: fee.amount for fee in option.fees}) for name, option in sorted(found, key=lambda f: f[0])]


async def test_remote_on_top_charges_a_remote_home_twice(pages: Pages) -> None:
    request = pages.world.cart("HK", ("dig-earbuds-lite", 1), ("dig-cable-usbc-2m", 1))
    remote = replace(request, address=replace(request.address, district="西貢"))
    assert differences(await pages.ours(request), await pages.old(request, "b-1", "remote-on-top")) == []
    right, wrong = await pages.ours(remote), await pages.old(remote, "b-1", "remote-on-top")
    assert [theirs for _, theirs in fees(wrong)] == [{"HOME_DELIVERY": 944, "REMOTE_AREA": 2360}] * 3
    assert [ours for _, ours in fees(right)] == [{"REMOTE_AREA": 2360}] * 3
    assert wrong.page.totals.payable == right.page.totals.payable + 944
    assert wrong.page.totals.goods == right.page.totals.goods


async def test_remote_on_top_counts_each_shops_shipment(pages: Pages) -> None:
    request = pages.world.cart("HK", ("dig-earbuds-lite", 1), ("tea-gaiwan-white", 1))
    remote = replace(request, address=replace(request.address, district="西貢"))
    wrong = dict(fees(await pages.old(remote, "b-1", "remote-on-top")))
    (fast,) = [charged for name, charged in wrong.items() if name.endswith("HK_DM_FAST")]
    assert fast == {"HOME_DELIVERY": 2 * 944, "REMOTE_AREA": 2 * 2360}


async def test_remote_on_top_changes_nothing_in_singapore_nor_at_a_pick_up_point(pages: Pages) -> None:
    assert [differences(*pair) for pair in await both(pages, "SG", "remote-on-top")] == [[]] * CARTS
    for right, wrong in await both(pages, "HK", "remote-on-top"):
        options = [option for parcel in right.page.parcels for option in parcel.options]
        remote_homes = [o for o in options if o.delivery == 1 and any(fee.code == "REMOTE_AREA" for fee in o.fees)]
        assert bool(differences(right, wrong)) == bool(remote_homes)


@pytest.mark.parametrize("site", ["HK", "SG"])
async def test_round_line_converts_a_line_at_once(pages: Pages, site: str) -> None:
    differ = 0
    skus = pages.world.ports.known
    for right, wrong in await both(pages, site, "round-line"):
        rate = right.page.exchange_rate
        for ours, theirs in zip(_lines(right), _lines(wrong), strict=True):
            exact = skus[ours.sku_id].unit_price * ours.quantity
            assert theirs.unit_amount == ours.unit_amount
            assert theirs.amount == (2 * exact * rate.numerator + rate.denominator) // (2 * rate.denominator)
            differ += theirs.amount != ours.amount
        assert wrong.page.totals.goods == sum(line.amount for line in _lines(wrong))
        if all(line.amount == other.amount for line, other in zip(_lines(right), _lines(wrong), strict=True)):
            assert differences(right, wrong) == []
    assert differ > CARTS / 10


def _lines(page: RenderResponse) -> list[Any]:
    return [line for shop in page.page.shops for line in shop.lines]


async def test_late_at_cutoff_moves_the_dates_of_that_very_moment_only(pages: Pages) -> None:
    request = pages.world.cart("SG", ("bok-notebook-a5", 2))
    for micros, differs in ((-1, False), (0, True), (1, False)):
        pages.at(CUTOFF + timedelta(microseconds=micros))
        right, wrong = await pages.ours(request), await pages.old(request, "b-1", "late-at-cutoff")
        assert bool(differences(right, wrong)) == differs
        if differs:
            assert [o.arrival for o in right.page.parcels[0].options] != [
                o.arrival for o in wrong.page.parcels[0].options
            ]
            assert right.page.totals == wrong.page.totals


@pytest.mark.parametrize("site", ["HK", "SG"])
async def test_double_space_changes_names_and_nothing_else(pages: Pages, site: str) -> None:
    differ = 0
    for right, wrong in await both(pages, site, "double-space"):
        differ += bool(differences(right, wrong))
        for parcel in wrong.page.parcels:
            every: list[Any] = [*parcel.options, *parcel.excluded]
            for named in every:
                assert ("  " in named.label) == ("CONSO" in named.method)
                named.label = named.label.replace("  ", " ")
        assert differences(right, wrong) == []
    assert differ > CARTS / 2


@pytest.mark.parametrize("site", ["HK", "SG"])
async def test_page_bugs_leave_a_page_that_can_be_ordered_and_whose_sums_hold(start: Start, site: str) -> None:
    pairs = {"HK": ("bok-washi-tape", 7), "SG": ("bok-washi-tape", 7)}
    page = live.page_of(
        site, pairs[site], ("tea-gaiwan-white", 3), address={"district": "西貢"} if site == "HK" else {}
    )
    async with start(*PAGE_BUGS) as systems:
        rendered = await systems.old.render(page)
        placed = await systems.old.submit(live.submission(page, rendered))
        assert placed.order.payable == rendered.page.totals.payable
        assert placed.payment.amount == placed.order.payable
        assert live.query(systems.databases[1], "SELECT sum(amount) FROM ledger_entries") == [(0,)]


async def test_lost_service_order_leaves_the_page_right_and_the_order_one_short(start: Start) -> None:
    page = live.page_of("HK", ("dig-earbuds-lite", 1), ("bty-shampoo-400", 2))
    async with start("lost-service-order") as systems:
        ours, old = [await client.by(page, "HK_CONSO_LAND") for client in (systems.ours, systems.old)]
        assert differences(ours, old) == []
        right = same((await systems.ours.submit(live.submission(page, ours))).order)
        wrong = same((await systems.old.submit(live.submission(page, old))).order)
        assert len(right.service_orders) == len(wrong.service_orders) + 1
        del right.service_orders[-1]
        assert right == wrong


async def test_flaky_fails_every_fiftieth_page_and_slow_pauses_every_twentieth_call(start: Start) -> None:
    page = live.page_of("SG", ("bok-notebook-a5", 1))
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async with start("flaky", "slow", pause=pause) as systems:
        placed = await bought(systems.old, page)  # a Render and a Submit
        for _ in range(48):
            await systems.old.render(page)
        refusal = await refused(systems.old.render(page))
        assert (refusal.status, refusal.reason) == ("INTERNAL", "SYS_UNKNOWN")
        await systems.old.render(page)
        assert await systems.old.order(placed.order.order_id)
    assert pauses == [0.05, 0.05]  # of 53 calls


def test_each_bug_is_tested_here() -> None:
    assert set(BUGS) == {*PAGE_BUGS, "lost-service-order", "slow", "flaky"}
