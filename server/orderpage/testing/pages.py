"""Whole pages without a server: the host's own orchestration over data in memory."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

from orderpage import facts, points
from orderpage.domain.goods import GoodsClass
from orderpage.domain.order import OrderOperation, PlacedOrder, Payment, PaymentState
from orderpage.domain.page import Page, PageView, PaymentMethod, WantedLine
from orderpage.domain.shipping import (
    ArrivalWindow,
    Basis,
    Excluded,
    Method,
    MethodKind,
    Mode,
    Offer,
    Option,
    Parcel,
    Split,
    StepTariff,
    Transit,
)
from orderpage.domain.tax import TaxRule
from orderpage.drafting import draft_order
from orderpage.engine.extension import Settings, extends, extension
from orderpage.engine.point import Fact
from orderpage.engine.plan import Plan
from orderpage.engine.run import Run
from orderpage.engine.scenarios import SourceText
from orderpage.packages import Packages
from orderpage.quote import Quote
from orderpage.render import RenderRequest, Terms, make_page
from orderpage.testing.examples import example_method, example_parcel
from orderpage.testing.memory import host_facts, ports_of, wait
from orderpage.testing.plans import Use, compile_uses
