"""The standard blocks of a page. A site places, removes or replaces them by layer."""

from collections.abc import Iterator, Mapping

from orderpage import Settings, extends, extension, points
from orderpage.domain.display import Badge, Block
from orderpage.domain.page import Page
from orderpage.domain.text import in_language
from orderpage_blocks.arrival import ArrivalStyle, tell
from orderpage_blocks.formats import amount_text
from orderpage_blocks.words import has_words, words


@extension("blocks.arrival", settings=ArrivalStyle)
class ArrivalBlock:
    """When each parcel arrives by its selected method; no block where no date is promised."""

    def __init__(self, settings: ArrivalStyle) -> None:
        self.settings = settings

    @extends(points.PRESENT)
    def present(self, page: Page) -> Iterator[Block]:
        """Slot ``parcel.arrival``; ``values`` hold the ISO dates, and the moment that a countdown runs to."""
        language = page.view.language
        for parcel in page.parcels:
            choice = parcel.choice
            window = choice.priced.option.window if choice else None
            if window is not None:
                told = tell(window, page.view, self.settings)
                days = {"earliest": window.earliest.isoformat(), "latest": window.latest.isoformat()}
                yield Block(
                    slot="parcel.arrival",
                    kind="arrival",
                    title=words("arrival.title", language),
                    text=told.text,
                    parcel_id=parcel.parcel.parcel_id,
                    values={**days, **told.more},
                )


@extension("blocks.landed_cost")
class LandedCostBlock:
    """What the page costs to the door, part by part. Discounts and estimates stand only where there are any."""

    @extends(points.PRESENT)
    def present(self, page: Page) -> tuple[Block, ...]:
        """Slot ``page.cost``; ``values`` have what is paid ``now`` where the rest is paid at another time."""
        if not page.parcels:
            return ()
        totals, language = page.totals, page.view.language
        parts = {"goods": totals.goods, "freight": totals.freight, "fees": totals.fees, "tax": totals.tax}
        extras = {
            "goods_discount": totals.goods_discount,
            "freight_discount": totals.freight_discount,
            "border": totals.border,
            "later": totals.later,
        }
        shown = {**parts, **{name: amount for name, amount in extras.items() if amount}, "payable": totals.payable}
        if page.staged:
            shown["now"] = page.due
        values = {name: amount_text(amount, page.currency, language) for name, amount in shown.items()}
        title = words("cost.title", language)
        text = words("cost.text", language, payable=amount_text(page.due, page.currency, language))
        return (Block(slot="page.cost", kind="landed_cost", title=title, text=text, values=values),)


class TaxNames(Settings, frozen=True, kw_only=True):
    """Settings of ``blocks.tax_notice``: what the site calls its tax, by language; absent for just "tax"."""

    name: Mapping[str, str] | None = None


@extension("blocks.tax_notice", settings=TaxNames)
class TaxNotice:
    """What tax the page includes, and what is left to the border."""

    def __init__(self, settings: TaxNames) -> None:
        self.name = settings.name

    @extends(points.PRESENT)
    def present(self, page: Page) -> Iterator[Block]:
        """Slot ``page.tax``; kinds ``tax_collected`` and ``tax_border``."""
        language = page.view.language
        for kind, amount in (("collected", page.totals.tax), ("border", page.totals.border)):
            if amount > 0:
                shown = amount_text(amount, page.currency, language)
                name = in_language(self.name, language) if self.name else words("tax.name", language)
                yield Block(
                    slot="page.tax",
                    kind=f"tax_{kind}",
                    title=words("tax.title", language),
                    text=words(f"tax.{kind}", language, tax=name, amount=shown),
                    values={"amount": shown},
                )


@extension("blocks.recommended")
class Recommended:
    """Why the best option of a parcel is the best, on the option itself."""

    @extends(points.PRESENT)
    def present(self, page: Page) -> Iterator[Badge]:
        """Nothing where there is no choice to make."""
        for parcel in page.parcels:
            if len(parcel.options) < 2:
                continue
            best = parcel.options[0]
            for reason in best.reasons:
                if has_words(f"reason.{reason}"):
                    yield Badge(
                        parcel_id=parcel.parcel.parcel_id,
                        method=best.priced.option.method.code,
                        text=words(f"reason.{reason}", page.view.language),
                    )


@extension("blocks.saving")
class SavingBlock:
    """What this division into parcels saves."""

    @extends(points.PRESENT)
    def present(self, page: Page) -> tuple[Block, ...]:
        """Slot ``page.saving``."""
        if page.saving <= 0:
            return ()
        language = page.view.language
        amount = amount_text(page.saving, page.currency, language)
        text = words("saving.text", language, amount=amount)
        title = words("saving.title", language)
        return (Block(slot="page.saving", kind="saving", title=title, text=text, values={"amount": amount}),)
