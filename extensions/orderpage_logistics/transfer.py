"""Stock of a region that can be bought from overseas: it is brought to a warehouse that sends abroad, and goes on.

Rules: domain rules 7.1 (regional inventory) and section 12: methods are filtered by the region of the stock, so goods
without a transfer are refused by every method that does not serve their region (INV_REGION_UNAVAILABLE).
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Annotated

from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.dated import Dated, in_order, last_day, row_on
from orderpage.domain.goods import GoodsClass, Line
from orderpage.domain.page import PageView, SendFrom
from orderpage.domain.problem import Code, Problem

Region = Annotated[str, Meta(pattern="^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]


class Route(Dated, frozen=True, kw_only=True):
    """Stock of ``region`` goes to ``warehouse`` in ``days`` working days, and counts as stock of ``origin`` then.

    Without ``classes`` it is for every class.
    """

    region: Region
    warehouse: Annotated[str, Meta(min_length=1)]
    origin: Region
    days: Annotated[int, Meta(ge=0, le=60)]
    classes: frozenset[GoodsClass] = frozenset()

    def __post_init__(self) -> None:
        if self.region == self.origin:
            raise ValueError(f"a transfer from {self.region} to {self.origin} leads nowhere")


class Routes(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.transfer``. A good goes by one route: those of a region differ in class or in time."""

    routes: tuple[Route, ...]

    def __post_init__(self) -> None:
        regions = {route.region for route in self.routes}
        for route in self.routes:
            if route.origin in regions:
                raise ValueError(
                    f"{route.region} is transferred to {route.origin}, which is transferred on; name its end"
                )
        for one, other in combinations(self.routes, 2):
            if one.region == other.region and (not one.classes or not other.classes or one.classes & other.classes):
                _apart((one, other))
        for route in self.routes:
            in_order((route,))


def _apart(routes: Sequence[Route]) -> None:
    try:
        in_order(routes)
    except ValueError as error:
        raise ValueError(f"transfer from {routes[0].region}: {error}") from None


@extension("logistics.transfer", settings=Routes)
class Transfer:
    """Sends a line's stock on from another warehouse. Its days come before those of handling.

    ``data_until`` is the last day on which every region still has a route.
    """

    def __init__(self, settings: Routes) -> None:
        self.routes: dict[str, tuple[Route, ...]] = {}
        for route in settings.routes:
            self.routes[route.region] = (*self.routes.get(route.region, ()), route)
        ends = [last_day(routes) for routes in self.routes.values()]
        self.data_until = min((end for end in ends if end is not None), default=None)

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterator[SendFrom]:
        """INV_TRANSFERRED, as a notice, for each line with a route on the page's day."""
        for line in page.lines:
            routes = self.routes.get(line.sku.origin)
            if routes is not None and (route := self._route(routes, line, page)) is not None:
                yield SendFrom(line.line_id, route.warehouse, route.origin, route.days, _notice(line, route))

    def _route(self, routes: Sequence[Route], line: Line, page: PageView) -> Route | None:
        mine = [route for route in routes if not route.classes or line.sku.goods_class in route.classes]
        return row_on(mine, page.today)


def _notice(line: Line, route: Route) -> Problem:
    days = f"{route.days} working day{'' if route.days == 1 else 's'}"
    message = f"{line.sku.sku_id} is in {route.region}; it is sent from {route.warehouse}, {days} later"
    return Problem(code=Code.INV_TRANSFERRED, message=message, line_id=line.line_id, value=route.warehouse)
