"""What a presale makes of its order, stage by stage, on paper: nothing is written here.

The deposit confirms the order and hands nothing over: extensions at ``after`` are asked when the balance is paid, of
the order as it then is. What others learn before that are the events of this file.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from orderpage.accounting.ledger import entries_of
from orderpage.domain.discount import uses_of
from orderpage.domain.order import BalancePaid, Event, Order, OrderLine, OrderState, first_attempt
from orderpage.domain.page import Page
from orderpage.domain.scenario import Cell
from orderpage.domain.stage import OrderStage, StageState, Staging
from orderpage.domain.usage import UseUp
from orderpage.drafting import Draft
from orderpage.ports import PresaleEnd
from orderpage.presale.ledger import balance_entries, deposit_entries, ending_entries
from orderpage.pricing.ending import Default, Ending, ending_of

DEPOSIT_PAID, ENDED, REFUND_DUE, SERVICE_CLOSED = (
    "presale.deposit_paid", "presale.ended", "refund.due", "service_order.closed",
)  # fmt: skip
"""Topics of the host's own events. ``refund.due``: money of a held payment that is to go back to the buyer."""


def staging_of(page: Page, cell: Cell) -> Staging | None:
    """How the order of an orderable page is paid; None: at once."""
    if not page.staged:
        return None
    deposit, balance = page.schedule
    return Staging(
        cell=cell,
        language=page.view.language,
        stages=(OrderStage(due=deposit), OrderStage(due=balance)),
    )


def in_stages(draft: Draft, staging: Staging) -> Draft:
    """The order with only its deposit to be paid now. It uses up what its discounts do; what extensions say of the
    order, such as a relief of its tax, is used with the balance, when they are asked again.
    """
    order = replace(draft.order, staging=staging)
    entries = deposit_entries(order.buyer_id, staging.first.due.amount)
    return replace(draft, order=order, ledger=entries, uses=uses_of(order.given))


def deposit_events(order: Order, staging: Staging) -> tuple[Event, ...]:
    """Told once the deposit is held."""
    balance = staging.balance.due
    payload = _about(order) | {
        "deposit": staging.deposit,
        "paid": staging.first.due.amount,
        "balance_estimate": balance.amount,
        "opens_at": balance.opens_at.isoformat() if balance.opens_at else "",
        "due_at": balance.due_at.isoformat() if balance.due_at else "",
    }
    return (Event(DEPOSIT_PAID, order.order_id, payload),)


def balance_paid(bought: Order, page: Page, draft: Draft) -> BalancePaid:
    """The order once the balance that ``page`` shows is paid; ``after`` adds events. Its goods stay as bought, but for
    discounts that went with a method.
    """
    staging = staged(bought)
    due = page.schedule[1]
    paid = staging.moved(StageState.PAID, StageState.PAID)
    stages = (paid.first, OrderStage(due=due, state=StageState.PAID))
    order = replace(
        draft.order,
        state=OrderState.CONFIRMED,
        checkout_id=bought.checkout_id,
        stack=bought.stack,
        lines=tuple([_line(line, drafted) for line, drafted in zip(bought.lines, draft.order.lines, strict=True)]),
        staging=replace(paid, stages=stages),
        refund_policy=bought.refund_policy,
    )
    ledger = balance_entries(entries_of(order), bought.buyer_id, staging.first.due.amount)
    events = _refund(order, -due.amount, "PAID_MORE_THAN_DUE") if due.amount < 0 else ()
    before, now = uses_of(bought.given), uses_of(order.given)
    uses = _other_than(before, draft.uses)
    return BalancePaid(order=order, ledger=ledger, events=events, uses=uses, unused=_other_than(now, before))


def _other_than(known: Iterable[UseUp], uses: Iterable[UseUp]) -> tuple[UseUp, ...]:
    names = {use.name for use in known}
    return tuple([use for use in uses if use.name not in names])


def presale_end(order: Order, default: Default) -> PresaleEnd:
    """The end of a presale whose deposit was paid and whose balance never will be."""
    staging = staged(order)
    ending = ending_of(default, staging.deposit, staging.first.due.amount)
    state = StageState.FORFEITED if default is Default.BUYER else StageState.RETURNED
    ended = replace(order, state=OrderState.CLOSED, staging=staging.moved(state, StageState.CLOSED))
    events = (
        Event(ENDED, order.order_id, _about(order) | _said(ending, state)),
        *(_closed(order, service.service_order_id) for service in order.service_orders),
        *_refund(order, ending.refund, ending.default.value),
    )
    return PresaleEnd(
        order=ended, ledger=ending_entries(ending, order.buyer_id, _deposits(order, staging)), events=events
    )


def staged(order: Order) -> Staging:
    """How the order is paid. Raises ``LookupError`` of one that is paid at once."""
    if order.staging is None:
        raise LookupError(f"order {order.order_id} is not paid in stages")
    return order.staging


def _line(bought: OrderLine, drafted: OrderLine) -> OrderLine:
    """A line as bought; of one that costs something else now, the commission is that of its net."""
    return bought if bought.net == drafted.net else replace(bought, net=drafted.net, commission=drafted.commission)


def _deposits(order: Order, staging: Staging) -> dict[str, int]:
    """By shop: only goods in presale have one."""
    shop_of = {line.line_id: line.shop_id for line in order.lines}
    found: dict[str, int] = {}
    for line_id, amount in staging.first.due.deposits:
        found[shop_of[line_id]] = found.get(shop_of[line_id], 0) + amount
    return found


def _about(order: Order) -> dict[str, str | int]:
    return {
        "order_id": order.order_id,
        "buyer_id": order.buyer_id,
        "site": order.site,
        "currency": order.currency.code,
        "exponent": order.currency.exponent,
    }


def _said(ending: Ending, state: StageState) -> dict[str, str | int]:
    amounts = {"refund": ending.refund, "kept": ending.kept, "penalty": ending.penalty}
    return {"default": ending.default.value, "deposit_state": state.value} | amounts


def _closed(order: Order, service_order_id: str) -> Event:
    return Event(SERVICE_CLOSED, order.order_id, _about(order) | {"service_order_id": service_order_id})


def _refund(order: Order, amount: int, cause: str) -> tuple[Event, ...]:
    """Of what the deposit's attempt took."""
    if not amount:
        return ()
    payload = _about(order) | {"amount": amount, "attempt_id": first_attempt(order.order_id), "cause": cause}
    return (Event(REFUND_DUE, order.order_id, payload),)
