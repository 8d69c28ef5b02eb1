"""What is paid when: a whole order at once, or a presale's deposit and then its balance (domain rules, section 5)."""

from datetime import datetime
from enum import StrEnum

import msgspec

from orderpage.domain.scenario import Cell


class Stage(StrEnum):
    """Which payment of an order."""

    FULL = "FULL"
    DEPOSIT = "DEPOSIT"
    BALANCE = "BALANCE"


class PayTerms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """At which stage of a presale freight (with its fees) and tax are paid, and the service orders that stand for
    them; ``prepaid``: goods in presale are paid at once like any other. The first terms that are said at ``pay`` stand.
    """

    freight: Stage = Stage.BALANCE
    tax: Stage = Stage.BALANCE
    prepaid: bool = False

    def __post_init__(self) -> None:
        for name in ("freight", "tax"):
            if getattr(self, name) is Stage.FULL:
                raise ValueError(f"{name} is paid with the DEPOSIT or with the BALANCE; FULL is `prepaid: true`")

    def __str__(self) -> str:
        return "prepaid" if self.prepaid else f"freight at {self.freight}, tax at {self.tax}"


class StageDue(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One payment: what it takes of goods, freight and tax after discounts, in the page's minor units.

    It can be paid from ``opens_at`` (None: at once) until just before ``due_at`` (None: with Submit). ``deposits`` are
    what each line in presale pays of the goods of a DEPOSIT.
    """

    stage: Stage
    goods: int
    freight: int = 0
    fees: int = 0
    tax: int = 0
    opens_at: datetime | None = None
    due_at: datetime | None = None
    deposits: tuple[tuple[str, int], ...] = ()

    @property
    def amount(self) -> int:
        """What is paid."""
        return self.goods + self.freight + self.fees + self.tax


class StageState(StrEnum):
    """Where a stage stands. DUE until it is PAID; CLOSED when it never will be. A paid deposit that its order ended
    with is FORFEITED to the seller, or was RETURNED.
    """

    DUE = "DUE"
    PAID = "PAID"
    FORFEITED = "FORFEITED"
    RETURNED = "RETURNED"
    CLOSED = "CLOSED"


class OrderStage(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of an order. That of a balance is an estimate until it is paid."""

    due: StageDue
    state: StageState = StageState.DUE


class Presold(StrEnum):
    """Where an order with a presale stands (domain rules, section 5.1, FRONT and FINAL).

    DEPOSIT_DUE, then BALANCE_DUE, then PAID; or FORFEITED, RETURNED or, before any deposit, CLOSED.
    """

    DEPOSIT_DUE = "DEPOSIT_DUE"
    BALANCE_DUE = "BALANCE_DUE"
    PAID = "PAID"
    FORFEITED = "FORFEITED"
    RETURNED = "RETURNED"
    CLOSED = "CLOSED"


class Staging(msgspec.Struct, frozen=True, kw_only=True):
    """How an order is paid in stages, and the scenario and language that it was bought in."""

    cell: Cell
    language: str
    stages: tuple[OrderStage, OrderStage]

    @property
    def first(self) -> OrderStage:
        """The deposit."""
        return self.stages[0]

    @property
    def deposit(self) -> int:
        """What of the first stage is a deposit in the eyes of the law: what it takes of the goods."""
        return self.first.due.goods

    @property
    def balance(self) -> OrderStage:
        """The balance."""
        return self.stages[1]

    @property
    def presold(self) -> Presold:
        """Where the order stands."""
        match self.first.state, self.balance.state:
            case StageState.DUE, _:
                return Presold.DEPOSIT_DUE
            case StageState.PAID, StageState.PAID:
                return Presold.PAID
            case StageState.PAID, _:
                return Presold.BALANCE_DUE
            case state, _:
                return Presold(state.value)

    def moved(self, first: StageState, balance: StageState) -> "Staging":
        """The same with its stages in other states."""
        stages = [
            msgspec.structs.replace(stage, state=state)
            for stage, state in zip(self.stages, (first, balance), strict=True)
        ]
        return msgspec.structs.replace(self, stages=(stages[0], stages[1]))
