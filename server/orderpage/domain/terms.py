"""What settlement and refunds take from the layers: the commission, what carriers charge for the freight that is
listed, and what becomes of discounts.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import TypeVar

import msgspec

from orderpage.domain.dated import Dated, row_on, without_gaps
from orderpage.domain.money import CNY, ExchangeRate, ListingAmount, Percent, half_up, parts_per_million, percent
from orderpage.domain.problem import Code, refuse
from orderpage.domain.shipping import Basis, Charging, Option, StepTariff

_WHOLE = 1_000_000
Row = TypeVar("Row", bound=Dated)


class RefundPolicy(StrEnum):
    """What becomes of a discount whose condition the goods that stay no longer meet (domain rules, P-5): the buyer
    keeps it, or what it gave on those goods is taken off the refund.
    """

    KEEP = "KEEP"
    CLAWBACK = "CLAWBACK"


class CommissionRow(Dated, frozen=True, kw_only=True):
    """``percent`` of each line's net after all discounts, whoever funds them (domain rules, section 12)."""

    percent: Percent

    def __post_init__(self) -> None:
        if self.percent > _WHOLE:
            raise ValueError("a commission is at most 100 percent")

    def __str__(self) -> str:
        return f"{percent(self.percent)} from {self.effective_from}{_until(self)}"


class CostTariff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a carrier charges for a shipment of some chargeable weight, in CNY."""

    first_g: int
    first_fee: ListingAmount
    step_g: int
    step_fee: ListingAmount

    def __post_init__(self) -> None:
        if self.first_g < 0 or self.step_g <= 0:
            raise ValueError("first_g must be 0 or more and step_g above 0, in grams")

    def __str__(self) -> str:
        first, step = CNY.format(self.first_fee), CNY.format(self.step_fee)
        return f"{first} CNY for {self.first_g} g, {step} for {self.step_g} g more"

    def fee(self, chargeable_g: int) -> int:
        """Fen for that chargeable weight."""
        tariff = StepTariff(self.first_g, self.first_fee, self.step_g, self.step_fee, 1, Basis.NONE, 1)
        return tariff.fee(chargeable_g)


class CostRow(Dated, frozen=True, kw_only=True):
    """What a method's carrier charges: ``percent`` of the list freight, or by a ``tariff`` of its own."""

    percent: Percent | None = None
    tariff: CostTariff | None = None

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.tariff is None):
            raise ValueError("a cost row needs percent or tariff, and not both")

    def __str__(self) -> str:
        cost = percent(self.percent) if self.percent is not None else str(self.tariff)
        return f"{cost} from {self.effective_from}{_until(self)}"


class SettlementTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Set by the ``settlement`` key of the profile. ``carrier_costs`` is method code to dated rows.

    Without rows there is no commission, and a carrier charges the list freight. Where there are rows, one must hold on
    every day: a commission that ends is followed by a row of 0 percent, a cost by one of 100.
    """

    commission: tuple[CommissionRow, ...] = ()
    carrier_costs: Mapping[str, tuple[CostRow, ...]] = {}

    def __post_init__(self) -> None:
        for keys, rows in self.dated.items():
            without_gaps(rows, *keys)

    def __repr__(self) -> str:
        """Short: every explanation of a scenario shows it."""
        costs = [f"{method} {', '.join(map(str, rows))}" for method, rows in self.carrier_costs.items()]
        commission = [f"commission {', '.join(map(str, self.commission))}"] if self.commission else []
        return f"<{'; '.join((*commission, *costs))}>"

    @property
    def dated(self) -> dict[tuple[str, ...], tuple[Dated, ...]]:
        """All rows, by the keys under which they are written."""
        dated: dict[tuple[str, ...], tuple[Dated, ...]] = {("commission",): self.commission}
        return dated | {("carrier_costs", method): rows for method, rows in self.carrier_costs.items()}

    def commissions(self, nets: Sequence[int], day: date) -> list[int]:
        """The commission on each line's net, each rounded HALF_UP by itself.

        Raises ``Refusal`` (SVC_ORDER_CREATE_FAILED) where there are rows and none holds on ``day``: an order fails
        rather than book nothing.
        """
        row = _row_on(self.commission, day, "commission")
        return [0] * len(nets) if row is None else parts_per_million(nets, row.percent)

    def carrier_cost(self, option: Option, rate: ExchangeRate, day: date) -> int:
        """What the carrier charges for an option, page minor units; 0 where nothing is charged with the order.

        Raises ``Refusal`` (SVC_ORDER_CREATE_FAILED) where the method has rows and none holds on ``day``.
        """
        if option.method.charging is not Charging.AT_CHECKOUT:
            return 0
        code = option.method.code
        row = _row_on(self.carrier_costs.get(code, ()), day, f"carrier_costs.{code}")
        if row is None:
            return option.freight
        if row.tariff is not None:
            return sum([rate.convert(row.tariff.fee(shipment.chargeable_g)) for shipment in option.shipments])
        return half_up(option.freight * (row.percent or 0), _WHOLE)


def _row_on(rows: Sequence[Row], day: date, where: str) -> Row | None:
    row = row_on(rows, day)
    if row is None and rows:
        message = f"profile.settlement.{where} has no row for {day}, so nothing can be booked; add one"
        raise refuse(Code.SVC_ORDER_CREATE_FAILED, message)
    return row


def _until(row: Dated) -> str:
    return f" to {row.effective_to}" if row.effective_to else ""
