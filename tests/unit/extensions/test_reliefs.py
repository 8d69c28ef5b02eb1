"""A relief so often in a half-year: counted where it is granted, noted where it is used (domain rules 2.1 and 12)."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from orderpage.domain.buyer import Buyer
from orderpage.domain.page import Notice
from orderpage.domain.problem import Code
from orderpage.domain.usage import UseUp
from orderpage.ports import NothingUsed, Ports
from orderpage_tax.reliefs import Relief, ReliefsUsed


class Uses(NothingUsed):
    """``UsagesPort`` over orders that are known, with the moment that it was asked about."""

    def __init__(self, *orders: datetime) -> None:
        self.orders = orders

    async def used(self, buyer_id: str, names: Collection[str], since: datetime | None = None) -> Mapping[str, int]:
        return dict.fromkeys(names, sum(since is None or at >= since for at in self.orders))


def relief(**fields: Any) -> ReliefsUsed:
    return ReliefsUsed(Relief(**{"law": "TW_IMPORT", "limit": 6, "timezone": "Asia/Taipei", **fields}))


def counted(world: Any, at: datetime, *orders: datetime) -> int:
    class View:
        ports = Ports(world.ports, world.ports, world.ports, usages=Uses(*orders))
        buyer = Buyer(buyer_id="b-1", crowd="")
        priced_at = at

    return asyncio.run(relief().load(View()))["TW_IMPORT"]  # type: ignore[arg-type]


def test_the_half_year_is_that_of_taipei(world: Any) -> None:
    """30 June 16:00 UTC is 1 July there."""
    june, july = datetime(2026, 6, 30, 15, 59, tzinfo=UTC), datetime(2026, 6, 30, 16, tzinfo=UTC)
    assert counted(world, july, june, july) == 1
    assert counted(world, june, datetime(2025, 12, 31, 16, tzinfo=UTC), june) == 2
    assert counted(world, june, datetime(2025, 12, 31, 15, 59, tzinfo=UTC)) == 0


def test_the_buyer_is_told_once_none_is_left(make: Any) -> None:
    assert not list(relief().admit(make.view(), {"reliefs": {"TW_IMPORT": 5}}))
    assert not list(relief().admit(make.view(), {"reliefs": {"OTHER": 9}}))
    (notice,) = relief().admit(make.view(), {"reliefs": {"TW_IMPORT": 6}})
    assert isinstance(notice, Notice)
    assert notice.problem.code is Code.TAX_QUOTA_EXCEEDED


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"timezone": "Taipei"}, "no time zone"), ({"timezone": ""}, "no time zone"), ({"limit": -1}, "-1 times")],
)
def test_settings_that_cannot_be_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        relief(**fields)


async def taiwan(world: Any, *lines: tuple[str, int]) -> Any:
    return (await world.render(world.cart("TW", *lines))).page


@pytest.mark.parametrize(("price", "uses"), [("300.00", 1), ("600.00", 0)])
async def test_an_order_uses_one_where_it_is_free_and_none_where_it_pays(world: Any, price: str, uses: int) -> None:
    world.ports.sell("thing", price)
    page = await taiwan(world, ("thing", 1))
    view = type("View", (), {"page": page})()
    found = list(relief().enrich(view, {}))
    assert bool(page.totals.border) is (not uses)
    assert [(use.name, use.units, use.limit, use.code) for use in found if isinstance(use, UseUp)] == [
        ("relief:TW_IMPORT", 1, 6, Code.TAX_QUOTA_EXCEEDED)
    ] * uses


async def test_what_a_forwarder_takes_uses_none(world: Any) -> None:
    world.ports.sell("thing", "300.00")
    page = await taiwan(world, ("thing", 1))
    parcels = tuple(replace(parcel, selected="") for parcel in page.parcels)
    assert not list(relief().enrich(type("View", (), {"page": replace(page, parcels=parcels)})(), {}))


async def test_nothing_is_used_once_none_is_left(world: Any) -> None:
    world.ports.sell("thing", "300.00")
    page = await taiwan(world, ("thing", 1))
    view = type("View", (), {"page": page})()
    assert not list(relief().enrich(view, {"reliefs": {"TW_IMPORT": 6}}))
