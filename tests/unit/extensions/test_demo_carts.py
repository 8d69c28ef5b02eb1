"""The demo carts are requests of the contract, and show what the demo is about."""

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from ruamel.yaml import YAML

from crossborder.checkout.v1.order_page_pb2 import RenderRequest
from orderpage.domain.money import CNY, ExchangeRate

DEMO = Path(__file__).parents[3] / "extensions" / "orderpage_sites" / "demo"


MORE = sorted(file.name for file in (DEMO / "more_carts").iterdir())


def cart(name: str, folder: str = "carts") -> RenderRequest:
    return json_format.Parse((DEMO / folder / name).read_text("utf-8"), RenderRequest())


def data(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load((DEMO / name).read_text("utf-8"))
    return loaded


@pytest.fixture(scope="module")
def skus() -> dict[str, dict[str, Any]]:
    return {sku["sku_id"]: sku for name in ("catalogue.yaml", "presale.yaml") for sku in data(name)["skus"]}


def bought(request: RenderRequest, skus: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [skus[line.sku_id] for line in request.page.cart.lines]


@pytest.mark.parametrize(("name", "site"), [("hk.json", "HK"), ("sg.json", "SG")])
def test_everything_in_a_cart_can_be_bought(name: str, site: str, skus: dict[str, dict[str, Any]]) -> None:
    request = cart(name)
    assert (request.page.site, request.page.address.country) == (site, site)
    check_buyable(request, skus)


@pytest.mark.parametrize("name", MORE)
def test_and_in_the_carts_shown_briefly(name: str, skus: dict[str, dict[str, Any]]) -> None:
    request = cart(name, "more_carts")
    assert request.page.site == request.page.address.country
    check_buyable(request, skus)


def test_the_carts_are_of_five_sites_and_every_business() -> None:
    pages = [cart(name).page for name in ("hk.json", "sg.json")] + [cart(name, "more_carts").page for name in MORE]
    assert {page.site for page in pages} == {"HK", "TW", "SG", "MY", "CA"}
    assert {page.business for page in pages} == {"marketplace", "supermarket", "hk_local", "saas"}


def check_buyable(request: RenderRequest, skus: dict[str, dict[str, Any]]) -> None:
    for line in request.page.cart.lines:
        sku = skus[line.sku_id]
        assert 1 <= line.quantity <= min(sku["stock"], sku["max_quantity"])
        assert not sku.get("offline", False)


def test_the_hong_kong_cart_merges_three_shops_on_the_way_to_a_remote_home(skus: dict[str, dict[str, Any]]) -> None:
    request = cart("hk.json")
    goods = bought(request, skus)
    assert len({sku["shop"] for sku in goods}) == 3
    assert request.page.address.district == "西貢"
    # Two methods carry them all; the fast one does not take the liquid, and says so.
    assert {sku["goods_class"] for sku in goods} == {"GENERAL", "BATTERY_BUILTIN", "LIQUID"}


def test_the_singapore_cart_is_taxed_by_air_and_not_by_sea(skus: dict[str, dict[str, Any]]) -> None:
    goods = bought(cart("sg.json"), skus)
    assert len({sku["shop"] for sku in goods}) == 2
    assert {sku["goods_class"] for sku in goods} == {"GENERAL"}
    row = next(row for row in data("rates.yaml")["rates"] if row["quote"]["code"] == "SGD")
    rate = ExchangeRate.of(row["rate_id"], CNY, CNY, row["rate"])
    assert max(rate.convert(CNY.parse(sku["price"])) for sku in goods) == 39_936
