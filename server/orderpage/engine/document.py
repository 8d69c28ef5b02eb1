"""YAML with line numbers: plain values, and the line on which each of them was written.

YAML 1.2, strictly: ``NO`` is a text, ``16:00`` is a text, a date is a text; duplicate keys are refused. msgspec checks
the values later, and ``convert`` brings its errors back to the line.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from orderpage.engine.invalid import explain_invalid
from orderpage.engine.problems import PackageError

Path = tuple[Any, ...]
Value = TypeVar("Value")
_LARGEST = 2**63 - 1
_TAG = "tag:yaml.org,2002:"


class Document(msgspec.Struct, frozen=True):
    """One YAML document: its plain value, and the line of each path in it (of the key, in a mapping)."""

    file: str
    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path = ()) -> int:
        """The line of a path, or of what holds it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def at(self, path: Path) -> Any:
        """The value at a path."""
        value = self.value
        for step in path:
            value = value[step]
        return value

    def error(self, path: Path, message: str) -> PackageError:
        """A mistake at a path."""
        return PackageError(self.file, self.line(path), message)


def read_documents(file: str, text: str) -> Iterator[Document]:
    """The documents of a file, empty ones left out. Raises ``PackageError``."""
    yaml = YAML(typ="safe", pure=True)
    try:
        for node in yaml.compose_all(text):
            if node is not None and node.tag != f"{_TAG}null":
                lines: dict[Path, int] = {(): node.start_mark.line + 1}
                value = _Reader(file, lines).read(node, ())
                yield Document(file, value, lines)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"not YAML: {error.problem or error.context}; correct the syntax"
        raise PackageError(file, mark.line + 1 if mark else 1, message) from None
    except YAMLError as error:
        raise PackageError(file, 1, f"not YAML: {str(error).splitlines()[0]}; correct the file") from None


class _Reader:
    """Turns composed nodes into plain values, and notes lines."""

    def __init__(self, file: str, lines: dict[Path, int]) -> None:
        self._file = file
        self._lines = lines
        self._open: set[int] = set()

    def read(self, node: Node, path: Path) -> Any:
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise self._error(node, "an alias to what contains it; write the value out")
        self._open.add(id(node))
        value: Any = self._mapping(node, path) if isinstance(node, MappingNode) else self._sequence(node, path)
        self._open.discard(id(node))
        return value

    def _mapping(self, node: MappingNode, path: Path) -> dict[Any, Any]:
        self._plain(node, "map")
        value: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                raise self._error(key_node, "a key must be a text; write a plain key")
            key = self._scalar(key_node)
            if not isinstance(key, str):
                raise self._error(key_node, f"key {key_node.value!r} is not a text; quote it")
            below = (*path, key)
            if key in value:
                raise self._error(key_node, f"key {key!r} stands on line {self._lines[below]} already; keep one")
            self._lines[below] = key_node.start_mark.line + 1
            value[key] = self.read(value_node, below)
        return value

    def _sequence(self, node: Node, path: Path) -> list[Any]:
        self._plain(node, "seq")
        items = []
        for index, item in enumerate(node.value):
            below = (*path, index)
            self._lines[below] = item.start_mark.line + 1
            items.append(self.read(item, below))
        return items

    def _scalar(self, node: ScalarNode) -> Any:
        kind, text = str(node.tag).removeprefix(_TAG), node.value
        if kind in {"str", "timestamp"} and _is_unicode(text):
            return text
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in {"true", "false"}:
            return text.lower() == "true"
        if kind == "int":
            return self._number(node, _integer)
        if kind == "float":
            return self._number(node, float)
        raise self._error(node, f"{text!r} has no plain meaning in YAML 1.2; quote it if it is a text")

    def _number(self, node: ScalarNode, parse: Callable[[str], Any]) -> Any:
        text = node.value.replace("_", "")
        try:
            number = parse(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or abs(number) > _LARGEST:
            raise self._error(node, f"{node.value!r} is not a number of 64 bits; quote it if it is a text")
        return number

    def _plain(self, node: Node, kind: str) -> None:
        if node.tag != f"{_TAG}{kind}":
            raise self._error(node, f"tag {node.tag} is not supported; write plain YAML")

    def _error(self, node: Node, message: str) -> PackageError:
        return PackageError(self._file, node.start_mark.line + 1, message)


def _is_unicode(text: str) -> bool:
    # An escape can write half of a surrogate pair, which no encoding takes.
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _integer(text: str) -> int:
    # 012345 is decimal in YAML 1.2, and an error for int(text, 0).
    return int(text) if text.lstrip("+-").isdigit() else int(text, 0)


def convert(
    document: Document, path: Path, kind: type[Value], dec_hook: Callable[[type, Any], Any] | None = None
) -> Value:
    """The value at ``path`` as ``kind``. Raises ``PackageError`` at the line of what is wrong."""
    try:
        return msgspec.convert(document.at(path), kind, dec_hook=dec_hook, str_keys=True)
    except msgspec.ValidationError as error:
        below, message = explain_invalid(error, kind, document.at(path))
        full = (*path, *below)
        raise document.error(full, f"{dotted(full)}{message}") from None


def dotted(path: Path) -> str:
    """A path for people, ready to stand before a message; empty for the root."""
    if not path:
        return ""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") + ": "
