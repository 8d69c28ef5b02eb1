"""``promotion.noted``: what was promised with an order, so that a refund can ask whether it still holds.

Rule: domain rules, section 1 (group id across sub-orders; CONSO_LEG2_MERGE_FREE is promised at checkout and evaluated
again) and section 5.3, rule 15.
"""

from collections.abc import Iterator

import msgspec

from orderpage import extends, extension, points
from orderpage.domain.order import SetAttribute
from orderpage.ports import SubmitView


@extension("promotion.noted")
class Noted:
    """An attribute ``promotion.CODE`` for each promotion with a threshold that the order was placed under."""

    @extends(points.ENRICH)
    def enrich(self, view: SubmitView) -> Iterator[SetAttribute]:
        """JSON: the group's id and lines, threshold and eligible sum, what it took off now and promised for later."""
        taken = {adjustment.code: adjustment.amount for adjustment in view.page.adjustments}
        for progress in view.page.progress:
            if progress.applied or progress.promised:
                said = {
                    "group": progress.group,
                    "lines": progress.lines,
                    "threshold": progress.threshold,
                    "reached": progress.reached,
                    "taken": taken.get(progress.code, 0),
                    "promised": progress.promised,
                }
                yield SetAttribute(f"promotion.{progress.code}", msgspec.json.encode(said).decode())
