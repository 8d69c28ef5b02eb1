"""A site that no code knows is added by a folder of YAML: Australia, as ``deploy/sites/australia`` has it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.e2e import live
from tests.e2e.conftest import open_shop
from tests.e2e.live import Client, Server, check_sums, chosen, page_of, refused, submission

from crossborder.checkout.v1 import order_page_pb2

AUSTRALIA = Path(__file__).parents[2] / "deploy" / "sites" / "australia"
SYDNEY: Mapping[str, Any] = {
    "country": "AU", "subdivision": "NSW", "city": "Sydney", "postcode": "2000", "street": ["8 Demo Street"],
    "recipient": "Sam Walker", "phone": "+61 412 345 678",
}  # fmt: skip
MELBOURNE = {**SYDNEY, "subdivision": "VIC", "city": "Melbourne", "postcode": "3000"}
DARWIN = {**SYDNEY, "subdivision": "NT", "city": "Darwin", "postcode": "0800"}
NORFOLK = {**SYDNEY, "city": "Norfolk Island", "postcode": "2899"}
NOTEBOOKS = ("bok-notebook-a5", 2)


@pytest.fixture
def loaded(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's database with the rate of the new currency, as an operator loads it: from long enough ago."""
    from orderpage.adapters.sql.load import load

    database = live.copy_database(loaded, tmp_path_factory.mktemp("australia"))
    rates = (AUSTRALIA / "rates.yaml").read_text("utf-8").replace("2026-11-22", "2026-01-01")
    load(live.url_of(database), [("rates.yaml", rates)])
    return database


async def test_a_server_told_of_the_folder_sells_there(
    loaded: Path, tmp_path: Path, connect: Callable[[Server], AbstractAsyncContextManager[Client]]
) -> None:
    with Server(tmp_path, loaded, packages=str(AUSTRALIA)) as server:
        async with connect(server) as client:
            page = page_of("AU", NOTEBOOKS, address=SYDNEY)
            rendered = await client.by(page, "AU_DM_AIR")
            check_sums(rendered)
            assert rendered.page.currency.code == "AUD"
            assert {option.method for option in rendered.page.parcels[0].options} == {"AU_DM_AIR", "AU_CONSO_SEA"}
            # 2 × 6.88 of goods; 38.00 + 18.00 CNY for 0.64 kg at 0.2150; GST takes in the freight: 10% of 25.80
            assert (rendered.page.totals.goods, chosen(rendered).freight) == (1376, 1204)
            assert rendered.page.totals.tax == 258
            assert {block.kind for block in rendered.page.blocks} >= {"landed_cost", "tax_collected"}
            placed = await client.submit(submission(page, rendered))
            assert placed.order.payable == rendered.page.totals.payable
        server.stop()


async def test_without_the_folder_nobody_knows_the_site(
    loaded: Path, tmp_path: Path, connect: Callable[[Server], AbstractAsyncContextManager[Client]]
) -> None:
    with Server(tmp_path, loaded) as server:
        async with connect(server) as client:
            refusal = await refused(client.render(page_of("AU", NOTEBOOKS, address=SYDNEY)))
            assert (refusal.reason, grpc.StatusCode[refusal.status]) == (
                "SCENARIO_UNKNOWN", grpc.StatusCode.INVALID_ARGUMENT
            )  # fmt: skip
        server.stop()


async def test_its_zones_and_its_states_holidays_are_its_own(loaded: Path, tmp_path: Path) -> None:
    async with open_shop(loaded, tmp_path, packages=str(AUSTRALIA)) as shop:
        shop.clock.now = datetime(2026, 10, 26, 2, tzinfo=UTC)  # handed over on the 27th; the seventh day is 3 November

        async def at(address: Mapping[str, Any]) -> order_page_pb2.RenderResponse:
            return await shop.client.by(page_of("AU", NOTEBOOKS, address=address), "AU_DM_AIR")

        pages = {place["city"]: await at(place) for place in (SYDNEY, MELBOURNE, DARWIN, NORFOLK)}
        assert {city: [(fee.code, fee.amount) for fee in chosen(page).fees] for city, page in pages.items()} == {
            "Sydney": [],
            "Melbourne": [],
            "Darwin": [("REMOTE_AREA", 645)],
            "Norfolk Island": [("FAR_AREA", 1935)],
        }
        first = {city: chosen(page).arrival.earliest for city, page in pages.items()}
        assert (first["Sydney"].month, first["Sydney"].day) == (11, 3)
        assert (first["Melbourne"].month, first["Melbourne"].day) == (11, 4)  # the day after the Cup


async def test_the_other_sites_stay_as_they_are(loaded: Path, tmp_path: Path) -> None:
    async with open_shop(loaded, tmp_path, packages=str(AUSTRALIA)) as shop:
        plans = shop.service.packages.plans.current
        assert plans.dimensions["site"] == ("HK", "TW", "SG", "MY", "CA", "AU")
        rendered = await shop.client.render(page_of("HK", NOTEBOOKS))
        assert rendered.page.currency.code == "HKD"
