"""A compiled scenario: what stands at each point, ready to be called. Everything here is immutable but the counters."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from orderpage.engine.breaker import Breaker
from orderpage.engine.point import Fact, OnFailure, Point
from orderpage.engine.stats import Stats, StatsBook

PROFILE = "profile"
"""Where the profile is told of in the place of a point."""


class Origin(msgspec.Struct, frozen=True, order=True):
    """Where something was written: the layer's package, the file and its line."""

    package: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.package} {self.file}:{self.line}"


def source_of(sources: Mapping[tuple[Any, ...], Origin], path: tuple[Any, ...], otherwise: Origin) -> Origin:
    """Where a path was written, or what holds it."""
    while path and path not in sources:
        path = path[:-1]
    return sources.get(path, otherwise)


class Edited(msgspec.Struct, frozen=True):
    """One step in a slot's history. ``action`` is the layer's verb; ``shadowed`` says what stood there before."""

    action: str
    origin: Origin
    shadowed: str = ""


class Slot(msgspec.Struct, frozen=True):
    """One place at a point, as the layers resolved it. ``settings`` is raw, as merged from YAML."""

    name: str
    extension: str
    settings: Mapping[str, Any]
    weight: int | None
    origin: Origin
    history: tuple[Edited, ...] = ()

    @property
    def set_by(self) -> Origin:
        """The layer that set it last: its rows have taken the place of those of the layer that added the slot."""
        return self.history[-1].origin if self.history else self.origin


class CompiledSlot:
    """A slot as a bound method of its extension. Shared by all plans in which it is the same."""

    __slots__ = (
        "allowed", "breaker", "budget", "call", "data_until", "extension", "fills", "name", "needs", "stats", "weight",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        extension: str,
        call: Callable[..., Any],
        *,
        needs: tuple[Fact[Any], ...] = (),
        fills: Fact[Any] | None = None,
        budget: float | None = None,
        weight: int = 0,
        allowed: tuple[type, ...] = (object,),
        breaker: Breaker | None = None,
        data_until: date | None = None,
    ) -> None:
        """``budget`` is in seconds; ``allowed`` are the types that a result may have; ``data_until`` is the last day
        that the extension's data know, None for ever.
        """
        self.name = name
        self.extension = extension
        self.call = call
        self.needs = needs
        self.fills = fills
        self.budget = budget
        self.weight = weight
        self.allowed = allowed
        self.breaker = breaker or Breaker()
        self.data_until = data_until
        self.stats = Stats()

    @property
    def instance(self) -> Any:
        """The extension, ready with its settings."""
        return getattr(self.call, "__self__", None)

    @property
    def fact(self) -> Fact[Any]:
        """The fact that an ASYNC slot fills."""
        if self.fills is None:
            raise LookupError(f"{self!r} fills no fact")
        return self.fills

    def __repr__(self) -> str:
        return f"<slot {self.name} ({self.extension})>"


class Stage:
    """The compiled slots of one point, in order. ``slots`` says the same for people, with origins, index by index.

    ``needs`` and ``fills`` are the facts that any of the slots needs, or fills.
    """

    __slots__ = ("closed", "compiled", "digest", "fills", "needs", "point", "slots", "stats")

    def __init__(
        self, point: Point[Any, Any], slots: tuple[Slot, ...], compiled: tuple[CompiledSlot, ...], digest: str
    ) -> None:
        self.point = point
        self.slots = slots
        self.compiled = compiled
        self.digest = digest
        self.closed = point.on_failure is OnFailure.CLOSED
        self.needs = frozenset(fact for slot in compiled for fact in slot.needs)
        self.fills = frozenset(slot.fills for slot in compiled if slot.fills is not None)
        self.stats = Stats()

    def __repr__(self) -> str:
        return f"<stage {self.point.name}: {', '.join(slot.name for slot in self.slots)}>"


class Plan:
    """All of a scenario. Two scenarios with the same slots, settings and profile share one plan.

    ``stages`` is by point name and has no entry for an empty point. The origins in its slots are those of the first
    scenario that compiled to it; ``PlanSet.cells`` has each scenario's own. ``unfilled`` are the optional facts that
    nothing fills, with their defaults.
    """

    __slots__ = ("_profile_sources", "digest", "needs", "pinned", "profile", "stages", "unfilled")

    def __init__(
        self,
        digest: str,
        profile: Any,
        stages: Mapping[str, Stage],
        needs: frozenset[Fact[Any]],
        profile_sources: Mapping[tuple[Any, ...], Origin] | None = None,
    ) -> None:
        """``profile_sources`` says where each path of the profile was written, in that first scenario."""
        self._profile_sources = profile_sources or {}
        self.digest = digest
        self.profile = profile
        self.stages = stages
        self.needs = needs
        filled = {fact for stage in stages.values() for fact in stage.fills}
        self.unfilled = {fact: fact.default for fact in needs if fact.optional and fact not in filled}
        self.pinned = tuple(sorted((fact for fact in needs if fact.pinned), key=lambda fact: fact.name))

    def placed(self, point: str = "") -> Iterator[tuple[Slot, CompiledSlot]]:
        """Each slot with what it compiled to: of all points, or of one."""
        for name, stage in self.stages.items():
            if point in {"", name}:
                yield from zip(stage.slots, stage.compiled, strict=True)

    @property
    def profile_until(self) -> Mapping[tuple[str, ...], date]:
        """The last days of the profile's dated rows that end, by path, where its type says them as ``data_until``."""
        return getattr(self.profile, "data_until", {})

    def profile_origin(self, path: tuple[Any, ...]) -> Origin:
        """Where that path of the profile was written, or what holds it."""
        return source_of(self._profile_sources, path, Origin("", "layers", 0))

    def __repr__(self) -> str:
        return f"<plan {self.digest}>"


