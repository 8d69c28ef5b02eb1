"""Client versions and comparisons with them, as flagd's ``sem_ver`` understands them.

A version is semantic (semver.org), with or without a leading ``v``; missing parts are zero: ``3.2`` is ``3.2.0``.
What is no such version counts as not told: no comparison holds for it.
"""

import re
from functools import cmp_to_key
from typing import Any

from openfeature.contrib.tools.flagd.core.targeting.custom_ops import normalize_version, sem_ver

UNTOLD = ""
"""The version of a client that tells none, or one that is not semantic."""

OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "~", "^")
"""``~`` is the same major and minor number, ``^`` the same major number."""

_RANKS = {"=": 0, "~": 1, "^": 2, "<": 3, "<=": 3, ">": 4, ">=": 4, "!=": 5}
_LAST = 6
_LONGEST = 64
_COMPARISON = re.compile(r"\s*(<=|>=|!=|[=<>~^])\s*([^\s=<>~^]+)\s*", re.ASCII)


def known_version(text: str) -> str:
    """The version as ``major.minor.patch…``, or ``UNTOLD`` where the text, which a client sent, is none."""
    if not text or len(text) > _LONGEST or not text.isascii():
        return UNTOLD
    try:
        return str(normalize_version(text))
    except ValueError:
        return UNTOLD


def read_comparison(text: str) -> str:
    """``"< v3.2"`` as ``"<3.2.0"``. Raises ``ValueError`` that says what to write instead."""
    match = _COMPARISON.fullmatch(text)
    version = known_version(match[2]) if match else UNTOLD
    if match is None or version == UNTOLD:
        raise ValueError(
            f"{text!r} compares with no version; write one of {' '.join(OPERATORS)} and a semantic version, "
            'such as "<3.2.0"'
        )
    return match[1] + version


def parts(comparison: str) -> tuple[str, str]:
    """``"<3.2.0"`` as operator and version, both empty where there is no comparison."""
    match = _COMPARISON.fullmatch(comparison)
    return (match[1], match[2]) if match else ("", "")


def matches(comparison: str, version: str) -> bool:
    """Whether it holds for a ``known_version``; an empty comparison holds for all, none for ``UNTOLD``."""
    if not comparison:
        return True
    return version != UNTOLD and sem_ver({}, version, *parts(comparison)) is True


def narrowness(comparison: str) -> tuple[Any, ...]:
    """Sorts comparisons so that of two which hold for one version the narrower comes first, and no comparison last."""
    operator, version = parts(comparison)
    if not operator:
        return (_LAST,)
    downwards = operator.startswith(">")

    def order(one: Any, other: Any) -> int:
        return int(other.compare(one) if downwards else one.compare(other))

    return _RANKS[operator], cmp_to_key(order)(normalize_version(version)), operator.endswith("=")
