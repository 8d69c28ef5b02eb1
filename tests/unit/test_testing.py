"""The conformance kit catches every broken law with a sentence, and every extension of this repository keeps them."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.metadata import entry_points
from typing import Any

import pytest
from msgspec.structs import replace

from orderpage import Fact, Settings, extends, extension, facts, points
from orderpage.domain.discount import DiscountRule, Funder, Lane, Target
from orderpage.domain.goods import Catalogue, Stock
from orderpage.domain.money import ListingAmount
from orderpage.domain.order import AddServiceOrder, Covers, Event, ServiceKind, ServiceOrderType
from orderpage.domain.page import (
    Admission,
    BlockLine,
    LimitQuantity,
    Page,
    PageView,
    PaymentMethod,
    Scores,
)
from orderpage.domain.problem import Code, Problem
from orderpage.domain.shipping import (
    ArrivalWindow,
    Basis,
    Excluded,
    Fee,
    FlatTariff,
    Item,
    Offer,
    Option,
    Parcel,
    Reason,
    Shipment,
    Split,
    StepTariff,
    Tariff,
)
from orderpage.domain.tax import Collector, Component, TaxRule, Threshold, Treatment, Unit
from orderpage.engine.faults import Fault
from orderpage.engine.problems import PackageErrors
from orderpage.packages import Packages
from orderpage.ports import AskView, LoadView
from orderpage.testing import (
    check_extension,
    example_address,
    example_line,
    example_method,
    example_option,
    example_page,
    example_parcel,
    example_shipment,
    example_view,
    example_views,
    render_with,
)

Hook = Callable[..., Any]
FEE = Fee("TOY", 500, "toy", 1)
PROBLEM = Problem(code=Code.ITEM_OFFLINE, message="gone")


def at(point: Any, hook: Hook, **more: Any) -> type:
    """A toy extension with that one hook."""
    return extension("toy")(type("Toy", (), {hook.__name__: extends(point, **more)(hook)}))


def broken(cls: type, settings: dict[str, Any] | None = None, **more: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        check_extension(cls, settings, **more)
    return str(caught.value)


# ---- declaration and settings ------------------------------------------------------------------------------------


class Amount(Settings, frozen=True):
    fee: ListingAmount


@extension("toy.fee", settings=Amount)
class ToyFee:
    """A lawful surcharge."""

    def __init__(self, settings: Amount) -> None:
        self.fee = Fee("TOY", settings.fee, "toy", 1)

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee | None] | None:
        if page.address is None or not page.address.home_delivery:
            return None
        return lambda shipment: self.fee if shipment.weight_g else None


def test_a_lawful_extension_passes_with_settings_as_a_layer_writes_them() -> None:
    check_extension(ToyFee, {"fee": "5.00"})


def test_an_extension_that_says_nothing_on_any_page_is_told_that_nothing_was_proved() -> None:
    """Its only line may be the wrong one."""

    def surcharge(self: object, page: PageView) -> Callable[[Shipment], Fee] | None:
        if page.lines[0].sku.sku_id == "of another site":
            raise LookupError("never seen")
        return None

    with pytest.warns(UserWarning, match="said nothing at surcharge, so its answers there were not proved"):
        check_extension(at(points.SURCHARGE, surcharge))


def test_a_class_without_the_decorator_is_no_extension() -> None:
    assert broken(int) == "int is not an extension; decorate it with @extension"


def test_a_declaration_that_start_up_refuses_is_refused_in_its_words() -> None:
    async def wait(self: object, page: PageView) -> list[Admission]:
        return []

    said = broken(at(points.ADMIT, wait))
    assert "toy would be refused at start-up: " in said
    assert "must be a plain `def`" in said
    assert "stands at no point" in broken(extension("toy")(type("Toy", (), {})))


def test_settings_that_start_up_refuses_are_refused_in_its_words() -> None:
    said = broken(ToyFee, {"fee": 5})
    assert "toy.fee would be refused at start-up: " in said
    assert "write the amount as text in CNY, such as '12.00', not 5" in said
    assert "missing required field `fee`" in broken(ToyFee)


# ---- the laws of all points --------------------------------------------------------------------------------------


def test_results_have_the_types_of_the_point() -> None:
    said = broken(at(points.PAY, lambda self, page: ["card"]))
    assert said == (
        "toy at point 'pay': answers with a wrong type: str is not allowed here; allowed: PaymentMethod, PayTerms; "
        "asked about a HK page with lines (1×1, 2×2, 3×3) and an address"
    )
    said = broken(at(points.SURCHARGE, lambda self, page: lambda shipment: 500))
    assert "int is not allowed here; allowed: Fee; asked about a shipment of 1203 g by EXAMPLE_" in said


def test_a_batch_point_is_answered_with_an_iterable_and_a_bind_point_with_a_function() -> None:
    assert "returns NoneType, not an iterable of results" in broken(at(points.TAX, lambda self, page: None))
    assert "returns Fee, not a function of the subject nor None" in broken(at(points.SURCHARGE, lambda self, page: FEE))


def test_the_same_input_has_the_same_answer() -> None:
    turns = itertools.count()
    said = broken(at(points.PAY, lambda self, page: [PaymentMethod(f"card-{next(turns)}", {})]))
    assert "toy at point 'pay': does not answer the same input alike: first [PaymentMethod(code='card-0'" in said


def test_an_answer_does_not_depend_on_which_subject_was_asked_about_before() -> None:
    def surcharge(self: object, page: PageView) -> Callable[[Shipment], Fee | None]:
        seen: list[Shipment] = []

        def first_only(shipment: Shipment) -> Fee | None:
            seen.append(shipment)
            return FEE if len(seen) == 1 else None

        return first_only

    assert "does not answer the same input alike" in broken(at(points.SURCHARGE, surcharge))


def test_what_an_extension_is_given_stays_as_it_is() -> None:
    def names(self: object, page: PageView) -> list[PaymentMethod]:
        for line in page.lines:
            line.sku.name["xx"] = "changed"  # type: ignore[index]
        return []

    def stock(self: object, page: PageView, stock: Stock) -> list[Admission]:
        stock.clear()  # type: ignore[attr-defined]
        return []

    def method(self: object, page: PageView) -> Callable[[Option], None]:
        return lambda option: option.method.name.update(xx="changed")  # type: ignore[attr-defined]

    view = example_view("HK", example_line())
    assert "toy at point 'pay': changes the view it is given" in broken(at(points.PAY, names), views=[view])
    assert "changes the fact 'stock' it is given" in broken(at(points.ADMIT, stock, needs=(facts.STOCK,)))
    option = example_option(example_method("MUTABLE"))
    assert "changes the subject it is given" in broken(at(points.PROMISE, method), subjects=[option], views=[view])


def test_an_extension_answers_every_page_it_is_for() -> None:
    def only_hong_kong(self: object, page: PageView) -> list[PaymentMethod]:
        if page.cell.site != "HK":
            raise LookupError(page.cell.site)
        return []

    said = broken(at(points.PAY, only_hong_kong))
    assert "raises LookupError: SG; if it is not for such pages, give `views` that it is for; asked about a SG" in said
    check_extension(at(points.PAY, only_hong_kong), views=example_views("HK"))


def test_a_pure_extension_does_not_hold_up_the_process() -> None:
    def slow(self: object, page: PageView) -> list[PaymentMethod]:
        time.sleep(0.006)
        return []

    assert "in which nobody else is served; a point has 5" in broken(at(points.PAY, slow), views=[example_view()])


def test_a_needed_fact_of_somebody_else_is_to_be_given() -> None:
    weather: Fact[str] = Fact("weather", str, "What the sky does.")
    toy = at(points.PAY, lambda self, page, sky: [PaymentMethod(sky, {})], needs=(weather,))
    assert "needs the fact 'weather', which nobody fills here; give it in `facts`" in broken(toy)
    check_extension(toy, facts={weather: "rain"})


def test_a_point_that_no_view_reaches_was_not_tried() -> None:
    views = [example_view(address=None)]
    assert "Toy was not tried at parcel; give a view with lines and an address" in broken(
        at(points.PARCEL, lambda self, page: []), views=views
    )


# ---- async points ------------------------------------------------------------------------------------------------

RATES: Fact[int] = Fact("toy.rates", int, "A remote rate.")


def test_a_fact_has_its_declared_type() -> None:
    async def ask(self: object, view: AskView) -> str:
        return "12"

    said = broken(at(points.ASK, ask, fills=RATES))
    assert "toy at point 'ask': answers with a wrong type: str is not allowed here; allowed: int" in said


def test_an_async_extension_answers_within_its_budget() -> None:
    async def late(self: object, view: LoadView) -> int:
        await asyncio.sleep(5)
        return 1

    async def blocking(self: object, view: LoadView) -> int:
        time.sleep(0.02)  # noqa: ASYNC251  # the mistake that is looked for
        return 1

    async def gives_up(self: object, view: LoadView) -> int:
        raise TimeoutError("the carrier is slow")

    for hook in (late, blocking):
        said = broken(at(points.LOAD, hook, fills=RATES, budget_ms=10))
        assert "toy at point 'load': has no answer after " in said
        assert "its budget is 10 ms" in said
    assert "raises TimeoutError: the carrier is slow" in broken(at(points.LOAD, gives_up, fills=RATES))


async def test_what_an_extension_fills_is_there_for_its_later_points() -> None:
    @extension("toy")
    class Remote:
        @extends(points.LOAD, needs=(), fills=RATES)
        async def load(self, view: LoadView) -> int:
            found: Catalogue = await view.ports.catalogue.skus(view.sku_ids, fresh=view.fresh)
            return len(found)

        @extends(points.SURCHARGE, needs=(RATES,))
        def surcharge(self, page: PageView, rates: int) -> Callable[[Shipment], Fee]:
            assert rates == len(page.lines)
            return lambda shipment: FEE

    check_extension(Remote)


# ---- the law of each point ---------------------------------------------------------------------------------------


def batch(*results: object) -> Hook:
    return lambda self, view: results


def bound(answer: object) -> Hook:
    return lambda self, view: lambda subject: answer


def split(change: Callable[[PageView], Split]) -> Hook:
    return lambda self, page: [change(page)]


def tariff(tariff: Tariff) -> Hook:
    return bound(Offer(example_method("TOY"), tariff))


def discount(amount: int, threshold: int = 0) -> DiscountRule:
    name, target, funding = {"en": "Toy"}, Target.GOODS, ((Funder.SELLER, 1),)
    return DiscountRule(
        code="TOY", name=name, lane=Lane.ITEM, target=target, funding=funding, amount=amount, threshold=threshold
    )


def tax(rate_ppm: int, limit: int = 0) -> TaxRule:
    treatment = Treatment(collector=Collector.MARKETPLACE, components=(Component(code="TOY", rate_ppm=rate_ppm),))
    threshold = Threshold(unit=Unit.ITEM, limit=limit)
    return TaxRule(code="TOY", name={"en": "Toy"}, threshold=threshold, within=treatment, beyond=None)


def window(first: int, last: int) -> Hook:
    def promise(self: object, page: PageView) -> Callable[[Option], ArrivalWindow]:
        return lambda option: ArrivalWindow(page.today + timedelta(first), page.today + timedelta(last))

    return promise


def items(page: PageView) -> list[Item]:
    return [Item(line, line.quantity, line.amount) for line in page.lines]


def lost(page: PageView) -> Split:
    return Split((Parcel.of(items(page)[:-1] or [replace(items(page)[0], quantity=39)]),), "toy")


def cheap(page: PageView) -> Split:
    return Split((Parcel.of([replace(item, amount=item.amount - 1) for item in items(page)]),), "toy")


def heavy(page: PageView) -> Split:
    return Split((replace(Parcel.of(items(page)), weight_g=1),), "toy")


def negative(page: PageView) -> Split:
    return Split((Parcel.of([*items(page), replace(items(page)[0], quantity=-1)]),), "toy")


def service(parcel_id: str) -> AddServiceOrder:
    kind, type_ = ServiceKind.SHIPPING, ServiceOrderType.DUAL_MAIN
    return AddServiceOrder(kind=kind, type=type_, parcel_id=parcel_id, covers=Covers.TAX)


LAWS: dict[str, tuple[Any, Hook, str]] = {
    "a blocked line is on the page": (points.ADMIT, batch(BlockLine("9", PROBLEM)), "names line '9', which is not on"),
    "a limit is not negative": (points.ADMIT, batch(LimitQuantity("1", -1, PROBLEM)), "to -1 units, which is below 0"),
    "a division holds all goods": (points.PARCEL, split(lost), "not exactly the goods of the page"),
    "a division keeps the money": (points.PARCEL, split(cheap), "not exactly what the goods cost"),
    "a parcel is what its items add up to": (points.PARCEL, split(heavy), "make it with Parcel.of"),
    "a parcel holds goods": (points.PARCEL, split(negative), "holds -1 units of line '1'"),
    "at most 96 divisions": (
        points.PARCEL,
        lambda self, page: [Split((Parcel.of(items(page)),), "toy")] * 97,
        "proposes 97 divisions, of which the host prices 96",
    ),
    "heavier is not cheaper": (
        points.OFFER,
        tariff(StepTariff(1000, 90_000, 500, -300, 6000, Basis.FULL, 500)),
        "the tariff of TOY falls from 90000 to 89700 fen beyond 1000 g",
    ),
    "freight is not negative": (points.OFFER, tariff(FlatTariff(-5)), "asks for -5 fen, which is below 0"),
    "a tariff can be worked out": (
        points.OFFER,
        tariff(StepTariff(1000, 1200, 0, 300, 6000, Basis.FULL, 500)),
        "the tariff of TOY cannot be worked out",
    ),
    "an exclusion has a reason": (points.OFFER, bound(Excluded(example_method("TOY"), ())), "TOY without a reason"),
    "a reason names lines of the parcel": (
        points.OFFER,
        bound(Excluded(example_method("TOY"), (Reason(Code.LOGI_OVERSIZE, "long", ("9",)),))),
        "excludes TOY for line '9', which is not in the parcel",
    ),
    "a fee is not negative": (points.SURCHARGE, bound(replace(FEE, amount=-1)), "the fee TOY is -1 fen"),
    "a fee has a group": (points.SURCHARGE, bound(replace(FEE, group="")), "needs a code and a group"),
    "a window ends after it begins": (
        points.PROMISE,
        window(5, 3),
        "begins on 2026-11-28, after it ends on 2026-11-26",
    ),
    "nothing arrives yesterday": (points.PROMISE, window(-1, 3), "before the page's day, 2026-11-23"),
    "a discount is not negative": (points.DISCOUNT, batch(discount(-1)), "the amount of the discount TOY is -1"),
    "a threshold is not negative": (points.DISCOUNT, batch(discount(1, -2)), "the threshold of the discount TOY is -2"),
    "a discount has a code of its own": (
        points.DISCOUNT,
        batch(discount(1), discount(2)),
        "makes 2 rules of the code TOY; give each its own, such as TOY@SHOP",
    ),
    "a discount is on lines of the page": (
        points.DISCOUNT,
        batch(replace(discount(1), lines=frozenset("9"))),
        "the discount TOY names line '9', which is not on the page",
    ),
    "a tax rate is not negative": (points.TAX, batch(tax(-1)), "the component TOY of the tax TOY is -1"),
    "a tax limit is not negative": (points.TAX, batch(tax(1, -1)), "the limit of the tax TOY is -1"),
    "every option has one score": (points.RANK, bound(Scores((1, 2, 3, 4), "TOY")), "gives 4 scores for 2 options"),
    "a score is at most a million": (
        points.RANK,
        lambda self, page: lambda parcel: Scores((1_000_001,) * len(parcel.options), "TOY"),
        "scores 1000001, outside 0 to 1000000",
    ),
    "an operation fits the order": (points.ENRICH, batch(service("p-9")), "parcel p-9 is unknown or asked for twice"),
    "an event has a key": (points.AFTER, batch(Event("order.confirmed", "", {})), "needs a topic and a key"),
}


@pytest.mark.parametrize(
    ("point", "made"),
    [
        (points.DISCOUNT, lambda: discount(2.5)),  # type: ignore[arg-type]
        (points.SURCHARGE, lambda: Fee("TOY", 2.5, "toy", 1)),  # type: ignore[arg-type]
        (points.OFFER, lambda: Offer(example_method("TOY"), FlatTariff(2.5))),  # type: ignore[arg-type]
        (points.TAX, lambda: tax(50_000.7)),  # type: ignore[arg-type]
    ],
    ids=["discount", "fee", "price", "tax"],
)
def test_an_amount_is_a_whole_number(point: Any, made: Callable[[], Any]) -> None:
    """A float would reach the totals, a cent off, or the wire, where it is nobody's any more."""
    batch_point = point in {points.DISCOUNT, points.TAX}
    said = broken(at(point, lambda self, view: [made()] if batch_point else lambda subject: made()))
    assert "a whole number of minor units or millionths, not" in said


