"""Declared metrics with their values, as the Prometheus client reads them from a collector."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, Exemplar, GaugeMetricFamily, HistogramMetricFamily, Metric

from orderpage.telemetry import metrics as names

Row = tuple[Sequence[str], float]
"""The label values of a series, in order, and its value."""

Observed = tuple[tuple[str, ...], Sequence[int], float]
"""Label values; observations by bucket, not cumulative, the last without a bound; and their sum."""


def counter(metric: names.Metric, rows: Iterable[Row]) -> Metric:
    """A counter as declared."""
    return _filled(CounterMetricFamily(metric.name, metric.help, labels=metric.labels), rows)


def gauge(metric: names.Metric, rows: Iterable[Row]) -> Metric:
    """A gauge as declared."""
    return _filled(GaugeMetricFamily(metric.name, metric.help, labels=metric.labels), rows)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, rows: Iterable[Row]) -> Metric:
    for labels, value in rows:
        family.add_metric(labels, value)
    return family


def histogram(
    metric: names.Metric,
    rows: Iterable[Observed],
    exemplars: Mapping[tuple[tuple[str, ...], int], Exemplar] | None = None,
) -> Metric:
    """A histogram as declared; ``exemplars`` are by label values and the bucket's number."""
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    bounds, known = (*map(str, metric.buckets), "+Inf"), exemplars or {}
    for labels, counts, total in rows:
        buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
        for number, (bound, count) in enumerate(zip(bounds, accumulate(counts), strict=True)):
            exemplar = known.get((labels, number))
            buckets.append((bound, count) if exemplar is None else (bound, count, exemplar))
        family.add_metric(labels, buckets, total)
    return family
