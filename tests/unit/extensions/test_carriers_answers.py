"""What is believed of a carrier's answer: strictly what its file describes, and nothing absurd."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.carriers.asked import Answering, ask, carrier_of, changed, grpc_settings, http_settings, sample

from crossborder.carrier.v1 import carrier_pb2
from orderpage.domain.shipping import Transit
from orderpage_carriers.connection import NoAnswer
from orderpage_carriers.facts import ServiceQuote
from orderpage_carriers.places import Node, Place, WrongAnswer
from orderpage_carriers.quoting import Reading


def rate(**fields: Any) -> dict[str, Any]:
    right = {
        "ref": sample()[1].parcel_id,
        "service": "EXPRESS",
        "price": {"total": "12.00", "currency": "CNY"},
        "days": {"min": 2, "max": 4},
    }
    return {**right, **fields}


def priced(total: Any, currency: Any = "CNY") -> dict[str, Any]:
    return rate(price={"total": total, "currency": currency})


async def read(*rates: Any, money: str = "MAJOR_TEXT", **more: Any) -> Reading:
    body = msgspec.json.encode({"data": {"rates": list(rates)}, **more})
    settings = changed(http_settings(), "quote/units/money", money)
    return await ask(carrier_of(settings), Answering(body))


async def test_prices_are_read_where_the_file_says() -> None:
    reading = await read(rate(), rate(service=7, days={"min": None, "max": None}))
    (quotes,) = reading.quotes.values()
    assert quotes == {
        "EXPRESS": ServiceQuote("EXPRESS", 1200, Transit(2, 4)),
        "7": ServiceQuote("7", 1200, None),
    }
    assert reading.remarks == []


async def test_lists_in_lists_are_read_with_what_is_around_them() -> None:
    parcel_id = sample()[1].parcel_id
    answer = {
        "in": "CNY",
        "results": [{"of": parcel_id, "services": [{"code": "A", "fen": 100}, {"code": "B", "fen": 200}]}],
    }
    settings = http_settings()
    settings["quote"]["units"] = {"money": "MINOR"}
    settings["quote"]["answer"] = {
        "prices": "results[*].services[*]", "parcel_id": "^.of", "service": "code", "amount": "fen", "currency": "$.in",
    }  # fmt: skip
    reading = await ask(carrier_of(settings), Answering(msgspec.json.encode(answer)))
    assert {name: quote.amount for name, quote in reading.quotes[parcel_id].items()} == {"A": 100, "B": 200}


@pytest.mark.parametrize(
    ("money", "total", "fen"),
    [
        ("MINOR", 1234, 1234),
        ("MAJOR_TEXT", "12.34", 1234),
        ("MAJOR_TEXT", "12.3400", 1234),
        ("MAJOR_TEXT", "12", 1200),
        ("MAJOR_NUMBER", 12, 1200),
        ("MAJOR_NUMBER", 12.3, 1230),
        ("MAJOR_NUMBER", 1.005e1, 1005),
    ],
)
async def test_an_amount_is_read_to_the_fen(money: str, total: Any, fen: int) -> None:
    reading = await read(priced(total), money=money)
    assert [quote.amount for quotes in reading.quotes.values() for quote in quotes.values()] == [fen]


@pytest.mark.parametrize(
    ("money", "total", "found"),
    [
        ("MINOR", 12.5, "found the number 12.5"),
        ("MINOR", "1200", "found the text '1200'"),
        ("MINOR", True, "found the truth value True"),
        ("MINOR", -1, "an amount of 0.01 to 20000.00 CNY is expected, found -0.01"),
        ("MINOR", 10**18, "an amount of 0.01 to 20000.00 CNY is expected"),
        ("MAJOR_TEXT", 12, "found the number 12"),
        ("MAJOR_TEXT", "NaN", "found the text 'NaN'"),
        ("MAJOR_TEXT", "Infinity", "found the text 'Infinity'"),
        ("MAJOR_TEXT", "1e3", "found the text '1e3'"),
        ("MAJOR_TEXT", "１２", "an amount as text"),
        ("MAJOR_TEXT", " 12", "an amount as text"),
        ("MAJOR_TEXT", "12.345", "an amount as text"),
        ("MAJOR_TEXT", "12,50", "an amount as text"),
        ("MAJOR_TEXT", "-12.00", "found -12.00"),
        ("MAJOR_TEXT", "0.00", "found 0.00"),
        ("MAJOR_TEXT", "20000.01", "found 20000.01"),
        ("MAJOR_TEXT", "<b>12</b>", "an amount as text"),
        ("MAJOR_TEXT", "", "found the text ''"),
        ("MAJOR_TEXT", [], "found a list of 0"),
        ("MAJOR_NUMBER", "12", "an amount as a number"),
        ("MAJOR_NUMBER", 1e300, "an amount as a number"),
        ("MAJOR_NUMBER", 12.345, "an amount as a number"),
        ("MAJOR_NUMBER", -5.5, "found -5.50"),
    ],
)
async def test_an_amount_that_is_none_is_said_with_its_place(money: str, total: Any, found: str) -> None:
    with pytest.raises(WrongAnswer) as wrong:
        await read(priced(total), money=money)
    assert str(wrong.value).startswith("price 1 of data.rates[*]: price.total: ")
    assert found in str(wrong.value)


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ([priced("12.00", "USD")], "price.currency: prices must be in CNY, found the text 'USD'"),
        ([priced("12.00", None)], "price.currency: a text of 1 to 200 characters is expected, found nothing"),
        ([rate(ref="p-other")], "nobody asked about the text 'p-other'"),
        ([rate(ref=None)], "ref: a text of 1 to 200 characters is expected"),
        ([rate(service="x" * 201)], "service: a text of 1 to 200 characters is expected"),
        ([rate(service=False)], "service: a text of 1 to 200 characters is expected, found the truth value False"),
        ([rate(), priced("13.00")], "EXPRESS is priced twice, 12.00 and 13.00 CNY"),
        ([rate(price="12.00")], "an object is expected before 'total', found the text '12.00'"),
        (["<html>"], "an object is expected before 'service', found the text '<html>'"),
        ([rate(service=f"S{number}") for number in range(13)], "more than 12 services of one parcel"),
        ([rate()] * 2001, "data.rates[*]: more than 2000 elements"),
    ],
)
async def test_what_casts_doubt_on_the_answer_fails_it(rates: list[Any], said: str) -> None:
    with pytest.raises(WrongAnswer) as wrong:
        await read(*rates)
    assert said in str(wrong.value)


async def test_an_answer_that_says_it_is_none() -> None:
    with pytest.raises(WrongAnswer, match="message: the carrier refuses, found the text 'unknown account'"):
        await read(rate(), message="unknown account")
    assert await read(rate(), message="")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{}", "data: missing in an object with nothing"),
        (b'{"data": {"rates": null}}', "data.rates[*]: a list is expected, found nothing"),
        (b'{"data": [1]}', "data.rates: missing in a list of 1"),
        (b"null", "data: missing in nothing"),
        (b'"text"', "data: missing in the text 'text'"),
    ],
)
async def test_a_list_that_is_not_there_is_said(body: bytes, said: str) -> None:
    settings = changed(http_settings(), "quote/answer/error", "")
    with pytest.raises(WrongAnswer) as wrong:
        await ask(carrier_of(settings), Answering(body))
    assert said in str(wrong.value)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"<html>Sign in</html>", 200, "status 200, but not JSON: application/json, 20 bytes that begin '<html>"),
        (b'{"data": NaN}', 200, "status 200, but not JSON"),
        (b"", 200, "an empty body"),
        (b"[" * 100_000, 200, "but not JSON"),
        (b"\xff\xfe{}", 200, "but not JSON"),
        (b"{}", 503, "status 503"),
        (b"", 302, "status 302"),
        (b"{}", 401, "status 401"),
    ],
)
async def test_what_is_no_answer_is_said_with_its_status(body: bytes, status: int, said: str) -> None:
    with pytest.raises(NoAnswer) as failure:
        await ask(carrier_of(http_settings()), Answering(body, status))
    assert said in str(failure.value)
    assert failure.value.status == status
    assert len(str(failure.value)) < 200, "more of a body is nobody's business"


async def test_a_service_without_an_amount_is_not_offered_and_the_others_stand() -> None:
    reading = await read(rate(), rate(service="SAVER", price={"currency": "CNY"}))
    assert [list(quotes) for quotes in reading.quotes.values()] == [["EXPRESS"]]
    assert reading.remarks == ["SAVER: no amount at price.total, taken as not offered"]


@pytest.mark.parametrize("days", [{"min": 5, "max": 2}, {"min": -1, "max": 2}, {"min": "2", "max": "4"}, {"min": 3}])
async def test_days_that_are_none_leave_the_price(days: dict[str, Any]) -> None:
    reading = await read(rate(days=days))
    assert [quote for quotes in reading.quotes.values() for quote in quotes.values()] == [
        ServiceQuote("EXPRESS", 1200, None)
    ]
    assert "the method's own transit stands" in reading.remarks[0]


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
NAMED = st.sampled_from(["data", "rates", "price", "total", "ref"])


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMED, inner)))
def test_any_json_is_prices_or_a_wrong_answer_and_no_other_error(answer: Any) -> None:
    with suppress(WrongAnswer):
        asyncio.run(ask(carrier_of(http_settings()), Answering(msgspec.json.encode(answer))))


async def test_services_that_nobody_sells_are_not_kept() -> None:
    carrier = carrier_of({**http_settings(), "services": ["SAVER"]})
    body = msgspec.json.encode({"data": {"rates": [rate(), rate(service="SAVER")]}})
    reading = await ask(carrier, Answering(body))
    assert [list(quotes) for quotes in reading.quotes.values()] == [["SAVER"]]


@pytest.mark.parametrize(
    ("currency", "price", "said"),
    [
        ("USD", {}, "currency: prices must be in CNY, found the text 'USD'"),
        ("", {}, "currency: prices must be in CNY, found the text ''"),
        ("CNY", {"amount": -1}, "price 1: amount: an amount of 0.01 to 20000.00 CNY is expected, found -0.01"),
        ("CNY", {"amount": 0}, "price 1: amount"),
        ("CNY", {"service": ""}, "price 1: service is empty"),
        ("CNY", {"parcel_id": "p-other"}, "price 1: parcel_id: nobody asked about the text 'p-other'"),
    ],
)
async def test_a_message_is_read_as_strictly(currency: str, price: dict[str, Any], said: str) -> None:
    right = {"parcel_id": sample()[1].parcel_id, "service": "STANDARD", "amount": 1200}
    answer = carrier_pb2.QuoteResponse(currency=currency, prices=[carrier_pb2.Price(**{**right, **price})])
    with pytest.raises(WrongAnswer) as wrong:
        await ask(carrier_of(grpc_settings()), Answering(answer.SerializeToString()))
    assert said in str(wrong.value)


async def test_bytes_that_are_no_message() -> None:
    with pytest.raises(NoAnswer, match="of 3 bytes is no QuoteResponse"):
        await ask(carrier_of(grpc_settings()), Answering(b"\xff\xff\xff"))


def test_a_place_is_written_as_it_is_read() -> None:
    node = Node(({"a": [{"b": {"c": 1}}]},))
    assert node.get(Place("a[0].b.c")) == 1
    assert node.get(Place("$.a[0].b")) == {"c": 1}
    assert node.get(Place("a[7].b")) is None
    for text in ("", ".", "a.", "a b", "[", "a[-1]", "$.", "^", "a[x]"):
        with pytest.raises(ValueError, match="is no place in JSON"):
            Place(text)
