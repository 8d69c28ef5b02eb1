"""What a client or an operator can get wrong: a code with a remedy, nothing of our insides, and no partial order."""

import asyncio
import base64
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
import msgspec
import pytest
from google.protobuf.json_format import MessageToJson
from tests.e2e.live import (
    SECONDS,
    Client,
    Refused,
    Server,
    copy_database,
    leaks,
    page_of,
    query,
    read_refusal,
    refused,
    run,
    submission,
    url_of,
    written,
)

from crossborder.checkout.v1 import common_pb2, order_page_pb2, order_pb2, problem_pb2, request_pb2
from orderpage.domain.problem import Code

if TYPE_CHECKING:
    from tests.e2e.conftest import Shop

RENDER = "/crossborder.checkout.v1.OrderPageService/Render"
SUBMIT = "/crossborder.checkout.v1.OrderPageService/Submit"
Start = Callable[..., Server]
ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]
MEGABYTE = "x" * 1_000_000


def check_refusal(refusal: Refused, code: str, field: str = "") -> None:
    """The documented status, code and remedy; nothing internal; and where a field is at fault, which one."""
    rule = Code(code).rule
    assert (refusal.reason, refusal.status) == (code, rule.status), refusal.told
    assert refusal.action in problem_pb2.Action.keys() or f"ACTION_{refusal.action}" in problem_pb2.Action.keys()  # noqa: SIM118
    assert refusal.action
    assert refusal.metadata["trace_id"]
    assert refusal.problems[0].remedy.action != problem_pb2.ACTION_UNSPECIFIED
    assert refusal.message
    assert len(refusal.message) <= 200
    assert not leaks(refusal), leaks(refusal)
    if field:
        assert field in refusal.fields, refusal.fields


@pytest.fixture
def nothing_written(server: Server) -> Iterator[None]:
    """The test leaves the orders' tables and the stock as they were."""
    before = written(server.database)
    yield
    assert written(server.database) == before


# ---- a page request, given to Render and to Submit -----------------------------------------------------------------


def cart(**fields: Any) -> request_pb2.PageRequest:
    page = page_of("HK", ("tst-plain", 1))
    for name, value in fields.items():
        setattr(page, name, value)
    return page


def line(**fields: Any) -> request_pb2.PageRequest:
    page = cart()
    for name, value in fields.items():
        setattr(page.cart.lines[0], name, value)
    return page


def to(**fields: Any) -> request_pb2.PageRequest:
    return page_of("HK", ("tst-plain", 1), address=fields)


def without(name: str) -> request_pb2.PageRequest:
    page = cart()
    page.ClearField(name)  # type: ignore[arg-type]
    return page


def stage() -> request_pb2.PageRequest:
    page = cart()
    page.order_stage.order_id, page.order_stage.stage = "o-1", common_pb2.STAGE_DEPOSIT
    return page


def twice() -> request_pb2.PageRequest:
    page = page_of("HK", ("tst-plain", 1), ("tst-moving", 1))
    page.cart.lines[1].line_id = "1"
    return page


def lines(count: int) -> request_pb2.PageRequest:
    return page_of("HK", *[("tst-plain", 1)] * count)


