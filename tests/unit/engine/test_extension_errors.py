"""Every mistake in an extension's code is refused when plans compile, naming the extension and what to do."""

from collections.abc import Callable
from typing import Any

import pytest

from orderpage.engine.compile import compile_plans
from orderpage.engine.discover import Offered, offer
from orderpage.engine.extension import extends, extension, spec_of
from orderpage.engine.point import Fact, OnFailure, Point, Reduce, Shape
from orderpage.engine.problems import PackageErrors


def refused(toy: Any, *classes: type, **more: Any) -> str:
    with pytest.raises(PackageErrors) as caught:
        toy.plan(*classes, **more)
    return str(caught.value)


def standing(point: Any, method: Callable[..., Any], **hook: Any) -> type:
    return extension("wrong")(type("Wrong", (), {"method": extends(point, **hook)(method)}))


def test_a_method_takes_the_view_and_its_needs_no_more_no_less(toy: Any) -> None:
    methods: list[Callable[..., Any]] = [
        lambda self: [],
        lambda self, view: [],
        lambda self, view, age, more: [],
        lambda self, view, *ages: [],
        lambda self, view, *, age: [],
    ]
    for method in methods:
        method.__name__ = "method"
        text = refused(toy, standing(toy.NOTE, method, needs=(toy.AGE,)), host_facts=(toy.AGE,))
        assert "extension 'wrong': Wrong.method at point 'note' takes" in text
        assert "let it take self and 2: view, age" in text


def test_sync_and_async_must_match_the_point(toy: Any) -> None:
    async def method(self: object, view: int) -> list[str]:
        return []

    assert "must be a plain `def`" in refused(toy, standing(toy.NOTE, method))

    def plain(self: object, view: int) -> int:
        return 1

    plain.__name__ = "method"
    assert "must be `async def`" in refused(toy, standing(toy.LOAD, plain, fills=toy.AGE))


def test_async_hooks_fill_and_others_do_not(toy: Any) -> None:
    async def method(self: object, view: int) -> int:
        return 1

    assert "fills no fact; declare it with `fills=`" in refused(toy, standing(toy.LOAD, method))
    assert "budget of 0 ms" in refused(toy, standing(toy.LOAD, method, fills=toy.AGE, budget_ms=0))

    def plain(self: object, view: int) -> list[str]:
        return []

    plain.__name__ = "method"
    assert "which are for async points" in refused(toy, standing(toy.NOTE, plain, fills=toy.AGE))
    assert "which are for async points" in refused(toy, standing(toy.NOTE, plain, budget_ms=5))


def test_needs_are_facts(toy: Any) -> None:
    def method(self: object, view: int, name: str) -> list[str]:
        return []

    assert "declare facts only" in refused(toy, standing(toy.NOTE, method, needs=("age",)))


def test_a_fact_must_be_filled_at_an_earlier_point(toy: Any) -> None:
    @extension("reader")
    class Reader:
        @extends(toy.GATE, needs=(toy.WIND,))
        def gate(self, view: int, wind: int) -> list[int]:
            return []

    @extension("asker")
    class Asker:
        @extends(toy.ASK, fills=toy.WIND)
        async def ask(self, view: int) -> int:
            return 1

    @extension("loader")
    class Loader:
        @extends(toy.LOAD, fills=toy.WIND)
        async def load(self, view: int) -> int:
            return 1

    @extension("twin")
    class Twin:
        @extends(toy.LOAD, fills=Fact("wind", int, "A fact of the same name."))
        async def load(self, view: int) -> int:
            return 1

    nobody = refused(toy, Reader)
    assert nobody.startswith("toy.yaml:1: extension 'reader' needs fact 'wind', which nobody fills before gate; add")
    assert "which is filled only at ask, not before gate; fill it earlier" in refused(toy, Reader, Asker)
    assert "another fact of that name is filled; import the Fact" in refused(toy, Reader, Twin)
    assert toy.plan(Reader, Loader).needs == {toy.WIND}
    assert toy.plan(Reader, host_facts=(toy.WIND,))


def test_two_slots_may_not_fill_one_fact(toy: Any) -> None:
    @extension("one")
    class One:
        @extends(toy.LOAD, fills=toy.WIND)
        async def load(self, view: int) -> int:
            return 1

    @extension("two")
    class Two:
        @extends(toy.ASK, fills=toy.WIND)
        async def ask(self, view: int) -> int:
            return 1

    text = refused(toy, One, Two)
    assert text.startswith(
        "toy.yaml:2: 'two' fills fact 'wind', which 'one' of default toy.yaml:1 fills too; remove one"
    )


def test_what_the_host_itself_needs_must_be_filled_in_every_plan(toy: Any, default: str) -> None:
    with pytest.raises(PackageErrors, match="the host needs fact 'wind', which no slot fills"):
        toy.compile(default, host_needs=(toy.WIND,))
    assert toy.compile(default, host_needs=(toy.AGE,))


def test_an_extension_stands_at_points_of_this_host(toy: Any) -> None:
    elsewhere: Any = Point("stray", "", Shape.BATCH, Reduce.COLLECT, OnFailure.OPEN, int)

    @extension("astray")
    class Astray:
        @extends(elsewhere)
        def stray(self, view: int) -> list[int]:
            return []

    @extension("idle")
    class Idle:
        pass

    for cls, message in ((Astray, "there is no such point here"), (Idle, "Idle stands at no point; mark a method")):
        with pytest.raises(PackageErrors, match=message):
            compile_plans(points=toy.POINTS, dimensions={"site": ["HK"]}, layers=[], extensions=offer(cls))


def test_an_extension_has_the_name_it_is_offered_by(toy: Any) -> None:
    class Plain:
        pass

    @extension("named")
    class Named:
        @extends(toy.NOTE)
        def note(self, view: int) -> list[str]:
            return []

    for cls, message in ((Plain, "extension 'x' has no @extension"), (Named, "extension 'x' names itself 'named'")):
        with pytest.raises(PackageErrors, match=message):
            compile_plans(points=toy.POINTS, dimensions={"site": ["HK"]}, layers=[], extensions={"x": Offered(cls)})
    with pytest.raises(TypeError, match="Plain is not an extension"):
        offer(Plain)


def test_two_methods_at_one_point_are_refused_at_once(toy: Any) -> None:
    with pytest.raises(TypeError, match="has two methods at point 'note'; keep one"):

        @extension("double")
        class Double:
            @extends(toy.NOTE)
            def one(self, view: int) -> list[str]:
                return []

            @extends(toy.NOTE)
            def two(self, view: int) -> list[str]:
                return []


def test_hooks_of_a_base_class_count(toy: Any) -> None:
    class Base:
        @extends(toy.NOTE)
        def note(self, view: int) -> list[str]:
            return [self.said]

        said = "base"

    @extension("derived")
    class Derived(Base):
        said = "derived"

    spec = spec_of(Derived)
    assert spec is not None
    assert list(spec.hooks) == ["note"]
    assert toy.plan(Derived).stages["note"].compiled[0].call(1) == ["derived"]


def test_the_hosts_own_points_are_checked_too(toy: Any) -> None:
    with pytest.raises(ValueError, match="two points are named 'note'"):
        compile_plans(points=[toy.NOTE, toy.NOTE], dimensions={}, layers=[], extensions={})
    odd: Any = Point("odd", "", Shape.BATCH, Reduce.FILL, OnFailure.OPEN, int)
    with pytest.raises(ValueError, match="does not fit"):
        compile_plans(points=[odd], dimensions={}, layers=[], extensions={})
