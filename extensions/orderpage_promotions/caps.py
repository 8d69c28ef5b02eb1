"""``promotion.caps``: how many orders took of promotions that only the first orders get."""

from collections.abc import Mapping

from orderpage import extends, extension, facts, points
from orderpage.ports import LoadView


@extension("promotion.caps")
class CapsCounted:
    """Counts for every page what its scenario's promotions have only so much of; a page late by an order costs nothing:
    the order is refused then, with a page that knows.
    """

    @extends(points.LOAD, fills=facts.CAPS, budget_ms=500)
    async def load(self, view: LoadView) -> Mapping[str, int]:
        """Units by name; of orders that were closed they are given back."""
        return await view.ports.usages.used_by_all(view.capped)
