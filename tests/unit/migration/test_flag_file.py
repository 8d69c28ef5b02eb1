"""The flag in flagd's format: flagd evaluates what the rules say, and nothing that would surprise is in force."""

import json
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.buckets import PARTS
from orderpage.migration.flags.errors import FlagError
from orderpage.migration.flags.file import (
    FLAG,
    HandWritten,
    dump,
    evaluator,
    from_flagd,
    kill_first,
    to_flagd,
    validate,
)
from orderpage.migration.flags.rules import Route, Rule, Rules, Split
from orderpage.migration.flags.versions import known_version, matches
from orderpage.migration.scope import ANY, Scope, TrafficCell

SITES, CLIENTS = ("HK", "SG", "TW"), ("h5", "native")
H5 = TrafficCell("SG", "marketplace", "h5", "everyone")

scopes = st.builds(
    Scope,
    st.sampled_from((ANY, *SITES)),
    st.sampled_from((ANY, "marketplace")),
    st.sampled_from((ANY, *CLIENTS)),
    st.sampled_from((ANY, "member")),
)
cells = st.builds(
    TrafficCell,
    st.sampled_from(SITES),
    st.sampled_from(("marketplace", "saas")),
    st.sampled_from(CLIENTS),
    st.sampled_from(("everyone", "member")),
)
versions = st.sampled_from(("", "<3.2.0", ">=3.2.0", "=3.2.0", "~3.1.0", "^2.0.0", "!=3.0.0", "<=2.0.0-rc.1"))
told = st.sampled_from(("", "three", "v3.2", "3.1.9", "3.2.0", "2.0.0", "2.0.0-rc.1", "4"))


@st.composite
def _splits(draw: st.DrawFn) -> Split:
    if draw(st.booleans()):
        return Split.whole(draw(st.sampled_from(Route)))
    new = draw(st.integers(0, PARTS))
    shadow = draw(st.integers(0, PARTS - new))
    return Split.of(new=new, shadow=shadow, legacy=PARTS - new - shadow)


rule_sets = st.lists(st.builds(Rule, scopes, versions, _splits()), max_size=6).map(Rules.of)


@given(rules=rule_sets, cell=cells, version=told, bucket=st.integers(0, PARTS - 1))
def test_flagd_evaluates_what_the_rules_say(rules: Rules, cell: TrafficCell, version: str, bucket: int) -> None:
    evaluate = evaluator(validate(dump(to_flagd(rules))))
    assert evaluate(cell, version, bucket) is rules.route(cell, version, bucket)


@given(rules=rule_sets)
def test_what_is_written_reads_back(rules: Rules) -> None:
    document = json.loads(dump(to_flagd(rules)))
    assert from_flagd(document) == rules
    assert document == to_flagd(rules)


@given(rules=rule_sets, cell=cells, version=told, bucket=st.integers(0, PARTS - 1))
def test_answers_change_at_the_cuts_only(rules: Rules, cell: TrafficCell, version: str, bucket: int) -> None:
    file = validate(dump(to_flagd(rules)))
    start = max((cut for cut in file.comparisons.cuts if cut <= bucket), default=0)
    evaluate = evaluator(file)
    assert evaluate(cell, version, start) is evaluate(cell, version, bucket)


def test_other_flags_of_the_file_stay() -> None:
    other = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}
    document = {"flags": {"banner": other}, "metadata": {"owner": "checkout"}}
    written = to_flagd(Rules(), document)
    assert written["flags"]["banner"] == other
    assert written["metadata"] == {"owner": "checkout"}
    assert from_flagd(document) == Rules()
    validate(dump(written))


def hand_written(targeting: Any, **fields: Any) -> dict[str, Any]:
    document = to_flagd(Rules())
    document["flags"][FLAG] |= {"targeting": targeting, **fields}
    return document


IN_SITES = {"if": [{"in": [{"var": "site"}, ["HK", "SG"]]}, "shadow", None]}


def test_targeting_written_by_hand_is_evaluated_and_not_edited() -> None:
    document = hand_written(IN_SITES)
    evaluate = evaluator(validate(dump(document)))
    assert evaluate(H5, "", 0) is Route.SHADOW
    assert evaluate(H5._replace(site="TW"), "", 0) is Route.LEGACY
    with pytest.raises(HandWritten, match="was written by hand"):
        from_flagd(document)


def test_another_default_than_legacy_is_written_by_hand() -> None:
    document = hand_written({}, defaultVariant="shadow")
    assert evaluator(validate(dump(document)))(H5, "", 0) is Route.SHADOW
    with pytest.raises(HandWritten):
        from_flagd(document)