class Era(msgspec.Struct, frozen=True):
    """A stretch of time in which no layer begins or ends: ``start`` to before ``end``. None is for ever."""

    start: datetime | None
    end: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether the instant is in it."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)

    def __str__(self) -> str:
        return f"{_instant(self.start, 'ever')} to {_instant(self.end, 'ever')}"


def _instant(at: datetime | None, never: str) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else never


class Resolution(msgspec.Struct, frozen=True):
    """How a scenario came to its plan.

    ``packages`` are those that match, least specific first; ``slots`` (by point name) what stands, and ``removed`` what
    stood until a layer removed it.
    """

    packages: tuple[str, ...]
    slots: Mapping[str, tuple[Slot, ...]]
    removed: Mapping[str, tuple[Slot, ...]]


class CellPlan(msgspec.Struct, frozen=True):
    """One scenario in one era."""

    values: tuple[str, ...]
    era: Era
    plan: Plan
    resolution: Resolution


class UnknownScenario(LookupError):
    """A value that its dimension does not have."""

    def __init__(self, dimension: str, value: str, known: tuple[str, ...]) -> None:
        super().__init__(dimension, value, known)
        self.dimension = dimension
        self.value = value
        self.known = known

    def __str__(self) -> str:
        return f"unknown {self.dimension} {self.value!r}; known: {', '.join(self.known)}"


class PlanSet:
    """The plans of every scenario, compiled together from one set of packages."""

    def __init__(
        self,
        dimensions: Mapping[str, tuple[str, ...]],
        eras: tuple[Era, ...],
        plans: tuple[Mapping[tuple[str, ...], tuple[Plan, Resolution]], ...],
        version: str,
        packages: tuple[Origin, ...] = (),
    ) -> None:
        """``plans`` has an entry per era, in that order. ``packages`` are all layers, also those never selected."""
        self.dimensions = dimensions
        self.eras = eras
        self.version = version
        self.packages = packages
        self._cells = plans
        self._plans = tuple({values: pair[0] for values, pair in cells.items()} for cells in plans)
        self._digests = {plan.digest: plan for cells in self._plans for plan in cells.values()}

    def plan(self, values: tuple[str, ...], at: datetime) -> Plan:
        """The plan of a scenario (one value per dimension, in order) at an instant (with a time zone).

        Raises ``UnknownScenario``.
        """
        plans = self._plans[0] if len(self._plans) == 1 else self._plans[self._era(at)]
        plan = plans.get(values)
        if plan is None:
            raise self._unknown(values)
        return plan

    def cell(self, values: tuple[str, ...], at: datetime) -> CellPlan:
        """The same with its resolution, for people."""
        era = self._era(at)
        plan, resolution = self._cells[era].get(values) or (None, None)
        if plan is None or resolution is None:
            raise self._unknown(values)
        return CellPlan(values, self.eras[era], plan, resolution)

    def by_digest(self, digest: str) -> Plan | None:
        """The plan of that digest, in any era, or None."""
        return self._digests.get(digest)

    def cells(self) -> Iterator[CellPlan]:
        """Every scenario in every era."""
        for era, cells in zip(self.eras, self._cells, strict=True):
            for values, (plan, resolution) in cells.items():
                yield CellPlan(values, era, plan, resolution)

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The different plans, each once."""
        return tuple(self._digests.values())

    def _era(self, at: datetime) -> int:
        for index, era in enumerate(self.eras):
            if era.end is None or at < era.end:
                return index
        raise AssertionError("the last era has no end")

    def _unknown(self, values: tuple[str, ...]) -> LookupError:
        if len(values) != len(self.dimensions):
            return LookupError(
                f"a scenario has {len(self.dimensions)} values ({', '.join(self.dimensions)}), not {values}"
            )
        for (dimension, known), value in zip(self.dimensions.items(), values, strict=True):
            if value not in known:
                return UnknownScenario(dimension, value, known)
        return LookupError(f"no plan for {values}")


_SETS_KEPT = 4
"""Plan sets that stay in memory: the current one, and those that outstanding promises may still refer to."""


class PlanSource:
    """The current plan set, and the few before it. A request takes ``current`` once and keeps it."""

    def __init__(self, compile_set: Callable[[], PlanSet]) -> None:
        """Compiles at once; raises what ``compile_set`` raises. ``refused``: the last reload was."""
        self.stats = StatsBook()
        self.refused = False
        self._compile = compile_set
        self._sets = deque([self._counted(compile_set())], maxlen=_SETS_KEPT)

    @property
    def current(self) -> PlanSet:
        """The newest set."""
        return self._sets[0]

    def reload(self) -> PlanSet:
        """Compile aside, then swap one reference. On an error the old set stays and the error is raised."""
        try:
            fresh = self._counted(self._compile())
        except Exception:
            self.refused = True
            raise
        self._sets.appendleft(fresh)
        self.refused = False
        return fresh

    def by_digest(self, digest: str) -> Plan | None:
        """A plan of the current set or of one before it, so that what an earlier plan promised can still be kept."""
        return next((plan for plans in self._sets if (plan := plans.by_digest(digest))), None)

    def _counted(self, fresh: PlanSet) -> PlanSet:
        """Let the plans go on counting where those before them, of equal names, stopped."""
        stages = {id(stage): stage for plan in fresh.plans for stage in plan.stages.values()}
        for stage in stages.values():
            stage.stats = self.stats.stage(stage.point.name)
            for slot in stage.compiled:
                slot.stats = self.stats.slot(stage.point.name, slot.name, slot.extension)
        return fresh
