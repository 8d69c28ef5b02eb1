import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Optional

import pytest

from orderpage.engine.breaker import Breaker, BreakerState
from orderpage.engine.extension import extends, extension
from orderpage.engine.faults import Fault
from orderpage.engine.point import Fact
from orderpage.engine.run import DEADLINE_SHARE, Run

Filler = Callable[..., type]


@pytest.fixture(scope="module")
def filler(toy: Any) -> Filler:
    """A class that fills a fact at a point with what ``work`` answers, or raises."""

    def make(
        fact: Fact[Any], work: Callable[[int], Awaitable[Any]], at: Any = None, budget_ms: int | None = None
    ) -> type:
        @extension(f"fill_{fact.name}")
        class Fill:
            @extends(at or toy.LOAD, fills=fact, budget_ms=budget_ms)
            async def fill(self, view: int) -> Any:
                return await work(view)

        return Fill

    return make


@pytest.fixture(scope="module")
def needy(toy: Any) -> type:
    @extension("needy")
    class Needy:
        @extends(toy.SHOW, needs=toy.FACTS)
        def show(self, view: int, age: int, mood: str, wind: int | None) -> list[str]:
            return [f"{age} {mood} {wind}"]

    return Needy


async def answer(view: int) -> int:
    return view


async def word(view: int) -> str:
    return "wild"


async def boom(view: int) -> int:
    raise RuntimeError("boom")


async def slow(view: int) -> int:
    await asyncio.sleep(3600)
    return view


def slot(plan: Any, point: str, index: int = 0) -> Any:
    return plan.stages[point].compiled[index]


def tasks() -> int:
    return len(asyncio.all_tasks())


async def test_facts_load_in_parallel_and_reach_who_needs_them(toy: Any, filler: Filler, needy: type) -> None:
    meet = asyncio.Barrier(2)

    async def met(view: int) -> Any:
        await meet.wait()
        return view

    async def met_word(view: int) -> Any:
        await meet.wait()
        return "wild"

    plan = toy.plan(filler(toy.AGE, met), filler(toy.MOOD, met_word), filler(toy.WIND, answer, toy.ASK), needy)
    run = Run(plan, facts={}, deadline=time.monotonic() + 60)
    await run.fill(toy.LOAD, 7)
    await run.fill(toy.ASK, 3)
    assert run.collect(toy.SHOW, 0) == ["7 wild 3"]
    assert (run.fact(toy.AGE), run.degraded) == (7, [])


async def test_only_what_is_needed_or_wanted_and_not_given_is_loaded(toy: Any, filler: Filler) -> None:
    async def never(view: int) -> int:
        pytest.fail("loaded in vain")

    @extension("reader")
    class Reader:
        @extends(toy.NOTE, needs=(toy.AGE,))
        def note(self, view: int, age: int) -> list[str]:
            return [str(age)]

    plan = toy.plan(filler(toy.AGE, never), filler(toy.MOOD, word), filler(toy.WIND, never), Reader)
    run = Run(plan, facts={toy.AGE: 4})
    await run.fill(toy.LOAD, 0, wanted=(toy.MOOD,))
    assert run.collect(toy.NOTE, 0) == ["4"]
    assert run.fact(toy.MOOD) == "wild"
    with pytest.raises(LookupError, match="'wind'"):
        run.fact(toy.WIND)


async def test_a_run_shows_its_facts_and_what_a_wave_would_ask_for(toy: Any, filler: Filler) -> None:
    run = Run(toy.plan(filler(toy.AGE, answer), filler(toy.MOOD, word)), facts={})
    assert [slot.fact for slot in run.missing(toy.LOAD, (toy.AGE, toy.MOOD))] == [toy.AGE, toy.MOOD]
    await run.fill(toy.LOAD, 1, wanted=(toy.AGE,))
    assert run.facts == {toy.AGE: 1}
    assert [slot.fact for slot in run.missing(toy.LOAD, (toy.AGE, toy.MOOD))] == [toy.MOOD]
    assert run.missing(toy.ASK, (toy.AGE,)) == []
    with pytest.raises(TypeError):
        run.facts[toy.AGE] = 2  # type: ignore[index]


async def test_a_filled_fact_is_not_asked_for_again(toy: Any, filler: Filler) -> None:
    plan = toy.plan(filler(toy.AGE, answer))
    run = Run(plan, facts={})
    await run.fill(toy.LOAD, 1, wanted=(toy.AGE,))
    await run.fill(toy.LOAD, 2, wanted=(toy.AGE,))
    await run.fill(toy.ASK, 3, wanted=(toy.AGE,))
    assert run.fact(toy.AGE) == 1


