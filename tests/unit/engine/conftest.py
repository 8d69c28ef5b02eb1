"""A toy host: points about numbers and words, with a few extensions, so that the engine is tested without a shop."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from orderpage.engine.compile import compile_plans
from orderpage.engine.discover import Offered, offer
from orderpage.engine.extension import Settings, extends, extension, spec_of
from orderpage.engine.layer import Edit, Layer
from orderpage.engine.package import PackageFiles, read_packages
from orderpage.engine.plan import Origin, Plan, PlanSet
from orderpage.engine.point import Fact, OnFailure, Point, Reduce, Shape
from orderpage.engine.scenarios import SourceText

SCENARIOS = """\
timezone: Asia/Shanghai
dimensions:
  site: [HK, SG]
  entry: [web, app]
  crowd: [everyone, member]
  bucket: [control, trial]
buckets: {salt: s, control: 9000, trial: 1000}
"""
DEFAULT = "package: default\nprofile: {currency: HKD}\n"


class ToyProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    currency: str
    limits: dict[str, int] = {}


def point(name: str, shape: Shape, reduce: Reduce, on_failure: OnFailure, **more: Any) -> Point[Any, Any]:
    return Point(name, f"about {name}", shape, reduce, on_failure, int, **more)


class Toy:
    """Points, facts and ways to make plans."""

    LOAD = point("load", Shape.ASYNC, Reduce.FILL, OnFailure.CLOSED, code="LOAD_FAILED")
    GATE = point("gate", Shape.BATCH, Reduce.COLLECT, OnFailure.CLOSED, result=(int,), code="GATE_FAILED")
    ASK = point("ask", Shape.ASYNC, Reduce.FILL, OnFailure.OPEN)
    NOTE = point("note", Shape.BATCH, Reduce.COLLECT, OnFailure.OPEN, result=(str,))
    FEE = point("fee", Shape.BIND, Reduce.COLLECT, OnFailure.CLOSED, result=(int,), subject=int, code="FEE_FAILED")
    GUESS = point("guess", Shape.BIND, Reduce.FIRST, OnFailure.OPEN, result=(str,), subject=int, ordered=True)
    RATE = point("rate", Shape.BIND, Reduce.SCORE, OnFailure.OPEN, result=(int,), subject=int)
    SHOW = point("show", Shape.BATCH, Reduce.COLLECT, OnFailure.OPEN, result=(str,), ordered=True)
    POINTS = (LOAD, GATE, ASK, NOTE, FEE, GUESS, RATE, SHOW)

    AGE: Fact[int] = Fact("age", int, "An age.", code="NO_AGE")
    MOOD: Fact[str] = Fact("mood", str, "A mood.", default="calm")
    WIND: Fact[int] = Fact("wind", int, "Wind, asked for late.")
    FACTS = (AGE, MOOD, WIND)

    NOW = datetime(2026, 6, 1, tzinfo=UTC)
    CELL = ("HK", "web", "everyone", "control")

    def offered(self, *more: type) -> dict[str, Offered]:
        return {**offer(Word, Number, Other, Ager), **offer(*more)}

    def compile(self, *texts: str, extensions: tuple[type, ...] = (), **more: Any) -> PlanSet:
        """Plans of layer files ``layers/0.yaml``, ``layers/1.yaml`` …, with the toy extensions and ``extensions``."""
        sources = tuple(SourceText(f"layers/{index}.yaml", text) for index, text in enumerate(texts))
        files = PackageFiles((SourceText("scenarios.yaml", SCENARIOS),), sources)
        packages = read_packages(files, self.POINTS)
        options: dict[str, Any] = {"host_facts": (self.AGE, self.MOOD), "profile_type": ToyProfile, **more}
        return compile_plans(
            points=self.POINTS,
            dimensions=packages.scenarios.dimensions,
            layers=packages.layers,
            extensions=self.offered(*extensions),
            **options,
        )

    def plan(
        self, *classes: type, host_facts: tuple[Fact[Any], ...] = (), weights: dict[str, int] | None = None
    ) -> Plan:
        """A plan in which each class stands at all of its points, in the order given."""
        edits = []
        for line, cls in enumerate(classes, 1):
            spec = spec_of(cls)
            assert spec is not None
            for name, hook in spec.hooks.items():
                weight = (weights or {}).get(spec.name, 1) if hook.point.reduce is Reduce.SCORE else None
                edits.append(
                    Edit("add", name, spec.name, Origin("default", "toy.yaml", line), spec.name, weight=weight)
                )
        plans = compile_plans(
            points=self.POINTS,
            dimensions={"site": ("HK",)},
            layers=[Layer("default", Origin("default", "toy.yaml", 1), edits=tuple(edits))],
            extensions=offer(*classes),
            host_facts=host_facts,
        )
        return plans.plan(("HK",), self.NOW)


class WordSettings(Settings, frozen=True):
    word: str = "hello"
    deep: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)


@extension("word", settings=WordSettings)
class Word:
    """Says its word, and guesses it."""

    def __init__(self, settings: WordSettings) -> None:
        if settings.word == "forbidden":
            raise ValueError("the word is forbidden")
        if settings.word == "missing":
            raise FileNotFoundError("words.txt")
        self.word = settings.word

    @extends(Toy.NOTE)
    def note(self, view: int) -> list[str]:
        return [self.word]

    @extends(Toy.GUESS)
    def guess(self, view: int) -> Callable[[int], str | None]:
        return lambda subject: self.word if subject < view else None

    @extends(Toy.SHOW)
    def show(self, view: int) -> list[str]:
        return [self.word]


class NumberSettings(Settings, frozen=True):
    number: int


@extension("number", settings=NumberSettings)
class Number:
    """Adds its number to the subject, and scores with it."""

    def __init__(self, settings: NumberSettings) -> None:
        self.number = settings.number

    @extends(Toy.FEE)
    def fee(self, view: int) -> Callable[[int], int]:
        return lambda subject: subject + self.number

    @extends(Toy.RATE)
    def rate(self, view: int) -> Callable[[int], int]:
        return lambda subject: subject * self.number


@extension("other")
class Other:
    """Stands where Word does."""

    @extends(Toy.NOTE)
    def note(self, view: int) -> list[str]:
        return ["other"]

    @extends(Toy.SHOW)
    def show(self, view: int) -> list[str]:
        return ["other"]


@extension("ager")
class Ager:
    """Needs a fact."""

    @extends(Toy.NOTE, needs=(Toy.AGE, Toy.MOOD))
    def note(self, view: int, age: int, mood: str) -> list[str]:
        return [f"{age} and {mood}"]


@pytest.fixture(scope="session")
def toy() -> Toy:
    return Toy()


@pytest.fixture(scope="session")
def default() -> str:
    return DEFAULT
