"""What an explanation says of a slot: each different answer once, with its number, and why there is none."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orderpage.engine.extension import extends, extension
from orderpage.engine.run import Run
from orderpage.engine.text import one_line, told
from orderpage.engine.trace import Step


class Worded(str):
    __slots__ = ()

    def __str__(self) -> str:
        return f"worded {self[:]}"


def guessing(toy: Any, guess: Callable[[int], Callable[[int], Any] | None]) -> type:
    @extension("guessing")
    class Guessing:
        @extends(toy.GUESS)
        def guess(self, view: int) -> Callable[[int], Any] | None:
            return guess(view)

    return Guessing


def explained(toy: Any, rule: Callable[[int], Any] | None, *subjects: int) -> Step:
    """The step of a slot that binds ``rule``, asked about the subjects."""
    run = Run(toy.plan(guessing(toy, lambda _: rule)), facts={}, explain=True)
    bound = run.bind(toy.GUESS, 1)
    for subject in subjects:
        bound.first(subject)
    (step,) = run.explanation
    return step


def test_equal_answers_are_said_once_with_their_number(toy: Any) -> None:
    step = explained(toy, lambda subject: "even" if subject % 2 == 0 else "odd", 0, 1, 2, 4)
    assert (step.calls, step.decided) == (4, "'even' ×3; 'odd'")


def test_only_the_first_few_different_answers_are_kept_and_the_others_counted(toy: Any) -> None:
    step = explained(toy, lambda subject: f"{subject % 5}", *range(10))
    assert (step.calls, step.decided) == (10, "'0' ×2; '1' ×2; '2' ×2; and 4 more")


def test_a_type_that_has_words_for_itself_is_shown_in_them(toy: Any) -> None:
    assert explained(toy, lambda _: Worded("so"), 1, 2).decided == "worded so ×2"


def test_asleep_unasked_and_silent_are_told_apart_and_calls_count_subjects_alone(toy: Any) -> None:
    asleep, unasked, silent = explained(toy, None, 1, 2), explained(toy, str), explained(toy, lambda _: None, 1, 2)
    assert (asleep.calls, asleep.decided) == (0, "nothing to do on this page")
    assert (unasked.calls, unasked.decided) == (0, "was asked about nothing")
    assert (silent.calls, silent.decided) == (2, "nothing")
    assert min(step.began for step in (asleep, unasked, silent)) > 0


def test_a_batch_slots_answers_are_said_one_by_one_and_none_is_nothing(toy: Any) -> None:
    @extension("wordy")
    class Wordy:
        @extends(toy.NOTE)
        def note(self, view: int) -> Iterator[str]:
            yield from ("a", "b", "a") if view else ()

    said = []
    for view in (1, 0):
        run = Run(toy.plan(Wordy), facts={}, explain=True)
        run.collect(toy.NOTE, view)
        said.append((run.explanation[0].calls, run.explanation[0].decided))
    assert said == [(1, "'a' ×2; 'b'"), (1, "nothing")]


def test_a_fault_is_said_before_however_many_answers(toy: Any) -> None:
    step = explained(toy, lambda subject: f"{1 // (7 - subject)}{subject}", *range(8))
    assert step.calls == 8
    assert step.decided.startswith("fault: ZeroDivisionError: ")
    assert step.decided.endswith("; and 4 more")


class Broken(Worded):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("plain", "'plain'"), (7, "7"), ([1], "[1]"), (b"x", "b'x'"), (Worded("w"), "worded w"),
        (Broken("b"), "'b'"),
    ],
)  # fmt: skip
def test_a_value_is_shown_in_its_own_words_and_without_any_as_python_writes_it(value: object, said: str) -> None:
    assert told(value) == said


def test_a_long_or_broken_text_becomes_one_short_line_that_no_terminal_obeys() -> None:
    assert one_line("SGD\xa04.00\nand\x1b[2J") == "SGD 4.00 and\ufffd[2J"
    assert one_line("x" * 160) == "x" * 160
    assert one_line("x" * 161) == "x" * 159 + "…"
