"""Writing data files into the tables: what is new is added, what differs is changed, nothing is deleted.

Loading the same files again changes nothing: stock, which orders take from, is only set for new SKUs unless the
caller asks to restock. A SKU's version grows only when the SKU differs, because quotes made before a change are
refused by it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, bindparam, insert, select, update

from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.documents import BuyerEntry, Documents, RateEntry, SkuEntry, parse_documents
from orderpage.adapters.sql.generations import CATALOGUE, advance
from orderpage.adapters.sql.rates import read_rates
from orderpage.adapters.sql.revision import check_revision
from orderpage.adapters.sql.schema import buyers, exchange_rates, shops, skus, stock
from orderpage.adapters.sql.statements import chunks
from orderpage.adapters.sql.urls import shown
from orderpage.domain.money import CNY, ExchangeRate
from orderpage.engine.problems import PackageError, PackageErrors

Progress = Callable[[str, int, int], None]
"""Called with a table's name, entries done, and entries in all."""

_DOUBLE = 1_000_000
"""Parts per million of what the smaller of two rates is."""

Row = dict[str, Any]


class Counts(msgspec.Struct, frozen=True):
    """What loading did to one table."""

    added: int
    changed: int
    unchanged: int


def load(
    url: str,
    files: Iterable[tuple[str, str]],
    progress: Progress | None = None,
    *,
    restock: bool = False,
    any_rate: bool = False,
) -> Mapping[str, Counts]:
    """Load files, given as name and text, into a migrated database: all of them, or none.

    ``restock`` also sets the stock of SKUs that are there already; ``any_rate`` takes rates of exchange that are more
    than double, or less than half, of the ones before them, which are mistakes otherwise. Raises ``PackageErrors`` for
    mistakes in the files, ``SchemaMismatch`` for a database that was not migrated, and as ``run_command``.
    """
    documents = parse_documents(files)

    def work(connection: Connection) -> Mapping[str, Counts]:
        check_revision(connection, shown(url))
        return load_documents(connection, documents, progress, restock=restock, any_rate=any_rate)

    return run_command(url, work)


def load_documents(
    connection: Connection,
    documents: Documents,
    progress: Progress | None = None,
    *,
    restock: bool = False,
    any_rate: bool = False,
) -> Mapping[str, Counts]:
    """Write checked documents in the caller's transaction; counts by table name. Raises ``PackageErrors``."""
    tell = progress or _silent
    counts = {"shops": _merge(connection, shops, [msgspec.structs.asdict(shop) for shop in documents.shops], tell)}
    _check_shops(connection, documents)
    counts["skus"] = _merge(connection, skus, [_sku_row(sku) for sku in documents.skus], tell)
    if any(counts[table].added or counts[table].changed for table in ("shops", "skus")):
        advance(connection, CATALOGUE)
    counts["stock"] = _merge(connection, stock, _stock_rows(connection, documents.skus, restock), tell)
    counts["buyers"] = _merge(connection, buyers, _buyer_rows(connection, documents.buyers), tell)
    rates = [_rate_row(rate) for rate in documents.rates]
    _check_rates(connection, documents, rates)
    if not any_rate:
        _check_jumps(connection, documents)
    counts["exchange_rates"] = _merge(connection, exchange_rates, rates, tell)
    return counts


def _merge(connection: Connection, table: Table, rows: Sequence[Row], tell: Progress) -> Counts:
    """Insert or update ``rows`` (all of the same columns) by key; a version starts at one and grows with changes.

    In order of key, as orders lock the same rows, so that the two seldom deadlock.
    """
    versioned = "version" in table.c
    added = changed = done = 0
    for chunk in chunks(sorted(rows, key=lambda row: str(row[_key(table)]))):
        before = _existing(connection, table, [row[_key(table)] for row in chunk])
        new = [row | {"version": 1} if versioned else row for row in chunk if row[_key(table)] not in before]
        other = [row for row in chunk if row[_key(table)] in before and _differs(row, before[row[_key(table)]])]
        if new:
            connection.execute(insert(table), new)
        if other:
            _update(connection, table, other, versioned)
        added, changed, done = added + len(new), changed + len(other), done + len(chunk)
        tell(table.name, done, len(rows))
    return Counts(added, changed, done - added - changed)


def _update(connection: Connection, table: Table, rows: Sequence[Row], versioned: bool) -> None:
    key = _key(table)
    values: Row = {name: bindparam(name) for name in rows[0] if name != key}
    if versioned:
        values["version"] = table.c.version + 1
    statement = update(table).where(table.c[key] == bindparam("this_key")).values(**values)
    named = [{"this_key": row[key]} | {name: row[name] for name in row if name != key} for row in rows]
    connection.execute(statement, named)


