"""From an order and its payment to the wire."""

from datetime import date

from crossborder.checkout.v1 import order_page_pb2, order_pb2
from orderpage.api.to_proto import fill_stage
from orderpage.api.wire_values import fill_address, fill_problem, fill_window
from orderpage.domain.order import (
    Order,
    OrderLine,
    OrderParcel,
    OrderState,
    Payment,
    PaymentState,
    PlacedOrder,
    ServiceKind,
    ServiceOrder,
    ServiceOrderType,
)
from orderpage.domain.problem import Code, Problem
from orderpage.domain.shipment import ShipmentState
from orderpage.domain.stage import OrderStage, Stage, StageState

STATE = {state: order_pb2.OrderState.Value(f"ORDER_STATE_{state}") for state in OrderState}
SERVICE_KIND = {kind: order_pb2.ServiceKind.Value(f"SERVICE_KIND_{kind}") for kind in ServiceKind}
SERVICE_TYPE = {kind: order_pb2.ServiceOrderType.Value(f"SERVICE_ORDER_TYPE_{kind.name}") for kind in ServiceOrderType}
PAYMENT_STATE = {
    # The provider was not heard from: to the buyer that is the same wait.
    PaymentState.STARTED: order_pb2.PAYMENT_STATE_PENDING,
    PaymentState.PENDING: order_pb2.PAYMENT_STATE_PENDING,
    PaymentState.ACTION_REQUIRED: order_pb2.PAYMENT_STATE_ACTION_REQUIRED,
    PaymentState.HELD: order_pb2.PAYMENT_STATE_HELD,
    PaymentState.DECLINED: order_pb2.PAYMENT_STATE_DECLINED,
}

SHIPMENT_STATE = {state: order_pb2.ShipmentState.Value(f"SHIPMENT_STATE_{state}") for state in ShipmentState}

STAGE_STATE = {state: order_pb2.StageState.Value(f"STAGE_STATE_{state}") for state in StageState}

Answer = (
    order_page_pb2.SubmitResponse
    | order_page_pb2.OrderDuplicate
    | order_pb2.GetOrderResponse
    | order_pb2.PayStageResponse
)


def fill_placed(message: Answer, placed: PlacedOrder) -> None:
    """Write an order and its payment into any message that carries both."""
    fill_order(message.order, placed.order)
    _payment(message.payment, placed.payment)


def fill_shipments(message: order_pb2.GetOrderResponse, placed: PlacedOrder) -> None:
    """Write what became of its parcels: what a buyer may know of it."""
    for shipment in placed.shipments:
        message.shipments.add(
            parcel_id=shipment.parcel_id,
            carrier=shipment.carrier,
            state=SHIPMENT_STATE[shipment.state],
            tracking_number=shipment.tracking_number,
        ).update_time.FromDatetime(shipment.updated_at)


def fill_order(message: order_pb2.Order, order: Order) -> None:
    """Write an order."""
    message.order_id = order.order_id
    message.checkout_id = order.checkout_id
    message.site = order.site
    message.state = STATE[order.state]
    message.create_time.FromDatetime(order.created_at)
    message.currency.code = order.currency.code
    message.currency.exponent = order.currency.exponent
    message.goods = order.goods
    message.discount = order.discount
    message.freight = order.freight
    message.fees = order.fees
    message.tax = order.tax
    message.payable = order.payable
    fill_address(message.address, order.address)
    for line in order.lines:
        _line(message.lines.add(), line)
    for parcel in order.parcels:
        _parcel(message.parcels.add(), parcel)
    for service in order.service_orders:
        _service(message.service_orders.add(), service)
    if order.staging is not None:
        for stage in order.stages:
            _stage(message.stages.add(), stage, order)


def _line(message: order_pb2.OrderLine, line: OrderLine) -> None:
    message.line_id = line.line_id
    message.sku_id = line.sku_id
    message.shop_id = line.shop_id
    message.name = line.name
    message.quantity = line.quantity
    message.unit_amount = line.unit_amount
    message.amount = line.amount
    message.net_amount = line.net


def _parcel(message: order_pb2.OrderParcel, parcel: OrderParcel) -> None:
    message.parcel_id = parcel.parcel_id
    message.method = parcel.method
    for line_id, quantity in parcel.contents:
        message.items.add(line_id=line_id, quantity=quantity)
    message.freight = parcel.freight
    message.discount = parcel.discount
    message.fees = parcel.fees
    message.tax = parcel.tax
    message.later_estimate = parcel.later
    if parcel.earliest and parcel.latest:
        fill_window(message.arrival, date.fromisoformat(parcel.earliest), date.fromisoformat(parcel.latest))


def _service(message: order_pb2.ServiceOrder, service: ServiceOrder) -> None:
    message.service_order_id = service.service_order_id
    message.kind = SERVICE_KIND[service.kind]
    message.type = SERVICE_TYPE[service.type]
    message.parcel_id = service.parcel_id
    message.amount = service.amount
    message.estimate = service.estimate


def _stage(message: order_pb2.OrderPaymentStage, stage: OrderStage, order: Order) -> None:
    fill_stage(message.payment, stage.due)
    message.state = STAGE_STATE[stage.state]
    message.service_order_ids.extend(service.service_order_id for service in order.services_at(stage.due))


def _payment(message: order_pb2.PaymentOutcome, payment: Payment) -> None:
    message.state = PAYMENT_STATE[payment.state]
    message.method = payment.method
    message.amount = payment.amount
    if payment.state is PaymentState.ACTION_REQUIRED:
        message.next_action.uri = payment.next_action
    if payment.state is PaymentState.DECLINED:
        fill_problem(message.decline, _decline(payment))


def _decline(payment: Payment) -> Problem:
    # A provider's word that is no code of ours must not lose the buyer the answer.
    known = Code(payment.decline) if payment.decline in Code.__members__ else Code.PAY_DECLINED
    message = "the payment was declined and the order is closed; nothing was taken. Order again with another way to pay"
    if payment.stage is Stage.BALANCE:
        message = "the payment was declined; nothing was taken, and the balance is still due. Choose another way to pay"
    return Problem(code=known, message=message)
