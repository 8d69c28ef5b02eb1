"""Who answers which checkouts: rules over traffic cells, client versions and buckets, and which of them decides."""

from collections.abc import Iterable
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec

from orderpage.buckets import PARTS
from orderpage.migration.flags.versions import known_version, matches, narrowness, read_comparison
from orderpage.migration.scope import Scope, TrafficCell

SALT = "order-page"
"""Of the bucket that traffic is moved by: ``bucket_number(SALT, buyer_id)``. Another salt would move every buyer."""


class Route(StrEnum):
    """Which order page answers a checkout."""

    LEGACY = "legacy"
    """Legacy answers."""
    SHADOW = "shadow"
    """Legacy answers; ours is computed off the path and compared."""
    NEW = "new"
    """Ours answers."""
    RAMP = "ramp"
    """Ours answers for the buckets below the ramp's share, which the database has; the others are as ``shadow``."""
    KILLED = "killed"
    """Legacy answers, and quotes that ours made are not honoured any more."""
    REFUSED = "refused"
    """The client is too old: it is told to update."""


_DIVISIBLE = (Route.NEW, Route.SHADOW, Route.LEGACY)


class Split(NamedTuple):
    """Where the buckets of a rule go: each route with the bucket it ends before, the last one with 10,000.

    ``new`` always begins at bucket 0, so raising its share takes no buyer off it.
    """

    ends: tuple[tuple[Route, int], ...]

    @classmethod
    def of(cls, **shares: int) -> "Split":
        """From routes and how many of 10,000 buckets each gets, as ``of(new=2000, shadow=8000)``.

        Raises ``ValueError`` unless they sum to 10,000 and only ``new``, ``shadow`` and ``legacy`` share.
        """
        wanted = {Route(name): share for name, share in shares.items() if share}
        if sum(wanted.values()) != PARTS or min(wanted.values()) < 0:
            raise ValueError(f"shares add up to {percent(sum(wanted.values()))}; make them 100%")
        if len(wanted) > 1 and (alone := [route for route in wanted if route not in _DIVISIBLE]):
            raise ValueError(f"{alone[0]} takes every buyer of a rule; it cannot share them with another route")
        routes = [route for route in _DIVISIBLE if route in wanted] or list(wanted)
        return cls(tuple(zip(routes, accumulate(wanted[route] for route in routes), strict=True)))

    @classmethod
    def whole(cls, route: Route) -> "Split":
        """Every bucket to one route."""
        return cls(((route, PARTS),))

    def route(self, bucket: int) -> Route:
        """Of a bucket from 0 to 9,999."""
        return next(route for route, end in self.ends if bucket < end)

    def share(self, route: Route) -> int:
        """How many of 10,000 buckets go there."""
        starts = (0, *(end for _, end in self.ends))
        return sum(
            end - start for (each, _), (start, end) in zip(self.ends, pairwise(starts), strict=True) if each is route
        )

    def __str__(self) -> str:
        """``new 20%, shadow 80%``; or ``legacy``, where it takes all."""
        if len(self.ends) == 1:
            return self.ends[0][0].value
        return ", ".join(
            f"{route} {percent(self.share(route))}" for route in dict.fromkeys(each for each, _ in self.ends)
        )


class Rule(NamedTuple):
    """A split for the checkouts of a scope and, unless ``versions`` is empty, of clients such as ``<3.2.0``."""

    scope: Scope
    versions: str
    split: Split

    @property
    def kills(self) -> bool:
        """Whether it is a kill: those lie above all others and leave them as they are."""
        return self.split == Split.whole(Route.KILLED)

    @property
    def place(self) -> tuple[bool, Scope, str]:
        """Two rules of one place are one rule."""
        return self.kills, self.scope, self.versions

    @property
    def subject(self) -> str:
        """``site=SG client=h5 version<3.2.0``."""
        return f"{self.scope} version{self.versions}" if self.versions else str(self.scope)

    def covers(self, cell: TrafficCell, version: str) -> bool:
        """Whether it says something about a checkout; ``version`` is a ``known_version``."""
        return self.scope.covers(cell) and matches(self.versions, version)

    def __str__(self) -> str:
        """``site=SG client=h5: new 20%, shadow 80%``."""
        return f"{self.subject}: {self.split}"


class Rules(msgspec.Struct, frozen=True):
    """Rules in the order in which they decide; what no rule covers goes to legacy.

    Kills come first, then rules with a version, then the more specific scope; of two versions the narrower.
    """

    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> "Rules":
        """In order. Of two rules of one place the later stands. Raises ``ValueError`` for a version that is none."""
        read = (rule._replace(versions=rule.versions and read_comparison(rule.versions)) for rule in rules)
        places = {rule.place: rule for rule in read}
        return cls(tuple(sorted(places.values(), key=_precedence)))

    def having(self, rule: Rule) -> "Rules":
        """With this rule in its place."""
        return Rules.of((*self.rules, rule))

    def without(self, rule: Rule) -> "Rules":
        """Without the rule of this place."""
        return Rules.of(each for each in self.rules if each.place != rule.place)

    def deciding(self, cell: TrafficCell) -> tuple[Rule, ...]:
        """The rules that can decide for a cell, in order: with versions, and at last the one without."""
        chain = []
        for rule in self.rules:
            if rule.scope.covers(cell):
                chain.append(rule)
                if not rule.versions:
                    break
        return tuple(chain)

    def route(self, cell: TrafficCell, version: str, bucket: int) -> Route:
        """What the rules say. Servers ask flagd instead; this is for people, before anything is written."""
        known = known_version(version)
        return next((r.split.route(bucket) for r in self.rules if r.covers(cell, known)), Route.LEGACY)


def percent(buckets: int) -> str:
    """A number of 10,000 buckets, such as ``12.5%``."""
    return f"{buckets / 100:g}%"


def _precedence(rule: Rule) -> tuple[object, ...]:
    wide = tuple(not named for named in rule.scope.specificity)
    return not rule.kills, not rule.versions, wide, narrowness(rule.versions), rule.scope
