"""What an order uses up of something that a buyer has only so much of: a coupon, a relief so often in half a year."""

from datetime import datetime

import msgspec

from orderpage.domain.problem import Code


class UseUp(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``units`` of what ``name`` stands for, by the order's buyer. An order that is closed gives them back.

    With a ``limit``, an order that would take the buyer's uses above it (since that moment, UTC; None: ever) is refused
    with ``code``. Names are everybody's: begin one with what it is of ("coupon:…").
    """

    name: str
    units: int = 1
    limit: int | None = None
    since: datetime | None = None
    code: Code = Code.PROMO_LIMIT_REACHED

    def __str__(self) -> str:
        """Without what follows the name's kind: it may be about the buyer."""
        at_most = "" if self.limit is None else f" of {self.limit}"
        return f"uses {self.units}{at_most} of a {self.name.partition(':')[0]}"
