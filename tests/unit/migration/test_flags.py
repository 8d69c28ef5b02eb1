"""Flags of a running server: a good change is in force soon, and whatever is wrong leaves the last good ones there."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.migration.flag_server import FlagServer

from orderpage.migration.flags.errors import FlagError
from orderpage.migration.flags.file import dump, to_flagd
from orderpage.migration.flags.rules import Route, Rule, Rules, Split
from orderpage.migration.flags.source import FlagSource, open_flags
from orderpage.migration.scope import Scope, TrafficCell

H5 = TrafficCell("SG", "marketplace", "h5", "everyone")
SECONDS = 30.0


def flags(*rules: Rule) -> str:
    return dump(to_flagd(Rules.of(rules)))


def everybody(route: Route) -> str:
    return flags(Rule(Scope(), "", Split.whole(route)))


def replace(path: Path, text: str, modified_s: float | None = None) -> None:
    """As our command and as mounted maps do it: at once, with a fresh time unless another is given."""
    aside = path.with_suffix(".new")
    aside.write_text(text)
    if modified_s is not None:
        os.utime(aside, (modified_s, modified_s))
    aside.rename(path)


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


class Heard:
    """What ``on_trouble`` was told."""

    def __init__(self) -> None:
        self.troubles: list[str] = []

    def __call__(self, trouble: str) -> None:
        self.troubles.append(trouble)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    path.write_text(everybody(Route.SHADOW))
    return path


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def source(path: Path, heard: Heard) -> Iterator[FlagSource]:
    source = open_flags(path, heard)
    yield source
    source.close()


def route(source: FlagSource) -> Route:
    return source.route(H5, "3.2.0", 0)


def test_a_change_is_in_force_without_a_restart(source: FlagSource, path: Path, heard: Heard) -> None:
    assert route(source) is Route.SHADOW
    replace(path, everybody(Route.NEW))
    eventually(lambda: route(source) is Route.NEW)
    assert source.changes == 1
    assert heard.troubles == []


def test_buckets_cells_and_versions_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "flags.json"
    path.write_text(
        flags(
            Rule(Scope("SG"), "", Split.of(new=2000, shadow=3000, legacy=5000)),
            Rule(Scope("SG"), "<3.2.0", Split.whole(Route.REFUSED)),
        )
    )
    source = open_flags(path, Heard())
    for _ in range(2):  # evaluated, then remembered
        routes = [source.route(H5, "3.2.0", bucket) for bucket in (0, 1999, 2000, 4999, 5000, 9999)]
        assert routes == [Route.NEW, Route.NEW, Route.SHADOW, Route.SHADOW, Route.LEGACY, Route.LEGACY]
        assert source.route(H5, "3.1.9", 0) is Route.REFUSED
        assert source.route(H5, "", 0) is source.route(H5, "three", 0) is Route.NEW
        assert source.route(H5._replace(site="HK"), "3.1.9", 0) is Route.LEGACY
    source.close()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "it is no JSON"),
        ('{"flags": {}}', "there is no flag 'order-page'"),
        (everybody(Route.NEW).replace('"new"', '"nwe"'), "variant 'nwe'"),
        (everybody(Route.NEW).replace("ENABLED", "DISABLED"), "DISABLED"),
        ("", "it is no JSON"),
    ],
)
def test_a_file_that_cannot_be_used_leaves_the_last_good_flags(
    source: FlagSource, path: Path, heard: Heard, content: str, says: str
) -> None:
    replace(path, content)
    eventually(lambda: bool(source.trouble))
    assert says in source.trouble
    assert "the last good flags stay in force" in source.trouble
    assert route(source) is Route.SHADOW
    replace(path, everybody(Route.NEW))
    eventually(lambda: source.trouble == "")
    assert route(source) is Route.NEW
    assert source.changes == 1
    assert len(heard.troubles) == 2  # once when it began, once when it ended
    assert heard.troubles[-1] == ""


def test_a_file_that_is_no_text_leaves_them(source: FlagSource, path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    eventually(lambda: "no UTF-8" in source.trouble)
    assert route(source) is Route.SHADOW


def test_a_deleted_file_leaves_them_and_the_same_one_restored_is_well(source: FlagSource, path: Path) -> None:
    aside = path.with_suffix(".aside")
    path.rename(aside)
    eventually(lambda: "there is no flag file" in source.trouble)
    assert route(source) is Route.SHADOW
    aside.rename(path)
    eventually(lambda: source.trouble == "")
    assert source.changes == 0


def test_an_older_file_is_not_applied_until_it_is_touched(source: FlagSource, path: Path) -> None:
    replace(path, everybody(Route.NEW), modified_s=1_000_000_000)
    eventually(lambda: f"touch {path}" in source.trouble)
    assert route(source) is Route.SHADOW
    path.touch()
    eventually(lambda: source.trouble == "")
    assert route(source) is Route.NEW


def test_a_file_from_the_future_does_not_shut_out_later_ones(source: FlagSource, path: Path) -> None:
    replace(path, everybody(Route.LEGACY), modified_s=time.time() + 86_400)
    eventually(lambda: route(source) is Route.LEGACY)
    replace(path, everybody(Route.NEW))
    eventually(lambda: route(source) is Route.NEW)
    assert source.trouble == ""


def test_a_mounted_map_is_followed(tmp_path: Path) -> None:
    """Kubernetes swaps a symbolic link to a folder."""
    for name, route_ in (("one", Route.SHADOW), ("two", Route.NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flags.json").write_text(everybody(route_))
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "flags.json").symlink_to("..data/flags.json")
    source = open_flags(tmp_path / "flags.json", Heard())
    (tmp_path / "..new").symlink_to("two")
    (tmp_path / "..new").rename(tmp_path / "..data")
    eventually(lambda: route(source) is Route.NEW)
    source.close()


@pytest.mark.parametrize(
    ("content", "says"), [(None, "there is no flag file"), ("{", "no JSON"), ('{"flags": {}}', "no flag 'order-page'")]
)
def test_a_bad_file_at_start_is_an_error(tmp_path: Path, content: str | None, says: str) -> None:
    path = tmp_path / "flags.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FlagError, match=says):
        open_flags(path, Heard())


def test_what_is_told_last_is_how_it_is_whoever_tells_it(path: Path) -> None:
    """Trouble that is over before it was told is told before its end."""
    told, telling, over = list[str](), threading.Event(), threading.Event()

    def hear(trouble: str) -> None:
        if trouble and not told:
            telling.set()
            over.wait(0.2)  # whoever ends it is not let in meanwhile
        told.append(trouble)

    source = open_flags(path, hear)

    def end() -> None:
        telling.wait()
        source._note("a subject", "")
        over.set()

    ending = threading.Thread(target=end)
    ending.start()
    source._note("a subject", "something is wrong")
    ending.join()
    source.close()
    assert told == ["something is wrong", ""]


def test_closing_ends_its_threads(path: Path) -> None:
    before = {thread.name for thread in threading.enumerate()}
    source = open_flags(path, Heard())
    assert "flag-watch" in {thread.name for thread in threading.enumerate()} - before
    source.close()
    assert "flag-watch" not in {thread.name for thread in threading.enumerate()}


def test_what_cannot_be_evaluated_is_legacys_and_trouble(path: Path, heard: Heard) -> None:
    source = open_flags(path, heard)
    source.close()  # no provider is left to evaluate it
    assert route(source) is Route.LEGACY
    assert "the flag order-page cannot be evaluated for SG marketplace h5 everyone" in source.trouble
    assert heard.troubles == [source.trouble]


def test_two_sources_do_not_mix(path: Path, tmp_path: Path, source: FlagSource) -> None:
    other_path = tmp_path / "other.json"
    other_path.write_text(everybody(Route.NEW))
    other = open_flags(other_path, Heard())
    assert (route(source), route(other)) == (Route.SHADOW, Route.NEW)
    other.close()
    assert source.route(H5, "9.9.9", 9_999) is Route.SHADOW


def test_what_clients_make_up_is_not_remembered_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orderpage.migration.flags.source._MOST_ROUTES", 8)
    monkeypatch.setattr("orderpage.migration.flags.source._MOST_VERSIONS", 8)
    path = tmp_path / "flags.json"
    path.write_text(flags(Rule(Scope(), "<3.2.0", Split.whole(Route.REFUSED))))
    source = open_flags(path, Heard())
    for number in range(50):
        assert source.route(H5._replace(site=f"S{number}"), f"3.{number}.0", 0) is (
            Route.REFUSED if number < 2 else Route.LEGACY
        )
    in_force = source._in_force
    assert in_force is not None
    assert len(in_force.routes) <= 8 >= len(in_force.kinds)
    source.close()


@pytest.fixture
def server() -> Iterator[FlagServer]:
    server = FlagServer(everybody(Route.SHADOW))
    yield server
    server.stop()


def test_a_running_flagd_is_followed(server: FlagServer) -> None:
    source = open_flags(server.where, Heard())
    assert route(source) is Route.SHADOW
    server.send(everybody(Route.NEW))
    eventually(lambda: route(source) is Route.NEW)
    assert (source.trouble, source.changes) == ("", 1)
    source.close()


def test_wrong_flags_of_flagd_leave_the_last_good_ones(server: FlagServer) -> None:
    source = open_flags(server.where, Heard())
    server.send('{"flags": {}}')
    eventually(lambda: "those that flagd sent cannot be used: there is no flag 'order-page'" in source.trouble)
    assert route(source) is Route.SHADOW
    server.send(everybody(Route.NEW))
    eventually(lambda: route(source) is Route.NEW)
    eventually(lambda: source.trouble == "")  # told after the flags are in force
    source.close()


def test_a_flagd_that_goes_is_trouble_and_one_that_comes_back_is_well(server: FlagServer, heard: Heard) -> None:
    source = open_flags(server.where, heard)
    server.stop()
    eventually(lambda: "does not answer" in source.trouble)
    assert route(source) is Route.SHADOW
    again = FlagServer(everybody(Route.NEW), server.port)
    eventually(lambda: route(source) is Route.NEW)
    eventually(lambda: source.trouble == "")
    assert heard.troubles[-1] == ""
    source.close()
    again.stop()


def test_closing_while_flagd_is_away_leaves_nothing_that_would_hold_up_the_process(server: FlagServer) -> None:
    source = open_flags(server.where, Heard())
    server.stop()
    eventually(lambda: "does not answer" in source.trouble)
    source.close()
    assert not [each for each in threading.enumerate() if isinstance(each, threading.Timer) and each.interval]


def test_wrong_flags_at_start_are_an_error() -> None:
    server = FlagServer(everybody(Route.NEW).replace("ENABLED", "DISABLED"))
    with pytest.raises(FlagError, match="DISABLED"):
        open_flags(server.where, Heard())
    server.stop()


def test_no_flagd_at_start_is_an_error(server: FlagServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orderpage.migration.flags.provider.START_MS", 200)
    server.stop()
    with pytest.raises(FlagError, match="sends no flags"):
        open_flags(server.where, Heard())


@pytest.mark.parametrize("where", ["flagd://", "flagd://host", "flagd://host:0", "flagd://host:x", "flagd://h:1/path"])
def test_a_wrong_address_says_what_to_write(where: str) -> None:
    with pytest.raises(FlagError, match="flagd://127"):
        open_flags(where, Heard())
