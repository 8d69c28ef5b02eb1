"""What the alerts tell somebody on call to type: each command runs against the demo's database and packages."""

import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from orderpage.cli.commands import app
from orderpage.cli.demo import make_demo_database
from orderpage.cli.failures import UserMistake

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
LABELS = {"point": "offer", "slot": "HK_DM_LAND", "site": "HK"}
"""What the labels of an alert say here."""

PLACES: Mapping[str, str] = {
    "FOLDER": "off", "ORDER": "o-1", "PARCEL": "p-1", "NAME": "SWIFT", "ID": "1", "WHY": "'it is a test'",
    "DATE": "2026-11-23",
}  # fmt: skip
"""What stands for the words that a reader replaces."""


def runbooks() -> Iterator[tuple[str, str]]:
    """By alert, with the labels filled in."""
    groups = YAML(typ="safe", pure=True).load((DEPLOY / "prometheus" / "rules.yml").read_text("utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        text = re.sub(
            r"\{\{ \$labels\.(\w+) \}\}", lambda found: LABELS.get(found[1], "x"), rule["annotations"]["runbook"]
        )
        yield rule["alert"], text


RUNBOOKS = dict(runbooks())
COMMANDS = sorted({command for text in RUNBOOKS.values() for command in re.findall(r"`orderpage ([^`]+)`", text)})
LAYER = re.findall(r"`((?:package|last|offer): [^`]+)`", RUNBOOKS["OrderpageExtensionFails"])


@pytest.fixture
def on_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a demo database, flags, ramps, rates and the layer of the runbook, where the settings point."""
    monkeypatch.chdir(tmp_path)
    layer = tmp_path / "off" / "layers" / "off.yaml"
    layer.parent.mkdir(parents=True)
    layer.write_text("\n".join(LAYER), "utf-8")
    shutil.copy(DEPLOY / "flags.example.json", "flags.json")
    shutil.copy(ROOT / "extensions" / "orderpage_sites" / "demo" / "rates.yaml", "rates.yaml")
    monkeypatch.setenv("ORDERPAGE_DATABASE", make_demo_database(tmp_path))
    monkeypatch.setenv("ORDERPAGE_FLAGS", "flags.json")
    monkeypatch.setenv("ORDERPAGE_RAMPS", str(DEPLOY / "ramps.example.yaml"))
    return tmp_path


def words_of(command: str) -> list[str]:
    return shlex.split(re.sub(r"\b[A-Z]{2,}\b", lambda found: PLACES.get(found[0], found[0]), command))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_a_runbook_runs_as_written(on_call: Path, command: str) -> None:
    done = CliRunner().invoke(app, words_of(command))
    if done.exit_code and re.search(r"\b(ORDER|ID)\b", command):
        assert isinstance(done.exception, UserMistake), f"{done.output}{done.exception!r}"
    else:
        assert done.exit_code == 0, f"{done.output}{done.exception!r}"


def test_the_layer_of_the_runbook_takes_the_slot_off_every_page_and_only_that(on_call: Path) -> None:
    assert len(LAYER) == 3
    told = CliRunner().invoke(app, ["matrix", "--against", "off"]).output.splitlines()
    assert [line.strip() for line in told if not line.endswith("bucket=*")] == [
        "offer: HK_DM_LAND (logistics.direct_mail) is gone"
    ]
    shown = CliRunner().invoke(app, ["explain", "--slot", "HK_DM_LAND", "--packages", "off"]).output
    assert shown.startswith("offer\n  (HK_DM_LAND) remove by off off/layers/off.yaml:3, shadows logistics.direct_mail")


def test_the_operators_folder_switches_nothing_off_until_somebody_writes_a_layer(on_call: Path) -> None:
    folder = DEPLOY / "operator"
    assert CliRunner().invoke(app, ["matrix", "--against", str(folder)]).output == "no difference\n"
    text = (folder / "layers" / "off.yaml").read_text("utf-8")
    example = re.findall(r"^# ((?:package|last|offer): .*)$", text, re.MULTILINE)
    (on_call / "off" / "layers" / "off.yaml").write_text("\n".join(example), "utf-8")
    assert "HK_DM_LAND" in CliRunner().invoke(app, ["matrix", "--against", "off"]).output


def test_a_fact_that_no_page_can_do_without_is_not_switched_off(on_call: Path) -> None:
    (on_call / "off" / "layers" / "off.yaml").write_text("package: off\nlast: true\nload: {remove: [rate]}\n", "utf-8")
    refused = CliRunner().invoke(app, ["matrix", "--against", "off"])
    assert "the host needs fact 'rate', which no slot fills" in str(refused.exception)
