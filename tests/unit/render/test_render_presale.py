"""Goods in presale on whole pages: sites and entries differ in what is paid when, and a layer says so."""

from datetime import date
from typing import Any

import pytest

from orderpage.domain.presale import BalanceWindow, Presale
from orderpage.domain.problem import Code
from orderpage.domain.stage import Stage
from orderpage.engine.problems import PackageErrors

DECEMBER = BalanceWindow(first_day=date(2026, 12, 1), last_day=date(2026, 12, 7))
JANUARY = BalanceWindow(first_day=date(2027, 1, 1), last_day=date(2027, 1, 7))


def sold(**fields: Any) -> tuple[Presale, ...]:
    dates = {"effective_from": date(2026, 11, 1), "effective_to": date(2026, 11, 30), "deposit_ppm": 200_000}
    return (Presale(**{**dates, "balance": DECEMBER, **fields}),)


def layer(settings: str) -> str:
    return (
        "package: t\nwhen: {site: HK, client: h5}\npay:\n  after:\n    payment_methods:\n"
        f"      - {{use: checkout.schedule, as: more, settings: {settings}}}\n"
    )


async def stages(world: Any, site: str = "HK", **fields: Any) -> list[Any]:
    request = world.cart(site, ("pre", 2), ("tea-gaiwan-white", 1), **fields)
    page = (await world.render(request)).page
    assert sum(due.amount for due in page.schedule) == page.totals.payable
    return list(page.schedule)


@pytest.mark.parametrize("site", ["HK", "TW", "SG", "MY", "CA"])
async def test_every_site_sells_in_presale_what_the_catalogue_says(world: Any, site: str) -> None:
    sku = world.ports.sell("pre", "88.80", presale=sold())
    deposit, balance = await stages(world, site)
    assert 0 < 5 * deposit.amount <= 2 * world.ports.rates[world_currency(site)].convert(sku.unit_price)
    assert (deposit.freight, deposit.fees, deposit.tax) == (0, 0, 0)
    assert balance.opens_at < balance.due_at


def world_currency(site: str) -> str:
    return {"HK": "HKD", "TW": "TWD", "SG": "SGD", "MY": "MYR", "CA": "CAD"}[site]


async def test_the_supermarket_has_all_prepaid(world: Any) -> None:
    world.ports.sell("pre", "88.80", presale=sold())
    (whole,) = await stages(world, business="supermarket")
    assert whole.stage is Stage.FULL


async def test_a_layer_moves_freight_and_tax_to_the_deposit(demo: Any) -> None:
    plans = demo.compile_with(layer("{freight: DEPOSIT, tax: DEPOSIT}"))
    world = demo.world(plans)
    world.ports.sell("pre", "88.80", presale=sold())
    deposit, balance = await stages(world)
    assert deposit.freight > 0
    assert (balance.freight, balance.fees, balance.tax) == (0, 0, 0)


def test_a_stage_that_is_none_is_an_error_of_the_layer_s_line(demo: Any) -> None:
    with pytest.raises(PackageErrors, match=r"more\.yaml:6: .*FULL is `prepaid: true`"):
        demo.compile_with(layer("{freight: FULL}"))


async def test_balances_without_a_common_time_are_ordered_apart(world: Any) -> None:
    world.ports.sell("pre", "88.80", presale=sold())
    world.ports.sell("later", "66.00", presale=sold(balance=JANUARY))
    rendered = await world.render(world.cart("HK", ("pre", 1), ("later", 1)))
    (problem,) = rendered.page.problems
    assert (problem.code, problem.line_id) == (Code.PRESALE_APART, "2")
    assert not rendered.quote_token


async def test_no_date_is_promised_for_what_is_not_handed_over_yet(world: Any) -> None:
    world.ports.sell("pre", "88.80", presale=sold())
    for business in ("marketplace", "supermarket"):
        page = (await world.render(world.cart("HK", ("pre", 1), business=business))).page
        assert [option.priced.option.window for option in page.parcels[0].options].count(None) == len(
            page.parcels[0].options
        )
