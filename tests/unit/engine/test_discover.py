"""Discovery reads real distributions: directories on the path, as an installer leaves them."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stevedore import _cache
from stevedore.extension import ExtensionManager

from orderpage.engine.discover import discover_extensions, offer, offered_extensions, used_extensions
from orderpage.engine.extension import extension
from orderpage.engine.find import find_packages
from orderpage.engine.layer import Edit, Layer
from orderpage.engine.plan import Origin
from orderpage.engine.problems import PackageErrors

MODULE = """
from orderpage.engine.extension import extends, extension
from orderpage.engine.point import OnFailure, Point, Reduce, Shape

@extension("{name}")
class Found:
    pass

class Plain:
    pass
"""
USED = Origin("default", "layers/default.yaml", 7)
Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a distribution with one module and its entry points on the path."""
    before = set(sys.modules)

    def make(distribution: str, module: str, text: str, entries: dict[str, str], group: str = "extensions") -> Path:
        folder = tmp_path / distribution
        info = folder / f"{distribution.replace('-', '_')}-1.5.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.5\n")
        lines = "\n".join(f"{name} = {value}" for name, value in entries.items())
        (info / "entry_points.txt").write_text(f"[orderpage.{group}]\n{lines}\n")
        (folder / f"{module}.py").write_text(text)
        monkeypatch.syspath_prepend(str(folder))
        return folder

    # stevedore remembers entry points on disk and in the process; each test brings its own.
    monkeypatch.setattr(ExtensionManager, "ENTRY_POINT_CACHE", {})
    monkeypatch.setattr(_cache, "_c", _cache.Cache(cache_dir=str(tmp_path / "cache")))
    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def refused(used: dict[str, Origin]) -> str:
    with pytest.raises(PackageErrors) as caught:
        discover_extensions(used)
    return str(caught.value)


def test_a_used_extension_is_found_with_its_distribution_and_no_other_is_imported(install: Install) -> None:
    install("toys", "toys_found", MODULE.format(name="toys.found"), {"toys.found": "toys_found:Found"})
    install("traps", "toys_trap", "raise RuntimeError('imported')", {"toys.trap": "toys_trap:Trap"})
    found = discover_extensions({"toys.found": USED})
    assert list(found) == ["toys.found"]
    assert (found["toys.found"].distribution, found["toys.found"].version) == ("toys", "1.5")
    assert found["toys.found"].where == "distribution toys 1.5"
    assert "toys_trap" not in sys.modules
    assert {"toys.found", "toys.trap"} <= set(offered_extensions())


def test_a_name_that_nobody_offers_is_refused_where_it_is_used_with_the_closest(install: Install) -> None:
    install("toys", "toys_found", MODULE.format(name="toys.found"), {"toys.found": "toys_found:Found"})
    assert refused({"toys.fond": USED}) == (
        "layers/default.yaml:7: uses extension 'toys.fond', which nobody offers; did you mean toys.found?"
    )


def test_a_name_that_two_distributions_offer_is_refused_naming_both(install: Install) -> None:
    for distribution in ("blue-toys", "red-toys"):
        module = distribution.replace("-", "_")
        # The other names between them are what stevedore's own check does not see past.
        entries = {"toys.found": f"{module}:Found", f"{module}.more": f"{module}:Found"}
        install(distribution, module, MODULE.format(name="toys.found"), entries)
    text = refused({"toys.found": USED})
    assert "'toys.found' is offered by blue-toys (blue_toys:Found) and red-toys (red_toys:Found); uninstall" in text


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("toys_found:Missing", "can't import toys_found:Missing: AttributeError"),
        ("toys_nowhere:Found", "can't import toys_nowhere:Found: ModuleNotFoundError"),
        ("toys_found:Plain", "toys_found:Plain is not a class with @extension; decorate it"),
        ("toys_found:MODULE", "can't import"),
        ("toys_found:Found", "toys_found:Found names itself 'toys.found'; give both the same name"),
    ],
)
def test_an_entry_point_that_is_no_extension_is_refused_naming_its_distribution(
    install: Install, entry: str, message: str
) -> None:
    install("toys", "toys_found", MODULE.format(name="toys.found"), {"toys.wrong": entry})
    text = refused({"toys.wrong": USED})
    assert text.startswith("distribution toys, entry point toys.wrong: ")
    assert message in text


