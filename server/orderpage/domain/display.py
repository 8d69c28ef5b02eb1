"""What extensions at ``present`` may say: blocks in slots, and operations on how options are shown."""

from collections.abc import Mapping

import msgspec


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


class Badge(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A short mark on an option ("fastest")."""

    parcel_id: str
    method: str
    text: str


class Label(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Another name for an option."""

    parcel_id: str
    method: str
    text: str


class ShowFirst(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Move an option to the head of its parcel's list. It changes the order of the list, never the selection."""

    parcel_id: str
    method: str


Presentation = Block | Badge | Label | ShowFirst
