"""Carriers by configuration: what a file may say, what is sent of a parcel, and what is believed of an answer."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.carriers import files
from tests.carriers.asked import Answering, ask, carrier_of, changed, grpc_settings, http_settings, sample, settings_of

from orderpage.domain.goods import GoodsClass
from orderpage.domain.shipping import Excluded, FlatTariff, Offer, Parcel, StepTariff, Transit
from orderpage.packages import convert_setting
from orderpage.testing import check_extension, example_line, example_parcel, example_views
from orderpage.tools import Tools, WrongPackages
from orderpage_carriers.description import Call
from orderpage_carriers.facts import CARRIER_QUOTES, ServiceQuote
from orderpage_carriers.mapping import NAMES, Template, parcel_values
from orderpage_carriers.offer import CarrierMethod, CarrierOffer
from orderpage_carriers.quotes import CarrierQuotes
from orderpage_carriers.steering import Kept, Steering

DEPLOY = Path(__file__).parents[3] / "deploy" / "carriers"


# ---- what a file may say -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("connection/endpoint", "ftp://swift.example", "must begin with https:// or http://"),
        ("connection/endpoint", "https://", "must begin with https:// or http:// and a host"),
        ("connection/endpoint", "https://me:pw@swift.example", "secrets go into `auth`"),
        ("connection/endpoint", "https://swift.example/?key=1", "fields to calls"),
        ("connection/endpoint", "https://swift.example:port", "is no address"),
        ("connection/headers", {"Authorization": "Bearer x"}, "secrets go into `auth`"),
        ("connection/auth", {"secret": "not a name"}, "matching regex"),
        ("connection/auth", {"secret": "K", "scheme": "HEADER"}, "`header` names the header for scheme HEADER"),
        ("connection/auth", {"secret": "K", "header": "X-Key"}, "`header` names the header for scheme HEADER"),
        ("connection/auth", {"secret": "K", "scheme": "BASIC"}, "`user` names the user for scheme BASIC"),
        ("connection/protocol", "SOAP", "Invalid enum value"),
        ("quote", ..., "needs `quote`"),
        ("quote/path", "v1/rates", "must begin with one '/'"),
        ("quote/path", "//elsewhere.example/rates", "must begin with one '/'"),
        ("quote/units/weight", "LB", "Invalid enum value"),
        ("quote/answer/transit_maximum", "", "both transit_minimum and transit_maximum"),
        ("quote/answer/parcel_id", "", "`quote.answer.parcel_id` must say whose price"),
        ("quote/parcels", "", "`parcels_per_call: 1`"),
        ("share", 101, "<= 100"),
        ("budget_ms", 60_000, "<= 5000"),
        ("largest", "0.00", "`smallest`"),
        ("smallest", "-1.00", "negative"),
        ("colour", "red", "unknown field"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_to_write(path: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        carrier_of(changed(http_settings(), path, value))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("quote/fields", {"zip": "to.zip"}, "'zip' is no name of ours here; there are currency, country"),
        ("quote/fields", {"weight": "to.kg"}, "'weight' is no name of ours here"),
        ("quote/parcel_fields", {"country": "to"}, "'country' is no name of ours here"),
        ("quote/words", {"klasses": {}}, "'klasses' is no name of ours here"),
        ("quote/path", "/v1/{parcel}/rates", "'parcel' is no name of ours here"),
        ("quote/fields", {"country": "to..country"}, "is no place in JSON"),
        ("quote/fields", {"country": "to[0]"}, "names an element of a list"),
        ("quote/fields", {"country": "to", "postcode": "to"}, "are both written to to"),
        ("quote/fields", {"country": "to", "postcode": "to.zip"}, "would be written inside country"),
        ("quote/fields", {"country": "parcels.country"}, "would be written inside the list of parcels"),
        ("quote/answer/prices", "data.rates", "must name each element of a list"),
        ("quote/answer/amount", "price total", "is no place in JSON"),
        ("quote/method", "GET", "a GET has no body for a list of parcels"),
    ],
)
def test_a_wrong_mapping_is_refused_when_the_plan_compiles(path: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        CarrierQuotes(carrier_of(changed(http_settings(), path, value)))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_secret_goes_without_tls_to_this_machine_alone(host: str) -> None:
    settings = changed(http_settings(), "connection/auth", {"secret": "KEY"})
    assert carrier_of(changed(settings, "connection/endpoint", f"http://{host}:8080"))
    with pytest.raises(ValueError, match="in the clear; write https://"):
        carrier_of(changed(settings, "connection/endpoint", "http://swift.example"))


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("https://harbour.example:443", "must begin with grpcs:// or grpc://"),
        ("grpcs://harbour.example", "is grpcs://host:port and no more"),
        ("grpcs://harbour.example:443/service", "is grpcs://host:port and no more"),
    ],
)
def test_a_grpc_endpoint_is_a_host_and_a_port(endpoint: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        carrier_of(changed(grpc_settings(), "connection/endpoint", endpoint))


def test_a_grpc_carrier_describes_no_calls() -> None:
    with pytest.raises(ValueError, match="leave them out"):
        carrier_of({**grpc_settings(), "quote": http_settings()["quote"]})


def test_mistakes_are_told_with_file_and_line() -> None:
    text = files.http_layer("https://swift.example").replace("budget_ms: 5000", "budget_ms: soon")
    line = next(number for number, row in enumerate(text.splitlines(), start=1) if "budget_ms" in row)
    with pytest.raises(WrongPackages, match=f"own.yaml:{line}: .*budget_ms"):
        Tools().plans(layers={"own.yaml": text})


@pytest.mark.parametrize("file", sorted(DEPLOY.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_examples_compile(file: Path) -> None:
    layers = {str(other): other.read_text("utf-8") for other in sorted(DEPLOY.glob("*.yaml"))}
    plans = Tools().plans(layers=layers)
    written = {slot.origin.file for cell in plans.cells() for slots in cell.resolution.slots.values() for slot in slots}
    edited = {
        edit.origin.file
        for cell in plans.cells()
        for slots in cell.resolution.slots.values()
        for slot in slots
        for edit in slot.history
    }
    assert str(file) in written | edited


# ---- what is sent ------------------------------------------------------------------------------------------------


def template(**call: Any) -> Template:
    return Template(msgspec.convert({"path": "/x", **call}, Call), NAMES)


@pytest.mark.parametrize(
    ("name", "units", "sent"),
    [
        ("weight", {"weight": "G"}, b"1250"),
        ("weight", {"weight": "KG"}, b"1.25"),
        ("volume", {"volume": "CM3"}, b"30000"),
        ("volume", {"volume": "LITRE"}, b"30"),
        ("volume", {"volume": "M3"}, b"0.03"),
        ("longest_side", {"length": "CM"}, b"50"),
        ("longest_side", {"length": "MM"}, b"500"),
        ("longest_side", {"length": "M"}, b"0.5"),
        ("value", {"money": "MINOR"}, b"1290"),
        ("value", {"money": "MAJOR_TEXT"}, b'"12.90"'),
        ("value", {"money": "MAJOR_NUMBER"}, b"12.90"),
    ],
)
def test_a_unit_is_the_carriers_and_exact(name: str, units: dict[str, str], sent: bytes) -> None:
    values = {"weight": 1250, "volume": 30_000, "longest_side": 50, "value": 1290}
    body = template(fields={name: "it"}, units=units).body(values)
    assert msgspec.json.Encoder(decimal_format="number").encode(body) == b'{"it":' + sent + b"}"


def test_words_are_the_carriers_and_what_is_empty_is_left_out() -> None:
    words = {"classes": {"BATTERY_BUILTIN": "PI967"}, "country": {"SG": "SGP"}}
    made = template(fields={"classes": "a.b", "country": "a.c", "city": "d", "pickup": "e"}, words=words)
    values = {"classes": ["BATTERY_BUILTIN", "GENERAL"], "country": "SG", "city": "", "pickup": False}
    assert made.body(values) == {"a": {"b": ["PI967", "GENERAL"], "c": "SGP"}, "e": False}


def test_a_path_takes_each_value_as_one_segment() -> None:
    made = template(path="/orders/{reference}/label")
    assert made.path({"reference": "../a b/?c"}) == "/orders/..%2Fa%20b%2F%3Fc/label"


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.tuples(st.integers(1, 90), st.integers(1, 90), st.integers(1, 90))),
        min_size=1,
        max_size=4,
    )
)
def test_the_box_holds_the_volume_and_every_unit(goods: Sequence[tuple[int, tuple[int, int, int]]]) -> None:
    lines = [example_line(str(number), units, sides_cm=sides) for number, (units, sides) in enumerate(goods)]
    parcel = example_parcel(*lines)
    values = parcel_values(parcel)
    box = (values["length"], values["width"], values["height"])
    assert box[0] * box[1] * box[2] >= parcel.volume_cm3
    for _, sides in goods:
        assert all(side <= room for side, room in zip(sorted(sides, reverse=True), box, strict=True))


async def test_a_request_in_the_query() -> None:
    settings = http_settings()
    settings["quote"] = {
        **settings["quote"],
        "method": "GET", "parcels": "", "constants": {"v": 2},
        "fields": {"country": "country", "pickup": "collect"},
        "parcel_fields": {"weight": "g", "classes": "what"}, "units": {"weight": "G"},
    }  # fmt: skip
    settings["parcels_per_call"] = 1
    remote = Answering(b'{"data": {"rates": []}}')
    carrier = carrier_of(changed(settings, "quote/answer/parcel_id", ""))
    await ask(carrier, remote)
    (call,) = remote.http_calls
    assert (call.method, call.body) == ("GET", b"")
    assert call.url == "https://swift.example/v1/rates?v=2&country=SG&collect=false&g=400&what=GENERAL"


@pytest.mark.parametrize(
    ("auth", "shown"),
    [
        ({"secret": "KEY"}, ("Authorization", "Bearer secret of KEY")),
        ({"secret": "KEY", "scheme": "HEADER", "header": "X-Key"}, ("X-Key", "secret of KEY")),
        ({"secret": "KEY", "scheme": "BASIC", "user": "me"}, ("Authorization", "Basic bWU6c2VjcmV0IG9mIEtFWQ==")),
    ],
)
async def test_a_secret_is_shown_as_the_carrier_wants_it(auth: dict[str, str], shown: tuple[str, str]) -> None:
    remote = Answering(b'{"data": {"rates": []}}')
    await ask(carrier_of(changed(http_settings(), "connection/auth", auth)), remote)
    assert shown in remote.http_calls[0].headers.items()
    grpc = Answering(b"")
    await ask(carrier_of(changed(grpc_settings(), "connection/auth", auth)), grpc)
    assert (shown[0].lower(), shown[1]) in grpc.grpc_calls[0].metadata.items()
    assert (grpc.grpc_calls[0].target, grpc.grpc_calls[0].secure) == ("harbour.example:443", True)


# ---- steering ----------------------------------------------------------------------------------------------------


def steering(**settings: Any) -> Steering:
    return Steering(carrier_of({**http_settings(), **settings}), lambda: 0.0)


def test_a_greater_share_keeps_everyone_it_had() -> None:
    buyers = [f"b-{number}" for number in range(2000)]
    before: set[str] = set()
    for share in (0, 1, 20, 50, 100):
        steered = steering(share=share)
        served = {buyer for buyer in buyers if steered.serves(buyer)}
        assert before <= served
        assert abs(len(served) - 20 * share) < 100
        before = served
    shielded = steering(share=100, shielded=True)
    assert not any(shielded.serves(buyer) for buyer in buyers)


def test_no_more_calls_a_second_than_may_be() -> None:
    now = [0.0]
    bucket = Steering(carrier_of({**http_settings(), "max_per_second": 3}), lambda: now[0])
    assert [bucket.take() for _ in range(5)] == [True, True, True, False, False]
    now[0] = 0.4
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] = 60.0
    assert sum(bucket.take() for _ in range(9)) == 3


def test_a_price_is_kept_for_a_while_and_not_too_many_are() -> None:
    now = [0.0]
    kept: Kept[int] = Kept(10.0, lambda: now[0])
    kept.keep("a", 1)
    now[0] = 9.9
    assert kept.get("a") == 1
    now[0] = 10.0
    assert kept.get("a") is None
    for number in range(5000):
        kept.keep(number, number)
    assert (len(kept), kept.get(0), kept.get(4999)) == (4096, None, 4999)
    never: Kept[int] = Kept(0.0)
    never.keep("a", 1)
    assert never.get("a") is None


# ---- the method --------------------------------------------------------------------------------------------------

OFFER = settings_of(files.METHOD.format(code="SWIFT", carrier="swift", service="EXPRESS", fallback=files.FALLBACK))


def method(**settings: Any) -> CarrierOffer:
    return CarrierOffer(msgspec.convert({**OFFER, **settings}, CarrierMethod, dec_hook=convert_setting))


def offered(parcel: Parcel, quotes: Any, **settings: Any) -> Offer | Excluded:
    return method(**settings).offer(sample()[0], quotes)(parcel)


def test_it_keeps_the_laws_with_quotes_and_without() -> None:
    cases: tuple[Mapping[str, Any], ...] = (
        {},
        {"swift": {}},
        {"swift": {sample()[1].parcel_id: (ServiceQuote("EXPRESS", 1200, Transit(1, 2)),)}},
    )
    for quotes in cases:
        check_extension(CarrierOffer, OFFER, facts={CARRIER_QUOTES: quotes})
        without = {**OFFER, "fallback": []}
        check_extension(CarrierOffer, without, facts={CARRIER_QUOTES: quotes}, views=example_views("SG"))


def test_what_the_carrier_asks_is_the_price_and_its_transit_the_methods() -> None:
    _, parcel = sample()
    quotes = {"swift": {parcel.parcel_id: (ServiceQuote("SAVER", 900), ServiceQuote("EXPRESS", 1200, Transit(1, 2)))}}
    made = offered(parcel, quotes)
    assert isinstance(made, Offer)
    assert (made.tariff, made.method.transit, made.method.carrier) == (FlatTariff(1200), Transit(1, 2), "swift")


@pytest.mark.parametrize("quotes", [{}, {"swift": {}}, {"other": {"p": ()}}])
def test_without_a_price_the_fallback_stands(quotes: Any) -> None:
    _, parcel = sample()
    made = offered(parcel, quotes)
    assert isinstance(made, Offer)
    assert isinstance(made.tariff, StepTariff)
    assert made.method.transit == Transit(3, 5)
    gone = offered(parcel, quotes, fallback=[])
    assert isinstance(gone, Excluded)
    assert gone.reasons[0].message == "SWIFT: swift gave no price for this parcel, and no fall-back rate holds today"


def test_a_fallback_that_is_over_does_not_stand() -> None:
    ended = [{**row, "effective_to": "2026-11-22"} for row in OFFER["fallback"]]
    assert isinstance(offered(sample()[1], {}, fallback=ended), Excluded)


@pytest.mark.parametrize("quotes", [(), (ServiceQuote("SAVER", 900),)])
def test_what_the_carrier_does_not_take_never_goes_by_the_fallback(quotes: tuple[ServiceQuote, ...]) -> None:
    _, parcel = sample()
    made = offered(parcel, {"swift": {parcel.parcel_id: quotes}})
    assert isinstance(made, Excluded)
    assert made.reasons[0].code == "LOGI_METHOD_GONE"
    assert "swift does not take this parcel by EXPRESS" in made.reasons[0].message


def test_a_price_does_not_lift_the_methods_limits() -> None:
    parcel = example_parcel(example_line(goods_class=GoodsClass.LIQUID))
    made = offered(parcel, {"swift": {parcel.parcel_id: (ServiceQuote("EXPRESS", 1200),)}})
    assert isinstance(made, Excluded)
    assert made.reasons[0].code == "LOGI_CLASS_FORBIDDEN"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "CONSO_THIRD_PARTY"}, "use logistics.forwarder"),
        ({"transit": {"minimum": 5, "maximum": 3}}, "0 <= minimum <= maximum"),
        ({"fallback": [*OFFER["fallback"], *OFFER["fallback"]]}, "overlap"),
    ],
)
def test_a_method_that_cannot_be_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        offered(sample()[1], {}, **settings)


def test_fall_back_rates_say_when_they_end_and_that_they_have_not_begun() -> None:
    ended = method(fallback=[{**row, "effective_to": "2026-11-22"} for row in OFFER["fallback"]])
    assert (ended.data_until, ended.lacks_on(date(2026, 11, 23))) == (date(2026, 11, 22), "")
    assert ended.lacks_on(date(2025, 12, 31)).startswith("SWIFT has no rate on 2025-12-31")
    without = method(fallback=[])
    assert (without.data_until, without.lacks_on(date(2026, 11, 23))) == (None, "")
