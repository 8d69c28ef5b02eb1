"""``check_extension``: an extension against the laws of the points it stands at."""

import asyncio
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter
from typing import Any, NoReturn

import msgspec

from orderpage.domain.page import PageView, ParcelOptions
from orderpage.domain.shipping import Option, Parcel, Shipment
from orderpage.engine.bound import check_type
from orderpage.engine.extension import spec_of
from orderpage.engine.faults import describe
from orderpage.engine.plan import CompiledSlot, Plan, Stage
from orderpage.engine.point import UNSET, Fact, Shape
from orderpage.engine.problems import PackageErrors
from orderpage.engine.run import DEFAULT_BUDGET, STAGE_SECONDS
from orderpage.testing.examples import example_views
from orderpage.testing.inputs import Inputs
from orderpage.testing.laws import LAWS
from orderpage.testing.memory import host_facts, wait
from orderpage.testing.plans import Use, compile_uses

_TRIES = 5
_MOST = 300


def check_extension(
    cls: type,
    settings: Mapping[str, Any] | None = None,
    *,
    views: Iterable[PageView] = (),
    subjects: Iterable[object] = (),
    facts: Mapping[Fact[Any], Any] | None = None,
) -> None:
    """Prove the laws of every point that ``cls`` stands at, on the pages of ``views``.

    ``settings`` are written as in a layer. ``views`` are the pages the extension is for, by default examples of Hong
    Kong and Singapore; what other points see (parcels, options, the page, the order) is made from them by the host.
    ``subjects`` are further parcels, shipments, options or ``ParcelOptions`` to ask about. ``facts`` are the values of
    facts that the extension needs and neither the host nor itself fills.

    Raises ``AssertionError`` naming the extension, the point, the law that is broken and the input. Warns where the
    extension said nothing at a point on any of the pages: then nothing of what it says there was proved.
    """
    plan = _compile(cls, settings or {})
    pages = tuple(views) or (*example_views("HK"), *example_views("SG"))
    tried: set[str] = set()
    silent = {name for name, stage in plan.stages.items() if stage.point.shape is not Shape.ASYNC}
    for view in pages:
        inputs, known = Inputs(view, subjects), {**host_facts(view), **(facts or {})}
        for stage in plan.stages.values():
            given = inputs.view_at(stage.point)
            if given is not None:
                tried.add(stage.point.name)
                trial = _Trial(stage, stage.compiled[0], given, known)
                if stage.point.shape is Shape.ASYNC:
                    trial.fill()
                elif trial.answer(inputs.subjects_at(stage.point)):
                    silent.discard(stage.point.name)
    if missed := plan.stages.keys() - tried:
        raise AssertionError(
            f"{cls.__qualname__} was not tried at {', '.join(sorted(missed))}; give a view with lines and an address"
        )
    if silent:
        said = f"{cls.__qualname__} said nothing at {', '.join(sorted(silent))}, so its answers there were not proved"
        warnings.warn(f"{said}; give `views` of pages, or `settings`, for which it does", stacklevel=2)


def _compile(cls: type, settings: Mapping[str, Any]) -> Plan:
    spec = spec_of(cls)
    if spec is None:
        raise AssertionError(f"{cls.__qualname__} is not an extension; decorate it with @extension")
    needs = [fact for hook in spec.hooks.values() for fact in hook.needs]
    try:
        return compile_uses((Use(cls, settings),), needs)
    except PackageErrors as errors:
        raise AssertionError(f"{spec.name} would be refused at start-up: {errors}") from None