@pytest.mark.parametrize("law", LAWS)
def test_the_law_of_the_point_is_proved(law: str) -> None:
    point, hook, sentence = LAWS[law]
    said = broken(at(point, hook))
    assert said.startswith(f"toy at point {point.name!r}: ")
    assert sentence in said
    assert "; asked about " in said


@pytest.mark.parametrize("point", points.ALL, ids=[point.name for point in points.ALL])
def test_every_point_is_reached_by_the_examples(point: Any) -> None:
    async def nothing(self: object, view: object) -> int:
        return 1

    hook = nothing if point in (points.LOAD, points.ASK) else batch() if point.subject is None else bound(None)
    more = {"fills": RATES} if hook is nothing else {}
    check_extension(at(point, hook, **more))


def test_further_subjects_are_asked_about() -> None:
    def picky(self: object, page: PageView) -> Callable[[Shipment], None]:
        def refuse(shipment: Shipment) -> None:
            if shipment.method.code == "DRONE":
                raise ValueError("no drones")

        return refuse

    toy, drone = at(points.SURCHARGE, picky), example_shipment(example_method("DRONE"))
    check_extension(toy)
    said = broken(toy, subjects=[drone, example_parcel()])
    assert "raises ValueError: no drones" in said
    assert said.endswith("asked about a shipment of 400 g by DRONE")


