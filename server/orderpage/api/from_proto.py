"""From the wire to domain values. Everything a client can get wrong by itself is refused here, all at once.

Field paths are those of ``PageRequest`` ("cart.lines[3].quantity"), or of the request for what stands outside it.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from crossborder.checkout.v1 import common_pb2, order_page_pb2, order_pb2, request_pb2
from orderpage.api.fields import ID, Fields, plain, shown
from orderpage.domain.address import Address, Delivery
from orderpage.domain.coupon import MOST_COUPONS
from orderpage.domain.page import WantedLine
from orderpage.domain.problem import Code, refuse
from orderpage.domain.scenario import MOST_LINES
from orderpage.presale.balances import StagePayment
from orderpage.request import RenderRequest
from orderpage.submit import SubmitRequest

"""Lines that are read at all; a site's profile may take fewer."""

MAX_QUANTITY = 999
MAX_STREET = 5
MAX_TOKEN = 65_536
MAX_COUPON = 160

_COUNTRY = re.compile(r"[A-Z]{2}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DELIVERY = {
    common_pb2.DELIVERY_UNSPECIFIED: Delivery.HOME,
    common_pb2.DELIVERY_HOME: Delivery.HOME,
    common_pb2.DELIVERY_PICKUP_POINT: Delivery.PICKUP_POINT,
}


def render_request(message: order_page_pb2.RenderRequest) -> RenderRequest:
    """What Render is asked for. Raises ``Refusal`` (REQUEST_INVALID with each field, CART_TOO_LARGE)."""
    fields = Fields()
    selections = _selections(fields, message.selections)
    prior = fields.text("prior_quote_token", message.prior_quote_token, limit=MAX_TOKEN)
    page = _page(fields, message.page, selections, prior, message.explain)
    fields.refuse()
    return replace(page, explain_amounts=True) if message.explain_amounts else page


def submit_request(message: order_page_pb2.SubmitRequest) -> SubmitRequest:
    """What Submit is asked for. Raises ``Refusal`` (REQUEST_INVALID with each field, CART_TOO_LARGE)."""
    fields = Fields()
    request = SubmitRequest(
        request_id=_request_id(fields, message.request_id),
        quote_token=fields.required("quote_token", message.quote_token, limit=MAX_TOKEN),
        validate_only=message.validate_only,
        payment_method=fields.required("payment_method", message.payment_method),
        page=_page(fields, message.page, {}, "", False),
    )
    if request.page.order_id:
        fields.wrong("page.order_stage", "is not ordered but paid; call PayStage")
    fields.refuse()
    return request


def stage_payment(message: order_pb2.PayStageRequest) -> StagePayment:
    """What PayStage is asked for. Raises ``Refusal`` (REQUEST_INVALID with each field)."""
    fields = Fields()
    request = StagePayment(
        request_id=_request_id(fields, message.request_id),
        quote_token=fields.required("quote_token", message.quote_token, limit=MAX_TOKEN),
        payment_method=fields.required("payment_method", message.payment_method),
    )
    fields.refuse()
    return request


def order_id(message: order_pb2.GetOrderRequest) -> str:
    """Which order GetOrder is asked for. Raises ``Refusal`` (REQUEST_INVALID)."""
    fields = Fields()
    wanted = fields.required("order_id", message.order_id)
    fields.refuse()
    return wanted


def _request_id(fields: Fields, sent: str) -> str:
    request_id = sent.lower()
    if not _UUID.fullmatch(request_id):
        fields.wrong("request_id", f"is {shown(sent)}; send a UUID, the same one when you retry (AIP-155)")
    return request_id


def _page(
    fields: Fields, page: request_pb2.PageRequest, selections: Mapping[str, str], prior: str, explain: bool
) -> RenderRequest:
    return RenderRequest(
        site=fields.required("site", page.site),
        business=fields.required("business", page.business),
        client=fields.required("client", page.client),
        client_version=fields.text("client_version", page.client_version, limit=ID),
        language=fields.text("language", page.language, limit=ID),
        lines=_lines(fields, page),
        address=_address(fields, page.address) if page.HasField("address") else None,
        selections=selections,
        prior_quote_token=prior,
        explain=explain,
        coupons=_coupons(fields, page.coupons) if page.coupons else (),
        order_id=_order_stage(fields, page) if page.WhichOneof("subject") == "order_stage" else "",
    )


def _order_stage(fields: Fields, page: request_pb2.PageRequest) -> str:
    """The order whose balance is asked for: no other stage is paid by itself."""
    if page.order_stage.stage != common_pb2.STAGE_BALANCE:
        fields.wrong("order_stage.stage", "is none that is paid by itself; send STAGE_BALANCE")
    if page.HasField("address"):
        fields.wrong("address", "is that of the order; leave it out")
    return fields.required("order_stage.order_id", page.order_stage.order_id)


