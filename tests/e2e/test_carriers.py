"""Third-party carriers through a real channel: their prices on the page, honoured, steered, and never trusted."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from tests.carriers import files
from tests.carriers.grpc_carrier import GrpcCarrier
from tests.carriers.http_carrier import SLOW, HttpCarrier
from tests.e2e.live import Client, Server, check_sums, page_of, refused, submission

from crossborder.checkout.v1 import order_page_pb2, order_pb2

Shops = Callable[..., AbstractAsyncContextManager[Client]]
CARTS = {"SG": page_of("SG", ("tst-plain", 1)), "HK": page_of("HK", ("tst-plain", 1))}
METHODS = {"SG": "SWIFT", "HK": "HARBOUR"}
CARD_FREIGHT = {"SG": 845, "HK": 5192}
"""Of the fall-back card: 44.00 CNY for up to 500 g, at 0.1920 SGD and 1.18 HKD."""

Carrier = HttpCarrier | GrpcCarrier


@pytest.fixture
async def http() -> AsyncIterator[HttpCarrier]:
    async with HttpCarrier() as carrier:
        yield carrier


@pytest.fixture
async def grpc() -> AsyncIterator[GrpcCarrier]:
    async with GrpcCarrier() as carrier:
        yield carrier


@pytest.fixture(params=["SG", "HK"], ids=["http", "grpc"])
def site(request: pytest.FixtureRequest) -> str:
    """The HTTP carrier goes to Singapore, the gRPC one to Hong Kong."""
    return str(request.param)


@pytest.fixture
def carrier(site: str, http: HttpCarrier, grpc: GrpcCarrier) -> Carrier:
    return http if site == "SG" else grpc


@pytest.fixture
def folder(tmp_path: Path, http: HttpCarrier, grpc: GrpcCarrier) -> str:
    """An operator's folder with one file per carrier."""
    layers = {"swift": files.http_layer(http.url), "harbour": files.grpc_layer(grpc.url)}
    return files.package_folder(tmp_path / "carriers", **layers)


@pytest.fixture
def hasty(tmp_path: Path, http: HttpCarrier, grpc: GrpcCarrier) -> str:
    """The same where a page waits 400 ms and no longer, as much as a busy machine may take to answer well."""
    layers = {"swift": files.http_layer(http.url), "harbour": files.grpc_layer(grpc.url)}
    return files.package_folder(
        tmp_path / "hasty", **{name: files.with_budget(layer, 400) for name, layer in layers.items()}
    )


def option(rendered: order_page_pb2.RenderResponse, method: str) -> Any:
    """A method of the first parcel, or None."""
    return next((found for found in rendered.page.parcels[0].options if found.method == method), None)


def degraded(rendered: order_page_pb2.RenderResponse) -> list[tuple[str, str, str]]:
    return [(lost.point, lost.extension, lost.reason) for lost in rendered.page.degraded]


# ---- the price -------------------------------------------------------------------------------------------------


async def test_the_page_shows_what_the_carrier_asks(
    tracing_shop: Shops, folder: str, site: str, carrier: Carrier
) -> None:
    freight = {"SG": 580, "HK": 3092}  # 30.20 CNY at 0.1920; 26.20 CNY at 1.18
    async with tracing_shop(packages=folder) as client:
        rendered = await client.by(CARTS[site], METHODS[site])
    assert option(rendered, METHODS[site]).freight == freight[site]
    assert degraded(rendered) == []
    check_sums(rendered)
    assert carrier.calls >= 1


async def test_a_carrier_is_told_what_its_file_says_and_no_more(
    tracing_shop: Shops, folder: str, http: HttpCarrier
) -> None:
    async with tracing_shop(packages=folder) as client:
        rendered = await client.render(CARTS["SG"])
    (asked,) = http.seen
    parcel_id = rendered.page.parcels[0].parcel_id
    assert asked == {
        "account": "ORDERPAGE",
        "to": {"country": "SG", "postcode": "520123", "collect": False},
        "parcels": [
            {
                "ref": parcel_id,
                "weight": {"kg": 0.2},
                "size": {"litres": 1},
                "contents": ["GENERAL"],
                "worth": "61.00",
            }
        ],
    }


async def test_a_price_is_honoured_at_submit_although_the_carrier_has_raised_it(
    tracing_shop: Shops, folder: str, site: str, carrier: Carrier
) -> None:
    async with tracing_shop(packages=folder) as client:
        quoted = await client.by(CARTS[site], METHODS[site])
        calls = carrier.calls
        for service, price in carrier.prices.items():
            carrier.prices[service] = "90.00" if isinstance(price, str) else 9000  # type: ignore[assignment]
        made = await client.submit(submission(CARTS[site], quoted))
        assert carrier.calls == calls, "what is quoted is not asked for again"
        dearer = await client.by(CARTS[site], METHODS[site])
    assert made.order.payable == quoted.page.totals.payable
    assert made.order.state != order_pb2.ORDER_STATE_CLOSED
    assert option(dearer, METHODS[site]).freight > option(quoted, METHODS[site]).freight


