"""Making a recorded page again, on any plan, without asking anybody."""

from collections.abc import Collection, Coroutine, Iterator, Mapping
from datetime import datetime
from typing import Any, NoReturn, TypeVar

import msgspec

from orderpage import facts
from orderpage.domain.buyer import Buyer
from orderpage.domain.goods import Catalogue, Stock
from orderpage.domain.money import Currency, ExchangeRate
from orderpage.domain.page import Page
from orderpage.engine.plan import Plan
from orderpage.engine.point import Fact, Point
from orderpage.engine.run import Run, View
from orderpage.migration.recording.recording import FactState, RecordedFact, Recording
from orderpage.ports import Ports
from orderpage.render import make_page
from orderpage.request import Terms

Value = TypeVar("Value")


class NotReplayable(Exception):
    """A page that cannot be made again from its recording on this plan."""


class FactNotRecorded(NotReplayable):
    """The plan needs a fact that the recording does not have. ``fact`` is its name."""

    def __init__(self, fact: str, why: str) -> None:
        super().__init__(f"fact {fact!r} {why}; replay pages that are recorded by packages that fill it")
        self.fact = fact


def replay(recording: Recording, plan: Plan) -> Page:
    """The page by ``plan``, at the recorded instant and on the recorded facts; what was degraded is so again.

    Raises ``NotReplayable`` (``FactNotRecorded`` where the plan needs a fact that was not recorded), and ``Refusal``
    and ``Fault`` as ``make_page`` does.
    """
    known = facts_of(plan)
    run = _ReplayRun(plan, facts=dict(_given(recording, known)), deadline=None)
    run.degraded += [lost for lost in recording.degraded if lost.fact in known]
    terms = Terms(
        plan=plan,
        cell=recording.cell,
        buyer=recording.buyer,
        priced_at=recording.priced_at,
        rate=recording.rate,
        selections=recording.selections,
        fresh=False,
    )
    try:
        return _finish(make_page(run, recording.request, terms, _NOBODY))
    except FactNotRecorded as missing:
        unwritten = {fact.name: fact.body.decode() for fact in recording.facts if fact.state is FactState.UNENCODABLE}
        if missing.fact in unwritten:
            raise FactNotRecorded(missing.fact, f"could not be recorded ({unwritten[missing.fact]})") from None
        raise


def facts_of(plan: Plan) -> Mapping[str, Fact[Any]]:
    """By name: the host's own, and those that the plan's slots need or fill."""
    known: list[Fact[Any]] = [facts.BUYER, facts.CATALOGUE, facts.RATE, *plan.needs]
    known += (fact for stage in plan.stages.values() for fact in stage.fills)
    return {fact.name: fact for fact in known}


def _given(recording: Recording, known: Mapping[str, Fact[Any]]) -> Iterator[tuple[Fact[Any], Any]]:
    yield facts.BUYER, recording.buyer
    for recorded in recording.facts:
        fact = known.get(recorded.name)  # one that this plan does not know is of no use to it
        if fact is not None and recorded.state is not FactState.UNENCODABLE:
            yield fact, _value(fact, recorded)


def _value(fact: Fact[Any], recorded: RecordedFact) -> Any:
    if recorded.state is FactState.MISSING:
        return None
    try:
        return msgspec.msgpack.decode(recorded.body, type=fact.type)
    except (msgspec.MsgspecError, TypeError) as error:
        message = f"fact {fact.name!r} was recorded in another shape than it has now ({error}); record pages again"
        raise NotReplayable(message) from None


class _ReplayRun(Run):
    """A run whose facts are all given."""

    __slots__ = ()

    async def fill(self, point: Point[View, Any], view: View, wanted: Collection[Fact[Any]] = ()) -> None:
        """Asks nobody. Raises ``FactNotRecorded`` for what would have to be asked."""
        for slot in self.missing(point, wanted):
            raise FactNotRecorded(
                slot.fact.name, f"is needed by the plan (slot {slot.name} at {point.name}) and was not recorded"
            )


class _Nobody:
    """The outside of a replay: nothing can be asked of it."""

    async def skus(self, sku_ids: Collection[str], *, fresh: bool) -> Catalogue:
        self._refuse()

    async def stock(self, sku_ids: Collection[str]) -> Stock:
        self._refuse()

    async def buyer(self, buyer_id: str) -> Buyer:
        self._refuse()

    async def rate(
        self, base: Currency, quote: Currency, at: datetime, since: datetime | None = None
    ) -> ExchangeRate | None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise NotReplayable("a replay asks no port")


_NOBODY = Ports(_Nobody(), _Nobody(), _Nobody())


def _finish(page: Coroutine[Any, Any, Value]) -> Value:
    """The page of a coroutine that never waits, since nothing is asked."""
    try:
        page.send(None)
    except StopIteration as done:
        value: Value = done.value
        return value
    page.close()
    raise NotReplayable("an extension waited for something during a replay")
