"""Applies layers to one point: from the default's slots to those of a scenario.

Layers of equal specificity apply together, so that their order can't matter: whatever would depend on it is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from orderpage.engine.document import Path
from orderpage.engine.layer import Edit, Layer, leaves, merge
from orderpage.engine.plan import Edited, Origin, Slot
from orderpage.engine.point import Point, Reduce
from orderpage.engine.problems import Problems, one_of
from orderpage.engine.text import short


class Draft(msgspec.Struct, frozen=True):
    """A slot in the making. ``sources`` says where each path of its settings was written."""

    slot: Slot
    sources: Mapping[Path, Origin]


class Missed(msgspec.Struct, frozen=True):
    """An edit of a layer that is ``last``, of a slot that is not there; ``names`` are those that are."""

    edit: Edit
    names: tuple[str, ...]


class Resolved(msgspec.Struct, frozen=True):
    """What stands at a point in a scenario, in order, and what was removed on the way.

    ``changed`` are the edits of slots that are there; ``missed`` is no mistake unless every scenario misses it.
    """

    drafts: tuple[Draft, ...]
    removed: tuple[Slot, ...]
    changed: tuple[Edit, ...]
    missed: tuple[Missed, ...]


def resolve_point(
    point: Point[Any, Any],
    layers: Sequence[Layer],
    dimensions: tuple[str, ...],
    problems: Problems,
    example: str,
) -> Resolved:
    """The slots after all ``layers``, least specific first. ``example`` names a scenario for messages."""
    state = _State(point, problems, example)
    for _, group in groupby(layers, key=lambda layer: layer.specificity(dimensions)):
        equal = list(group)
        edits = [edit for layer in equal for edit in layer.edits if edit.point == point.name]
        state.apply(edits, last=equal[0].last)
    return Resolved(tuple(state.drafts), tuple(state.removed), tuple(state.changed), tuple(state.missed))


class _State:
    """The slots of a point between two layers."""

    def __init__(self, point: Point[Any, Any], problems: Problems, example: str) -> None:
        self.drafts: list[Draft] = []
        self.removed: list[Slot] = []
        self.changed: list[Edit] = []
        self.missed: list[Missed] = []
        self._point = point
        self._problems = problems
        self._example = example

    def apply(self, edits: Iterable[Edit], *, last: bool = False) -> None:
        """One group of equally specific layers' edits."""
        edits = self._without_conflicts(edits, last)
        adding = [edit for edit in edits if edit.action == "add"]
        for edit in edits:
            if edit.action in {"set", "replace", "remove"}:
                self._change(edit, [added.slot for added in adding], last)
        self._add(adding)
        anchored = [edit for edit in edits if edit.action in {"before", "after"}]
        if anchored:
            self._place(anchored)

    def _without_conflicts(self, edits: Iterable[Edit], last: bool) -> list[Edit]:
        remedy = "a more specific `when`" if last else "a more specific `when` or `last: true`"
        kept: dict[str, Edit] = {}
        for edit in edits:
            first = kept.setdefault(edit.slot, edit)
            if first is edit:
                continue
            what = f"{edit.action}s" if edit.action != "set" else "sets"
            if first.origin.package == edit.origin.package:
                message = f"{what} slot {edit.slot!r}, which line {first.origin.line} edits already; keep one"
            else:
                message = (
                    f"{what} slot {edit.slot!r}, which {first.origin} edits with equal specificity; "
                    f"give one of the two {remedy}, or merge them"
                )
            self._note(edit, message)
        return list(kept.values())

    def _change(self, edit: Edit, coming: Iterable[str], last: bool) -> None:
        """``coming`` are the slots that equally specific layers add."""
        index = self._index(edit.slot)
        if index is None:
            names = (*(draft.slot.name for draft in self.drafts), *coming)
            if last:
                self.missed.append(Missed(edit, names))
            else:
                self._note(edit, not_there(edit, names))
            return
        self.changed.append(edit)
        if edit.action == "set":
            self.drafts[index] = _set(self.drafts[index], edit)
        elif edit.action == "replace":
            self.drafts[index] = _replaced(self.drafts[index].slot, edit)
        else:
            slot = self.drafts.pop(index).slot
            self.removed.append(_with(slot, Edited("remove", edit.origin, f"{slot.extension} of {slot.origin}")))

    def _add(self, edits: list[Edit]) -> None:
        occupied = bool(self.drafts)
        for edit in edits:
            other_layer = any(edit.origin.package != other.origin.package for other in edits[: edits.index(edit)])
            if self._point.ordered and (occupied or other_layer):
                message = f"adds {edit.slot!r} to {self._point.name}, whose order matters, without saying where"
                self._note(edit, f"{message}; use `before` or `after` with one of its slots")
            elif self._is_new(edit):
                self.drafts.append(_new(edit))

    def _place(self, edits: list[Edit]) -> None:
        if not self._point.ordered:
            for edit in edits:
                message = f"`{edit.action}` has no meaning at {self._point.name}, where order does not matter"
                self._note(edit, f"{message}; use `add`")
            return
        groups: dict[tuple[str, str], list[Edit]] = {}
        for edit in edits:
            group = groups.setdefault((edit.action, edit.anchor), [])
            if group and group[0].origin.package != edit.origin.package:
                message = f"puts {edit.slot!r} {edit.action} {edit.anchor!r}, as {group[0].origin} does"
                self._note(edit, f"{message} with equal specificity; choose another anchor for one")
            elif self._is_new(edit):
                group.append(edit)
        # An anchor may itself be placed by this group, so go on while any anchor is found.
        while ready := [key for key in groups if self._index(key[1]) is not None]:
            for key in ready:
                self._insert(*key, groups.pop(key))
        for edit in (edit for group in groups.values() for edit in group):
            names = [draft.slot.name for draft in self.drafts]
            message = f"unknown anchor {edit.anchor!r} at {self._point.name}; {one_of(edit.anchor, names)}"
            self._note(edit, message)

    def _insert(self, action: str, anchor: str, edits: list[Edit]) -> None:
        index = self._index(anchor)
        if index is not None:
            at = index + (action == "after")
            self.drafts[at:at] = [_new(edit) for edit in edits]

    def _is_new(self, edit: Edit) -> bool:
        index = self._index(edit.slot)
        if index is None:
            return True
        there = self.drafts[index].slot
        message = f"adds slot {edit.slot!r}, which {there.origin} added already"
        self._note(edit, f"{message}; use `set` or `replace`, or name yours otherwise with `as`")
        return False

    def _index(self, name: str) -> int | None:
        return next((index for index, draft in enumerate(self.drafts) if draft.slot.name == name), None)

    def _note(self, edit: Edit, message: str) -> None:
        self._problems.at(edit.origin, message, self._example)