BAD_PAGES: dict[str, tuple[request_pb2.PageRequest, str, str]] = {
    "no page": (request_pb2.PageRequest(), "REQUEST_INVALID", "site"),
    "no site": (cart(site=""), "REQUEST_INVALID", "site"),
    "unknown site": (cart(site="ATLANTIS"), "SCENARIO_UNKNOWN", "site"),
    "site in lower case": (cart(site="hk"), "SCENARIO_UNKNOWN", "site"),
    "any site": (cart(site="*"), "SCENARIO_UNKNOWN", "site"),
    "unknown business": (cart(business="casino"), "SCENARIO_UNKNOWN", "business"),
    "no business": (cart(business=""), "REQUEST_INVALID", "business"),
    "unknown client": (cart(client="telex"), "SCENARIO_UNKNOWN", "client"),
    "no client": (cart(client=""), "REQUEST_INVALID", "client"),
    "control character in the site": (cart(site="H\x00K"), "REQUEST_INVALID", "site"),
    "control character in the language": (cart(language="en\n"), "REQUEST_INVALID", "language"),
    "escape in the client's version": (cart(client_version="\x1b[31m"), "REQUEST_INVALID", "client_version"),
    "a megabyte of site": (cart(site=MEGABYTE), "REQUEST_INVALID", "site"),
    "a megabyte of language": (cart(language=MEGABYTE), "REQUEST_INVALID", "language"),
    "no cart": (without("cart"), "REQUEST_INVALID", "cart.lines"),
    "a stage that is not paid by itself": (stage(), "REQUEST_INVALID", "order_stage.stage"),
    "no line id": (line(line_id=""), "REQUEST_INVALID", "cart.lines[0].line_id"),
    "no sku": (line(sku_id=""), "REQUEST_INVALID", "cart.lines[0].sku_id"),
    "a megabyte of sku": (line(sku_id=MEGABYTE), "REQUEST_INVALID", "cart.lines[0].sku_id"),
    "control character in a sku": (line(sku_id="a\x7fb"), "REQUEST_INVALID", "cart.lines[0].sku_id"),
    "right-to-left override in a line id": (line(line_id="\u202ex"), "REQUEST_INVALID", "cart.lines[0].line_id"),
    "negative quantity": (line(quantity=-1), "REQUEST_INVALID", "cart.lines[0].quantity"),
    "smallest quantity": (line(quantity=-(2**31)), "REQUEST_INVALID", "cart.lines[0].quantity"),
    "zero quantity": (line(quantity=0), "REQUEST_INVALID", "cart.lines[0].quantity"),
    "quantity over the limit": (line(quantity=1000), "REQUEST_INVALID", "cart.lines[0].quantity"),
    "huge quantity": (line(quantity=2**31 - 1), "REQUEST_INVALID", "cart.lines[0].quantity"),
    "duplicate line ids": (twice(), "REQUEST_INVALID", "cart.lines[1].line_id"),
    "a line too many for the site": (lines(501), "CART_TOO_LARGE", "cart.lines"),
    "10,000 lines": (lines(10_000), "CART_TOO_LARGE", "cart.lines"),
    "country in lower case": (to(country="hk"), "REQUEST_INVALID", "address.country"),
    "country by its name": (to(country="Hong Kong"), "REQUEST_INVALID", "address.country"),
    "six street lines": (to(street=["a"] * 6), "REQUEST_INVALID", "address.street"),
    "long street": (to(street=["a" * 257]), "REQUEST_INVALID", "address.street[0]"),
    "new line in a street": (to(street=["a", "b\nc"]), "REQUEST_INVALID", "address.street[1]"),
    "a megabyte of recipient": (to(recipient=MEGABYTE), "REQUEST_INVALID", "address.recipient"),
    "control character in the district": (to(district="\x07"), "REQUEST_INVALID", "address.district"),
    "long postcode": (to(postcode="9" * 65), "REQUEST_INVALID", "address.postcode"),
    "unknown delivery": (to(delivery=77), "REQUEST_INVALID", "address.delivery"),
    "pick-up without a point": (to(delivery=2), "REQUEST_INVALID", "address.pickup_point"),
    "a pick-up point, but to the door": (to(pickup_point="P1"), "REQUEST_INVALID", "address.pickup_point"),
    "a bell in the pick-up point": (to(delivery=2, pickup_point="\a"), "REQUEST_INVALID", "address.pickup_point"),
}  # fmt: skip


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("name", BAD_PAGES)
async def test_a_page_request_that_is_wrong_is_refused_by_render(client: Client, name: str) -> None:
    page, code, field = BAD_PAGES[name]
    check_refusal(await refused(client.render(page)), code, field)


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("name", BAD_PAGES)
async def test_a_page_request_that_is_wrong_is_refused_by_submit(client: Client, name: str) -> None:
    """With a good quote of another page. What only computing the page can find is then a change of the quote."""
    page, code, _ = BAD_PAGES[name]
    quoted = await client.render(cart())
    refusal = await refused(client.submit(submission(page, quoted)))
    check_refusal(refusal, refusal.reason)
    assert refusal.reason in {code, "QUOTE_CHANGED"}
    if code == "REQUEST_INVALID":
        assert refusal.reason == code


async def test_every_wrong_field_is_named_at_once(client: Client) -> None:
    page = cart(site="", client="")
    page.cart.lines[0].quantity = -5
    page.address.country = "?"
    refusal = await refused(client.render(page))
    assert set(refusal.fields) >= {"site", "client", "cart.lines[0].quantity", "address.country"}


async def test_five_hundred_wrong_fields_still_fit_a_default_client(client: Client) -> None:
    page = lines(500)
    for item in page.cart.lines:
        item.quantity = -1
    client.metadata = client.metadata[:1]
    refusal = await refused(client.render(page))
    check_refusal(refusal, "REQUEST_INVALID")
    assert refusal.metadata["problems_total"] == "500"


