"""Which promotions go together: worked out once a page, from what their rules say of one another.

A set is as large as can be. Codes that no other is at odds with are in every set, so only the others are looked at:
group by group, of codes that are tied by being at odds.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from orderpage.domain.discount import DiscountRule

MOST_SETS = 16
"""Sets that are listed, of a group and of a page; where there are more, one set is improved by exchanging codes."""

Kept = frozenset[str]
"""The codes of a group that stand."""


class Group(msgspec.Struct, frozen=True):
    """Codes that are tied; ``sets`` are the largest that go together, in the order of their codes.

    Where there are more than are listed, ``sets`` holds one, and the others are reached by exchanges.
    """

    at_odds: Mapping[str, Kept]
    sets: tuple[Kept, ...]

    def instead(self, kept: Kept) -> Iterable[Kept]:
        """What may stand in place of ``kept``."""
        if len(self.sets) > 1:
            return [each for each in self.sets if each != kept]
        return [self.exchanged(kept, code) for code in self.at_odds if code not in kept]

    def exchanged(self, kept: Kept, code: str) -> Kept:
        """With the code, without those that it is at odds with, and with what then has room."""
        return _exchanged(kept, code, self.at_odds)


class Together(msgspec.Struct, frozen=True):
    """A page's rules, with the groups of their codes that are at odds."""

    rules: tuple[DiscountRule, ...]
    groups: tuple[Group, ...]

    def instead(self, old: DiscountRule, new: DiscountRule) -> "Together":
        """With a rule in place of one of the same promotion."""
        return Together(tuple([new if each is old else each for each in self.rules]), self.groups)

    def standing(self, kept: Sequence[Kept]) -> tuple[DiscountRule, ...]:
        """The rules under one set of each group, with those that are in every set: what was given before is."""
        stands = frozenset().union(*kept)
        tied = {code for group in self.groups for code in group.at_odds}
        return tuple([r for r in self.rules if r.given or r.promotion in stands or r.promotion not in tied])


def together(rules: Sequence[DiscountRule]) -> Together:
    """What goes together of the rules."""
    if all(rule.stacking is None for rule in rules):
        return Together(tuple(rules), ())
    at_odds = _at_odds([rule for rule in rules if not rule.given])
    groups = []
    seen: set[str] = set()
    for code, apart in at_odds.items():
        if apart and code not in seen:
            tied = _tied(code, at_odds)
            seen |= tied
            groups.append(_group({each: at_odds[each] for each in at_odds if each in tied}))
    return Together(tuple(rules), tuple(groups))


def _at_odds(rules: Sequence[DiscountRule]) -> dict[str, Kept]:
    """Of each code, in their order, those that it does not go with."""
    said = {(rule.promotion, rule.stacking) for rule in rules if rule.stacking is not None}
    codes = sorted({rule.promotion for rule in rules})
    apart: dict[str, set[str]] = {code: set() for code in codes}
    for code, stacking in said:
        for other in codes:
            if other != code and not stacking.allows(other):
                apart[code].add(other)
                apart[other].add(code)
    return {code: frozenset(others) for code, others in apart.items()}


def _tied(code: str, at_odds: Mapping[str, Kept]) -> set[str]:
    """The code with all that it is at odds with, and those with theirs."""
    tied, open_ = {code}, [code]
    while open_:
        new = at_odds[open_.pop()] - tied
        tied |= new
        open_.extend(new)
    return tied


def _group(at_odds: Mapping[str, Kept]) -> Group:
    """Every largest set is reached from any by exchanges, so that the work is bounded by the sets that are found."""
    first = _filled(frozenset(), at_odds)
    found = [first]
    known = {first}
    for kept in found:  # grows as it is walked
        for code in at_odds:
            other = kept if code in kept else _exchanged(kept, code, at_odds)
            if other not in known:
                known.add(other)
                found.append(other)
        if len(found) > MOST_SETS:
            return Group(at_odds, (first,))
    return Group(at_odds, tuple(sorted(found, key=sorted)))


def _exchanged(kept: Kept, code: str, at_odds: Mapping[str, Kept]) -> Kept:
    return _filled((kept - at_odds[code]) | {code}, at_odds)


def _filled(kept: Kept, at_odds: Mapping[str, Kept]) -> Kept:
    """As large as can be: the first codes first."""
    for code, apart in at_odds.items():
        if code not in kept and not apart & kept:
            kept |= {code}
    return kept
