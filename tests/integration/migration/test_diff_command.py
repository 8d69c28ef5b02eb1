"""``orderpage diff`` and ``orderpage replay`` on a database in which two stacks were compared."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from tests.integration.migration.recorded_database import compared, fill_database, write_mistakes
from typer.testing import CliRunner

from crossborder.checkout.v1.order_pb2 import Order
from orderpage.adapters.sql.database import open_database
from orderpage.adapters.sql.differences import SqlDifferences
from orderpage.adapters.sql.migrate import migrate
from orderpage.cli.commands import app
from orderpage.cli.failures import UserMistake
from orderpage.migration.comparison.answer import ORDER
from orderpage.migration.recording.packing import gather
from orderpage.migration.recording.recording import record
from orderpage.migration.scope import TrafficCell
from orderpage.packages import Packages
from orderpage.testing.recorded import load_case

Run = Callable[..., Any]
CELL = TrafficCell("SG", "marketplace", "h5", "member")


@pytest.fixture(scope="module")
def made(demo: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database, and with the mistaken packages that filled it."""
    folder: Path = tmp_path_factory.mktemp("compared")
    fill_database(demo, folder, "HK", "SG")
    return folder


@pytest.fixture
def url(made: Path, tmp_path: Path) -> str:
    """A copy of the database, with the mistaken packages beside it."""
    copytree(made, tmp_path, dirs_exist_ok=True)
    return f"sqlite+pysqlite:///{tmp_path / 'compared.sqlite3'}"


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command with the database in its settings."""
    return _runner(url, monkeypatch)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The same where nothing was compared yet."""
    url = f"sqlite+pysqlite:///{tmp_path / 'empty.sqlite3'}"
    migrate(url)
    return _runner(url, monkeypatch)


