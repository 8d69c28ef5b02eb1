"""Two answers are compared as the contract means them."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.migration.made_pages import carts, drawn, make, on_wire

from crossborder.checkout.v1 import common_pb2, order_pb2, page_pb2
from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from crossborder.checkout.v1.order_pb2 import Order
from crossborder.checkout.v1.page_pb2 import Page
from crossborder.checkout.v1.problem_pb2 import Problem, Problems
from orderpage.migration.comparison.compare import compare
from orderpage.migration.comparison.contract import KEYS, NEVER, NUMBERS, ORDERED, SETS
from orderpage.migration.comparison.ignoring import Rules

MANY = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
LEAVES = settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
INT64 = FieldDescriptor.TYPE_INT64


@pytest.fixture
def page(demo: Any) -> RenderResponse:
    """A Singapore page with two parcels to choose for, taxes and blocks."""
    return on_wire(make(demo, demo.cart("SG", ("tea-pot-master", 1), ("bok-notebook-a5", 2)), "b-demo").page)


@pytest.fixture
def order() -> Order:
    made = Order(order_id="o-1", checkout_id="c-1", site="SG", payable=1500, goods=1000, freight=500)
    made.currency.code, made.currency.exponent = "SGD", 2
    made.address.recipient = "Tan Jun"
    made.address.street.append("1 Road")
    made.lines.add(line_id="1", sku_id="tea", quantity=1, unit_amount=1000, amount=1000, net_amount=1000)
    parcel = made.parcels.add(parcel_id="p-1", method="SG_DM_AIR", freight=500)
    parcel.items.add(line_id="1", quantity=1)
    kind = order_pb2.SERVICE_KIND_SHIPPING
    made.service_orders.add(service_order_id="s-1", kind=kind, parcel_id="p-1", amount=500)
    return made


def copy(message: Any) -> Any:
    other = type(message)()
    other.CopyFrom(message)
    return other


def places(legacy: Any, new: Any) -> dict[str, tuple[str, str]]:
    return {one.place: (one.legacy, one.new) for one in compare(legacy, new)}


# ---- laws ------------------------------------------------------------------------------------------------------


@MANY
@given(draw=st.data())
def test_an_answer_does_not_differ_from_itself(demo: Any, draw: st.DataObject) -> None:
    answer = on_wire(drawn(demo, draw.draw(carts(demo.data))).page)
    assert compare(answer, copy(answer)) == ()


@MANY
@given(draw=st.data())
def test_the_same_places_differ_whichever_is_called_legacy(demo: Any, draw: st.DataObject) -> None:
    first, second = (on_wire(drawn(demo, draw.draw(carts(demo.data))).page) for _ in range(2))
    there, back = compare(first, second), compare(second, first)
    assert sorted((d.place, d.legacy, d.new, d.money) for d in there) == sorted(
        (d.place, d.new, d.legacy, d.money) for d in back
    )
    assert bool(there) == (first != second)


@MANY
@given(draw=st.data(), seed=st.integers(0, 1000))
def test_the_order_of_what_has_none_does_not_matter(demo: Any, draw: st.DataObject, seed: int) -> None:
    answer = on_wire(drawn(demo, draw.draw(carts(demo.data))).page)
    shuffled = copy(answer)
    shuffle(shuffled.page, random.Random(seed))
    assert compare(answer, shuffled) == ()


@MANY
@given(draw=st.data())
def test_parcels_are_known_by_what_is_in_them(demo: Any, draw: st.DataObject) -> None:
    answer = on_wire(drawn(demo, draw.draw(carts(demo.data))).page)
    renamed = copy(answer)
    rename(renamed.page, {parcel.parcel_id: f"legacy-{number}" for number, parcel in enumerate(answer.page.parcels)})
    assert compare(answer, renamed) == ()


def test_equal_names_for_different_parcels_are_told_apart(page: RenderResponse) -> None:
    other = copy(page)
    extra = other.page.parcels.add(parcel_id="extra")
    extra.items.add(line_id="1", quantity=7)
    legacy = copy(other)
    legacy.page.blocks.add(slot="s", kind="k", parcel_id="extra")
    swapped = copy(legacy)
    one, two = legacy.page.parcels[0].parcel_id, "extra"
    rename(swapped.page, {one: two, two: one})
    assert compare(legacy, swapped) == ()
    swapped.page.blocks[-1].parcel_id = "extra"  # equal bytes, and now another parcel
    assert {one.field for one in compare(legacy, swapped)} == {"blocks"}


@LEAVES
@given(draw=st.data())
def test_any_changed_leaf_of_a_page_is_found(demo: Any, draw: st.DataObject) -> None:
    answer = on_wire(drawn(demo, draw.draw(carts(demo.data))).page)
    for name, path in leaves(answer.page):
        changed = copy(answer)
        change(changed.page, path)
        matters = name not in NEVER and path[0] != "priced_at"  # two stacks are not asked at one instant
        assert bool(compare(answer, changed)) == matters, name
        assert bool(compare(changed, answer)) == matters, name


def test_any_changed_leaf_of_an_order_is_found(order: Order) -> None:
    for name, path in leaves(order):
        changed = copy(order)
        change(changed, path)
        assert bool(compare(order, changed)) == (name not in NEVER), name


Path = tuple[str | int, ...]


def leaves(message: Any, before: Path = ()) -> Iterator[tuple[str, Path]]:
    """Every leaf that is set, and the way to it. A parcel's own name is none of them: others refer to it."""
    for field, value in message.ListFields():
        name, path = f"{message.DESCRIPTOR.name}.{field.name}", (*before, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield from ((name, (*path, key)) for key in value)
        elif field.message_type is None and name not in ("Parcel.parcel_id", "OrderParcel.parcel_id"):
            yield from ((name, (*path, index)) for index in range(len(value))) if field.is_repeated else ((name, path),)
        elif field.message_type is not None:
            for index, element in enumerate(value if field.is_repeated else (value,)):
                yield from leaves(element, (*path, index) if field.is_repeated else path)


def change(root: Any, path: Path) -> None:
    """Change the leaf at the end of the way."""
    *way, last = path
    holder = root
    for step in way:
        holder = getattr(holder, str(step)) if isinstance(holder, Message) else holder[step]
    if isinstance(holder, Message):
        setattr(holder, str(last), _other(getattr(holder, str(last))))
    else:
        holder[last] = _other(holder[last])


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else f"{value}x"


def shuffle(message: Any, luck: random.Random) -> None:
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        if not field.is_repeated:
            if field.message_type is not None:
                shuffle(value, luck)
            continue
        name = f"{message.DESCRIPTOR.name}.{field.name}"
        elements = [copy(element) if field.message_type else element for element in value]
        for element in elements if field.message_type else ():
            shuffle(element, luck)
        if (name in KEYS and name not in ORDERED) or name in SETS:
            luck.shuffle(elements)
        del value[:]
        value.extend(elements)


def rename(message: Any, names: Mapping[str, str]) -> None:
    """Let another system have named the parcels."""
    for field, value in message.ListFields():
        if field.name == "parcel_id":
            message.parcel_id = names.get(value, value)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for element in value if field.is_repeated else (value,):
                rename(element, names)


# ---- the contract ----------------------------------------------------------------------------------------------


def test_every_int64_of_a_page_and_an_order_is_known_to_be_money_or_not() -> None:
    files = (page_pb2.DESCRIPTOR, order_pb2.DESCRIPTOR, common_pb2.DESCRIPTOR)
    messages = [message for file in files for message in file.message_types_by_name.values()]
    numbers = {f"{message.name}.{f.name}" for message in messages for f in message.fields if f.type == INT64}
    assert numbers == set(NUMBERS)


def test_tables_name_fields_that_exist() -> None:
    for name in {*KEYS, *SETS} - {"Problems.problems"}:
        message, _, field = name.partition(".")
        found = [
            file.message_types_by_name[message].fields_by_name[field]
            for file in (page_pb2.DESCRIPTOR, order_pb2.DESCRIPTOR)
            if message in file.message_types_by_name
        ]
        assert [one.is_repeated for one in found] == [True], name
    assert set(KEYS) >= ORDERED


# ---- what a difference says ------------------------------------------------------------------------------------


def test_a_difference_names_field_place_and_both_values(page: RenderResponse) -> None:
    new = copy(page)
    new.page.parcels[0].options[0].freight += 500
    method = page.page.parcels[0].options[0].method
    freight = page.page.parcels[0].options[0].freight
    (one,) = compare(page, new)
    assert (one.field, one.place) == ("parcels.options.freight", f"parcels[1:1,2:2].options[{method}].freight")
    assert (one.legacy, one.new, one.money) == (str(freight), str(freight + 500), True)


def test_texts_are_compared_as_they_are_read(page: RenderResponse) -> None:
    legacy, new = copy(page), copy(page)
    legacy.page.shops[0].name, new.page.shops[0].name = "Caf\u00e9  du\u00a0Th\u00e9 ", "Cafe\u0301 du The\u0301"
    assert compare(legacy, new) == ()
    new.page.shops[0].name = "caf\u00e9 du th\u00e9"
    assert [one.field for one in compare(legacy, new)] == ["shops.name"]


def test_an_element_that_one_side_lacks_is_one_difference(page: RenderResponse) -> None:
    new = copy(page)
    gone = new.page.parcels[0].options[-1].method
    del new.page.parcels[0].options[-1]
    (one,) = compare(page, new)
    assert (one.field, one.place, one.new) == ("parcels.options", f"parcels[1:1,2:2].options[{gone}]", "absent")
    assert f'method: "{gone}"' in one.legacy
    assert not one.money


def test_a_fee_more_is_money(page: RenderResponse) -> None:
    new = copy(page)
    new.page.parcels[0].options[0].fees.add(code="FUEL", amount=100)
    (one,) = compare(page, new)
    assert (one.field, one.legacy, one.money) == ("parcels.options.fees", "absent", True)


def test_what_customs_may_take_is_no_money_of_ours(page: RenderResponse) -> None:
    page.page.parcels[0].options[0].tax_lines.add(code="X", line_id="1", amount=5, collector=page_pb2.COLLECTOR_BORDER)
    new = copy(page)
    new.page.parcels[0].options[0].tax_lines[-1].amount += 5
    assert [one.money for one in compare(page, new)] == [False]


def test_the_unit_of_amounts_is_money(page: RenderResponse) -> None:
    new = copy(page)
    new.page.currency.code = "USD"
    assert [(one.field, one.money) for one in compare(page, new)] == [("currency.code", True)]


def test_best_first_means_an_order_and_is_one_difference(page: RenderResponse) -> None:
    new = copy(page)
    options = [copy(option) for option in new.page.parcels[0].options]
    del new.page.parcels[0].options[:]
    new.page.parcels[0].options.extend(reversed(options))
    (one,) = compare(page, new)
    assert one.place == "parcels[1:1,2:2].options.order"
    assert one.legacy.split(", ") == list(reversed(one.new.split(", ")))


def test_ids_and_tokens_are_no_difference_but_a_quote_that_is_missing_is(page: RenderResponse) -> None:
    new = copy(page)
    new.checkout_id, new.trace_id, new.quote_token = "c-9", "t-9", "q1.other"
    assert compare(page, new) == ()
    new.quote_token = ""
    assert places(page, new) == {"quote_token": ("present", "absent")}


def test_a_page_against_a_refusal_is_a_difference_of_the_answer(page: RenderResponse) -> None:
    refused = Problems(problems=[Problem(code="FX_RATE_EXPIRED")])
    (one,) = compare(page, refused)
    assert (one.field, one.legacy, one.new, one.money) == ("answer", "a page", "refused: FX_RATE_EXPIRED", False)


def test_refusals_are_compared_by_code_field_and_line() -> None:
    legacy = Problems(problems=[Problem(code="A", field="x", message="one"), Problem(code="B", line_id="2")])
    same = Problems(problems=[Problem(code="B", line_id="2"), Problem(code="A", field="x", message="other words")])
    assert compare(legacy, same) == ()
    other = Problems(problems=[Problem(code="B", line_id="3"), Problem(code="A", field="x")])
    assert places(legacy, other) == {"problems[B,,2]": ("B,,2", "absent"), "problems[B,,3]": ("absent", "B,,3")}


def test_orders_are_compared_without_the_ids_that_each_system_gives(order: Order) -> None:
    new = copy(order)
    new.order_id, new.checkout_id = "o-2", "c-2"
    new.create_time.seconds = 9
    new.service_orders[0].service_order_id = "s-2"
    rename(new, {"p-1": "other"})
    assert compare(order, new) == ()
    new.parcels[0].freight = 700
    assert [(one.place, one.money) for one in compare(order, new)] == [("parcels[1:1].freight", True)]


def test_a_page_is_not_comparable_with_an_order(page: RenderResponse, order: Order) -> None:
    with pytest.raises(TypeError, match="a RenderResponse is not comparable with a Order"):
        compare(page, order)


def test_ignored_fields_are_left_out_and_still_explain_the_others(page: RenderResponse) -> None:
    new = copy(page)
    option = next(option for option in new.page.parcels[0].options if option.selected)
    option.freight += 500
    new.page.totals.payable += 500
    (one,) = compare(page, new, Rules("parcels.options.*"))
    assert (one.field, one.cause) == ("totals.payable", "FREIGHT")


def test_two_pages_with_nothing_in_common_are_compared() -> None:
    assert compare(RenderResponse(page=Page()), RenderResponse()) == ()


def test_a_value_is_kept_short_and_without_what_a_database_refuses(page: RenderResponse) -> None:
    new = copy(page)
    new.page.shops[0].name = "x" * 5000
    new.page.shops[1].name = "a\x00b"
    first, second = compare(page, new)
    assert (len(first.new), first.new[-1], second.new) == (401, "…", "a\ufffdb")


def test_pages_that_differ_in_thousands_of_places_are_compared(page: RenderResponse) -> None:
    legacy = copy(page)
    option = legacy.page.parcels[0].options[0]
    for number in range(3000):
        option.tax_lines.add(
            code="T", line_id=str(number), base=100, amount=9, collector=page_pb2.COLLECTOR_MARKETPLACE
        )
    new = copy(legacy)
    for line in new.page.parcels[0].options[0].tax_lines:
        line.amount += 90
    assert {one.cause for one in compare(legacy, new)} == {"TAX"}
