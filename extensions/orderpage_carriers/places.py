"""Places in a JSON value, as configuration names them: ``data.rates[*].price``, ``^.parcel``, ``$.currency``."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_STEP = re.compile(r"(?P<key>[^.\[\]^$\s]+)|\[(?P<index>\d{1,4}|\*)\]")
_SHOWN = 40
_MOST = 2_000
"""Elements of a list of prices: more is no answer."""


class WrongAnswer(ValueError):
    """What another service answered is not what its description says: which place, and what was found there."""


class Place:
    """One place. ``climbs`` is how many lists it goes up, ``absolute`` whether it begins at the whole answer."""

    def __init__(self, text: str) -> None:
        """Raises ``ValueError`` for what is no place."""
        self.text = text
        rest = text
        self.absolute = rest.startswith("$.")
        rest = rest[2:] if self.absolute else rest
        self.climbs = 0
        while rest.startswith("^."):
            self.climbs, rest = self.climbs + 1, rest[2:]
        self.steps = _steps(text, rest)

    @property
    def spread(self) -> bool:
        """Whether it ends with every element of a list."""
        return self.steps[-1] == "*"

    def __str__(self) -> str:
        return self.text


def _steps(text: str, rest: str) -> tuple[str | int, ...]:
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        if rest[at] == "." and steps:
            at += 1
        match = _STEP.match(rest, at)
        if match is None:
            break
        index = match["index"]
        steps.append(match["key"] if index is None else index if index == "*" else int(index))
        at = match.end()
    if not steps or at != len(rest) or rest.endswith("."):
        raise ValueError(f"{text!r} is no place in JSON; write it as 'data.rates[*].price'")
    return tuple(steps)


class Node:
    """An element of an answer, and the elements around it: the whole answer first, itself last.

    ``discreet``: what is found there may be about a buyer, and messages say no more of it than its kind.
    """

    __slots__ = ("chain", "discreet")

    def __init__(self, chain: Sequence[Any], *, discreet: bool = False) -> None:
        self.chain = tuple(chain)
        self.discreet = discreet

    def said(self, value: Any) -> str:
        """What was found, in a few words, for messages."""
        return _kind(value) if self.discreet else said(value)

    def each(self, place: Place) -> Iterator["Node"]:
        """The elements of a spread place. Raises ``WrongAnswer`` where there is no list."""
        ways: list[tuple[tuple[Any, ...], Any]] = [(self.chain, self.chain[0])]
        seen = ""
        for step in place.steps:
            seen += f"[{step}]" if step == "*" or isinstance(step, int) else f".{step}"
            ways = [further for way in ways for further in _down(*way, step, seen.lstrip("."))]
            if len(ways) > _MOST:
                raise WrongAnswer(f"{seen.lstrip('.')}: more than {_MOST} elements")
        for chain, _ in ways:
            yield Node(chain, discreet=self.discreet)

    def get(self, place: Place) -> Any:
        """The value there; None where there is none. Raises ``WrongAnswer`` where the way is barred."""
        value = self.chain[0] if place.absolute else self.chain[max(0, len(self.chain) - 1 - place.climbs)]
        for step in place.steps:
            if value is None:
                return None
            if isinstance(step, int):
                if not isinstance(value, list):
                    raise WrongAnswer(f"{place}: a list is expected before [{step}], found {self.said(value)}")
                value = value[step] if step < len(value) else None
            else:
                if not isinstance(value, dict):
                    raise WrongAnswer(f"{place}: an object is expected before {step!r}, found {self.said(value)}")
                value = value.get(step)
        return value


def _down(chain: tuple[Any, ...], value: Any, step: str | int, seen: str) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """One step on from ``value``, with the list elements passed so far."""
    if step == "*":
        if not isinstance(value, list):
            raise WrongAnswer(f"{seen}: a list is expected, found {said(value)}")
        for item in value:
            yield (*chain, item), item
    elif isinstance(step, int):
        if not isinstance(value, list) or step >= len(value):
            raise WrongAnswer(f"{seen}: no such element in {said(value)}")
        yield chain, value[step]
    else:
        if not isinstance(value, dict) or step not in value:
            raise WrongAnswer(f"{seen}: missing in {said(value)}")
        yield chain, value[step]


def put(body: dict[str, Any], place: Place, value: Any) -> None:
    """Write a value into a body, making the objects on the way."""
    *way, last = place.steps
    for step in way:
        body = body.setdefault(str(step), {})
    body[str(last)] = value


def check_writable(places: Mapping[str, Place]) -> None:
    """Raises ``ValueError`` for places (by what is written there) that can't all be written into one body."""
    taken: dict[tuple[str | int, ...], str] = {}
    for name, place in places.items():
        if place.absolute or place.climbs or any(not isinstance(step, str) or step == "*" for step in place.steps):
            raise ValueError(
                f"{name}: {place} names an element of a list; a body is written by names, as 'to.postcode'"
            )
        taken.setdefault(place.steps, name)
        if taken[place.steps] != name:
            raise ValueError(f"{name} and {taken[place.steps]} are both written to {place}")
    for steps, name in taken.items():
        for length in range(1, len(steps)):
            if steps[:length] in taken:
                raise ValueError(f"{name} would be written inside {taken[steps[:length]]}, which is no object")


def said(value: Any) -> str:
    """A value in a few words, for messages."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        names = ", ".join(str(name)[:_SHOWN] for name in list(value)[:6])
        return f"an object with {names or 'nothing'}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = repr(value) if isinstance(value, str) else str(value)
    kind = {str: "the text", bool: "the truth value"}.get(type(value), "the number")
    return f"{kind} {text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}"


def _kind(value: Any) -> str:
    """No more than what kind of value it is, and how long."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "a truth value"
        case str():
            return f"a text of {len(value)} characters"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return f"an object of {len(value)}"
    return "a number"
