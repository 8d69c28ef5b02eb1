"""Two answers to one request, compared field by field as the contract means them.

Nothing here knows a field by name: ``contract.py`` says what is a key, an id, a set, an amount. ``causes.py`` then
guesses why, and ``ignoring.py`` leaves out what was decided not to matter.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from google.protobuf import text_format

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from crossborder.checkout.v1.order_pb2 import Order
from crossborder.checkout.v1.problem_pb2 import Problems
from orderpage.migration.comparison.answer import Answer
from orderpage.migration.comparison.causes import guess_causes
from orderpage.migration.comparison.contract import (
    CURRENCY,
    KEYS,
    MOMENTS,
    PARCEL_IDS,
    REFERRING,
    SETS,
    Field,
    Key,
    Names,
    Number,
    contents,
    fields_of,
    is_component,
    paid,
    shown,
)
from orderpage.migration.comparison.found import ABSENT, Difference, Found
from orderpage.migration.comparison.ignoring import NOTHING, Rules
from orderpage.migration.comparison.texts import normalised

__all__ = ["ABSENT", "Difference", "compare", "find"]


def compare(legacy: Answer, new: Answer, rules: Rules = NOTHING) -> tuple[Difference, ...]:
    """How the two differ, in the order of the contract's fields, without what ``rules`` ignore.

    Raises ``TypeError`` for a page against an order: those are no answers to one request.
    """
    found = list(find(legacy, new))
    if not found:
        return ()
    causes = guess_causes(found, legacy, new)
    return tuple(
        one.because(cause) for one, cause in zip(found, causes, strict=True) if not rules.ignore(one.field)
    )  # fmt: skip


def find(legacy: Answer, new: Answer) -> Iterator[Found]:
    """All differences, without causes."""
    if isinstance(legacy, Problems) and isinstance(new, Problems):
        yield from _refusals(legacy, new)
    elif isinstance(legacy, Problems) or isinstance(new, Problems):
        yield Found("answer", "answer", _answered(legacy), _answered(new))
    elif isinstance(legacy, RenderResponse) and isinstance(new, RenderResponse):
        if bool(legacy.quote_token) != bool(new.quote_token):
            yield Found("quote_token", "quote_token", _there(legacy.quote_token), _there(new.quote_token))
        if legacy.page != new.page:
            yield from _Comparison(legacy.page, new.page).message(legacy.page, new.page, "", "")
    elif isinstance(legacy, Order) and isinstance(new, Order):
        yield from _Comparison(legacy, new).message(legacy, new, "", "")
    else:
        raise TypeError(f"a {type(legacy).__name__} is not comparable with a {type(new).__name__}")


def _refusals(legacy: Problems, new: Problems) -> Iterator[Found]:
    """By code, field and line; their words are each system's own."""
    key_of = KEYS["Problems.problems"]
    first, second = ({key_of(problem, {}) for problem in side.problems} for side in (legacy, new))
    for key in sorted(first ^ second):
        one, other = (key, ABSENT) if key in first else (ABSENT, key)
        yield Found("problems", f"problems[{key}]", one, other, alone=True)


def _answered(answer: Answer) -> str:
    if isinstance(answer, Problems):
        return f"refused: {', '.join(sorted({problem.code for problem in answer.problems}))}"
    return "a page" if isinstance(answer, RenderResponse) else "an order"


def _there(value: str) -> str:
    return "present" if value else ABSENT


