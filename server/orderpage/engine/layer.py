"""What a package says: where its edits apply, from when to when, and the edits themselves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from orderpage.engine.document import Path
from orderpage.engine.plan import Origin

DEFAULT = "default"
"""The package that every scenario begins from."""

Action = Literal["add", "before", "after", "set", "replace", "remove"]


class Window(msgspec.Struct, frozen=True):
    """When a layer is active: from ``start`` up to, not including, ``end``. None is for ever."""

    start: datetime | None = None
    end: datetime | None = None

    def covers(self, start: datetime | None) -> bool:
        """Whether an era that begins at ``start`` (None: at the beginning of time) lies in the window."""
        if start is None:
            return self.start is None
        return (self.start is None or self.start <= start) and (self.end is None or start < self.end)


class Edit(msgspec.Struct, frozen=True):
    """One change at a point. ``slot`` is the slot added or changed; ``anchor`` where ``before`` and ``after`` put it.

    ``sources`` says where each path of ``settings`` was written.
    """

    action: Action
    point: str
    slot: str
    origin: Origin
    use: str = ""
    settings: Mapping[str, Any] = {}
    sources: Mapping[Path, Origin] = {}
    weight: int | None = None
    anchor: str = ""


class Layer(msgspec.Struct, frozen=True):
    """One package. ``when`` maps dimensions to values; a dimension that is absent matches every value.

    A ``last`` layer applies after all that are not, and edits what it names wherever that stands.
    """

    package: str
    origin: Origin
    when: Mapping[str, str] = {}
    window: Window = Window()
    last: bool = False
    profile: Mapping[str, Any] = {}
    profile_sources: Mapping[Path, Origin] = {}
    edits: tuple[Edit, ...] = ()

    def specificity(self, dimensions: tuple[str, ...]) -> tuple[bool, ...]:
        """Compares as the layers apply: the default first and those that are ``last`` last, each by the most decisive
        dimension that it names.
        """
        return (self.package != DEFAULT, self.last, *(dimension in self.when for dimension in dimensions))


def merge(
    base: Mapping[str, Any],
    base_sources: Mapping[Path, Origin],
    patch: Mapping[str, Any],
    patch_sources: Mapping[Path, Origin],
) -> tuple[dict[str, Any], dict[Path, Origin]]:
    """``patch`` laid over ``base``: mappings are merged key by key, anything else is replaced. Sources follow."""
    sources = dict(base_sources)
    merged = _lay_over(base, patch, (), sources)
    sources.update((path, origin) for path, origin in patch_sources.items() if path)
    return merged, sources


def _lay_over(
    base: Mapping[str, Any], patch: Mapping[str, Any], path: Path, sources: dict[Path, Origin]
) -> dict[str, Any]:
    merged = dict(base)
    for key, value in patch.items():
        old, below = merged.get(key), (*path, key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _lay_over(old, value, below, sources)
            continue
        for gone in [known for known in sources if known[: len(below)] == below]:
            del sources[gone]
        merged[key] = value
    return merged


def leaves(value: Mapping[str, Any], path: Path = ()) -> list[tuple[Path, Any]]:
    """The paths of a patch that are not themselves mappings, with their values."""
    found: list[tuple[Path, Any]] = []
    for key, below in value.items():
        if isinstance(below, Mapping) and below:
            found += leaves(below, (*path, key))
        else:
            found.append(((*path, key), below))
    return found
