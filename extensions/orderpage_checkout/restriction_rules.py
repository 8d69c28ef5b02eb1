"""Restrictions as data: where and for which goods a rule holds, on whose authority, what it does, what unblocks.

Rules: domain rules 7.1. Rows are dated; rows that contradict each other are refused when the plan compiles.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import combinations, groupby
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from orderpage import Settings
from orderpage.domain.dated import Dated, in_order
from orderpage.domain.goods import GoodsClass
from orderpage.domain.page import BlockEffect
from orderpage.domain.problem import Action, Code
from orderpage_checkout.postal import postal_rules

Name = Annotated[str, Meta(min_length=1)]


class Level(StrEnum):
    """On whose authority a rule stands, the highest first."""

    STATUTORY = "STATUTORY"
    BRAND = "BRAND"
    SELLER = "SELLER"
    LOGISTICS = "LOGISTICS"

    @property
    def rank(self) -> int:
        """0 is the highest."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level)}


class Effect(StrEnum):
    """What a rule does to a line."""

    HIDE = "HIDE"
    BLOCK_CART = "BLOCK_CART"
    BLOCK_ORDER = "BLOCK_ORDER"
    SWITCH_METHOD = "SWITCH_METHOD"
    LIMIT_QUANTITY = "LIMIT_QUANTITY"


BLOCKS: Mapping[Effect, BlockEffect] = {
    Effect.HIDE: BlockEffect.HIDE,
    Effect.BLOCK_CART: BlockEffect.CART,
    Effect.BLOCK_ORDER: BlockEffect.ORDER,
}
"""Effects that block the line, the strictest first."""

_TOGETHER = frozenset({Effect.SWITCH_METHOD, Effect.LIMIT_QUANTITY})
_REMEDIES = {Effect.SWITCH_METHOD: Action.CHOOSE_METHOD, Effect.LIMIT_QUANTITY: Action.SET_QUANTITY}


class Where(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Places, all of them where nothing is said.

    ``subdivisions`` are codes (ISO 3166-2 after the hyphen) or names, ``postcodes`` how postcodes begin: an address in
    one of either is meant, in one of ``countries``.
    """

    countries: frozenset[str] = frozenset()
    subdivisions: frozenset[Name] = frozenset()
    postcodes: frozenset[Name] = frozenset()

    def __post_init__(self) -> None:
        if (self.subdivisions or self.postcodes) and not self.countries:
            raise ValueError("subdivisions and postcodes need the countries that they are in")
        for name in sorted(self.subdivisions):
            if not any(_may_be_in(country, name) for country in self.countries):
                raise ValueError(f"{name!r} is no subdivision of {', '.join(sorted(self.countries))}")


def _may_be_in(country: str, name: str) -> bool:
    rules = postal_rules(country)
    return rules is None or not rules.area_codes or rules.area(name) is not None


class What(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Goods: of one of the values of every list that is given, or ``everything``. ``origins`` are regions of stock."""

    skus: frozenset[Name] = frozenset()
    shops: frozenset[Name] = frozenset()
    brands: frozenset[Name] = frozenset()
    categories: frozenset[Name] = frozenset()
    classes: frozenset[GoodsClass] = frozenset()
    origins: frozenset[Name] = frozenset()
    everything: bool = False

    def __post_init__(self) -> None:
        given = any((self.skus, self.shops, self.brands, self.categories, self.classes, self.origins))
        if given == self.everything:
            raise ValueError("say which goods are meant, or everything: true, and not both")


class Rule(Dated, frozen=True, kw_only=True):
    """One restriction. Rows of one ``name`` are the same rule at different times.

    ``methods`` are the codes that SWITCH_METHOD forbids, ``maximum`` the units of a SKU under LIMIT_QUANTITY.
    ``message`` is plain or by language. Without a ``remedy`` that of the effect or of the code is offered.
    """

    name: Name
    level: Level
    effect: Effect
    what: What
    where: Where = Where()
    code: Code
    message: str | Mapping[str, str]
    remedy: Action | None = None
    alternatives: tuple[Action, ...] = ()
    methods: frozenset[Name] = frozenset()
    maximum: Annotated[int, Meta(gt=0)] | None = None

    def __post_init__(self) -> None:
        if bool(self.methods) != (self.effect is Effect.SWITCH_METHOD):
            raise ValueError(f"{self.name}: methods are what SWITCH_METHOD forbids; give them there and only there")
        if (self.maximum is not None) != (self.effect is Effect.LIMIT_QUANTITY):
            raise ValueError(f"{self.name}: maximum belongs to LIMIT_QUANTITY; give it there and only there")
        if not self.code.startswith(("RESTRICT_", "ITEM_", "INV_REGION_", "LOGI_CLASS_")):
            raise ValueError(f"{self.name}: {self.code} says nothing about goods that may not be sold")
        if not self.message:
            raise ValueError(f"{self.name}: the message is empty; say in a few words what is not possible")
        offered = [self.action, *self.alternatives]
        if len(set(offered)) < len(offered):
            raise ValueError(f"{self.name}: a remedy is offered twice")
        if Action.SET_QUANTITY in offered and self.maximum is None:
            raise ValueError(f"{self.name}: SET_QUANTITY needs a maximum")

    @property
    def action(self) -> Action:
        """The first remedy."""
        return self.remedy or _REMEDIES.get(self.effect) or self.code.rule.action


class RestrictionRules(Settings, frozen=True, kw_only=True):
    """Settings of ``checkout.restrictions``."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        for name, rows in _grouped(self.rules, lambda rule: rule.name):
            try:
                in_order(rows)
            except ValueError as error:
                raise ValueError(f"restriction {name}: {error}") from None
        for _, rows in _grouped(self.rules, _about):
            for one, other in combinations(rows, 2):
                if _overlap(one, other) and {one.effect, other.effect} != _TOGETHER:
                    raise ValueError(
                        f"restrictions {one.name} ({one.effect}) and {other.name} ({other.effect}) are about the same "
                        f"goods and places at level {one.level} at the same time; keep one of them"
                    )


def _about(rule: Rule) -> tuple[Any, ...]:
    """What two rules at odds have in common, as plain text so that it can be sorted."""
    lists = (getattr(part, name) for part in (rule.where, rule.what) for name in part.__struct_fields__)
    return (
        rule.level.value,
        *(repr(sorted(map(str, each)) if isinstance(each, frozenset) else each) for each in lists),
    )


def _grouped(rules: Iterable[Rule], key: Any) -> list[tuple[Any, Sequence[Rule]]]:
    return [(value, tuple(rows)) for value, rows in groupby(sorted(rules, key=key), key=key)]


def _overlap(one: Rule, other: Rule) -> bool:
    return _begins_within(one, other) or _begins_within(other, one)


def _begins_within(one: Rule, other: Rule) -> bool:
    return other.effective_from <= one.effective_from and (
        other.effective_to is None or one.effective_from <= other.effective_to
    )