def test_what_was_written_by_hand_can_be_killed() -> None:
    document = kill_first(hand_written(IN_SITES), Scope("SG"))
    evaluate = evaluator(validate(dump(document)))
    assert [evaluate(H5._replace(site=site), "", 0) for site in ("SG", "HK", "TW")] == [
        Route.KILLED,
        Route.SHADOW,
        Route.LEGACY,
    ]


def test_shared_conditions_of_flagd_are_followed() -> None:
    document = hand_written({"if": [{"$ref": "asia"}, "shadow"]})
    document["$evaluators"] = {"asia": {"<": [{"var": "bucket"}, 2000]}}
    file = validate(dump(document))
    assert 2000 in file.comparisons.cuts
    assert evaluator(file)(H5, "", 1999) is Route.SHADOW


BUCKET = {"var": "bucket"}
VERSION = {"var": "version"}


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        ({"fractional": [["new", 50], ["legacy", 50]]}, "asks"),
        ({"<": [BUCKET, 2000.5]}, "one whole number"),
        ({"<": [BUCKET, "2000"]}, "one whole number"),
        ({"<": [BUCKET, 10_001]}, "one whole number"),
        ({"<": [BUCKET, True]}, "one whole number"),
        ({"<": [1000, BUCKET, 2000]}, "one whole number"),
        ({"<": [{"%": [BUCKET, 10]}, 5]}, "asks"),
        ({"in": [BUCKET, [1, 2]]}, "one whole number"),
        ({"and": [BUCKET]}, "asks"),
        ({"==": [{"var": "sites"}, "SG"]}, "compare site"),
        ({"==": [{"var": ""}, "SG"]}, "compare site"),
        ({"==": [{"var": "site"}, 1]}, "compare site"),
        ({"==": [VERSION, "3.2.0"]}, "sem_ver"),
        ({"<": [VERSION, "3.2.0"]}, "sem_ver"),
        ({"sem_ver": [VERSION, "<", "three"]}, "semantic version"),
        ({"sem_ver": [VERSION, "==", "3.2.0"]}, "semantic version"),
        ({"sem_ver": [{"var": "site"}, "<", "3.2.0"]}, "semantic version"),
        ({"<": [{"var": "$flagd.timestamp"}, 1_800_000_000]}, "asks"),
        ("yes", "asks"),
        (None, "asks"),
    ],
)
def test_a_condition_that_would_surprise_is_refused(condition: Any, what: str) -> None:
    with pytest.raises(FlagError, match=what):
        validate(dump(hand_written({"if": [condition, "new", "legacy"]})))


@pytest.mark.parametrize(
    "targeting",
    [
        {"fractional": [["new", 50], ["legacy", 50]]},
        {"if": [True, "nwe"]},
        {"if": [True, {"if": [False, "new", "off"]}]},
        {"if": [True, True]},
        {"and": [True, "new"]},
    ],
)
def test_an_answer_that_is_no_variant_is_refused(targeting: Any) -> None:
    with pytest.raises(FlagError, match="which is no variant"):
        validate(dump(hand_written(targeting)))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"state": "DISABLED"}, "is DISABLED"),
        ({"state": "on"}, "flagd cannot read it"),
        ({"variants": {"new": "new", "legacy": "new"}}, "means itself"),
        ({"variants": {"legacy": "legacy", "canary": "canary"}}, "means itself"),
        ({"variants": {}}, "flagd cannot read it"),
        ({"defaultVariant": "canary"}, "defaultVariant"),
        ({"defaultVariant": ""}, "defaultVariant"),
        ({"variants": {"new": "new"}, "defaultVariant": "new", "targeting": {"if": [True, "legacy"]}}, "no variant"),
        ({"colour": "red"}, "flagd cannot read it"),
        ({"targeting": ["new"]}, "no variant"),
    ],
)
def test_a_flag_that_flagd_would_misread_is_refused(change: dict[str, Any], what: str) -> None:
    with pytest.raises(FlagError, match=what):
        validate(dump(hand_written({}) | {"flags": {FLAG: hand_written({})["flags"][FLAG] | change}}))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no JSON.*line 1"),
        ("{\n,", "no JSON.*line 2"),
        ("[]", "no JSON object"),
        ("{}", "no flag 'order-page'"),
        ('{"flags": {"orderpage": {"state": "ENABLED", "variants": {"a": 1}}}}', "no flag 'order-page'"),
        ('{"flags": []}', "flagd cannot read it"),
        ('{"flags": {"order-page": 3}}', "flagd cannot read it"),
        ('{"flags": {}, "flags": {}}', "'flags' stands twice"),
        ('{"flags": NaN}', "no number of JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"flags": ' + "9" * 5_000 + "}", "no JSON that can be read"),
    ],
)
def test_a_broken_document_is_refused_and_says_where(text: str, what: str) -> None:
    with pytest.raises(FlagError, match=what):
        validate(text)


