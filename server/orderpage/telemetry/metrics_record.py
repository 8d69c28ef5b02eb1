"""Counts what happens in a call, in plain numbers: Prometheus' own counters cost each call four times as much."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Exemplar, Metric
from prometheus_client.registry import Collector

from orderpage.domain.order import PlacedOrder
from orderpage.domain.page import Page
from orderpage.domain.problem import Code, Problem
from orderpage.telemetry import metrics as names
from orderpage.telemetry.metrics_families import counter, histogram

Dimensions = Callable[[], Mapping[str, tuple[str, ...]]]
Series = tuple[str, ...]
_BOUNDS = names.CALL_SECONDS.buckets


class Recorder(Collector):
    """Calls, problems and submits. Counted on the event loop's thread only; read in another.

    ``dimensions`` gives the scenario's closed values as they are now: sites and clients that are not among them are
    counted as ``other``, so a client cannot make series.
    """

    def __init__(self, registry: CollectorRegistry, dimensions: Dimensions) -> None:
        self._dimensions = dimensions
        self._calls: dict[Series, int] = {}
        self._problems: dict[Series, int] = {}
        self._submits: dict[Series, int] = {}
        self._durations = {method: Durations() for method in names.METHODS}
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Nothing: it would only be compared with the others' names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Every family, with its series as they are now."""
        yield counter(names.CALLS, list(self._calls.items()))
        yield counter(names.PROBLEMS, list(self._problems.items()))
        yield counter(names.SUBMITS, list(self._submits.items()))
        durations = [((method,), each) for method, each in self._durations.items()]
        rows = [(labels, list(each.buckets), each.seconds) for labels, each in durations]
        traced: dict[tuple[Series, int], Exemplar] = {
            (labels, at): one for labels, each in durations for at, one in list(each.exemplars.items())
        }
        yield histogram(names.CALL_SECONDS, rows, traced)

    def ended(
        self, method: str, request: Any, problems: Sequence[Problem], seconds: float, *, gone: bool, trace_id: str = ""
    ) -> None:
        """A call ended. ``method`` is its full name, of a method that exists; ``request`` the message, None if unread.

        ``problems`` are those it was refused with, none if it was answered; ``gone``: the client left before that.
        ``trace_id`` becomes the exemplar of the call's bucket; it must be 32 hexadecimal digits, or empty for none.
        """
        method = method.rpartition("/")[2]
        site, client = self._origin(request)
        if problems:
            code = _known(problems[0].code)
            status = Code(code).rule.status.value if code != names.OTHER else Code.SYS_UNKNOWN.rule.status.value
        else:
            code, status = names.NONE, names.CANCELLED if gone else names.OK
        _count(self._calls, (method, status, code, site, client))
        self._durations[method].took(seconds, trace_id)
        if problems:
            self._told(names.METHODS[method], problems, site, client)

    def page(self, site: str, client: str, page: Page) -> None:
        """A page was answered: count what it says is wrong."""
        if page.blocked or page.problems or page.notices:
            lines = [problem for line in page.blocked for problem in line.problems]
            self._told("render", [*lines, *page.problems, *page.notices], *self._closed(site, client))

    def submitted(self, site: str, client: str, placed: PlacedOrder | None) -> None:
        """A Submit was answered; None when only validation was asked for."""
        outcome = placed.payment.state.value if placed else names.VALIDATED
        _count(self._submits, (outcome, *self._closed(site, client)))

    def _told(self, stage: str, problems: Sequence[Problem], site: str, client: str) -> None:
        for problem in problems:
            _count(self._problems, (stage, _known(problem.code), site, client))

    def _origin(self, request: Any) -> tuple[str, str]:
        page = getattr(request, "page", None)  # of Render's and Submit's requests
        return (names.NONE, names.NONE) if page is None else self._closed(page.site, page.client)

    def _closed(self, site: str, client: str) -> tuple[str, str]:
        known = self._dimensions()
        return site if site in known["site"] else names.OTHER, client if client in known["client"] else names.OTHER


class Durations:
    """How long calls took: by bucket of ``CALL_SECONDS`` (not cumulative, the last without a bound), and in all.

    ``exemplars`` has the last traced call of a bucket, by the bucket's number.
    """

    __slots__ = ("buckets", "exemplars", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0
        self.exemplars: dict[int, Exemplar] = {}

    def took(self, seconds: float, trace_id: str) -> None:
        """One call more. ``trace_id`` is empty unless it was traced in full."""
        bucket = bisect_left(_BOUNDS, seconds)
        self.buckets[bucket] += 1
        self.seconds += seconds
        if trace_id:
            self.exemplars[bucket] = Exemplar({names.TRACE_ID: trace_id}, seconds, time.time())


def _count(counts: dict[Series, int], series: Series) -> None:
    """One more of a series, whose label values must be of closed sets."""
    counts[series] = counts.get(series, 0) + 1


def _known(code: str) -> str:
    # An extension is not checked by a compiler: what it gives for a code may be any text.
    return str(code) if code in names.CODES else names.OTHER
