"""Weights and sides that the catalogue does not know, or that nothing has: assumed by class, and said so.

Without them a parcel would be priced as if it weighed nothing. Every answer is a notice on the page, counted by its
code, so that whoever keeps the catalogue learns of it.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.goods import GoodsClass, Line, Sku
from orderpage.domain.page import AssumeMeasures, PageView
from orderpage.domain.problem import Code, Problem

Positive = Annotated[int, Meta(gt=0)]
Sides = tuple[Positive, Positive, Positive]


class Measures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one packed unit: grams and whole centimetres."""

    weight_g: Positive
    sides_cm: Sides


class Assumptions(Settings, frozen=True, kw_only=True):
    """Settings of ``logistics.measures``: what stands for missing measures, by class or in general.

    A unit heavier than ``heaviest_g``, or with a side longer than ``longest_cm``, is absurd; so is one of more than
    ``densest_g_per_cm3``, of which nobody knows whether weight or sides are wrong (absent: that is not looked at).
    """

    heaviest_g: Positive
    longest_cm: Positive
    densest_g_per_cm3: Positive | None = None
    default: Measures
    by_class: Mapping[GoodsClass, Measures] = {}

    def __post_init__(self) -> None:
        for name, row in (("default", self.default), *self.by_class.items()):
            if self.absurd_weight(row.weight_g) or self.absurd_sides(row.sides_cm) or self.too_dense(row):
                raise ValueError(f"what is assumed for {name} is beyond the limits itself")

    def absurd_weight(self, weight_g: int) -> bool:
        """Missing, or none that there is."""
        return not 0 < weight_g <= self.heaviest_g

    def absurd_sides(self, sides_cm: tuple[int, int, int]) -> bool:
        """One of them missing, or none that there is."""
        return min(sides_cm) <= 0 or max(sides_cm) > self.longest_cm

    def too_dense(self, unit: Sku | Measures) -> bool:
        """Heavier than anything of that size."""
        length, width, height = unit.sides_cm
        return self.densest_g_per_cm3 is not None and unit.weight_g > length * width * height * self.densest_g_per_cm3


@extension("logistics.measures", settings=Assumptions)
class AssumedMeasures:
    """Only what is missing or absurd is replaced: a known weight stays though the sides are not known."""

    def __init__(self, settings: Assumptions) -> None:
        self.settings = settings

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterator[AssumeMeasures]:
        """ITEM_MEASURES_ASSUMED for each such line."""
        settings = self.settings
        heaviest, longest, dense = settings.heaviest_g, settings.longest_cm, settings.densest_g_per_cm3
        for line in page.lines:
            sku = line.sku
            a, b, c = sku.sides_cm
            known = 0 < sku.weight_g <= heaviest and 0 < a <= longest and 0 < b <= longest and 0 < c <= longest
            if not known or (dense is not None and settings.too_dense(sku)):
                yield self._assumed(line)

    def _assumed(self, line: Line) -> AssumeMeasures:
        sku, settings = line.sku, self.settings
        no_weight, no_sides = settings.absurd_weight(sku.weight_g), settings.absurd_sides(sku.sides_cm)
        if not no_weight and not no_sides:
            no_weight = no_sides = True
        row = settings.by_class.get(sku.goods_class, settings.default)
        made = Measures(
            weight_g=row.weight_g if no_weight else sku.weight_g, sides_cm=row.sides_cm if no_sides else sku.sides_cm
        )
        return AssumeMeasures(line.line_id, made.weight_g, made.sides_cm, _notice(line, made, no_weight, no_sides))


def _notice(line: Line, made: Measures, no_weight: bool, no_sides: bool) -> Problem:
    sku = line.sku
    parts = [("weight", f"{made.weight_g} g", not sku.weight_g)] if no_weight else []
    if no_sides:
        parts.append(("size", f"{'×'.join(map(str, made.sides_cm))} cm", 0 in sku.sides_cm))
    said = " and ".join(
        f"the {name} of {sku.sku_id} is {'not known' if missing else 'not plausible'}: {assumed} is assumed"
        for name, assumed, missing in parts
    )
    return Problem(code=Code.ITEM_MEASURES_ASSUMED, message=said, line_id=line.line_id)
