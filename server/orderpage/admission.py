"""What the answers at ``admit`` mean for the cart: lines that stay, and as what they are sent; lines that are blocked;
methods that are forbidden.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from orderpage.domain.goods import Line
from orderpage.domain.page import (
    Admission,
    AssumeMeasures,
    BlockedLine,
    BlockEffect,
    BlockLine,
    BlockPage,
    ForbidMethod,
    LimitQuantity,
    Notice,
    SendFrom,
    WantedLine,
)
from orderpage.domain.problem import Problem


class Admitted(msgspec.Struct, frozen=True):
    """The cart after admission. ``problems`` stand in the way of the whole page, ``notices`` do not."""

    lines: tuple[Line, ...]
    blocked: tuple[BlockedLine, ...]
    forbidden: Mapping[str, tuple[ForbidMethod, ...]]
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...] = ()


class _Answers:
    """The answers, by what they are about."""

    def __init__(self, answers: Iterable[Admission]) -> None:
        self.problems: list[Problem] = []
        self.notices: list[Problem] = []
        self.blocks: dict[str, list[BlockLine]] = {}
        self.limits: dict[str, list[LimitQuantity]] = {}
        self.forbidden: dict[str, tuple[ForbidMethod, ...]] = {}
        self.amended: dict[str, list[AssumeMeasures | SendFrom]] = {}
        for answer in answers:
            self._add(answer)

    def _add(self, answer: Admission) -> None:
        match answer:
            case BlockPage(problem):
                self.problems.append(problem)
            case Notice(problem):
                self.notices.append(problem)
            case BlockLine(line_id):
                self.blocks.setdefault(line_id, []).append(answer)
            case LimitQuantity(line_id):
                self.limits.setdefault(line_id, []).append(answer)
            case ForbidMethod(line_id):
                self.forbidden[line_id] = (*self.forbidden.get(line_id, ()), answer)
            case AssumeMeasures(line_id) | SendFrom(line_id):
                self.amended.setdefault(line_id, []).append(answer)

    def blocked(self, line: Line) -> BlockedLine | None:
        """The line with all that is wrong with it, under the strictest effect."""
        blocks = self.blocks.get(line.line_id, ())
        over = [limit.problem for limit in self.limits.get(line.line_id, ()) if line.quantity > limit.maximum]
        if not blocks and not over:
            return None
        effect = max([block.effect for block in blocks], key=list(BlockEffect).index, default=BlockEffect.ORDER)
        wanted = WantedLine(line.line_id, line.sku.sku_id, line.quantity)
        problems = (*(block.problem for block in blocks), *over)
        return BlockedLine(wanted=wanted, sku=line.sku, problems=problems, effect=effect)

    def kept(self, line: Line) -> Line:
        """The line as it will be sent; what is assumed for that is noticed."""
        for amendment in self.amended.get(line.line_id, ()):
            line = _amended(line, amendment)
            if amendment.notice is not None:
                self.notices.append(amendment.notice)
        return line


def apply_admission(lines: Iterable[Line], answers: Iterable[Admission]) -> Admitted:
    """Put the answers together. A line with several problems shows them all."""
    found = _Answers(answers)
    kept, blocked = [], []
    for line in lines:
        stopped = found.blocked(line)
        if stopped is not None:
            blocked.append(stopped)
        else:
            kept.append(found.kept(line) if found.amended else line)
    return Admitted(tuple(kept), tuple(blocked), found.forbidden, tuple(found.problems), tuple(found.notices))


def _amended(line: Line, amendment: AssumeMeasures | SendFrom) -> Line:
    match amendment:
        case AssumeMeasures(_, weight_g, sides_cm):
            return replace(line, sku=replace(line.sku, weight_g=weight_g, sides_cm=sides_cm))
        case SendFrom(_, warehouse, origin, days):
            sku = replace(line.sku, warehouse=warehouse, origin=origin)
            return replace(line, sku=sku, lead_days=line.lead_days + days)
