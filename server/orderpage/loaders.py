"""The host's own facts, filled by extensions like any other, so that a layer can put its own in their place."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from orderpage import facts, points
from orderpage.domain.goods import Catalogue, Stock
from orderpage.domain.money import CNY, ExchangeRate
from orderpage.engine.extension import Settings, extends, extension
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


class RateAge(Settings, frozen=True, kw_only=True):
    """Settings of ``core.rate``: a rate that was published longer ago is none; absent: any holds until the next."""

    max_age_hours: Annotated[int, Meta(gt=0)] | None = None


@extension("core.rate", settings=RateAge)
class RateLoader:
    """The rate of exchange in force, where no quote pins one."""

    def __init__(self, settings: RateAge) -> None:
        self.max_age = timedelta(hours=settings.max_age_hours) if settings.max_age_hours else None

    @extends(points.LOAD, fills=facts.RATE, budget_ms=2000)
    async def load(self, view: LoadView) -> ExchangeRate:
        """From CNY to the page's currency. Raises ``LookupError`` when none was published, or none of late."""
        since = view.priced_at - self.max_age if self.max_age is not None else None
        rate = await view.ports.rates.rate(CNY, view.currency, view.priced_at, since)
        if rate is None:
            late = f" that is younger than {since.isoformat()} (max_age_hours)" if since is not None else ""
            which = f"from CNY to {view.currency.code} at {view.priced_at.isoformat(timespec='seconds')}"
            raise LookupError(f"no rate {which}{late}; publish one: `orderpage load rates.yaml`")
        return rate