async def test_a_fact_without_default_fails_a_closed_point_with_its_own_code(toy: Any, filler: Filler) -> None:
    run = Run(toy.plan(filler(toy.AGE, boom)), facts={})
    with pytest.raises(Fault, match=r"load.fill_age \(fill_age, filling age\) failed: RuntimeError: boom") as caught:
        await run.fill(toy.LOAD, 0, wanted=(toy.AGE,))
    assert caught.value.code == "NO_AGE"


async def test_a_fault_without_a_facts_code_has_the_points(toy: Any, filler: Filler) -> None:
    run = Run(toy.plan(filler(toy.WIND, boom)), facts={})
    with pytest.raises(Fault) as caught:
        await run.fill(toy.LOAD, 0, wanted=(toy.WIND,))
    assert caught.value.code == "LOAD_FAILED"


async def test_a_declared_default_stands_and_the_answer_says_so(toy: Any, filler: Filler) -> None:
    plan = toy.plan(filler(toy.MOOD, boom))
    run = Run(plan, facts={})
    await run.fill(toy.LOAD, 0, wanted=(toy.MOOD,))
    (said,) = run.degraded
    assert run.fact(toy.MOOD) == "calm"
    assert (said.point, said.fact, said.reason, said.cause) == ("load", "mood", "fault", "RuntimeError: boom")
    assert (slot(plan, "load").stats.faults, slot(plan, "load").stats.skips) == (1, 1)


async def test_at_an_open_point_a_fact_without_default_is_none(toy: Any, filler: Filler, needy: type) -> None:
    plan = toy.plan(filler(toy.WIND, boom, toy.ASK), needy, host_facts=(toy.AGE, toy.MOOD))
    run = Run(plan, facts={toy.AGE: 1, toy.MOOD: "m"})
    await run.fill(toy.ASK, 0)
    assert run.collect(toy.SHOW, 0) == ["1 m None"]
    assert [said.fact for said in run.degraded] == ["wind"]


async def test_a_value_of_another_type_than_the_facts_is_a_fault(toy: Any, filler: Filler) -> None:
    run = Run(toy.plan(filler(toy.WIND, word, toy.ASK)), facts={})
    await run.fill(toy.ASK, 0, wanted=(toy.WIND,))
    assert run.degraded[0].cause == "TypeError: str is not allowed here; allowed: int"


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (int | None, None, "x"),
        (Optional[str], "x", 1),  # noqa: UP045
        (list[int], [1], (1,)),
        (Mapping[str, int], {}, []),
        (Any, object(), None),
    ],
)
async def test_a_facts_type_may_be_any_annotation(toy: Any, filler: Filler, kind: Any, right: Any, wrong: Any) -> None:
    fact: Fact[Any] = Fact("any", kind, "A fact of that type.")

    async def work(view: int) -> Any:
        return right if view else wrong

    for view, faults in ((1, 0), (0, 0 if kind is Any else 1)):
        run = Run(toy.plan(filler(fact, work, toy.ASK)), facts={})
        await run.fill(toy.ASK, view, wanted=(fact,))
        assert len(run.degraded) == faults


async def test_a_patient_run_gives_a_slot_a_hundred_times_its_budget(toy: Any, filler: Filler) -> None:
    for patient, given in ((False, 2), (True, 200)):
        plan = toy.plan(filler(toy.WIND, slow, toy.ASK, budget_ms=2))
        run = Run(plan, facts={}, deadline=time.monotonic() + 60, patient=patient)
        await run.fill(toy.ASK, 1, wanted=(toy.WIND,))
        assert [said.cause for said in run.degraded] == [f"TimeoutError: no answer within {given} ms"]


async def test_a_slot_over_its_budget_is_cut_off(toy: Any, filler: Filler) -> None:
    plan = toy.plan(filler(toy.WIND, slow, toy.ASK, budget_ms=20))
    run = Run(plan, facts={})
    await run.fill(toy.ASK, 0, wanted=(toy.WIND,))
    assert [(said.reason, said.cause) for said in run.degraded] == [("timeout", "TimeoutError: no answer within 20 ms")]
    assert (slot(plan, "ask").stats.overruns, slot(plan, "ask").stats.faults) == (1, 1)


async def test_a_wave_takes_at_most_its_share_of_the_deadline(toy: Any, filler: Filler) -> None:
    run = Run(toy.plan(filler(toy.WIND, slow, toy.ASK, budget_ms=5000)), facts={}, deadline=time.monotonic() + 1)
    await run.fill(toy.ASK, 0, wanted=(toy.WIND,))
    given = int(run.degraded[0].cause.removeprefix("TimeoutError: no answer within ").removesuffix(" ms"))
    assert 0 < given <= 1000 * DEADLINE_SHARE


