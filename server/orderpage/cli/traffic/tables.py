"""How ramps, trips and readiness look on a terminal, and as JSON."""

from collections.abc import Sequence

import msgspec
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from orderpage.migration.gate.gate import e_value
from orderpage.migration.gate.readiness import Readiness, Shares, moment
from orderpage.migration.gate.report import RampReport
from orderpage.migration.gate.store import Trip

_WIDTH = 160
NONE = "–"
_EVIDENCE = (
    "\nevidence: how strongly the calls of this step say that the new page is worse, as an e-value: 1 says nothing, "
    "less that it is no worse. The ramp trips where it reaches the number after 'of', and waits from the square root "
    "of that on."
)


def show(what: RenderableType | str) -> None:
    """Print; a file or a pipe gets lines that are wide enough for a table."""
    console = Console(soft_wrap=isinstance(what, str))
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(Text(what) if isinstance(what, str) else what)


def to_json(values: Sequence[Readiness] | Sequence[Trip] | Sequence[RampReport]) -> str:
    """One line: an array of objects; cells and scopes are objects too, moments ISO 8601."""
    return msgspec.json.encode([_named(value) for value in values]).decode()


def readiness_table(cells: Sequence[Readiness]) -> RenderableType:
    """A row for each cell: who answers, since when it is clean, and whether legacy may go."""
    if not cells:
        return "nothing was counted and nothing differs: no traffic went through the router yet"
    table = new_table("cell", "last hour", "lately", "legacy last", "clean since", "ramp", "removable")
    for one in cells:
        ramp = f"{one.ramp} {one.share / 100:g}%\nsince {moment(one.step_since)}" if one.share is not None else NONE
        table.add_row(
            plain(str(one.cell)),
            _shares(one.hour),
            _shares(one.lately),
            moment(one.legacy_last),
            moment(one.clean_since),
            plain(ramp),
            Text("yes", "green") if one.removable else plain("\n".join(f"no: {why}" for why in one.blocks)),
        )
    return table


def trips_table(trips: Sequence[Trip]) -> RenderableType:
    """A row for each trip."""
    if not trips:
        return "no trip"
    table = new_table("trip", "scope", "reason", "since", "evidence", "cleared")
    for one in trips:
        cleared = f"{moment(one.cleared_at)} by {one.cleared_by}: {one.clear_reason}" if one.cleared_at else "open"
        cells = (str(one.trip_id), str(one.scope), one.reason, moment(one.tripped_at), one.evidence, cleared)
        table.add_row(*map(plain, cells))
    return table


def gate_table(ramps: Sequence[RampReport]) -> RenderableType:
    """A row for each ramp: its step, its evidence, and what it waits for."""
    if not ramps:
        return "the ramp file names no ramp"
    table = new_table("ramp", "scope", "flag", "step", "since", "calls new / legacy", "compared", "evidence", "next")
    for one in ramps:
        evidence = "\n".join(
            f"{stream.lower()} e {e_value(each.log_e)} of {e_value(each.trips_at)}"
            for stream, each in one.streams.items()
        )
        cells = (
            one.name,
            str(one.scope),
            one.flag or "not known here",
            f"{one.step} of {one.steps}: {one.share / 100:g}%",
            moment(one.since),
            f"{one.new_calls} / {one.legacy_calls}",
            str(one.compared),
            evidence,
            one.decision,
        )
        table.add_row(*map(plain, cells))
    return Group(table, Text(_EVIDENCE, "dim"))


def _named(value: msgspec.Struct) -> dict[str, object]:
    fields = msgspec.structs.asdict(value)
    return {name: each._asdict() if name in ("cell", "scope") else each for name, each in fields.items()}


def new_table(*columns: str) -> Table:
    """A table without lines."""
    table = Table(box=None, pad_edge=False, show_lines=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def plain(text: str) -> Text:
    """What clients or people wrote is no markup, and obeyed by no terminal."""
    return Text("".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text))


def _shares(shares: Shares) -> str:
    if not shares.calls:
        return NONE
    parts = (("new", shares.new), ("shadow", shares.shadow), ("legacy", shares.legacy))
    return "\n".join(f"{name} {part:.1%}" for name, part in parts if part) + f"\nof {shares.calls}"
