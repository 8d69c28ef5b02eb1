"""The document of differences between the old page and the new one: which is right, and why."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from orderpage.migration.gate.readiness import Difference, Readiness, moment

_RIGHT = {"NEW": "the new page is right", "LEGACY": "legacy is right"}


def differences_markdown(cells: Sequence[Readiness], differences: Sequence[Difference], now: datetime) -> str:
    """The document, as Markdown: an overview of the cells, then the differences by cell and field."""
    return "\n".join([*_overview(cells, now), *_by_cell(differences), ""])


def _overview(cells: Sequence[Readiness], now: datetime) -> Iterator[str]:
    yield "# How the new order page differs from the old one"
    yield ""
    yield f"As of {moment(now)}. Written by `orderpage traffic readiness --markdown`."
    yield ""
    yield "| cell | answered by new | clean since | undecided | removable |"
    yield "|---|---|---|---|---|"
    for one in cells:
        removable = "yes" if one.removable else f"no: {_plain('; '.join(one.blocks))}"
        new = f"{one.lately.new:.1%} of {one.lately.calls}"
        yield f"| {_plain(str(one.cell))} | {new} | {moment(one.clean_since)} | {one.undecided} | {removable} |"


def _by_cell(differences: Sequence[Difference]) -> Iterator[str]:
    if not differences:
        yield from ("", "No difference was ever seen.")
    in_order = sorted(differences, key=lambda one: (one.cell, one.subject, one.field, -one.count))
    for cell, of_cell in groupby(in_order, lambda one: one.cell):
        yield from ("", f"## {_plain(str(cell))}")
        for one in of_cell:
            yield from _difference(one)


def _difference(one: Difference) -> Iterator[str]:
    money = ", an amount that a buyer pays" if one.money else ""
    yield from ("", f"### {one.subject.lower()}: `{_code(one.field)}`{money}", "")
    yield f"- cause, as guessed: {_plain(one.cause)}"
    yield f"- {one.count} times, from {moment(one.first_at)} to {moment(one.last_at)}"
    if one.verdict:
        right = _RIGHT.get(one.verdict, one.verdict)
        yield f"- **{_plain(right)}**: {_plain(one.verdict_reason)} ({_plain(one.verdict_by)})"
    else:
        yield "- **undecided**: nobody has said which is right"
    if one.examples:
        yield from ("", "| where | legacy | new | recording |", "|---|---|---|---|")
    for each in one.examples:
        cells = (each.place, each.legacy, each.new, each.recording_id)
        yield "| " + " | ".join(f"`{_code(text)}`" for text in cells) + " |"


def _code(text: str) -> str:
    """What may stand between backticks in a table; an empty text would end the code."""
    return _line(text).replace("`", "'").replace("|", "\\|") or " "


def _plain(text: str) -> str:
    """A text of people or clients on one line, that neither makes a column nor markup."""
    return "".join(f"\\{each}" if each in "\\`*_[]<>|#" else each for each in _line(text))


def _line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
