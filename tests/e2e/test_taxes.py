"""Taxes over the wire: a relief that runs out, what a province decides, sites that tax by other laws."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import live
from tests.e2e.conftest import Shop
from tests.e2e.live import Client, Server, check_sums, page_of, refused, submission

from crossborder.checkout.v1 import page_pb2

OVERSEAS = Path(__file__).parents[2] / "deploy" / "sites" / "overseas"
TEAPOT = ("tea-gaiwan-white", 1)
NOTEBOOKS = ("bok-notebook-a5", 2)
HOMES: Mapping[str, Mapping[str, Any]] = {
    "NZ": {"city": "Auckland", "postcode": "1010", "phone": "+64 21 123 4567"},
    "GB": {"city": "London", "postcode": "SW1A 1AA", "phone": "+44 7400 123456"},
    "DE": {"city": "Berlin", "postcode": "10115", "phone": "+49 151 23456789"},
}


async def test_taiwans_relief_is_used_six_times_and_the_seventh_order_pays(shop: Shop) -> None:
    page = page_of("TW", NOTEBOOKS)
    for _ in range(6):
        rendered = await shop.client.render(page)
        assert rendered.page.totals.border_estimate == 0
        assert not rendered.page.notices
        await shop.client.submit(submission(page, rendered))
    seventh = await shop.client.render(page)
    check_sums(seventh)
    assert seventh.page.totals.border_estimate > 0
    assert [notice.code for notice in seventh.page.notices] == ["TAX_QUOTA_EXCEEDED"]


async def test_a_page_of_two_parcels_says_that_customs_counts_them_together(shop: Shop) -> None:
    page = page_of(
        "TW", ("tea-tray-bamboo", 6), ("app-down-jacket-m", 4), ("app-jeans-30", 10), ("app-socks-5pk", 30)
    )  # 30.4 kg
    rendered = await shop.client.render(page)
    assert len(rendered.page.parcels) == 2
    (block,) = [block for block in rendered.page.blocks if block.kind == "tax_together"]
    assert block.values["parcels"] == "2"
    alone = await shop.client.render(page_of("TW", ("bok-notebook-a5", 2)))
    assert "tax_together" not in {block.kind for block in alone.page.blocks}


async def test_a_quote_of_the_sixth_that_another_order_used_first_is_not_honoured_silently(shop: Shop) -> None:
    page = page_of("TW", NOTEBOOKS)
    for _ in range(5):
        await shop.client.submit(submission(page, await shop.client.render(page)))
    last, also = await shop.client.render(page), await shop.client.render(page)
    await shop.client.submit(submission(page, last))
    assert (await refused(shop.client.submit(submission(page, also)))).reason == "QUOTE_CHANGED"


@pytest.mark.parametrize(
    ("address", "components"),
    [
        ({"subdivision": "ON", "city": "Toronto", "postcode": "M5V 2T6"}, {"CA_HST"}),
        ({"subdivision": "BC", "city": "Vancouver", "postcode": "V6B 1A1"}, {"CA_GST", "CA_PST"}),
        ({"subdivision": "QC", "city": "Montréal", "postcode": "H2Y 1C6"}, {"CA_GST", "CA_QST"}),
        ({"subdivision": "AB", "city": "Calgary", "postcode": "T2P 1J9"}, {"CA_GST"}),
    ],
)
async def test_a_province_decides_what_canada_takes(
    shop: Shop, address: Mapping[str, str], components: set[str]
) -> None:
    page = page_of("CA", ("tea-pot-master", 1), address=address)
    for method, collector in (
        ("CA_DM_AIR", page_pb2.COLLECTOR_MARKETPLACE),
        ("CA_CONSO_AIR", page_pb2.COLLECTOR_BORDER),
    ):
        rendered = await shop.client.by(page, method)
        check_sums(rendered)
        (option,) = [option for option in rendered.page.parcels[0].options if option.selected]
        taxed = {line.code for line in option.tax_lines if line.amount}
        assert taxed - {"CA_HANDLING", "CA_DUTY"} == components
        assert ("CA_HANDLING" in taxed) is (collector == page_pb2.COLLECTOR_BORDER)
        assert {line.collector for line in option.tax_lines} == {collector}


@pytest.mark.parametrize(
    ("site", "taxes"), [("NZ", {"NZ_GST"}), ("GB", {"GB_VAT"}), ("DE", {"DE_VAT", "EU_FLAT_DUTY"})]
)
async def test_sites_of_a_deployment_folder_tax_by_their_own_law(
    loaded: Path,
    tmp_path: Path,
    connect: Callable[[Server], AbstractAsyncContextManager[Client]],
    site: str,
    taxes: set[str],
) -> None:
    from orderpage.adapters.sql.load import load

    database = live.copy_database(loaded, tmp_path)
    rates = (OVERSEAS / "rates.yaml").read_text("utf-8").replace("2026-11-22", "2026-01-01")
    load(live.url_of(database), [("rates.yaml", rates)])
    home = {"country": site, "street": ["8 Demo Street"], "recipient": "Sam Walker", **HOMES[site]}
    page = page_of(site, NOTEBOOKS, address=home)
    with Server(tmp_path, database, packages=str(OVERSEAS)) as server:
        async with connect(server) as client:
            rendered = await client.render(page)
            check_sums(rendered)
            lines = {line.code for option in rendered.page.parcels[0].options for line in option.tax_lines}
            assert lines == taxes
            assert rendered.page.totals.tax > 0
            placed = await client.submit(submission(page, rendered))
            assert placed.order.payable == rendered.page.totals.payable
        server.stop()
