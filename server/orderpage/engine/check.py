"""Checks what an extension declares against the points it stands at, before any of it runs."""

import inspect
from collections.abc import Collection, Mapping
from typing import Any

from orderpage.engine.extension import ExtensionSpec, Hook
from orderpage.engine.point import Fact, Point, Reduce, Shape

_FITS = {
    Shape.ASYNC: {Reduce.FILL},
    Shape.BATCH: {Reduce.COLLECT},
    Shape.BIND: {Reduce.COLLECT, Reduce.FIRST, Reduce.SCORE},
}


def check_points(points: Collection[Point[Any, Any]]) -> None:
    """Raise ``ValueError`` for the host's own mistakes: a name used twice, a shape that does not fit its reduction."""
    names = [point.name for point in points]
    for point in points:
        if names.count(point.name) > 1:
            raise ValueError(f"two points are named {point.name!r}")
        if point.reduce not in _FITS[point.shape]:
            raise ValueError(f"point {point.name!r}: {point.shape} does not fit {point.reduce}")


def hook_problems(spec: ExtensionSpec, points: Mapping[str, Point[Any, Any]]) -> list[str]:
    """What is wrong with an extension's hooks, each with what to do."""
    found = []
    for name, hook in spec.hooks.items():
        where = f"{spec.cls.__qualname__}.{hook.method} at point {name!r}"
        if points.get(name) is not hook.point:
            found.append(f"{where}: there is no such point here; stand at one of {', '.join(points)}")
        else:
            found += [f"{where} {what}" for what in (*_signature(spec.cls, hook), *_facts(hook))]
    if not spec.hooks:
        found.append(f"{spec.cls.__qualname__} stands at no point; mark a method with @extends")
    return found


def _signature(cls: type, hook: Hook) -> list[str]:
    method = inspect.getattr_static(cls, hook.method, None)
    if not inspect.isfunction(method):
        return ["is not a plain method; write it as one"]
    found = []
    is_async = inspect.iscoroutinefunction(method)
    if hook.point.shape is Shape.ASYNC and not is_async:
        found.append("must be `async def`, as the point waits for it")
    if hook.point.shape is not Shape.ASYNC and (is_async or inspect.isasyncgenfunction(method)):
        found.append("must be a plain `def`: load what it waits for as a fact, in an async point")
    parameters = list(inspect.signature(method).parameters.values())[1:]
    plain = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    expected = 1 + len(hook.needs)
    if len(parameters) != expected or any(parameter.kind not in plain for parameter in parameters):
        names = ", ".join(["view", *(getattr(fact, "name", repr(fact)) for fact in hook.needs)])
        found.append(f"takes ({', '.join(map(str, parameters))}); let it take self and {expected}: {names}")
    return found


def _facts(hook: Hook) -> list[str]:
    found = []
    if hook.point.shape is Shape.ASYNC and not isinstance(hook.fills, Fact):
        found.append("fills no fact; declare it with `fills=`")
    if hook.point.shape is not Shape.ASYNC and (hook.fills is not None or hook.budget_ms is not None):
        found.append("declares `fills` or `budget_ms`, which are for async points; remove them")
    if hook.budget_ms is not None and hook.budget_ms <= 0:
        found.append(f"has a budget of {hook.budget_ms} ms; give it a positive one")
    if not all(isinstance(fact, Fact) for fact in hook.needs):
        found.append("needs something that is not a Fact; declare facts only")
    return found
