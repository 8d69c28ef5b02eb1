"""``orderpage traffic``: what an operator types, is shown, and cannot get wrong."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orderpage.buckets import bucket_number
from orderpage.cli.failures import UserMistake
from orderpage.cli.traffic.app import app
from orderpage.cli.traffic.shares import read_split
from orderpage.migration.flags.edit import read
from orderpage.migration.flags.file import FLAG, dump, evaluator, from_flagd, to_flagd, validate
from orderpage.migration.flags.history import history_file, read_history
from orderpage.migration.flags.rules import SALT, Route, Rules
from orderpage.migration.scope import TrafficCell

WHY = ("--reason", "a test", "--actor", "mei")
H5 = TrafficCell("SG", "marketplace", "h5", "everyone")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "flags.json"
    monkeypatch.setenv("ORDERPAGE_FLAGS", str(path))
    return path


def run(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(app, words, input=answer)


def done(*words: str, answer: str = "") -> str:
    result = run(*words, answer=answer)
    assert result.exit_code == 0, (result.output, result.exception)
    return " ".join(result.output.split())


def refused(*words: str, answer: str = "") -> str:
    result = run(*words, answer=answer)
    assert isinstance(result.exception, UserMistake), result.output
    return str(result.exception)


def in_force(path: Path) -> list[str]:
    rules = read(path).rules
    assert rules is not None
    return [str(rule) for rule in rules.rules]


# ---- the grammar of shares -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "split"),
    [
        ("new=20 shadow", "new 20%, shadow 80%"),
        ("new=20% shadow=80%", "new 20%, shadow 80%"),
        ("shadow new=0.05", "new 0.05%, shadow 99.95%"),
        ("new=12.5 shadow=50 legacy", "new 12.5%, shadow 50%, legacy 37.5%"),
        ("new=100", "new"),
        ("new=100 shadow", "new"),
        ("new=0 legacy", "legacy"),
        ("new", "new"),
        ("shadow", "shadow"),
        ("ramp", "ramp"),
        ("refused", "refused"),
    ],
)
def test_shares_are_of_all_buyers_and_a_word_takes_the_others(words: str, split: str) -> None:
    assert str(read_split(words.split())) == split


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("new=20", "80% of the buyers are left over; end with a word for them: shadow or legacy"),
        ("new=20 shadow=20", "60% of the buyers are left over; end with a word for them: legacy"),
        ("new=20 shadow=100", "add up to 120%"),
        ("new=20 ramp", "ramp takes everybody"),
        ("ramp=20 shadow", "no share of new, shadow or legacy"),
        ("new=0.125 shadow", "up to two decimals"),
        ("new=-5 shadow", "no share"),
        ("new=1e1 shadow", "no share"),
        ("new= shadow", "no share"),
        ("new=20 new=30 shadow", "new is said twice"),
        ("shadow legacy", "say who gets what"),
        ("nwe=20 shadow", "'nwe' is none of"),
        ("20", "'20' is none of"),
        ("killed", "orderpage traffic kill"),
        ("", "say who gets what"),
    ],
)
def test_what_could_be_meant_otherwise_is_refused(words: str, says: str) -> None:
    with pytest.raises(UserMistake, match=re.escape(says)):
        read_split(words.split())


# ---- set, unset, ramp ------------------------------------------------------------------------------------------------


def test_set_shows_before_and_after_and_asks(path: Path) -> None:
    said = done("set", "--site", "SG", "--client", "h5", "new=20", "shadow", *WHY, answer="y\n")
    assert "SG * h5 * legacy → new 20%, shadow 80%" in said
    assert "write this?" in said
    assert in_force(path) == ["site=SG client=h5: new 20%, shadow 80%"]
    assert evaluator(validate(path.read_text()))(H5, "", 1999) is Route.NEW


def test_no_is_no(path: Path) -> None:
    assert "nothing was written" in refused("set", "--site", "SG", "shadow", *WHY, answer="n\n")
    assert not path.exists()


def test_a_share_is_raised_without_more_ado_and_lowered_when_it_is_meant(path: Path) -> None:
    for share in ("new=5", "new=20"):
        done("set", "--site", "SG", share, "shadow", *WHY, "--yes")
    for words in (["new=10", "shadow"], ["shadow"], ["ramp"], ["legacy"]):
        assert "add --lower" in refused("set", "--site", "SG", *words, *WHY, "--yes")
    assert "add --lower" in refused("unset", "--site", "SG", *WHY, "--yes")
    assert "add --lower" in refused("set", "--site", "SG", "--client", "h5", "legacy", *WHY, "--yes")
    assert "add --lower" in refused("set", "--site", "SG", "--version", "<2", "refused", *WHY, "--yes")
    assert in_force(path) == ["site=SG: new 20%, shadow 80%"]
    done("set", "--site", "SG", "new=10", "shadow", *WHY, "--yes", "--lower")
    assert in_force(path) == ["site=SG: new 10%, shadow 90%"]


def test_a_ramp_is_begun_freely_and_left_by_saying_so(path: Path) -> None:
    done("ramp", "--site", "SG", *WHY, "--yes")
    assert in_force(path) == ["site=SG: ramp"]
    assert "add --lower" in refused("set", "--site", "SG", "new=50", "shadow", *WHY, "--yes")
    done("set", "--site", "SG", "new", *WHY, "--yes")  # all of them is not fewer


def test_unset_lets_the_wider_rule_decide(path: Path) -> None:
    done("set", "--everything", "shadow", *WHY, "--yes")
    done("set", "--site", "SG", "legacy", *WHY, "--yes")
    assert "SG * * * legacy → shadow" in done("unset", "--site", "SG", *WHY, "--yes")
    assert in_force(path) == ["everything: shadow"]
    assert "there is: everything" in refused("unset", "--site", "HK", *WHY, "--yes")


def test_a_version_is_a_rule_of_its_own(path: Path) -> None:
    done("set", "--everything", "--version", "< 3.2", "refused", *WHY, "--yes")
    said = done("set", "--site", "SG", "shadow", *WHY, "--yes")
    assert "version<3.2.0: refused; else legacy → version<3.2.0: refused; else shadow" in said
    assert in_force(path) == ["everything version<3.2.0: refused", "site=SG: shadow"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("set", "shadow"), "or --everything"),
        (("set", "--everything", "--site", "SG", "shadow"), "not both"),
        (("set", "--site", "SX", "shadow"), "there is no site 'SX' in the packages"),
        (("set", "--client", "nativ", "shadow"), "did you mean native?"),
        (("set", "--site", "SG", "--version", "3.2", "shadow"), "--version: '3.2' compares with no version"),
        (("set", "--site", "SG", "refused"), "turns every buyer away"),
        (("kill", "--site", "SX"), "there is no site 'SX'"),
        (("revive",), "there is no kill of exactly everything; there is: none"),
        (("show",), "there is no flag file"),
    ],
)
def test_what_would_do_something_else_than_meant_is_refused(path: Path, words: tuple[str, ...], says: str) -> None:
    assert says in refused(*words, *(WHY if words != ("show",) else ()))
    assert not path.exists()


@pytest.mark.parametrize("reason", [(), ("--reason", " ")])
def test_a_reason_is_needed(path: Path, reason: tuple[str, ...]) -> None:
    assert "say why" in refused("kill", *reason)
    assert not path.exists()


def test_the_same_again_writes_nothing(path: Path) -> None:
    done("set", "--site", "SG", "shadow", *WHY, "--yes")
    assert "says so already" in done("set", "--site", "SG", "shadow", *WHY)
    assert len(read_history(path)) == 1


def test_print_writes_nothing_and_can_be_redirected(path: Path) -> None:
    result = run("set", "--site", "SG", "shadow", "--print")
    assert [str(rule) for rule in from_flagd(validate(result.stdout).document).rules] == ["site=SG: shadow"]
    assert not path.exists()


# ---- kill and revive -------------------------------------------------------------------------------------------------


def test_kill_stops_at_once_and_revive_brings_back_what_was(path: Path) -> None:
    done("set", "--site", "SG", "new=20", "shadow", *WHY, "--yes")
    done("kill", "--site", "SG", *WHY)
    assert in_force(path) == ["site=SG: killed", "site=SG: new 20%, shadow 80%"]
    assert evaluator(validate(path.read_text()))(H5, "", 0) is Route.KILLED
    assert "killed already" in done("kill", "--site", "SG", *WHY)
    assert "killed → new 20%, shadow 80%" in done("revive", "--site", "SG", *WHY, answer="y\n")
    assert in_force(path) == ["site=SG: new 20%, shadow 80%"]


def test_kill_without_a_scope_stops_everything_even_without_a_file(path: Path) -> None:
    assert "killed: everything" in done("kill", *WHY)
    assert in_force(path) == ["everything: killed"]


def by_hand(path: Path) -> None:
    document = to_flagd(Rules())
    document["flags"][FLAG]["targeting"] = {"if": [{"in": [{"var": "site"}, ["SG"]]}, "new", "shadow"]}
    path.write_text(dump(document))


def test_kill_works_on_a_flag_that_was_written_by_hand(path: Path) -> None:
    by_hand(path)
    assert "written by hand" in refused("set", "--site", "SG", "shadow", *WHY)
    done("kill", "--site", "SG", *WHY)
    evaluate = evaluator(validate(path.read_text()))
    assert (evaluate(H5, "", 0), evaluate(H5._replace(site="HK"), "", 0)) == (Route.KILLED, Route.SHADOW)


def test_kill_on_a_broken_file_says_how(path: Path) -> None:
    path.write_text("{")
    assert f"mv {path} {path}.broken" in refused("kill", *WHY)


def test_packages_that_do_not_compile_are_not_in_the_way_of_a_kill(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine" / "layers").mkdir(parents=True)
    (tmp_path / "mine" / "layers" / "broken.yaml").write_text("package: [")
    monkeypatch.setenv("ORDERPAGE_PACKAGES", str(tmp_path / "mine"))
    assert "the packages do not compile" in done("kill", "--site", "SG", *WHY)
    assert in_force(path) == ["site=SG: killed"]


# ---- show and history ------------------------------------------------------------------------------------------------


def test_show_says_who_gets_what_in_few_lines(path: Path) -> None:
    done("set", "--site", "SG", "--client", "h5", "new=20", "shadow", *WHY, "--yes")
    lines = run("show").output.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["rules,", "the", "first", "that", "fits", "decides:"],
        ["1", "site=SG", "client=h5", "new", "20%,", "shadow", "80%"],
        ["all", "others", "legacy"],
        ["what", "the", "cells", "of", "the", "packages", "get:"],
        ["site", "business", "client", "crowd", "gets"],
        ["HK,TW,MY,CA", "*", "*", "*", "legacy"],
        ["SG", "*", "native,mini_program", "*", "legacy"],
        ["SG", "*", "h5", "*", "new", "20%,", "shadow", "80%"],
    ]


def test_show_says_what_a_buyer_gets(path: Path) -> None:
    bucket = bucket_number(SALT, "b-mei")
    done("set", "--site", "SG", f"new={(bucket + 1) / 100}", "shadow", *WHY, "--yes")
    said = done("show", "--buyer", "b-mei")
    assert f"buyer b-mei is in bucket {bucket}" in said
    assert f"new {(bucket + 1) / 100:g}%, shadow {(9999 - bucket) / 100:g}% new" in said


def test_show_as_json_has_every_cell(path: Path) -> None:
    done("set", "--site", "SG", "--version", "<3.2.0", "shadow", *WHY, "--yes")
    shown = json.loads(done("show", "--json", "--buyer", "b-mei"))
    assert len(shown["cells"]) == 5 * 4 * 3 * 3
    assert shown["bucket"] == bucket_number(SALT, "b-mei")
    assert shown["rules"][0]["version"] == "<3.2.0"
    of_singapore = next(cell for cell in shown["cells"] if cell["site"] == "SG")
    assert of_singapore["gets"] == [
        {"version": "<3.2.0", "shares": {"shadow": 10_000}, "buyer": "shadow"},
        {"version": "", "shares": {"legacy": 10_000}, "buyer": "legacy"},
    ]


def test_show_evaluates_what_was_written_by_hand(path: Path) -> None:
    by_hand(path)
    said = done("show")
    assert "written by hand" in said
    assert "SG * * * new" in said
    assert "HK,TW,MY,CA * * * shadow" in said


def test_show_of_a_broken_file_says_what_is_wrong(path: Path) -> None:
    path.write_text('{"flags": {}}')
    assert "servers keep the flags before it: there is no flag 'order-page'" in refused("show")


def test_history_says_when_who_why_and_what(path: Path) -> None:
    assert "no command has edited" in done("history")
    done("set", "--site", "SG", "new=5", "shadow", "--reason", "first buyers", "--actor", "mei", "--yes")
    done("set", "--site", "SG", "new=20", "shadow", "--reason", "it went well", "--actor", "wing", "--yes")
    said = done("history")
    assert "UTC mei: first buyers" in said
    assert "UTC wing: it went well" in said
    assert "- site=SG: new 5%, shadow 95% + site=SG: new 20%, shadow 80%" in said
    assert "other means" not in said
    assert "first buyers" not in done("history", "--limit", "1")


def test_history_says_where_a_file_was_changed_by_other_means(path: Path) -> None:
    done("set", "--site", "SG", "shadow", *WHY, "--yes")
    by_hand(path)
    assert "since the last of these the file was changed by other means" in done("history")
    done("kill", *WHY)
    said = done("history")
    assert "the file was changed by other means here" in said
    assert "since the last" not in said
    assert history_file(path).exists()


def test_a_running_flagd_is_not_edited_here(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERPAGE_FLAGS", "flagd://127.0.0.1:8015")
    assert "is a running flagd" in refused("kill", *WHY)
    monkeypatch.delenv("ORDERPAGE_FLAGS")
    assert "name the flag file" in refused("show")


def test_the_commands_are_listed_without_loading_flagd() -> None:
    """Every command line of orderpage imports them."""
    code = (
        "import sys, orderpage.cli.traffic.app; sys.exit('openfeature' in sys.modules or 'sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_ramp_that_the_ramp_file_does_not_have_is_warned_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERPAGE_RAMPS", str(Path(__file__).parents[3] / "deploy" / "ramps.example.yaml"))
    told = done("ramp", "--site", "MY", *WHY, "--yes")
    assert "warning: no ramp of" in told
    assert "covers site=MY business=* client=* crowd=*: legacy answers there until one does" in told
    assert in_force(path) == ["site=MY: ramp"]
    assert "warning" not in done("ramp", "--site", "SG", *WHY, "--yes")
