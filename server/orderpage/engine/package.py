"""Reads the layers that packages bring as YAML. Every edit knows its file and line."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from orderpage.engine.document import Document, Path, convert, read_documents
from orderpage.engine.layer import Action, Edit, Layer, Window
from orderpage.engine.plan import Origin
from orderpage.engine.point import Point
from orderpage.engine.problems import PackageError, Problems, one_of
from orderpage.engine.scenarios import Name, Scenarios, SourceText, read_scenarios

Value = TypeVar("Value")
_HEAD = ("package", "when", "active", "last", "profile")


class PackageFiles(msgspec.Struct, frozen=True):
    """What was found: the files of closed values (one declares them, others may add some), and of layers."""

    scenarios: tuple[SourceText, ...]
    layers: tuple[SourceText, ...]


class PackageSet(msgspec.Struct, frozen=True):
    """All that the packages say."""

    scenarios: Scenarios
    layers: tuple[Layer, ...]


class _Active(msgspec.Struct, forbid_unknown_fields=True):
    start: str | None = msgspec.field(name="from", default=None)
    end: str | None = msgspec.field(name="to", default=None)


class _Use(msgspec.Struct, forbid_unknown_fields=True):
    use: Name
    name: Name | None = msgspec.field(name="as", default=None)
    settings: dict[str, Any] = {}
    weight: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _Edits(msgspec.Struct, forbid_unknown_fields=True):
    add: list[Any] = []
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    set: dict[str, Any] = {}
    replace: dict[str, Any] = {}
    remove: list[Name] = []


def read_packages(files: PackageFiles, points: Sequence[Point[Any, Any]]) -> PackageSet:
    """Read all files. Raises ``PackageErrors`` with every mistake found."""
    scenarios = read_scenarios(files.scenarios)
    problems = Problems()
    reader = _LayerReader(scenarios, {point.name for point in points}, problems)
    layers: list[Layer] = []
    for source in files.layers:
        try:
            layers += [reader.read(document) for document in read_documents(source.file, source.text)]
        except PackageError as error:
            problems.add(error.file, error.line, error.message)
    problems.check()
    return PackageSet(scenarios, tuple(layers))


class _LayerReader:
    """Reads one document at a time; mistakes go to ``problems``, and what is right is kept."""

    def __init__(self, scenarios: Scenarios, points: Collection[str], problems: Problems) -> None:
        self._dimensions = scenarios.dimensions
        self._zone = ZoneInfo(scenarios.timezone)
        self._points = points
        self._problems = problems

    def read(self, document: Document) -> Layer:
        value = document.value
        if not isinstance(value, dict) or "package" not in value:
            raise document.error((), "a layer begins with `package: its-unique-name`; add it")
        package = convert(document, ("package",), Name)
        edits: list[Edit] = []
        for key in value:
            if key in self._points:
                edits += _PointReader(document, package, key, self._problems).read()
            elif key not in _HEAD:
                hint = one_of(str(key), [*self._points, *_HEAD])
                self._note(document.error((key,), f"{key!r} is neither a point nor a key of a layer; {hint}"))
        profile, sources = self._profile(document, package)
        origin = Origin(package, document.file, document.line(("package",)))
        return Layer(
            package=package,
            origin=origin,
            when=self._when(document),
            window=self._window(document),
            last=self._last(document),
            profile=profile,
            profile_sources=sources,
            edits=tuple(edits),
        )

    def _note(self, error: PackageError) -> None:
        self._problems.add(error.file, error.line, error.message)

    def _when(self, document: Document) -> dict[str, str]:
        if "when" not in document.value:
            return {}
        try:
            raw = {
                dimension: self._one_value(document, dimension)
                for dimension in convert(document, ("when",), dict[str, Any])
            }
        except PackageError as error:
            self._note(error)
            return {}
        for dimension, value in raw.items():
            known = self._dimensions.get(dimension)
            if known is None:
                message = f"unknown dimension {dimension!r}; {one_of(dimension, self._dimensions)}"
                self._note(document.error(("when", dimension), message))
            elif value != "*" and value not in known:
                message = f"unknown {dimension} {value!r}; {one_of(value, known)}"
                self._note(document.error(("when", dimension), message))
        return {dimension: value for dimension, value in raw.items() if value != "*"}

    @staticmethod
    def _one_value(document: Document, dimension: str) -> str:
        path = ("when", dimension)
        if isinstance(document.at(path), list):
            raise document.error(path, f"when.{dimension}: one value is wanted; write a layer for each of several")
        return convert(document, path, str)

    def _window(self, document: Document) -> Window:
        if "active" not in document.value:
            return Window()
        try:
            raw = convert(document, ("active",), _Active)
            start = self._instant(document, "from", raw.start)
            end = self._instant(document, "to", raw.end)
            if start and end and start >= end:
                raise document.error(("active", "to"), "`to` is not after `from`; correct one of them")
        except PackageError as error:
            self._note(error)
            return Window()
        return Window(start, end)

    def _last(self, document: Document) -> bool:
        if "last" not in document.value:
            return False
        try:
            return convert(document, ("last",), bool)
        except PackageError as error:
            self._note(error)
            return False

    def _instant(self, document: Document, key: str, text: str | None) -> datetime | None:
        if text is None:
            return None
        try:
            if "T" not in text.upper() and " " not in text:
                day = date.fromisoformat(text) + timedelta(days=key == "to")
                return datetime.combine(day, time(), self._zone)
            at = datetime.fromisoformat(text.upper())
            if at.tzinfo is None:
                raise ValueError("no offset")
        except (ValueError, OverflowError):
            message = (
                f"bad date {text!r}; write 2026-11-01, or an instant with offset such as 2026-11-01T10:00:00+08:00"
            )
            raise document.error(("active", key), message) from None
        return at

    def _profile(self, document: Document, package: str) -> tuple[dict[str, Any], dict[Path, Origin]]:
        if "profile" not in document.value:
            return {}, {}
        try:
            profile = convert(document, ("profile",), dict[str, Any])
        except PackageError as error:
            self._note(error)
            return {}, {}
        return profile, _sources(document, package, ("profile",))


class _PointReader:
    """Reads what one layer says of one point."""

    def __init__(self, document: Document, package: str, point: str, problems: Problems) -> None:
        self._document = document
        self._package = package
        self._point = point
        self._problems = problems

    def read(self) -> list[Edit]:
        raw = self._convert((), _Edits)
        if raw is None:
            return []
        edits = self._uses("add", ("add",)) if raw.add else []
        actions: tuple[Action, Action] = ("before", "after")
        for action in actions:
            for anchor in getattr(raw, action):
                edits += self._uses(action, (action, anchor), anchor)
        edits += [edit for slot in raw.set for edit in self._set(slot)]
        edits += [edit for slot in raw.replace for edit in self._use("replace", ("replace", slot))]
        for index, slot in enumerate(raw.remove):
            edits.append(Edit("remove", self._point, slot, self._origin(("remove", index))))
        return edits

    def _convert(self, path: Path, kind: type[Value]) -> Value | None:
        try:
            return convert(self._document, (self._point, *path), kind)
        except PackageError as error:
            self._problems.add(error.file, error.line, error.message)
            return None

    def _origin(self, path: Path) -> Origin:
        return Origin(self._package, self._document.file, self._document.line((self._point, *path)))

    def _uses(self, action: Action, path: Path, anchor: str = "") -> list[Edit]:
        items = self._convert(path, list[Any]) or []
        return [edit for index in range(len(items)) for edit in self._use(action, (*path, index), anchor)]

    def _use(self, action: Action, path: Path, anchor: str = "") -> list[Edit]:
        raw = self._convert(path, _Use)
        if raw is None:
            return []
        origin = self._origin(path)
        slot = raw.name or raw.use
        if action == "replace":
            slot = path[-1]
            if raw.name is not None:
                self._problems.at(origin, "a replaced slot keeps its name; leave `as` out")
        sources = _sources(self._document, self._package, (self._point, *path, "settings"))
        return [Edit(action, self._point, slot, origin, raw.use, raw.settings, sources, raw.weight, anchor)]

    def _set(self, slot: str) -> list[Edit]:
        path = ("set", slot)
        settings = self._convert(path, dict[str, Any])
        if settings is None:
            return []
        sources = _sources(self._document, self._package, (self._point, *path))
        return [Edit("set", self._point, slot, self._origin(path), settings=settings, sources=sources)]


def _sources(document: Document, package: str, root: Path) -> dict[Path, Origin]:
    depth = len(root)
    return {
        path[depth:]: Origin(package, document.file, line)
        for path, line in document.lines.items()
        if path[:depth] == root and len(path) > depth
    }
