"""What a client may send, and what it is told when it may not."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossborder.checkout.v1 import common_pb2, order_page_pb2, order_pb2, request_pb2
from orderpage.api import from_proto
from orderpage.domain.address import Address, Delivery
from orderpage.domain.page import WantedLine
from orderpage.domain.problem import Code, Problem, Refusal

UUID = "0B5E7A0C-1111-4222-8333-444455556666"


def refusal(call: Callable[[], object]) -> dict[str, str]:
    """Field to message of what was refused."""
    with pytest.raises(Refusal) as refused:
        call()
    assert {problem.code for problem in refused.value.problems} == {Code.REQUEST_INVALID}
    return {problem.field: problem.message for problem in refused.value.problems}


def test_a_whole_request_becomes_domain_values(message: order_page_pb2.RenderRequest) -> None:
    message.selections.add(parcel_id="p-1", method="SG_DM_AIR")
    message.prior_quote_token, message.explain = "q1.x", True
    request = from_proto.render_request(message)
    assert (request.site, request.business, request.client, request.language) == ("SG", "marketplace", "h5", "en")
    assert request.lines == (WantedLine("1", "sku-1", 2),)
    assert request.address == Address(country="SG")
    assert dict(request.selections) == {"p-1": "SG_DM_AIR"}
    assert (request.prior_quote_token, request.explain) == ("q1.x", True)


def test_coupons_come_as_they_were_entered(message: order_page_pb2.RenderRequest) -> None:
    assert from_proto.render_request(message).coupons == ()
    message.page.coupons.extend(["AUTUMN", "MINE.s1.mac"])
    assert from_proto.render_request(message).coupons == ("AUTUMN", "MINE.s1.mac")


def test_no_address_is_not_an_empty_address(message: order_page_pb2.RenderRequest) -> None:
    message.page.ClearField("address")
    assert from_proto.render_request(message).address is None


def test_a_pick_up_point_comes_with_its_delivery(message: order_page_pb2.RenderRequest) -> None:
    message.page.address.delivery = common_pb2.DELIVERY_PICKUP_POINT
    message.page.address.pickup_point = "locker-7"
    address = from_proto.render_request(message).address
    assert address is not None
    assert (address.delivery, address.pickup_point) == (Delivery.PICKUP_POINT, "locker-7")


def test_words_in_any_script_are_taken(message: order_page_pb2.RenderRequest) -> None:
    message.page.address.street.append("香港　中環 Ünïcode 🏠")
    address = from_proto.render_request(message).address
    assert address is not None
    assert address.street == ("香港　中環 Ünïcode 🏠",)


Change = Callable[[request_pb2.PageRequest], object]


def set_address(name: str, value: object) -> Change:
    return lambda page: setattr(page.address, name, value)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda page: page.ClearField("site"), "site"),
        (lambda page: page.ClearField("business"), "business"),
        (lambda page: page.ClearField("client"), "client"),
        (lambda page: setattr(page, "site", "S" * 65), "site"),
        (lambda page: setattr(page, "client_version", "1" * 65), "client_version"),
        (lambda page: page.coupons.extend(["A", ""]), "coupons[1]"),
        (lambda page: page.coupons.append("A" * 161), "coupons[0]"),
        (lambda page: page.coupons.append("A\x07"), "coupons[0]"),
        (lambda page: page.coupons.extend(["A", "A"]), "coupons[1]"),
        (lambda page: page.coupons.extend(map(str, range(11))), "coupons"),
        (lambda page: setattr(page, "language", "zh\n"), "language"),
        (lambda page: page.ClearField("cart"), "cart.lines"),
        (lambda page: page.cart.ClearField("lines"), "cart.lines"),
        (lambda page: page.cart.lines.add(line_id="2", sku_id="s"), "cart.lines[1].quantity"),
        (lambda page: page.cart.lines.add(line_id="2", sku_id="s", quantity=-1), "cart.lines[1].quantity"),
        (lambda page: page.cart.lines.add(line_id="2", sku_id="s", quantity=1000), "cart.lines[1].quantity"),
        (lambda page: page.cart.lines.add(line_id="1", sku_id="s", quantity=1), "cart.lines[1].line_id"),
        (lambda page: page.cart.lines.add(sku_id="s", quantity=1), "cart.lines[1].line_id"),
        (lambda page: page.cart.lines.add(line_id="2", quantity=1), "cart.lines[1].sku_id"),
        (lambda page: page.cart.lines.add(line_id="2", sku_id="s" * 65, quantity=1), "cart.lines[1].sku_id"),
        (lambda page: page.cart.lines.add(line_id="2", sku_id="a\x00b", quantity=1), "cart.lines[1].sku_id"),
        (set_address("country", ""), "address.country"),
        (set_address("country", "sg"), "address.country"),
        (set_address("country", "Singapore"), "address.country"),
        (set_address("city", "x" * 257), "address.city"),
        (set_address("recipient", "Tan\u202egnp.exe"), "address.recipient"),
        (set_address("phone", "1" * 65), "address.phone"),
        (set_address("delivery", 9), "address.delivery"),
        (set_address("delivery", 2), "address.pickup_point"),
        (set_address("pickup_point", "locker"), "address.pickup_point"),
        (lambda page: page.address.street.extend(["x"] * 6), "address.street"),
        (lambda page: page.address.street.append("\x1b[2J"), "address.street[0]"),
    ],
)
def test_a_violation_names_its_field(message: order_page_pb2.RenderRequest, change: Change, field: str) -> None:
    change(message.page)
    said = refusal(lambda: from_proto.render_request(message))
    assert list(said) == [field]
    assert said[field].startswith(field)


def test_all_violations_are_told_at_once(message: order_page_pb2.RenderRequest) -> None:
    message.page.site = ""
    message.page.address.country = "?"
    for number in range(3):
        message.page.cart.lines.add(line_id=f"n{number}", sku_id="s", quantity=0)
    message.selections.add(method="x")
    assert set(refusal(lambda: from_proto.render_request(message))) == {
        "site", "address.country", "cart.lines[1].quantity", "cart.lines[2].quantity", "cart.lines[3].quantity",
        "selections[0].parcel_id",
    }  # fmt: skip


def test_a_message_shows_little_of_a_hostile_value(message: order_page_pb2.RenderRequest) -> None:
    message.page.address.country = "\x1b[2J" + "A" * 5000
    said = refusal(lambda: from_proto.render_request(message))["address.country"]
    assert len(said) < 200
    assert said.isprintable()


def test_a_parcel_is_chosen_for_once(message: order_page_pb2.RenderRequest) -> None:
    for method in ("A", "B"):
        message.selections.add(parcel_id="p-1", method=method)
    assert list(refusal(lambda: from_proto.render_request(message))) == ["selections[1].parcel_id"]


def test_too_many_selections_are_not_read(message: order_page_pb2.RenderRequest) -> None:
    for number in range(1001):
        message.selections.add(parcel_id=f"p-{number}", method="A")
    assert list(refusal(lambda: from_proto.render_request(message))) == ["selections"]


def test_ten_thousand_lines_are_refused_with_the_cap(message: order_page_pb2.RenderRequest) -> None:
    for number in range(10_000):
        message.page.cart.lines.add(line_id=f"n{number}", sku_id="s", quantity=1)
    with pytest.raises(Refusal) as refused:
        from_proto.render_request(message)
    (problem,) = refused.value.problems
    assert (problem.code, problem.field, problem.value) == (Code.CART_TOO_LARGE, "cart.lines", "500")
    assert "10001" in problem.message


def test_a_balance_is_asked_for_by_its_order(message: order_page_pb2.RenderRequest) -> None:
    message.page.order_stage.order_id = "o-1"
    message.page.order_stage.stage = common_pb2.STAGE_BALANCE
    message.page.ClearField("address")
    request = from_proto.render_request(message)
    assert (request.order_id, request.lines, request.address) == ("o-1", (), None)


def test_no_other_stage_is_asked_for_nor_another_address(message: order_page_pb2.RenderRequest) -> None:
    message.page.order_stage.stage = common_pb2.STAGE_DEPOSIT
    said = refusal(lambda: from_proto.render_request(message))
    assert said == {
        "order_stage.stage": "order_stage.stage is none that is paid by itself; send STAGE_BALANCE",
        "order_stage.order_id": "order_stage.order_id is missing",
        "address": "address is that of the order; leave it out",
    }


def test_a_balance_is_not_submitted_but_paid(message: order_page_pb2.RenderRequest) -> None:
    message.page.order_stage.order_id = "o-1"
    message.page.order_stage.stage = common_pb2.STAGE_BALANCE
    message.page.ClearField("address")
    said = refusal(lambda: from_proto.submit_request(submit_message(message.page)))
    assert said == {"page.order_stage": "page.order_stage is not ordered but paid; call PayStage"}


def submit_message(page: request_pb2.PageRequest) -> order_page_pb2.SubmitRequest:
    message = order_page_pb2.SubmitRequest(
        request_id=UUID, quote_token="q1.x", payment_method="card", validate_only=True
    )
    message.page.CopyFrom(page)
    return message


def test_a_submit_becomes_domain_values(message: order_page_pb2.RenderRequest) -> None:
    request = from_proto.submit_request(submit_message(message.page))
    assert (request.request_id, request.quote_token) == (UUID.lower(), "q1.x")
    assert (request.payment_method, request.validate_only) == ("card", True)
    assert request.page == from_proto.render_request(message)


@pytest.mark.parametrize("request_id", ["", "1", "{" + UUID + "}", UUID.replace("-", ""), UUID + "\n"])
def test_a_request_id_is_a_uuid_in_its_usual_form(message: order_page_pb2.RenderRequest, request_id: str) -> None:
    submit = submit_message(message.page)
    submit.request_id = request_id
    assert list(refusal(lambda: from_proto.submit_request(submit))) == ["request_id"]


def test_a_submit_needs_a_quote_and_a_way_to_pay(message: order_page_pb2.RenderRequest) -> None:
    submit = submit_message(message.page)
    submit.ClearField("quote_token")
    submit.ClearField("payment_method")
    assert set(refusal(lambda: from_proto.submit_request(submit))) == {"quote_token", "payment_method"}


def test_an_empty_submit_lists_everything_it_lacks() -> None:
    said = refusal(lambda: from_proto.submit_request(order_page_pb2.SubmitRequest()))
    assert {"request_id", "quote_token", "payment_method", "site", "business", "client", "cart.lines"} == set(said)


def test_get_order_needs_an_order_id() -> None:
    assert from_proto.order_id(order_pb2.GetOrderRequest(order_id="o-1")) == "o-1"
    assert list(refusal(lambda: from_proto.order_id(order_pb2.GetOrderRequest()))) == ["order_id"]


TEXTS = st.text(max_size=80)
LINES = st.builds(
    request_pb2.CartLine, line_id=TEXTS, sku_id=TEXTS, quantity=st.integers(min_value=-(2**31), max_value=2**31 - 1)
)
ADDRESSES = st.builds(
    common_pb2.Address,
    country=TEXTS,
    street=st.lists(TEXTS, max_size=7),
    phone=TEXTS,
    delivery=st.integers(min_value=-3, max_value=5),
    pickup_point=TEXTS,
)
PAGES = st.builds(
    request_pb2.PageRequest,
    site=TEXTS,
    business=TEXTS,
    cart=st.builds(request_pb2.Cart, lines=st.lists(LINES, max_size=6)),
    address=ADDRESSES,
)


@given(message=st.builds(order_page_pb2.SubmitRequest, request_id=TEXTS, quote_token=TEXTS, page=PAGES))
def test_whatever_is_sent_is_read_or_refused_with_fields(message: order_page_pb2.SubmitRequest) -> None:
    with contextlib.suppress(Refusal):
        from_proto.submit_request(message)
    lines: tuple[WantedLine, ...] = ()
    problems: tuple[Problem, ...] = ()
    try:
        lines = from_proto.render_request(order_page_pb2.RenderRequest(page=message.page)).lines
    except Refusal as refused:
        problems = refused.problems
    assert bool(lines) != bool(problems)
    assert all(problem.field and problem.message.isprintable() for problem in problems)
    assert all(1 <= line.quantity <= from_proto.MAX_QUANTITY for line in lines)
    assert len({line.line_id for line in lines}) == len(lines)
