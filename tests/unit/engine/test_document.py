from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Literal

import msgspec
import pytest

from orderpage.engine.document import Document, convert, read_documents
from orderpage.engine.problems import PackageError


def read(text: str) -> Document:
    (document,) = read_documents("f.yaml", text)
    return document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("16:00", "16:00"),
        ("2026-11-01", "2026-11-01"),
        ("2026-11-01T10:00:00+08:00", "2026-11-01T10:00:00+08:00"),
        ("012345", 12345),
        ("0o14", 12),
        ("0x1F", 31),
        ("-7", -7),
        ("1.5", 1.5),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ('"9.00"', "9.00"),
        ("'012345'", "012345"),
    ],
)
def test_scalars_are_those_of_yaml_1_2_and_dates_stay_texts(text: str, value: Any) -> None:
    found = read(f"key: {text}").value["key"]
    assert found == value
    assert type(found) is type(value)


def test_every_path_knows_its_line() -> None:
    document = read("a:\n  - b: 1\n    c:\n      d: 2\n  - 3\n")
    assert document.value == {"a": [{"b": 1, "c": {"d": 2}}, 3]}
    assert document.line(("a", 0, "c", "d")) == 4
    assert document.line(("a", 1)) == 5
    assert document.line(("a", 0, "missing", "far")) == 2


def test_documents_of_a_file_keep_their_lines_and_empty_ones_are_left_out() -> None:
    documents = list(read_documents("f.yaml", "# a comment\n---\na: 1\n---\n---\nb: 2\n"))
    assert [(document.value, document.line()) for document in documents] == [({"a": 1}, 3), ({"b": 2}, 6)]
    assert list(read_documents("f.yaml", "# nothing\n")) == []


def test_an_alias_may_repeat_a_value() -> None:
    assert read("a: &x [1]\nb: *x\n").value == {"a": [1], "b": [1]}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' stands on line 1 already; keep one"),
        ("a: [1\nb: 2\n", 2, "not YAML"),
        ("a: 1\n b: 2\n", 2, "not YAML"),
        ("a: !python/object x\n", 1, "quote it"),
        ("a: !mine {b: 1}\n", 1, "tag !mine is not supported"),
        ("a: 1\n<<: {b: 1}\n", 2, "no plain meaning"),
        ("a: .nan\n", 1, "not a number of 64 bits"),
        ("a: 99999999999999999999\n", 1, "not a number of 64 bits"),
        ("852: a\n", 1, "key '852' is not a text; quote it"),
        ('a: "\\ud800"\n', 1, "no plain meaning"),
        ("a: .inf\n", 1, "not a number of 64 bits"),
        ("? [a]\n: 1\n", 1, "a key must be a text"),
        ("a: &x\n  b: *x\n", 1, "alias to what contains it"),
        ("%YAML 1.1\n---\na: NO\n", 3, "quote it"),
        ("a: \x00\n", 1, "not YAML"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(PackageError, match=f"^f.yaml:{line}: .*{message}"):
        list(read_documents("f.yaml", text))


class Side(StrEnum):
    LEFT = "LEFT"
    RIGHT = "RIGHT"


class MisplacedError(ValueError):
    where = ("sizes", 1)


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    sizes: list[int] = []
    table: dict[str, int] = {}
    side: Side | None = None
    sides: frozenset[Side] = frozenset()
    by_side: Mapping[Side, int] = {}
    way: Literal["up"] = "up"
    since: date | None = None
    days: dict[str, tuple[date, ...]] = {}
    more: "dict[str, Inner]" = {}

    def __post_init__(self) -> None:
        if self.name == "misplaced":
            raise MisplacedError("the second size is wrong; remove it")


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    inner: Inner


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("inner:\n  name: 1\n", "f.yaml:2: inner.name: expected `str`, got `int`; quote the value"),
        ("inner:\n  sizes: []\n", "f.yaml:1: inner: object missing required field `name`; add it"),
        ("inner:\n  name: a\n  tabel: 1\n", "f.yaml:3: inner.tabel: unknown key 'tabel'; did you mean table?"),
        ("inner: {name: a}\niner: 1\n", "f.yaml:2: iner: unknown key 'iner'; did you mean inner?"),
        (
            "inner:\n  name: a\n  sizes:\n    - 1\n    - x\n",
            "f.yaml:5: inner.sizes[1]: expected `int`, got `str`; correct the value",
        ),
        (
            "inner:\n  name: a\n  table:\n    k: x\n",
            "f.yaml:3: inner.table: expected `int`, got `str`; correct the value",
        ),
        ("- 1\n", "f.yaml:1: expected `object`, got `array`; correct the value"),
        ("inner:\n  name: [a]\n", "f.yaml:2: inner.name: expected `str`, got `array`; write one text"),
        (
            "inner:\n  name: a\n  side: UP\n",
            "f.yaml:3: inner.side: invalid enum value 'UP'; write one of LEFT, RIGHT",
        ),
        (
            "inner:\n  name: a\n  sides:\n    - LEFT\n    - UP\n",
            "f.yaml:5: inner.sides[1]: invalid enum value 'UP'; write one of LEFT, RIGHT",
        ),
        (
            "inner:\n  name: a\n  by_side: {UP: 1}\n",
            "f.yaml:3: inner.by_side: invalid enum value 'UP'; write one of LEFT, RIGHT",
        ),
        (
            "inner:\n  name: a\n  more:\n    k: {name: a, side: UP}\n",
            "f.yaml:3: inner.more: invalid enum value 'UP'; write one of LEFT, RIGHT",
        ),
        ("inner:\n  name: a\n  way: down\n", "f.yaml:3: inner.way: invalid enum value 'down'; write up"),
        (
            "inner:\n  name: a\n  since: 2026-13-01\n",
            "f.yaml:3: inner.since: invalid RFC3339 encoded date '2026-13-01'; write it as 2026-11-30",
        ),
        (
            "inner:\n  name: a\n  days: {k: [soon]}\n",
            "f.yaml:3: inner.days: invalid RFC3339 encoded date; write it as 2026-11-30",
        ),
        (
            "inner:\n  name: misplaced\n  sizes:\n    - 1\n    - 2\n",
            "f.yaml:5: inner.sizes[1]: the second size is wrong; remove it",
        ),
    ],
)
def test_what_msgspec_refuses_is_brought_back_to_its_line(text: str, error: str) -> None:
    with pytest.raises(PackageError) as caught:
        convert(read(text), (), Outer)
    assert str(caught.value) == error
