"""Turns resolved slots into bound methods. Instances and compiled slots are made once and shared by all plans."""

import types
import typing
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from orderpage.engine.check import hook_problems
from orderpage.engine.discover import Offered
from orderpage.engine.document import Path, dotted
from orderpage.engine.extension import ExtensionSpec, NoSettings, spec_of
from orderpage.engine.invalid import explain_invalid
from orderpage.engine.plan import CompiledSlot, source_of
from orderpage.engine.point import Fact, Point, Shape
from orderpage.engine.problems import Problems
from orderpage.engine.resolve import Draft

DecHook = Callable[[type, Any], Any]


class Part(msgspec.Struct, frozen=True):
    """A compiled slot and what identifies it: equal digests mean the same behaviour."""

    compiled: CompiledSlot
    digest: str


class Assembly:
    """Builds each extension once per settings, and each slot once; mistakes go to ``problems``."""

    def __init__(
        self,
        offered: Mapping[str, Offered],
        points: Mapping[str, Point[Any, Any]],
        dec_hook: DecHook | None,
        problems: Problems,
    ) -> None:
        self._dec_hook = dec_hook
        self._problems = problems
        self._offered = offered
        self._specs: dict[str, ExtensionSpec] = {}
        self._instances: dict[tuple[str, bytes], Any] = {}
        self._parts: dict[tuple[str, str, str, int | None, bytes], Part | None] = {}
        for name, offer in offered.items():
            self._learn(name, offer, points)

    def _learn(self, name: str, offer: Offered, points: Mapping[str, Point[Any, Any]]) -> None:
        spec = spec_of(offer.cls)
        if spec is None or spec.name != name:
            named = f"names itself {spec.name!r}" if spec else "has no @extension"
            self._problems.add(offer.where, 0, f"extension {name!r} {named}; give both the same name")
            return
        for message in hook_problems(spec, points):
            self._problems.add(offer.where, 0, f"extension {name!r}: {message}")
        self._specs[name] = spec

    def misuse(self, name: str, point: str) -> str:
        """What is wrong with using that extension at that point, or nothing."""
        spec = self._specs.get(name)
        if spec is None or point in spec.hooks:
            return ""
        return f"extension {name!r} does not stand at {point}; it stands at {', '.join(spec.hooks) or 'no point'}"

    def part(self, point: Point[Any, Any], draft: Draft, example: str) -> Part | None:
        """The compiled slot; None where there is a mistake, which is noted."""
        slot = draft.slot
        raw = canonical(slot.settings)
        key = (point.name, slot.name, slot.extension, slot.weight, raw)
        if key not in self._parts:
            self._parts[key] = self._compile(point, draft, raw, example)
        return self._parts[key]

    def _compile(self, point: Point[Any, Any], draft: Draft, raw: bytes, example: str) -> Part | None:
        slot = draft.slot
        spec = self._specs.get(slot.extension)
        hook = spec.hooks.get(point.name) if spec else None
        if spec is None or hook is None:
            return None
        instance = self._instance(spec, draft, raw, example)
        if instance is None:
            return None
        compiled = CompiledSlot(
            slot.name,
            slot.extension,
            getattr(instance, hook.method),
            needs=hook.needs,
            fills=hook.fills,
            budget=_seconds(getattr(instance, "budget_ms", hook.budget_ms)),
            weight=slot.weight or 0,
            allowed=_allowed(hook.fills) if point.shape is Shape.ASYNC and hook.fills else point.result or (object,),
            data_until=getattr(instance, "data_until", None),
        )
        offer = self._offered[slot.extension]
        # What an extension reads besides its settings, such as a rate card, is part of its behaviour.
        data = str(getattr(instance, "data_digest", ""))
        facts = (point.name, slot.name, slot.extension, slot.weight, offer.distribution, offer.version, data)
        return Part(compiled, digest_of(canonical(facts), raw))

    def _instance(self, spec: ExtensionSpec, draft: Draft, raw: bytes, example: str) -> Any:
        key = (spec.name, raw)
        if key not in self._instances:
            self._instances[key] = self._build(spec, draft, example)
        return self._instances[key]

    def _build(self, spec: ExtensionSpec, draft: Draft, example: str) -> Any:
        slot = draft.slot
        try:
            settings = msgspec.convert(slot.settings, spec.settings, dec_hook=self._dec_hook, str_keys=True)
            takes_none = spec.settings is NoSettings and spec.cls.__init__ is object.__init__  # type: ignore[misc]
            return spec.cls() if takes_none else spec.cls(settings)
        except msgspec.ValidationError as error:
            path, message = explain_invalid(error, spec.settings, slot.settings)
            self._note(draft, path, f"settings of {slot.name!r} ({spec.name}): {dotted(path)}{message}", example)
        except Exception as error:
            what = f"{error}" if isinstance(error, ValueError | TypeError) else f"{type(error).__name__}: {error}"
            where = getattr(error, "where", ())  # a mistake that knows its place, such as a dated row
            self._note(draft, where, f"settings of {slot.name!r} ({spec.name}) are refused: {what}", example)
        return None

    def _note(self, draft: Draft, path: Path, message: str, example: str) -> None:
        self._problems.at(source_of(draft.sources, path, draft.slot.history[-1].origin), message, example)


def canonical(value: Any) -> bytes:
    """Equal values give equal bytes, whatever the order of their keys."""
    return msgspec.json.encode(value, order="deterministic")


def digest_of(*parts: bytes) -> str:
    """Sixteen hexadecimal digits over the parts, each with its length, so that no two divisions collide."""
    hashed = blake2b(digest_size=8)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.hexdigest()


def _seconds(budget_ms: int | None) -> float | None:
    return None if budget_ms is None else budget_ms / 1000


def _allowed(fact: Fact[Any]) -> tuple[type, ...]:
    """What a slot may fill the fact with."""
    return _classes(typing.get_args(fact.type)[1] if fact.by_slot else fact.type)


def _classes(kind: Any) -> tuple[type, ...]:
    """The classes that a value of an annotation may have; ``object`` where the annotation says no class."""
    origin = typing.get_origin(kind)
    if origin in {typing.Union, types.UnionType}:
        return tuple(cls for arm in typing.get_args(kind) for cls in _classes(arm))
    if kind is None:
        return (type(None),)
    if isinstance(origin, type):
        return (origin,)
    # Any is a class, but none that a value can be an instance of.
    return (kind,) if isinstance(kind, type) and kind is not Any else (object,)
