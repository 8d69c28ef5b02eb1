"""Orders whose balance is asked for: which can be, where, and what of it."""

from orderpage.domain.order import Order
from orderpage.domain.page import WantedLine
from orderpage.domain.problem import Code, refuse
from orderpage.domain.stage import Presold


def wanted_lines(order: Order) -> tuple[WantedLine, ...]:
    """Its lines, as a cart would ask for them."""
    return tuple(WantedLine(line.line_id, line.sku_id, line.quantity) for line in order.lines)


def methods_of(order: Order | None) -> dict[str, str]:
    """How each of its parcels was to travel; nothing without an order."""
    return {parcel.parcel_id: parcel.method for parcel in order.parcels} if order is not None else {}


def refuse_unless_due(order: Order) -> None:
    """Raises ``Refusal`` for an order of which no balance is to be paid, and says why."""
    presold = order.staging.presold if order.staging is not None else None
    match presold:
        case Presold.BALANCE_DUE:
            return
        case None:
            message = f"order {order.order_id} is no presale: it is paid at once"
            raise refuse(Code.REQUEST_INVALID, message, field="order_stage.stage")
        case Presold.PAID:
            raise refuse(Code.STAGE_PAID, f"the balance of order {order.order_id} is paid", value=order.order_id)
        case Presold.DEPOSIT_DUE:
            message = f"the deposit of order {order.order_id} is not paid yet"
            raise refuse(Code.PAY_PENDING_CONFIRM, message, value=order.order_id)
    message = f"order {order.order_id} ended without its balance: its deposit is {presold.value.lower()}"
    raise refuse(Code.STAGE_OVER, message, value=order.order_id)


def refuse_elsewhere(order: Order, site: str, business: str) -> None:
    """Raises ``Refusal`` unless the order was bought on that site and through that entry."""
    bought = (order.staging.cell.site, order.staging.cell.business) if order.staging is not None else (site, business)
    for name, mine, asked in zip(("site", "business"), bought, (site, business), strict=True):
        if mine != asked:
            message = f"order {order.order_id} was bought on {name} {mine}, not {asked}"
            raise refuse(Code.REQUEST_INVALID, message, field=name, value=mine)
