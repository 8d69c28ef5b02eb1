"""Finds the restrictions that hit a good: by look-up, so that a page costs its goods and not every rule there is."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

import msgspec

from orderpage.domain.address import Address
from orderpage.domain.goods import Sku
from orderpage.domain.page import PageView
from orderpage_checkout.postal import compact, postal_rules
from orderpage_checkout.restriction_rules import Rule, Where

Trait = Callable[[Sku], str]
Values = frozenset[str]


def _folded(name: str) -> str:
    return name.strip().casefold()


_TRAITS: Sequence[tuple[str, Trait]] = (
    ("skus", lambda sku: sku.sku_id),
    ("shops", lambda sku: sku.shop.shop_id),
    ("brands", lambda sku: _folded(sku.brand)),
    ("categories", lambda sku: _folded(sku.category)),
    ("classes", lambda sku: sku.goods_class),
    ("origins", lambda sku: sku.origin),
)
"""By which list of ``What`` and which trait of a good a rule is found: the most telling first."""


class Here(msgspec.Struct, frozen=True):
    """Where a page's goods go. Without an address only the site's countries are known, and no place within them."""

    countries: Values
    area: str
    postcode: str

    @classmethod
    def of(cls, page: PageView) -> "Here":
        """The page's place."""
        address = page.address
        if address is None:
            return cls(frozenset(page.profile.countries), "", "")
        return cls(frozenset({address.country}), _area_of(address), compact(address.postcode))


def _area_of(address: Address) -> str:
    """The area by its name, or by the postcode where none is given."""
    rules = postal_rules(address.country)
    if not address.subdivision.strip() and rules is not None:
        area = rules.area_by_postcode(address.postcode)
        return _place(address.country, area.key) if area is not None else ""
    return _place(address.country, address.subdivision)


def _place(country: str, name: str) -> str:
    rules = postal_rules(country)
    area = rules.area(name) if rules is not None else None
    return f"{country} {area.key if area is not None else _folded(name)}"


class ReadyRule(msgspec.Struct, frozen=True, gc=False):
    """A rule prepared: ``number`` is its place in the settings, ``others`` what else the good must be."""

    number: int
    rule: Rule
    areas: Values
    prefixes: tuple[str, ...]
    others: tuple[tuple[Trait, Values], ...]

    def holds(self, here: Here, day: date) -> bool:
        """Whether it is in force there on that day."""
        rule = self.rule
        if day < rule.effective_from or (rule.effective_to is not None and day > rule.effective_to):
            return False
        if rule.where.countries and not here.countries <= rule.where.countries:
            return False
        if not self.areas and not self.prefixes:
            return True
        return here.area in self.areas or here.postcode.startswith(self.prefixes)

    def hits(self, sku: Sku) -> bool:
        """Whether the good, found by one trait, has the others as well."""
        return all(trait(sku) in values for trait, values in self.others)


class RuleIndex:
    """Every rule under the values of its most telling trait."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._by_trait: dict[Trait, dict[str, list[ReadyRule]]] = {}
        self._of_all: list[ReadyRule] = []
        self.rules = [self._add(number, rule) for number, rule in enumerate(rules)]

    def _add(self, number: int, rule: Rule) -> ReadyRule:
        wanted = [(trait, _values(rule, name)) for name, trait in _TRAITS if getattr(rule.what, name)]
        prefixes = tuple(sorted(compact(code) for code in rule.where.postcodes))
        ready = ReadyRule(number, rule, _areas(rule.where), prefixes, tuple(wanted[1:]))
        if not wanted:
            self._of_all.append(ready)
            return ready
        trait, values = wanted[0]
        by_value = self._by_trait.setdefault(trait, {})
        for value in values:
            by_value.setdefault(value, []).append(ready)
        return ready

    def on(self, page: PageView) -> Callable[[Sku], list[ReadyRule]]:
        """Which rules hit a good of the page, in the order of the settings. A list of rules is sifted once a page."""
        here, day = Here.of(page), page.today
        of_all = [rule for rule in self._of_all if rule.holds(here, day)]
        tables = [(trait, by_value, dict[str, list[ReadyRule]]()) for trait, by_value in self._by_trait.items()]

        def hits(sku: Sku) -> list[ReadyRule]:
            found = of_all.copy()
            for trait, by_value, sifted in tables:
                value = trait(sku)
                rules = sifted.get(value)
                if rules is None:
                    rules = sifted[value] = [rule for rule in by_value.get(value, ()) if rule.holds(here, day)]
                if rules:
                    found.extend([rule for rule in rules if not rule.others or rule.hits(sku)])
            if len(found) > 1:
                found.sort(key=lambda rule: rule.number)
            return found

        return hits


def _values(rule: Rule, name: str) -> Values:
    values: Values = getattr(rule.what, name)
    return frozenset(map(_folded, values)) if name in {"brands", "categories"} else values


def _areas(where: Where) -> Values:
    return frozenset(_place(country, name) for country in where.countries for name in where.subdivisions)