def test_a_module_that_asserts_while_imported_is_refused_like_any_other(install: Install) -> None:
    install("toys", "toys_found", "assert False, 'no'", {"toys.wrong": "toys_found:Found"})
    assert "can't import toys_found:Found: AssertionError: no" in refused({"toys.wrong": USED})


def test_an_extension_installed_while_the_process_runs_asks_for_a_restart(install: Install) -> None:
    install("toys", "toys_found", MODULE.format(name="toys.found"), {"toys.found": "toys_found:Found"})
    discover_extensions({"toys.found": USED})
    install("more", "toys_more", MODULE.format(name="toys.more"), {"toys.more": "toys_more:Found"})
    assert "'toys.more' was installed while this process ran; restart it" in refused({"toys.more": USED})


def test_extensions_given_directly_are_taken_as_they_are() -> None:
    @extension("given")
    class Given:
        pass

    given = offer(Given)
    assert discover_extensions({"given": USED}, given) == given


def test_used_names_come_with_the_place_of_their_first_use() -> None:
    edits = [Edit("add", "note", "a", Origin("p", "f", line), "a") for line in (3, 4)]
    edits.append(Edit("remove", "note", "b", Origin("p", "f", 5)))
    assert used_extensions([Layer("p", Origin("p", "f", 1), edits=tuple(edits))]) == {"a": Origin("p", "f", 3)}


def folder(path: Path, scenarios: bool = False, **layers: str) -> Path:
    (path / "layers").mkdir(parents=True)
    for name, text in layers.items():
        (path / "layers" / f"{name}.yaml").write_text(text)
    if scenarios:
        (path / "scenarios.yaml").write_text("timezone: UTC\n")
    return path


def test_packages_are_found_in_distributions_and_in_the_operators_folders(install: Install, tmp_path: Path) -> None:
    root = install("toys", "unused", "", {"toys": "toys_layers"}, group="packages")
    folder(root / "toys_layers", scenarios=True, b="package: b\n", a="package: a\n")
    (root / "toys_layers" / "__init__.py").write_text("")
    (root / "toys_layers" / "layers" / "notes.txt").write_text("not a layer")
    mine = folder(tmp_path / "mine", c="package: c\n")
    files = find_packages([mine])
    assert "toys_layers/scenarios.yaml" in [source.file for source in files.scenarios]
    names = [source.file for source in files.layers]
    assert names[-1] == f"{mine}/layers/c.yaml"
    assert [name for name in names if name.startswith("toys")] == [
        "toys_layers/layers/a.yaml",
        "toys_layers/layers/b.yaml",
    ]
    assert files.layers[-1].text == "package: c\n"


def test_a_folder_without_packages_or_with_unreadable_ones_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    wrong = folder(tmp_path / "wrong")
    (wrong / "layers" / "a.yaml").write_bytes(b"package: \xff\n")
    with pytest.raises(PackageErrors) as caught:
        find_packages([tmp_path / "empty", tmp_path / "missing", wrong])
    text = str(caught.value)
    assert f"{tmp_path}/empty: has neither scenarios.yaml nor layers/*.yaml" in text
    assert f"{tmp_path}/missing: has neither" in text
    assert f"{wrong}/layers/a.yaml: can't be read" in text


def test_a_package_that_can_not_be_imported_is_refused(install: Install) -> None:
    install("toys", "unused", "", {"toys": "toys_nowhere"}, group="packages")
    with pytest.raises(PackageErrors, match="distribution toys, entry point toys: can't import toys_nowhere"):
        find_packages()
