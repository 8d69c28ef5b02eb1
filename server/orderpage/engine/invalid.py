"""What msgspec refuses, as people read it: where in the value it stands, what was meant, what to write instead."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from orderpage.engine.problems import one_of

_AT = re.compile(r"^(?P<what>.*?)(?: - at .*?`\$(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|\[\.\.\.\]")
_UNKNOWN_FIELD = re.compile(r"unknown field `(.*)`")
_ANY_KEY = ...
"""The step for which msgspec does not say the key."""


def explain_invalid(error: msgspec.ValidationError, kind: Any, value: Any) -> tuple[tuple[Any, ...], str]:
    """The path inside ``value`` that msgspec complains of, as far as it tells, and what to do.

    ``kind`` is the type that the value should have been.
    """
    match = _AT.match(str(error))
    what, steps = (match["what"], _steps(match["path"] or "")) if match else (str(error), ())
    path = steps[: steps.index(_ANY_KEY)] if _ANY_KEY in steps else steps  # the mapping's own line is the closest
    kinds = _kinds_at(kind, steps)
    if unknown := _UNKNOWN_FIELD.search(what):
        known = [field.encode_name for each in kinds if isinstance(each, inspect.StructType) for field in each.fields]
        return (*path, unknown[1]), f"unknown key {unknown[1]!r}; {one_of(unknown[1], known) if known else 'remove it'}"
    if path == steps:
        path = (*path, *getattr(error.__cause__, "where", ()))
        what = _with_value(what, value, path)
    return path, f"{what[:1].lower()}{what[1:]}{_advice(what, [name for each in kinds for name in _allowed(each)])}"


def _steps(text: str) -> tuple[Any, ...]:
    return tuple(
        _ANY_KEY if match[0] == "[...]" else match[1] if match[1] is not None else int(match[2])
        for match in _STEP.finditer(text)
    )


def _with_value(what: str, value: Any, path: Sequence[Any]) -> str:
    """Of a date msgspec does not say what was written."""
    if not what.startswith("Invalid RFC3339"):
        return what
    for step in path:
        value = value[step]
    return f"{what} {value!r}"


def _advice(what: str, allowed: Sequence[str]) -> str:
    if "missing required field" in what:
        return "; add it"
    if what.startswith("Invalid enum value") and allowed:
        return f"; write {'one of ' if len(allowed) > 1 else ''}{', '.join(allowed)}"
    if what.startswith("Invalid RFC3339 encoded date") and "datetime" not in what:
        return "; write it as 2026-11-30"
    if "Expected `str`" in what:
        return "; write one text" if "got `array`" in what or "got `object`" in what else "; quote the value"
    return "" if "; " in what else "; correct the value"  # a class of ours has said what to do


def _kinds_at(kind: Any, steps: Sequence[Any]) -> list[inspect.Type]:
    """What may stand there: the arms of a union one by one."""
    found = list(_arms(inspect.type_info(kind)))
    for step in steps:
        found = [arm for each in found for below in _below(each, step) for arm in _arms(below)]
    return found


def _arms(kind: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.Metadata):
        yield from _arms(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _arms(each)
    else:
        yield kind


def _below(kind: inspect.Type, step: Any) -> Iterator[inspect.Type]:
    if isinstance(kind, inspect.StructType):
        yield from [field.type for field in kind.fields if field.encode_name == step]
    elif isinstance(kind, inspect.DictType):
        yield kind.value_type
    elif isinstance(kind, inspect.CollectionType):
        yield kind.item_type
    elif isinstance(kind, inspect.TupleType):
        yield kind.item_types[step]


def _allowed(kind: inspect.Type) -> Iterator[str]:
    """The values of an enumeration, also of one that a mapping's keys are of."""
    if isinstance(kind, inspect.EnumType):
        yield from [str(member.value) for member in kind.cls]
    elif isinstance(kind, inspect.LiteralType):
        yield from map(str, kind.values)
    elif isinstance(kind, inspect.DictType):
        for arm in _arms(kind.key_type):
            yield from _allowed(arm)
