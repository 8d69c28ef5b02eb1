"""The flag ``order-page`` in a file of flagd: written from rules, read back into them, checked before it is in force.

flagd evaluates it; its targeting compares the bucket that we compute (``bucket`` < a whole number), never flagd's own
``fractional``, whose hash moved buyers between versions of flagd.
"""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NoReturn

import msgspec
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.contrib.tools.flagd.core.model import FlagStore
from openfeature.evaluation_context import EvaluationContext

from orderpage.buckets import PARTS
from orderpage.migration.flags.errors import FlagError
from orderpage.migration.flags.rules import Route, Rule, Rules, Split
from orderpage.migration.flags.targeting import Comparisons, inspect_targeting
from orderpage.migration.flags.versions import UNTOLD, known_version, parts
from orderpage.migration.scope import Scope, TrafficCell

FLAG = "order-page"
_SCHEMA = "https://flagd.dev/schema/v0/flags.json"
_VARIANTS = {route.value: route.value for route in Route}
_PROBE = TrafficCell("*", "*", "*", "*")
"""A cell that no condition names."""

_WIDTH = 112
"""Columns of a line, before the name or comma beside it."""

_DEEPEST = 64
"""Levels of a document: each is several calls deep when flagd evaluates it, below whatever a server is doing."""

Json = dict[str, Any]


class HandWritten(FlagError):
    """A targeting that is not as ``to_flagd`` writes it: it is evaluated as it stands, but not edited by commands."""


class FlagFile(msgspec.Struct, frozen=True):
    """A document that can be in force. ``text`` is what flagd is given; do not change ``document``."""

    text: str
    document: Json
    targeting: Json
    comparisons: Comparisons


def to_flagd(rules: Rules, document: Mapping[str, Any] | None = None) -> Json:
    """A flagd document whose flag ``order-page`` says what the rules say; other flags of ``document`` stay."""
    written: Json = deepcopy(dict(document)) if document else {"$schema": _SCHEMA}
    flag = written.setdefault("flags", {}).setdefault(FLAG, {})
    flag |= {"state": "ENABLED", "variants": _VARIANTS, "defaultVariant": Route.LEGACY.value}
    flag["targeting"] = _targeting(rules)
    return written


def from_flagd(document: Mapping[str, Any]) -> Rules:
    """The rules that ``to_flagd`` wrote. Raises ``HandWritten`` for any other targeting."""
    flag = document.get("flags", {}).get(FLAG)
    if flag is None:
        return Rules()
    targeting = flag.get("targeting") or {}
    try:
        rules = _rules(targeting)
        same = _targeting(rules) == targeting and flag["defaultVariant"] == Route.LEGACY
    except (KeyError, ValueError, TypeError, IndexError, AttributeError):
        same = False
    if not same:
        raise HandWritten(
            f"the flag {FLAG} was written by hand: servers evaluate it as it stands, but commands cannot edit it. "
            "Edit it where it was written; or move the file away and begin a new one with the command"
        )
    return rules


def kill_first(document: Mapping[str, Any], scope: Scope) -> Json:
    """A hand-written document in which a scope is killed, whatever its targeting says."""
    written: Json = deepcopy(dict(document))
    flag = written["flags"][FLAG]
    flag["variants"] = {**flag["variants"], Route.KILLED.value: Route.KILLED.value}
    rule = Rule(scope, "", Split.whole(Route.KILLED))
    flag["targeting"] = {"if": [_condition(rule), Route.KILLED.value, flag.get("targeting") or None]}
    return written


def dump(document: Mapping[str, Any]) -> str:
    """As it stands in a file: for people too, so what fits in a line stands in one."""
    return f"{_dump(document, 0)}\n"


def _dump(value: Any, indent: int) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= _WIDTH or not isinstance(value, dict | list):
        return line
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        lines = [f"{json.dumps(name, ensure_ascii=False)}: {_dump(each, indent + 2)}" for name, each in value.items()]
    else:
        lines = [_dump(each, indent + 2) for each in value]
    inner = ",\n".join(f"{pad}{each}" for each in lines)
    start, end = "{}" if isinstance(value, dict) else "[]"
    return f"{start}\n{inner}\n{' ' * indent}{end}"


def validate(text: str) -> FlagFile:
    """A document that may be in force. Raises ``FlagError`` for one that is broken or would surprise."""
    document = _parse(text)
    store = FlagStore()
    try:
        store.update(deepcopy(document))
    except Exception as error:  # flagd does not say all that it may raise
        raise FlagError(f"flagd cannot read it: {str(error) or 'the flags are malformed'}") from None
    flag = store.get_flag(FLAG)
    if flag is None:
        raise FlagError(f"there is no flag {FLAG!r} under \"flags\"; 'orderpage traffic set' writes it")
    if flag.state != "ENABLED":
        raise FlagError(f'the flag {FLAG} is {flag.state}; write "state": "ENABLED", and targeting for who gets what')
    for name, value in flag.variants.items():
        if value != name or value not in _VARIANTS:
            raise FlagError(
                f"variant {name!r} is {value!r}; each of {', '.join(_VARIANTS)} means itself, no other is known"
            )
    if flag.default_variant not in flag.variants:
        raise FlagError(f'"defaultVariant" is {flag.default_variant!r}; write one of {", ".join(flag.variants)}')
    targeting = flag.targeting or {}
    comparisons = inspect_targeting(targeting, frozenset(flag.variants)) if targeting else Comparisons((), (), ())
    checked = FlagFile(text, document, targeting, comparisons)
    _probe(checked)
    return checked


