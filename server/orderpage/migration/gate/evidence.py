"""Evidence that the new stack is worse than legacy, valid however often one looks and however rates move.

An *e-process* starts at 1 and, while the new stack is no worse, is never expected to grow: the chance that it EVER
reaches 1/α is at most α (Ville's inequality), so it may be looked at after every window. It is a bet: each window
multiplies it by an *e-value*, whose expectation is at most 1 while the new stack is no worse.

**Errors and slow calls** (two samples). Take a stratum of a window, with ``n`` calls of which ``n_new`` were the new
stack's, w = n_new/n, and ``f`` failed. Were the new stack no worse, each failed call would be one of the new stack's
with a probability of at most w, *whatever the common rate is*: an outage that hits both says nothing. If a failure has
r times legacy's odds, that probability is q = rw/(rw+1−w). The e-value is (q/w)^f_new · ((1−q)/(1−w))^(f−f_new). The
f failed calls are drawn without replacement, for which a convex function expects at most what it does for independent
draws (Hoeffding 1963, theorem 4): its expectation stays at most 1, and less than 1 for a new stack that is better.

**Slow** is, for legacy, what took longer than a bound that legacy's 99th percentile stayed under *before* the window;
for the new stack, what took longer than that bound times the ramp's tolerance. So what is tested is that the new
stack's tail is at most so many times legacy's tail.

**Mismatches** (one sample). A page made by both stacks differs with a probability of at most p = tolerance + noise, by
hypothesis; noise is how often legacy differs from itself: if it was seen to at all, estimated from above from what was
counted *before* the window. The e-value is (p'/p)^d · ((1−p')/(1−p))^(n−d) for p' = r·p. Legacy against itself is asked
too seldom to be a second sample.

How much worse is not known: each process is a mixture over several r. When it becomes worse is not known either: each
is a mixture over starts too, since what was earned in good times would else be lost for the bad ones (a bet against a
healthy stack loses, and must win back what it lost). Most of the weight starts at once; start j > 1 has 0.1/(j(j−1)),
so what begins late costs 2·ln j. A mixture of e-processes is one.

No single window may multiply a process by more than ``MOST_AT_ONCE``, for an e-value that is cut off still expects at
most 1: one stall of ten seconds is no verdict, two are.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from orderpage.migration.gate.counts import BOUNDS_MS, Tally
from orderpage.migration.gate.store import Reason
from orderpage.migration.gate.windows import Before, Compared, Stratum, Window

STREAMS = (Reason.ERRORS, Reason.MISMATCHES, Reason.LATENCY)

RATIOS = (1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, 40.0)
"""Odds of the new stack over legacy's that are bet on."""

WEIGHTS = (0.06, 0.12, 0.22, 0.22, 0.14, 0.10, 0.08, 0.06)
"""What is staked on each. The middle ones are what a bad release mostly is; a great one needs little stake."""

MOST_AT_ONCE = math.log(60.0)
LEAST_CALLS = 200
"""Calls of legacy that its 99th percentile is read from."""

_AT_ONCE = 0.9
_LOG_WEIGHTS = tuple(map(math.log, WEIGHTS))
_NOISE_DOUBT = 0.01
_MOST_RATE = 0.98


class Process:
    """One e-process: a mixture over ``RATIOS`` and over starts. In logarithms, so that nothing overflows.

    ``log`` is the process now: 0.0 says nothing, 5.0 that chance would seldom do it.
    """

    __slots__ = ("_logs", "_windows", "log")

    def __init__(self) -> None:
        self._logs = [-math.inf] * len(RATIOS)
        self._windows = 0
        self.log = 0.0

    def add(self, gains: Sequence[float]) -> None:
        """A window more: the logarithm of its e-value for each of ``RATIOS``."""
        self._windows += 1
        number = self._windows
        stake = math.log(_AT_ONCE if number == 1 else (1 - _AT_ONCE) / (number * (number - 1)))
        self._logs = [
            _log_sum(log, stake) + min(gain, MOST_AT_ONCE) for log, gain in zip(self._logs, gains, strict=True)
        ]
        self.log = math.log((1 - _AT_ONCE) / number)  # what is staked on starts to come
        for log, weight in zip(self._logs, _LOG_WEIGHTS, strict=True):
            self.log = _log_sum(self.log, log + weight)


