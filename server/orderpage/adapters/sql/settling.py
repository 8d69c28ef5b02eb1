"""Settlement in SQL: a day's entries summed where they are, so that nothing here grows with the number of orders."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    RowMapping,
    Select,
    and_,
    case,
    func,
    insert,
    select,
    tuple_,
)

from orderpage.adapters.sql.schema import (
    ledger_entries,
    order_parcels,
    orders,
    settlement_days,
    settlement_statements,
)
from orderpage.adapters.sql.statements import chunks, insert_new
from orderpage.domain.money import Currency
from orderpage.domain.order import EntryKind, OrderState
from orderpage.domain.settlement import AMOUNTS, Account, LogisticsPnl, MethodPnl, Statement, day_bounds

_ENTRY, _ORDER, _PARCEL, _STORED = ledger_entries.c, orders.c, order_parcels.c, settlement_statements.c
_WITH_ORDER = ledger_entries.join(orders, _ENTRY.order_id == _ORDER.order_id)
_CONFIRMED = _ORDER.state == OrderState.CONFIRMED.value
_GIVEN = (EntryKind.FREIGHT_DISCOUNT, EntryKind.CARRIAGE_BORNE)
"""What others than the buyer pay of the list freight."""
_CARRIED = (EntryKind.FREIGHT, EntryKind.CARRIER_COST, *_GIVEN)
_SHOP = "shop:"
_GRACE = timedelta(minutes=5)
"""After a day's end: an order of its last seconds may be written a little later, or by a clock that is behind."""


Bounds = tuple[datetime, datetime]
"""From, and until before."""


class OutOfTurn(Exception):
    """A day that cannot be settled now. The message says why, and what to do."""


def statements_of(connection: Connection, day: date, zone: ZoneInfo) -> list[Statement]:
    """What each seller is owed that moved on the day, by seller, site and currency; openings from the days before."""
    sums = connection.execute(_sums(*day_bounds(day, zone)))
    found: list[Statement] = []
    for moved in chunks(_moved(sums)):
        openings = _openings(connection, [account for account, _ in moved], day)
        found += [Statement.of(day, account, openings.get(account, 0), kinds) for account, kinds in moved]
    return found


def stored_statements(connection: Connection, day: date, zone: ZoneInfo) -> list[Statement] | None:
    """Those of a day that was settled; None for another. Raises ``OutOfTurn`` where it was another time zone's day."""
    row = connection.execute(select(settlement_days).where(settlement_days.c.day == day)).first()
    if row is None:
        return None
    _check_zone(row.day, row.timezone, zone)
    order = (_STORED.seller, _STORED.site, _STORED.currency_code)
    rows = connection.execute(select(settlement_statements).where(_STORED.day == day).order_by(*order))
    return [_statement(each) for each in rows.mappings()]


def check_turn(connection: Connection, day: date, zone: ZoneInfo, now: datetime) -> None:
    """Raises ``OutOfTurn`` for a day that is not over, of another time zone, or with an earlier one to settle first."""
    begin, end = day_bounds(day, zone)
    if end + _GRACE > now:
        from_then = (end + _GRACE).isoformat(timespec="minutes")
        raise OutOfTurn(f"{day} is not over in {zone.key}; settle it from {from_then} on")
    last = _last_day(connection)
    since = None
    if last is not None:
        _check_zone(last.day, last.timezone, zone)
        if day < last.day:
            raise OutOfTurn(
                f"{last.day} was settled when {day} had nothing to settle: days go in order, so it cannot be now"
            )
        since = day_bounds(last.day, zone)[1]
    waiting = connection.execute(_first_unsettled(since, begin)).scalar()
    if waiting is not None:
        first = waiting.astimezone(zone).date()
        raise OutOfTurn(f"{first} has entries and was not settled; run `orderpage settle --date {first}` first")


