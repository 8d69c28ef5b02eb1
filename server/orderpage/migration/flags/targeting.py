"""What a flag's targeting may be: ifs over the cell, the client's version and the bucket, each of which is understood.

Servers remember answers between the cut points of the bucket, so these must be known; and a flag that could answer
something else than a route, or change with the time of day, must be found before it is in force.
"""

from typing import Any

import msgspec

from orderpage.buckets import PARTS
from orderpage.engine.text import short
from orderpage.migration.flags.errors import FlagError
from orderpage.migration.flags.versions import OPERATORS, UNTOLD, known_version
from orderpage.migration.scope import Scope

_EQUAL = ("==", "===", "!=", "!==")
_ORDER = ("<", "<=", ">", ">=")
_LOGIC = ("and", "or", "!", "!!")
_TEXT = ("in", "starts_with", "ends_with")
_IFS = ("if", "?:")
_VERSION, _BUCKET = {"var": "version"}, {"var": "bucket"}
_DIMENSIONS = tuple({"var": name} for name in Scope._fields)


class Comparisons(msgspec.Struct, frozen=True):
    """What answers depend on besides the cell.

    ``cuts`` are buckets between which no answer changes, ascending; ``versions`` such as ``<3.2.0``. ``cells`` are
    cells that conditions name, as dimension and value, to try the flag with.
    """

    cuts: tuple[int, ...]
    versions: tuple[str, ...]
    cells: tuple[dict[str, str], ...]


def inspect_targeting(targeting: Any, variants: frozenset[str]) -> Comparisons:
    """What the targeting compares. Raises ``FlagError`` for anything else than is understood."""
    inspection = _Inspection(variants)
    inspection.answer(targeting)
    return Comparisons(tuple(sorted(inspection.cuts)), tuple(sorted(inspection.versions)), _different(inspection.cells))


class _Inspection:
    def __init__(self, variants: frozenset[str]) -> None:
        self._variants = variants
        self.cuts: set[int] = set()
        self.versions: set[str] = set()
        self.cells: list[dict[str, str]] = []

    def answer(self, node: Any) -> None:
        """A variant, null (the default variant), or an if that ends in those."""
        if node is None or (isinstance(node, str) and node in self._variants):
            return
        operator, arguments = _operation(node)
        if operator not in _IFS:
            known = ", ".join(sorted(self._variants))
            raise FlagError(f"targeting answers {short(node)}, which is no variant; answer one of {known}, or an if")
        for index, argument in enumerate(arguments):
            if index % 2 or index == len(arguments) - 1:
                self.answer(argument)
            else:
                self.cells.append({})
                self.condition(argument)

    def condition(self, node: Any) -> None:
        """True or false of a checkout."""
        if isinstance(node, bool):
            return
        operator, arguments = _operation(node)
        if operator in _LOGIC:
            for argument in arguments:
                self.condition(argument)
        elif operator == "sem_ver":
            self._version(node, arguments)
        elif _BUCKET in arguments:
            self._bucket(node, operator, arguments)
        elif operator in (*_EQUAL, *_TEXT):
            self._text(node, operator, arguments)
        else:
            raise FlagError(
                f"targeting asks {short(node)}; compare {', '.join(Scope._fields)} with ==, != or in, version with "
                "sem_ver, and bucket with <, joined by and, or, !"
            )

    def _version(self, node: Any, arguments: list[Any]) -> None:
        if len(arguments) == 3 and arguments[0] == _VERSION and arguments[1] in OPERATORS:
            version = known_version(str(arguments[2]))
            if version != UNTOLD:
                self.versions.add(f"{arguments[1]}{version}")
                return
        message = f'targeting asks {short(node)}; write {{"sem_ver": [{{"var": "version"}}, "<", "3.2.0"]}}'
        raise FlagError(f"{message}, with one of {' '.join(OPERATORS)} and a semantic version")

    def _bucket(self, node: Any, operator: str, arguments: list[Any]) -> None:
        numbers = [each for each in arguments if each != _BUCKET]
        if operator not in (*_ORDER, *_EQUAL) or len(arguments) != 2 or not all(map(_whole, numbers)):
            raise FlagError(
                f"targeting asks {short(node)}; bucket can only be compared with one whole number from 0 to {PARTS}, "
                'such as {"<": [{"var": "bucket"}, 2000]} for the first 20%'
            )
        for number in numbers:  # before and after it: whatever the operator, answers change nowhere else
            self.cuts.update((number, number + 1))

    def _text(self, node: Any, operator: str, arguments: list[Any]) -> None:
        if operator in _EQUAL and _VERSION in arguments and UNTOLD in arguments and len(arguments) == 2:
            return
        if len(arguments) != 2 or not all(map(_textual, arguments)):
            raise FlagError(
                f"targeting asks {short(node)}; compare {', '.join(Scope._fields)} with a text (in: with a list of "
                "texts), and version by sem_ver only"
            )
        if operator in ("==", "===") and self.cells:
            variable, value = arguments if isinstance(arguments[0], dict) else reversed(arguments)
            if isinstance(variable, dict) and isinstance(value, str):
                self.cells[-1][variable["var"]] = value


def _different(cells: list[dict[str, str]]) -> tuple[dict[str, str], ...]:
    return tuple(dict(each) for each in dict.fromkeys(tuple(cell.items()) for cell in cells))


def _operation(node: Any) -> tuple[str, list[Any]]:
    """Operator and arguments of JsonLogic; a single argument may stand without its list."""
    if not isinstance(node, dict) or len(node) != 1:
        return "", []
    ((operator, arguments),) = node.items()
    return operator, arguments if isinstance(arguments, list) else [arguments]


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= PARTS


def _textual(value: Any) -> bool:
    return (
        isinstance(value, str)
        or value in _DIMENSIONS
        or (isinstance(value, list) and all(isinstance(each, str) for each in value))
    )