async def test_a_price_is_honoured_although_the_carrier_is_gone(
    tracing_shop: Shops, folder: str, site: str, carrier: Carrier
) -> None:
    async with tracing_shop(packages=folder) as client:
        quoted = await client.by(CARTS[site], METHODS[site])
        carrier.mode = "never"
        made = await client.submit(submission(CARTS[site], quoted))
    assert made.order.payable == quoted.page.totals.payable


async def test_a_page_that_is_adjusted_asks_again_for_what_was_missing_and_for_nothing_else(
    tracing_shop: Shops, folder: str, site: str, carrier: Carrier
) -> None:
    async with tracing_shop(packages=folder) as client:
        carrier.mode = "broken"
        first = await client.render(CARTS[site])
        still = await client.render(CARTS[site], prior=first.quote_token)
        carrier.mode = "well"
        again = await client.render(CARTS[site], prior=still.quote_token)
        asked = carrier.calls
        kept = await client.render(CARTS[site], prior=again.quote_token)
    assert degraded(first) == degraded(still) != []
    assert degraded(again) == degraded(kept) == []
    assert option(first, METHODS[site]).freight == CARD_FREIGHT[site]
    assert option(again, METHODS[site]).freight == option(kept, METHODS[site]).freight != CARD_FREIGHT[site]
    assert carrier.calls == asked


async def test_a_fallback_price_is_honoured_although_the_carrier_is_back(
    tracing_shop: Shops, folder: str, site: str, carrier: Carrier
) -> None:
    carrier.mode = "broken"
    async with tracing_shop(packages=folder) as client:
        quoted = await client.by(CARTS[site], METHODS[site])
        carrier.mode = "well"
        made = await client.submit(submission(CARTS[site], quoted))
    assert option(quoted, METHODS[site]).freight == CARD_FREIGHT[site]
    assert made.order.payable == quoted.page.totals.payable


async def test_another_address_is_another_price_to_ask_for(tracing_shop: Shops, folder: str, http: HttpCarrier) -> None:
    async with tracing_shop(packages=folder) as client:
        quoted = await client.by(CARTS["SG"], "SWIFT")
        elsewhere = page_of("SG", ("tst-plain", 1), address={"postcode": "018956"})
        http.prices["EXPRESS"] = "50.00"
        refusal = await refused(client.submit(submission(elsewhere, quoted)))
    assert "QUOTE_CHANGED" in refusal.codes


# ---- carriers that fail or lie -----------------------------------------------------------------------------------

HTTP_LIES = (
    "broken", "html", "garbage", "empty", "huge", "nan", "nan text", "negative", "absurd", "currency",
    "unknown parcel", "refuses", "closes", "redirects",
)  # fmt: skip
GRPC_LIES = ("broken", "garbage", "huge", "negative", "absurd", "currency", "unknown parcel")


@pytest.mark.parametrize(
    ("site", "mode"), [*(("SG", mode) for mode in HTTP_LIES), *(("HK", mode) for mode in GRPC_LIES)]
)
async def test_a_carrier_that_lies_is_not_believed(
    tracing_shop: Shops, folder: str, site: str, carrier: Carrier, mode: str
) -> None:
    carrier.mode = mode
    async with tracing_shop(packages=folder) as client:
        rendered = await client.render(CARTS[site])
    assert degraded(rendered) == [("ask", "carriers.quotes", "fault")]
    assert option(rendered, METHODS[site]).freight == CARD_FREIGHT[site]
    assert rendered.quote_token
    check_sums(rendered)


@pytest.mark.parametrize("mode", ["never", "drips"])
async def test_a_carrier_that_never_answers_does_not_hold_the_page_past_its_budget(
    tracing_shop: Shops, hasty: str, http: HttpCarrier, mode: str
) -> None:
    http.mode = mode
    async with tracing_shop(packages=hasty) as client:
        began = time.monotonic()
        rendered = await client.render(CARTS["SG"])
        took = time.monotonic() - began
    assert 0.4 <= took < 5, "the budget is 400 ms, the call's deadline is a minute away"
    assert degraded(rendered) == [("ask", "carriers.quotes", "timeout")]
    assert option(rendered, "SWIFT").freight == CARD_FREIGHT["SG"]


async def test_many_pages_at_once_wait_no_longer_than_one(
    tracing_shop: Shops, hasty: str, site: str, carrier: Carrier
) -> None:
    carrier.mode = "never"
    async with tracing_shop(packages=hasty) as client:
        began = time.monotonic()
        pages = await asyncio.gather(*(client.render(CARTS[site]) for _ in range(20)))
        took = time.monotonic() - began
        assert took < 20 * 0.4 / 2, "each waited 400 ms, none for another"
        reasons = [degraded(page)[0][2] for page in pages]
        assert set(reasons) <= {"timeout", "unavailable"}, "who comes late on a busy machine may find the breaker open"
        assert "timeout" in reasons
        assert {option(page, METHODS[site]).freight for page in pages} == {CARD_FREIGHT[site]}
        left_alone = [("ask", "carriers.quotes", "unavailable")]  # for a while; nobody asks, and nobody waits
        assert degraded(await client.render(CARTS[site])) == left_alone


