"""The pick-up points that there are: which are open, and what they take (domain rules 3.3 and 7.2).

A closed or unknown point stops the whole page, with a near one that is open as the remedy's value: one tap solves it.
Goods that are too large for the point block only their lines: the page goes on with the rest, and each line names a
point that takes the whole cart, where there is one. No method is forbidden for them, since each would bring them to the
same point. What is sent at once is limited by the methods; here it is each unit.

Measures that are not known cannot be tested here; what is assumed for them meets the limits of the methods.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, NamedTuple

from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.address import Address
from orderpage.domain.dated import Dated, in_order, row_on
from orderpage.domain.goods import Sku
from orderpage.domain.page import BlockLine, BlockPage, PageView
from orderpage.domain.problem import Action, Code, Problem
from orderpage.domain.text import in_language

Positive = Annotated[int, Meta(gt=0)]
Named = Annotated[str, Meta(min_length=1)]
Place = tuple[str, ...]


class _Unit(NamedTuple):
    """The heaviest, longest and largest of some units: grams, centimetres."""

    weight_g: int
    side_cm: int
    sum_cm: int

    @classmethod
    def most(cls, skus: Iterable[Sku]) -> "_Unit":
        each = [(sku.weight_g, max(sku.sides_cm), sum(sku.sides_cm)) for sku in skus]
        return cls(*(max(measures) for measures in zip(*each, strict=True))) if each else cls(0, 0, 0)


class Closed(Dated, frozen=True, kw_only=True):
    """Days on which a point takes and gives nothing."""


class Point(Dated, frozen=True, kw_only=True):
    """A pick-up point, there between two days. It takes units up to ``max_g``, a longest side and a sum of the sides.

    ``subdivision`` and ``district`` say which points are near one another: written as in addresses, or empty.
    """

    id: Named
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    name: Mapping[str, str]
    subdivision: str = ""
    district: str = ""
    max_g: Positive | None = None
    max_side_cm: Positive | None = None
    max_sum_cm: Positive | None = None
    closed: tuple[Closed, ...] = ()

    def __post_init__(self) -> None:
        in_order((self,))
        in_order(self.closed)

    def open_on(self, day: date) -> bool:
        """Whether it is there, and not closed."""
        return row_on((self,), day) is not None and row_on(self.closed, day) is None

    def against(self, unit: _Unit) -> Code | None:
        """Why it does not take it."""
        if self.max_g is not None and unit.weight_g > self.max_g:
            return Code.LOGI_OVERWEIGHT
        too_long = self.max_side_cm is not None and unit.side_cm > self.max_side_cm
        too_large = self.max_sum_cm is not None and unit.sum_cm > self.max_sum_cm
        return Code.LOGI_OVERSIZE if too_long or too_large else None


class Directory(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.pickup_points``: every point. A site without a directory leaves the extension out.

    A point must be open ``days_ahead`` days after the page's, since no parcel is there earlier.
    """

    points: tuple[Point, ...]
    days_ahead: Annotated[int, Meta(ge=0, le=60)] = 0

    def __post_init__(self) -> None:
        if not self.points:
            raise ValueError("the directory is empty, so no id would be a pick-up point; leave the extension out")
        seen: set[str] = set()
        for point in self.points:
            if point.id in seen:
                raise ValueError(f"the directory has {point.id} more than once; dates of one point go into `closed`")
            seen.add(point.id)


@extension("logistics.pickup_points", settings=Directory)
class PickupPoints:
    """Only a point of the directory, open, for goods that it takes."""

    def __init__(self, settings: Directory) -> None:
        self.ahead = timedelta(days=settings.days_ahead)
        self.points = {point.id: point for point in settings.points}
        self.at: dict[Place, list[Point]] = {}
        for point in settings.points:
            country, subdivision, district = _place(point)
            for place in {(country,), (country, subdivision), (country, subdivision, district)}:
                self.at.setdefault(place, []).append(point)

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterator[BlockPage | BlockLine]:
        """ADDR_FIELD_INVALID for an unknown point, ADDR_PICKUP_POINT_CLOSED, or LOGI_… for each line it does not take.

        ``value`` is the id of a near point that is open and takes all the goods; empty where there is none.
        """
        address, day = page.address, page.today + self.ahead
        if address is None or address.home_delivery or not address.pickup_point.strip():
            return
        point = self.points.get(address.pickup_point.strip())
        if point is None or point.country != address.country:
            message = f"there is no pick-up point {address.pickup_point!r} in {address.country}"
            problem = _problem(Code.ADDR_FIELD_INVALID, message, self._other(address, page, day))
            yield BlockPage(problem)
        elif not point.open_on(day):
            message = f"{in_language(point.name, page.language)} is closed on {day}"
            yield BlockPage(_problem(Code.ADDR_PICKUP_POINT_CLOSED, message, self._other(point, page, day)))
        elif point.against(_Unit.most(line.sku for line in page.lines)) is not None:
            yield from self._too_large(point, page, self._other(point, page, day))

    def _too_large(self, point: Point, page: PageView, other: str) -> Iterator[BlockLine]:
        for line in page.lines:
            code = point.against(_Unit.most((line.sku,)))
            if code is not None:
                message = f"{in_language(point.name, page.language)} does not take {line.sku.sku_id}"
                yield BlockLine(line.line_id, _problem(code, message, other, line_id=line.line_id))

    def _other(self, near: Address | Point, page: PageView, day: date) -> str:
        unit = _Unit.most(line.sku for line in page.lines)
        for place in _around(*_place(near)):
            for point in self.at.get(place, ()):
                if point.open_on(day) and point.against(unit) is None:
                    return point.id
        return ""


def _around(country: str, subdivision: str, district: str) -> Sequence[Place]:
    """The nearest first. Where the part of the country is known, nobody is sent to another one."""
    if not subdivision:
        return ((country, "", district), (country,))
    return ((country, subdivision, district), (country, "", district), (country, subdivision), (country, ""))


def _place(of: Address | Point) -> tuple[str, str, str]:
    return of.country, _folded(of.subdivision), _folded(of.district)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _problem(code: Code, message: str, other: str, line_id: str = "") -> Problem:
    return Problem(
        code=code,
        message=message,
        line_id=line_id,
        field="address.pickup_point",
        value=other,
        action=Action.CHANGE_ADDRESS,
        alternatives=(Action.REMOVE_LINE,) if line_id else (),
    )