# ---- pages that list what is wrong ------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(
    ("sku_id", "quantity", "code", "action", "value"),
    [
        ("no-such-sku", 1, "ITEM_SKU_INVALID", "CHOOSE_VARIANT", ""),
        ("'; DROP TABLE orders; --", 1, "ITEM_SKU_INVALID", "CHOOSE_VARIANT", ""),
        ("tst-plain", 999, "ITEM_QTY_LIMIT", "SET_QUANTITY", "8"),
        ("tst-scarce", 8, "INV_INSUFFICIENT", "SET_QUANTITY", "7"),
        ("apl-fan-desk", 1, "INV_OUT_OF_STOCK", "REMOVE_LINE", ""),
        ("bok-cutter-craft", 1, "ITEM_OFFLINE", "REMOVE_LINE", ""),
        ("spirit-sorghum-500", 1, "RESTRICT_IMPORT_PROHIBITED", "REMOVE_LINE", ""),
    ],
)
async def test_a_line_that_cannot_be_bought_is_blocked_and_submit_refuses_it(
    client: Client, sku_id: str, quantity: int, code: str, action: str, value: str
) -> None:
    good, page = page_of("HK", ("tst-plain", 1)), page_of("HK", ("tst-plain", 1), (sku_id, quantity))
    rendered = await client.render(page)
    (blocked,) = rendered.page.blocked_lines
    (problem,) = blocked.problems
    assert (blocked.line_id, problem.line_id, problem.code) == ("2", "2", code)
    assert problem.remedy.action == problem_pb2.Action.Value(f"ACTION_{action}")
    assert problem.remedy.value == value
    assert not rendered.quote_token
    assert rendered.page.totals.goods == 7198
    refusal = await refused(client.submit(submission(page, await client.render(good))))
    check_refusal(refusal, "QUOTE_CHANGED")
    assert code in refusal.codes


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(
    ("site", "address", "code", "field"),
    [
        ("SG", {"country": "MY"}, "ADDR_REGION_UNSUPPORTED", "address.country"),
        ("SG", {"country": "ZZ"}, "ADDR_REGION_UNSUPPORTED", "address.country"),
        ("SG", {"postcode": "12345"}, "ADDR_FIELD_INVALID", "address.postcode"),
        ("SG", {"postcode": "五二〇一二三"}, "ADDR_FIELD_INVALID", "address.postcode"),
        ("SG", {"postcode": ""}, "ADDR_FIELD_INVALID", "address.postcode"),
        ("SG", {"street": []}, "ADDR_FIELD_INVALID", "address.street"),
        ("SG", {"street": ["   "]}, "ADDR_FIELD_INVALID", "address.street"),
        ("HK", {"subdivision": "", "district": ""}, "ADDR_FIELD_INVALID", "address.district"),
    ],
)
async def test_an_address_that_cannot_be_served_is_a_problem_of_the_page(
    client: Client, site: str, address: dict[str, Any], code: str, field: str
) -> None:
    rendered = await client.render(page_of(site, ("tst-plain", 1), address=address))
    assert (code, field) in {(problem.code, problem.field) for problem in rendered.page.problems}
    assert all(problem.remedy.action for problem in rendered.page.problems)
    assert not rendered.quote_token
    assert not rendered.page.parcels


@pytest.mark.usefixtures("nothing_written")
async def test_goods_that_no_method_takes_are_a_problem_of_the_page(client: Client) -> None:
    rendered = await client.render(page_of("HK", ("out-knife-folding", 1)))
    assert [problem.code for problem in rendered.page.problems] == ["LOGI_NO_METHOD"]
    assert not rendered.quote_token
    (parcel,) = rendered.page.parcels
    assert {reason.code for out in parcel.excluded for reason in out.reasons} == {"LOGI_CLASS_FORBIDDEN"}


