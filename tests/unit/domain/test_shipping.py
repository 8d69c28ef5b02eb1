"""Chargeable weight, tariffs and parcels (domain rules 3.2 and 3.5)."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.domain.shipping import Basis, FlatTariff, StepTariff

TARIFFS = st.builds(
    StepTariff,
    first_g=st.integers(1, 3_000),
    first_fee=st.integers(0, 20_000),
    step_g=st.integers(1, 1_000),
    step_fee=st.integers(0, 5_000),
    divisor=st.sampled_from([5000, 6000, 8000]),
    basis=st.sampled_from(list(Basis)),
    round_g=st.sampled_from([1, 500, 1000]),
)
WEIGHT = st.integers(0, 60_000)
VOLUME = st.integers(0, 500_000)


def tariff(**fields: Any) -> StepTariff:
    defaults = {"first_g": 1000, "first_fee": 1200, "step_g": 500, "step_fee": 300, "divisor": 6000, "round_g": 500}
    return StepTariff(**{**defaults, "basis": Basis.FULL, **fields})


def card_tariff(row: dict[str, Any]) -> StepTariff:
    names = ("first_g", "first_fee", "step_g", "step_fee", "divisor", "round_g")
    return StepTariff(**{name: row[name] for name in names}, basis=Basis(row["basis"]))


def test_every_quote_of_the_demo_rate_card_is_met(cases: dict[str, Any]) -> None:
    rows = {row["code"]: card_tariff(row) for row in cases["rate_card"]}
    for quote in cases["quotes"]:
        length, width, height = quote["dims_cm"] or (0, 0, 0)
        priced = rows[quote["method"]]
        chargeable = priced.chargeable_g(quote["actual_g"], length * width * height)
        assert (chargeable, priced.fee(chargeable)) == (quote["chargeable_g"], quote["freight"]), quote["id"]


@pytest.mark.parametrize(("basis", "billed"), [(Basis.FULL, 11_000), (Basis.HALF, 8_000), (Basis.NONE, 5_000)])
def test_the_published_fixture_of_the_three_bases(basis: Basis, billed: int) -> None:
    assert tariff(basis=basis, round_g=1000).chargeable_g(5_000, 40**3) == billed


@pytest.mark.parametrize(("weight", "billed"), [(5_000, 5_000), (5_001, 6_000), (5_010, 6_000), (1, 1_000), (0, 0)])
def test_a_weight_rounds_up_to_its_step(weight: int, billed: int) -> None:
    assert tariff(round_g=1000).chargeable_g(weight, 0) == billed


@pytest.mark.parametrize(
    ("chargeable", "fee"), [(0, 1200), (500, 1200), (1000, 1200), (1001, 1500), (1500, 1500), (1501, 1800)]
)
def test_the_first_weight_is_paid_whole_and_a_begun_step_is_a_step(chargeable: int, fee: int) -> None:
    assert tariff().fee(chargeable) == fee


@given(tariff=TARIFFS, weight=WEIGHT, volume=VOLUME)
def test_the_chargeable_weight_is_the_exact_basis_rounded_up(tariff: StepTariff, weight: int, volume: int) -> None:
    volumetric = Fraction(volume * 1000, tariff.divisor)
    exact = Fraction(weight)
    if volumetric > weight:
        exact = {Basis.FULL: volumetric, Basis.HALF: (weight + volumetric) / 2, Basis.NONE: exact}[tariff.basis]
    billed = tariff.chargeable_g(weight, volume)
    assert billed % tariff.round_g == 0
    assert exact <= billed < exact + tariff.round_g


@given(tariff=TARIFFS, weight=WEIGHT, volume=VOLUME, more=st.integers(0, 5_000))
def test_more_weight_or_volume_never_costs_less(tariff: StepTariff, weight: int, volume: int, more: int) -> None:
    fee = tariff.fee(tariff.chargeable_g(weight, volume))
    assert tariff.fee(tariff.chargeable_g(weight + more, volume)) >= fee
    assert tariff.fee(tariff.chargeable_g(weight, volume + more)) >= fee


@given(tariff=TARIFFS, first=st.tuples(WEIGHT, VOLUME), second=st.tuples(WEIGHT, VOLUME))
def test_merging_never_bills_more_weight_than_two_parcels(
    tariff: StepTariff, first: tuple[int, int], second: tuple[int, int]
) -> None:
    merged = tariff.chargeable_g(first[0] + second[0], first[1] + second[1])
    assert merged <= tariff.chargeable_g(*first) + tariff.chargeable_g(*second)


def test_merging_sums_before_rounding() -> None:
    """Q3: 0.3, 0.4 and 0.6 kg cost 24 + 24 + 33 apart and 42 merged."""
    air = tariff(first_g=500, first_fee=2400, step_g=500, step_fee=900)
    apart = [air.fee(air.chargeable_g(weight, 0)) for weight in (300, 400, 600)]
    assert apart == [2400, 2400, 3300]
    assert air.fee(air.chargeable_g(1300, 0)) == 4200


@given(weight=WEIGHT, volume=VOLUME)
def test_a_flat_price_is_the_same_for_any_weight(weight: int, volume: int) -> None:
    flat = FlatTariff(750)
    assert flat.fee(flat.chargeable_g(weight, volume)) == 750


# ---- parcels ----------------------------------------------------------------------------------------------------


def test_a_parcel_sums_weights_and_volumes_over_units(build: Any) -> None:
    parcel = build.parcel(
        build.line("1", 300, 3, weight_g=100, sides_cm=(10, 10, 10), shop="a", origin="CN"),
        build.line("2", 200, 1, weight_g=50, sides_cm=(1, 2, 3), shop="b", origin="HK"),
    )
    assert (parcel.weight_g, parcel.volume_cm3) == (350, 3006)
    assert (parcel.shops, parcel.origins) == (("a", "b"), {"CN", "HK"})


def test_equal_goods_have_an_equal_name_and_other_goods_another(build: Any) -> None:
    one, two = build.line("1", 300, 3), build.line("2")
    assert build.parcel(one, two).parcel_id == build.parcel(one, two).parcel_id
    parts = [build.item(one, units) for units in (1, 2, 3)]
    names = {
        build.parcel(*items).parcel_id for items in [(one, two), (one,), (two,), *((part, two) for part in parts[:2])]
    }
    assert len(names) == 5


@pytest.mark.parametrize(("together", "alone"), [(("1", "2"), "1+2"), (("a", "b+c"), "a+b+c")])
def test_a_line_id_chosen_by_a_client_cannot_make_two_contents_one_parcel(
    build: Any, together: tuple[str, ...], alone: str
) -> None:
    merged = build.parcel(*(build.line(line_id) for line_id in together))
    assert merged.parcel_id != build.parcel(build.line(alone)).parcel_id


def test_units_of_a_line_are_not_taken_for_a_line_named_alike(build: Any) -> None:
    line = build.line("1", 300, 3)
    assert build.parcel(build.item(line, 2)).parcel_id != build.parcel(build.line("1*2")).parcel_id
