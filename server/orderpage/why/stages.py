"""Why each payment is as much as it is."""

from collections.abc import Iterator

from orderpage.domain.page import Page
from orderpage.domain.stage import StageDue
from orderpage.domain.why import Why


def explain_stages(page: Page) -> Iterator[Why]:
    """Of every stage of the schedule, with its parts."""
    for due in page.schedule:
        path = f"payment_schedule.stages[{due.stage}]"
        inputs = tuple(_inputs(due))
        for name in ("goods", "freight", "fees", "tax"):
            rule = "what the site's terms put into this payment, less what was paid before"
            yield Why(path=f"{path}.{name}", amount=getattr(due, name), rule=rule, inputs=inputs)
        parts = tuple(f"{path}.{name}" for name in ("goods", "freight", "fees", "tax"))
        yield Why(path=f"{path}.amount", amount=due.amount, rule="sum", parts=parts)


def _inputs(due: StageDue) -> Iterator[tuple[str, str]]:
    if due.opens_at is not None:
        yield "from", due.opens_at.isoformat()
    if due.due_at is not None:
        yield "until", due.due_at.isoformat()
    for line_id, amount in due.deposits:
        yield f"deposit of line {line_id}", str(amount)