# ---- Submit's own fields ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"request_id": ""}, "REQUEST_INVALID", "request_id"),
        ({"request_id": "1"}, "REQUEST_INVALID", "request_id"),
        ({"request_id": MEGABYTE}, "REQUEST_INVALID", "request_id"),
        ({"request_id": str(uuid4()) + "\n"}, "REQUEST_INVALID", "request_id"),
        ({"request_id": "{" + str(uuid4()) + "}"}, "REQUEST_INVALID", "request_id"),
        ({"quote_token": ""}, "REQUEST_INVALID", "quote_token"),
        ({"quote_token": MEGABYTE}, "REQUEST_INVALID", "quote_token"),
        ({"quote_token": "a\x00b"}, "REQUEST_INVALID", "quote_token"),
        ({"payment_method": ""}, "REQUEST_INVALID", "payment_method"),
        ({"payment_method": MEGABYTE}, "REQUEST_INVALID", "payment_method"),
        ({"payment_method": "\x00"}, "REQUEST_INVALID", "payment_method"),
        ({"payment_method": "cowrie-shells"}, "PAY_METHOD_UNSUPPORTED", "payment_method"),
        ({"payment_method": "paynow"}, "PAY_METHOD_UNSUPPORTED", "payment_method"),
    ],
)
async def test_a_wrong_field_of_submit_is_refused(
    client: Client, fields: dict[str, str], code: str, field: str
) -> None:
    page = cart()
    request = submission(page, await client.render(page), **fields)
    check_refusal(await refused(client.submit(request)), code, field)


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(
    ("address", "code", "field"),
    [
        ({"recipient": ""}, "ADDR_FIELD_INVALID", "address.recipient"),
        ({"recipient": "  "}, "ADDR_FIELD_INVALID", "address.recipient"),
        ({"phone": ""}, "ADDR_PHONE_INVALID", "address.phone"),
        ({"phone": "112"}, "ADDR_PHONE_INVALID", "address.phone"),
        ({"phone": "+65 8123 4567"}, "ADDR_PHONE_INVALID", "address.phone"),
        ({"phone": "call me"}, "ADDR_PHONE_INVALID", "address.phone"),
    ],
)
async def test_a_contact_that_a_carrier_cannot_use_is_refused_by_submit(
    client: Client, address: dict[str, Any], code: str, field: str
) -> None:
    page = to(**address)
    rendered = await client.render(page)
    assert rendered.quote_token, "the page itself needs no contact"
    check_refusal(await refused(client.submit(submission(page, rendered))), code, field)


@pytest.mark.usefixtures("nothing_written")
async def test_a_blocked_buyer_may_look_and_not_order(client: Client) -> None:
    blocked, page = client.as_buyer("b-blocked"), cart()
    rendered = await blocked.render(page)
    check_refusal(await refused(blocked.submit(submission(page, rendered))), "RISK_BUYER_BLOCKED")


@pytest.mark.parametrize(
    "change",
    [
        lambda request: setattr(request, "payment_method", "fps"),
        lambda request: setattr(request.page.cart.lines[0], "quantity", 2),
        lambda request: setattr(request.page.address, "recipient", "Mallory"),
        lambda request: setattr(request.page.address, "district", "Sham Shui Po"),
        lambda request: setattr(request, "quote_token", request.quote_token[:-4] + "AAAA"),
    ],
)
async def test_another_body_under_a_used_request_id_is_refused(
    client: Client, server: Server, change: Callable[[order_page_pb2.SubmitRequest], None]
) -> None:
    page = cart()
    request = submission(page, await client.render(page))
    made = await client.submit(request)
    before = written(server.database)
    altered = order_page_pb2.SubmitRequest()
    altered.CopyFrom(request)
    change(altered)
    check_refusal(await refused(client.submit(altered)), "REQUEST_ID_REUSED")
    assert written(server.database) == before
    assert (await client.submit(request)).order == made.order


# ---- quote tokens -----------------------------------------------------------------------------------------------


