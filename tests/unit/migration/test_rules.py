"""Rules: who answers which checkouts, and that raising a share takes no buyer off the new stack (design 8)."""

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orderpage.buckets import PARTS, bucket_number
from orderpage.migration.flags.rules import SALT, Route, Rule, Rules, Split
from orderpage.migration.scope import Scope, TrafficCell

H5 = TrafficCell("SG", "marketplace", "h5", "everyone")
NATIVE = TrafficCell("SG", "marketplace", "native", "member")


def whole(route: Route, *scope: str, versions: str = "", **named: str) -> Rule:
    return Rule(Scope(*scope, **named), versions, Split.whole(route))


@pytest.mark.parametrize(
    ("buyer", "number"),
    [
        ("", 2196),
        ("0", 2977),
        ("b-1", 4547),
        ("b-mei", 7955),
        ("b-wing", 6070),
        ("b-new", 8499),
        ("b-demo", 3990),
        ("B-MEI", 8491),
        (" b-1", 6418),
        ("买家-1", 9736),
        ("買家-九龍", 1392),
        ("🍵", 3469),
        ("buyer@example.com", 2729),
        ("00000000-0000-0000-0000-000000000000", 2120),
        ("x" * 64, 7189),
        ("9" * 1000, 1958),
    ],
)
def test_a_buyers_bucket_is_frozen(buyer: str, number: int) -> None:
    assert bucket_number(SALT, buyer) == number


shares = st.integers(0, PARTS)


@given(p=shares, q=shares, rest=st.sampled_from(["shadow", "legacy"]), buyer=st.text(max_size=20))
def test_raising_new_takes_no_buyer_off_it(p: int, q: int, rest: str, buyer: str) -> None:
    low, high = sorted((p, q))
    bucket = bucket_number(SALT, buyer)
    before, after = (Split.of(**{"new": share, rest: PARTS - share}).route(bucket) for share in (low, high))
    assert before is not Route.NEW or after is Route.NEW


@settings(max_examples=25)
@given(new=shares, shadow=shares)
def test_a_split_gives_each_route_its_share_of_buckets(new: int, shadow: int) -> None:
    shadow = min(shadow, PARTS - new)
    split = Split.of(shadow=shadow, legacy=PARTS - new - shadow, new=new)
    wanted = {Route.NEW: new, Route.SHADOW: shadow, Route.LEGACY: PARTS - new - shadow}
    assert Counter(split.route(bucket) for bucket in range(PARTS)) == Counter(wanted)
    assert {route: split.share(route) for route in wanted} == wanted


@pytest.mark.parametrize(
    "shares", [{"new": 2000}, {"new": 2000, "shadow": 9000}, {"new": -1, "legacy": 10_001}, {"killed": 5, "new": 9995}]
)
def test_shares_make_a_whole_and_what_takes_all_shares_with_nobody(shares: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"make them 100%|cannot share"):
        Split.of(**shares)


def test_the_more_specific_scope_decides() -> None:
    rules = Rules.of([whole(Route.LEGACY), whole(Route.SHADOW, "SG"), whole(Route.NEW, client="h5")])
    assert [rules.route(cell, "", 0) for cell in (H5, NATIVE, H5._replace(site="HK"))] == [
        Route.SHADOW,
        Route.SHADOW,
        Route.NEW,
    ]
    assert rules.route(TrafficCell("HK", "saas", "native", "member"), "", 0) is Route.LEGACY


def test_a_rule_with_a_version_decides_before_a_more_specific_one_without() -> None:
    rules = Rules.of([whole(Route.NEW, *H5), whole(Route.REFUSED, versions="<3.2.0")])
    assert rules.route(H5, "3.1.9", 0) is Route.REFUSED
    assert rules.route(H5, "3.2.0", 0) is Route.NEW
    assert rules.route(H5, "", 0) is rules.route(H5, "three", 0) is Route.NEW


def test_of_two_comparisons_that_hold_the_narrower_decides() -> None:
    old, older, young, this = "<4.0.0", "<3.0.0", ">1.0.0", "=2.5.0"
    routes = {old: Route.SHADOW, older: Route.REFUSED, young: Route.LEGACY, this: Route.NEW}
    for order in permutations(routes):
        rules = Rules.of(whole(routes[versions], versions=versions) for versions in order)
        assert [rules.route(H5, version, 0) for version in ("2.5.0", "2.9.0", "3.9.0", "5.0.0")] == [
            Route.NEW,
            Route.REFUSED,
            Route.SHADOW,
            Route.LEGACY,
        ]
        assert [rule.versions for rule in rules.rules] == [this, older, old, young]


def test_two_rules_of_one_scope_and_version_are_one() -> None:
    first = Rule(Scope("SG"), "< v3.2", Split.whole(Route.REFUSED))
    second = Rule(Scope("SG"), "<3.2.0", Split.whole(Route.SHADOW))
    assert Rules.of([first, second]).rules == (second,)


def test_a_kill_lies_above_and_leaves_what_is_below() -> None:
    ramp = Rule(Scope("SG"), "", Split.of(new=2000, shadow=8000))
    version = whole(Route.NEW, versions=">=3.0.0")
    kill = whole(Route.KILLED, "SG")
    killed = Rules.of([ramp, version]).having(kill)
    assert killed.route(H5, "3.0.0", 0) is Route.KILLED
    assert killed.without(kill) == Rules.of([ramp, version])


def test_what_no_rule_covers_stays_on_legacy() -> None:
    assert Rules().route(H5, "1.0.0", 0) is Route.LEGACY


def test_rules_say_themselves() -> None:
    rule = Rule(Scope("SG", client="h5"), "<3.2.0", Split.of(new=1250, shadow=8750))
    assert str(rule) == "site=SG client=h5 version<3.2.0: new 12.5%, shadow 87.5%"
    assert str(whole(Route.RAMP)) == "everything: ramp"
