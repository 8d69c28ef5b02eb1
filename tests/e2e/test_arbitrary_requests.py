"""Arbitrary requests over the wire: never INTERNAL or UNKNOWN, and every page keeps the laws of its money."""

from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.e2e.live import CHANNEL, SECONDS, Refused, Server, check_sums, leaks, query, read_refusal, written

from crossborder.checkout.v1 import common_pb2, order_page_pb2, order_page_pb2_grpc, request_pb2

METADATA = (("authorization", "Bearer demo:b-any"), ("orderpage-status-bytes", "200000"))
MODEST = {
    "deadline": None,
    "database": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
}
LANGUAGES = ["", "en", "zh-Hant", "zh-Hans", "xx", "zh-Hant-HK", "en\x00"]

hostile = st.one_of(
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "ignore").decode("utf-8")),
    st.sampled_from([
        "", "*", "..", "%s%n", "${jndi:ldap://x}", "' OR 1=1 --", "<script>", "\x00", "\u202e", "\ud7ff", "😀" * 70,
        "a" * 300, "NaN", "-1", "١٢٣", "\r\n", "{}", "null", "İ", "ß" * 64,
    ]),
)  # fmt: skip
"""Texts that somebody means ill with, and texts that nobody thought of."""


def mostly(good: Sequence[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(good), st.sampled_from(good), st.sampled_from(good), hostile)


@pytest.fixture(scope="module")
def skus(server: Server) -> list[str]:
    """Every SKU that is sold."""
    return sorted(row[0] for row in query(server.database, "SELECT sku_id FROM skus"))


@pytest.fixture(scope="module")
def pages(server: Server) -> Iterator[order_page_pb2_grpc.OrderPageServiceStub]:
    with grpc.insecure_channel(server.address, options=CHANNEL) as channel:
        yield order_page_pb2_grpc.OrderPageServiceStub(channel)


@st.composite
def addresses(draw: st.DrawFn, site: str) -> common_pb2.Address:
    """An address of the site, of another country, or of nowhere."""
    country = draw(mostly([site if site in ("HK", "SG") else "SG"] * 8 + ["SG", "HK", "MY", "CA", "ZZ"]))
    return common_pb2.Address(
        country=country,
        subdivision=draw(mostly(["", "Kowloon", "New Territories", "九龍"])),
        city=draw(mostly(["", "Hong Kong"])),
        district=draw(mostly(["Mong Kok", "Sai Kung", "西貢", ""])),
        postcode=draw(mostly(["520123", "018956", "520123", "", "99999"])) if country == "SG" else "",
        street=draw(st.lists(mostly(["8 Demo Road", "#08-15"]), min_size=1, max_size=3)),
        recipient=draw(mostly(["Tan Jun", ""])),
        phone=draw(mostly(["+65 8123 4567", "+852 5123 4567", ""])),
        delivery=draw(st.sampled_from([0, 1, 1, 1, 2, 9])),  # type: ignore[arg-type]
        pickup_point=draw(st.sampled_from(["", "", "", "P1", "\x00"])),
    )


@st.composite
def page_requests(draw: st.DrawFn, skus: list[str], *, sound: bool = False) -> request_pb2.PageRequest:
    """Any page; a ``sound`` one has nothing wrong that a client could know, so that most have options."""
    text = st.sampled_from if sound else mostly
    site = draw(text(["HK", "SG"]))
    page = request_pb2.PageRequest(
        site=site,
        business=draw(text(["marketplace", "supermarket", "saas"])),
        client=draw(text(["h5", "native", "mini_program"])),
        client_version="2.0.0" if sound else draw(hostile),
        language=draw(text(["en", "zh-Hant"] if sound else LANGUAGES)),
    )
    quantities = st.integers(1, 12) if sound else st.one_of(st.integers(1, 12), st.integers(-(2**31), 2**31 - 1))
    for number in range(draw(st.integers(1 if sound else 0, 7))):
        line_id = str(number) if sound else draw(st.one_of(st.just(str(number)), st.just(str(number)), hostile))
        page.cart.lines.add(line_id=line_id, sku_id=draw(text(skus)), quantity=draw(quantities))
    if not sound and draw(st.integers(0, 12)) == 0:
        page.order_stage.order_id = draw(hostile)
    if sound:
        page.address.CopyFrom(_home(site))
    elif draw(st.integers(0, 8)):
        page.address.CopyFrom(draw(addresses(site)))
    return page


def _home(site: str) -> common_pb2.Address:
    if site == "HK":
        return common_pb2.Address(country="HK", subdivision="Kowloon", district="Mong Kok", street=["8 Demo Road"])
    return common_pb2.Address(country="SG", postcode="520123", street=["123 Demo Street"])


@st.composite
def mutations(draw: st.DrawFn, token: str) -> str:
    """The token, or what is left of it after an accident."""
    if not token or draw(st.booleans()):
        return token
    at = draw(st.integers(0, len(token) - 1))
    return draw(
        st.sampled_from([
            token[:at], token[at:], token[:at] + "A" + token[at + 1 :], token + token, token[::-1],
            token[:at] + "." + token[at:], token[:at] + "é" + token[at:], "",
        ])
    )  # fmt: skip


def answered(call: Any, request: Any) -> tuple[Any, Refused | None]:
    """The answer or the refusal, which must be one of ours and tell nothing internal."""
    try:
        return call(request, timeout=SECONDS, metadata=METADATA), None
    except grpc.RpcError as error:
        refusal = read_refusal(error)
    assert refusal.status not in {"INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED", "UNAVAILABLE"}, refusal.told
    assert refusal.reason, refusal.told
    assert refusal.action
    assert not [word for word in leaks(refusal) if word in ("Traceback", "sqlalchemy", "msgspec", "object at 0x")]
    return None, refusal


def switch(request: order_page_pb2.RenderRequest, token: str, parcel_id: str, method: str) -> Any:
    adjusted = order_page_pb2.RenderRequest()
    adjusted.CopyFrom(request)
    adjusted.prior_quote_token = token
    del adjusted.selections[:]
    adjusted.selections.add(parcel_id=parcel_id, method=method)
    return adjusted


def check_switches(pages: Any, request: order_page_pb2.RenderRequest, rendered: Any, data: st.DataObject) -> None:
    """The law of a page, for one option of one parcel that hypothesis picks."""
    open_to_choice = [parcel for parcel in rendered.page.parcels if len(parcel.options) > 1]
    if not rendered.quote_token or not open_to_choice:
        return
    parcel = data.draw(st.sampled_from(open_to_choice))
    option = data.draw(st.sampled_from(list(parcel.options)))
    selected = next(one for one in parcel.options if one.selected)
    again, refusal = answered(pages.Render, switch(request, rendered.quote_token, parcel.parcel_id, option.method))
    assert refusal is None, refusal
    check_sums(again)
    (now,) = [
        one for same in again.page.parcels if same.parcel_id == parcel.parcel_id for one in same.options if one.selected
    ]
    assert now.method == option.method
    moved = again.page.totals.payable - rendered.page.totals.payable
    assert moved == option.landed_cost - selected.landed_cost


@given(data=st.data())
@settings(max_examples=250, **MODEST)  # type: ignore[arg-type]
def test_any_render_is_a_page_whose_totals_are_its_parts_or_a_refusal_of_ours(
    pages: Any, skus: list[str], data: st.DataObject
) -> None:
    request = order_page_pb2.RenderRequest(page=data.draw(page_requests(skus)), explain=data.draw(st.booleans()))
    for parcel_id, method in data.draw(st.lists(st.tuples(hostile, mostly(["SG_DM_AIR", "HK_DM_LAND"])), max_size=2)):
        request.selections.add(parcel_id=parcel_id, method=method)
    rendered, _ = answered(pages.Render, request)
    if rendered is not None:
        check_sums(rendered)
        check_switches(pages, request, rendered, data)


@given(data=st.data())
@settings(max_examples=200, **MODEST)  # type: ignore[arg-type]
def test_switching_an_option_of_any_sound_page_moves_the_total_by_the_difference_shown(
    pages: Any, skus: list[str], data: st.DataObject
) -> None:
    request = order_page_pb2.RenderRequest(page=data.draw(page_requests(skus, sound=True)))
    rendered, refusal = answered(pages.Render, request)
    assert refusal is None, refusal
    check_sums(rendered)
    check_switches(pages, request, rendered, data)


@given(data=st.data())
@settings(max_examples=200, **MODEST)  # type: ignore[arg-type]
def test_any_submit_is_an_order_at_the_quoted_price_or_a_refusal_that_writes_nothing(
    pages: Any, server: Server, skus: list[str], data: st.DataObject
) -> None:
    page = data.draw(page_requests(skus, sound=data.draw(st.booleans())))
    rendered, _ = answered(pages.Render, order_page_pb2.RenderRequest(page=page))
    token = rendered.quote_token if rendered is not None else data.draw(hostile)
    page.address.recipient, page.address.phone = "Tan Jun", "+852 5123 4567" if page.site == "HK" else "+65 8123 4567"
    request = order_page_pb2.SubmitRequest(
        request_id=data.draw(st.one_of(st.uuids().map(str), st.uuids().map(str), hostile)),
        quote_token=data.draw(mutations(token)),
        payment_method=data.draw(mostly(["card", "fps"])),
        validate_only=data.draw(st.booleans()),
        page=page if data.draw(st.integers(0, 4)) else data.draw(page_requests(skus)),
    )
    before = written(server.database)["orders"]
    made, refusal = answered(pages.Submit, request)
    if refusal is not None or request.validate_only:
        assert written(server.database)["orders"] == before
    else:
        assert rendered is not None
        assert made.order.payable == rendered.page.totals.payable
        again, _ = answered(pages.Submit, request)
        assert again.order.order_id == made.order.order_id


@given(junk=st.binary(max_size=200))
@settings(max_examples=100, **MODEST)  # type: ignore[arg-type]
def test_any_bytes_are_a_message_or_a_refusal_of_ours(server: Server, pages: Any, junk: bytes) -> None:
    def keep(data: bytes) -> bytes:
        return data

    with grpc.insecure_channel(server.address, options=CHANNEL) as channel:
        for method in ("OrderPageService/Render", "OrderPageService/Submit", "OrderService/GetOrder"):
            call = channel.unary_unary(f"/crossborder.checkout.v1.{method}", keep, keep)
            answered(call, junk)
