"""The closed values: dimensions of a scenario, trial buckets, and the time zone of dates."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec

from orderpage.engine.document import Document, Path, convert, read_documents
from orderpage.engine.problems import PackageError, Problems, one_of

Name = Annotated[str, msgspec.Meta(min_length=1)]
_PARTS = 10_000


class SourceText(msgspec.Struct, frozen=True):
    """A YAML file: its name for messages, and its text."""

    file: str
    text: str


class Buckets(msgspec.Struct, frozen=True):
    """How buyers are divided for trials: ``parts`` of 10,000 by bucket name, hashed with ``salt``."""

    salt: str
    parts: Mapping[str, int]


class Scenarios(msgspec.Struct, frozen=True):
    """The closed values. Dimensions are most decisive first; dates in ``active`` are days of ``timezone`` (IANA)."""

    timezone: str
    dimensions: Mapping[str, tuple[str, ...]]
    buckets: Buckets | None = None


class _Scenarios(msgspec.Struct, forbid_unknown_fields=True):
    timezone: str
    dimensions: dict[str, Any]
    buckets: dict[str, Any] | None = None


def read_scenarios(sources: Sequence[SourceText]) -> Scenarios:
    """Read the one ``scenarios.yaml`` there must be. Raises ``PackageErrors``."""
    problems = Problems()
    if len(sources) != 1:
        found = " and ".join(source.file for source in sources) or "none"
        problems.add("scenarios.yaml", 0, f"one package must bring it, found {found}; keep exactly one")
    for source in sources[:1]:
        try:
            documents = list(read_documents(source.file, source.text))
            if len(documents) != 1:
                raise PackageError(source.file, 1, f"holds {len(documents)} documents; write exactly one")
            scenarios = _scenarios(documents[0])
        except PackageError as error:
            problems.add(error.file, error.line, error.message)
    problems.check()
    return scenarios


def _scenarios(document: Document) -> Scenarios:
    raw = convert(document, (), _Scenarios)
    zone(document, ("timezone",), raw.timezone)
    dimensions: dict[str, tuple[str, ...]] = {}
    for name in raw.dimensions:
        path = ("dimensions", name)
        values = convert(document, path, tuple[Name, ...])
        repeated = [value for value in values if values.count(value) > 1]
        if not values or repeated or "*" in values:
            what = f"repeats {repeated[0]!r}" if repeated else "has no values" if not values else "may not name '*'"
            raise document.error(path, f"dimension {name!r} {what}; list each value once")
        dimensions[name] = values
    if not dimensions:
        raise document.error(("dimensions",), "names no dimension; name at least one")
    return Scenarios(raw.timezone, dimensions, _buckets(document, raw.buckets, dimensions))


def _buckets(document: Document, raw: Any, dimensions: Mapping[str, tuple[str, ...]]) -> Buckets | None:
    if raw is None:
        return None
    if "salt" not in raw:
        raise document.error(("buckets",), "`salt` is missing; add it, so that trials divide buyers differently")
    salt = convert(document, ("buckets", "salt"), Name)
    parts = {name: convert(document, ("buckets", name), int) for name in raw if name != "salt"}
    for name in parts:
        if name not in dimensions.get("bucket", ()):
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
