"""As much of PromQL as the alerts use, over series of which each has a value now and a rate that never changed."""

import math
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import promql_parser

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]


class Now(NamedTuple):
    """What a series is: a gauge's ``value``, or a counter's growth ``per_second``."""

    value: float = 0.0
    per_second: float = 0.0


Series = Mapping[tuple[str, Labels], Now]


def labelled(**labels: str) -> Labels:
    return frozenset(labels.items())


def fires(query: str, series: Series) -> Vector:
    """What an alert's expression gives; nothing where it is silent."""
    found = _vector(promql_parser.parse(query), series)
    assert isinstance(found, dict)
    return found


def _vector(expr: promql_parser.Expr, series: Series) -> Vector | float:
    match expr:
        case promql_parser.NumberLiteral():
            return expr.val
        case promql_parser.ParenExpr():
            return _vector(expr.expr, series)
        case promql_parser.VectorSelector():
            return {labels: now.value for labels, now in _selected(expr, series).items()}
        case promql_parser.Call():
            return _call(expr, series)
        case promql_parser.AggregateExpr():
            return _aggregated(expr, series)
        case promql_parser.BinaryExpr():
            return _combined(str(expr.op), _vector(expr.lhs, series), _vector(expr.rhs, series))
    raise NotImplementedError(type(expr))


def _selected(selector: promql_parser.VectorSelector, series: Series) -> dict[Labels, Now]:
    return {
        labels: now
        for (name, labels), now in series.items()
        if name == selector.name and all(_matches(each, dict(labels)) for each in selector.matchers.matchers)
    }


def _matches(matcher: promql_parser.Matcher, labels: Mapping[str, str]) -> bool:
    value, op = labels.get(matcher.name, ""), str(matcher.op)
    equal = value == matcher.value if op in {"MatchOp.Equal", "MatchOp.NotEqual"} else None
    same = bool(re.fullmatch(matcher.value, value)) if equal is None else equal
    return same == (op in {"MatchOp.Equal", "MatchOp.Re"})


def _call(call: promql_parser.Call, series: Series) -> Vector:
    (given,) = call.args
    assert isinstance(given, promql_parser.MatrixSelector)
    seconds = {"rate": 1.0, "increase": given.range.total_seconds()}[call.func.name]
    return {labels: now.per_second * seconds for labels, now in _selected(given.vector_selector, series).items()}


def _aggregated(expr: promql_parser.AggregateExpr, series: Series) -> Vector:
    within = _vector(expr.expr, series)
    assert isinstance(within, dict)
    by = set(expr.modifier.labels if expr.modifier else ())
    groups: dict[Labels, list[float]] = {}
    for labels, value in within.items():
        groups.setdefault(frozenset(each for each in labels if each[0] in by), []).append(value)
    put_together: dict[str, Callable[[list[float]], float]] = {"sum": sum, "max": max, "min": min, "count": len}
    return {labels: put_together[str(expr.op)](values) for labels, values in groups.items()}


def _combined(op: str, left: Vector | float, right: Vector | float) -> Vector | float:
    if op == "*" and not isinstance(left, dict) and not isinstance(right, dict):
        return left * right
    assert isinstance(left, dict), "only a vector is compared or divided here"
    if op == "and":
        assert isinstance(right, dict)
        return {labels: value for labels, value in left.items() if labels in right}
    if op == "or":
        assert isinstance(right, dict)
        return {**right, **left}
    others = right if isinstance(right, dict) else dict.fromkeys(left, right)
    pairs = {labels: (value, others[labels]) for labels, value in left.items() if labels in others}
    if op == "/":
        return {labels: one / other if other else math.nan for labels, (one, other) in pairs.items()}
    compared = {">": float.__gt__, "<": float.__lt__, ">=": float.__ge__, "==": float.__eq__}[op]
    return {labels: one for labels, (one, other) in pairs.items() if compared(float(one), float(other))}
