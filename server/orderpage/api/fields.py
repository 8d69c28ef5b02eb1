"""Checks of a request's fields that note every violation, so that a client learns all of them at once."""

import re

from orderpage.domain.problem import Code, Problem, Refusal

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SHOWN = 40

ID = 64
"""Characters of an identifier at most."""

TEXT = 256
"""Characters of a text at most."""


class Fields:
    """The violations of one request. ``refuse`` raises them."""

    __slots__ = ("problems",)

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, field: str, message: str, *, line_id: str = "") -> None:
        """Note a violation."""
        self.problems.append(
            Problem(code=Code.REQUEST_INVALID, message=f"{field} {message}", field=field, line_id=line_id)
        )

    def text(self, field: str, value: str, *, limit: int = TEXT) -> str:
        """A text that may be empty: its size and its characters."""
        if len(value) > limit:
            self.wrong(field, f"has {len(value)} characters, at most {limit} are taken")
        elif value and not value.isprintable() and (found := _CONTROL.search(value)):
            self.wrong(field, f"holds the control character U+{ord(found[0]):04X}; take it out")
        return value

    def required(self, field: str, value: str, *, limit: int = ID) -> str:
        """A text that must be there."""
        if not value:
            self.wrong(field, "is missing")
            return value
        return self.text(field, value, limit=limit)

    def refuse(self) -> None:
        """Raises ``Refusal`` with all that was noted; returns when nothing was."""
        if self.problems:
            raise Refusal(*self.problems)


def plain(value: str) -> bool:
    """Whether an identifier is certainly right: there, short and printable."""
    return 0 < len(value) <= ID and value.isprintable()


def shown(value: str) -> str:
    """A value from a request, short enough for a message."""
    return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")
