"""The installed packages, compiled for the host: which points and facts there are, and what a profile is."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orderpage import facts, points
from orderpage.attributes import check_attributes
from orderpage.buckets import PARTS, bucket_chooser
from orderpage.domain.money import ListingAmount, Percent
from orderpage.domain.scenario import Cell, Profile
from orderpage.engine.compile import compile_plans
from orderpage.engine.discover import discover_extensions, offer, used_extensions
from orderpage.engine.find import find_packages
from orderpage.engine.package import PackageFiles, read_packages
from orderpage.engine.plan import PlanSet, PlanSource
from orderpage.engine.problems import PackageError, PackageErrors
from orderpage.engine.scenarios import Buckets, Scenarios, SourceText
from orderpage.methods import check_methods
from orderpage.plan_checks import check_plans
from orderpage.promoting.check import check_promotions


class Packages:
    """Plans and buckets of the installed packages and the operator's ``folders``.

    ``layers`` and ``extensions`` come on top of what is installed, as tests of extensions give them. Dated rules must
    have a row for the day that ``clock`` says.

    Raises ``PackageErrors`` with every mistake, each with its file and line.
    """

    def __init__(
        self,
        folders: Iterable[Path] = (),
        *,
        layers: Iterable[SourceText] = (),
        extensions: Iterable[type] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self._folders = tuple(folders)
        self._layers = tuple(layers)
        self._extensions = offer(*extensions)
        self.plans = PlanSource(self._compile)

    def _compile(self) -> PlanSet:
        found = find_packages(self._folders)
        package_set = read_packages(PackageFiles(found.scenarios, (*found.layers, *self._layers)), points.ALL)
        scenarios = package_set.scenarios
        _check_dimensions(scenarios)
        plans = compile_plans(
            points=points.ALL,
            dimensions=scenarios.dimensions,
            layers=package_set.layers,
            extensions=discover_extensions(used_extensions(package_set.layers), self._extensions),
            profile_type=Profile,
            host_facts=(facts.BUYER,),
            host_needs=(facts.CATALOGUE, facts.RATE),
            dec_hook=convert_setting,
        )
        check_attributes(plans)
        check_methods(plans)
        check_plans(plans, self._clock())
        check_promotions(plans)
        buckets = scenarios.buckets or Buckets("", {scenarios.dimensions["bucket"][0]: PARTS})
        self._choose_bucket = bucket_chooser(buckets.salt, buckets.parts)
        return plans

    def bucket_of(self, buyer_id: str) -> str:
        """The arm of the trial that the buyer is in, by the current packages."""
        return self._choose_bucket(buyer_id)


def _check_dimensions(scenarios: Scenarios) -> None:
    if tuple(scenarios.dimensions) != Cell._fields:
        message = (
            f"dimensions are {', '.join(scenarios.dimensions)}; write exactly {', '.join(Cell._fields)}, in this order"
        )
        raise PackageErrors((PackageError(scenarios.file, 1, message),))


def convert_setting(kind: type, value: Any) -> Any:
    """Settings of types that msgspec does not know. Raises ``ValueError`` with what to write instead."""
    if kind is ListingAmount or kind is Percent:
        return kind(value)
    raise NotImplementedError(f"settings of type {kind.__name__} cannot be read from YAML")
