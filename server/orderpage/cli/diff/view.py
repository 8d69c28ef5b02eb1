"""Differences as a person reads them in a terminal."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orderpage.domain.money import Currency
from orderpage.migration.comparison.contract import amount_fields
from orderpage.migration.comparison.found import Difference
from orderpage.migration.differences import Example, Group, Verdict
from orderpage.migration.recording.trying import ChangedCell, Effect


def show_groups(console: Console, groups: Sequence[Group]) -> None:
    """One row a group."""
    table = _table("group", "count", "first", "last", "cell", "subject", "field", "cause?", "verdict", right=[1])
    for group in groups:
        table.add_row(
            group.group_id,
            str(group.count),
            _moment(group.first_at),
            _moment(group.last_at),
            str(group.cell),
            group.subject,
            Text(group.field, style="bold red" if group.money else ""),
            group.cause,
            verdict_of(group),
        )
    console.print(table)
    money = sum(group.money for group in groups)
    console.print(
        f"\n{len(groups)} groups, {money} of them money (red). Causes are guesses. Next: orderpage diff show GROUP"
    )


def show_group(console: Console, group: Group, examples: Sequence[Example], currency: Currency | None) -> None:
    """A group with its examples, their amounts in ``currency``."""
    money = ", money" if group.money else ""
    console.print(
        f"{group.group_id}: {group.field} of {group.subject}{money}, in {group.cell}", style="bold", highlight=False
    )
    console.print(
        f"{group.count} seen from {_moment(group.first_at)} to {_moment(group.last_at)}; "
        f"cause, as a guess: {group.cause}; verdict: {verdict_of(group)}",
        highlight=False,
    )
    if group.verdict is not Verdict.OPEN:
        judged = _moment(group.verdict_at) if group.verdict_at else ""
        console.print(f"judged by {group.verdict_by} at {judged}: {group.verdict_reason}", highlight=False)
    table = _table("id", "seen", "place", "legacy", "new")
    for example in examples:
        values = (_value(text, group.field, currency) for text in (example.legacy, example.new))
        table.add_row(str(example.difference_id), _moment(example.at), Text(example.place), *values)
    console.print()
    console.print(table)


def show_pair(console: Console, differences: Iterable[Difference], currency: Currency | None, here: str = "") -> None:
    """The differing parts of two answers, side by side; ``here`` is the place that was asked about."""
    table = _table("", "place", "legacy", "new", "cause?")
    for one in differences:
        mark = "▶" if one.place == here else ""
        table.add_row(
            mark,
            Text(one.place),
            _value(one.legacy, one.field, currency),
            _value(one.new, one.field, currency),
            one.cause,
        )
    console.print(table)


def show_replayed(
    console: Console, before: Collection[Difference], now: Collection[Difference], currency: Currency | None
) -> None:
    """What became of each difference."""
    left = {one.place: one for one in now}
    table = _table("", "place", "legacy", "new then", "new now")
    for one in before:
        still = left.pop(one.place, None)
        today = _value(still.new, still.field, currency) if still else Text("as legacy", style="green")
        word = Text("still there", style="red") if still else Text("gone", style="green")
        table.add_row(
            word, Text(one.place), _value(one.legacy, one.field, currency), _value(one.new, one.field, currency), today
        )
    for one in left.values():
        table.add_row(
            Text("new", style="red"),
            Text(one.place),
            _value(one.legacy, one.field, currency),
            "",
            _value(one.new, one.field, currency),
        )
    console.print(table)


def show_effect(console: Console, effect: Effect) -> None:
    """What other packages would change, by cell and field."""
    console.print(f"{effect.changed} of {effect.replayed} replayed pages would change", style="bold", highlight=False)
    for cell in effect.cells:
        _show_cell(console, cell)
    for reason, count in sorted(effect.not_replayed.items()):
        console.print(f"\n{count} not replayed: {reason}", style="yellow", highlight=False)


def verdict_of(group: Group) -> str:
    """``legacy is right``, ``new is right``, or a dash."""
    return f"{group.verdict.value.lower()} is right" if group.verdict is not Verdict.OPEN else "–"


def _show_cell(console: Console, cell: ChangedCell) -> None:
    console.print(f"\n{cell.cell}: {cell.changed} of {cell.pages}", highlight=False)
    if not cell.fields:
        return
    table = _table("pages", "field", "for example", "now", "then", right=[0])
    for field in cell.fields:
        name = Text(field.field, style="bold red" if field.money else "")
        values = (_value(text, field.field, cell.currency) for text in (field.now, field.then))
        table.add_row(str(field.pages), name, Text(field.place), *values)
    console.print(table)


def _table(*headers: str, right: Collection[int] = ()) -> Table:
    """Without lines; what does not fit is folded, since a place that is cut short names nothing."""
    table = Table(*headers, box=None, pad_edge=False)
    for index, column in enumerate(table.columns):
        column.overflow = "fold"
        column.justify = "right" if index in right else "left"
    return table


def _value(text: str, field: str, currency: Currency | None) -> Text:
    """Amounts as decimals; everything else as it is."""
    digits = text.removeprefix("-")
    if currency is not None and field in amount_fields() and digits.isascii() and digits.isdigit():
        return Text(f"{currency.format(int(text))} {currency.code}")
    return Text(text)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
