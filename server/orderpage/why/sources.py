"""Who said what on a page: every rule, tariff and fee with the slot that brought it."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from orderpage import points
from orderpage.domain.discount import DiscountRule
from orderpage.domain.money import Currency, ExchangeRate
from orderpage.domain.page import Page
from orderpage.domain.shipping import Fee, Offer, Parcel, Shipment
from orderpage.domain.tax import Component, TaxLine, TaxRule
from orderpage.domain.why import Why
from orderpage.engine.attribution import ask, said_at
from orderpage.engine.plan import Slot
from orderpage.engine.run import Run

Slots = Mapping[str, Sequence[Slot]]


class Sources:
    """The rules of a page by what they made, each with its slot."""

    def __init__(self, page: Page, run: Run, slots: Slots) -> None:
        """``slots``, by point, are the scenario's own."""
        view = page.view
        self._offers = said_at(run, points.OFFER, view, slots)
        self._fees = said_at(run, points.SURCHARGE, view, slots)
        self._discounts = {said.answer.code: said for said in said_at(run, points.DISCOUNT, view, slots)}
        self._taxes = said_at(run, points.TAX, view, slots)

    def discount(self, code: str) -> tuple[Slot | None, DiscountRule | None]:
        """The rule of an adjustment."""
        found = self._discounts.get(code)
        return (None, None) if found is None else (found.slot, found.answer)

    def offer(self, parcel: Parcel, method: str) -> tuple[Slot | None, Offer | None]:
        """The offer of a method for a parcel."""
        for said in ask(self._offers, parcel):
            if isinstance(said.answer, Offer) and said.answer.method.code == method:
                return said.slot, said.answer
        return None, None

    def fees(self, shipment: Shipment, code: str) -> list[tuple[Slot, Fee]]:
        """The fees of that code on a shipment: the one that stands has the highest rank of its group."""
        return [(said.slot, said.answer) for said in ask(self._fees, shipment) if said.answer.code == code]

    def tax(self, tax: TaxLine) -> tuple[Slot | None, TaxRule | None, Component | None]:
        """The rule of a tax line, and the component of it."""
        for slot, rule in self._taxes:
            for component in rule.components:
                if (rule.code, component.code) == (tax.rule, tax.code):
                    return slot, rule, component
        return None, None, None


def said_by(slot: Slot | None, why: Why) -> Why:
    """With who put the rule there."""
    return why if slot is None else replace(why, extension=slot.extension, origin=str(slot.origin))


def rate_text(rate: ExchangeRate) -> str:
    """``1 CNY = 0.192 SGD``: exact, since rates are published as decimals."""
    scaled = rate.numerator * 10 ** (rate.base.exponent + 12), rate.denominator * 10**rate.quote.exponent
    value = scaled[0] // scaled[1]
    whole, digits = divmod(value, 10**12)
    return f"1 {rate.base.code} = {whole}.{digits:012}".rstrip("0").rstrip(".") + f" {rate.quote.code}"


def money(amount: int, currency: Currency) -> str:
    """``12.00 CNY``."""
    return f"{currency.format(amount)} {currency.code}"