def evaluator(file: FlagFile) -> Callable[[TrafficCell, str, int], Route]:
    """How flagd evaluates a document: from cell, client version and bucket to a route. Raises ``FlagError``."""
    core = FlagdCore()
    core.set_flags(file.text)

    def evaluate(cell: TrafficCell, version: str, bucket: int) -> Route:
        try:
            return Route(core.resolve_string_value(FLAG, "", context(cell, version, bucket)).value)
        except Exception as error:  # nor of what evaluating may
            raise FlagError(f"targeting fails for {cell}, version {version!r}, bucket {bucket}: {error}") from None

    return evaluate


def context(cell: TrafficCell, version: str, bucket: int) -> EvaluationContext:
    """What targeting can compare. A version that is not semantic is empty."""
    return EvaluationContext(attributes={**cell._asdict(), "version": known_version(version), "bucket": bucket})


def _parse(text: str) -> Json:
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
        _check_depth(document)
    except RecursionError:
        raise FlagError(f"it is nested too deeply; keep it to {_DEEPEST} levels") from None
    except FlagError:
        raise
    except json.JSONDecodeError as error:
        raise FlagError(f"it is no JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except ValueError as error:  # a number of thousands of digits
        raise FlagError(f"it is no JSON that can be read: {error}") from None
    if not isinstance(document, dict):
        raise FlagError('it is no JSON object; a file of flagd begins with {"flags": {')
    return document


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(_DEEPEST):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [value for values in inner for value in values]
    if level:
        raise RecursionError


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise FlagError(f"{name!r} stands twice in one object, and only the last would count; keep one")
    return dict(pairs)


def _no_number(name: str) -> NoReturn:
    raise FlagError(f"{name} is no number of JSON")


def _probe(file: FlagFile) -> None:
    """Evaluate it as servers will: at every cut and version, and in every cell that it names."""
    evaluate = evaluator(file)
    comparisons = file.comparisons
    versions = (UNTOLD, *(parts(each)[1] for each in comparisons.versions))
    for named in ({}, *comparisons.cells):
        cell = _PROBE._replace(**named)
        for bucket in (0, *comparisons.cuts):
            evaluate(cell, UNTOLD, min(bucket, PARTS - 1))
        for version in versions:
            evaluate(cell, version, 0)


def _targeting(rules: Rules) -> Json:
    chain: list[Any] = []
    for rule in rules.rules:
        chain += [_condition(rule), _answer(rule.split)]
    return {"if": [*chain, Route.LEGACY.value]} if chain else {}


def _condition(rule: Rule) -> Any:
    terms: list[Any] = [
        {"==": [{"var": name}, value]}
        for name, value, named in zip(Scope._fields, rule.scope, rule.scope.specificity, strict=True)
        if named
    ]
    if rule.versions:  # sem_ver logs an error for a version that is none, and any client can send one
        known = {"!=": [{"var": "version"}, UNTOLD]}
        terms += [known, {"sem_ver": [{"var": "version"}, *parts(rule.versions)]}]
    return {"and": terms} if terms else True


def _answer(split: Split) -> Any:
    *first, (last, _) = split.ends
    chain: list[Any] = []
    for route, end in first:
        chain += [{"<": [{"var": "bucket"}, end]}, route.value]
    return {"if": [*chain, last.value]} if chain else last.value


def _rules(targeting: Mapping[str, Any]) -> Rules:
    chain = targeting.get("if", [Route.LEGACY.value])
    return Rules.of(
        Rule(*_covered(condition), _split(answer)) for condition, answer in zip(chain[:-1:2], chain[1::2], strict=True)
    )


def _covered(condition: Any) -> tuple[Scope, str]:
    named: dict[str, str] = {}
    versions = ""
    for term in condition["and"] if condition is not True else []:
        if "==" in term:
            named[term["=="][0]["var"]] = term["=="][1]
        elif "sem_ver" in term:
            versions = "".join(term["sem_ver"][1:])
    return Scope(**named), versions


def _split(answer: Any) -> Split:
    if isinstance(answer, str):
        return Split.whole(Route(answer))
    *chain, last = answer["if"]
    ends = [(Route(route), condition["<"][1]) for condition, route in zip(chain[::2], chain[1::2], strict=True)]
    read = Split((*ends, (Route(last), PARTS)))
    if Split.of(**{route.value: read.share(route) for route, _ in read.ends}) != read:
        raise ValueError("the shares are not as they are written here: new, shadow, legacy, each once and not empty")
    return read
