"""Which parcels are to be booked, and what the carrier is told of them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from orderpage.domain.address import Address
from orderpage.domain.money import Currency
from orderpage.domain.order import Event, PlacedOrder
from orderpage.testing import check_extension, example_address, example_line, example_page, example_view
from orderpage.testing.pages import example_order
from orderpage_carriers.booking import Booking, Bookings, Described, Payload
from orderpage_carriers.booking_calls import ToBook

EXAMPLE = Path(__file__).parents[3] / "deploy" / "carriers" / "swift-booking.example.yaml"
CARRIER: dict[str, Any] = {
    "connection": {
        "protocol": "HTTP",
        "endpoint": "https://swift.example",
        "auth": {"secret": "SWIFT"},
    },
    "booking": {
        "create": {"path": "/orders", "fields": {"key": "key"}, "answer": {"reference": "id"}},
        "track": {"path": "/orders/{reference}", "method": "GET", "answer": {"status": "state"}},
    },
}
QUOTE: dict[str, Any] = {
    "path": "/rates",
    "parcel_fields": {"weight": "grams"},
    "answer": {"prices": "rates[*]", "service": "service", "amount": "price", "currency": "currency"},
}
SETTINGS: dict[str, Any] = {"name": "SWIFT", "carrier": CARRIER, "services": {"EXAMPLE_LAND": "EXPRESS"}}


def booking(**changes: Any) -> Booking:
    return Booking(msgspec.convert({**SETTINGS, **changes}, Bookings, dec_hook=_amount))


def _amount(kind: type, value: Any) -> Any:
    return kind(value)


def order(site: str = "SG", **address: Any) -> PlacedOrder:
    lines = (example_line("1", 3, price="19.99"), example_line("2", price="5.00"))
    view = example_view(site, *lines, address=example_address(site, **address))
    return example_order(example_page(view))


def only(events: Any) -> Event:
    (event,) = events
    assert isinstance(event, Event)
    return event


def told(event: Event) -> ToBook:
    return msgspec.convert(event.payload, Payload).to_book()


def test_it_keeps_the_laws() -> None:
    check_extension(Booking, SETTINGS)


def test_a_parcel_that_goes_by_the_carriers_method_is_booked_under_a_key_of_order_and_parcel() -> None:
    placed = order()
    (parcel,) = placed.order.parcels
    event = only(booking(services={parcel.method: "EXPRESS"}).after(placed))
    assert (event.topic, event.key) == ("carrier.create", f"o-example:{parcel.parcel_id}")


def test_a_parcel_that_goes_by_another_method_is_not() -> None:
    assert list(booking(services={"ANOTHER": "EXPRESS"}).after(order())) == []


def test_the_carrier_is_told_what_the_goods_weigh_what_they_are_and_what_they_cost() -> None:
    placed = order()
    (parcel,) = placed.order.parcels
    said = told(only(booking(services={parcel.method: "EXPRESS"}).after(placed)))
    assert (said.service, said.weight_g) == ("EXPRESS", 4 * 400)
    assert said.contents == ("3 x Good 1", "1 x Good 2")
    assert said.value == sum(line.net for line in placed.order.lines)
    assert said.currency == Currency("SGD", 2)


def test_the_carrier_is_told_who_and_where_to_with_a_number_that_can_be_called_from_anywhere() -> None:
    placed = order(phone="8123 4567")
    (parcel,) = placed.order.parcels
    said = told(only(booking(services={parcel.method: "EXPRESS"}).after(placed)))
    assert said.address == msgspec.structs.replace(placed.order.address, phone="+6581234567")


def test_a_number_that_is_none_is_passed_on_as_it_was_typed() -> None:
    placed = order(phone="by the river")
    (parcel,) = placed.order.parcels
    assert told(only(booking(services={parcel.method: "EXPRESS"}).after(placed))).address.phone == "by the river"


def test_neither_explanations_nor_what_is_kept_say_anything_about_the_buyer() -> None:
    placed = order()
    (parcel,) = placed.order.parcels
    event = only(booking(services={parcel.method: "EXPRESS"}).after(placed))
    kept = msgspec.convert(event.payload, Payload).kept()
    address = placed.order.address
    for text in (str(event), *map(str, kept.values())):
        assert not [word for word in (address.recipient, address.phone, *address.street) if word in text]


def test_the_event_names_the_secret_and_does_not_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERPAGE_SECRET_SWIFT", "open-sesame")
    placed = order()
    (parcel,) = placed.order.parcels
    event = only(booking(services={parcel.method: "EXPRESS"}).after(placed))
    assert "open-sesame" not in str(event.payload)
    described = msgspec.json.decode(str(event.payload["described"]), type=Described)
    assert described.connection.auth is not None
    assert described.connection.auth.secret == "SWIFT"


def test_a_carrier_makes_the_steps_that_its_description_has() -> None:
    described = msgspec.json.decode(booking().described, type=Described)
    assert (described.makes_labels, described.tells) == (False, True)
    grpc = {"connection": {"protocol": "GRPC", "endpoint": "grpcs://swift.example:443"}}
    both = msgspec.json.decode(booking(carrier=grpc).described, type=Described)
    assert (both.makes_labels, both.tells) == (True, True)
    neither = msgspec.json.decode(
        booking(carrier=grpc, desk={"labels": False, "tracking": False}).described, type=Described
    )
    assert (neither.makes_labels, neither.tells) == (False, False)


def changed(step: str, **call: Any) -> dict[str, Any]:
    calls = CARRIER["booking"]
    return {**CARRIER, "booking": {**calls, step: {**calls.get(step, {"path": "/x"}), **call}}}


@pytest.mark.parametrize(
    ("carrier", "says"),
    [
        ({**CARRIER, "booking": None, "quote": QUOTE, "parcels_per_call": 1}, "`carrier.booking` says nothing"),
        (changed("create", fields={"colour": "c"}), "'colour' is no name of ours here"),
        (changed("create", answer={}), "must say where 'reference' stands"),
        (changed("label", answer={}), "must say where 'label_url' stands"),
        (changed("track", answer={"delivered": "d"}), "must say where 'status' stands"),
        (changed("cancel", answer={"done": "d"}), "'done' is no name of ours here"),
        (changed("cancel", fields={"recipient": "r"}), "'recipient' is no name of ours here"),
    ],
)
def test_a_mistake_in_the_description_is_said_when_the_plans_compile(carrier: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        booking(carrier=carrier)


def booking_slots(plans: Any, site: str) -> list[list[str]]:
    """The extensions of ``carriers.booking``, by name, in every scenario of the site."""
    plans_of = [cell.plan for cell in plans.cells() if cell.values[0] == site]
    return [
        [slot.name for slot in plan.stages["after"].compiled if slot.extension == "carriers.booking"]
        for plan in plans_of
    ]


def test_the_example_file_is_a_layer_that_compiles(demo: Any) -> None:
    found = booking_slots(demo.compile_with(EXAMPLE.read_text("utf-8")), "MY")
    assert found
    assert all(names == ["book_swift"] for names in found)


def test_quotes_and_bookings_of_one_file_share_one_description(demo: Any) -> None:
    layer = """
package: swift
when: {site: SG}
ask:
  add:
    - use: carriers.quotes
      as: swift
      settings: &swift
        connection: {protocol: GRPC, endpoint: "grpcs://swift.example:443"}
after:
  add:
    - {use: carriers.booking, as: book, settings: {name: SWIFT, carrier: *swift, services: {SG_DM_AIR: EXPRESS}}}
"""
    found = booking_slots(demo.compile_with(layer), "SG")
    assert found
    assert all(names == ["book"] for names in found)


@pytest.mark.parametrize(
    ("exponent", "value", "hundredths"), [(0, 1900, 190_000), (2, 1900, 1900), (3, 1905, 191), (3, 1904, 190)]
)
def test_a_value_is_told_in_hundredths_whatever_the_currencys_smallest_unit(
    exponent: int, value: int, hundredths: int
) -> None:
    fields: dict[str, Any] = {
        "parcel_id": "p",
        "service": "s",
        "weight_g": 1,
        "contents": (),
        "address": Address(country="SG"),
    }
    assert ToBook(currency=Currency("XXX", exponent), value=value, **fields).hundredths == hundredths