def bad_tokens(token: str) -> Iterator[tuple[str, str]]:
    version, key, payload, signature = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    raw[len(raw) // 2] ^= 1
    altered = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    yield "junk", "junk"
    yield "dots", "..."
    yield "letters of other scripts", "令牌.k1.令牌.令牌"
    yield "digits of other scripts", f"{version}.{key}.{payload}.٣٤٥"
    yield "truncated", token[: len(token) // 2]
    yield "a character short", token[:-1]
    yield "a character long", token + "A"
    yield "trailing dot", token + "."
    yield "no signature", f"{version}.{key}.{payload}."
    yield "no payload", f"{version}.{key}..{signature}"
    yield "tampered payload", f"{version}.{key}.{altered}.{signature}"
    yield "tampered signature", f"{version}.{key}.{payload}.{signature[::-1]}"
    yield "another version", f"q2.{key}.{payload}.{signature}"
    yield "another key", f"{version}.k2.{payload}.{signature}"
    yield "padded", token + "=="
    yield "64 KiB of dots", "." * 65_536


async def test_a_quote_token_that_is_not_ours_is_refused(client: Client, server: Server) -> None:
    page = cart()
    rendered = await client.render(page)
    before = written(server.database)
    for name, token in bad_tokens(rendered.quote_token):
        refusal = await refused(client.submit(submission(page, rendered, quote_token=token)))
        assert refusal.reason == "QUOTE_INVALID", name
        check_refusal(refusal, "QUOTE_INVALID")
        assert refusal.action == "RENDER_AGAIN"
        check_refusal(await refused(client.render(page, prior=token)), "QUOTE_INVALID")
    assert written(server.database) == before


@pytest.mark.usefixtures("nothing_written")
async def test_somebody_elses_quote_is_refused(client: Client) -> None:
    page, thief = cart(), client.as_buyer("b-thief")
    rendered = await client.render(page)
    check_refusal(await refused(thief.submit(submission(page, rendered))), "QUOTE_INVALID")
    check_refusal(await refused(thief.render(page, prior=rendered.quote_token)), "QUOTE_INVALID")


async def test_an_expired_quote_is_refused(shop: "Shop") -> None:
    page = cart()
    rendered = await shop.client.render(page)
    shop.clock.advance(days=2)
    check_refusal(await refused(shop.client.submit(submission(page, rendered))), "QUOTE_EXPIRED")
    assert not any(count for table, count in written(shop.database).items() if table != "stock")


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(
    "change",
    [
        lambda page: setattr(page.cart.lines[0], "quantity", 2),
        lambda page: setattr(page.cart.lines[0], "sku_id", "tst-moving"),
        lambda page: setattr(page, "site", "SG"),
        lambda page: setattr(page, "client", "native"),
        lambda page: setattr(page.address, "district", "Sai Kung"),
        lambda page: page.ClearField("address"),
        lambda page: page.cart.lines.add(line_id="2", sku_id="tst-moving", quantity=1),
    ],
)
async def test_a_quote_is_good_for_the_page_that_was_quoted_only(
    client: Client, change: Callable[[request_pb2.PageRequest], None]
) -> None:
    page = cart()
    rendered = await client.render(page)
    change(page)
    check_refusal(await refused(client.submit(submission(page, rendered))), "QUOTE_CHANGED")


# ---- the call ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("seconds", [None, 301.0, 10_000.0, 1e9])
async def test_a_missing_or_absurd_deadline_is_refused(client: Client, seconds: float | None) -> None:
    request = order_page_pb2.RenderRequest(page=cart())
    call = client.pages.Render(request, timeout=seconds, metadata=client.metadata)
    check_refusal(await refused(call), "DEADLINE_MISSING")


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Bearer", "Bearer ", "Bearer demo:", "demo:b-demo", "Basic demo:b-demo", "Bearer demo:b demo",
        "Bearer demo:../../b", "Bearer demo:" + "b" * 65, "Bearer real:b-demo", "Bearer demo:b-demo, Bearer demo:b-mei",
    ],
)  # fmt: skip
async def test_missing_or_wrong_credentials_are_refused(client: Client, authorization: str | None) -> None:
    client.metadata = () if authorization is None else (("authorization", authorization),)
    page = cart()
    check_refusal(await refused(client.render(page)), "SESSION_EXPIRED")
    request = order_page_pb2.SubmitRequest(request_id=str(uuid4()), quote_token="q", page=page, payment_method="card")
    check_refusal(await refused(client.submit(request)), "SESSION_EXPIRED")
    check_refusal(await refused(client.order("o-1")), "SESSION_EXPIRED")


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("method", [RENDER, SUBMIT, "/crossborder.checkout.v1.OrderService/GetOrder"])
@pytest.mark.parametrize("junk", [b"\xff" * 40, b"\x0a\xff", b"\x0a\x05abc", b"\x0a\x02\xc3\x28", b"{}", b"\x08\x96"])
async def test_bytes_that_are_no_message_are_refused(client: Client, method: str, junk: bytes) -> None:
    call: Any = client.channel.unary_unary(method)
    refusal = await refused(call(junk, timeout=SECONDS, metadata=client.metadata))
    check_refusal(refusal, "REQUEST_INVALID")


@pytest.mark.usefixtures("nothing_written")
async def test_a_message_that_is_too_large_is_refused_by_the_transport(client: Client) -> None:
    refusal = await refused(client.render(cart(site="x" * (3 << 20))))
    assert refusal.status == "RESOURCE_EXHAUSTED"
    assert not leaks(refusal)
    assert (await client.render(cart())).quote_token, "and the server goes on"


@pytest.mark.usefixtures("nothing_written")
async def test_a_method_that_does_not_exist_is_unimplemented(client: Client) -> None:
    call: Any = client.channel.unary_unary("/crossborder.checkout.v1.OrderPageService/Steal")
    refusal = await refused(call(b"", timeout=SECONDS, metadata=client.metadata))
    assert refusal.status == "UNIMPLEMENTED"


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(
    ("order_id", "code"),
    [
        ("", "REQUEST_INVALID"), ("x" * 65, "REQUEST_INVALID"), (MEGABYTE, "REQUEST_INVALID"),
        ("a\x00", "REQUEST_INVALID"), ("o-1", "ORDER_NOT_FOUND"), ("' OR 1=1 --", "ORDER_NOT_FOUND"),
    ],
)  # fmt: skip
async def test_an_order_that_is_not_there_is_refused(client: Client, order_id: str, code: str) -> None:
    check_refusal(await refused(client.order(order_id)), code)


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("selections", [[("", "SG_DM_AIR")], [("p", "")], [("p", "a"), ("p", "b")], [("p\n", "a")]])
async def test_a_wrong_selection_is_refused(client: Client, selections: list[tuple[str, str]]) -> None:
    request = order_page_pb2.RenderRequest(page=cart())
    for parcel_id, method in selections:
        request.selections.add(parcel_id=parcel_id, method=method)
    call = client.pages.Render(request, timeout=SECONDS, metadata=client.metadata)
    check_refusal(await refused(call), "REQUEST_INVALID")


