"""What extensions say in attributes is listed in one place, and a slip of the pen is a mistake at start-up."""

import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

import orderpage
from orderpage import extends, extension, points
from orderpage.attributes import ATTRIBUTES, mistaken
from orderpage.domain.page import PageView
from orderpage.domain.shipping import Fee
from orderpage.engine.discover import EXTENSIONS
from orderpage.engine.problems import PackageErrors
from orderpage.engine.scenarios import SourceText
from orderpage.packages import Packages
from orderpage.testing import check_extension

SOURCE = Path(orderpage.__file__).parent
LAYER = """
package: own
when: {site: HK}
surcharge:
  add:
    - {use: acme.fuel, as: fuel}
"""


def fuel(**attributes: Any) -> type:
    """An extension with these attributes on its instances."""

    @extension("acme.fuel")
    class Fuel:
        def __init__(self, _: object = None) -> None:
            self.__dict__.update(attributes)

        @extends(points.SURCHARGE)
        def surcharge(self, page: PageView) -> Any:
            return lambda shipment: Fee("FUEL", 100, "fuel", 1)

    return Fuel


@pytest.mark.parametrize(
    ("name", "meant"),
    [("speak_of", "speaks_of"), ("ofers", "offers"), ("data_untill", "data_until"), ("budget", "budget_ms")],
)
def test_an_attribute_that_nearly_is_a_known_one_is_refused_with_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(PackageErrors) as refused:
        Packages(layers=[SourceText("own.yaml", LAYER)], extensions=[fuel(**{name: ("A",)})])
    told = str(refused.value)
    assert told.startswith("own.yaml:6: extension 'acme.fuel' (")
    assert f"Fuel) has the attribute '{name}', which nobody reads; did you mean '{meant}'?" in told
    assert f"Otherwise name it '_{name}'" in told


def test_one_that_belongs_to_the_class_is_seen_too_and_one_with_an_underscore_is_nobodys_affair() -> None:
    own = fuel(_offer=1, routes=(), offered=(), price=5, settings=None)
    assert list(mistaken(own())) == []
    own.promote = ()  # type: ignore[attr-defined]
    (what,) = mistaken(own())
    assert "did you mean 'promotes'?" in what


def test_the_kit_refuses_it_as_well() -> None:
    check_extension(fuel(data_until=None))
    with pytest.raises(AssertionError, match=r"would be refused at start-up.*did you mean 'loads'"):
        check_extension(fuel(load=()))


def test_no_extension_that_ships_is_taken_for_mistaken(packages: Packages) -> None:
    """The instances of all scenarios, and the classes of those that no layer uses."""
    instances = {id(each): each for each in _instances(packages)}
    assert len({type(each) for each in instances.values()}) > 40
    assert [what for each in instances.values() for what in mistaken(each)] == []
    for entry in entry_points(group=EXTENSIONS):
        bare = object.__new__(entry.load())
        assert list(mistaken(bare)) == [], entry.name


def test_what_the_host_reads_of_an_instance_is_listed_and_nothing_else_is() -> None:
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for pattern in (
            r'getattr\((?:\w+\.)?instance, "(\w+)"',
            r'_said\([^()]*, "(\w+)"\)',
            r'"__self__", None\), "(\w+)"',
        ):
            found |= set(re.findall(pattern, path.read_text("utf-8")))
    assert found == set(ATTRIBUTES)


def _instances(packages: Packages) -> Iterator[Any]:
    for plan in packages.plans.current.plans:
        for stage in plan.stages.values():
            yield from (compiled.instance for compiled in stage.compiled)