def _existing(connection: Connection, table: Table, ids: Iterable[str], *, lock: bool = False) -> dict[str, Row]:
    key = table.c[_key(table)]
    found: dict[str, Row] = {}
    for chunk in chunks(sorted(ids)):
        rows = select(table).where(key.in_(chunk)).order_by(key)
        for row in connection.execute(rows.with_for_update() if lock else rows).mappings():
            found[row[_key(table)]] = dict(row)
    return found


def _key(table: Table) -> str:
    return table.primary_key.columns[0].name


def _differs(row: Row, before: Row) -> bool:
    return any(before[name] != value for name, value in row.items())


def _sku_row(entry: SkuEntry) -> Row:
    row = msgspec.structs.asdict(entry)
    for name in ("shop", "price", "sides_cm", "stock", "presale"):
        del row[name]
    length, width, height = entry.sides_cm
    sides = {"length_cm": length, "width_cm": width, "height_cm": height}
    named = {"shop_id": entry.shop, "unit_price": entry.unit_price, "goods_class": entry.goods_class.value}
    return row | sides | named | {"presale": entry.presales}


def _stock_rows(connection: Connection, entries: Sequence[SkuEntry], restock: bool) -> list[Row]:
    known = _existing(connection, stock, [entry.sku_id for entry in entries])
    return [
        {"sku_id": entry.sku_id, "available": entry.stock or 0}
        for entry in entries
        if entry.sku_id not in known or (restock and entry.stock is not None)
    ]


def _buyer_rows(connection: Connection, entries: Sequence[BuyerEntry]) -> list[Row]:
    # Locked, because an order that is confirmed meanwhile adds to the history that is written back here.
    before = _existing(connection, buyers, [entry.buyer_id for entry in entries], lock=True)
    rows = []
    for entry in entries:
        known = before.get(entry.buyer_id, {"crowd": None, "last_method": "", "orders_by_method": {}})
        stated = {name: value for name, value in msgspec.structs.asdict(entry).items() if value is not None}
        rows.append({name: stated.get(name, known.get(name)) for name in BuyerEntry.__struct_fields__})
    return rows


def _rate_row(entry: RateEntry) -> Row:
    return {
        "rate_id": entry.rate_id,
        "base_code": CNY.code,
        "base_exponent": CNY.exponent,
        "quote_code": entry.quote.code,
        "quote_exponent": entry.quote.exponent,
        "rate": entry.rate,
        "published_at": entry.published_at.astimezone(UTC),
    }


def _check_shops(connection: Connection, documents: Documents) -> None:
    known = _existing(connection, shops, dict.fromkeys(sku.shop for sku in documents.skus))
    mistakes = tuple(
        PackageError(
            *documents.shop_of[sku.sku_id], f"sku_id {sku.sku_id}: shop: no shop {sku.shop!r}; add it to shops"
        )
        for sku in documents.skus
        if sku.shop not in known
    )
    if mistakes:
        raise PackageErrors(mistakes)


def _check_rates(connection: Connection, documents: Documents, rows: Sequence[Row]) -> None:
    """A published rate is pinned by quotes, which are honoured to the cent: it never changes under its id."""
    before = _existing(connection, exchange_rates, [row["rate_id"] for row in rows])
    mistakes = tuple(
        PackageError(
            *documents.rate_of[row["rate_id"]],
            f"rate_id {row['rate_id']}: was published with other values; publish it under a new id",
        )
        for row in rows
        if row["rate_id"] in before and _differs(row, before[row["rate_id"]])
    )
    if mistakes:
        raise PackageErrors(mistakes)


def _check_jumps(connection: Connection, documents: Documents) -> None:
    """A rate that is a slip of the hand sells everything for nothing, or for nobody."""
    published, mistakes = read_rates(connection), []
    for entry in sorted(documents.rates, key=lambda each: each.published_at):
        rate = ExchangeRate.of(entry.rate_id, CNY, entry.quote, entry.rate)
        moments, rates = published.setdefault((CNY, entry.quote), ([], []))
        place = bisect_right(moments, entry.published_at)
        before = rates[place - 1] if place else rate
        if before.drifted(rate, _DOUBLE) or rate.drifted(before, _DOUBLE):
            far = f"is more than double or less than half of {before.rate_id} before it"
            message = f"rate_id {entry.rate_id}: {entry.rate} {far}; put it right, or load it with --any-rate"
            mistakes.append(PackageError(*documents.rate_of[entry.rate_id], message))
        moments.insert(place, entry.published_at)
        rates.insert(place, rate)
    if mistakes:
        raise PackageErrors(tuple(mistakes))


def _silent(_table: str, _done: int, _all: int) -> None:
    """Progress that nobody watches."""
