"""Confirmed orders of a day, written straight into a database: what settlement reads of them, and nothing else."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, insert

from orderpage.accounting.ledger import entries_of
from orderpage.adapters.sql.schema import ledger_entries, order_parcels, orders
from orderpage.adapters.sql.statements import chunks
from orderpage.domain.address import Address
from orderpage.domain.discount import Adjustment, Funder, Lane, Target
from orderpage.domain.money import Currency, allocate
from orderpage.domain.order import Order, OrderLine, OrderParcel, OrderState, Portion, TaxShare
from orderpage.quote import NEW

SELLERS = 200
_SITES = (("HK", "HKD", "HK_DM_LAND"), ("SG", "SGD", "SG_DM_AIR"), ("SG", "SGD", "SG_CONSO_AIR"))
_DAY_US = 24 * 3600 * 1_000_000


def write_day(connection: Connection, day: date, many: int) -> None:
    """``many`` orders, spread over the day, of ``SELLERS`` sellers in turn: two of them an order."""
    shapes = [_shape(number) for number in range(SELLERS)]
    begin = datetime.combine(day, time(), UTC)
    for numbers in chunks(range(many)):
        rows: dict[str, list[dict[str, Any]]] = {"orders": [], "parcels": [], "entries": []}
        for number in numbers:
            at = begin + timedelta(microseconds=_DAY_US * number // many)
            _add(rows, shapes[number % SELLERS], f"{day}-{number}", at)
        connection.execute(insert(orders), rows["orders"])
        connection.execute(insert(order_parcels), rows["parcels"])
        connection.execute(insert(ledger_entries), rows["entries"])


class Shape(msgspec.Struct, frozen=True):
    """The rows of an order, but for what makes it one of many."""

    order: Mapping[str, Any]
    parcel: Mapping[str, Any]
    entries: tuple[Mapping[str, Any], ...]


def _add(rows: dict[str, list[dict[str, Any]]], shape: Shape, order_id: str, at: datetime) -> None:
    moments = {"checkout_id": order_id, "created_at": at, "confirmed_at": at}
    rows["orders"].append({**shape.order, **moments, "order_id": order_id})
    rows["parcels"].append({**shape.parcel, "order_id": order_id})
    rows["entries"] += [{**entry, "order_id": order_id} for entry in shape.entries]


def _shape(number: int) -> Shape:
    order = _order(number)
    (parcel,) = order.parcels
    kept = [name for name in Order.__struct_fields__ if name in orders.c]
    entries = entries_of(order)
    return Shape(
        order={name: getattr(order, name) for name in kept}
        | {"currency_code": order.currency.code, "currency_exponent": order.currency.exponent}
        | {"events": (), "reserved": ()},
        parcel={name: getattr(parcel, name) for name in OrderParcel.__struct_fields__}
        | {"position": 0, "net": parcel.net},
        entries=tuple([msgspec.structs.asdict(entry) | {"seq": seq} for seq, entry in enumerate(entries)]),
    )


def _order(number: int) -> Order:
    """Two lines of two sellers by one parcel; freight and goods are reduced, and in Singapore there is tax."""
    site, currency, method = _SITES[number % len(_SITES)]
    lines = tuple(_lines(number))
    nets = [line.net for line in lines]
    tax = sum(nets) * 9 // 100 if site == "SG" else 0
    parcel = OrderParcel(
        parcel_id="p-1",
        method=method,
        contents=tuple([(line.line_id, 1) for line in lines]),
        freight=1500,
        discount=-1000,
        fees=80,
        tax=tax,
        earliest="",
        latest="",
        carrier="OFFICIAL",
        cost=1320,
        portions=tuple(_portions(lines, nets, tax)),
    )
    goods, discount = sum([line.amount for line in lines]), -sum([line.amount - line.net for line in lines])
    return Order(
        order_id="",
        checkout_id="",
        buyer_id=f"b-{number}",
        site=site,
        stack=NEW,
        plan_digest="bench",
        state=OrderState.CONFIRMED,
        currency=Currency(currency, 2),
        goods=goods,
        discount=discount - 1000,
        freight=1500,
        fees=80,
        tax=tax,
        payable=goods + discount + 500 + 80 + tax,
        address=Address(country=site),
        lines=lines,
        parcels=(parcel,),
        service_orders=(),
        attributes=(),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        adjustments=tuple(_discounts(lines)),
    )


def _lines(number: int) -> Iterator[OrderLine]:
    for place, (amount, off) in enumerate(((12_900 + 7 * number, 1469), (8_900 + 3 * number, 1013))):
        net = amount - off
        yield OrderLine(
            line_id=str(place),
            sku_id=f"sku-{place}",
            shop_id=f"s-{(number + 7 * place) % SELLERS:03}",
            name="",
            quantity=1,
            unit_amount=amount,
            amount=amount,
            net=net,
            version=1,
            commission=net // 20,
        )


def _portions(lines: tuple[OrderLine, ...], nets: list[int], tax: int) -> Iterator[Portion]:
    shares = [allocate(amount, nets) for amount in (1500, 80, tax)]
    for line, freight, fees, taxed in zip(lines, *shares, strict=True):
        taxes = (TaxShare("SG_GST", taxed),) if taxed else ()
        yield Portion(line_id=line.line_id, quantity=1, net=line.net, freight=freight, fees=fees, taxes=taxes)


def _discounts(lines: tuple[OrderLine, ...]) -> Iterator[Adjustment]:
    off = tuple([(line.line_id, line.net - line.amount) for line in lines])
    whole = sum([part for _, part in off])
    yield Adjustment(
        code="COUPON", name={}, target=Target.GOODS, shares=((Funder.SELLER, whole),), amount=whole, parts=off
    )
    yield Adjustment(
        code="INSTANT",
        name={},
        target=Target.FREIGHT,
        shares=((Funder.PLATFORM, -700), (Funder.SELLER, -300)),
        amount=-1000,
        parts=(("p-1", -1000),),
        lane=Lane.FREIGHT,
    )