def unsettled_since(connection: Connection, now: datetime) -> datetime | None:
    """When the oldest thing was confirmed or posted that no settled day has; None where nothing was ever settled."""
    last = _last_day(connection)
    if last is None:
        return None
    moment: datetime | None = connection.execute(
        _first_unsettled(day_bounds(last.day, ZoneInfo(last.timezone))[1], now)
    ).scalar()
    return moment


def _last_day(connection: Connection) -> Row[Any] | None:
    return connection.execute(select(settlement_days).order_by(settlement_days.c.day.desc()).limit(1)).first()


def _check_zone(day: date, settled_in: str, zone: ZoneInfo) -> None:
    if settled_in != zone.key:
        raise OutOfTurn(
            f"{day} was settled in {settled_in}, not {zone.key}: orders would be counted twice, or never; "
            f"set ORDERPAGE_SETTLEMENT_TIMEZONE={settled_in}"
        )


def store(connection: Connection, day: date, zone: ZoneInfo, statements: Sequence[Statement], now: datetime) -> bool:
    """Keep a day's statements; False where another run has settled the day meanwhile, and nothing was written."""
    if not insert_new(connection, settlement_days, ("day",), {"day": day, "timezone": zone.key, "settled_at": now}):
        return False
    for some in chunks(statements):
        connection.execute(insert(settlement_statements), [_row(statement) for statement in some])
    return True


def pnl_of(connection: Connection, day: date, zone: ZoneInfo) -> list[MethodPnl]:
    """What carriage earned or cost on the day, by site, currency and method, from sums."""
    bounds = day_bounds(day, zone)
    goods = {row[:4]: (int(row.net), int(row.parcels)) for row in connection.execute(_carried_goods(*bounds))}
    sums: dict[tuple[Any, ...], dict[tuple[str, str], int]] = {key: {} for key in goods}
    for row in connection.execute(_carriage(*bounds)):
        sums.setdefault(row[:4], {})[row.kind, row.payer] = int(row.amount)
    return [_method_pnl(key, each, *goods.get(key, (0, 0))) for key, each in sorted(sums.items())]


def _method_pnl(key: tuple[Any, ...], sums: Mapping[tuple[str, str], int], gmv: int, parcels: int) -> MethodPnl:
    site, currency, exponent, method = key
    listed = sums.get((EntryKind.FREIGHT, "platform"), 0)
    gave = {who: -sum([sums.get((kind, who), 0) for kind in _GIVEN]) for who in ("seller", "platform", "carrier")}
    pnl = LogisticsPnl(
        list_freight=listed,
        buyer=listed - sum(gave.values()),
        cost=sums.get((EntryKind.CARRIER_COST, "carrier"), 0),
        gmv=gmv,
        parcels=parcels,
        **gave,
    )
    return MethodPnl(site, method, Currency(currency, exponent), pnl)


def _summed(
    columns: Sequence[ColumnElement[Any]], where: ColumnElement[bool], bounds: Bounds, joined: FromClause
) -> Any:
    """The entries that count between two moments: with their order's confirmation, or when posted by themselves later.

    Each by its own index, then together.
    """
    begin, end = bounds
    confirmed = and_(_CONFIRMED, _ENTRY.posted_at.is_(None), _ORDER.confirmed_at >= begin, _ORDER.confirmed_at < end)
    posted = and_(_ENTRY.posted_at >= begin, _ENTRY.posted_at < end)
    parts = [
        select(*columns, func.sum(_ENTRY.amount).label("amount"))
        .select_from(joined)
        .where(where, when)
        .group_by(*columns)
        for when in (confirmed, posted)
    ]
    both = parts[0].union_all(parts[1]).subquery()
    by = [column for column in both.c if column.name != "amount"]
    return select(*by, func.sum(both.c.amount).label("amount")).group_by(*by).order_by(*by)


