"""What extensions answer says itself in a few words, for explanations and traces, and nothing about the buyer."""

from datetime import date
from typing import Any

import pytest

from orderpage import points
from orderpage.domain.discount import DiscountRule, Funder, Lane, Target, WeightRelief
from orderpage.domain.display import Badge, Block, Label, ShowFirst
from orderpage.domain.order import AddServiceOrder, Covers, Event, ServiceKind, ServiceOrderType, SetAttribute
from orderpage.domain.page import (
    AssumeMeasures,
    BlockLine,
    BlockPage,
    ForbidMethod,
    LimitQuantity,
    Notice,
    PaymentMethod,
    Scores,
    SendFrom,
)
from orderpage.domain.problem import Code, Problem
from orderpage.domain.shipping import (
    ArrivalWindow,
    Basis,
    Excluded,
    Fee,
    FlatTariff,
    KiloTariff,
    Mode,
    Offer,
    Reason,
    Split,
    StepTariff,
)
from orderpage.domain.stage import PayTerms, Stage
from orderpage.domain.tax import Collector, Component, TaxRule, Threshold, Treatment, Unit
from orderpage.domain.usage import UseUp
from orderpage.testing import example_line, example_method, example_parcel

BUYERS = "Tan Jun, +65 8123 4567, 123 Demo Street"
AIR = example_method("SG_DM_AIR")
LIGHT, HEAVY = example_parcel(), example_parcel(example_line(quantity=2))
PROBLEM = Problem(code=Code.INV_INSUFFICIENT, message=BUYERS, line_id="3", value=BUYERS)
DISCOUNT: dict[str, Any] = {
    "code": "AUTUMN",
    "name": {"en": BUYERS},
    "lane": Lane.SHOP,
    "funding": ((Funder.SELLER, 1),),
}
GST, DUTY = Component(code="SG_GST", rate_ppm=90_000), Component(code="DUTY", rate_ppm=0, by_hs={"6109": 180_000})
TAX: dict[str, Any] = {
    "code": "SG_GST", "name": {"en": BUYERS}, "threshold": Threshold(unit=Unit.ITEM, limit=40_000),
    "within": Treatment(collector=Collector.MARKETPLACE, components=(GST,)), "beyond": None,
}  # fmt: skip
BLOCK: dict[str, Any] = {"slot": "page.cost", "kind": "landed_cost", "title": BUYERS, "text": BUYERS}
OPTION = {"parcel_id": "p-1", "method": "SG_DM_AIR"}

