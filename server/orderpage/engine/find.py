"""Finds the YAML of packages: in installed distributions, and in folders that the operator names."""

from collections.abc import Iterable
from importlib import resources
from importlib.metadata import entry_points
from importlib.resources.abc import Traversable
from pathlib import Path

from orderpage.engine.discover import entry_name
from orderpage.engine.package import PackageFiles
from orderpage.engine.problems import PackageError, Problems
from orderpage.engine.scenarios import SourceText

PACKAGES = "orderpage.packages"


def find_packages(folders: Iterable[Path] = ()) -> PackageFiles:
    """The YAML files of installed packages, then of the operator's ``folders``.

    Each is laid out as ``layers/*.yaml`` and ``scenarios.yaml``, of which exactly one of them all declares the values.
    Raises ``PackageErrors``.
    """
    problems = Problems()
    scenarios: list[SourceText] = []
    layers: list[SourceText] = []
    for name, root in _roots(folders, problems):
        try:
            found = _read(root / "scenarios.yaml", f"{name}/scenarios.yaml")
            files = sorted(_yaml_files(root / "layers"), key=lambda file: file.name)
            below = [_read(file, f"{name}/layers/{file.name}") for file in files]
        except PackageError as error:
            problems.add(error.file, error.line, error.message)
            continue
        scenarios += [found] if found else []
        layers += [source for source in below if source]
        if found is None and not files:
            problems.add(name, 0, "has neither scenarios.yaml nor layers/*.yaml; add one or leave the folder out")
    problems.check()
    return PackageFiles(tuple(scenarios), tuple(layers))


def _roots(folders: Iterable[Path], problems: Problems) -> list[tuple[str, Traversable]]:
    roots: dict[str, Traversable] = {}
    for entry in entry_points(group=PACKAGES):
        try:
            roots[entry.value] = resources.files(entry.value)
        except Exception as error:
            message = f"can't import {entry.value}: {type(error).__name__}: {error}; mend or uninstall it"
            problems.add(entry_name(entry), 0, message)
    for folder in folders:
        roots[str(folder)] = folder
    return list(roots.items())


def _yaml_files(folder: Traversable) -> list[Traversable]:
    return [file for file in folder.iterdir() if file.name.endswith(".yaml")] if folder.is_dir() else []


def _read(file: Traversable, name: str) -> SourceText | None:
    if not file.is_file():
        return None
    try:
        return SourceText(name, file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PackageError(name, 0, f"can't be read: {error}; write it as UTF-8 and readable") from None