def _runner(url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ORDERPAGE_DATABASE", url)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def group_of(run: Run, field: str, site: str = "SG") -> str:
    """The id of a group, as the list shows it."""
    found = re.search(
        rf"^(g[0-9a-f]{{12}}) .* {re.escape(field)} ", run("diff", "list", "--site", site).output, re.MULTILINE
    )
    assert found, field
    return found[1]


def number_of(run: Run, field: str, site: str = "SG") -> str:
    """The number of a group's latest example."""
    found = re.search(r"^id .*\n(\d+) ", run("diff", "show", group_of(run, field, site)).output, re.MULTILINE)
    assert found
    return found[1]


def mistake(result: Any) -> str:
    assert isinstance(result.exception, UserMistake), result.output
    return str(result.exception)


def test_groups_are_listed_with_count_cell_cause_and_verdict(run: Run) -> None:
    output = run("diff", "list").output
    assert re.search(
        r"g[0-9a-f]{12} +1 +2026-11-23 02:01:00Z .*SG marketplace h5 member +PAGE +totals\.tax +TAX +–", output
    )
    assert "HK marketplace h5 member" in output
    assert "Causes are guesses" in output


def test_the_list_is_narrowed_by_its_flags(run: Run) -> None:
    assert "HK" not in run("diff", "list", "--site", "SG").output
    assert "blocks.text" not in run("diff", "list", "--money").output
    assert "HK" not in run("diff", "list", "--since", "2026-11-23T02:01:00").output
    assert run("diff", "list", "--client", "native").output.startswith("no difference matches")


def test_a_group_shows_its_examples_and_both_answers_side_by_side(run: Run) -> None:
    output = run("diff", "show", group_of(run, "totals.tax")).output
    assert "totals.tax of PAGE, money, in SG marketplace h5 member" in output
    assert re.search(r"^\d+ .* totals\.tax +37\.05 SGD +32\.93 SGD", output, re.MULTILINE)
    assert re.search(r"^▶ +totals\.tax +37\.05 SGD +32\.93 SGD +TAX", output, re.MULTILINE)
    assert re.search(r"^ +totals\.payable +458\.29 SGD +454\.17 SGD +TAX", output, re.MULTILINE)
    assert run("diff", "show", number_of(run, "totals.tax")).output.count("▶") == 1


def test_a_replay_says_gone_by_the_right_packages_and_still_there_by_the_wrong_ones(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = number_of(run, "totals.tax")
    mended = run("diff", "replay", number)
    assert mended.exit_code == 0
    assert f"difference {number} at totals.tax is gone" in mended.output
    monkeypatch.setenv("ORDERPAGE_PACKAGES", str(tmp_path / "mistakes"))
    wrong = run("diff", "replay", number)
    assert wrong.exit_code == 1
    assert f"difference {number} at totals.tax is still there" in wrong.output
    assert re.search(r"still there +totals\.tax +37\.05 SGD +32\.93 SGD +32\.93 SGD", wrong.output)


def test_a_verdict_is_shown_with_its_reason(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "jun")
    name = group_of(run, "totals.tax")
    said = run("diff", "judge", name[:5], "--right", "legacy", "--why", "9% since 2024")
    assert said.output == f"{name} totals.tax in SG marketplace h5 member: legacy is right, says jun\n"
    output = run("diff", "show", name).output
    assert "verdict: legacy is right" in output
    assert re.search(r"judged by jun at .*: 9% since 2024", output)
    assert name not in run("diff", "list", "--open").output


def test_nobody_judges_without_a_reason(run: Run) -> None:
    name = group_of(run, "totals.tax")
    assert "--why" in mistake(run("diff", "judge", name, "--right", "new", "--why", " ", "--actor", "jun"))


def test_who_judges_is_who_is_logged_in_unless_another_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "mei")
    name = group_of(run, "totals.tax")
    assert run("diff", "judge", name, "--right", "new", "--why", "so").output.endswith("says mei\n")


@pytest.mark.parametrize(("right", "tax"), [("legacy", 3705), ("new", 3293)])
def test_a_case_expects_what_was_judged_right(run: Run, tmp_path: Path, right: str, tax: int) -> None:
    run("diff", "judge", group_of(run, "totals.tax"), "--right", right, "--why", "so it is", "--actor", "mei")
    words = ("diff", "case", number_of(run, "totals.tax"), "--into", tmp_path / "cases")
    missing = run(*words)
    assert (missing.exit_code, "does not exist" in missing.output) == (2, True)
    (tmp_path / "cases").mkdir()
    written = run(*words)
    assert written.exit_code == 0
    (file,) = (tmp_path / "cases").glob("sg-totals-tax-*.json")
    case = load_case(file)
    assert (case.about, case.why, case.ignore) == ("totals.tax", "so it is", ("parcels.options.score",))
    assert case.answer.page.totals.tax == tax  # type: ignore[union-attr]
    assert "it says nothing of what else differs there: parcels.options.score" in written.output


def test_a_difference_of_orders_is_shown_and_not_replayed(run: Run, url: str, demo: Any, tmp_path: Path) -> None:
    mistaken = Packages([tmp_path / "mistakes"])
    pair = compared(demo, "SG", mistaken)
    legacy, new = Order(site="SG", payable=100), Order(site="SG", payable=120)
    recording = record(pair.new.run, pair.new.request, pair.new.terms)
    made = gather(recording, pair.new.request, "b-mei", legacy, new, subject=ORDER)

    async def save() -> None:
        database = await open_database(url)
        await SqlDifferences(database).save(demo.NOW, CELL, ORDER, made.differences, made.body, "d")
        await database.close()

    asyncio.run(save())
    name = re.search(r"^(g\w+) .* ORDER +payable ", run("diff", "list").output, re.MULTILINE)
    assert name
    shown = run("diff", "show", name[1]).output
    assert re.search(r"^▶ +payable +100 +120 ", shown, re.MULTILINE)
    number = re.search(r"^id .*\n(\d+) ", shown, re.MULTILINE)
    assert number
    for words in (("replay", number[1]), ("case", number[1], "--into", tmp_path)):
        assert "is one of orders; pages only can be made again" in mistake(run("diff", *words))


def test_what_is_not_there_is_said_with_what_to_do(run: Run) -> None:
    assert mistake(run("diff", "show", "g-none")) == (
        "there is no one group of differences 'g-none'; `orderpage diff list` shows their ids"
    )
    assert "there is no difference 9999; only the latest examples" in mistake(run("diff", "replay", "9999"))


def test_pruning_says_what_it_dropped(run: Run) -> None:
    assert re.fullmatch(
        r"dropped \d+ examples, 2 recordings, \d+ groups\n", run("diff", "prune", "--older-than", "0").output
    )
    assert run("diff", "list").output.startswith("no differences yet")


def test_without_any_comparison_a_command_says_how_they_come_about(empty: Run, tmp_path: Path) -> None:
    assert "They are found where traffic is shadowed" in empty("diff", "list").output
    assert "pages are recorded where traffic is shadowed" in mistake(
        empty("replay", "--packages", write_mistakes(tmp_path / "sg", "SG"))
    )


def test_a_replay_on_other_packages_counts_what_would_change(run: Run, tmp_path: Path) -> None:
    result = run("replay", "--packages", write_mistakes(tmp_path / "sg", "SG"))
    assert result.exit_code == 0
    assert "1 of 2 replayed pages would change" in result.output
    assert "HK marketplace h5 member: 0 of 1" in result.output
    assert re.search(r"1 +totals\.tax +totals\.tax +37\.05 SGD +32\.93 SGD", result.output)
    assert "0 of 1 replayed pages" in run("replay", "--packages", tmp_path / "sg", "--site", "HK").output


def test_the_folders_tried_stand_in_place_of_the_operators(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERPAGE_PACKAGES", str(tmp_path / "mistakes"))
    effect = json.loads(run("replay", "--packages", write_mistakes(tmp_path / "hk", "HK"), "--json").output)
    assert (effect["recordings"], effect["replayed"], effect["changed"], effect["not_replayed"]) == (2, 2, 1, {})
    changed = {cell["cell"]: {field["field"]: field for field in cell["fields"]} for cell in effect["cells"]}
    assert changed["HK marketplace h5 member"] == {}
    tax = changed["SG marketplace h5 member"]["totals.tax"]
    assert (tax["now"], tax["then"], tax["pages"], tax["money"]) == ("3293", "3705", 1, True)


def test_what_cannot_be_replayed_is_counted_with_the_reason(run: Run, url: str, tmp_path: Path, demo: Any) -> None:
    async def spoil() -> None:
        database = await open_database(url)
        await SqlDifferences(database).save_sample(demo.NOW, CELL, b"\x09what is this", "d")
        await database.close()

    asyncio.run(spoil())
    result = run("replay", "--packages", write_mistakes(tmp_path / "sg", "SG"))
    assert "1 of 2 replayed pages would change" in result.output
    assert "1 not replayed: the recording has version 9" in result.output
