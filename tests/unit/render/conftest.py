"""The installed packages with one more extension, which stands at every point and does what a test tells it."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from orderpage import extends, extension, points
from orderpage.domain.discount import DiscountRule
from orderpage.domain.money import half_up
from orderpage.domain.page import PageView
from orderpage.domain.shipping import FlatTariff, Method, MethodKind, Mode, Offer
from orderpage.engine.plan import PlanSet

LAYER = """
package: lab
admit: {add: [{use: test.lab, as: lab}]}
parcel: {add: [{use: test.lab, as: lab}]}
offer: {add: [{use: test.lab, as: lab}]}
surcharge: {add: [{use: test.lab, as: lab}]}
promise: {before: {arrival: [{use: test.lab, as: lab}]}}
discount: {add: [{use: test.lab, as: lab}]}
tax: {add: [{use: test.lab, as: lab}]}
rank: {add: [{use: test.lab, as: lab, weight: 1}]}
present: {before: {arrival: [{use: test.lab, as: lab}]}}
"""
BATCH = ("admit", "parcel", "discount", "tax", "present")
BOUND = ("offer", "surcharge", "promise", "rank")


class Lab:
    """What the extension answers at each point: at a batch point a function of the view, else of the subject."""

    def __init__(self) -> None:
        self.at: dict[str, Callable[[Any], Any]] = {}

    def fail(self, point: str, error: type[Exception] = ZeroDivisionError) -> None:
        def failing(_: Any) -> Any:
            raise error("secret detail")

        self.at[point] = failing

    def discounts(self, *rules: DiscountRule) -> None:
        self.at["discount"] = lambda page: rules

    def flat(self, freight: int, mode: Mode = Mode.AIR, kind: MethodKind = MethodKind.DIRECT_MAIL) -> None:
        """Offer the method FLAT for every parcel at ``freight`` cents."""
        offer = Offer(flat_method(mode, kind), FlatTariff(self.fen(freight)))
        self.at["offer"] = lambda parcel: offer

    def fen(self, cents: int) -> int:
        """The listing price that converts to so many cents at the demo's rate."""
        return half_up(cents * 10_000, 1920)


def flat_method(mode: Mode, kind: MethodKind) -> Method:
    return Method(
        code="FLAT",
        kind=kind,
        mode=mode,
        name={"en": "Flat"},
        carrier="OFFICIAL",
        mergeable=True,
        transit=None,
    )


CURRENT = Lab()


def _batch(point: str, view: Any) -> Iterable[Any]:
    said = CURRENT.at.get(point)
    return tuple(said(view)) if said else ()


def _bound(point: str) -> Callable[[Any], Any] | None:
    return CURRENT.at.get(point)


@extension("test.lab")
class LabExtension:
    """Delegates to the current lab."""

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterable[Any]:
        return _batch("admit", page)

    @extends(points.PARCEL)
    def parcel(self, page: PageView) -> Iterable[Any]:
        return _batch("parcel", page)

    @extends(points.OFFER)
    def offer(self, page: PageView) -> Callable[[Any], Any] | None:
        return _bound("offer")

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Any], Any] | None:
        return _bound("surcharge")

    @extends(points.PROMISE)
    def promise(self, page: PageView) -> Callable[[Any], Any] | None:
        return _bound("promise")

    @extends(points.DISCOUNT)
    def discount(self, page: PageView) -> Iterable[Any]:
        return _batch("discount", page)

    @extends(points.TAX)
    def tax(self, page: PageView) -> Iterable[Any]:
        return _batch("tax", page)

    @extends(points.RANK)
    def rank(self, page: PageView) -> Callable[[Any], Any] | None:
        return _bound("rank")

    @extends(points.PRESENT)
    def present(self, page: Any) -> Iterable[Any]:
        return _batch("present", page)


@pytest.fixture(scope="session")
def lab_plans(demo: Any) -> PlanSet:
    plans: PlanSet = demo.compile_with(LAYER, LabExtension)
    return plans


@pytest.fixture
def lab() -> Lab:
    CURRENT.at = {}
    return CURRENT


@pytest.fixture
def lab_world(demo: Any, lab_plans: PlanSet, lab: Lab) -> Any:
    """The lab's extension stands at every point of every scenario."""
    return demo.world(lab_plans)