async def test_a_slow_carrier_within_its_budget_is_waited_for(
    tracing_shop: Shops, folder: str, site: str, carrier: Carrier
) -> None:
    async with tracing_shop(packages=folder) as client:
        await client.render(CARTS[site])
        carrier.mode = "slow"
        began = time.monotonic()
        rendered = await client.render(CARTS[site])
    assert time.monotonic() - began >= SLOW
    assert degraded(rendered) == []


async def test_without_a_fallback_the_method_is_missing_and_the_page_says_why(
    tracing_shop: Shops, tmp_path: Path, http: HttpCarrier
) -> None:
    http.mode = "broken"
    folder = files.package_folder(tmp_path / "own", swift=files.http_layer(http.url, fallback=""))
    async with tracing_shop(packages=folder) as client:
        rendered = await client.render(CARTS["SG"])
    assert option(rendered, "SWIFT") is None
    (out,) = [out for out in rendered.page.parcels[0].excluded if out.method == "SWIFT"]
    (reason,) = out.reasons
    assert reason.code == "LOGI_METHOD_GONE"
    assert "swift gave no price for this parcel" in reason.message


async def test_a_parcel_that_the_carrier_does_not_take_never_goes_by_the_fallback(
    tracing_shop: Shops, folder: str, http: HttpCarrier
) -> None:
    http.mode = "takes none"
    async with tracing_shop(packages=folder) as client:
        rendered = await client.render(CARTS["SG"])
    assert option(rendered, "SWIFT") is None
    assert degraded(rendered) == []
    messages = [reason.message for out in rendered.page.parcels[0].excluded for reason in out.reasons]
    assert any("swift does not take this parcel" in message for message in messages)


async def test_a_carrier_that_keeps_failing_is_left_alone_for_a_while(
    tracing_shop: Shops, folder: str, http: HttpCarrier
) -> None:
    http.mode = "broken"
    async with tracing_shop(packages=folder) as client:
        pages = [await client.render(CARTS["SG"]) for _ in range(7)]
    assert http.calls == 5
    assert [degraded(page)[0][2] for page in pages] == ["fault"] * 5 + ["unavailable"] * 2


# ---- secrets ---------------------------------------------------------------------------------------------------


async def test_a_secret_that_is_not_set_costs_the_carrier_not_the_page(
    tracing_shop: Shops, tmp_path: Path, http: HttpCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = f'endpoint: "{http.url}"'
    text = files.http_layer(http.url).replace(plain, f"{plain}, auth: {{secret: SWIFT_TOKEN}}")
    folder = files.package_folder(tmp_path / "own", swift=text)
    async with tracing_shop(packages=folder) as client:
        without = await client.render(CARTS["SG"])
        monkeypatch.setenv("ORDERPAGE_SECRET_SWIFT_TOKEN", "s3cret")
        with_it = await client.render(CARTS["SG"])
    assert degraded(without) == [("ask", "carriers.quotes", "fault")]
    assert degraded(with_it) == []
    assert [headers["Authorization"] for headers in http.headers] == ["Bearer s3cret"]


# ---- steering, live ----------------------------------------------------------------------------------------------

STEERED = "package: throttle\nwhen: {site: SG, client: h5}\nask: {set: {swift: {%s}}}\n"


async def test_operators_shield_and_throttle_a_carrier_on_a_running_server(
    own_server: Callable[..., Server],
    connect: Callable[..., AbstractAsyncContextManager[Client]],
    folder: str,
    http: HttpCarrier,
) -> None:
    server = own_server(packages=folder)
    buyers = [f"b-{number}" for number in range(20)]
    native = page_of("SG", ("tst-plain", 1), client="native")

    def steer(number: int, change: str) -> None:
        files.package_folder(Path(folder), throttle=STEERED % change)
        server.signal(signal.SIGHUP)
        server.wait_for("reload.done", seen=number)

    async with connect(server) as client:

        async def asked_for() -> set[str]:
            """The buyers for whom the carrier is asked; the others see the fall-back price, and no alarm."""
            served = set()
            for buyer in buyers:
                before = http.calls
                rendered = await client.as_buyer(buyer).render(CARTS["SG"])
                assert degraded(rendered) == []
                freight = option(rendered, "SWIFT").freight
                assert freight == (580 if http.calls > before else CARD_FREIGHT["SG"])
                if http.calls > before:
                    served.add(buyer)
            return served

        assert await asked_for() == set(buyers)
        steer(0, "share: 50")
        half = await asked_for()
        assert 0 < len(half) < len(buyers)
        assert await asked_for() == half, "a buyer sees one price"
        steer(1, "share: 80")
        assert await asked_for() > half
        steer(2, "shielded: true")
        assert await asked_for() == set()
        before = http.calls
        await client.render(native)
        assert http.calls == before + 1, "only that client's traffic is steered"
        steer(3, "max_per_second: 1, cache_seconds: 0")
        assert 1 <= len(await asked_for()) < len(buyers)
    server.stop()
