"""What is done with a task: make the other stack's answer, compare the two, and record what is to be looked at."""

import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NamedTuple

import structlog
from google.rpc.status_pb2 import Status

from crossborder.checkout.v1 import order_page_pb2, order_pb2
from crossborder.checkout.v1.problem_pb2 import Problems
from orderpage.api import from_proto
from orderpage.api.errors import problems_of
from orderpage.api.legacy_stack import in_its_terms
from orderpage.api.order_to_proto import fill_order
from orderpage.api.to_proto import fill_page
from orderpage.domain.problem import Code, Problem, Refusal
from orderpage.engine.faults import Fault
from orderpage.migration.comparison.answer import ORDER, PAGE, Answer
from orderpage.migration.comparison.compare import compare
from orderpage.migration.comparison.found import Difference
from orderpage.migration.comparison.ignoring import RuleBook
from orderpage.migration.legacy import LegacyCall, LegacyPort, LegacyRefused, problems_in
from orderpage.migration.recording.answering import answered, refused
from orderpage.migration.recording.packing import gather
from orderpage.migration.recording.recording import record
from orderpage.migration.scope import TrafficCell
from orderpage.migration.shadowing import OrderTask, PageTask, Result, Task
from orderpage.ports import Unavailable
from orderpage.quote import LEGACY
from orderpage.renderer import Prepared, Renderer
from orderpage.request import Identity
from orderpage.submit import validate_and_draft

_SECONDS = 120.0
"""For each answer: this process runs only when nobody else wants to."""

_STALE_SECONDS = 1.0

log = structlog.get_logger(__name__)


class NotComparable(Exception):
    """One side could not answer, through nobody's disagreement. The message says which and why."""


class Made(NamedTuple):
    """Our answer, and what it was made from; None where the request was refused before anything was read."""

    answer: Answer
    prepared: Prepared | None


