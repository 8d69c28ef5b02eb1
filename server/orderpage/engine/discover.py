"""Finds extensions among what is installed. stevedore finds; it never dispatches.

Only the extensions that some layer uses are imported. stevedore 5.10 misses duplicate names that are not adjacent, so
duplicates are looked for here.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any

import msgspec
from stevedore.named import NamedExtensionManager

from orderpage.engine.extension import spec_of
from orderpage.engine.layer import Layer
from orderpage.engine.plan import Origin
from orderpage.engine.problems import Problems, one_of

EXTENSIONS = "orderpage.extensions"


class Offered(msgspec.Struct, frozen=True):
    """An extension class and who offers it; ``version`` is the distribution's, and part of a plan's digest."""

    cls: type
    distribution: str = ""
    version: str = ""

    @property
    def where(self) -> str:
        """The distribution for messages, else the module."""
        return f"distribution {self.distribution} {self.version}" if self.distribution else self.cls.__module__


def offer(*classes: type) -> dict[str, Offered]:
    """Extensions given directly, as tests do, by the names that ``@extension`` gave them."""
    offered = {}
    for cls in classes:
        spec = spec_of(cls)
        if spec is None:
            raise TypeError(f"{cls.__qualname__} is not an extension; decorate it with @extension")
        offered[spec.name] = Offered(cls)
    return offered


def used_extensions(layers: Iterable[Layer]) -> dict[str, Origin]:
    """The names that layers use, each with the place of its first use."""
    used: dict[str, Origin] = {}
    for layer in layers:
        for edit in layer.edits:
            if edit.use:
                used.setdefault(edit.use, edit.origin)
    return used


def offered_extensions() -> tuple[str, ...]:
    """The names of all installed extensions, none of them imported."""
    return tuple(sorted({entry.name for entry in entry_points(group=EXTENSIONS)}))


def discover_extensions(used: Mapping[str, Origin], given: Mapping[str, Offered] | None = None) -> dict[str, Offered]:
    """Import the used extensions. Those in ``given`` are taken as they are.

    Raises ``PackageErrors`` for a name that nobody offers or two distributions offer, and for an entry point that can't
    be imported, is no extension, or has another name.
    """
    problems = Problems()
    found = dict(given or {})
    entries: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=EXTENSIONS):
        entries.setdefault(entry.name, []).append(entry)
    wanted = {name: origin for name, origin in used.items() if name not in found}
    for name, origin in wanted.items():
        _check_offers(name, origin, entries, found, problems)
    problems.check()
    for name, loaded in _load(wanted, entries, problems).items():
        _check_loaded(name, loaded, entries[name][0], problems)
        found[name] = Offered(loaded, distribution_of(entries[name][0]), _version(entries[name][0]))
    problems.check()
    return found


def _check_offers(
    name: str, origin: Origin, entries: Mapping[str, list[EntryPoint]], given: Iterable[str], problems: Problems
) -> None:
    offers = entries.get(name, [])
    if not offers:
        hint = one_of(name, {*entries, *given})
        problems.at(origin, f"uses extension {name!r}, which nobody offers; {hint}")
    # The same distribution may be listed twice, when a path is; that is one offer.
    sources = sorted({(distribution_of(entry), entry.value) for entry in offers})
    if len(sources) > 1:
        who = " and ".join(f"{distribution} ({value})" for distribution, value in sources)
        message = f"extension {name!r} is offered by {who}; uninstall or rename one"
        problems.add(f"entry points {EXTENSIONS}", 0, message)


def _load(names: Mapping[str, Origin], entries: Mapping[str, list[EntryPoint]], problems: Problems) -> dict[str, Any]:
    loaded: dict[str, Any] = {}
    for name, origin in names.items():
        found, error = _load_one(name)
        if error is not None:
            entry = entries[name][0]
            message = f"can't import {entry.value}: {type(error).__name__}: {error}; mend or uninstall it"
            problems.add(entry_name(entry), 0, message)
        elif not found:
            problems.at(origin, f"extension {name!r} was installed while this process ran; restart it")
        else:
            loaded[name] = found[0]
    return loaded


def _load_one(name: str) -> tuple[list[Any], BaseException | None]:
    errors: list[BaseException] = []

    def failed(_manager: object, _entry: object, error: BaseException) -> None:
        errors.append(error)

    try:
        manager: NamedExtensionManager[Any] = NamedExtensionManager(
            EXTENSIONS, [name], on_load_failure_callback=failed, on_missing_entrypoints_callback=None
        )
    except AssertionError as error:  # stevedore lets it through
        return [], error
    return [extension.plugin for extension in manager.extensions], errors[0] if errors else None


def _check_loaded(name: str, loaded: object, entry: EntryPoint, problems: Problems) -> None:
    spec = spec_of(loaded)
    if spec is None:
        problems.add(entry_name(entry), 0, f"{entry.value} is not a class with @extension; decorate it")
    elif spec.name != name:
        message = f"{entry.value} names itself {spec.name!r}; give both the same name"
        problems.add(entry_name(entry), 0, message)


def entry_name(entry: EntryPoint) -> str:
    """Name an entry point, for messages."""
    return f"distribution {distribution_of(entry)}, entry point {entry.name}"


def distribution_of(entry: EntryPoint) -> str:
    """Name who brings an entry point."""
    return _identity(entry.dist)[0] if entry.dist is not None else "unknown"


def _version(entry: EntryPoint) -> str:
    return _identity(entry.dist)[1] if entry.dist is not None else ""


@lru_cache(maxsize=256)
def _identity(distribution: Distribution) -> tuple[str, str]:
    """Name and version. Kept, because each look at either parses all of the distribution's metadata."""
    metadata = distribution.metadata
    return metadata["Name"], metadata["Version"]