class Evidence:
    """What the windows of a ramp's step say. Windows are added in order, each once.

    ``new`` and ``legacy`` add the calls up, ``slow_new`` and ``slow_legacy`` those beyond the bounds of the moment.
    Pages count as compared from the first call on that the new stack answers: what differs in shadow is there to be
    mended, and not to be held against what is then let on. ``joined`` is the slot of that call, None if it is the first
    one looked at.
    """

    def __init__(self, mismatch_tolerance: float, latency_tolerance: float, before: Before | None = None) -> None:
        self._mismatch_tolerance = mismatch_tolerance
        self._latency_tolerance = latency_tolerance
        self._before = before or Before()
        self._processes = {stream: Process() for stream in STREAMS}
        self.new, self.legacy, self.compared = Tally(), Tally(), Compared()
        self.slow_new = self.slow_legacy = 0
        self.joined: datetime | None = None
        self._waited = False

    def add(self, window: Window) -> None:
        """Take a window in."""
        self._errors(window)
        self._latency(window)
        for stratum in window.strata.values():
            _add(self.new, stratum.new)
            _add(self.legacy, stratum.legacy)
        if not self.new.requests:
            self._waited = True
        else:
            if self._waited and self.joined is None:
                self.joined = window.slot
            self._mismatches(window.compared)
        self._before.add(window)

    def log(self, stream: Reason) -> float:
        """The logarithm of a stream's e-process."""
        return self._processes[stream].log

    @property
    def noise(self) -> Compared:
        """Legacy against itself: what is known so far."""
        return self._before.noise

    @property
    def noise_rate(self) -> float:
        """How often legacy differs from itself, estimated from above; 0 while it was never seen to.

        Should it do so after all, too seldom to be seen, the ramp is stopped needlessly: that costs a look. Estimated
        from above, a few hundred equal pages would allow more than any tolerance, or hold a small site's ramp for days.
        """
        noise = self.noise
        return upper_rate(noise.noise_different, noise.noise_pages) if noise.noise_different else 0.0

    @property
    def allowed_rate(self) -> float:
        """How often pages may differ: tolerance and noise."""
        return min(self._mismatch_tolerance + self.noise_rate, _MOST_RATE)

    @property
    def noise_is_vague(self) -> bool:
        """Whether there is noise, known from so few pages that it could hide as much as is tolerated."""
        pages, different = self.noise.noise_pages, self.noise.noise_different
        if not different:
            return False
        measured = different / pages
        return self.noise_rate - measured > max(self._mismatch_tolerance, measured)

    def _errors(self, window: Window) -> None:
        gains = [0.0] * len(RATIOS)
        for stratum in window.strata.values():
            _bet(gains, stratum, stratum.new.errors, stratum.legacy.errors)
        self._gained(Reason.ERRORS, gains)

    def _latency(self, window: Window) -> None:
        gains = [0.0] * len(RATIOS)
        for (_, method), stratum in window.strata.items():
            if not stratum.new.requests or (bucket := self._before.tail(method, LEAST_CALLS)) is None:
                continue
            limit = tolerated(bucket, self._latency_tolerance)
            slow_new, slow_legacy = sum(stratum.new.took[limit + 1 :]), sum(stratum.legacy.took[bucket + 1 :])
            self.slow_new += slow_new
            self.slow_legacy += slow_legacy
            _bet(gains, stratum, slow_new, slow_legacy)
        self._gained(Reason.LATENCY, gains)

    def _mismatches(self, compared: Compared) -> None:
        self.compared.pages += compared.pages
        self.compared.different += compared.different
        self.compared.dropped += compared.dropped
        if compared.pages:
            allowed = self.allowed_rate
            different = min(compared.different, compared.pages)
            self._gained(Reason.MISMATCHES, rate_gains(different, compared.pages, allowed))

    def _gained(self, stream: Reason, gains: Sequence[float]) -> None:
        if any(gains):  # a window that says nothing is no occasion to start another bet
            self._processes[stream].add(gains)


def odds_gains(new_failed: int, failed: int, share: float) -> list[float]:
    """The logarithm of a stratum's e-value for each of ``RATIOS``: ``failed`` calls, ``new_failed`` of the new stack,
    which had ``share`` of the calls.
    """
    return [new_failed * math.log(ratio) - failed * math.log1p((ratio - 1) * share) for ratio in RATIOS]


def rate_gains(different: int, pages: int, allowed: float) -> list[float]:
    """The logarithm of a window's e-value for each of ``RATIOS``, against a rate of at most ``allowed`` in (0, 1)."""
    gains = []
    for ratio in RATIOS:
        rate = min(ratio * allowed, (1 + allowed) / 2)
        gains.append(
            different * math.log(rate / allowed) + (pages - different) * (math.log1p(-rate) - math.log1p(-allowed))
        )
    return gains


@lru_cache(1024)
def upper_rate(hits: int, trials: int) -> float:
    """The greatest rate that ``hits`` of ``trials`` (at least one) leave plausible: Chernoff's bound at 1%."""
    limit, seen = math.log(1 / _NOISE_DOUBT) / trials, hits / trials
    low, high = seen, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if _divergence(seen, middle) < limit:
            low = middle
        else:
            high = middle
    return high


def tolerated(bucket: int, tolerance: float) -> int:
    """The bucket whose end is the first to reach that of ``bucket`` times ``tolerance``; the last one has no end."""
    limit = BOUNDS_MS[bucket] * tolerance
    return next((index for index in range(bucket, len(BOUNDS_MS)) if BOUNDS_MS[index] >= limit), len(BOUNDS_MS))


def _bet(gains: list[float], stratum: Stratum, new_failed: int, legacy_failed: int) -> None:
    new, calls = stratum.new.requests, stratum.new.requests + stratum.legacy.requests
    if not new_failed + legacy_failed or not 0 < new < calls:
        return
    for index, gain in enumerate(odds_gains(new_failed, new_failed + legacy_failed, new / calls)):
        gains[index] += gain


def _add(to: Tally, tally: Tally) -> None:
    to.requests += tally.requests
    to.errors += tally.errors
    to.unknown += tally.unknown


def _divergence(seen: float, rate: float) -> float:
    """Kullback and Leibler's, of coins."""
    if rate >= 1:
        return math.inf if seen < 1 else 0.0
    hit = seen * math.log(seen / rate) if seen else 0.0
    return hit + ((1 - seen) * math.log((1 - seen) / (1 - rate)) if seen < 1 else 0.0)


def _log_sum(one: float, other: float) -> float:
    """log(e^one + e^other)."""
    great, small = (one, other) if one >= other else (other, one)
    return great if small == -math.inf else great + math.log1p(math.exp(small - great))
