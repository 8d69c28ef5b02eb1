"""Differences that were decided not to matter: a file of rules, each with its reason and, mostly, its end.

ignore:
  - field: parcels.options.score        # a glob over field paths
    site: SG                            # business, client and crowd too; left out: every one
    until: 2026-12-31                   # the last day; afterwards the difference counts again
    why: the legacy page has no scores
"""

import re
from collections.abc import Iterator
from datetime import date
from fnmatch import fnmatchcase, translate
from typing import Annotated

import msgspec

from orderpage.engine.document import Document, convert, read_documents
from orderpage.engine.problems import PackageError, PackageErrors, one_of
from orderpage.migration.comparison.contract import known_fields
from orderpage.migration.scope import ANY, Scope, TrafficCell

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class Ignore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule. ``field`` is a glob over field paths; ``until`` the last day on which it holds (UTC)."""

    field: _Text
    why: _Text
    site: _Text = ANY
    business: _Text = ANY
    client: _Text = ANY
    crowd: _Text = ANY
    until: date | None = None

    @property
    def scope(self) -> Scope:
        """Where it holds."""
        return Scope(self.site, self.business, self.client, self.crowd)

    def __str__(self) -> str:
        """``parcels.options.score in site=SG until 2026-12-31: the legacy page has no scores``."""
        return f"{self.field} in {self.scope}{f' until {self.until}' if self.until else ''}: {self.why}"


class Rules:
    """The rules of one cell on one day: which fields are not looked at."""

    __slots__ = ("_fields",)

    def __init__(self, *globs: str) -> None:
        self._fields = re.compile("|".join(map(translate, globs))) if globs else None

    def ignore(self, field: str) -> bool:
        """Whether a difference at ``field`` does not matter."""
        return self._fields is not None and self._fields.match(field) is not None


NOTHING = Rules()
"""Everything matters."""


class RuleBook:
    """All rules of a file."""

    def __init__(self, rules: tuple[Ignore, ...] = ()) -> None:
        self.rules = rules

    def at(self, cell: TrafficCell, day: date) -> Rules:
        """What holds for a checkout of ``cell`` on ``day``."""
        held = (rule for rule in self.rules if rule.until is None or day <= rule.until)
        return Rules(*(rule.field for rule in held if rule.scope.covers(cell)))

    def expired(self, day: date) -> tuple[Ignore, ...]:
        """What does not hold any more: to be reported, and taken out of the file."""
        return tuple(rule for rule in self.rules if rule.until is not None and day > rule.until)


def read_rules(file: str, text: str) -> RuleBook:
    """The rules of a YAML file. Raises ``PackageErrors`` with every mistake, each with its line."""
    mistakes: list[PackageError] = []
    try:
        rules = [rule for document in read_documents(file, text) for rule in _rules(document, mistakes)]
    except PackageError as error:
        raise PackageErrors((error,)) from None
    if mistakes:
        raise PackageErrors(tuple(mistakes))
    return RuleBook(tuple(rules))


def _rules(document: Document, mistakes: list[PackageError]) -> Iterator[Ignore]:
    value = document.value
    if not isinstance(value, dict) or set(value) != {"ignore"} or not isinstance(value["ignore"], list):
        raise document.error((), "a file of rules has one key, ignore, and a list of rules under it")
    for index in range(len(value["ignore"])):
        try:
            yield _rule(document, index)
        except PackageError as error:
            mistakes.append(error)


def _rule(document: Document, index: int) -> Ignore:
    rule = convert(document, ("ignore", index), Ignore)
    if not any(fnmatchcase(field, rule.field) for field in known_fields()):
        hint = one_of(rule.field, known_fields())
        raise document.error(("ignore", index, "field"), f"no answer has a field {rule.field!r}; {hint}")
    return rule
