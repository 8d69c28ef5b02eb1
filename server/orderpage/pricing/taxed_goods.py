"""A parcel's goods under the tax rules: who is concerned, what is within and what beyond, by items and by method."""

from collections.abc import Mapping, Sequence

import msgspec

from orderpage.domain.shipping import Item, Option
from orderpage.domain.tax import Collector, TaxRule, Treatment, Unit, Valuation
from orderpage.pricing.tax_rows import TaxedColumns, TaxedItem, TaxRows, rows_of
from orderpage.pricing.taxes import DividedTax, Group, Groups, Limit, ShipmentTax


class _Divided(msgspec.Struct, frozen=True, gc=False):
    """A rule on a shipment's items: what is within and what beyond as far as items decide, and all of it beyond.

    ``goods`` is what a threshold on the consignment tests of them; ``open`` where that is still to be decided.
    """

    within: TaxRows | None
    rest: TaxRows | None
    everything: TaxRows | None
    goods: int
    open: bool


Treated = tuple[bool, bool, bool]
"""How a rule treats a method: whether its mode may be within, whether freight is in the base within, and beyond."""

Treatments = tuple[Treated | None, ...]
"""By rule; None where it does not concern the method."""


class TaxedGoods:
    """A parcel's items under the tax rules: the same for all methods that the rules treat alike."""

    def __init__(self, items: Mapping[int, TaxedItem], rules: Sequence[TaxRule]) -> None:
        """``items`` is keyed by ``id`` of the parcel's item values."""
        self._items = items
        self._rules = rules
        combining = [order for order, rule in enumerate(rules) if rule.combines]
        self._combined = {order: place for place, order in enumerate(combining)}
        self._divided: dict[tuple[int, ...], list[_Divided]] = {}
        self._seen: dict[tuple[tuple[int, ...], Treatments], ShipmentTax] = {}

    def tax(self, option: Option) -> ShipmentTax | DividedTax:
        """The tax of an option, whatever will be paid for its carriage."""
        treatments = tuple([_treat(rule, option) for rule in self._rules])
        if len(option.shipments) == 1:
            return self._shipment(option.shipments[0].items, treatments)
        return DividedTax(option, [self._shipment(shipment.items, treatments) for shipment in option.shipments])

    def _shipment(self, items: Sequence[Item], treatments: Treatments) -> ShipmentTax:
        names = tuple(map(id, items))
        known = self._seen.get((names, treatments))
        if known is None:
            known = self._seen[names, treatments] = self._taxed(names, treatments)
        return known

    def _taxed(self, names: tuple[int, ...], treatments: Treatments) -> ShipmentTax:
        groups: Groups = ()
        tests: list[Limit] = []
        for order, (treated, divided) in enumerate(zip(treatments, self._by_rule(names), strict=True)):
            if treated is None:
                continue
            by_mode, near, far = treated
            size = len(names)
            beyond = _group(divided.everything, far, size)
            if not by_mode:
                groups += beyond
                continue
            within = _group(divided.within, near, size) + _group(divided.rest, far, size)
            if divided.open:
                tests.append(self._test(order, divided, within, beyond))
            else:
                groups += within
        return ShipmentTax([self._items[name].net for name in names], groups, tests)

    def _test(self, order: int, divided: _Divided, within: Groups, beyond: Groups) -> Limit:
        threshold = self._rules[order].threshold
        assert threshold is not None  # noqa: S101  # only a threshold leaves it open
        with_carriage = threshold.tested is Valuation.CIF
        return Limit(divided.goods, with_carriage, threshold.limit, self._combined.get(order), within, beyond)

    def _by_rule(self, names: tuple[int, ...]) -> list[_Divided]:
        known = self._divided.get(names)
        if known is None:
            items = list(enumerate([self._items[name] for name in names]))
            known = self._divided[names] = [_divide(rule, order, items) for order, rule in enumerate(self._rules)]
        return known


def _treat(rule: TaxRule, option: Option) -> Treated | None:
    method = option.method
    if method.kind not in rule.kinds:
        return None
    by_mode = method.mode in rule.modes
    return by_mode, by_mode and _carried(rule.within, option), _carried(rule.beyond, option)


def _carried(treatment: Treatment | None, option: Option) -> bool:
    """Whether the carriage is in the base. Nothing is collected on what is charged later, by somebody or by us; the
    border's value for duty has it all the same.
    """
    if treatment is None or option.method.kind not in treatment.freight_kinds:
        return False
    return not option.later or treatment.collector is Collector.BORDER


def _divide(rule: TaxRule, order: int, items: Sequence[tuple[int, TaxedItem]]) -> _Divided:
    """Which items are within by themselves. A threshold on the consignment is tested here where items settle it."""
    if rule.origins or rule.except_origins:
        items = [placed for placed in items if _concerned(rule, placed[1])]
    everything, goods, undecided = TaxedColumns.of(items), 0, False
    threshold = rule.threshold
    near = [_qualifies(rule, taxed) for _, taxed in items]
    if threshold is not None and threshold.unit is Unit.CONSIGNMENT:
        goods = sum(everything.bases)
        undecided = rule.combines or threshold.tested is Valuation.CIF
        if not undecided and goods > threshold.limit:
            near = [False] * len(items)
    within = rest = everything
    if not all(near):
        within = TaxedColumns.of([placed for placed, is_near in zip(items, near, strict=True) if is_near])
    if any(near):
        rest = TaxedColumns.of([placed for placed, is_near in zip(items, near, strict=True) if not is_near])
    return _Divided(
        within=rows_of(rule, rule.within, order, within),
        rest=rows_of(rule, rule.beyond, order, rest),
        everything=rows_of(rule, rule.beyond, order, everything),
        goods=goods,
        open=undecided,
    )


def _concerned(rule: TaxRule, taxed: TaxedItem) -> bool:
    origin = taxed.item.line.sku.origin
    return origin not in rule.except_origins and (not rule.origins or origin in rule.origins)


def _qualifies(rule: TaxRule, taxed: TaxedItem) -> bool:
    sku = taxed.item.line.sku
    if sku.goods_class in rule.excluded or (rule.excluded_hs and sku.hs6.startswith(rule.excluded_hs)):
        return False
    threshold = rule.threshold
    if threshold is None or threshold.unit is not Unit.ITEM:
        return True
    return taxed.line_taxable <= threshold.limit * taxed.line_quantity


def _group(rows: TaxRows | None, takes_freight: bool, size: int) -> Groups:
    if rows is None:
        return ()
    return (Group(rows, rows.at_checkout, takes_freight, len(rows.items.places) == size),)