@pytest.mark.usefixtures("nothing_written")
async def test_a_thousand_and_one_selections_are_refused(client: Client) -> None:
    choose = {str(number): "HK_DM_LAND" for number in range(1001)}
    check_refusal(await refused(client.render(cart(), choose=choose)), "REQUEST_INVALID", "selections")


UPSTREAM = {"STORE_UNAVAILABLE", "UP_TIMEOUT_ITEM", "UP_TIMEOUT_INV", "UP_DEGRADED"}
"""What a part of a page says that had no time, or no database, to be made from."""


async def test_a_deadline_that_passes_leaves_no_half_order(own_server: Start, connect: ConnectTo) -> None:
    server, page = own_server(), cart()
    async with connect(server) as client:
        rendered = await client.render(page)
        for milliseconds in range(1, 20, 2):
            try:
                await client.submit(submission(page, rendered), within=milliseconds / 1000)
            except grpc.aio.AioRpcError as error:
                late = read_refusal(error)
                assert late.status in {"DEADLINE_EXCEEDED", "ALREADY_EXISTS"} or late.reason in UPSTREAM, late.told
        await asyncio.sleep(0.3)
    orders = query(server.database, "SELECT order_id FROM orders WHERE checkout_id = ?", rendered.checkout_id)
    assert len(orders) <= 1
    whole = (
        "SELECT count(*) FROM orders o WHERE "
        "(SELECT count(*) FROM order_lines l WHERE l.order_id = o.order_id) = 0 OR "
        "(SELECT count(*) FROM payment_attempts p WHERE p.order_id = o.order_id) <> 1 OR "
        "(SELECT count(*) FROM write_requests w WHERE w.order_id = o.order_id) <> 1"
    )
    assert query(server.database, whole) == [(0,)]


# ---- the database ------------------------------------------------------------------------------------------------


