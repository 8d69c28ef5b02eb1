"""What the cells of the compiled packages get by the rules, said in as few lines as tell it."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import pairwise, product
from typing import TypeVar

from orderpage.buckets import PARTS
from orderpage.migration.flags.file import FlagFile, evaluator
from orderpage.migration.flags.rules import Route, Rules, Split
from orderpage.migration.flags.versions import UNTOLD, known_version, matches, parts
from orderpage.migration.scope import ANY, TrafficCell

Outcome = tuple[tuple[str, Split], ...]
"""What a cell gets: comparisons with the client's version as they decide, the last one empty, each with a split."""

Dimensions = Mapping[str, Sequence[str]]
_What = TypeVar("_What", bound=Hashable)
_LEGACY = Split.whole(Route.LEGACY)


def all_cells(dimensions: Dimensions) -> list[TrafficCell]:
    """Every cell there can be."""
    return [TrafficCell(*values) for values in product(*(dimensions[name] for name in TrafficCell._fields))]


def outcome(rules: Rules, cell: TrafficCell) -> Outcome:
    """By the rules."""
    chain = tuple((rule.versions, rule.split) for rule in rules.deciding(cell))
    return chain if chain and not chain[-1][0] else (*chain, ("", _LEGACY))


def evaluated_outcome(file: FlagFile, cell: TrafficCell) -> Outcome:
    """By evaluating a flag that was written by hand, for a client that tells no version."""
    evaluate = evaluator(file)
    cuts = [0, *(cut for cut in file.comparisons.cuts if 0 < cut < PARTS), PARTS]
    ends: list[tuple[Route, int]] = []
    for start, end in pairwise(cuts):
        route = evaluate(cell, UNTOLD, start)
        if ends and ends[-1][0] is route:
            ends.pop()
        ends.append((route, end))
    return (("", Split(tuple(ends))),)


def in_words(what: Outcome) -> str:
    """``version<3.2.0: refused; else new 20%, shadow 80%``."""
    *chain, (_, last) = what
    return (
        "".join(f"version{versions}: {split}; " for versions, split in chain) + ("else " if chain else "") + str(last)
    )


def buyer_in_words(what: Outcome, bucket: int) -> str:
    """The same for one buyer: ``version<3.2.0: refused; else shadow``."""
    return in_words(tuple((versions, Split.whole(split.route(bucket))) for versions, split in what))


def lowers(before: Outcome, after: Outcome) -> bool:
    """Whether a buyer who gets the new page by ``before`` may not get it by ``after``.

    A ramp's share is in the database: it is taken for all where it was, and for none where it comes.
    """
    compared = [known_version(parts(versions)[1]) for versions, _ in (*before, *after) if versions]
    versions = {UNTOLD, "0.0.0", "999999.0.0", *compared, *map(_next, compared)}
    pairs = [(_decides(before, each), _decides(after, each)) for each in versions]
    return any(_most_new(old) > new.share(Route.NEW) for old, new in pairs if old != new)


def grouped(cells: Mapping[TrafficCell, _What], dimensions: Dimensions) -> list[tuple[tuple[str, ...], _What]]:
    """Equal cells together: each line has a dimension's values, ``*`` for all of them, and what they get."""
    together: dict[_What, list[TrafficCell]] = {}
    for cell, what in cells.items():
        together.setdefault(what, []).append(cell)
    return [(line, what) for what, members in together.items() for line in _lines(members, dimensions)]


def _lines(cells: Iterable[tuple[str, ...]], dimensions: Dimensions) -> list[tuple[str, ...]]:
    """One line where the cells are all combinations of their values; else one a value of the first dimension."""
    members = list(cells)
    names = list(TrafficCell._fields)[-len(members[0]) :]
    values = [list(dict.fromkeys(column)) for column in zip(*members, strict=True)]
    if len(members) == len(list(product(*values))):
        return [tuple(_said(column, dimensions[name]) for column, name in zip(values, names, strict=True))]
    first: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for value in values[0]:
        rest = _lines((member[1:] for member in members if member[0] == value), dimensions)
        first.setdefault(tuple(rest), []).append(value)
    return [(_said(column, dimensions[names[0]]), *line) for rest, column in first.items() for line in rest]


def _said(values: Sequence[str], known: Sequence[str]) -> str:
    return ANY if len(known) > 1 and set(values) == set(known) else ",".join(values)


def _decides(what: Outcome, version: str) -> Split:
    return next(split for versions, split in what if matches(versions, version))


def _most_new(split: Split) -> int:
    return split.share(Route.NEW) + split.share(Route.RAMP)


def _next(version: str) -> str:
    """A version just above."""
    major, minor, patch = version.partition("-")[0].partition("+")[0].split(".")
    return f"{major}.{minor}.{int(patch) + 1}"
