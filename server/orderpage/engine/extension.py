"""How an extension is written: a class with ``@extension``, its methods with ``@extends``.

Facts that an extension declares in ``needs`` arrive as further arguments, in that order. It can read no other,
because it is given no other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from orderpage.engine.point import Fact, Point

_HOOK = "__orderpage_hook__"
_SPEC = "__orderpage_extension__"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of an extension's settings: typed, validated when the plan compiles, unknown names refused."""


class NoSettings(Settings, frozen=True):
    """For an extension that takes none."""


@dataclass(frozen=True)
class Hook:
    """One method of an extension: where it stands, the facts it needs, the fact it fills (ASYNC points only)."""

    point: Point[Any, Any]
    method: str
    needs: tuple[Fact[Any], ...]
    fills: Fact[Any] | None
    budget_ms: int | None


@dataclass(frozen=True)
class ExtensionSpec:
    """An extension class as the decorator saw it. ``hooks`` by point name."""

    name: str
    cls: type
    settings: type[Settings]
    hooks: dict[str, Hook]


Method = TypeVar("Method", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)


def extends(
    point: Point[Any, Any],
    *,
    needs: tuple[Fact[Any], ...] = (),
    fills: Fact[Any] | None = None,
    budget_ms: int | None = None,
) -> Callable[[Method], Method]:
    """Stand at ``point`` with the decorated method. ``fills`` and ``budget_ms`` are for ASYNC points."""

    def mark(method: Method) -> Method:
        setattr(method, _HOOK, Hook(point, method.__name__, needs, fills, budget_ms))
        return method

    return mark


def extension(name: str, *, settings: type[Settings] = NoSettings) -> Callable[[Class], Class]:
    """Declare an extension. ``name`` is what layers write after ``use:`` and must equal the entry point's name.

    Hooks of base classes count too. An instance that depends on data besides its settings, such as a rate card, says
    which in a ``data_digest: str``, so that other data make another plan; where such data end, as a calendar does, its
    ``data_until: date`` is their last day, so that operators learn of it in time. Where a page cannot do without them,
    a method ``lacks_on(day) -> str`` says what that day would miss; and ``misfit(profile, others) -> str`` says what is
    wrong with its scenario or the instances beside it. ``orderpage.attributes`` lists these and all others. Raises
    ``TypeError`` for two methods at one point.
    """

    def mark(cls: Class) -> Class:
        hooks: dict[str, Hook] = {}
        for attribute in dir(cls):
            hook = getattr(getattr(cls, attribute, None), _HOOK, None)
            if not isinstance(hook, Hook):
                continue
            if hook.point.name in hooks:
                raise TypeError(f"{cls.__qualname__} has two methods at point {hook.point.name!r}; keep one")
            hooks[hook.point.name] = hook
        setattr(cls, _SPEC, ExtensionSpec(name, cls, settings, hooks))
        return cls

    return mark


def spec_of(cls: object) -> ExtensionSpec | None:
    """What ``@extension`` noted on the class; None for any other object."""
    spec = vars(cls).get(_SPEC) if isinstance(cls, type) else None
    return spec if isinstance(spec, ExtensionSpec) else None
