"""What an order page answers, as the wire has it, and how it is kept beside a recording.

An answer to Render is a ``RenderResponse``, one to Submit (made or only drafted) an ``Order``, a refusal of either the
``Problems`` of its status.
"""

import msgspec

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from crossborder.checkout.v1.order_pb2 import Order
from crossborder.checkout.v1.problem_pb2 import Problems
from orderpage.domain.money import Currency

Answer = RenderResponse | Order | Problems

PAGE = "PAGE"
ORDER = "ORDER"
"""What two answers are about: the subject of their differences."""

_KINDS: dict[str, type[RenderResponse] | type[Order] | type[Problems]] = {
    "page": RenderResponse,
    "order": Order,
    "refusal": Problems,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


class PackedAnswer(msgspec.Struct, frozen=True):
    """An answer as bytes. ``kind`` is ``page``, ``order`` or ``refusal``."""

    kind: str
    body: bytes

    @classmethod
    def of(cls, answer: Answer) -> "PackedAnswer":
        """The same answer always makes the same bytes."""
        return cls(_NAMES[type(answer)], answer.SerializeToString(deterministic=True))

    def open(self) -> Answer:
        """The answer. Raises ``ValueError`` for what this program can't read."""
        kind = _KINDS.get(self.kind)
        if kind is None:
            raise ValueError(f"an answer of kind {self.kind!r}")
        return kind.FromString(self.body)


def currency_of(answer: Answer) -> Currency | None:
    """In which the answer's amounts are; None for a refusal."""
    if isinstance(answer, Problems):
        return None
    unit = answer.page.currency if isinstance(answer, RenderResponse) else answer.currency
    return Currency(unit.code, unit.exponent) if unit.code else None