def mistake(result: Any, *words: str) -> None:
    """A command that ended with a message for its user."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert "orderpage: " in result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


VERSION = "CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES"


def test_serve_refuses_a_database_that_is_not_there(tmp_path: Path) -> None:
    result = run("serve", database=url_of(tmp_path / "nowhere.sqlite3"))
    mistake(result, "nowhere.sqlite3", "orderpage migrate")
    assert not (tmp_path / "nowhere.sqlite3").exists()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("CREATE TABLE other (x)", ("no schema", "orderpage migrate")),
        (f"{VERSION} ('0000')", ("0000", "orderpage migrate")),
        (f"{VERSION} ('9999')", ("9999", "newer")),
    ],
)  # fmt: skip
def test_serve_refuses_a_database_of_another_schema(tmp_path: Path, statement: str, words: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(tmp_path / "other.sqlite3")) as connection:
        connection.executescript(statement)
    mistake(run("serve", database=url_of(tmp_path / "other.sqlite3")), "other.sqlite3", *words)


def test_serve_refuses_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "letter.sqlite3").write_text("Dear database, " * 1000, "utf-8")
    mistake(run("serve", database=url_of(tmp_path / "letter.sqlite3")), "letter.sqlite3")


@pytest.mark.parametrize("url", ["postgresql://h/db", "sqlite://", "mysql+x://y", "sqlite+pysqlite:///:memory:", "://"])
def test_serve_refuses_a_url_that_is_no_file(url: str) -> None:
    mistake(run("serve", database=url))


def move(database: Path, to: Path) -> None:
    """Take a database away under its server, with what SQLite keeps beside it."""
    for suffix in ("-wal", "-shm", ""):
        Path(f"{database}{suffix}").rename(f"{to}{suffix}")


def size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


async def test_a_database_that_was_removed_is_storage_that_does_not_answer(
    own_server: Start, connect: ConnectTo
) -> None:
    server, page = own_server(), cart()
    async with connect(server) as client:
        rendered = await client.render(page)
        request = submission(page, rendered)
        kept = server.database.rename(server.database.with_name("kept.sqlite3"))
        for call in (client.render(page), client.submit(request), client.order("o-1")):
            check_refusal(await refused(call), "STORE_UNAVAILABLE")
        kept.rename(server.database)
        made = await client.submit(request)
        assert made.order.state == order_pb2.ORDER_STATE_CONFIRMED
        assert written(server.database)["orders"] == 1


async def test_a_database_removed_under_load_never_leaves_half_an_order(own_server: Start, connect: ConnectTo) -> None:
    server, page, gone = own_server(), cart(), asyncio.Event()
    refusals, orders = list[Refused](), list[str]()

    async def buy(client: Client) -> None:
        while not (gone.is_set() and refusals):
            try:
                made = await client.submit(submission(page, await client.render(page)))
            except grpc.aio.AioRpcError as error:
                refusals.append(read_refusal(error))
            else:
                orders.append(made.order.order_id)

    async with connect(server) as client:
        buying = [asyncio.create_task(buy(client)) for _ in range(6)]
        while len(orders) < 10:  # noqa: ASYNC110  # the buyers are what tells
            await asyncio.sleep(0.01)
        kept = server.database.with_name("kept.sqlite3")
        move(server.database, kept)
        gone.set()
        await asyncio.gather(*buying)
    assert refusals
    for refusal in refusals:
        assert refusal.reason in UPSTREAM, refusal.told
        check_refusal(refusal, refusal.reason)
    server.kill()
    stored = {row[0] for row in query(kept, "SELECT order_id FROM orders")}
    assert set(orders) <= stored
    assert query(kept, "SELECT count(*) FROM payment_attempts") == [(len(stored),)]


async def test_a_full_disk_refuses_the_order_whole_and_the_retry_makes_it_when_there_is_room(
    own_server: Start, connect: ConnectTo
) -> None:
    server, page = own_server(), cart()
    async with connect(server) as client:
        rendered = await client.render(page)
        log = size(Path(f"{server.database}-wal"))
        unlimited = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (log + 2048, unlimited[1]))
        request = submission(page, rendered)
        check_refusal(await refused(client.submit(request)), "STORE_UNAVAILABLE")
        assert written(server.database)["orders"] == 0
        assert written(server.database)["write_requests"] == 0
        assert (await client.render(page)).quote_token, "reading goes on"
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
        made = await client.submit(request)
        assert made.order.state == order_pb2.ORDER_STATE_CONFIRMED
    counts = written(server.database)
    assert (counts["orders"], counts["payment_attempts"], counts["outbox"]) == (1, 1, 1)


async def test_a_database_that_others_hold_makes_a_late_order_and_never_two(
    own_server: Start, connect: ConnectTo
) -> None:
    server, page = own_server(), cart()
    async with connect(server) as client:
        request = submission(page, await client.render(page))
        with closing(sqlite3.connect(server.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            refusal = await refused(client.submit(request, within=1.0))
            assert refusal.status == "DEADLINE_EXCEEDED"
            other.execute("ROLLBACK")
        made = await client.submit(request)
    assert made.order.state == order_pb2.ORDER_STATE_CONFIRMED
    assert written(server.database)["orders"] == 1


# ---- starting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line_number", "words"),
    [
        ("package: [\n", 2, ()),
        ("package: a\npackage: b\n", 2, ("package",)),
        ("when: {site: HK}\n", 1, ("package",)),
        ("package: x\nwhen: {site: MARS}\n", 2, ("MARS",)),
        ("package: x\nwhen: {planet: MARS}\n", 2, ("planet",)),
        ("package: x\n\nofer:\n  add: []\n", 3, ("ofer", "offer")),
        ("package: x\nwhen: {site: HK}\noffer:\n  add:\n    - {use: logistics.teleport}\n", 5, ("logistics.teleport",)),
        ("package: x\nwhen: {site: HK, client: h5}\noffer:\n  set:\n    HK_DM_LAND: {max_gg: 3}\n", 5, ("max_gg",)),
        ("package: x\nwhen: {site: HK}\noffer:\n  remove: [HK_TELEPORT]\n", 4, ("HK_TELEPORT",)),
        ("package: x\nactive: {from: 2026-13-01}\n", 2, ()),
        ("package: hk\n", 1, ("hk",)),
        ("\x00", 1, ()),
    ],
)
def test_serve_refuses_a_malformed_package_naming_file_and_line(
    loaded: Path, tmp_path: Path, text: str, line_number: int, words: tuple[str, ...]
) -> None:
    layer = tmp_path / "layers" / "mine.yaml"
    layer.parent.mkdir()
    layer.write_text(text, "utf-8")
    result = run("serve", database=url_of(loaded), listen="127.0.0.1:0", packages=str(tmp_path))
    mistake(result, f"{layer}:{line_number}", *words)


def test_serve_refuses_a_package_folder_that_is_not_there_or_empty(loaded: Path, tmp_path: Path) -> None:
    mistake(run("serve", database=url_of(loaded), packages=str(tmp_path / "none")), "ORDERPAGE_PACKAGES", "none")
    mistake(run("serve", database=url_of(loaded), packages=str(tmp_path)), str(tmp_path), "layers")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lisen": "127.0.0.1:1"}, ("ORDERPAGE_LISEN", "ORDERPAGE_LISTEN")),
        ({"listen": "nowhere"}, ("ORDERPAGE_LISTEN", "host:port")),
        ({"listen": "127.0.0.1:99999"}, ("ORDERPAGE_LISTEN",)),
        ({"listen": "0.0.0.0:0"}, ("ORDERPAGE_AUTHENTICATOR",)),
        ({"grace_s": "soon"}, ("ORDERPAGE_GRACE_S",)),
        ({"max_in_flight": "0"}, ("ORDERPAGE_MAX_IN_FLIGHT",)),
        ({"quote_keys": "k1:xyz"}, ("ORDERPAGE_QUOTE_KEYS",)),
        ({"quote_keys": "k1:00"}, ("ORDERPAGE_QUOTE_KEYS",)),
        ({"payments": "stripe"}, ("stripe", "sandbox")),
        ({"log_level": "loud"}, ("ORDERPAGE_LOG_LEVEL",)),
        ({"payments_journal": "/no/such/folder/journal"}, ("/no/such/folder/journal",)),
    ],
)
def test_serve_refuses_a_setting_that_cannot_be_used(
    loaded: Path, settings: dict[str, str], words: tuple[str, ...]
) -> None:
    result = run("serve", settings={"database": url_of(loaded), **settings})
    mistake(result, *words)


def test_a_damaged_payments_journal_is_refused(loaded: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text("not json\n", "utf-8")
    mistake(run("serve", database=url_of(loaded), payments_journal=str(journal)), f"{journal}:1")


def test_a_second_server_on_the_port_is_refused(server: Server, loaded: Path) -> None:
    result = run("serve", database=url_of(loaded), listen=server.address)
    mistake(result, server.address, "in use")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ()),
        ('{"page": {"address": {"planet": "Earth"}}}', ("planet",)),
        ('{"page": {"site": "HK", "business": "marketplace", "client": "h5"}}', ("cart.lines",)),
        ('{"page": {"site": 7}}', ("site",)),
    ],
)
def test_the_render_command_refuses_a_file_that_is_no_request(
    tmp_path: Path, loaded: Path, text: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "request.json"
    file.write_text(text, "utf-8")
    mistake(run("render", str(file), database=url_of(loaded)), *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("skus: [{sku_id: a}]\n", (":1",)),
        ("skuz: []\n", ("skuz",)),
        (": [", (":1",)),
        (msgspec.json.encode({"rates": [{"rate_id": "x"}]}).decode(), (":1",)),
    ],
)
def test_the_load_command_refuses_a_file_whole(tmp_path: Path, loaded: Path, text: str, words: tuple[str, ...]) -> None:
    file = tmp_path / "data.yaml"
    file.write_text(text, "utf-8")
    mistake(run("load", str(file), database=url_of(loaded)), "data.yaml", *words)


def test_the_render_command_leaves_the_database_as_it_is(loaded: Path, tmp_path: Path) -> None:
    """What waits for the server's sweeper and relay is not the command's to take."""
    own = copy_database(loaded, tmp_path)
    with closing(sqlite3.connect(own)) as connection, connection:
        connection.execute(
            "INSERT INTO outbox (key, topic, payload, state, attempts, due_at, error)"
            " VALUES ('k', 't', '{}', 'PENDING', 0, 0, '')"
        )
    cart = tmp_path / "cart.json"
    cart.write_text(MessageToJson(order_page_pb2.RenderRequest(page=lines(1))), "utf-8")
    done = run("render", str(cart), database=url_of(own))
    assert done.returncode == 0, done.stderr
    assert query(own, "SELECT state, attempts FROM outbox") == [("PENDING", 0)]


def test_the_render_command_names_the_code_that_a_server_would(loaded: Path, tmp_path: Path) -> None:
    own = copy_database(loaded, tmp_path)
    with closing(sqlite3.connect(own)) as connection, connection:
        connection.execute("DELETE FROM exchange_rates")
    cart = tmp_path / "cart.json"
    cart.write_text(MessageToJson(order_page_pb2.RenderRequest(page=lines(1))), "utf-8")
    mistake(run("render", str(cart), database=url_of(own)), "FX_RATE_MISSING: ", "orderpage load rates.yaml")


def test_a_name_is_no_database(tmp_path: Path) -> None:
    name = tmp_path / "foo"
    mistake(run("migrate", database=str(name)), "write 'sqlite+pysqlite:///")
    assert not name.exists()