async def test_after_the_deadline_nobody_is_asked(toy: Any, filler: Filler) -> None:
    plan = toy.plan(filler(toy.WIND, slow, toy.ASK))
    run = Run(plan, facts={}, deadline=time.monotonic() - 1)
    await run.fill(toy.ASK, 0, wanted=(toy.WIND,))
    assert run.degraded[0].cause == "TimeoutError: no time left before the deadline"
    assert slot(plan, "ask").stats.calls == 0


async def test_repeated_failures_open_the_breaker_and_then_nobody_is_asked(toy: Any, filler: Filler) -> None:
    plan = toy.plan(filler(toy.WIND, boom, toy.ASK))
    slot(plan, "ask").breaker = Breaker(threshold=2, cool_down=100)
    reasons = []
    for _ in range(3):
        run = Run(plan, facts={})
        await run.fill(toy.ASK, 0, wanted=(toy.WIND,))
        reasons.append(run.degraded[0].reason)
    assert reasons == ["fault", "fault", "unavailable"]
    assert slot(plan, "ask").stats.calls == 2


async def test_callers_in_a_hurry_do_not_open_the_breaker_for_everyone(toy: Any, filler: Filler) -> None:
    plan = toy.plan(filler(toy.WIND, slow, toy.ASK, budget_ms=1000))
    slot(plan, "ask").breaker = Breaker(threshold=1)
    await Run(plan, facts={}, deadline=time.monotonic() + 0.02).fill(toy.ASK, 0, wanted=(toy.WIND,))
    assert slot(plan, "ask").breaker.state is BreakerState.CLOSED


async def test_an_error_of_the_extensions_own_clock_is_a_fault_not_a_timeout(toy: Any, filler: Filler) -> None:
    async def own(view: int) -> int:
        raise TimeoutError("theirs")

    run = Run(toy.plan(filler(toy.WIND, own, toy.ASK)), facts={})
    await run.fill(toy.ASK, 0, wanted=(toy.WIND,))
    assert (run.degraded[0].reason, run.degraded[0].cause) == ("fault", "TimeoutError: theirs")


async def test_a_cancelled_error_of_the_extensions_own_is_a_fault(toy: Any, filler: Filler) -> None:
    async def own(view: int) -> int:
        raise asyncio.CancelledError

    for facts in ((toy.WIND,), (toy.WIND, toy.MOOD)):
        plan = toy.plan(filler(toy.WIND, own, toy.ASK), filler(toy.MOOD, word, toy.ASK))
        run = Run(plan, facts={})
        await run.fill(toy.ASK, 0, wanted=facts)
        assert [said.reason for said in run.degraded] == ["fault"]


async def test_a_fault_cancels_the_other_slots_and_leaves_no_task(toy: Any, filler: Filler) -> None:
    ended: list[str] = []

    async def watched(view: int) -> int:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("watched")
        return view

    async def late_boom(view: int) -> int:
        await asyncio.sleep(0.01)
        raise RuntimeError("boom")

    before = tasks()
    plan = toy.plan(filler(toy.AGE, late_boom), filler(toy.WIND, watched))
    with pytest.raises(Fault):
        await Run(plan, facts={}).fill(toy.LOAD, 0, wanted=toy.FACTS)
    assert (ended, tasks()) == (["watched"], before)
    assert slot(plan, "load", 1).breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("count", [1, 2])
async def test_an_outer_cancellation_cancels_the_slots_and_passes_on(toy: Any, filler: Filler, count: int) -> None:
    started: list[int] = []
    ended: list[int] = []

    async def watched(view: int) -> int:
        started.append(view)
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(view)
        return view

    plan = toy.plan(*[filler(fact, watched, toy.ASK) for fact in (toy.AGE, toy.WIND)[:count]])
    run = Run(plan, facts={})
    before = tasks()
    outer = asyncio.create_task(run.fill(toy.ASK, 0, wanted=toy.FACTS))
    await asyncio.sleep(0.01)
    assert len(started) == count
    outer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert (len(ended), tasks(), run.degraded) == (count, before, [])
    assert slot(plan, "ask").stats.faults == 0


async def test_facts_of_an_earlier_wave_reach_the_slots_of_a_later_one(toy: Any, filler: Filler) -> None:
    @extension("later")
    class Later:
        @extends(toy.ASK, needs=(toy.AGE,), fills=toy.WIND)
        async def ask(self, view: int, age: int) -> int:
            return view + age

    run = Run(toy.plan(filler(toy.AGE, answer), Later), facts={})
    await run.fill(toy.LOAD, 5)
    await run.fill(toy.ASK, 1, wanted=(toy.WIND,))
    assert run.fact(toy.WIND) == 6


