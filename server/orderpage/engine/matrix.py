"""All scenarios at a glance: which share a plan, what no scenario selects, and how two plan sets differ."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from math import prod

import msgspec

from orderpage.engine.plan import PROFILE, CellPlan, Origin, PlanSet, Slot
from orderpage.engine.text import short

Cell = tuple[str, ...]
_End = tuple[date, str, str, str, Origin]
_NONE = object()

SOON = timedelta(days=90)
"""How long beforehand it is said that an extension's data end."""


class Group(msgspec.Struct, frozen=True):
    """The scenarios that share a plan. ``pattern`` has the values of each dimension, "*" for all of them."""

    digest: str
    cells: tuple[Cell, ...]
    pattern: str


class Ending(msgspec.Struct, frozen=True):
    """A slot whose data end soon, or have ended: ``until`` is their last day, ``origin`` the layer that set it last.

    Of the profile, ``point`` is "profile", ``slot`` the key, and there is no ``extension``.
    """

    until: date
    point: str
    slot: str
    extension: str
    origin: Origin
    pattern: str

    def __str__(self) -> str:
        extension = f" ({self.extension})" if self.extension else ""
        return f"data end {self.until} at {self.point}: {self.slot}{extension}, {self.origin}, {self.pattern}"


class Matrix(msgspec.Struct, frozen=True):
    """The scenarios of one instant by plan, the largest group first.

    ``unused_packages`` and ``unused_extensions`` are selected by no scenario, then or later. ``endings`` are the slots
    whose data end within ``SOON``, the first to end first.
    """

    version: str
    groups: tuple[Group, ...]
    unused_packages: tuple[Origin, ...]
    unused_extensions: tuple[str, ...]
    endings: tuple[Ending, ...] = ()

    def __str__(self) -> str:
        """Plain text, as the command line prints it."""
        count = sum(len(group.cells) for group in self.groups)
        lines = [f"version {self.version}: {count} scenarios, {len(self.groups)} plans"]
        lines += [f"  {group.digest} {len(group.cells):6} {group.pattern}" for group in self.groups]
        lines += [f"unused package {origin}" for origin in self.unused_packages]
        lines += [f"unused extension {name}" for name in self.unused_extensions]
        lines += [str(ending) for ending in self.endings]
        return "\n".join(lines)


class Change(msgspec.Struct, frozen=True):
    """The same change in one or more scenarios. ``what`` has a line per point and slot."""

    cells: tuple[Cell, ...]
    pattern: str
    what: tuple[str, ...]


class Difference(msgspec.Struct, frozen=True):
    """What a newer plan set does differently at an instant."""

    added: tuple[Cell, ...]
    removed: tuple[Cell, ...]
    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.added or self.removed or self.changes)

    def __str__(self) -> str:
        """Plain text, as the command line prints it."""
        lines = [f"new scenario {'/'.join(cell)}" for cell in self.added]
        lines += [f"gone scenario {'/'.join(cell)}" for cell in self.removed]
        for change in self.changes:
            lines += [f"{len(change.cells)} scenarios {change.pattern}", *(f"  {line}" for line in change.what)]
        return "\n".join(lines) or "no difference"


def matrix(plans: PlanSet, at: datetime, offered: Collection[str] = ()) -> Matrix:
    """Group the scenarios at ``at``. ``offered`` are the names of all extensions installed."""
    groups: dict[str, list[Cell]] = {}
    packages: set[str] = set()
    extensions: set[str] = set()
    for cell in plans.cells():
        if cell.era.end is not None and cell.era.end <= at:
            continue
        packages.update(cell.resolution.packages)
        extensions.update(slot.extension for slots in cell.resolution.slots.values() for slot in slots)
        if cell.era.holds(at):
            groups.setdefault(cell.plan.digest, []).append(cell.values)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[1][0]))
    return Matrix(
        plans.version,
        tuple(Group(digest, tuple(cells), pattern(cells, plans.dimensions)) for digest, cells in ordered),
        tuple(origin for origin in plans.packages if origin.package not in packages),
        tuple(sorted(set(offered) - extensions)),
        _endings(plans, at),
    )