ANSWERS: list[tuple[object, str]] = [
    (
        Offer(AIR, StepTariff(500, 2200, 500, 1100, 6000, Basis.FULL, 500)),
        "SG_DM_AIR first 500 g 22.00, then 500 g 11.00 CNY",
    ),
    (Offer(AIR, FlatTariff(1205)), "SG_DM_AIR 12.05 CNY"),
    (Excluded(AIR, (Reason(Code.LOGI_OVERWEIGHT, BUYERS),)), "SG_DM_AIR excluded: LOGI_OVERWEIGHT"),
    (
        Excluded(AIR, (Reason(Code.LOGI_CLASS_FORBIDDEN, "", ("1", "4")), Reason(Code.LOGI_OVERWEIGHT, ""))),
        "SG_DM_AIR excluded: LOGI_CLASS_FORBIDDEN (line 1, 4), LOGI_OVERWEIGHT",
    ),
    (Fee("HOME_DELIVERY", 800, "last_mile", 1), "HOME_DELIVERY 8.00 CNY"),
    (ArrivalWindow(date(2026, 11, 30), date(2026, 12, 3)), "2026-11-30 … 2026-12-03"),
    (Split((LIGHT, HEAVY), "one parcel per shop"), "one parcel per shop: 400 g + 800 g"),
    (
        DiscountRule(**DISCOUNT, target=Target.FREIGHT, relief=WeightRelief(frozenset({"2", "1"}), 3000), threshold=99),
        "AUTUMN line 1, 2 up to 3000 g free of freight from 99, in minor units",
    ),
    (DiscountRule(**DISCOUNT, target=Target.FREIGHT, relief=WeightRelief()), "AUTUMN all free of freight"),
    (DiscountRule(**DISCOUNT, target=Target.FREIGHT, amount=960), "AUTUMN 960 off freight, in minor units"),
    (
        DiscountRule(**DISCOUNT, target=Target.GOODS, amount=960, threshold=9600, shops=frozenset({"s-2", "s-1"})),
        "AUTUMN 960 off goods of s-1, s-2 from 9600, in minor units",
    ),
    (
        TaxRule(**TAX, modes=frozenset({Mode.SEA, Mode.AIR}), row="SG_GST from 2024-01-01"),
        "SG_GST by AIR, SEA, items up to 40000 minor units: SG_GST 9% to the marketplace; else free"
        " (SG_GST from 2024-01-01)",
    ),
    (
        TaxRule(
            code="CA_IMPORT",
            name={"en": BUYERS},
            modes=frozenset(),
            within=None,
            beyond=Treatment(collector=Collector.BORDER, components=(DUTY, Component(code="CA_QST", rate_ppm=99_750))),
        ),
        "CA_IMPORT by nothing: free; else DUTY 0% (6109: 18%) + CA_QST 9.975% to the border",
    ),
    (BlockLine("3", PROBLEM), "line 3 blocked: INV_INSUFFICIENT"),
    (LimitQuantity("3", 2, PROBLEM), "line 3 at most 2: INV_INSUFFICIENT"),
    (ForbidMethod("3", frozenset({"B", "A"}), PROBLEM), "line 3 not by A, B: INV_INSUFFICIENT"),
    (
        BlockPage(Problem(code=Code.ADDR_POSTCODE_MISMATCH, message=BUYERS, field="address.postcode", value=BUYERS)),
        "nothing can be delivered: ADDR_POSTCODE_MISMATCH at address.postcode",
    ),
    (AssumeMeasures("3", 500, (20, 15, 10), PROBLEM), "line 3 taken for 500 g, 20×15×10 cm"),
    (SendFrom("3", "CN-SZ", "CN", 2), "line 3 sent from CN-SZ, 2 days later"),
    (Notice(PROBLEM), "notice: INV_INSUFFICIENT line 3"),
    (
        Offer(AIR, KiloTariff((3000, 4500), 2000, 5000, Basis.FULL)),
        "SG_DM_AIR by the table up to 2 kg, then 20.00 CNY a kg",
    ),
    (Scores((0, 1_000_000), "CHEAPEST"), "CHEAPEST 0, 1000000 ppm"),
    (PaymentMethod("card", {"en": BUYERS}), "card"),
    (PayTerms(tax=Stage.DEPOSIT), "freight at BALANCE, tax at DEPOSIT"),
    (PayTerms(prepaid=True), "prepaid"),
    (Block(**BLOCK), "page.cost landed_cost"),
    (
        Block(**BLOCK, parcel_id="p-1", values={"to": BUYERS, "tax": "SGD\xa037.05", "earliest": "2026-12-01"}),
        "page.cost landed_cost of p-1: tax SGD\xa037.05, earliest 2026-12-01",
    ),
    (Badge(**OPTION, text="fastest"), "SG_DM_AIR of p-1 marked 'fastest'"),
    (Label(**OPTION, text="By air"), "SG_DM_AIR of p-1 called 'By air'"),
    (ShowFirst(**OPTION), "SG_DM_AIR of p-1 first"),
    (Problem(code=Code.ADDR_PHONE_INVALID, message=BUYERS, field="phone"), "ADDR_PHONE_INVALID at phone"),
    (PROBLEM, "INV_INSUFFICIENT line 3"),
    (
        AddServiceOrder(
            kind=ServiceKind.SHIPPING, type=ServiceOrderType.DUAL_MAIN, parcel_id="p-1", covers=Covers.FREIGHT_AND_FEES
        ),
        "SHIPPING service order of p-1 for FREIGHT_AND_FEES, DUAL_MAIN",
    ),
    (SetAttribute("note", BUYERS), "attribute note"),
    (UseUp(name=f"coupon:{BUYERS}", units=2, limit=3), "uses 2 of 3 of a coupon"),
    (UseUp(name="relief"), "uses 1 of a relief"),
    (Event("order.confirmed", "o-1", {"to": BUYERS}), "order.confirmed o-1"),
]


@pytest.mark.parametrize(("answer", "words"), ANSWERS)
def test_an_answer_says_itself_in_a_few_words(answer: object, words: str) -> None:
    assert str(answer) == words


def test_every_type_that_a_point_takes_is_among_them() -> None:
    types = {result for point in points.ALL for result in point.result}
    assert len(types) > 15
    assert types == {type(answer) for answer, _ in ANSWERS}


@pytest.mark.parametrize(
    "amount", ["S$458.29", "HK$1,234.00", "¥12", "-SGD\xa03.84", "NT$300", "SGD 0.00", "2026-12-01"]
)
def test_a_block_says_amounts_and_dates(amount: str) -> None:
    assert str(Block(**BLOCK, values={"it": amount})).endswith(f": it {amount}")


@pytest.mark.parametrize("words", [BUYERS, "+65 8123 4567", "520123", "S520123", "#08-15", "Tan Jun", "12 Demo Street"])
def test_a_block_keeps_other_words_to_itself(words: str) -> None:
    assert str(Block(**BLOCK, values={"it": words})) == "page.cost landed_cost"
