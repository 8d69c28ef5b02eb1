"""Counts what happens in a call. Each series is bound once, when it is first needed, and found by a dictionary then:
looking labels up costs four times as much.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from orderpage.domain.order import PlacedOrder
from orderpage.domain.page import Page
from orderpage.domain.problem import Code, Problem
from orderpage.telemetry import metrics as names

Dimensions = Callable[[], Mapping[str, tuple[str, ...]]]
Series = tuple[str, ...]


def counter(metric: names.Metric, registry: CollectorRegistry) -> Counter:
    """A counter as declared."""
    return Counter(metric.name, metric.help, metric.labels, registry=registry)


def histogram(metric: names.Metric, registry: CollectorRegistry) -> Histogram:
    """A histogram as declared."""
    return Histogram(metric.name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)


class Recorder:
    """Calls, problems and submits. For the event loop's thread only.

    ``dimensions`` gives the scenario's closed values as they are now: sites and clients that are not among them are
    counted as ``other``, so a client cannot make series.
    """

    def __init__(self, registry: CollectorRegistry, dimensions: Dimensions) -> None:
        self._dimensions = dimensions
        self._calls = _Counters(counter(names.CALLS, registry))
        self._problems = _Counters(counter(names.PROBLEMS, registry))
        self._submits = _Counters(counter(names.SUBMITS, registry))
        seconds = histogram(names.CALL_SECONDS, registry)
        self._observe = {method: seconds.labels(method).observe for method in names.METHODS}

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
        self._calls.raise_one((method, status, code, site, client))
        if trace_id:
            self._observe[method](seconds, {names.TRACE_ID: trace_id})
        else:
            self._observe[method](seconds)
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
        self._submits.raise_one((outcome, *self._closed(site, client)))

    def _told(self, stage: str, problems: Sequence[Problem], site: str, client: str) -> None:
        for problem in problems:
            self._problems.raise_one((stage, _known(problem.code), site, client))

    def _origin(self, request: Any) -> tuple[str, str]:
        page = getattr(request, "page", None)  # of Render's and Submit's requests
        return (names.NONE, names.NONE) if page is None else self._closed(page.site, page.client)

    def _closed(self, site: str, client: str) -> tuple[str, str]:
        known = self._dimensions()
        return site if site in known["site"] else names.OTHER, client if client in known["client"] else names.OTHER


class _Counters:
    """The series of a counter, each bound once."""

    def __init__(self, metric: Counter) -> None:
        self._metric = metric
        self._bound: dict[Series, Callable[[], None]] = {}

    def raise_one(self, series: Series) -> None:
        """Add one to the series of these label values, which must be of closed sets."""
        bound = self._bound.get(series)
        if bound is None:
            bound = self._bound[series] = self._metric.labels(*series).inc
        bound()


def _known(code: str) -> str:
    # An extension is not checked by a compiler: what it gives for a code may be any text.
    return str(code) if code in names.CODES else names.OTHER
