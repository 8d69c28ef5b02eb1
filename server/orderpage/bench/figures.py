"""What is read off a bench's rounds: medians, ratios within a round, quantiles."""

from collections.abc import Mapping, Sequence
from statistics import median, quantiles
from typing import Protocol


class Timed(Protocol):
    """What a round has of some calls."""

    @property
    def latencies(self) -> Sequence[float]:
        """Each call's seconds."""


def paired(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of each round's own ratio, so that slow spells of the machine cancel out."""
    return round(median(a / b for a, b in zip(above, below, strict=True)), 3)


def spread(above: Sequence[float], below: Sequence[float]) -> tuple[float, float, float]:
    """Quartiles of each round's own difference, to a tenth: the lower, the median, the upper."""
    return _quartiles([a - b for a, b in zip(above, below, strict=True)], 1)


def ratios(above: Sequence[float], below: Sequence[float]) -> tuple[float, float, float]:
    """Quartiles of each round's own ratio, to a thousandth: the lower, the median, the upper."""
    return _quartiles([a / b for a, b in zip(above, below, strict=True)], 3)


def milliseconds(latencies: Sequence[float], share: float) -> float:
    """That quantile of latencies in seconds, in milliseconds."""
    ordered = sorted(latencies)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)


def latency(rounds: Sequence[Mapping[str, Timed]], name: str, share: float) -> float:
    """The median over rounds of that quantile of what calls of ``name`` took, in milliseconds, to a hundredth."""
    return round(median(milliseconds(each[name].latencies, share) for each in rounds), 2)


def middle(values: Sequence[float]) -> float:
    """Their median, to a tenth."""
    return round(median(values), 1)


def _quartiles(values: Sequence[float], digits: int) -> tuple[float, float, float]:
    lower, mid, upper = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3
    return round(lower, digits), round(mid, digits), round(upper, digits)
