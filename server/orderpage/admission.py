"""What the answers at ``admit`` mean for the cart: lines that stay, lines that are blocked, methods that are
forbidden.
"""

from collections.abc import Iterable, Mapping

import msgspec

from orderpage.domain.goods import Line
from orderpage.domain.page import Admission, BlockedLine, BlockLine, BlockPage, ForbidMethod, LimitQuantity, WantedLine
from orderpage.domain.problem import Problem


class Admitted(msgspec.Struct, frozen=True):
    """The cart after admission. ``problems`` stand in the way of the whole page."""

    lines: tuple[Line, ...]
    blocked: tuple[BlockedLine, ...]
    forbidden: Mapping[str, tuple[ForbidMethod, ...]]
    problems: tuple[Problem, ...]


def apply_admission(lines: Iterable[Line], answers: Iterable[Admission]) -> Admitted:
    """Put the answers together. A line with several problems shows them all."""
    problems: list[Problem] = []
    of_line: dict[str, list[Problem]] = {}
    limits: dict[str, list[LimitQuantity]] = {}
    forbidden: dict[str, tuple[ForbidMethod, ...]] = {}
    for answer in answers:
        match answer:
            case BlockPage(problem):
                problems.append(problem)
            case BlockLine(line_id, problem):
                of_line.setdefault(line_id, []).append(problem)
            case LimitQuantity(line_id):
                limits.setdefault(line_id, []).append(answer)
            case ForbidMethod(line_id):
                forbidden[line_id] = (*forbidden.get(line_id, ()), answer)
    kept, blocked = [], []
    for line in lines:
        over = [limit.problem for limit in limits.get(line.line_id, ()) if line.quantity > limit.maximum]
        found = (*of_line.get(line.line_id, ()), *over)
        if found:
            wanted = WantedLine(line.line_id, line.sku.sku_id, line.quantity)
            blocked.append(BlockedLine(wanted=wanted, sku=line.sku, problems=found))
        else:
            kept.append(line)
    return Admitted(tuple(kept), tuple(blocked), forbidden, tuple(problems))
