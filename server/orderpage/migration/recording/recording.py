"""A recording: all that a page is a function of, so that it can be made again without asking anybody.

It holds the request, the scenario cell, the buyer, the instant, the choices laid over, the rate that a quote pinned,
and every fact with the way it came about. Personal data are out of it (``privacy.py`` says what stays and why).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from orderpage import facts
from orderpage.domain.buyer import Buyer
from orderpage.domain.money import ExchangeRate
from orderpage.domain.scenario import Cell
from orderpage.engine.faults import Degradation
from orderpage.engine.point import Fact
from orderpage.engine.run import Run
from orderpage.migration.recording.privacy import Privacy
from orderpage.migration.scope import TrafficCell
from orderpage.request import RenderRequest, Terms


class FactState(StrEnum):
    """FILLED as it should be; DEFAULTED or MISSING, because its extension failed; UNENCODABLE: not to be written."""

    FILLED = "FILLED"
    DEFAULTED = "DEFAULTED"
    MISSING = "MISSING"
    UNENCODABLE = "UNENCODABLE"


class RecordedFact(msgspec.Struct, frozen=True):
    """A fact by its name. ``body`` is MessagePack of the fact's type, or says why there is none (UNENCODABLE)."""

    name: str
    state: FactState
    body: bytes = b""


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """What one page was made of. ``degraded`` are the facts' own: those of pure points come back by themselves."""

    request: RenderRequest
    cell: Cell
    buyer: Buyer
    priced_at: datetime
    rate: ExchangeRate | None
    selections: Mapping[str, str]
    facts: tuple[RecordedFact, ...]
    degraded: tuple[Degradation, ...]
    plan_digest: str

    @property
    def traffic_cell(self) -> TrafficCell:
        """Where the checkout belongs."""
        return TrafficCell(*self.cell[: len(TrafficCell._fields)])


def record(run: Run, request: RenderRequest, terms: Terms, key: bytes = b"") -> Recording:
    """What ``make_page(run, request, terms, …)`` made its page of. Ask once it has returned, or refused.

    ``key`` keeps pseudonyms from being guessed. Facts of extensions are recorded as they are: one whose type holds
    personal data is its author's to leave them out of.
    """
    privacy = Privacy(request, terms.buyer.buyer_id, key)
    lost = [kept for kept in run.degraded if kept.fact]
    return Recording(
        request=privacy.request(),
        cell=terms.cell,
        buyer=privacy.buyer(terms.buyer),
        priced_at=terms.priced_at,
        rate=terms.rate,
        selections=dict(terms.selections),
        facts=tuple(_recorded(run.facts, lost)),
        # A cause is free text for logs, and may repeat anything.
        degraded=tuple(msgspec.structs.replace(kept, cause="") for kept in lost),
        plan_digest=terms.plan.digest,
    )


def _recorded(known: Mapping[Fact[Any], Any], lost: Iterable[Degradation]) -> Iterator[RecordedFact]:
    without = {kept.fact for kept in lost}
    for fact, value in known.items():
        if fact is facts.BUYER:
            continue
        if fact.name not in without:
            yield _encoded(fact, value, FactState.FILLED)
        elif value is None:
            yield RecordedFact(fact.name, FactState.MISSING)
        else:
            yield _encoded(fact, value, FactState.DEFAULTED)


def _encoded(fact: Fact[Any], value: Any, state: FactState) -> RecordedFact:
    try:
        return RecordedFact(fact.name, state, msgspec.msgpack.encode(value))
    except (TypeError, ValueError, OverflowError) as error:
        return RecordedFact(fact.name, FactState.UNENCODABLE, f"{type(error).__name__}: {error}".encode())
