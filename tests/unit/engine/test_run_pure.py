import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from orderpage.engine.extension import extends, extension
from orderpage.engine.faults import Fault
from orderpage.engine.run import Run


@pytest.fixture(scope="module")
def broken(toy: Any) -> Any:
    @extension("broken")
    class Broken:
        @extends(toy.NOTE)
        def note(self, view: int) -> Iterator[str]:
            yield "begun"
            raise RuntimeError("boom")

        @extends(toy.GATE)
        def gate(self, view: int) -> list[int]:
            raise RuntimeError("boom")

        @extends(toy.FEE)
        def fee(self, view: int) -> Callable[[int], int]:
            def rule(subject: int) -> int:
                return 10 // subject

            return rule

        @extends(toy.GUESS)
        def guess(self, view: int) -> Callable[[int], Any]:
            return lambda subject: subject or 1 / 0

        @extends(toy.RATE)
        def rate(self, view: int) -> Callable[[int], int] | None:
            raise RuntimeError("boom")

    return Broken


@pytest.fixture(scope="module")
def right(toy: Any) -> Any:
    @extension("right")
    class Right:
        @extends(toy.NOTE)
        def note(self, view: int) -> Iterable[str]:
            return (word for word in ("a", "b"))

        @extends(toy.GATE)
        def gate(self, view: int) -> tuple[int, ...]:
            return (view, True)

        @extends(toy.FEE)
        def fee(self, view: int) -> Callable[[int], int | None] | None:
            return (lambda subject: subject + view if subject else None) if view else None

        @extends(toy.GUESS)
        def guess(self, view: int) -> Callable[[int], str]:
            return lambda subject: f"right {subject}"

        @extends(toy.RATE)
        def rate(self, view: int) -> Callable[[int], int]:
            return lambda subject: subject

    return Right


def test_collect_takes_all_results_in_slot_order_from_any_iterable(toy: Any, right: type) -> None:
    run = Run(toy.plan(right), facts={})
    assert run.collect(toy.NOTE, 1) == ["a", "b"]
    assert run.collect(toy.GATE, 1) == [1, True]
    assert not run.degraded


def test_an_empty_point_collects_nothing_and_binds_nothing(toy: Any, right: type) -> None:
    run = Run(toy.plan(right), facts={})
    bound = run.bind(toy.SHOW, 1)
    assert run.collect(toy.SHOW, 1) == []
    assert not bound
    assert (bound.collect(1), bound.first(1), bound.scores(1)) == ([], None, [])


def test_needs_arrive_as_arguments_in_their_order(toy: Any) -> None:
    @extension("reader")
    class Reader:
        @extends(toy.NOTE, needs=(toy.MOOD, toy.AGE))
        def note(self, view: int, mood: str, age: int) -> list[str]:
            return [f"{mood} {age}"]

        @extends(toy.FEE, needs=(toy.AGE,))
        def fee(self, view: int, age: int) -> Callable[[int], int]:
            return lambda subject: subject + age

    run = Run(toy.plan(Reader, host_facts=(toy.AGE, toy.MOOD)), facts={toy.AGE: 7, toy.MOOD: "gay"})
    assert run.collect(toy.NOTE, 1) == ["gay 7"]
    assert run.bind(toy.FEE, 1).collect(1) == [8]


def test_a_fact_that_the_host_forgot_is_the_hosts_mistake_even_at_an_open_point(toy: Any) -> None:
    @extension("reader")
    class Reader:
        @extends(toy.NOTE, needs=(toy.AGE,))
        def note(self, view: int, age: int) -> list[str]:
            return [str(age)]

    run = Run(toy.plan(Reader, host_facts=(toy.AGE,)), facts={})
    with pytest.raises(LookupError, match=r"'age'.*fill the point"):
        run.collect(toy.NOTE, 1)


def test_first_stops_at_the_first_answer(toy: Any, right: type) -> None:
    asked: list[int] = []

    @extension("silent")
    class Silent:
        @extends(toy.GUESS)
        def guess(self, view: int) -> Callable[[int], None]:
            return asked.append

    @extension("late")
    class Late:
        @extends(toy.GUESS)
        def guess(self, view: int) -> Callable[[int], str]:
            return lambda subject: pytest.fail("asked after the first answer")

    bound = Run(toy.plan(Silent, right, Late), facts={}).bind(toy.GUESS, 1)
    assert bound.first(5) == "right 5"
    assert asked == [5]


def test_scores_come_with_the_weight_of_their_slot(toy: Any, right: type) -> None:
    run = Run(toy.plan(right, weights={"right": 40}), facts={})
    assert run.bind(toy.RATE, 1).scores(9) == [(40, 9)]


def test_a_bound_slot_with_nothing_to_do_is_never_asked(toy: Any, right: type) -> None:
    bound = Run(toy.plan(right), facts={}).bind(toy.FEE, 0)
    assert not bound
    assert bound.collect(1) == []


def test_a_fault_at_an_open_point_leaves_out_all_that_the_slot_said_and_is_noted(
    toy: Any, broken: type, right: type
) -> None:
    plan = toy.plan(broken, right)
    run = Run(plan, facts={})
    assert run.collect(toy.NOTE, 1) == ["a", "b"]
    (said,) = run.degraded
    assert (said.point, said.slot, said.extension, said.reason) == ("note", "broken", "broken", "fault")
    assert said.cause == "RuntimeError: boom"
    stats = plan.stages["note"].compiled[0].stats
    assert (stats.calls, stats.faults, stats.skips) == (1, 1, 1)


