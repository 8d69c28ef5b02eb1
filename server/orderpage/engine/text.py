"""Values in few characters, for people."""

import reprlib
from typing import Any

_REPR = reprlib.Repr()
_REPR.maxother = _REPR.maxstring = 80
_REPR.maxlist = _REPR.maxtuple = _REPR.maxset = _REPR.maxdict = 4
_REPR.maxlevel = 3

_MOST = 160
_NOT_ITS_OWN: frozenset[object] = frozenset({object.__str__, str.__str__, bytes.__str__})


def short(value: Any) -> str:
    """Show a value in few characters, even one whose own repr fails."""
    return _REPR.repr(value)


def told(value: Any) -> str:
    """What a value says of itself, on one line: ``str()`` where its type defines one, else as ``short``."""
    if type(value).__str__ in _NOT_ITS_OWN:
        return short(value)
    try:
        text = str(value)
    except Exception:
        return short(value)
    return one_line(text)


def one_line(text: str) -> str:
    """A text of at most 160 characters without line breaks, and without what a terminal would obey."""
    if len(text) > _MOST:
        text = f"{text[: _MOST - 1]}…"
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\ufffd" for each in " ".join(text.split()))
