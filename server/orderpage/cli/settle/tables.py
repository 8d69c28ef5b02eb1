"""Statements and P&L on a terminal. Amounts are in units of the currency."""

from collections.abc import Sequence
from datetime import date

from rich.console import RenderableType
from rich.table import Table

from orderpage.adapters.sql.settlement import Changed
from orderpage.cli.traffic.tables import NONE, new_table, plain
from orderpage.domain.money import Currency
from orderpage.domain.settlement import NOTHING_CARRIED, LogisticsPnl, MethodPnl, Statement

_COLUMNS = (
    *(("opening", "opening"), ("goods", "goods"), ("refunded", "goods_refunded"), ("subsidy", "subsidy_share")),
    *(("freight", "freight_share"), ("commission", "commission"), ("reversed", "commission_reversed")),
    *(("tax", "tax_collected"), ("withheld", "tax_withheld"), ("payable", "payable"), ("closing", "closing")),
)
_PNL_COLUMNS = ("list_freight", "buyer", "seller", "platform", "cost", "operating", "marketing", "net")


def statement_table(day: date, statements: Sequence[Statement]) -> RenderableType | str:
    """A row for each statement; ``opening + payable = closing``."""
    if not statements:
        return f"nothing was sold or refunded on {day}"
    table = _right_aligned(new_table("seller", "site", *(title for title, _ in _COLUMNS)), 2)
    for each in statements:
        money = Currency(each.account.currency, each.account.exponent)
        amounts = [_shown(money, getattr(each, name)) for _, name in _COLUMNS]
        table.add_row(plain(each.account.seller), plain(f"{each.account.site} {money.code}"), *amounts)
    return table


def pnl_table(day: date, methods: Sequence[MethodPnl]) -> RenderableType | str:
    """A row for each method, and one for each site and currency: rates are of sums."""
    if not methods:
        return f"nothing was carried on {day}"
    titles = (name.replace("_", " ") for name in _PNL_COLUMNS)
    table = _right_aligned(new_table("site", "method", "parcels", "gmv", *titles, "% of gmv"), 2)
    totals: dict[tuple[str, Currency], LogisticsPnl] = {}
    for each in methods:
        key = each.site, each.currency
        totals[key] = totals.get(key, NOTHING_CARRIED) + each.pnl
        table.add_row(plain(f"{each.site} {each.currency.code}"), plain(each.method), *_cells(each.currency, each.pnl))
    for (site, money), pnl in totals.items():
        table.add_row(plain(f"{site} {money.code}"), "all", *_cells(money, pnl), style="bold")
    return table


def changed_table(changed: Sequence[Changed]) -> RenderableType:
    """What is stored beside what would come out now, where an amount differs."""
    table = _right_aligned(new_table("seller", "site", "amount", "stored", "now"), 3)
    for stored, now in changed:
        account = next(each.account for each in (stored, now) if each is not None)
        money = Currency(account.currency, account.exponent)
        for title, name in (*_COLUMNS, ("movement", "movement")):
            before, after = (getattr(each, name) if each is not None else None for each in (stored, now))
            if before != after:
                cells = [NONE if each is None else money.format(each) for each in (before, after)]
                table.add_row(plain(account.seller), plain(f"{account.site} {money.code}"), title, *cells)
    return table


def _cells(money: Currency, pnl: LogisticsPnl) -> list[str]:
    amounts = [_shown(money, getattr(pnl, name)) for name in _PNL_COLUMNS]
    return [str(pnl.parcels), money.format(pnl.gmv), *amounts, f"{pnl.share_of_gmv(pnl.net) / 10_000:.2f}%"]


def _shown(money: Currency, amount: int) -> str:
    return money.format(amount) if amount else NONE


def _right_aligned(table: Table, first: int) -> Table:
    for column in table.columns[first:]:
        column.justify = "right"
    return table