def _endings(plans: PlanSet, at: datetime) -> tuple[Ending, ...]:
    cells: dict[_End, list[Cell]] = {}
    for cell in _cells_at(plans, at).values():
        for end in _ends(cell):
            if end[0] <= (at + SOON).date():
                cells.setdefault(end, []).append(cell.values)
    found = [Ending(*key, pattern(values, plans.dimensions)) for key, values in cells.items()]
    return tuple(sorted(found, key=lambda ending: (ending.until, ending.point, ending.pattern)))


def _ends(cell: CellPlan) -> Iterator[_End]:
    for point, stage in cell.plan.stages.items():
        for compiled, slot in zip(stage.compiled, cell.resolution.slots[point], strict=True):
            if compiled.data_until is not None:
                yield compiled.data_until, point, slot.name, slot.extension, slot.set_by
    for path, until in cell.plan.profile_until.items():
        yield until, PROFILE, ".".join(path), "", cell.plan.profile_origin(path)


def difference(old: PlanSet, new: PlanSet, at: datetime) -> Difference:
    """What changes at ``at`` when ``new`` takes the place of ``old``."""
    before, after = _cells_at(old, at), _cells_at(new, at)
    changes: dict[tuple[str, ...], list[Cell]] = {}
    for values in before.keys() & after.keys():
        if before[values].plan.digest != after[values].plan.digest:
            changes.setdefault(_changes(before[values], after[values]), []).append(values)
    return Difference(
        tuple(sorted(after.keys() - before.keys())),
        tuple(sorted(before.keys() - after.keys())),
        tuple(
            Change(tuple(sorted(cells)), pattern(cells, new.dimensions), what)
            for what, cells in sorted(changes.items())
        ),
    )


def _cells_at(plans: PlanSet, at: datetime) -> dict[Cell, CellPlan]:
    return {cell.values: cell for cell in plans.cells() if cell.era.holds(at)}


def _changes(old: CellPlan, new: CellPlan) -> tuple[str, ...]:
    found = [] if old.plan.profile == new.plan.profile else [f"profile: {old.plan.profile} → {new.plan.profile}"]
    for point in {**old.plan.stages, **new.plan.stages}:
        before, after = _by_name(old, point), _by_name(new, point)
        found += [f"{point}: {name} ({before[name].extension}) is gone" for name in before if name not in after]
        found += [f"{point}: {name} ({after[name].extension}) is new" for name in after if name not in before]
        both = [name for name in after if name in before]
        found += [f"{point}: {line}" for name in both for line in _slot_changes(before[name], after[name])]
        if [name for name in before if name in after] != both:
            found.append(f"{point}: order is now {', '.join(after)}")
    return tuple(found) or ("an extension's version or data",)


def _by_name(cell: CellPlan, point: str) -> dict[str, Slot]:
    return {slot.name: slot for slot in cell.resolution.slots.get(point, ())}


def _slot_changes(old: Slot, new: Slot) -> list[str]:
    found = []
    if old.extension != new.extension:
        found.append(f"{new.name} is {new.extension}, was {old.extension}")
    if old.weight != new.weight:
        found.append(f"{new.name} weight {old.weight} → {new.weight}")
    for key in {**old.settings, **new.settings}:
        before, after = old.settings.get(key, _NONE), new.settings.get(key, _NONE)
        if before != after:
            found.append(f"{new.name} {key} {_shown(before)} → {_shown(after)}")
    return found


def _shown(value: object) -> str:
    return "unset" if value is _NONE else short(value)


def pattern(cells: Collection[Cell], dimensions: Mapping[str, tuple[str, ...]]) -> str:
    """Each dimension's values among the cells. Says "some of" where the cells are not all combinations."""
    parts, sizes = [], []
    for index, (name, known) in enumerate(dimensions.items()):
        present = {cell[index] for cell in cells}
        sizes.append(len(present))
        values = "*" if len(present) == len(known) else ",".join(value for value in known if value in present)
        parts.append(f"{name}={values}")
    return ("" if prod(sizes) == len(cells) else "some of ") + " ".join(parts)