def test_inputs_are_named_in_a_few_words() -> None:
    def refuse(subject: object) -> None:
        raise ValueError

    for point, words in (
        (points.OFFER, "a parcel of lines 1, 2, 3, 1203 g"),
        (points.PROMISE, "the option EXAMPLE_"),
        (points.RANK, "a parcel with the options EXAMPLE_"),
    ):
        assert words in broken(at(point, lambda self, page: refuse))
    assert len(broken(at(points.PRESENT, batch(1)))) < 500


def test_there_are_examples_of_two_sites() -> None:
    with pytest.raises(ValueError, match="no example of site 'MARS', only of HK, SG"):
        example_view("MARS")
    assert example_address("SG", postcode="098585").postcode == "098585"


def test_an_example_page_keeps_the_laws_of_pages() -> None:
    page = example_page(example_view("SG", example_line("1", 2, price="59.00"), example_line("2", shop="shop-2")))
    totals = page.totals
    assert totals.goods == sum(line.amount for line in page.lines) == 2 * 1133 + 192
    assert totals.payable == totals.goods + totals.freight + totals.fees + totals.tax
    assert {option.label for option in page.parcels[0].options} == {"EXAMPLE_LAND", "EXAMPLE_AIR", "EXAMPLE_SEA"}
    assert example_page(example_view(address=None)).parcels == ()


