"""What extensions at ``present`` may say: blocks in slots, and operations on how options are shown."""

import re
from collections.abc import Mapping

import msgspec

_FIGURE = re.compile(r"[-\u2212]?(?:[A-Z]{0,3}[$¥€£₩]|[A-Z]{3}\s)-?\d[\d,]*(?:\.\d+)?|\d{4}-\d\d-\d\d")
"""An amount as a buyer reads it, or an ISO date."""


class Block(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A piece of the page. ``slot`` says where it stands, ``kind`` which component draws it, in the page's language.

    ``values`` are the component's further texts by name (all display-ready).
    """

    slot: str
    kind: str
    title: str
    text: str = ""
    parcel_id: str = ""
    values: Mapping[str, str] = {}

    def __str__(self) -> str:
        """Where and what, with the amounts and dates of ``values``. Other words may be about the buyer."""
        of = f" of {self.parcel_id}" if self.parcel_id else ""
        figures = ", ".join(f"{name} {value}" for name, value in self.values.items() if _FIGURE.fullmatch(value))
        return f"{self.slot} {self.kind}{of}{f': {figures}' if figures else ''}"


class Badge(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A short mark on an option ("fastest"). Explanations and traces show it: nothing about the buyer in it."""

    parcel_id: str
    method: str
    text: str

    def __str__(self) -> str:
        return f"{self.method} of {self.parcel_id} marked {self.text!r}"


class Label(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Another name for an option. Explanations and traces show it: nothing about the buyer in it."""

    parcel_id: str
    method: str
    text: str

    def __str__(self) -> str:
        return f"{self.method} of {self.parcel_id} called {self.text!r}"


class ShowFirst(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Move an option to the head of its parcel's list. It changes the order of the list, never the selection."""

    parcel_id: str
    method: str

    def __str__(self) -> str:
        return f"{self.method} of {self.parcel_id} first"


Presentation = Block | Badge | Label | ShowFirst