def test_deep_targeting_is_refused() -> None:
    condition: Any = {"==": [{"var": "site"}, "SG"]}
    for _ in range(40):
        condition = {"!": [condition]}
    with pytest.raises(FlagError, match="nested too deeply"):
        validate(json.dumps(hand_written({"if": [condition, "new"]})))


@pytest.mark.parametrize(
    "ends", [[3000, "new", 2000, "shadow", "legacy"], [3000, "shadow", 4000, "new", "legacy"], [5, "new", "new"]]
)
def test_shares_in_another_order_are_written_by_hand(ends: list[Any]) -> None:
    chain = [{"<": [BUCKET, each]} if isinstance(each, int) else each for each in ends]
    document = hand_written({"if": [True, {"if": chain}, "legacy"]})
    validate(dump(document))
    with pytest.raises(HandWritten):
        from_flagd(document)


conditions = st.recursive(
    st.one_of(
        st.booleans(),
        st.builds(
            lambda operator, number, turned: {operator: [number, BUCKET] if turned else [BUCKET, number]},
            st.sampled_from(("<", "<=", ">", ">=", "==", "!=", "===", "!==")),
            st.integers(0, PARTS),
            st.booleans(),
        ),
        st.builds(lambda site: {"==": [{"var": "site"}, site]}, st.sampled_from(SITES)),
        st.builds(lambda sites: {"in": [{"var": "site"}, sites]}, st.lists(st.sampled_from(SITES))),
        st.builds(lambda text: {"starts_with": [{"var": "client"}, text]}, st.sampled_from(("h", "n", ""))),
        st.builds(
            lambda operator, version: {"sem_ver": [VERSION, operator, version]},
            st.sampled_from(("=", "!=", "<", "<=", ">", ">=", "~", "^")),
            st.sampled_from(("3.2.0", "3.1", "2.0.0-rc.1")),
        ),
    ),
    lambda inner: st.one_of(
        st.builds(lambda terms: {"and": terms}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda terms: {"or": terms}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda term: {"!": term}, inner),
    ),
    max_leaves=6,
)
variants = st.sampled_from([route.value for route in Route])
targetings = st.builds(
    lambda pairs, last: {"if": [each for pair in pairs for each in pair] + [last]},
    st.lists(st.tuples(conditions, variants), min_size=1, max_size=4),
    variants,
)


@given(targeting=targetings, cell=cells, version=told, other=told, bucket=st.integers(0, PARTS - 1))
def test_whatever_is_accepted_is_evaluated_and_can_be_remembered(
    targeting: dict[str, Any], cell: TrafficCell, version: str, other: str, bucket: int
) -> None:
    """Between two cuts, and for versions of which all comparisons say the same, one answer stands for all."""
    file = validate(dump(hand_written(targeting)))
    evaluate = evaluator(file)
    start = max((cut for cut in file.comparisons.cuts if cut <= bucket), default=0)
    assert evaluate(cell, version, start) is evaluate(cell, version, bucket)

    def kind(text: str) -> list[bool]:
        known = known_version(text)
        return [known == "", *(matches(each, known) for each in file.comparisons.versions)]

    if kind(version) == kind(other):
        assert evaluate(cell, version, bucket) is evaluate(cell, other, bucket)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(("new", "bucket", "", "$x")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("if", "and", "<", "==", "in", "var", "sem_ver", "fractional", "flags", FLAG, "x")),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(value=anything, place=st.sampled_from(("document", "flags", "flag", "targeting", "variants", "$evaluators")))
def test_whatever_stands_in_a_file_is_accepted_or_refused(value: Any, place: str) -> None:
    document: Any = to_flagd(Rules.of([Rule(Scope("SG"), "<3.2.0", Split.of(new=2000, shadow=8000))]))
    if place == "document":
        document = value
    elif place == "flag":
        document["flags"][FLAG] = value
    elif place in document or place == "$evaluators":
        document[place] = value
    else:
        document["flags"][FLAG][place] = value
    with suppress(FlagError):
        evaluator(validate(json.dumps(document)))(H5, "3.2.0", 0)


def test_what_is_given_is_not_changed() -> None:
    document = to_flagd(Rules())
    before = deepcopy(document)
    to_flagd(Rules.of([Rule(Scope(), "", Split.whole(Route.NEW))]), document)
    kill_first(document, Scope())
    validate(dump(document))
    assert document == before


def test_the_example_is_valid_and_can_be_edited() -> None:
    example = Path(__file__).parents[3] / "deploy" / "flags.example.json"
    file = validate(example.read_text())
    assert dump(to_flagd(from_flagd(file.document))) == example.read_text()
