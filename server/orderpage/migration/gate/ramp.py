"""The ramp file: which traffic moves in which steps, and what would stop it.

    ramps:
      - name: sg-h5
        when: {site: SG, client: h5}     # absent keys: every value
        steps: [1, 5, 20, 50, 100]       # percent
        hold: 30m                        # at each step, at least
        minimum: 500                     # calls of the new stack, and pages compared, before a step may end
        mismatch_tolerance: 0.5%         # of compared pages, beyond what legacy differs from itself
        latency_tolerance: 1.5           # times legacy's 99th percentile
        keep: 7d                         # at 100% and clean, before legacy's code for it may be removed

Everything but ``name`` and ``when`` may be left out; the values above are what is meant then.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any

import msgspec

from orderpage.engine.document import Document, Path, convert, dotted, read_documents
from orderpage.engine.problems import PackageError, Problems, one_of
from orderpage.engine.scenarios import Name
from orderpage.migration.gate.counts import KEPT
from orderpage.migration.gate.store import FULL
from orderpage.migration.scope import ANY, Scope, TrafficCell

_DURATION = re.compile(r"(\d{1,6})(s|m|h|d)")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)%")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Ramp(msgspec.Struct, frozen=True, kw_only=True):
    """One ramp: what it covers, its ``shares`` of 10,000 buckets in order, and its limits. Rates are 0 … 1."""

    name: str
    scope: Scope
    shares: tuple[int, ...] = (100, 500, 2_000, 5_000, FULL)
    hold: timedelta = timedelta(minutes=30)
    minimum: int = 500
    mismatch_tolerance: float = 0.005
    latency_tolerance: float = 1.5
    keep: timedelta = timedelta(days=7)

    def step_of(self, share: int) -> int:
        """The step that a share has reached, from 0; -1 below the first one."""
        return sum(each <= share for each in self.shares) - 1


class Ramps:
    """The ramps of a file. Of those that cover a cell the most specific one has it."""

    def __init__(self, ramps: Iterable[Ramp] = ()) -> None:
        self._ramps = sorted(ramps, key=lambda ramp: ramp.scope.specificity, reverse=True)

    def __iter__(self) -> Iterator[Ramp]:
        return iter(self._ramps)

    def of(self, cell: TrafficCell) -> Ramp | None:
        """The ramp that a cell belongs to, if any."""
        return next((ramp for ramp in self._ramps if ramp.scope.covers(cell)), None)


class _Ramp(msgspec.Struct, forbid_unknown_fields=True):
    name: Name
    when: dict[str, str] = {}
    steps: tuple[int | float, ...] = (1, 5, 20, 50, 100)
    hold: str = "30m"
    minimum: Annotated[int, msgspec.Meta(ge=1)] = 500
    mismatch_tolerance: str = "0.5%"
    latency_tolerance: Annotated[float, msgspec.Meta(ge=1, le=100)] = 1.5
    keep: str = "7d"


class _File(msgspec.Struct, forbid_unknown_fields=True):
    ramps: list[Any]


def read_ramps(file: str, text: str, dimensions: Mapping[str, Iterable[str]] | None = None) -> Ramps:
    """Read a ramp file. ``dimensions`` are the closed values of a scenario; left out, ``when`` may name any value.

    Raises ``PackageErrors`` with every mistake found.
    """
    problems = Problems()
    try:
        document = _document(file, text)
        count = len(convert(document, (), _File).ramps)
    except PackageError as error:
        problems.add(error.file, error.line, error.message)
        problems.check()
        raise
    reader = _Reader(document, dimensions, problems)
    ramps = [ramp for index in range(count) if (ramp := reader.ramp(("ramps", index))) is not None]
    problems.check()
    return Ramps(ramps)


def _document(file: str, text: str) -> Document:
    documents = list(read_documents(file, text))
    if len(documents) != 1:
        raise PackageError(file, 1, f"holds {len(documents)} documents; write exactly one, beginning with `ramps:`")
    return documents[0]


class _Reader:
    """Reads one ramp at a time; mistakes go to ``problems``."""

    def __init__(self, document: Document, dimensions: Mapping[str, Iterable[str]] | None, problems: Problems) -> None:
        self._document = document
        self._dimensions = dimensions
        self._problems = problems
        self._lines_of: dict[str | Scope, int] = {}

    def ramp(self, path: Path) -> Ramp | None:
        try:
            raw = convert(self._document, path, _Ramp)
            ramp = Ramp(
                name=raw.name,
                scope=self._scope((*path, "when"), raw.when),
                shares=self._shares((*path, "steps"), raw.steps),
                hold=self._duration((*path, "hold"), raw.hold),
                minimum=raw.minimum,
                mismatch_tolerance=self._percent((*path, "mismatch_tolerance"), raw.mismatch_tolerance),
                latency_tolerance=raw.latency_tolerance,
                keep=self._keep((*path, "keep"), raw.keep),
            )
            self._refuse_second((*path, "name"), ramp.name, f"the name {ramp.name!r}")
            self._refuse_second((*path, "when"), ramp.scope, f"the scope {ramp.scope}")
            return ramp
        except PackageError as error:
            self._problems.add(error.file, error.line, error.message)
            return None

    def _error(self, path: Path, message: str) -> PackageError:
        return self._document.error(path, f"{dotted(path)}{message}")

    def _scope(self, path: Path, raw: dict[str, str]) -> Scope:
        for name, value in raw.items():
            if name not in Scope._fields:
                raise self._error((*path, name), f"traffic is not moved by {name!r}; {one_of(name, Scope._fields)}")
            known = None if self._dimensions is None else list(self._dimensions[name])
            if value != ANY and known is not None and value not in known:
                raise self._error((*path, name), f"unknown {name} {value!r}; {one_of(value, known)}")
        return Scope(**raw)

    def _shares(self, path: Path, steps: tuple[int | float, ...]) -> tuple[int, ...]:
        shares = tuple(round(step * 100) for step in steps)
        if not shares or not all(0 < share <= FULL for share in shares):
            raise self._error(path, "steps are percentages above 0, up to 100; write [1, 5, 20, 50, 100]")
        if any(abs(step * 100 - share) > 1e-6 for step, share in zip(steps, shares, strict=True)):
            raise self._error(path, "a step is finer than a hundredth of a percent; buckets are 10,000, so round it")
        if any(after <= before for before, after in pairwise(shares)):
            raise self._error(path, "a step is not above the one before; write them in ascending order, each once")
        return shares

    def _duration(self, path: Path, text: str) -> timedelta:
        if (match := _DURATION.fullmatch(text)) is None:
            raise self._error(path, f"{text!r} is not a duration; write a whole number and s, m, h or d, such as 30m")
        return timedelta(**{_UNITS[match[2]]: int(match[1])})

    def _keep(self, path: Path, text: str) -> timedelta:
        keep = self._duration(path, text)
        if keep >= KEPT:
            raise self._error(path, f"{text} is longer than counts are kept; write less than {KEPT.days}d")
        return keep

    def _percent(self, path: Path, text: str) -> float:
        match = _PERCENT.fullmatch(text)
        if match is None or not 0 < float(match[1]) < 50:
            raise self._error(path, f"{text!r} is not a percentage above 0% and below 50%; write it as 0.5%")
        return float(match[1]) / 100

    def _refuse_second(self, path: Path, key: str | Scope, what: str) -> None:
        if (line := self._lines_of.setdefault(key, self._document.line(path))) != self._document.line(path):
            raise self._error(path, f"{what} stands on line {line} already; keep one ramp for it")