# ---- whole pages -------------------------------------------------------------------------------------------------

LAYER = """\
package: toy
when: {site: HK}
surcharge:
  add: [{use: toy.fee, settings: {fee: "5.00"}}]
"""


def test_a_page_is_made_from_the_installed_packages_more_layers_and_more_extensions() -> None:
    before, after = render_with("", example_view()), render_with(LAYER, example_view(), extensions=[ToyFee])
    assert after.totals.payable - before.totals.payable == 590  # 5.00 CNY in HKD
    assert [option.priced.option.fees[-1].code for option in after.parcels[0].options] == ["TOY"] * 3
    assert render_with(LAYER, example_view("SG"), extensions=[ToyFee]) == render_with("", example_view("SG"))


def test_a_method_can_be_selected() -> None:
    page = render_with("")
    parcel = page.parcels[0]
    other = parcel.options[-1].priced.option.method.code
    assert parcel.selected != other
    assert render_with("", selections={parcel.parcel.parcel_id: other}).parcels[0].selected == other


def test_a_fault_has_the_consequence_of_its_point() -> None:
    def fail(self: object, view: object) -> Any:
        raise RuntimeError("out of order")

    def page(point: str, toy: type) -> Page:
        return render_with(f"package: toy\n{point}:\n  add: [{{use: toy}}]\n", extensions=[toy])

    assert [missing.point for missing in page("offer", at(points.OFFER, fail)).degraded] == ["offer"]
    with pytest.raises(Fault, match="RuntimeError: out of order"):
        page("admit", at(points.ADMIT, fail))


def test_a_mistake_in_a_layer_is_refused_with_its_line() -> None:
    with pytest.raises(PackageErrors, match=r"^test\.yaml:2: 'surcharges' is neither a point"):
        render_with("package: toy\nsurcharges: {}\n")


# ---- the extensions of this repository ---------------------------------------------------------------------------


def shipped() -> Iterator[Any]:
    """Every extension with every settings that some scenario has for it, by site."""
    plans, seen = Packages().plans.current, set()
    for cell in plans.cells():
        site = cell.values[0]
        for slots in cell.resolution.slots.values():
            for slot in slots:
                key = (site, slot.extension, repr(slot.settings))
                if key not in seen:
                    seen.add(key)
                    yield pytest.param(site, slot.extension, slot.settings, id=f"{site}-{slot.extension}-{slot.name}")


@pytest.mark.parametrize(("site", "name", "settings"), [*shipped()])
def test_every_shipped_extension_keeps_the_laws(site: str, name: str, settings: dict[str, Any]) -> None:
    (entry,) = entry_points(group="orderpage.extensions", name=name)
    check_extension(entry.load(), settings, views=example_views(site))