class _Comparison:
    """Of two pages, or two orders."""

    def __init__(self, legacy: Any, new: Any) -> None:
        self._names: tuple[Names, Names] = (_names(legacy), _names(new))
        self._same_names = self._names[0] == self._names[1]

    def message(self, legacy: Any, new: Any, path: str, place: str) -> Iterator[Found]:
        """Field by field. ``path`` and ``place`` end with a dot, or are empty."""
        if legacy == new and self._same(legacy.DESCRIPTOR.name):
            return
        for field in fields_of(legacy.DESCRIPTOR):
            one, other = getattr(legacy, field.name), getattr(new, field.name)
            below, at = path + field.name, place + field.name
            if field.descriptor.is_repeated:
                if one != other or not self._same(field.type.name if field.type else ""):
                    yield from self._repeated(field, one, other, below, at)
            elif field.type is None:
                if one != other or field.path in PARCEL_IDS:
                    yield from self._leaf(field, legacy, new, below, at)
            else:
                yield from self._part(field, legacy, new, below, at)

    def _same(self, message: str) -> bool:
        """Whether equal messages of that name mean the same: what refers to a parcel may mean another."""
        return self._same_names or message not in REFERRING

    def _part(self, field: Field, legacy: Any, new: Any, path: str, place: str) -> Iterator[Found]:
        """A message that each side has, or not."""
        one, other = (side.HasField(field.name) for side in (legacy, new))
        mine, its = getattr(legacy, field.name), getattr(new, field.name)
        if one != other:
            yield _alone(mine if one else its, path, place, legacy=one)
        elif field.type is not None and field.type.name in MOMENTS:
            if mine != its:
                yield Found(path, place, _moment(mine), _moment(its), change=_between(mine, its))
        elif one:
            yield from self.message(mine, its, f"{path}.", f"{place}.")

    def _leaf(self, field: Field, legacy: Any, new: Any, path: str, place: str) -> Iterator[Found]:
        one, other = getattr(legacy, field.name), getattr(new, field.name)
        if field.path in PARCEL_IDS:
            one, other = self._names[0].get(one, one), self._names[1].get(other, other)
        same = normalised(one) == normalised(other) if isinstance(one, str) else one == other
        if not same:
            texts = shown(field.descriptor, one), shown(field.descriptor, other)
            amount = field.number is not Number.OTHER
            money = path in CURRENCY or paid(field, legacy) or paid(field, new)
            yield Found(path, place, *texts, money=money, amount=amount, change=other - one if amount else None)

    def _repeated(self, field: Field, legacy: Any, new: Any, path: str, place: str) -> Iterator[Found]:
        if field.type is not None and field.type.GetOptions().map_entry:
            yield from self._map(legacy, new, path, place)
        elif field.type is None:
            yield from _list(field, legacy, new, path, place)
        elif field.key is None:
            yield from self._elements(_numbered(legacy), _numbered(new), path, place)
        else:
            first, second = (
                _keyed(side, field.key, names) for side, names in zip((legacy, new), self._names, strict=True)
            )
            yield from self._elements(first, second, path, place)
            if field.ordered:
                yield from _order(
                    [key for key in first if key in second], [key for key in second if key in first], path, place
                )

    def _elements(self, legacy: dict[str, Any], new: dict[str, Any], path: str, place: str) -> Iterator[Found]:
        for key in (*legacy, *(key for key in new if key not in legacy)):
            at = f"{place}[{key}]"
            if key in legacy and key in new:
                yield from self.message(legacy[key], new[key], f"{path}.", f"{at}.")
            else:
                yield _alone(legacy.get(key, new.get(key)), path, at, legacy=key in legacy)

    def _map(self, legacy: Any, new: Any, path: str, place: str) -> Iterator[Found]:
        for key in sorted({*legacy, *new}):
            one, other = (side.get(key, ABSENT) for side in (legacy, new))
            if normalised(one) != normalised(other) or (key in legacy) != (key in new):
                yield Found(path, f"{place}[{key}]", one, other)


def _names(answer: Any) -> Names:
    return {parcel.parcel_id: contents(parcel, {}) for parcel in answer.parcels}


def _keyed(elements: Sequence[Any], key: Key, names: Names) -> dict[str, Any]:
    """Elements by key. Those of one key are numbered by what they say, so that their order never matters."""
    groups: dict[str, list[Any]] = {}
    for element in elements:
        groups.setdefault(key(element, names), []).append(element)
    found = {}
    for name, same in groups.items():
        if len(same) > 1:
            same.sort(key=lambda element: element.SerializeToString(deterministic=True))
        for number, element in enumerate(same, 1):
            found[name if number == 1 else f"{name}#{number}"] = element
    return found


def _numbered(elements: Sequence[Any]) -> dict[str, Any]:
    return {str(index): element for index, element in enumerate(elements)}


def _list(field: Field, legacy: Any, new: Any, path: str, place: str) -> Iterator[Found]:
    first, second = ([normalised(str(value)) for value in side] for side in (legacy, new))
    if field.path in SETS:
        first, second = sorted(first), sorted(second)
    if first != second:
        yield Found(path, place, " | ".join(map(str, legacy)), " | ".join(map(str, new)))


def _order(legacy: list[str], new: list[str], path: str, place: str) -> Iterator[Found]:
    if legacy != new:
        yield Found(f"{path}.order", f"{place}.order", ", ".join(legacy), ", ".join(new))


def _alone(element: Any, path: str, place: str, *, legacy: bool) -> Found:
    text = text_format.MessageToString(element, as_one_line=True, as_utf8=True)
    texts = (text or "{}", ABSENT) if legacy else (ABSENT, text or "{}")
    return Found(path, place, *texts, money=is_component(element), alone=True)


def _moment(value: Any) -> str:
    if value.DESCRIPTOR.name == "Date":
        return f"{value.year:04}-{value.month:02}-{value.day:02}"
    return str(value.ToJsonString())


def _between(legacy: Any, new: Any) -> int | None:
    """Days from one date to another; None for moments, and for what is no date."""
    if legacy.DESCRIPTOR.name != "Date":
        return None
    try:
        return (date(new.year, new.month, new.day) - date(legacy.year, legacy.month, legacy.day)).days
    except ValueError:
        return None
