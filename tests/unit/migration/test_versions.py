"""Client versions: semantic ones are compared as flagd does, anything else is as if not told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.migration.flags.versions import OPERATORS, UNTOLD, known_version, matches, parts, read_comparison


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("3.2.0", "3.2.0"),
        ("v3.2", "3.2.0"),
        ("3", "3.0.0"),
        ("3.2-rc.1", "3.2.0-rc.1"),
    ],
)
def test_missing_parts_are_zero(text: str, known: str) -> None:
    assert known_version(text) == known


@pytest.mark.parametrize("text", ["", "three", "3.2.0.1", "03.2.0", " 3.2.0", "3.2.0\n", "٣.٢.٠", "1." + "9" * 5000])
def test_what_is_no_semantic_version_is_not_told(text: str) -> None:
    assert known_version(text) == UNTOLD


@given(st.text(max_size=30))
def test_any_text_is_a_version_or_none(text: str) -> None:
    known = known_version(text)
    assert known_version(known) == known


@pytest.mark.parametrize(
    ("comparison", "holds", "fails"),
    [
        ("=3.2.0", "3.2", "3.2.1"),
        ("!=3.2.0", "3.2.1", "3.2.0"),
        ("<3.2.0", "3.2.0-rc.1", "3.2.0"),
        ("<=3.2.0", "3.2.0", "3.2.1"),
        (">3.2.0", "3.10.0", "3.2.0"),
        (">=3.2.0", "3.2.0", "3.1.99"),
        ("~3.2.0", "3.2.9", "3.3.0"),
        ("^3.2.0", "3.0.0", "4.0.0"),
    ],
)
def test_each_operator(comparison: str, holds: str, fails: str) -> None:
    assert matches(comparison, known_version(holds))
    assert not matches(comparison, known_version(fails))
    assert not matches(comparison, UNTOLD)
    assert parts(comparison)[0] in OPERATORS


def test_no_comparison_holds_for_every_version() -> None:
    assert matches("", "1.0.0")
    assert matches("", UNTOLD)


def test_a_comparison_may_be_written_with_spaces_and_short() -> None:
    assert read_comparison(" < v3.2 ") == "<3.2.0"


@pytest.mark.parametrize("text", ["3.2.0", "==3.2.0", "<", "<three", "=>3.2.0", "<3.2.0 <4", "<3.2.0.1", ""])
def test_another_comparison_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r'such as "<3\.2\.0"'):
        read_comparison(text)