class ShadowJob:
    """Does one task after another. ``key`` keeps pseudonyms from being guessed; ``clock`` gives the rules' day."""

    def __init__(
        self,
        renderer: Renderer,
        legacy: LegacyPort,
        ignore: RuleBook,
        key: bytes,
        clock: Callable[[], datetime],
    ) -> None:
        self._renderer = renderer
        self._legacy = legacy
        self._ignore = ignore
        self._key = key
        self._clock = clock

    async def do(self, task: Task) -> Result:
        """What came of it. Never raises: what cannot be compared says why."""
        cell = task.cell
        subject = PAGE if isinstance(task, PageTask) else ORDER
        try:
            if isinstance(task, PageTask):
                return await self._page(task, cell)
            return await self._order(task, cell)
        except (NotComparable, Unavailable, TimeoutError) as cause:
            return Result(cell=cell, subject=subject, failure=str(cause) or type(cause).__name__)
        except Exception as error:  # one task that cannot be done must not end the next
            log.exception("shadow.failed", subject=subject)
            return Result(cell=cell, subject=subject, failure=type(error).__name__)

    async def _page(self, task: PageTask, cell: TrafficCell) -> Result:
        message = order_page_pb2.RenderRequest.FromString(task.request)
        said = _page_answer(task)
        ours, prepared = await self._our_page(message, task)
        legacy: Answer | None
        if not task.compare:
            differences: tuple[Difference, ...] = ()
            legacy, new = None, ours
        elif task.stack == LEGACY:
            legacy, new = said, ours
            differences = self._compare(cell, legacy, new)
        else:
            legacy, new = await self._legacy_page(message, task), said
            differences = self._compare(cell, legacy, new)
        recorded = (bool(differences) or task.record) and prepared is not None
        return Result(
            cell=cell,
            version=message.page.client_version,
            subject=PAGE,
            compared=task.compare,
            differences=differences,
            unknown=_unknown(ours),
            noise=await self._noise(message, task, cell, said) if task.noise else None,
            sample=task.record and not differences,
            **(self._kept(cell, prepared, legacy, new, PAGE) if recorded and prepared is not None else {}),
        )

    async def _our_page(self, message: order_page_pb2.RenderRequest, task: PageTask) -> Made:
        request, prepared = from_proto.render_request(message), None
        try:
            prepared = self._renderer.prepare(request, task.identity, task.prior, task.at, time.monotonic() + _SECONDS)
            page = await self._renderer.make(prepared)
        except (Unavailable, TimeoutError):
            raise
        except Exception as error:
            return Made(_failed(error), prepared)
        return Made(answered(page, fill_page), prepared)

    async def _legacy_page(self, message: order_page_pb2.RenderRequest, task: PageTask) -> Answer:
        call = LegacyCall(task.identity.buyer.buyer_id, task.metadata, time.monotonic() + _SECONDS)
        try:
            return await self._legacy.render(in_its_terms(message, task.prior), call)
        except LegacyRefused as refusal:
            return _comparable(refusal.problems)
        except Refusal as refusal:
            raise NotComparable(str(refusal)) from None

    async def _noise(
        self, message: order_page_pb2.RenderRequest, task: PageTask, cell: TrafficCell, said: Answer
    ) -> bool | None:
        """Whether legacy differs from itself; None where it does not answer a second time, or it is too late to ask.

        Later the buyer may have ordered, or stock have gone: that would be time passing, not noise.
        """
        if time.time() - task.answered_at > _STALE_SECONDS:
            return None
        try:
            return bool(self._compare(cell, said, await self._legacy_page(message, task)))
        except (NotComparable, TimeoutError):
            return None

    async def _order(self, task: OrderTask, cell: TrafficCell) -> Result:
        message = order_page_pb2.SubmitRequest.FromString(task.request)
        legacy = _order_answer(task)
        ours, prepared = await self._our_order(message, task)
        differences = self._compare(cell, legacy, ours)
        return Result(
            cell=cell,
            version=message.page.client_version,
            subject=ORDER,
            compared=True,
            differences=differences,
            unknown=_unknown(ours),
            **(self._kept(cell, prepared, legacy, ours, ORDER) if differences and prepared is not None else {}),
        )

    async def _our_order(self, message: order_page_pb2.SubmitRequest, task: OrderTask) -> Made:
        """The order that we would have made of legacy's quote: drafted on what it pinned, and written nowhere."""
        request, quote = from_proto.submit_request(message), task.quote
        who = await self._renderer.identify(request.page, quote.buyer_id)
        prepared = None
        try:
            prepared = self._renderer.prepare(
                request.page, Identity(who.buyer, quote.cell), quote, quote.priced_at, time.monotonic() + _SECONDS
            )
            page = await self._renderer.make(prepared)
            if not page.orderable:
                blocked = [problem for line in page.blocked for problem in line.problems]
                return Made(refused((*blocked, *page.problems)), prepared)
            draft = validate_and_draft(request, quote, page, prepared.run, self._clock())
        except (Unavailable, TimeoutError):
            raise
        except Exception as error:
            return Made(_failed(error), prepared)
        order = order_pb2.Order()
        fill_order(order, draft.order)
        return Made(order, prepared)

    def _kept(
        self, cell: TrafficCell, prepared: Prepared, legacy: Answer | None, new: Answer, subject: str
    ) -> dict[str, Any]:
        """What is stored, without personal data. A page that was compared with nothing stands for both."""
        request, buyer_id, key = prepared.request, prepared.terms.buyer.buyer_id, self._key
        recording = record(prepared.run, request, prepared.terms, key)
        rules = self._ignore.at(cell, self._clock().date())
        made = gather(recording, request, buyer_id, legacy or new, new, rules, subject=subject, key=key)
        return {"stored": made.differences, "recording": made.body, "plan_digest": prepared.terms.plan.digest}

    def _compare(self, cell: TrafficCell, legacy: Answer, new: Answer) -> tuple[Difference, ...]:
        today: date = self._clock().date()
        return compare(legacy, new, self._ignore.at(cell, today))


def _failed(error: Exception) -> Answer:
    """What a client would have been told. What nobody foresaw is logged: here no client complains."""
    if not isinstance(error, Refusal | Fault):
        log.error("shadow.failed_unexpectedly", exc_info=error)
    return refused(problems_of(error, ""))


def _unknown(answer: Answer) -> bool:
    return isinstance(answer, Problems) and any(problem.code == Code.SYS_UNKNOWN for problem in answer.problems)


def _page_answer(task: PageTask) -> Answer:
    if task.refused:
        return _comparable(problems_in(Status.FromString(task.answer)))
    return order_page_pb2.RenderResponse.FromString(task.answer)


def _order_answer(task: OrderTask) -> Answer:
    if task.refused:
        return _comparable(problems_in(Status.FromString(task.answer)))
    return order_page_pb2.SubmitResponse.FromString(task.answer).order


def _comparable(problems: tuple[Problem, ...]) -> Answer:
    """Legacy's refusal. One that is its own failure says nothing about the page."""
    if problems[0].code.ours:
        raise NotComparable(f"the legacy page failed: {problems[0].code}")
    return refused(problems)
