"""The host's own facts, filled by extensions like any other, so that a layer can put its own in their place."""

from orderpage import facts, points
from orderpage.domain.goods import Catalogue, Stock
from orderpage.domain.money import CNY, ExchangeRate
from orderpage.engine.extension import extends, extension
from orderpage.ports import LoadView


@extension("core.catalogue")
class CatalogueLoader:
    """The SKUs of the cart, from the catalogue port."""

    @extends(points.LOAD, fills=facts.CATALOGUE, budget_ms=2000)
    async def load(self, view: LoadView) -> Catalogue:
        """Known SKUs by id."""
        return await view.ports.catalogue.skus(view.sku_ids, fresh=view.fresh)


@extension("core.stock")
class StockLoader:
    """Stock of the cart's SKUs, never cached."""

    @extends(points.LOAD, fills=facts.STOCK, budget_ms=2000)
    async def load(self, view: LoadView) -> Stock:
        """Levels by SKU id."""
        return await view.ports.catalogue.stock(view.sku_ids)


@extension("core.rate")
class RateLoader:
    """The rate of exchange in force, where no quote pins one."""

    @extends(points.LOAD, fills=facts.RATE, budget_ms=2000)
    async def load(self, view: LoadView) -> ExchangeRate:
        """From CNY to the page's currency. Raises ``LookupError`` when none was published."""
        rate = await view.ports.rates.rate(CNY, view.currency, view.priced_at)
        if rate is None:
            raise LookupError(f"no rate of exchange from CNY to {view.currency.code} at {view.priced_at.isoformat()}")
        return rate
