"""A tax as it is written in a layer: dated rows, by area where areas differ. Rule: domain rules, section 2."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from orderpage import Settings
from orderpage.domain.dated import Dated, WrongRow, without_gaps
from orderpage.domain.goods import GoodsClass
from orderpage.domain.money import Currency, Percent, percent
from orderpage.domain.shipping import MethodKind, Mode
from orderpage.domain.tax import (
    Collector,
    Combine,
    Component,
    FlatPer,
    Rounding,
    TaxRule,
    Threshold,
    Treatment,
    Unit,
    Valuation,
)
from orderpage_tax.areas import EVERYWHERE

_WHOLE = 1_000_000


def check_headings(beginnings: Iterable[str]) -> None:
    """Raises ``ValueError`` for what begins no tariff code."""
    for beginning in beginnings:
        if not beginning.isdigit() or len(beginning) > 6:
            raise ValueError(f"{beginning!r} is not the beginning of a six-digit HS code, such as '6109'")


class ComponentSettings(Settings, frozen=True, kw_only=True):
    """One amount of a tax: a ``rate`` in percent, others ``by_hs`` code, or a ``flat`` amount in the tax currency.

    ``on`` names earlier components that belong to the base, as import VAT is due on the duty, too.
    """

    code: str
    rate: Percent = Percent("0")
    by_hs: Mapping[str, Percent] = {}
    on: tuple[str, ...] = ()
    flat: str = ""
    flat_per: FlatPer = FlatPer.HS6

    def component(self, currency: Currency) -> Component:
        """Raises ``ValueError`` for what is no rate or amount."""
        if self.flat and (self.by_hs or self.on or self.rate):
            raise ValueError(f"{self.code} has a flat amount, so it can have no rate and stand on nothing")
        if self.flat and currency.parse(self.flat) <= 0:
            raise ValueError(f"{self.code} has the flat amount {self.flat}; a tax is above zero")
        check_headings(self.by_hs)
        if (highest := max([self.rate, *self.by_hs.values()])) > _WHOLE:
            raise ValueError(f"{self.code} takes {percent(highest)}; a rate is at most 100 percent")
        return Component(
            code=self.code,
            rate_ppm=self.rate,
            by_hs=self.by_hs,
            on=self.on,
            flat=currency.parse(self.flat) if self.flat else 0,
            flat_per=self.flat_per,
        )


class TreatmentSettings(Settings, frozen=True, kw_only=True):
    """Who collects which components, and by which methods the carriage is in their base."""

    collector: Collector
    components: tuple[ComponentSettings, ...]
    freight_kinds: frozenset[MethodKind] = frozenset()

    def treatment(self, currency: Currency) -> Treatment:
        """Raises ``ValueError`` for components that do not fit together."""
        if not self.components:
            raise ValueError("a treatment needs at least one component; leave it out where the goods are free")
        known: set[str] = set()
        for component in self.components:
            if component.code in known:
                raise ValueError(f"{component.code} stands twice in one treatment")
            if missing := [code for code in component.on if code not in known]:
                raise ValueError(f"{component.code} is due on {missing[0]}, which does not stand before it")
            known.add(component.code)
        components = tuple([component.component(currency) for component in self.components])
        return Treatment(collector=self.collector, components=components, freight_kinds=self.freight_kinds)


class ThresholdSettings(Settings, frozen=True, kw_only=True):
    """Goods of at most ``limit``, in the tax currency, are within; ``unit`` and ``tested`` say of what."""

    unit: Unit
    limit: str
    tested: Valuation = Valuation.GOODS
    combine: Combine = Combine.PARCEL

    def threshold(self, currency: Currency) -> Threshold:
        """Raises ``ValueError`` for what cannot be tested."""
        if self.unit is Unit.ITEM and (self.tested is Valuation.CIF or self.combine is Combine.ADDRESSEE_DAY):
            raise ValueError("a threshold per item is tested on the price alone: no freight, no other parcel")
        limit = currency.parse(self.limit)
        if limit < 0:
            raise ValueError(f"the limit {self.limit} is below zero")
        return Threshold(unit=self.unit, limit=limit, tested=self.tested, combine=self.combine)


class TaxRow(Dated, frozen=True, kw_only=True):
    """The law between two days, in ``areas`` (codes of ``TaxLaw.areas``; empty: everywhere).

    Goods within the threshold are treated as ``within`` says, the others as ``beyond``; absent: free.
    """

    areas: tuple[str, ...] = ()
    threshold: ThresholdSettings | None = None
    within: TreatmentSettings | None = None
    beyond: TreatmentSettings | None = None

    def __post_init__(self) -> None:
        if self.within is None and self.beyond is None:
            raise ValueError("a row that treats goods neither `within` nor `beyond` taxes nothing; say at least one")


class TaxLaw(Settings, frozen=True, kw_only=True):
    """Settings of ``tax.rule``. The fields that ``domain.tax.TaxRule`` has mean the same there.

    ``areas`` are the subdivisions in which the law differs: code to the names that addresses call it by. ``reliefs`` is
    how often a half-year a buyer's goods are within at all, as ``tax.reliefs`` counts; absent: always.
    """

    code: str
    name: Mapping[str, str]
    currency: Currency
    rows: tuple[TaxRow, ...]
    modes: frozenset[Mode] = frozenset(Mode)
    kinds: frozenset[MethodKind] = frozenset({MethodKind.DIRECT_MAIL, MethodKind.CONSO_OFFICIAL})
    origins: frozenset[str] = frozenset()
    except_origins: frozenset[str] = frozenset()
    excluded: frozenset[GoodsClass] = frozenset()
    excluded_hs: tuple[str, ...] = ()
    rounding: Rounding = Rounding.LINE
    areas: Mapping[str, tuple[str, ...]] = {}
    reliefs: int | None = None

    def __post_init__(self) -> None:
        if not self.code or not self.name:
            raise ValueError("a law needs a code, and a name in at least one language")
        check_headings(self.excluded_hs)

    def rules(self, row: TaxRow) -> TaxRule:
        """The row's rule. Raises ``ValueError`` for amounts and rates that are none."""
        within, beyond = row.within, row.beyond
        where = f" in {', '.join(row.areas)}" if row.areas else ""
        return TaxRule(
            code=self.code,
            name=self.name,
            threshold=row.threshold.threshold(self.currency) if row.threshold else None,
            within=within.treatment(self.currency) if within else None,
            beyond=beyond.treatment(self.currency) if beyond else None,
            modes=self.modes,
            kinds=self.kinds,
            origins=self.origins,
            except_origins=self.except_origins,
            excluded=self.excluded,
            excluded_hs=self.excluded_hs,
            rounding=self.rounding,
            row=f"{self.code}{where} from {row.effective_from}",
        )


