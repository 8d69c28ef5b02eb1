"""EVERY extension point, in the order they run. Start reading here.

A point fixes what an extension is given, what it may answer, how the answers are put together, and what a fault
means. ``orderpage.engine.point`` says how an extension of each shape is written; ``render.py`` and ``submit.py`` call
the points. Only ``load`` and ``ask`` do I/O: everything else is a plain function from frozen values to values.
"""

from typing import Any, get_args

from orderpage.domain.discount import DiscountRule
from orderpage.domain.display import Presentation
from orderpage.domain.order import Event, OrderOperation, PlacedOrder
from orderpage.domain.page import Admission, Notice, Page, PageView, ParcelOptions, PaymentMethod, Scores
from orderpage.domain.problem import Code, Problem
from orderpage.domain.shipping import ArrivalWindow, Excluded, Fee, Offer, Option, Parcel, Shipment, Split
from orderpage.domain.stage import PayTerms
from orderpage.domain.tax import TaxRule
from orderpage.engine.point import OnFailure, Point, Reduce, Shape
from orderpage.ports import AskView, LoadView, SubmitView

# ---- Render ----------------------------------------------------------------------------------------------------

LOAD: Point[LoadView, Any] = Point(
    "load", "First wave of facts: catalogue, stock, rate of exchange, and what extensions bring.",
    Shape.ASYNC, Reduce.FILL, OnFailure.CLOSED, LoadView, code=Code.UP_DEGRADED,
)  # fmt: skip

ADMIT: Point[PageView, Admission] = Point(
    "admit", "What may be bought: block a line, limit its quantity, forbid a method, or ask for an address.",
    Shape.BATCH, Reduce.COLLECT, OnFailure.CLOSED, PageView,
    result=get_args(Admission), code=Code.UP_DEGRADED,
)  # fmt: skip

PARCEL: Point[PageView, Split] = Point(
    "parcel", "Candidate divisions of the goods into parcels: the host takes the cheapest of at most 96.",
    Shape.BATCH, Reduce.COLLECT, OnFailure.CLOSED, PageView, result=(Split,), code=Code.ORDER_SPLIT_FAILED,
)  # fmt: skip

ASK: Point[AskView, Any] = Point(
    "ask", "Second wave of facts, knowing the parcels: remote carriers' rates, outside scores.",
    Shape.ASYNC, Reduce.FILL, OnFailure.OPEN, AskView,
)  # fmt: skip

DISCOUNT: Point[PageView, DiscountRule | Notice] = Point(
    "discount", "Rules that lower goods or freight, and why a coupon does not; the host finds bases and allocates.",
    Shape.BATCH, Reduce.COLLECT, OnFailure.CLOSED, PageView, result=(DiscountRule, Notice), code=Code.UP_TIMEOUT_PROMO,
)  # fmt: skip

OFFER: Point[PageView, Offer | Excluded] = Point(
    "offer", "Can a method take a parcel, and at which tariff; or why not.",
    Shape.BIND, Reduce.COLLECT, OnFailure.OPEN, PageView, result=(Offer, Excluded), subject=Parcel,
)  # fmt: skip

SURCHARGE: Point[PageView, Fee] = Point(
    "surcharge", "Fees on a shipment; the highest rank of a group stands, groups are summed.",
    Shape.BIND, Reduce.COLLECT, OnFailure.CLOSED, PageView, result=(Fee,), subject=Shipment, code=Code.UP_TIMEOUT_LOGI,
)  # fmt: skip

PROMISE: Point[PageView, ArrivalWindow] = Point(
    "promise", "When an option arrives; the first answer stands, so the order of extensions matters.",
    Shape.BIND, Reduce.FIRST, OnFailure.OPEN, PageView, result=(ArrivalWindow,), subject=Option, ordered=True,
)  # fmt: skip

TAX: Point[PageView, TaxRule] = Point(
    "tax", "The tax rules of the page's day; the host allocates, rounds and sums.",
    Shape.BATCH, Reduce.COLLECT, OnFailure.CLOSED, PageView, result=(TaxRule,), code=Code.TAX_CALC_UNAVAILABLE,
)  # fmt: skip

RANK: Point[PageView, Scores] = Point(
    "rank", "Scores for the options of a parcel, weighted by slot; the best is preselected unless the buyer chose.",
    Shape.BIND, Reduce.SCORE, OnFailure.OPEN, PageView, result=(Scores,), subject=ParcelOptions,
)  # fmt: skip

PAY: Point[PageView, PaymentMethod | PayTerms] = Point(
    "pay", "Ways to pay, and what of a presale is paid with its deposit.",
    Shape.BATCH, Reduce.COLLECT, OnFailure.CLOSED, PageView, result=(PaymentMethod, PayTerms),
    code=Code.UP_TIMEOUT_PAY, ordered=True,
)  # fmt: skip

PRESENT: Point[Page, Presentation] = Point(
    "present", "Blocks, badges and labels. Nothing here can change a price or the selection.",
    Shape.BATCH, Reduce.COLLECT, OnFailure.OPEN, Page, result=get_args(Presentation), ordered=True,
)  # fmt: skip

# ---- Submit: Render's points first, with the quote's pinned facts, then ---------------------------------------------

VALIDATE: Point[SubmitView, Problem] = Point(
    "validate", "A last look before the order: any problem refuses it.",
    Shape.BATCH, Reduce.COLLECT, OnFailure.CLOSED, SubmitView, result=(Problem,), code=Code.UP_DEGRADED,
)  # fmt: skip

ENRICH: Point[SubmitView, OrderOperation] = Point(
    "enrich", "Service orders and attributes of the order to be.",
    Shape.BATCH, Reduce.COLLECT, OnFailure.CLOSED, SubmitView, result=get_args(OrderOperation),
    code=Code.SVC_ORDER_CREATE_FAILED,
)  # fmt: skip

AFTER: Point[PlacedOrder, Event] = Point(
    "after", "What to tell others: asked before the order is placed, told once the payment is held.",
    Shape.BATCH, Reduce.COLLECT, OnFailure.CLOSED, PlacedOrder, result=(Event,), code=Code.UP_DEGRADED,
)  # fmt: skip

RENDER = (LOAD, ADMIT, PARCEL, ASK, DISCOUNT, OFFER, SURCHARGE, PROMISE, TAX, RANK, PAY, PRESENT)
SUBMIT = (VALIDATE, ENRICH, AFTER)
ALL = RENDER + SUBMIT
