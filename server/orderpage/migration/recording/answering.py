"""What our stack answers to a recorded request by the packages of now."""

from collections.abc import Callable, Iterable

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from crossborder.checkout.v1.page_pb2 import Page as WirePage
from crossborder.checkout.v1.problem_pb2 import Problem as WireProblem
from crossborder.checkout.v1.problem_pb2 import Problems
from orderpage.domain.page import Page
from orderpage.domain.problem import Problem, Refusal
from orderpage.engine.faults import Fault
from orderpage.engine.plan import PlanSet, UnknownScenario
from orderpage.migration.comparison.answer import Answer
from orderpage.migration.recording.privacy import QUOTE
from orderpage.migration.recording.recording import Recording
from orderpage.migration.recording.replay import NotReplayable, replay

Fill = Callable[[WirePage, Page], None]
"""Writes a page for the wire: ``orderpage.api.to_proto.fill_page``, which stands above this package."""


def answer_by(plans: PlanSet, recording: Recording, fill: Fill) -> Answer:
    """The page by the plan that ``plans`` has for the recording's cell and instant, or why there is none.

    Raises ``NotReplayable``, also where the scenario is not offered.
    """
    try:
        plan = plans.plan(recording.cell, recording.priced_at)
    except UnknownScenario as unknown:
        raise NotReplayable(f"the recorded scenario is not offered ({unknown})") from None
    try:
        page = replay(recording, plan)
    except Refusal as refusal:
        return refused(refusal.problems)
    except Fault as fault:
        return Problems(problems=[WireProblem(code=fault.code)])
    return answered(page, fill)


def answered(page: Page, fill: Fill) -> RenderResponse:
    """A page as an answer that can be compared: with a quote where it can be ordered."""
    response = RenderResponse(quote_token=QUOTE if page.orderable else "")
    fill(response.page, page)
    return response


def refused(problems: Iterable[Problem]) -> Problems:
    """A refusal as an answer that can be compared: by code, field and line."""
    return Problems(
        problems=[
            WireProblem(code=problem.code, message=problem.message, field=problem.field, line_id=problem.line_id)
            for problem in problems
        ]
    )
