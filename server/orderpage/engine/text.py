"""Values in few characters, for people."""

import reprlib
from typing import Any

_REPR = reprlib.Repr()
_REPR.maxother = _REPR.maxstring = 80
_REPR.maxlist = _REPR.maxtuple = _REPR.maxset = _REPR.maxdict = 4
_REPR.maxlevel = 3


def short(value: Any) -> str:
    """Show a value in few characters, even one whose own repr fails."""
    return _REPR.repr(value)
