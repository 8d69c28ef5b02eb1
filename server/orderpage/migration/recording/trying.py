"""What recorded pages would become by other packages."""

from collections.abc import Iterable

import msgspec

from orderpage.domain.money import Currency
from orderpage.engine.plan import PlanSet
from orderpage.migration.comparison.answer import currency_of
from orderpage.migration.comparison.compare import Difference, compare
from orderpage.migration.differences import KeptRecording
from orderpage.migration.recording.answering import Fill, answer_by
from orderpage.migration.recording.packing import UnreadableRecording, unpack
from orderpage.migration.recording.replay import NotReplayable


class ChangedField(msgspec.Struct):
    """A field that would change: on how many pages of a cell, and the first example of it."""

    field: str
    pages: int
    money: bool
    place: str
    now: str
    then: str


class ChangedCell(msgspec.Struct):
    """The pages of one cell. ``fields`` are those that would change, those of most pages first.

    Amounts are in minor units of ``currency``.
    """

    cell: str
    currency: Currency | None = None
    pages: int = 0
    changed: int = 0
    fields: list[ChangedField] = []


class Effect(msgspec.Struct):
    """What other packages would change. ``not_replayed`` is by reason."""

    recordings: int = 0
    replayed: int = 0
    changed: int = 0
    not_replayed: dict[str, int] = {}
    cells: list[ChangedCell] = []


def effect_of(recordings: Iterable[KeptRecording], now: PlanSet, then: PlanSet, fill: Fill) -> Effect:
    """Replay each recording by both sets of plans and compare."""
    effect, cells = Effect(), dict[str, ChangedCell]()
    for kept in recordings:
        effect.recordings += 1
        try:
            recording = unpack(kept.body).recording
            answer = answer_by(now, recording, fill)
            found = compare(answer, answer_by(then, recording, fill))
        except (NotReplayable, UnreadableRecording) as error:
            effect.not_replayed[str(error)] = effect.not_replayed.get(str(error), 0) + 1
            continue
        effect.replayed += 1
        effect.changed += bool(found)
        cell = cells.setdefault(str(kept.cell), ChangedCell(str(kept.cell)))
        cell.currency = cell.currency or currency_of(answer)
        _count(cell, found)
    effect.cells = [cells[name] for name in sorted(cells)]
    for cell in effect.cells:
        cell.fields.sort(key=lambda one: (-one.pages, one.field))
    return effect


def _count(cell: ChangedCell, found: Iterable[Difference]) -> None:
    cell.pages += 1
    first: dict[str, Difference] = {}
    for difference in found:
        first.setdefault(difference.field, difference)
    cell.changed += bool(first)
    known = {field.field: field for field in cell.fields}
    for name, one in first.items():
        if name in known:
            known[name].pages += 1
            known[name].money |= one.money
        else:
            cell.fields.append(ChangedField(name, 1, one.money, one.place, one.legacy, one.new))