class _Trial:
    """One slot on one view."""

    def __init__(self, stage: Stage, slot: CompiledSlot, view: Any, known: dict[Fact[Any], Any]) -> None:
        self.stage = stage
        self.slot = slot
        self.view = view
        self.known = known
        self.args = tuple(self._fact(fact) for fact in slot.needs)

    def fill(self) -> None:
        """An ASYNC point: the fact's type, within the budget; what it fills is there for the points that follow."""
        seconds = self.slot.budget or DEFAULT_BUDGET
        before, started = self._bytes(), perf_counter()
        value, failure = None, None
        try:
            value = wait(asyncio.wait_for(self.slot.call(self.view, *self.args), seconds))
        except Exception as cause:
            failure = cause
        took = perf_counter() - started
        if took >= seconds:
            self._broken(f"has no answer after {took * 1000:.0f} ms; its budget is {seconds * 1000:.0f} ms", self.view)
        if failure is not None:
            self._raised(failure, self.view)
        self._unchanged(before)
        self._typed(value, self.view)
        fact = self.slot.fact
        self.known[fact] = {**self.known.get(fact, {}), self.slot.name: value} if fact.by_slot else value

    def answer(self, subjects: Sequence[Any]) -> bool:
        """A pure point: types, the point's own law, the same answer again, nothing changed, in time. Whether anything
        was answered.
        """
        before = self._bytes(*subjects)
        started = perf_counter()
        first = self._ask(subjects)
        best = perf_counter() - started
        for subject, answers in first:
            for value in answers:
                self._typed(value, subject)
            for broken in LAWS[self.stage.point](self.view, subject, answers) if self.stage.point in LAWS else ():
                self._broken(broken, subject)
        for _ in range(_TRIES):
            started = perf_counter()
            again = self._ask(subjects[::-1])
            best = min(best, perf_counter() - started)
            self._same(first, again)
            if best <= STAGE_SECONDS:
                break
        else:
            took, most = best * 1000, STAGE_SECONDS * 1000
            self._broken(f"takes {took:.0f} ms, in which nobody else is served; a point has {most:.0f}", self.view)
        self._unchanged(before, *subjects)
        return any(answers for _, answers in first)

    def _ask(self, subjects: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
        """Each subject with its answers; at a BATCH point the view is the only one."""
        answer = self._call(self.view, self.slot.call, self.view, *self.args)
        if self.stage.point.shape is Shape.BATCH:
            if not isinstance(answer, Iterable):
                self._broken(f"returns {type(answer).__name__}, not an iterable of results", self.view)
            return [(self.view, self._call(self.view, list, answer))]
        if answer is None:
            return [(subject, []) for subject in subjects]
        if not callable(answer):
            self._broken(f"returns {type(answer).__name__}, not a function of the subject nor None", self.view)
        answered = [(subject, self._call(subject, answer, subject)) for subject in subjects]
        return [(subject, [] if value is None else [value]) for subject, value in answered]

    def _call(self, subject: Any, ask: Callable[..., Any], *args: Any) -> Any:
        try:
            return ask(*args)
        except Exception as cause:
            self._raised(cause, subject)

    # ---- the laws of all points ----------------------------------------------------------------------------------

    def _fact(self, fact: Fact[Any]) -> Any:
        value = self.known.get(fact, fact.default)
        if value is UNSET:
            self._broken(f"needs the fact {fact.name!r}, which nobody fills here; give it in `facts`", self.view)
        return value

    def _typed(self, value: Any, subject: Any) -> None:
        try:
            check_type(value, self.slot.allowed)
        except TypeError as error:
            self._broken(f"answers with a wrong type: {error}", subject)

    def _same(self, first: list[tuple[Any, list[Any]]], again: list[tuple[Any, list[Any]]]) -> None:
        for (subject, before), (_, after) in zip(first, again[::-1], strict=True):
            if before != after:
                said = f"first {_short(before)}, then {_short(after)}"
                self._broken(f"does not answer the same input alike: {said}", subject)

    def _unchanged(self, before: Mapping[str, bytes], *subjects: Any) -> None:
        for what, encoded in self._bytes(*subjects).items():
            if encoded != before[what]:
                self._broken(f"changes the {what} it is given; answer with values of your own", self.view)

    def _bytes(self, *subjects: Any) -> dict[str, bytes]:
        """Frozen values may hold mappings, so only their bytes tell whether they changed."""
        needed = {f"fact {fact.name!r}": value for fact, value in zip(self.slot.needs, self.args, strict=True)}
        given = {**needed, "subject": subjects, "view": self.view}
        return {
            what: msgspec.msgpack.encode(value, enc_hook=repr, order="deterministic") for what, value in given.items()
        }

    def _raised(self, cause: Exception, subject: Any) -> NoReturn:
        self._broken(f"raises {describe(cause)}; if it is not for such pages, give `views` that it is for", subject)

    def _broken(self, law: str, subject: Any) -> NoReturn:
        raise AssertionError(
            f"{self.slot.extension} at point {self.stage.point.name!r}: {law}; asked about {_short(subject)}"
        )


def _short(value: Any) -> str:
    """An input in a few words."""
    match value:
        case PageView(cell=cell, lines=lines, address=address):
            carts = ", ".join(f"{line.line_id}×{line.quantity}" for line in lines)
            return f"a {cell.site} page with lines ({carts}) and {'an' if address else 'no'} address"
        case Parcel(items=items, weight_g=weight):
            return f"a parcel of lines {', '.join(item.line.line_id for item in items)}, {weight} g"
        case Shipment(method=method, weight_g=weight):
            return f"a shipment of {weight} g by {method.code}"
        case Option(method=method):
            return f"the option {method.code}"
        case ParcelOptions(options=options):
            return f"a parcel with the options {', '.join(priced.option.method.code for priced in options)}"
    text = repr(value)
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"