def _coupons(fields: Fields, coupons: Sequence[str]) -> tuple[str, ...]:
    if len(coupons) > MOST_COUPONS:
        fields.wrong("coupons", f"has {len(coupons)} entries, at most {MOST_COUPONS} are taken")
        return ()
    for index, coupon in enumerate(coupons):
        fields.required(f"coupons[{index}]", coupon, limit=MAX_COUPON)
        first = list(coupons).index(coupon)
        if first != index:
            fields.wrong(f"coupons[{index}]", f"is also coupons[{first}]; enter it once")
    return tuple(coupons)


def _lines(fields: Fields, page: request_pb2.PageRequest) -> tuple[WantedLine, ...]:
    if page.WhichOneof("subject") == "order_stage":
        return ()
    wanted = page.cart.lines
    if not wanted:
        fields.wrong("cart.lines", "is empty; send at least one line")
    if len(wanted) > MOST_LINES:
        message = f"{len(wanted)} lines; a page takes at most {MOST_LINES}, order the rest separately"
        raise refuse(Code.CART_TOO_LARGE, message, field="cart.lines", value=str(MOST_LINES))
    seen: dict[str, int] = {}
    return tuple(_line(fields, index, line, seen) for index, line in enumerate(wanted))


def _line(fields: Fields, index: int, line: request_pb2.CartLine, seen: dict[str, int]) -> WantedLine:
    line_id, sku_id, quantity = line.line_id, line.sku_id, line.quantity
    # The hot path: a path to the field is put together only where something may be wrong with it.
    if not plain(line_id):
        fields.required(f"cart.lines[{index}].line_id", line_id)
    if not plain(sku_id):
        fields.required(f"cart.lines[{index}].sku_id", sku_id)
    if not 1 <= quantity <= MAX_QUANTITY:
        what = f"is {quantity}; send 1 to {MAX_QUANTITY}"
        fields.wrong(f"cart.lines[{index}].quantity", what, line_id=line_id[:ID])
    first = seen.setdefault(line_id, index)
    if first != index and line_id:
        fields.wrong(f"cart.lines[{index}].line_id", f"{shown(line_id)} is also that of cart.lines[{first}]")
    return WantedLine(line_id, sku_id, quantity)


def _address(fields: Fields, address: common_pb2.Address) -> Address:
    if not _COUNTRY.fullmatch(address.country):
        fields.wrong("address.country", f"is {shown(address.country)}; send ISO 3166-1 alpha-2 in capitals, such as SG")
    if len(address.street) > MAX_STREET:
        fields.wrong("address.street", f"has {len(address.street)} lines, at most {MAX_STREET} are taken")
    street = tuple(
        fields.text(f"address.street[{index}]", line) for index, line in enumerate(address.street[:MAX_STREET])
    )
    return Address(
        country=address.country,
        subdivision=fields.text("address.subdivision", address.subdivision),
        city=fields.text("address.city", address.city),
        district=fields.text("address.district", address.district),
        postcode=fields.text("address.postcode", address.postcode, limit=ID),
        street=street,
        recipient=fields.text("address.recipient", address.recipient),
        phone=fields.text("address.phone", address.phone, limit=ID),
        delivery=_delivery(fields, address),
        pickup_point=address.pickup_point,
    )


def _delivery(fields: Fields, address: common_pb2.Address) -> Delivery:
    delivery = _DELIVERY.get(address.delivery)
    if delivery is None:
        fields.wrong("address.delivery", f"is {address.delivery}, which this server does not know")
        return Delivery.HOME
    if delivery is Delivery.PICKUP_POINT:
        fields.required("address.pickup_point", address.pickup_point)
    elif address.pickup_point:
        fields.wrong("address.pickup_point", "is given, but the delivery is to the door; send DELIVERY_PICKUP_POINT")
    return delivery


def _selections(fields: Fields, selections: Sequence[request_pb2.Selection]) -> dict[str, str]:
    if len(selections) > MOST_LINES:
        fields.wrong("selections", f"has {len(selections)} entries, at most {MOST_LINES} are taken")
        return {}
    chosen: dict[str, str] = {}
    for index, selection in enumerate(selections):
        parcel_id = fields.required(f"selections[{index}].parcel_id", selection.parcel_id)
        method = fields.required(f"selections[{index}].method", selection.method)
        if parcel_id in chosen:
            fields.wrong(f"selections[{index}].parcel_id", f"{shown(parcel_id)} is chosen for twice")
        chosen[parcel_id] = method
    return chosen