def not_there(edit: Edit, names: Iterable[str], where: str = "") -> str:
    """Say that the slot of an edit does not stand at its point, ``where`` others of the ``names`` do."""
    return f"can't {edit.action} slot {edit.slot!r}: it is not there at {edit.point}{where}; {one_of(edit.slot, names)}"


def check_weight(point: Point[Any, Any], edit: Edit) -> str:
    """Say what is wrong with a weight, or nothing. A replacement without one keeps that of what it replaces."""
    if point.reduce is not Reduce.SCORE:
        return f"`weight` has no meaning at {point.name}; remove it" if edit.weight is not None else ""
    if edit.weight is None and edit.action in {"add", "before", "after"}:
        return f"{edit.slot!r} has no `weight`, which {point.name} needs; add one, such as `weight: 100`"
    return ""


def _new(edit: Edit) -> Draft:
    history = (Edited(edit.action, edit.origin),)
    slot = Slot(edit.slot, edit.use, dict(edit.settings), edit.weight, edit.origin, history)
    return Draft(slot, edit.sources)


def _set(draft: Draft, edit: Edit) -> Draft:
    old = draft.slot
    settings, sources = merge(old.settings, draft.sources, edit.settings, edit.sources)
    shadowed = ", ".join(filter(None, [_was(old.settings, path) for path, _ in leaves(edit.settings)]))
    slot = msgspec.structs.replace(old, settings=settings)
    return Draft(_with(slot, Edited("set", edit.origin, shadowed)), sources)


def _replaced(old: Slot, edit: Edit) -> Draft:
    weight = old.weight if edit.weight is None else edit.weight
    shadowed = f"{old.extension} of {old.origin}"
    history = (*old.history, Edited("replace", edit.origin, shadowed))
    return Draft(Slot(old.name, edit.use, dict(edit.settings), weight, edit.origin, history), edit.sources)


def _with(slot: Slot, edited: Edited) -> Slot:
    return msgspec.structs.replace(slot, history=(*slot.history, edited))


def _was(settings: Mapping[str, Any], path: Path) -> str:
    """What stood there; empty where nothing did."""
    value: Any = settings
    for step in path:
        if not isinstance(value, Mapping) or step not in value:
            return ""
        value = value[step]
    return f"{'.'.join(str(step) for step in path)}={short(value)}"
