"""Which stack answers a checkout. Decided once, on its first page; the quote token keeps it from there on."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

import msgspec

from orderpage.buckets import bucket_number
from orderpage.domain.problem import Code, Refusal, refuse
from orderpage.domain.scenario import Cell
from orderpage.migration.flags.rules import SALT, Route
from orderpage.migration.scope import TrafficCell
from orderpage.quote import LEGACY, NEW, Quote
from orderpage.request import Identity

OTHER = "other"
"""In a cell: a value that is not among the scenario's."""

Dimensions = Callable[[], Mapping[str, Collection[str]]]


class Flags(Protocol):
    """The flag, evaluated."""

    def route(self, cell: TrafficCell, version: str, bucket: int) -> Route:
        """What it says. Never raises: where it cannot be evaluated, legacy answers."""

    @property
    def trouble(self) -> str:
        """Why it goes by an old state; empty when all is well."""


class AllNew:
    """``Flags`` where there is nothing to move from."""

    trouble = ""

    def route(self, cell: TrafficCell, version: str, bucket: int) -> Route:
        """New."""
        return Route.NEW


class Shares(Protocol):
    """How far the gate has let each ramp come, and what it has sent back."""

    def share(self, cell: TrafficCell) -> int | None:
        """Buckets of 10,000 that go to the new stack; None where no ramp covers the cell."""

    def trip(self, cell: TrafficCell) -> object | None:
        """The trip that holds there, if one does."""


class Decision(msgspec.Struct, frozen=True):
    """Who answers: ``stack`` is LEGACY or NEW; ``shadow``: legacy's answer is compared with ours."""

    stack: str
    shadow: bool


_LEGACY, _SHADOW, _NEW = Decision(LEGACY, False), Decision(LEGACY, True), Decision(NEW, False)

# Named once: in Python 3.11 reading a member off its enumeration costs as much as looking up a route.
_TO_LEGACY, _TO_SHADOW, _TO_NEW, _RAMP = Route.LEGACY, Route.SHADOW, Route.NEW, Route.RAMP
_KILLED, _REFUSED = Route.KILLED, Route.REFUSED

_MOST_CELLS = 4_096
"""Remembered. Clients send what they like, so when it is full, it begins again."""


class Router:
    """Decides from the flag, the ramps and the trips; a trip stands above the flag."""

    def __init__(self, flags: Flags, shares: Shares, dimensions: Dimensions) -> None:
        """``dimensions`` gives the scenario's closed values as they are now."""
        self._flags = flags
        self._shares = shares
        self._dimensions = dimensions
        self._known: Mapping[str, Collection[str]] = {}
        self._cells: dict[Cell, TrafficCell] = {}

    def cell(self, cell: Cell) -> TrafficCell:
        """Where the checkout belongs, whatever trial its buyer is in.

        A value that nobody configured is ``other``: clients send what they like, and cells are kept for long.
        """
        known = self._dimensions()
        if known is self._known and (found := self._cells.get(cell)):
            return found
        if known is not self._known or len(self._cells) >= _MOST_CELLS:
            self._known, self._cells = known, {}
        found = self._cells[cell] = _closed(cell, known)
        return found

    def decide(self, identity: Identity, version: str, pinned: Quote | None) -> Decision:
        """Who answers a page. ``pinned`` is the quote that it adjusts.

        Raises ``Refusal`` (CLIENT_VERSION_LOW) for a client whose new checkouts the flag refuses.
        """
        cell, bucket = self.cell(identity.cell), bucket_number(SALT, identity.buyer.buyer_id)
        route = self._flags.route(cell, version, bucket)
        if pinned is None:
            return self._first(route, cell, bucket)
        if pinned.stack == LEGACY or self._withdrawn(route, cell):
            return _LEGACY if route in (_TO_LEGACY, _KILLED) else _SHADOW
        return _NEW

    def answers(self, identity: Identity, version: str, pinned: Quote | None) -> str:
        """Which stack answers, LEGACY or NEW; neither, an empty text, where the client is refused."""
        try:
            return self.decide(identity, version, pinned).stack
        except Refusal:
            return ""

    def honours(self, quote: Quote, version: str) -> bool:
        """Whether a quote of the new stack still holds: it does unless its cell was killed or tripped."""
        cell = self.cell(quote.cell)
        bucket = bucket_number(SALT, quote.buyer_id)
        return not self._withdrawn(self._flags.route(cell, version, bucket), cell)

    def serves_new(self, cell: TrafficCell, version: str) -> bool:
        """Whether anybody in the cell is answered by the new stack: the lowest bucket always is among the first."""
        route = self._flags.route(cell, version, 0)
        share = self._shares.share(cell) if route is _RAMP else None
        return (route is _TO_NEW or bool(share)) and self._shares.trip(cell) is None

    def _first(self, route: Route, cell: TrafficCell, bucket: int) -> Decision:
        if route is _REFUSED:
            message = "this version of the client is no longer served; update it, or use the web page"
            raise refuse(Code.CLIENT_VERSION_LOW, message, field="client_version")
        if route in (_TO_LEGACY, _KILLED):
            return _LEGACY
        if route is _TO_SHADOW or self._shares.trip(cell) is not None:
            return _SHADOW
        if route is _TO_NEW:
            return _NEW
        return _NEW if bucket < (self._shares.share(cell) or 0) else _SHADOW

    def _withdrawn(self, route: Route, cell: TrafficCell) -> bool:
        return route is _KILLED or self._shares.trip(cell) is not None


def _closed(cell: Cell, known: Mapping[str, Collection[str]]) -> TrafficCell:
    site, business, client, crowd, _ = cell
    return TrafficCell(
        site if site in known["site"] else OTHER,
        business if business in known["business"] else OTHER,
        client if client in known["client"] else OTHER,
        crowd if crowd in known["crowd"] else OTHER,
    )
