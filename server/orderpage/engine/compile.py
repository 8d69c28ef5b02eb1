"""Compiles packages into plans: one per scenario and era, most of them shared.

Layers are bits. Which layers a scenario selects is the AND of one mask per dimension, so ten thousand scenarios cost
little; what stands at a point depends only on the selected layers that edit it, and is resolved once for each such set.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise, product
from typing import Any

import msgspec

from orderpage.engine.assemble import Assembly, DecHook, canonical, digest_of
from orderpage.engine.check import check_points
from orderpage.engine.discover import Offered
from orderpage.engine.document import Path, dotted
from orderpage.engine.invalid import explain_invalid
from orderpage.engine.layer import DEFAULT, Edit, Layer, leaves, merge
from orderpage.engine.needs import check_facts
from orderpage.engine.plan import Era, Origin, Plan, PlanSet, Resolution, Slot, Stage, source_of
from orderpage.engine.point import Fact, Point
from orderpage.engine.problems import Problems, one_of
from orderpage.engine.resolve import Missed, check_weight, not_there, resolve_point

Cell = tuple[str, ...]


def compile_plans(
    *,
    points: Sequence[Point[Any, Any]],
    dimensions: Mapping[str, Sequence[str]],
    layers: Iterable[Layer],
    extensions: Mapping[str, Offered],
    profile_type: Any = dict[str, Any],
    host_facts: Collection[Fact[Any]] = (),
    host_needs: Collection[Fact[Any]] = (),
    dec_hook: DecHook | None = None,
) -> PlanSet:
    """Every plan of every scenario, or ``PackageErrors`` with all mistakes found.

    ``points`` are in the order they run; ``dimensions`` most decisive first. ``host_facts`` are those that the host
    gives to every run; ``host_needs`` those that it reads itself, so every plan must fill them. ``profile_type`` is
    what the merged ``profile`` keys are converted to, and ``dec_hook`` is msgspec's, for types in settings and profile
    that it does not know.
    """
    check_points(points)
    values = {name: tuple(known) for name, known in dimensions.items()}
    names = tuple(values)
    ordered = sorted(layers, key=lambda layer: (layer.specificity(names), layer.package, layer.origin))
    problems = Problems()
    by_name = {point.name: point for point in points}
    assembly = Assembly(extensions, by_name, dec_hook, problems)
    _check_layers(ordered, by_name, extensions, assembly, problems)
    problems.check()

    def check(plan: Plan, example: str) -> None:
        check_facts(plan, points, given=host_facts, wanted=host_needs, problems=problems, example=example)

    compiler = _Compiler(
        points=points,
        dimensions=names,
        layers=ordered,
        assembly=assembly,
        profile_type=profile_type,
        dec_hook=dec_hook,
        problems=problems,
        check=check,
    )
    eras = _eras(ordered)
    cells = tuple(_compile_era(era, values, ordered, compiler) for era in eras)
    compiler.check_missed()
    problems.check()
    version = digest_of(*(canonical((key, plan.digest)) for era in cells for key, (plan, _) in era.items()))
    return PlanSet(values, eras, cells, version, tuple(layer.origin for layer in ordered))


def _check_layers(
    layers: Sequence[Layer],
    points: Mapping[str, Point[Any, Any]],
    extensions: Mapping[str, Offered],
    assembly: Assembly,
    problems: Problems,
) -> None:
    seen: dict[str, Layer] = {}
    for layer in layers:
        first = seen.setdefault(layer.package, layer)
        if first is not layer:
            message = f"package {layer.package!r} stands at {first.origin.file}:{first.origin.line} already; rename one"
            problems.at(layer.origin, message)
        for edit in layer.edits:
            _check_edit(edit, points[edit.point], extensions, assembly, problems)
    default = seen.get(DEFAULT)
    if default is None:
        message = f"the default layer is missing; write one with `package: {DEFAULT}` and no `when`"
        problems.add("layers", 0, message)
    elif default.when or default.window.start or default.window.end or default.last:
        message = "the default layer is for every scenario, always, and first; remove `when`, `active` and `last`"
        problems.at(default.origin, message)


def _check_edit(
    edit: Edit, point: Point[Any, Any], extensions: Mapping[str, Offered], assembly: Assembly, problems: Problems
) -> None:
    if edit.use and edit.use not in extensions:
        hint = one_of(edit.use, extensions)
        problems.at(edit.origin, f"uses extension {edit.use!r}, which nobody offers; {hint}")
    for message in (assembly.misuse(edit.use, edit.point) if edit.use else "", check_weight(point, edit)):
        if message:
            problems.at(edit.origin, message)


def _eras(layers: Iterable[Layer]) -> tuple[Era, ...]:
    cuts = sorted({at for layer in layers for at in (layer.window.start, layer.window.end) if at is not None})
    edges: list[datetime | None] = [None, *cuts, None]
    return tuple(Era(start, end) for start, end in pairwise(edges))


def _compile_era(
    era: Era, dimensions: Mapping[str, tuple[str, ...]], layers: Sequence[Layer], compiler: "_Compiler"
) -> dict[Cell, tuple[Plan, Resolution]]:
    active = _mask(layer.window.covers(era.start) for layer in layers)
    matching = [
        {value: _mask(layer.when.get(name, value) == value for layer in layers) for value in known}
        for name, known in dimensions.items()
    ]
    cells = {}
    for cell in product(*dimensions.values()):
        mask = active
        for masks, value in zip(matching, cell, strict=True):
            mask &= masks[value]
        cells[cell] = compiler.plan(mask, cell, era)
    return cells


def _mask(bits: Iterable[bool]) -> int:
    return sum(1 << index for index, bit in enumerate(bits) if bit)


class _Resolved(msgspec.Struct, frozen=True):
    stage: Stage | None
    slots: tuple[Slot, ...]
    removed: tuple[Slot, ...]


class _Profile(msgspec.Struct, frozen=True):
    """A profile, what identifies it, and where each of its paths was written."""

    value: Any
    digest: str
    sources: Mapping[Path, Origin]


class _Compiler:
    """Compiles a set of selected layers, remembering all that it did before."""

    def __init__(
        self,
        *,
        points: Sequence[Point[Any, Any]],
        dimensions: tuple[str, ...],
        layers: Sequence[Layer],
        assembly: Assembly,
        profile_type: Any,
        dec_hook: DecHook | None,
        problems: Problems,
        check: Callable[[Plan, str], None],
    ) -> None:
        self._points = points
        self._dimensions = dimensions
        self._layers = layers
        self._assembly = assembly
        self._profile_type = profile_type
        self._dec_hook = dec_hook
        self._problems = problems
        self._check = check
        self._editing = [
            (point, _mask(any(edit.point == point.name for edit in layer.edits) for layer in layers))
            for point in points
        ]
        self._profiled = _mask(bool(layer.profile) for layer in layers)
        self._by_mask: dict[int, tuple[Plan, Resolution]] = {}
        self._stages: dict[tuple[str, int], _Resolved] = {}
        self._profiles: dict[int, _Profile] = {}
        self._plans: dict[str, Plan] = {}
        self._changed: set[int] = set()
        self._missed: list[Missed] = []

    def check_missed(self) -> None:
        """Note the edits of ``last`` layers whose slot stands in none of their scenarios, once all are compiled."""
        names: dict[int, set[str]] = {}
        for missed in self._missed:
            names.setdefault(id(missed.edit), set()).update(missed.names)
        for edit in {id(missed.edit): missed.edit for missed in self._missed}.values():
            if id(edit) not in self._changed:
                message = not_there(edit, names[id(edit)], " in any scenario of this layer")
                self._problems.at(edit.origin, message)

    def plan(self, mask: int, cell: Cell, era: Era) -> tuple[Plan, Resolution]:
        """The plan of the layers in ``mask``; ``cell`` and ``era`` are an example for messages."""
        found = self._by_mask.get(mask)
        if found is None:
            example = "/".join(cell) + (f", {era}" if era.start or era.end else "")
            found = self._by_mask[mask] = self._compile(mask, example)
        return found

    def _compile(self, mask: int, example: str) -> tuple[Plan, Resolution]:
        resolved = {point.name: self._stage(point, mask & editing, example) for point, editing in self._editing}
        profile = self._profile(mask & self._profiled, example)
        stages = {name: found.stage for name, found in resolved.items() if found.stage is not None}
        digest = digest_of(profile.digest.encode(), *(f"{name} {stages[name].digest}".encode() for name in stages))
        plan = self._plans.get(digest)
        if plan is None:
            needs = frozenset().union(*[stage.needs for stage in stages.values()])
            plan = self._plans[digest] = Plan(digest, profile.value, stages, needs, profile.sources)
            if all(found.stage is not None or not found.slots for found in resolved.values()):
                self._check(plan, example)  # a broken point would only make further, misleading errors
        packages = tuple(layer.package for layer in self._selected(mask))
        slots = {name: found.slots for name, found in resolved.items() if found.slots}
        removed = {name: found.removed for name, found in resolved.items() if found.removed}
        return plan, Resolution(packages, slots, removed)

    def _selected(self, mask: int) -> list[Layer]:
        selected = []
        while mask:  # few of many bits are set
            lowest = mask & -mask
            selected.append(self._layers[lowest.bit_length() - 1])
            mask ^= lowest
        return selected

    def _stage(self, point: Point[Any, Any], mask: int, example: str) -> _Resolved:
        key = point.name, mask
        found = self._stages.get(key)
        if found is None:
            found = self._stages[key] = self._compile_stage(point, mask, example)
        return found

    def _compile_stage(self, point: Point[Any, Any], mask: int, example: str) -> _Resolved:
        resolved = resolve_point(point, self._selected(mask), self._dimensions, self._problems, example)
        self._changed.update(id(edit) for edit in resolved.changed)
        self._missed += resolved.missed
        slots = tuple(draft.slot for draft in resolved.drafts)
        made = [self._assembly.part(point, draft, example) for draft in resolved.drafts]
        parts = [part for part in made if part is not None]
        if not parts or len(parts) != len(made):
            return _Resolved(None, slots, resolved.removed)
        digest = digest_of(*(part.digest.encode() for part in parts))
        stage = Stage(point, slots, tuple(part.compiled for part in parts), digest)
        return _Resolved(stage, slots, resolved.removed)

    def _profile(self, mask: int, example: str) -> "_Profile":
        found = self._profiles.get(mask)
        if found is None:
            found = self._profiles[mask] = self._compile_profile(self._selected(mask), example)
        return found

    def _compile_profile(self, layers: list[Layer], example: str) -> "_Profile":
        merged: dict[str, Any] = {}
        sources: dict[Path, Origin] = {}
        written: dict[Path, Layer] = {}
        for layer in layers:
            self._check_profile_conflict(layer, written, example)
            merged, sources = merge(merged, sources, layer.profile, layer.profile_sources)
        try:
            profile = msgspec.convert(merged, self._profile_type, dec_hook=self._dec_hook, str_keys=True)
        except msgspec.ValidationError as error:
            path, message = explain_invalid(error, self._profile_type, merged)
            otherwise = layers[-1].origin if layers else self._layers[0].origin
            self._problems.at(source_of(sources, path, otherwise), f"profile: {dotted(path)}{message}", example)
            return _Profile(None, "", sources)
        return _Profile(profile, digest_of(canonical(merged)), sources)

    def _check_profile_conflict(self, layer: Layer, written: dict[Path, Layer], example: str) -> None:
        for path, _ in leaves(layer.profile):
            other = written.get(path)
            written[path] = layer
            if other and other.specificity(self._dimensions) == layer.specificity(self._dimensions):
                origin = source_of(layer.profile_sources, path, layer.origin)
                message = f"profile: {dotted(path)}{other.origin} sets it too, with equal specificity"
                self._problems.at(origin, f"{message}; give one of the two a more specific `when`", example)
