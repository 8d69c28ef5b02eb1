"""Why a scenario is what it is: per point what stands, which file and line put it there, and what it shadowed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from orderpage.engine.plan import PlanSet, Slot
from orderpage.engine.text import short


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
