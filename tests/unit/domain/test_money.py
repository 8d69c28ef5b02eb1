"""Exact money: integer minor units, HALF_UP, largest remainder (domain rules, head and section 12)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.domain.money import CNY, Currency, ExchangeRate, ListingAmount, allocate, half_up, parts_per_million

INT64 = st.integers(-(2**63), 2**63 - 1)
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=12)
HKD, SGD, TWD = Currency("HKD", 2), Currency("SGD", 2), Currency("TWD", 0)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        pytest.param(3000, [12900, 8900, 4550], [1469, 1013, 518], id="P-1"),
        pytest.param(1000, [11431, 7887, 4032], [489, 338, 173], id="P-2"),
        pytest.param(1200, [500, 900, 300], [353, 635, 212], id="P-3"),
        pytest.param(900, [45000, 12000], [711, 189], id="SG-3 freight"),
        pytest.param(3333, [60000, 9990], [2857, 476], id="MY-3 coupon"),
    ],
)
def test_allocation_follows_the_worked_cases(total: int, weights: list[int], parts: list[int]) -> None:
    assert allocate(total, weights) == parts


def test_a_refund_of_units_takes_them_in_the_order_of_the_worked_case() -> None:
    assert allocate(11431, [1, 1, 1]) == [3811, 3810, 3810]  # P-4


@given(total=st.integers(-(10**12), 10**12), weights=WEIGHTS)
def test_the_parts_of_an_allocation_always_sum_to_the_whole(total: int, weights: list[int]) -> None:
    assert sum(allocate(total, weights)) == total


@given(total=st.integers(0, 10**9), weights=WEIGHTS)
def test_no_part_is_a_whole_unit_away_from_its_exact_share(total: int, weights: list[int]) -> None:
    whole = sum(weights) or len(weights)
    shares = weights if sum(weights) else [1] * len(weights)
    for part, weight in zip(allocate(total, weights), shares, strict=True):
        assert abs(Fraction(total * weight, whole) - part) < 1


@given(total=st.integers(0, 10**9), weights=WEIGHTS)
def test_a_heavier_part_never_gets_less_and_equal_ones_favour_the_lower_index(total: int, weights: list[int]) -> None:
    parts = allocate(total, weights)
    for i, (weight, part) in enumerate(zip(weights, parts, strict=True)):
        for other, others_part in list(zip(weights, parts, strict=True))[i + 1 :]:
            if weight >= other:
                assert part >= others_part
            else:
                assert part <= others_part


def test_exact_ties_of_remainders_are_not_decided_by_rounding_quotients() -> None:
    assert allocate(1, [1, 1, 1]) == [1, 0, 0]
    big = 3 * 10**17 + 1  # as quotients of floats the remainders of these weights are equal
    assert allocate(1, [big - 1, big]) == [0, 1]


def test_zero_weights_split_evenly() -> None:
    assert allocate(5, [0, 0, 0]) == [2, 2, 1]


def test_nothing_to_bear_an_amount_gets_nothing() -> None:
    assert allocate(5, []) == []


def test_a_part_without_weight_bears_nothing_beside_one_with_weight() -> None:
    assert allocate(7, [0, 3]) == [0, 7]


@given(total=st.integers(0, 10**9), weights=WEIGHTS)
def test_a_reduction_is_allocated_as_the_mirror_of_the_amount(total: int, weights: list[int]) -> None:
    assert allocate(-total, weights) == [-part for part in allocate(total, weights)]


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(1, 2, 1), (-1, 2, -1), (3, 2, 2), (5, 2, 3), (49, 100, 0), (50, 100, 1), (0, 7, 0), (-149, 100, -1)],
)
def test_an_exact_half_rounds_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    assert half_up(numerator, denominator) == rounded


@given(numerator=st.integers(-(10**18), 10**18), denominator=st.integers(1, 10**12))
def test_rounding_is_the_nearest_integer(numerator: int, denominator: int) -> None:
    rounded = half_up(numerator, denominator)
    assert abs(Fraction(numerator, denominator) - rounded) <= Fraction(1, 2)
    assert half_up(-numerator, denominator) == -rounded


@given(amount=INT64, exponent=st.integers(0, 3))
def test_an_amount_survives_being_written_and_read(amount: int, exponent: int) -> None:
    currency = Currency("XXX", exponent)
    text = currency.format(amount)
    assert currency.parse(text) == amount
    assert len(text.partition(".")[2]) == exponent


@pytest.mark.parametrize(
    ("currency", "amount", "text"),
    [(HKD, 16887, "168.87"), (HKD, 5, "0.05"), (HKD, -5, "-0.05"), (HKD, 0, "0.00"), (TWD, 215, "215"), (TWD, 0, "0")],
)
def test_amounts_read_as_retail_writes_them(currency: Currency, amount: int, text: str) -> None:
    assert currency.format(amount) == text


@pytest.mark.parametrize("text", ["1.005", "0.001", "1e-3"])
def test_more_decimals_than_the_currency_has_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than the 2 decimals of HKD"):
        HKD.parse(text)


@pytest.mark.parametrize("text", ["", "twelve", "12,00", "1.2.3", "NaN", "Infinity", "-Infinity", "1E+9999999"])
def test_what_is_no_amount_is_refused_as_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="decimal"):
        HKD.parse(text)


def test_settings_write_listing_amounts_as_text_so_that_fen_and_yuan_cannot_be_mixed_up() -> None:
    assert ListingAmount("12.00") == 1200
    assert ListingAmount("1000000000.00") == 10**11
    with pytest.raises(ValueError, match=r"above 1000000000\.00, the most"):
        ListingAmount("1000000000.01")
    with pytest.raises(ValueError, match=r"write the amount as text in CNY, such as '12\.00', not 12"):
        ListingAmount(12)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="decimals"):
        ListingAmount("0.005")


@pytest.mark.parametrize(
    ("quote", "rate", "fen", "minor"),
    [
        (SGD, "0.1920", 208_334, 40_000),  # domain rules 12: CNY 2,083.34 is S$400.00
        (SGD, "0.1920", 100_000, 19_200),
        (HKD, "1.1800", 1500, 1770),
        (TWD, "4.4000", 1200, 53),  # 52.80
        (TWD, "4.4000", 125, 6),  # 5.50: an exact half
        (SGD, "0.1920", 0, 0),
    ],
)
def test_an_amount_converts_half_up_into_the_quote_currencys_own_units(
    quote: Currency, rate: str, fen: int, minor: int
) -> None:
    assert ExchangeRate.of("r", CNY, quote, rate).convert(fen) == minor


def test_a_rate_is_exact_however_it_is_written() -> None:
    assert ExchangeRate.of("r", CNY, SGD, "0.1920") == ExchangeRate.of("r", CNY, SGD, "0.192")
    assert ExchangeRate.of("r", CNY, TWD, "4.4").convert(10**15) == 44 * 10**12


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity", "", "one"])
def test_a_rate_that_is_no_positive_number_is_refused_as_a_value_error(rate: str) -> None:
    with pytest.raises(ValueError, match="rate of exchange"):
        ExchangeRate.of("r", CNY, SGD, rate)


def test_an_amount_in_settings_has_no_sign() -> None:
    with pytest.raises(ValueError, match="negative"):
        ListingAmount("-0.01")


@given(amounts=st.lists(st.integers(0, 10**12), max_size=5), ppm=st.integers(0, 2_000_000))
def test_parts_per_million_are_rounded_half_up_one_by_one(amounts: list[int], ppm: int) -> None:
    assert parts_per_million(amounts, ppm) == [half_up(amount * ppm, 1_000_000) for amount in amounts]


@given(total=st.integers(0, 10**6), weights=st.lists(st.integers(0, 10**5), min_size=2, max_size=40))
def test_the_largest_remainders_get_what_is_missing_however_many_they_are(total: int, weights: list[int]) -> None:
    whole = sum(weights)
    if whole:
        floors = [total * weight // whole for weight in weights]
        order = sorted(range(len(weights)), key=lambda index: (-(total * weights[index] % whole), index))
        for index in order[: total - sum(floors)]:
            floors[index] += 1
        assert allocate(total, weights) == floors
