"""``promotion.caps``: how many orders took of promotions that only the first orders get."""

from collections.abc import Mapping

from orderpage import extends, extension, facts, points
from orderpage.ports import LoadView


@extension("promotion.caps")
class CapsCounted:
    """Counts for every page what its scenario's promotions have only so much of. A page late by an order costs nothing:
    the order is refused then, with a page that knows; a page that could not count offers none of them.
    """

    @extends(points.LOAD, fills=facts.CAPS, budget_ms=500)
    async def load(self, view: LoadView) -> Mapping[str, int]:
        """Units by name; of orders that were closed they are given back. What the order of a balance holds is there for
        it, whatever others took.
        """
        others = [name for name in view.capped if name not in view.held]
        counted = await view.ports.usages.used_by_all(others) if others else {}
        return {**counted, **dict.fromkeys(view.held, 0)}
