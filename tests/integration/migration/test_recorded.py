"""Every recorded case comes out as was decided, and a case fails where the mistake is made again."""

from pathlib import Path
from typing import Any

import pytest
from tests.integration.migration.recorded_database import write_mistakes

from orderpage.api.to_proto import fill_page
from orderpage.migration.recording.replay import NotReplayable
from orderpage.packages import Packages
from orderpage.testing.recorded import check_case, load_case

FOLDER = Path(__file__).parents[2] / "data" / "recorded"
CASES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_a_recorded_page_comes_out_as_was_decided(path: Path, packages: Packages) -> None:
    check_case(load_case(path), packages, fill_page)


def test_there_are_cases_of_both_sites() -> None:
    assert {path.name[:2] for path in CASES} >= {"hk", "sg"}


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_a_case_fails_where_the_mistake_is_made_again(path: Path, tmp_path: Path) -> None:
    mistaken = Packages([write_mistakes(tmp_path, "HK", "SG")])
    case = load_case(path)
    with pytest.raises(AssertionError) as raised:
        check_case(case, mistaken, fill_page)
    assert f"{case.about} ({case.why}) comes out otherwise:" in str(raised.value)
    assert f"\n{case.about}: " in str(raised.value)


def test_a_scenario_that_is_not_offered_any_more_is_said_and_not_a_difference(packages: Packages) -> None:
    case: Any = load_case(CASES[0])
    recorded = {**case.recorded, "cell": ["HK", "marketplace", "telex", "everyone", "control"]}
    with pytest.raises(NotReplayable, match="unknown client 'telex'"):
        check_case(type(case)(**{**_fields(case), "recorded": recorded}), packages, fill_page)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "case.json: no recorded case"),
        ('{"format": 7, "about": "", "why": "", "recorded": {}, "facts": [], "expected": {}}', "has format 7"),
        ('{"abuot": ""}', "case.json: no recorded case: Object contains unknown field `abuot`"),
    ],
)
def test_a_file_that_is_no_case_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "case.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"^case\.json: ") as raised:
        load_case(path)
    assert message in str(raised.value)


def test_a_damaged_case_says_what_is_wrong(packages: Packages) -> None:
    case: Any = load_case(CASES[0])
    for change, message in (
        ({"recorded": {"site": "HK"}}, "recorded is of another shape"),
        ({"expected": {"pages": 1}}, "expected is no answer"),
    ):
        with pytest.raises(ValueError, match=message):
            check_case(type(case)(**{**_fields(case), **change}), packages, fill_page)


def _fields(case: Any) -> dict[str, Any]:
    return {name: getattr(case, name) for name in case.__struct_fields__}