class DatedRule(msgspec.Struct, frozen=True):
    """A rule and when it holds. ``index`` is its row's place among the law's."""

    effective_from: date
    effective_to: date | None
    rule: TaxRule
    index: int


def rules_by_area(law: TaxLaw) -> dict[str, tuple[DatedRule, ...]]:
    """The law's rules by area, by date. Raises ``ValueError`` for rows that overlap or leave a gap, or none at all."""
    if not law.rows:
        raise ValueError(f"the tax {law.code} has no rows; give at least one dated row")
    made = [
        (row, DatedRule(row.effective_from, row.effective_to, law.rules(row), index))
        for index, row in enumerate(law.rows)
    ]
    if not law.areas:
        if named := [code for row in law.rows for code in row.areas]:
            raise ValueError(f"a row is for {named[0]}, and `areas` does not say what addresses call it")
        return {EVERYWHERE: _without_gaps(law.code, [dated for _, dated in made])}
    for row in law.rows:
        if unknown := [code for code in row.areas if code not in law.areas]:
            raise ValueError(f"a row is for {unknown[0]}, which is not one of `areas`: {', '.join(law.areas)}")
    return {
        code: _without_gaps(
            f"{law.code} in {code}", [dated for row, dated in made if not row.areas or code in row.areas]
        )
        for code in law.areas
    }


def last_day(rules: Iterable[Sequence[DatedRule]]) -> date | None:
    """The last day on which every area has a rule; None where they hold for ever."""
    ends = [dated[-1].effective_to for dated in rules]
    return min((end for end in ends if end is not None), default=None)


def _without_gaps(what: str, rows: Sequence[DatedRule]) -> tuple[DatedRule, ...]:
    if not rows:
        raise ValueError(f"{what} has no row; goods would be sold untaxed there")
    try:
        return without_gaps(rows)
    except WrongRow as error:
        raise WrongRow(f"{what}: {error}", rows[error.index].index, "rows") from None
