"""What an extension point is. The engine knows shapes and reductions; what they are about is the host's."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

View = TypeVar("View")
Result = TypeVar("Result")
Value = TypeVar("Value")


class Shape(Enum):
    """How an extension stands at a point.

    BATCH: ``def f(self, view, *facts) -> Iterable[Result]``, called once.
    BIND: ``def f(self, view, *facts) -> Callable[[Subject], Result | None] | None``, called once, and what it
    returns once a subject.
    ASYNC: ``async def f(self, view, *facts) -> Value``, the value of the fact it fills.
    """

    BATCH = "batch"
    BIND = "bind"
    ASYNC = "async"


class Reduce(Enum):
    """What becomes of the results.

    COLLECT: all, in slot order. FIRST: the first that is not None. SCORE: one per slot, with the slot's weight.
    FILL: each fact once.
    """

    COLLECT = "collect"
    FIRST = "first"
    SCORE = "score"
    FILL = "fill"


class OnFailure(Enum):
    """What an extension's fault means. CLOSED: no answer without it. OPEN: the answer goes on, and says what is
    missing.
    """

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, eq=False)
class Point(Generic[View, Result]):
    """A place where extensions stand.

    ``view`` and ``result`` are the types passed in and out (``result`` of a BIND point is what the bound function
    returns, for each ``subject``). ``code`` is the host's name for a fault in a closed point. At an ``ordered`` point
    the order of slots changes the outcome, so a layer must say where it adds.
    """

    name: str
    about: str
    shape: Shape
    reduce: Reduce
    on_failure: OnFailure
    view: type[View]
    result: tuple[type, ...] = ()
    subject: type | None = None
    code: str = ""
    ordered: bool = False

    def __repr__(self) -> str:
        return f"<point {self.name}>"


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()


@dataclass(frozen=True, eq=False)
class Fact(Generic[Value]):
    """Something a page depends on that is not in the request. Filled once a request by an ASYNC extension or the host.

    When its extension fails, the ``default`` stands and the answer says so; a fact without one fails the answer, with
    ``code``. ``by_slot`` facts are filled by any number of slots: ``type`` is a mapping of slot name to what that slot
    brought, and a slot that failed is not in it. ``pinned`` ones are kept by a quote, and not asked for again under it;
    ``renewed`` ones of them are, when the page is adjusted, so that only the order is held to what was quoted.
    An ``optional`` one has a default, which stands in plans that have no slot for it.
    """

    name: str
    type: Any
    about: str
    default: Value | _Unset = field(default=UNSET)
    code: str = ""
    by_slot: bool = False
    pinned: bool = False
    renewed: bool = False
    optional: bool = False

    def __repr__(self) -> str:
        return f"<fact {self.name}>"
