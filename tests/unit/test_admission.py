"""What the answers at ``admit`` mean for the cart (design 3)."""

from typing import Any

import pytest

from orderpage.admission import apply_admission
from orderpage.domain.page import Admission, BlockLine, BlockPage, ForbidMethod, LimitQuantity, WantedLine
from orderpage.domain.problem import Code, Problem


def problem(code: Code = Code.ITEM_OFFLINE, line_id: str = "1") -> Problem:
    return Problem(code=code, message=code.value.lower(), line_id=line_id)


def test_without_answers_every_line_stays(build: Any) -> None:
    lines = build.line("1"), build.line("2")
    admitted = apply_admission(lines, [])
    assert (admitted.lines, admitted.blocked, admitted.forbidden, admitted.problems) == (lines, (), {}, ())


def test_a_blocked_line_leaves_the_cart_and_keeps_what_was_wanted(build: Any) -> None:
    one, two = build.line("1", 300, 3), build.line("2")
    admitted = apply_admission([one, two], [BlockLine("1", problem())])
    assert admitted.lines == (two,)
    (blocked,) = admitted.blocked
    assert (blocked.wanted, blocked.sku, blocked.problems) == (WantedLine("1", "sku-1", 3), one.sku, (problem(),))


@pytest.mark.parametrize(("quantity", "kept"), [(1, True), (2, True), (3, False)])
def test_a_limit_blocks_more_than_its_maximum_only(build: Any, quantity: int, kept: bool) -> None:
    limit = LimitQuantity("1", 2, problem(Code.ITEM_QTY_LIMIT))
    admitted = apply_admission([build.line("1", 100 * quantity, quantity)], [limit])
    assert bool(admitted.lines) is kept
    assert [blocked.problems for blocked in admitted.blocked] == [] if kept else [(limit.problem,)]


def test_a_line_with_several_problems_shows_them_all(build: Any) -> None:
    offline, limit, stock = problem(), problem(Code.ITEM_QTY_LIMIT), problem(Code.INV_INSUFFICIENT)
    answers: list[Admission] = [
        LimitQuantity("1", 1, limit),
        LimitQuantity("1", 9, problem(Code.PROMO_INVALID)),
        BlockLine("1", offline),
        LimitQuantity("1", 2, stock),
    ]
    (blocked,) = apply_admission([build.line("1", 300, 3)], answers).blocked
    assert {found.code for found in blocked.problems} == {Code.ITEM_OFFLINE, Code.ITEM_QTY_LIMIT, Code.INV_INSUFFICIENT}


def test_forbidden_methods_gather_by_line_and_do_not_block_it(build: Any) -> None:
    air = ForbidMethod("1", frozenset({"AIR"}), problem(Code.LOGI_CLASS_FORBIDDEN))
    fast = ForbidMethod("1", frozenset({"FAST"}), problem(Code.LOGI_CLASS_FORBIDDEN))
    admitted = apply_admission([build.line("1")], [air, fast])
    assert admitted.forbidden == {"1": (air, fast)}
    assert not admitted.blocked


def test_a_problem_of_the_page_blocks_no_line(build: Any) -> None:
    missing = problem(Code.ADDR_MISSING, "")
    admitted = apply_admission([build.line("1")], [BlockPage(missing)])
    assert (len(admitted.lines), admitted.problems) == (1, (missing,))


def test_an_answer_about_a_line_that_is_not_there_changes_nothing(build: Any) -> None:
    lines = (build.line("1"),)
    assert apply_admission(lines, [BlockLine("9", problem()), LimitQuantity("9", 0, problem())]).lines == lines
