"""Which slot said what. Pure slots are asked once more, which changes nothing but takes time: for people."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from orderpage.engine.plan import Slot
from orderpage.engine.point import Point
from orderpage.engine.run import Run


class Said(NamedTuple):
    """A slot and what it answered; of a BIND point, the function that it bound."""

    slot: Slot
    answer: Any


def said_at(run: Run, point: Point[Any, Any], view: Any, slots: Mapping[str, Sequence[Slot]]) -> list[Said]:
    """Every answer of a BATCH point, or every bound function of a BIND point, with its slot.

    ``slots``, by point, are those of the scenario as its own layers put them. A slot that fails says nothing: its fault
    is told elsewhere.
    """
    stage = run.plan.stages.get(point.name)
    if stage is None:
        return []
    found: list[Said] = []
    for compiled, slot in zip(stage.compiled, slots.get(point.name, stage.slots), strict=True):
        try:
            answer = compiled.call(view, *[run.facts[fact] for fact in compiled.needs])
            answers = [answer] if answer is None or callable(answer) else list(answer)
        except Exception:  # noqa: S112  # it is counted and told where the page was made
            continue
        found += [Said(slot, each) for each in answers if each is not None]
    return found


def ask(bound: Sequence[Said], subject: Any) -> list[Said]:
    """What bound functions answer to a subject, each with its slot."""
    found = []
    for slot, rule in bound:
        answer = _answer(rule, subject)
        if answer is not None:
            found.append(Said(slot, answer))
    return found


def _answer(rule: Callable[[Any], Any], subject: Any) -> Any:
    try:
        return rule(subject)
    except Exception:
        return None