async def test_an_explained_run_tells_what_was_filled_and_what_was_not(toy: Any, filler: Filler) -> None:
    plan = toy.plan(filler(toy.AGE, answer), filler(toy.MOOD, boom))
    run = Run(plan, facts={}, explain=True)
    await run.fill(toy.LOAD, 1, wanted=toy.FACTS)
    assert {step.slot: step.decided for step in run.explanation} == {
        "fill_age": "filled age",
        "fill_mood": "fault: mood is 'calm'",
    }


def test_a_default_answers_for_a_fact_that_nobody_asked_for(toy: Any) -> None:
    assert Run(toy.plan(), facts={}).fact(toy.MOOD) == "calm"


async def test_an_explained_run_tells_which_slot_failed_it(toy: Any, filler: Filler) -> None:
    run = Run(toy.plan(filler(toy.AGE, boom)), facts={}, explain=True)
    with pytest.raises(Fault):
        await run.fill(toy.LOAD, 1, wanted=(toy.AGE,))
    assert [(step.slot, step.decided) for step in run.explanation] == [("fill_age", "fault: RuntimeError: boom")]


# ---- facts of several slots, and per-slot budgets ----------------------------------------------------------------

QUOTES: Fact[Mapping[str, int]] = Fact("quotes", Mapping[str, int], "What each slot was quoted.", by_slot=True)


def quoter(toy: Any, name: str, work: Callable[[int], Awaitable[Any]], budget_ms: int | None = None) -> type:
    @extension(name)
    class Quote:
        def __init__(self, settings: Any) -> None:
            if budget_ms is not None:
                self.budget_ms = budget_ms

        @extends(toy.ASK, fills=QUOTES, budget_ms=5_000)
        async def quote(self, view: int) -> int:
            return await work(view)  # type: ignore[no-any-return]

    return Quote


@pytest.fixture(scope="module")
def reading(toy: Any) -> type:
    @extension("reads_quotes")
    class Reads:
        @extends(toy.SHOW, needs=(QUOTES,))
        def show(self, view: int, quotes: Mapping[str, int]) -> list[str]:
            return [f"{name} {amount}" for name, amount in sorted(quotes.items())]

    return Reads


async def test_several_slots_fill_one_fact_each_under_its_name(toy: Any, reading: type) -> None:
    run = Run(toy.plan(quoter(toy, "a", answer), quoter(toy, "b", answer), reading), facts={})
    await run.fill(toy.ASK, 7)
    assert run.collect(toy.SHOW, 0) == ["a 7", "b 7"]


async def test_a_slot_that_fails_is_absent_and_said_so_and_the_others_stand(toy: Any, reading: type) -> None:
    plan = toy.plan(quoter(toy, "a", boom), quoter(toy, "b", word), quoter(toy, "c", answer), reading)
    run = Run(plan, facts={})
    await run.fill(toy.ASK, 7)
    assert run.collect(toy.SHOW, 0) == ["c 7"], "b answered a text where a number is expected"
    assert [(lost.slot, lost.reason) for lost in run.degraded] == [("a", "fault"), ("b", "fault")]


async def test_a_fact_of_several_slots_that_is_given_is_not_asked_for(toy: Any, reading: type) -> None:
    run = Run(toy.plan(quoter(toy, "a", boom), reading), facts={QUOTES: {"a": 5}})
    await run.fill(toy.ASK, 7)
    assert (run.collect(toy.SHOW, 0), run.degraded) == (["a 5"], [])


async def test_an_instance_may_have_a_budget_of_its_own(toy: Any, reading: type) -> None:
    run = Run(toy.plan(quoter(toy, "a", slow, budget_ms=20), quoter(toy, "b", answer), reading), facts={})
    await run.fill(toy.ASK, 7)
    assert [(lost.slot, lost.reason) for lost in run.degraded] == [("a", "timeout")]
    assert run.collect(toy.SHOW, 0) == ["b 7"]


def test_a_plan_knows_the_facts_that_a_quote_pins(toy: Any) -> None:
    kept: Fact[int] = Fact("kept", int, "Held under a quote.", default=0, pinned=True)

    @extension("needs_kept")
    class Needs:
        @extends(toy.SHOW, needs=(kept, toy.AGE))
        def show(self, view: int, one: int, age: int) -> list[str]:
            return []

    assert toy.plan(Needs, host_facts=(kept, toy.AGE)).pinned == (kept,)