def _sums(begin: datetime, end: datetime) -> Any:
    """Of sellers' entries, by account and kind, in the accounts' order."""
    columns = (_ENTRY.account, _ORDER.site, _ORDER.currency_code, _ORDER.currency_exponent, _ENTRY.kind)
    return _summed(columns, _ENTRY.account.startswith(_SHOP), (begin, end), _WITH_ORDER)


def _carriage(begin: datetime, end: datetime) -> Any:
    """Entries on carriage, by method, kind, and who pays or is paid."""
    starts = _ENTRY.account.startswith
    payer = case((starts(_SHOP), "seller"), (starts("carrier:"), "carrier"), else_="platform").label("payer")
    by = (_ORDER.site, _ORDER.currency_code, _ORDER.currency_exponent, _PARCEL.method, _ENTRY.kind, payer)
    parcel = and_(_PARCEL.order_id == _ENTRY.order_id, _PARCEL.parcel_id == _ENTRY.subject)
    kinds = _ENTRY.kind.in_([kind.value for kind in _CARRIED])
    return _summed(by, kinds, (begin, end), _WITH_ORDER.join(order_parcels, parcel))


def _carried_goods(begin: datetime, end: datetime) -> Select[Any]:
    by = (_ORDER.site, _ORDER.currency_code, _ORDER.currency_exponent, _PARCEL.method)
    return (
        select(*by, func.sum(_PARCEL.net).label("net"), func.count().label("parcels"))
        .select_from(order_parcels.join(orders, _PARCEL.order_id == _ORDER.order_id))
        .where(_CONFIRMED, _ORDER.confirmed_at >= begin, _ORDER.confirmed_at < end)
        .where(_PARCEL.carrier != "")  # of older parcels it is not known what they cost
        .group_by(*by)
    )


def _moved(sums: Any) -> Iterator[tuple[Account, dict[EntryKind, int]]]:
    for (account, *rest), rows in groupby(sums, key=lambda row: tuple(row[:4])):
        yield Account(account.removeprefix(_SHOP), *rest), {EntryKind(row[4]): int(row[5]) for row in rows}


def _openings(connection: Connection, accounts: Sequence[Account], day: date) -> dict[Account, int]:
    """The closing of each account's latest statement before the day."""
    keys = [(account.seller, account.site, account.currency) for account in accounts]
    by = (_STORED.seller, _STORED.site, _STORED.currency_code)
    latest = (
        select(*by, func.max(_STORED.day).label("day"))
        .where(_STORED.day < day, tuple_(*by).in_(keys))
        .group_by(*by)
        .subquery()
    )
    same = and_(*(_STORED[name] == latest.c[name] for name in ("seller", "site", "currency_code", "day")))
    rows = connection.execute(select(*by, _STORED.currency_exponent, _STORED.closing).join(latest, same))
    return {Account(*row[:4]): int(row[4]) for row in rows}


def _first_unsettled(since: datetime | None, until: datetime) -> Select[Any]:
    """When the first thing was confirmed or posted that no settled day has. A day may have only entries of later:
    presales that ended, refunds.
    """
    found = []
    for moment, counts in ((_ORDER.confirmed_at, _CONFIRMED), (_ENTRY.posted_at, _ENTRY.posted_at.is_not(None))):
        waiting = select(func.min(moment).label("moment")).where(counts, moment < until)
        found.append(waiting if since is None else waiting.where(moment >= since))
    both = found[0].union_all(found[1]).subquery()
    return select(func.min(both.c.moment))


def _row(statement: Statement) -> dict[str, Any]:
    account = statement.account
    return {
        "day": statement.day,
        "seller": account.seller,
        "site": account.site,
        "currency_code": account.currency,
        "currency_exponent": account.exponent,
        **{name: getattr(statement, name) for name in AMOUNTS},
    }


def _statement(row: RowMapping) -> Statement:
    account = Account(row["seller"], row["site"], row["currency_code"], row["currency_exponent"])
    return Statement(day=row["day"], account=account, **{name: row[name] for name in AMOUNTS})
