"""Which order page is asked for: the dimensions that choose a plan, and what a cell's profile fixes."""

from datetime import date
from typing import Annotated, NamedTuple

import msgspec

from orderpage.domain.dated import Dated, last_day
from orderpage.domain.money import Currency
from orderpage.domain.terms import RefundPolicy, SettlementTerms


class Cell(NamedTuple):
    """A scenario: one value per dimension, most decisive first. The order is the order of specificity."""

    site: str
    business: str
    client: str
    crowd: str
    bucket: str


MOST_LINES = 500
"""Lines of a cart that a page can take: its time grows with them, and an event loop serves all pages."""


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the host itself must know of a cell. Set by the ``profile`` key of the layers.

    ``quote_minutes`` bounds how long a quote is honoured; ``timezone`` is IANA and gives the buyer's local date
    (the tax date); ``countries`` are where the site delivers to; ``settlement`` says what an order's ledger books
    beside what the buyer sees, ``refund_policy`` what becomes of its discounts when some of its goods go back: orders
    keep the one that they were placed under.
    """

    currency: Currency
    countries: tuple[str, ...]
    timezone: str
    languages: tuple[str, ...]
    quote_minutes: int = 15
    rate_drift_ppm: Annotated[int, msgspec.Meta(ge=0)] | None = None
    max_lines: Annotated[int, msgspec.Meta(ge=1, le=MOST_LINES)] = MOST_LINES
    settlement: SettlementTerms = SettlementTerms()
    refund_policy: RefundPolicy = RefundPolicy.KEEP

    @property
    def dated(self) -> dict[tuple[str, ...], tuple[Dated, ...]]:
        """Its lists of dated rows, none of them empty, by the keys under which a layer writes them."""
        return {("settlement", *keys): rows for keys, rows in self.settlement.dated.items() if rows}

    @property
    def data_until(self) -> dict[tuple[str, ...], date]:
        """The last day of those that end, by the same keys; operators are told in time."""
        ends = {keys: last_day(rows) for keys, rows in self.dated.items()}
        return {keys: last for keys, last in ends.items() if last is not None}
