"""Why a scenario is what it is: per point what stands, which file and line put it there, and what it shadowed."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from orderpage.engine.assemble import canonical
from orderpage.engine.matrix import pattern
from orderpage.engine.plan import CellPlan, PlanSet, Slot
from orderpage.engine.problems import one_of
from orderpage.engine.text import short


class UnknownSlot(LookupError):
    """A slot that stands in no scenario. The message says which there are."""


class PointExplanation(msgspec.Struct, frozen=True):
    """The slots of one point in order, and those that a layer removed."""

    point: str
    slots: tuple[Slot, ...]
    removed: tuple[Slot, ...]


class Explanation(msgspec.Struct, frozen=True):
    """One scenario at one instant. ``values`` by dimension; ``packages`` least specific first."""

    values: dict[str, str]
    era: str
    digest: str
    version: str
    packages: tuple[str, ...]
    profile: Any
    points: tuple[PointExplanation, ...]

    def __str__(self) -> str:
        """Plain text, as the command line prints it."""
        scenario = " ".join(f"{name}={value}" for name, value in self.values.items())
        lines = [
            f"scenario {scenario}",
            f"plan {self.digest} of version {self.version}, from {self.era}",
            f"layers {', '.join(self.packages)}",
            "profile",
            *(f"  {name}: {_plain(value)}" for name, value in _items(self.profile)),
        ]
        for point in self.points:
            lines += ["", point.point, *(line for slot in point.slots for line in _slot_lines(slot))]
            lines += [f"  ({slot.name}) {_edits(slot)[-1]}" for slot in point.removed]
        return "\n".join(lines)


class Standing(msgspec.Struct, frozen=True):
    """Where slots of one name stand, or were removed, in the same way. ``pattern`` has the scenarios' values."""

    point: str
    slot: Slot
    removed: bool
    pattern: str

    def __str__(self) -> str:
        """Plain text, as the command line prints it."""
        if self.removed:
            return f"{self.point}\n  ({self.slot.name}) {_edits(self.slot)[-1]}\n    in {self.pattern}"
        first, *others = _slot_lines(self.slot)
        return "\n".join((self.point, first, f"    in {self.pattern}", *others))


def standings(plans: PlanSet, slot: str, at: datetime, point: str | None = None) -> tuple[Standing, ...]:
    """Where slots of that name stand or were removed at ``at``, over all scenarios. Raises ``UnknownSlot``."""
    found: dict[tuple[str, bool, bytes], tuple[Slot, list[tuple[str, ...]]]] = {}
    known: set[str] = set()
    for cell in (cell for cell in plans.cells() if cell.era.holds(at)):
        for name, removed, each in _slots(cell):
            if point in {None, name}:
                known.add(each.name)
            if point in {None, name} and each.name == slot:
                found.setdefault((name, removed, canonical(each)), (each, []))[1].append(cell.values)
    if not found:
        raise UnknownSlot(f"no scenario has a slot {slot!r}{f' at {point}' if point else ''}; {one_of(slot, known)}")
    return tuple(
        Standing(name, each, removed, pattern(cells, plans.dimensions))
        for (name, removed, _), (each, cells) in sorted(found.items())
    )


def _slots(cell: CellPlan) -> Iterator[tuple[str, bool, Slot]]:
    """Each with its point, and whether a layer removed it."""
    for removed, by_point in ((False, cell.resolution.slots), (True, cell.resolution.removed)):
        for name, slots in by_point.items():
            yield from ((name, removed, slot) for slot in slots)


def explain(plans: PlanSet, values: tuple[str, ...], at: datetime, point: str | None = None) -> Explanation:
    """Explain a scenario, all of it or one point. Raises ``UnknownScenario``."""
    cell = plans.cell(values, at)
    slots, removed = cell.resolution.slots, cell.resolution.removed
    names = [name for name in {**slots, **removed} if point in {None, name}]
    points = tuple(PointExplanation(name, slots.get(name, ()), removed.get(name, ())) for name in names)
    return Explanation(
        dict(zip(plans.dimensions, values, strict=True)),
        str(cell.era),
        cell.plan.digest,
        plans.version,
        cell.resolution.packages,
        cell.plan.profile,
        points,
    )


def _slot_lines(slot: Slot) -> list[str]:
    name = slot.name if slot.name == slot.extension else f"{slot.name} = {slot.extension}"
    weight = "" if slot.weight is None else f" weight {slot.weight}"
    settings = [f"      {line}" for key, value in slot.settings.items() for line in _setting(key, value)]
    return [f"  {name}{weight}", *(f"    {line}" for line in _edits(slot)), *settings]


def _setting(key: str, value: Any) -> list[str]:
    """Short, but for rows, dated ones above all: each is a line of its own, and whole."""
    if value and isinstance(value, list | tuple) and all(isinstance(row, Mapping) for row in value):
        return [f"{key}:", *(f"  - {row!r}" for row in value)]
    return [f"{key}: {short(value)}"]


def _plain(value: Any) -> str:
    """A value of the profile, as a layer would say it."""
    if value is None:
        return "unset"
    if isinstance(value, tuple | list):
        return ", ".join(map(_plain, value))
    if isinstance(value, msgspec.Struct) and type(value).__repr__ is msgspec.Struct.__repr__:
        return f"{{{', '.join(f'{name}: {_plain(each)}' for name, each in _items(value))}}}"
    return str(value.value if isinstance(value, Enum) else value)


def _items(values: Any) -> Iterable[tuple[str, Any]]:
    return (msgspec.structs.asdict(values) if isinstance(values, msgspec.Struct) else values).items()


def _edits(slot: Slot) -> list[str]:
    return [
        f"{edited.action} by {edited.origin}" + (f", shadows {edited.shadowed}" if edited.shadowed else "")
        for edited in slot.history
    ]