def test_a_fault_at_a_closed_point_raises_with_the_points_code(toy: Any, broken: type, right: type) -> None:
    run = Run(toy.plan(broken, right), facts={})
    with pytest.raises(Fault) as caught:
        run.collect(toy.GATE, 1)
    assert caught.value.code == "GATE_FAILED"
    assert (caught.value.point, caught.value.slot) == (toy.GATE, "broken")
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert str(caught.value) == "gate.broken (broken) failed: RuntimeError: boom"


def test_a_bound_fault_at_a_closed_point_costs_that_subject_only(toy: Any, broken: type, right: type) -> None:
    bound = Run(toy.plan(broken, right), facts={}).bind(toy.FEE, 1)
    with pytest.raises(Fault):
        bound.collect(0)
    assert bound.collect(5) == [2, 6]


def test_a_bound_fault_at_an_open_point_is_noted_once_a_slot_and_counted_each_time(
    toy: Any, broken: type, right: type
) -> None:
    plan = toy.plan(broken, right)
    run = Run(plan, facts={})
    bound = run.bind(toy.GUESS, 1)
    assert [bound.first(subject) for subject in (0, 0, 7)] == ["right 0", "right 0", "right 7"]
    assert [said.slot for said in run.degraded] == ["broken"]
    assert plan.stages["guess"].compiled[0].stats.faults == 3  # two exceptions and one int where a str is due
    assert bound.collect(0) == ["right 0"]


def test_a_slot_that_fails_to_bind_is_left_out(toy: Any, broken: type, right: type) -> None:
    run = Run(toy.plan(broken, right), facts={})
    assert run.bind(toy.RATE, 1).scores(3) == [(1, 3)]
    assert [said.slot for said in run.degraded] == ["broken"]


@pytest.mark.parametrize("answer", [None, 5, [1], ["right", 1], {1}])
def test_an_answer_that_the_point_does_not_allow_is_a_fault(toy: Any, answer: Any) -> None:
    @extension("wrong")
    class Wrong:
        @extends(toy.NOTE)
        def note(self, view: int) -> Any:
            return answer

        @extends(toy.FEE)
        def fee(self, view: int) -> Any:
            return "not callable"

        @extends(toy.RATE)
        def rate(self, view: int) -> Any:
            return lambda subject: "not a number"

    run = Run(toy.plan(Wrong), facts={})
    assert run.collect(toy.NOTE, 1) == []
    assert run.bind(toy.RATE, 1).scores(1) == []
    assert [said.point for said in run.degraded] == ["note", "rate"]
    assert "TypeError" in run.degraded[0].cause
    with pytest.raises(Fault, match="a function of the subject"):
        run.bind(toy.FEE, 1).collect(0)


def test_a_slow_stage_is_counted_and_a_traced_run_says_which_slot(
    toy: Any, right: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orderpage.engine.run.STAGE_SECONDS", 0.3)  # so long no busy machine keeps the other from it

    @extension("slow")
    class Slow:
        @extends(toy.NOTE)
        def note(self, view: int) -> list[str]:
            time.sleep(0.4)
            return []

    plan = toy.plan(Slow, right)
    stage = plan.stages["note"]
    Run(plan, facts={}).collect(toy.NOTE, 1)
    assert (stage.stats.overruns, stage.compiled[0].stats.overruns) == (1, 0)
    Run(plan, facts={}, explain=True).collect(toy.NOTE, 1)
    assert (stage.stats.overruns, stage.compiled[0].stats.overruns, stage.compiled[1].stats.overruns) == (2, 1, 0)


def test_an_explained_run_answers_the_same_and_says_what_each_slot_decided(toy: Any, broken: type, right: type) -> None:
    plan = toy.plan(broken, right)
    plain, explained = Run(plan, facts={}), Run(plan, facts={}, explain=True)
    for run in (plain, explained):
        assert run.collect(toy.NOTE, 1) == ["a", "b"]
        bound = run.bind(toy.GUESS, 1)
        assert [bound.first(subject) for subject in range(3)] == ["right 0", "right 1", "right 2"]
    assert plain.degraded == explained.degraded
    assert plain.explanation == []
    steps = {(step.point, step.slot): step for step in explained.explanation}
    assert steps["note", "broken"].decided == "fault: RuntimeError: boom"
    assert steps["note", "right"].decided == "'a'; 'b'"
    guess = steps["guess", "right"]
    assert guess.calls == 3  # once a subject; binding is none
    assert guess.micros >= 0
    assert guess.decided == "'right 0'; 'right 1'; 'right 2'"
    assert str(guess.origin) == "default toy.yaml:2"


def test_a_subclass_of_an_allowed_type_is_allowed(toy: Any) -> None:
    class Word(str):
        __slots__ = ()

    @extension("sub")
    class Sub:
        @extends(toy.NOTE)
        def note(self, view: int) -> list[str]:
            return [Word("w")]

        @extends(toy.FEE)
        def fee(self, view: int) -> Callable[[int], int | None]:
            return lambda subject: True if subject else None

    run = Run(toy.plan(Sub), facts={})
    assert run.collect(toy.NOTE, 1) == ["w"]
    bound = run.bind(toy.FEE, 1)
    assert [bound.collect(subject) for subject in (1, 0)] == [[True], []]
    assert (bound.first(0), bound.scores(0)) == (None, [])


def test_a_value_with_a_broken_repr_is_still_explained(toy: Any) -> None:
    class Shy(int):
        def __repr__(self) -> str:
            raise RuntimeError("shy")

    @extension("shy")
    class Says:
        @extends(toy.FEE)
        def fee(self, view: int) -> Callable[[int], int]:
            return Shy

    run = Run(toy.plan(Says), facts={}, explain=True)
    assert run.bind(toy.FEE, 1).collect(3) == [3]
    assert "Shy instance" in run.explanation[0].decided
