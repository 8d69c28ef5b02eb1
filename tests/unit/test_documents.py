"""What README, CONTRIBUTING and deploy/ show is run here, so that they cannot drift from the code."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from orderpage import points
from orderpage.cli.commands import app
from orderpage.engine.explain import explain
from orderpage.engine.scenarios import SourceText
from orderpage.migration.gate.ramp import read_ramps
from orderpage.packages import Packages
from orderpage.settings import variables

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def block(text: str, language: str, start: str) -> str:
    """The fenced block of that language that begins so."""
    found = [code for code in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL) if code.startswith(start)]
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def acme() -> Iterator[ModuleType]:
    """The README's extension, importable under the name that CONTRIBUTING uses."""
    module = ModuleType("acme_fuel")
    exec(block(README, "python", "from orderpage import Settings"), vars(module))
    sys.modules["acme_fuel"] = module
    yield module
    del sys.modules["acme_fuel"]


@pytest.mark.usefixtures("acme")
def test_the_extension_of_the_readme_passes_the_tests_of_contributing() -> None:
    names: dict[str, object] = {}
    exec(block(CONTRIBUTING, "python", "from acme_fuel"), names)
    tests = [test for name, test in names.items() if name.startswith("test_") and callable(test)]
    assert len(tests) == 2
    for test in tests:
        test()


def test_the_method_of_the_readme_changes_hong_kong_and_explain_names_its_line() -> None:
    layer = SourceText("mine/layers/ferry.yaml", block(README, "yaml", "package: hk-ferry"))
    plans = Packages(layers=[layer]).plans.current
    values = ("HK", "marketplace", "h5", "everyone", "control")
    said = str(explain(plans, values, datetime(2026, 11, 23, tzinfo=UTC), "offer"))
    line = next(number for number, text in enumerate(layer.text.split("\n"), 1) if "- use:" in text)
    assert f"  HK_DM_FERRY = logistics.direct_mail\n    add by hk-ferry mine/layers/ferry.yaml:{line}\n" in said


def test_the_layer_of_the_readme_switches_its_slot_off_everywhere() -> None:
    layer = SourceText("off.yaml", block(README, "yaml", "package: off"))
    cells = list(Packages(layers=[layer]).plans.current.cells())
    assert any(slot.name == "HK_DM_LAND" for cell in cells for slot in cell.resolution.removed.get("offer", ()))
    assert not any(slot.name == "HK_DM_LAND" for cell in cells for slot in cell.resolution.slots["offer"])


def test_the_readme_names_every_point_in_its_order() -> None:
    section = README.partition("### The points")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert named == [point.name for point in points.ALL if point is not points.AFTER]


def test_every_command_that_the_readme_uses_exists() -> None:
    known = _commands(app)
    used = re.findall(r"^(?:\S+=\S+ )?orderpage (\w+)(?: (\w+))?", README, re.MULTILINE)
    assert used
    for command, below in used:
        assert command in known
        assert known[command] is None or below in _commands(known[command])


def _commands(of: Any) -> dict[str, Any]:
    """By name: None for a command, the application for a group."""
    names = {each.name or getattr(each.callback, "__name__", ""): None for each in of.registered_commands}
    return names | {
        group.name or group.typer_instance.info.name: group.typer_instance for group in of.registered_groups
    }


def test_the_example_ramps_can_be_used_as_they_stand() -> None:
    file = ROOT / "deploy" / "ramps.example.yaml"
    dimensions = Packages().plans.current.dimensions
    assert [ramp.name for ramp in read_ramps(str(file), file.read_text("utf-8"), dimensions)] == ["sg-h5", "sg", "hk"]


def test_the_environment_file_lists_every_setting_with_its_default() -> None:
    assert (ROOT / "deploy" / "orderpage.env").read_text(encoding="utf-8") == variables()
