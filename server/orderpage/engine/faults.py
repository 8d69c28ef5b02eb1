"""What is said of an extension that failed."""

from typing import Any

import msgspec

from orderpage.engine.point import Fact, Point


class Degradation(msgspec.Struct, frozen=True):
    """An answer went on without a slot.

    ``reason`` is ``fault``, ``timeout`` or ``unavailable`` (the circuit breaker is open). ``fact`` names the fact that
    is absent or stands at its default, and is empty at pure points. ``cause`` is for logs, never for buyers.
    """

    point: str
    slot: str
    extension: str
    reason: str
    fact: str = ""
    cause: str = ""


class BreakerOpen(Exception):
    """The circuit breaker of a slot is open, so it was not asked."""


class Fault(Exception):
    """An extension failed where the point admits no failure. ``str()`` is for logs, never for buyers."""

    def __init__(
        self,
        point: Point[Any, Any],
        slot: str,
        extension: str,
        cause: BaseException,
        fact: Fact[Any] | None = None,
    ) -> None:
        super().__init__(point.name, slot, extension, cause)
        self.point = point
        self.slot = slot
        self.extension = extension
        self.cause = cause
        self.fact = fact

    @property
    def code(self) -> str:
        """The host's name for it: the fact's code where it has one, else the point's."""
        return (self.fact.code if self.fact is not None else "") or self.point.code

    def __str__(self) -> str:
        what = f", filling {self.fact.name}" if self.fact is not None else ""
        return f"{self.point.name}.{self.slot} ({self.extension}{what}) failed: {describe(self.cause)}"


def describe(cause: BaseException) -> str:
    """One line of an exception, for logs."""
    text = str(cause)
    return f"{type(cause).__name__}: {text}" if text else type(cause).__name__
