"""The closed values: dimensions of a scenario, trial buckets, and the time zone of dates.

One package declares them; others may add values (``add: {site: [AU]}``), never a dimension.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec

from orderpage.engine.document import Document, Path, convert, read_documents
from orderpage.engine.problems import PackageError, Problems, one_of

Name = Annotated[str, msgspec.Meta(min_length=1)]
_PARTS = 10_000
_BUCKET = "bucket"


class SourceText(msgspec.Struct, frozen=True):
    """A YAML file: its name for messages, and its text."""

    file: str
    text: str


class Buckets(msgspec.Struct, frozen=True):
    """How buyers are divided for trials: ``parts`` of 10,000 by bucket name, hashed with ``salt``."""

    salt: str
    parts: Mapping[str, int]


class Scenarios(msgspec.Struct, frozen=True):
    """The closed values. Dimensions are most decisive first; dates in ``active`` are days of ``timezone`` (IANA).

    ``file`` declares them; others may have added values.
    """

    timezone: str
    dimensions: Mapping[str, tuple[str, ...]]
    buckets: Buckets | None = None
    file: str = ""


class _Scenarios(msgspec.Struct, forbid_unknown_fields=True):
    timezone: str
    dimensions: dict[str, Any]
    buckets: dict[str, Any] | None = None


class _Further(msgspec.Struct, forbid_unknown_fields=True):
    add: dict[str, Any]


def read_scenarios(sources: Sequence[SourceText]) -> Scenarios:
    """Read the one ``scenarios.yaml`` that declares the values, and those that only ``add`` to them.

    Raises ``PackageErrors``.
    """
    problems = Problems()
    documents = [document for source in sources if (document := _document(source, problems)) is not None]
    adding = [document for document in documents if _adds(document)]
    declaring = [document for document in documents if not _adds(document)]
    if len(declaring) != 1 and len(documents) == len(sources):
        found = " and ".join(document.file for document in declaring) or "none"
        message = f"one package must bring it, found {found}; keep exactly one, and write the others as `add: {{…}}`"
        problems.add("scenarios.yaml", 0, message)
    for document in declaring[:1]:
        try:
            scenarios = _scenarios(document)
            for further in adding:
                scenarios = _extended(scenarios, further, problems)
        except PackageError as error:
            problems.add(error.file, error.line, error.message)
    problems.check()
    return scenarios


def _document(source: SourceText, problems: Problems) -> Document | None:
    try:
        documents = list(read_documents(source.file, source.text))
        if len(documents) != 1:
            raise PackageError(source.file, 1, f"holds {len(documents)} documents; write exactly one")
    except PackageError as error:
        problems.add(error.file, error.line, error.message)
        return None
    return documents[0]


def _adds(document: Document) -> bool:
    return isinstance(document.value, dict) and "add" in document.value


def _scenarios(document: Document) -> Scenarios:
    raw = convert(document, (), _Scenarios)
    zone(document, ("timezone",), raw.timezone)
    dimensions = {name: _values(document, ("dimensions", name)) for name in raw.dimensions}
    if not dimensions:
        raise document.error(("dimensions",), "names no dimension; name at least one")
    return Scenarios(raw.timezone, dimensions, _buckets(document, raw.buckets, dimensions), document.file)


def _values(document: Document, path: Path) -> tuple[str, ...]:
    """The values of the dimension at ``path``, each listed once."""
    values = convert(document, path, tuple[Name, ...])
    repeated = [value for value in values if values.count(value) > 1]
    if not values or repeated or "*" in values:
        what = f"repeats {repeated[0]!r}" if repeated else "has no values" if not values else "may not name '*'"
        raise document.error(path, f"dimension {path[-1]!r} {what}; list each value once")
    return values


def _extended(scenarios: Scenarios, document: Document, problems: Problems) -> Scenarios:
    """With what the document adds. Mistakes go to ``problems``, and what is right is kept."""
    dimensions = dict(scenarios.dimensions)
    try:
        further = convert(document, (), _Further).add
        if not further:
            raise document.error(("add",), "adds nothing; name a dimension and its further values")
    except PackageError as error:
        problems.add(error.file, error.line, error.message)
        return scenarios
    for name in further:
        try:
            dimensions[name] = (*dimensions.get(name, ()), *_further(document, name, scenarios, dimensions))
        except PackageError as error:
            problems.add(error.file, error.line, error.message)
    return msgspec.structs.replace(scenarios, dimensions=dimensions)


def _further(
    document: Document, name: str, scenarios: Scenarios, dimensions: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    path = ("add", name)
    if name not in dimensions:
        hint = one_of(name, dimensions)
        raise document.error(path, f"unknown dimension {name!r}; {hint}")
    if name == _BUCKET and scenarios.buckets is not None:
        raise document.error(path, f"buckets are divided in {scenarios.file}; add one there, with its part")
    values = _values(document, path)
    for index, value in enumerate(values):
        if value in dimensions[name]:
            raise document.error((*path, index), f"{name} {value!r} is there already; leave it out")
    return values


def _buckets(document: Document, raw: Any, dimensions: Mapping[str, tuple[str, ...]]) -> Buckets | None:
    if raw is None:
        return None
    if "salt" not in raw:
        raise document.error(("buckets",), "`salt` is missing; add it, so that trials divide buyers differently")
    salt = convert(document, ("buckets", "salt"), Name)
    parts = {name: convert(document, ("buckets", name), int) for name in raw if name != "salt"}
    for name in parts:
        if name not in dimensions.get(_BUCKET, ()):
            raise document.error(
                ("buckets", name), f"unknown bucket {name!r}; {one_of(name, dimensions.get('bucket', ()))}"
            )
    if sum(parts.values()) != _PARTS or min(parts.values(), default=0) < 0:
        raise document.error(("buckets",), f"parts add up to {sum(parts.values())}; make them {_PARTS}")
    return Buckets(str(salt), parts)


def zone(document: Document, path: Path, name: str) -> ZoneInfo:
    """The time zone of that IANA name. Raises ``PackageError``."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        message = f"unknown time zone {name!r}; write an IANA name, such as Asia/Shanghai"
        raise document.error(path, message) from None
