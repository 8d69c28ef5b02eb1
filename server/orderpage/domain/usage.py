"""What an order uses up of something that there is only so much of: a buyer's coupon, his relief so often in half a
year, a promotion for the first thousand orders.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from orderpage.domain.problem import Code, Refusal


class Cap(msgspec.Struct, frozen=True, gc=False):
    """At most ``limit`` units of ``name`` for all buyers together, ever. Names are everybody's, as those of uses.

    Units count from the first order that is placed under it.
    """

    name: str
    limit: int

    def gone(self, used: int | None) -> bool:
        """Whether nothing is left once so many units are used; None where nobody knows, and then it is not offered:
        an order for the last of it would be refused again and again.
        """
        return used is None or used >= self.limit


class UseUp(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``units`` of what ``name`` stands for, by the order's buyer. An order that is closed gives them back.

    With a ``limit``, an order that would take the buyer's uses above it (since that moment, UTC; None: ever) is refused
    with ``code``; with a ``cap``, one that would take the uses of all above that. Names are everybody's: begin one with
    what it is of ("coupon:…"). Of one name an order has one cap.
    """

    name: str
    units: int = 1
    limit: int | None = None
    since: datetime | None = None
    code: Code = Code.PROMO_LIMIT_REACHED
    cap: Cap | None = None

    def __str__(self) -> str:
        """Without what follows the name's kind: it may be about the buyer."""
        at_most = "" if self.limit is None else f" of {self.limit}"
        for_all = "" if self.cap is None else f", {self.cap.limit} for all"
        return f"uses {self.units}{at_most} of a {self.name.partition(':')[0]}{for_all}"


def by_name(uses: Iterable[UseUp]) -> list[UseUp]:
    """One use a name, with the units of all of that name; the rest is the first one's."""
    found: dict[str, UseUp] = {}
    for use in uses:
        before = found.get(use.name)
        found[use.name] = use if before is None else replace(before, units=before.units + use.units)
    return list(found.values())


def by_cap(uses: Iterable[UseUp]) -> list[UseUp]:
    """One use a cap, with the units of all that are under it, in the order of their names; uses without one are out."""
    found: dict[str, UseUp] = {}
    for use in by_name(uses):
        if use.cap is not None:
            before = found.get(use.cap.name)
            found[use.cap.name] = use if before is None else replace(before, units=before.units + use.units)
    return [found[name] for name in sorted(found)]


def units_of(counted: Mapping[str, Mapping[str, int]], name: str) -> int | None:
    """The units that orders of all buyers hold of a cap, as slots counted them; None where none did."""
    return max([units[name] for units in counted.values() if name in units], default=None)


def used_up(refused: Refusal, uses: Iterable[UseUp]) -> bool:
    """Whether an order was refused for what it wanted to use up."""
    codes = {use.code for use in uses}
    return all(problem.code in codes for problem in refused.problems)
