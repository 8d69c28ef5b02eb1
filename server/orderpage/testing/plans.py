"""Plans of a few extensions and nothing else, compiled by the engine itself, so that its own checks apply."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from orderpage import points
from orderpage.attributes import check_attributes
from orderpage.engine.compile import compile_plans
from orderpage.engine.discover import offer
from orderpage.engine.extension import spec_of
from orderpage.engine.layer import DEFAULT, Edit, Layer
from orderpage.engine.plan import Origin, Plan
from orderpage.engine.point import Fact, Reduce
from orderpage.packages import convert_setting
from orderpage.testing.examples import NOW

_ONLY = {"scenario": ("example",)}


class Use(msgspec.Struct, frozen=True):
    """An extension with its settings, as a layer would write them. It stands at all of its points."""

    cls: type
    settings: Mapping[str, Any] = {}
    slot: str = ""


def compile_uses(uses: Iterable[Use], given: Collection[Fact[Any]]) -> Plan:
    """A plan in which each stands at all of its points; its profile is empty.

    Raises ``PackageErrors`` for what a start-up would refuse, ``TypeError`` for a class without ``@extension``.
    """
    uses = tuple(uses)
    layer = Layer(DEFAULT, _origin("layers"), edits=tuple(edit for use in uses for edit in _edits(use)))
    plans = compile_plans(
        points=points.ALL,
        dimensions=_ONLY,
        layers=(layer,),
        extensions=offer(*(use.cls for use in uses)),
        host_facts=given,
        dec_hook=convert_setting,
    )
    check_attributes(plans)
    return plans.plan(("example",), NOW)


def _edits(use: Use) -> Iterable[Edit]:
    spec = spec_of(use.cls)
    if spec is None:
        raise TypeError(f"{use.cls.__qualname__} is not an extension; decorate it with @extension")
    for hook in spec.hooks.values():
        if hook.point in points.ALL:
            weight = 1 if hook.point.reduce is Reduce.SCORE else None
            slot, origin = use.slot or spec.name, _origin("settings")
            yield Edit("add", hook.point.name, slot, origin, spec.name, use.settings, weight=weight)


def _origin(file: str) -> Origin:
    return Origin(DEFAULT, file, 0)
