"""The extension that asks a carrier, over real connections: how often, how much at once, and what it keeps."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from ruamel.yaml import YAML
from tests.carriers import files
from tests.carriers.http_carrier import HttpCarrier

from orderpage.adapters.remote.services import RemoteServices
from orderpage.domain.address import Delivery
from orderpage.domain.shipping import Parcel
from orderpage.packages import convert_setting
from orderpage.ports import AskView, Ports
from orderpage.testing import example_address, example_line, example_parcel, example_view
from orderpage.testing.memory import Memory
from orderpage_carriers.description import Carrier
from orderpage_carriers.places import WrongAnswer
from orderpage_carriers.quotes import CarrierQuotes


@pytest.fixture
async def http() -> AsyncIterator[HttpCarrier]:
    async with HttpCarrier() as carrier:
        yield carrier


@pytest.fixture
async def remote() -> AsyncIterator[RemoteServices]:
    async with RemoteServices() as services:
        yield services


def quotes_of(carrier: HttpCarrier, **settings: Any) -> CarrierQuotes:
    (slot,) = YAML(typ="safe", pure=True).load(files.RATES.format(url=carrier.url))
    given = {**slot["settings"], "cache_seconds": 60, **settings}
    return CarrierQuotes(msgspec.convert(given, Carrier, dec_hook=convert_setting))


def parcels(count: int) -> tuple[Parcel, ...]:
    """Of different weights."""
    return tuple(example_parcel(example_line(str(number), weight_g=100 + 10 * number)) for number in range(count))


def ask_view(remote: RemoteServices, *asked: Parcel, **view: Any) -> AskView:
    page = example_view("SG", **view)
    memory = Memory(page)
    return AskView(ports=Ports(memory, memory, memory, remote), page=page, parcels=asked)


async def test_every_parcel_asked_about_has_an_entry(http: HttpCarrier, remote: RemoteServices) -> None:
    asked = parcels(3)
    found = await quotes_of(http).quotes(ask_view(remote, *asked))
    assert set(found) == {parcel.parcel_id for parcel in asked}
    assert [quote.service for quote in found[asked[0].parcel_id]] == ["EXPRESS", "SAVER"]
    http.mode = "takes none"
    found = await quotes_of(http).quotes(ask_view(remote, *asked))
    assert set(found.values()) == {()}, "asked, and not taken"


async def test_many_parcels_go_in_few_calls(http: HttpCarrier, remote: RemoteServices) -> None:
    found = await quotes_of(http, parcels_per_call=4).quotes(ask_view(remote, *parcels(10)))
    assert len(found) == 10
    assert sorted(len(body["parcels"]) for body in http.seen) == [2, 4, 4]


async def test_not_more_calls_at_a_time_than_may_be(http: HttpCarrier, remote: RemoteServices) -> None:
    http.mode = "slow"
    await quotes_of(http, parcels_per_call=1, concurrency=2).quotes(ask_view(remote, *parcels(4)))
    assert (http.calls, http.most_at_once) == (4, 2)


async def test_the_same_content_to_the_same_place_is_asked_once(http: HttpCarrier, remote: RemoteServices) -> None:
    extension, (parcel, *_) = quotes_of(http), parcels(1)
    alike = example_parcel(example_line("another", weight_g=100))
    first = await extension.quotes(ask_view(remote, parcel))
    again = await extension.quotes(ask_view(remote, alike))
    assert http.calls == 1
    assert again[alike.parcel_id] == first[parcel.parcel_id]
    await extension.quotes(ask_view(remote, alike, address=example_address("SG", postcode="018956")))
    await extension.quotes(ask_view(remote, alike, address=example_address("SG", delivery=Delivery.PICKUP_POINT)))
    await extension.quotes(ask_view(remote, example_parcel(example_line("1", weight_g=100, price="99.00"))))
    assert http.calls == 4
    await extension.quotes(ask_view(remote, alike, address=example_address("SG", recipient="Somebody Else")))
    assert http.calls == 4, "who it is for changes no price"


async def test_only_what_is_not_known_is_asked_for(http: HttpCarrier, remote: RemoteServices) -> None:
    extension, asked = quotes_of(http), parcels(3)
    await extension.quotes(ask_view(remote, *asked[:2]))
    found = await extension.quotes(ask_view(remote, *asked))
    assert [len(body["parcels"]) for body in http.seen] == [2, 1]
    assert len(found) == 3


async def test_a_failure_is_not_kept(http: HttpCarrier, remote: RemoteServices) -> None:
    extension = quotes_of(http)
    http.mode = "negative"
    with pytest.raises(WrongAnswer):
        await extension.quotes(ask_view(remote, *parcels(1)))
    http.mode = "well"
    assert await extension.quotes(ask_view(remote, *parcels(1)))


async def test_a_cart_that_divides_in_many_ways_is_asked_for_in_part(http: HttpCarrier, remote: RemoteServices) -> None:
    asked = parcels(9)
    found = await quotes_of(http, parcels_per_call=1, concurrency=3).quotes(ask_view(remote, *asked))
    assert list(found) == [parcel.parcel_id for parcel in asked[:6]], "the first ones: the fewest parcels"
    assert http.calls == 6


async def test_one_call_that_fails_ends_the_others(http: HttpCarrier, remote: RemoteServices) -> None:
    http.mode = "negative"
    extension = quotes_of(http, parcels_per_call=1, concurrency=1)
    with pytest.raises(WrongAnswer, match=r"found -5\.00"):
        await extension.quotes(ask_view(remote, *parcels(5)))
    assert http.calls == 1


async def test_a_caller_that_goes_away_leaves_no_call_behind(http: HttpCarrier, remote: RemoteServices) -> None:
    http.mode = "never"
    asking = asyncio.create_task(quotes_of(http, parcels_per_call=1).quotes(ask_view(remote, *parcels(3))))
    while http.calls < 3:  # noqa: ASYNC110  # the carrier is what tells
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    while http.cancelled < 3:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_above_the_rate_the_carrier_is_not_asked_and_nothing_fails(
    http: HttpCarrier, remote: RemoteServices
) -> None:
    found = await quotes_of(http, parcels_per_call=1, max_per_second=2).quotes(ask_view(remote, *parcels(5)))
    assert (http.calls, len(found)) == (2, 2)


@pytest.mark.parametrize("steered", [{"share": 0}, {"shielded": True}])
async def test_nobody_is_asked_for(http: HttpCarrier, remote: RemoteServices, steered: dict[str, Any]) -> None:
    assert await quotes_of(http, **steered).quotes(ask_view(remote, *parcels(2))) == {}
    assert http.calls == 0


async def test_a_parcel_that_no_carrier_could_price_is_not_asked_about(
    http: HttpCarrier, remote: RemoteServices
) -> None:
    weightless = example_parcel(example_line("1", weight_g=0))
    scattered = example_parcel(example_line("1"), example_line("2", origin="HK"))
    assert await quotes_of(http).quotes(ask_view(remote, weightless, scattered)) == {}
    assert http.calls == 0
