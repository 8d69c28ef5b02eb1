"""What may not be sold where, on whose authority, and how the buyer gets past it (domain rules 7.1)."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from orderpage import extends, extension, points
from orderpage.domain.goods import Line
from orderpage.domain.page import Admission, BlockLine, ForbidMethod, LimitQuantity, Notice, PageView
from orderpage.domain.problem import Action, Problem
from orderpage.domain.text import in_language
from orderpage_checkout.restriction_index import ReadyRule, RuleIndex
from orderpage_checkout.restriction_rules import BLOCKS, Effect, RestrictionRules, Rule


class _Decision(msgspec.Struct, frozen=True):
    """What becomes of a good: blocked by some rules, or kept from methods and limited by others."""

    blocks: tuple[Rule, ...] = ()
    switches: tuple[Rule, ...] = ()
    limit: Rule | None = None


_FREE = _Decision()


@extension("checkout.restrictions", settings=RestrictionRules)
class Restrictions:
    """Of the rules that block a line those of the highest level decide, and the strictest of these.

    Where none blocks, every forbidden method and the lowest limit hold: a rule of a higher level never undoes
    another's.
    """

    def __init__(self, settings: RestrictionRules) -> None:
        self.index = RuleIndex(settings.rules)
        self.speaks_of = frozenset().union(*(rule.methods for rule in settings.rules))
        self.alone = tuple(_decide((rule,)) for rule in self.index.rules)

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterator[Admission]:
        """Each decision as the rule words it. Lines of one SKU share its limit, in the cart's order."""
        hits = self.index.on(page)
        decisions: dict[str, _Decision] = {}
        taken: Counter[str] = Counter()
        for line in page.lines:
            sku_id = line.sku.sku_id
            decision = decisions.get(sku_id)
            if decision is None:
                decision = decisions[sku_id] = self._decision(hits(line.sku))
            if decision is not _FREE:
                yield from _answers(decision, line, page.language, taken)

    def _decision(self, hits: Sequence[ReadyRule]) -> _Decision:
        if len(hits) > 1:
            return _decide(hits)
        return self.alone[hits[0].number] if hits else _FREE


def _decide(hits: Sequence[ReadyRule]) -> _Decision:
    """The rules that count, of at least one that hits."""
    rules = [hit.rule for hit in hits]
    blocking = [rule for rule in rules if rule.effect in BLOCKS]
    if blocking:
        highest = min([rule.level.rank for rule in blocking])
        decisive = [rule for rule in blocking if rule.level.rank == highest]
        strictest = next(effect for effect in BLOCKS if any(rule.effect is effect for rule in decisive))
        return _Decision(blocks=tuple([rule for rule in decisive if rule.effect is strictest]))
    limits = [rule for rule in rules if rule.maximum is not None]
    return _Decision(
        switches=tuple([rule for rule in rules if rule.effect is Effect.SWITCH_METHOD]),
        limit=min(limits, key=lambda rule: rule.maximum or 0, default=None),
    )


def _answers(decision: _Decision, line: Line, language: str, taken: Counter[str]) -> Iterator[Admission]:
    for rule in decision.blocks:
        yield BlockLine(line.line_id, _problem(rule, line, language), BLOCKS[rule.effect])
    for rule in decision.switches:
        # Reasons against a method carry no remedy, so the buyer is told of it beside them.
        problem = _problem(rule, line, language)
        yield ForbidMethod(line.line_id, rule.methods, problem)
        yield Notice(problem)
    if decision.limit is not None:
        yield from _limited(decision.limit, line, language, taken)


def _limited(rule: Rule, line: Line, language: str, taken: Counter[str]) -> Iterator[LimitQuantity]:
    left = (rule.maximum or 0) - taken[line.sku.sku_id]
    if line.quantity <= left:
        taken[line.sku.sku_id] += line.quantity
        return
    problem = _problem(rule, line, language, value=str(left) if rule.action is Action.SET_QUANTITY else "")
    if left == 0:  # no line can hold 0 units
        others = tuple(action for action in rule.alternatives if action is not Action.REMOVE_LINE)
        problem = msgspec.structs.replace(problem, action=Action.REMOVE_LINE, value="", alternatives=others)
    yield LimitQuantity(line.line_id, left, problem)


def _problem(rule: Rule, line: Line, language: str, value: str = "") -> Problem:
    message = rule.message if isinstance(rule.message, str) else in_language(rule.message, language)
    return Problem(
        code=rule.code,
        message=message,
        line_id=line.line_id,
        value=value,
        action=rule.action,
        alternatives=rule.alternatives,
    )
