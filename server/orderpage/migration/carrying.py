"""A quote of the legacy stack inside one of ours, so that the whole checkout stays with the stack that began it."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from crossborder.checkout.v1 import order_page_pb2, page_pb2
from orderpage.domain.money import Currency, ExchangeRate
from orderpage.domain.page import Totals
from orderpage.domain.shipping import parcel_name
from orderpage.quote import LEGACY, Quote
from orderpage.request import Identity, RenderRequest, content_of


def carried_quote(response: order_page_pb2.RenderResponse, request: RenderRequest, identity: Identity) -> Quote:
    """Our quote around legacy's: what its page promised, in our terms, so that our page can be made alike."""
    page = response.page
    return Quote(
        checkout_id=response.checkout_id,
        buyer_id=identity.buyer.buyer_id,
        stack=LEGACY,
        cell=identity.cell,
        content=content_of(request),
        plan_digest="",
        selections=selections_of(page),
        rate=_rate(page),
        priced_at=moment(page.priced_at),
        expires_at=moment(response.quote_expires_at),
        totals=totals_of(page.totals),
        carried=response.quote_token,
    )


def selections_of(page: page_pb2.Page) -> dict[str, str]:
    """Our parcel ids to the selected methods: the other stack may name its parcels otherwise."""
    return {
        parcel_name([(item.line_id, item.quantity) for item in parcel.items]): option.method
        for parcel in page.parcels
        for option in parcel.options
        if option.selected
    }


def moment(stamp: Timestamp) -> datetime:
    """In UTC; 1970 where it is absent."""
    return stamp.ToDatetime(UTC)


def _rate(page: page_pb2.Page) -> ExchangeRate:
    rate, currency = page.exchange_rate, page.currency
    base = Currency(rate.base.code, rate.base.exponent)
    return ExchangeRate(
        rate.rate_id, base, Currency(currency.code, currency.exponent), rate.numerator, rate.denominator
    )


def totals_of(totals: page_pb2.Totals) -> Totals:
    """Sums as our pages have them."""
    return Totals(
        goods=totals.goods,
        goods_discount=totals.goods_discount,
        freight=totals.freight,
        freight_discount=totals.freight_discount,
        fees=totals.fees,
        tax=totals.tax,
        border=totals.border_estimate,
        payable=totals.payable,
    )
