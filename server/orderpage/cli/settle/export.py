"""Statements and P&L as rows of plain values, and rows as files: CSV, or Parquet where pyarrow is installed."""

import csv
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from orderpage.cli.failures import UserMistake
from orderpage.domain.settlement import AMOUNTS, MethodPnl, Statement

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, object]


class Sheet(NamedTuple):
    """Rows of plain values. Columns of ``numbers`` are whole: amounts in minor units of the row's currency, which has
    ``exponent`` decimals, and counts.
    """

    columns: Sequence[str]
    numbers: frozenset[str]
    rows: list[Row]


_PNL_AMOUNTS = (
    *("parcels", "gmv", "list_freight", "buyer", "seller", "platform", "carrier", "cost"),
    *("operating", "marketing", "net"),
)
_OF_GMV = "net_per_million_gmv"


def statement_sheet(statements: Sequence[Statement]) -> Sheet:
    """A row for each statement."""
    columns = ("day", "seller", "site", "currency", "exponent", *AMOUNTS)
    rows: list[Row] = [
        {"day": each.day, **msgspec.structs.asdict(each.account), **{name: getattr(each, name) for name in AMOUNTS}}
        for each in statements
    ]
    return Sheet(columns, frozenset(("exponent", *AMOUNTS)), rows)


def pnl_sheet(day: date, methods: Sequence[MethodPnl]) -> Sheet:
    """A row for each site, currency and method."""
    columns = ("day", "site", "method", "currency", "exponent", *_PNL_AMOUNTS, _OF_GMV)
    rows: list[Row] = []
    for each in methods:
        money, pnl = each.currency, each.pnl
        key = {"day": day, "site": each.site, "method": each.method, "currency": money.code, "exponent": money.exponent}
        amounts = {name: getattr(pnl, name) for name in _PNL_AMOUNTS}
        rows.append({**key, **amounts, _OF_GMV: pnl.share_of_gmv(pnl.net)})
    return Sheet(columns, frozenset(("exponent", *_PNL_AMOUNTS, _OF_GMV)), rows)


def export_to(kind: str, path: Path) -> Callable[[Sheet], None]:
    """What writes a sheet into a new file. Raises ``UserMistake``, before anything is settled, for an unknown kind, a
    file that is there, a folder that is not, or a library that is missing.
    """
    writers = {"csv": _write_csv, "parquet": _write_parquet}
    if kind not in writers:
        raise UserMistake(f"--export {kind!r}: there are csv and parquet, such as --export csv {path}")
    if path.exists() or not path.parent.is_dir():
        why = "is there already" if path.exists() else f"cannot be made: there is no folder {path.parent}"
        raise UserMistake(f"--export: {path} {why}; name a new file")
    if kind == "parquet":
        _require_pyarrow()
    return lambda sheet: writers[kind](sheet, path)


def _write_csv(sheet: Sheet, path: Path) -> None:
    with _writing(path), path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, sheet.columns)
        writer.writeheader()
        writer.writerows(sheet.rows)


def _write_parquet(sheet: Sheet, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {"day": pa.date32(), **dict.fromkeys(sheet.numbers, pa.int64())}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in sheet.columns])
    with _writing(path):
        parquet.write_table(pa.Table.from_pylist(sheet.rows, schema=schema), path)


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise UserMistake("--export parquet needs pyarrow: pip install 'orderpage[parquet]', or export csv") from None


@contextmanager
def _writing(path: Path) -> "Iterator[None]":
    try:
        yield
    except OSError as error:
        raise UserMistake(f"--export: {path} cannot be written: {error.strerror or error}; name another file") from None
