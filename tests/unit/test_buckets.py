"""Trial buckets: a hash that must never move a buyer (design 8)."""

from collections import Counter
from itertools import pairwise

import mmh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.buckets import PARTS, bucket_chooser, bucket_number


@pytest.mark.parametrize(
    ("salt", "buyer", "number"),
    [
        ("2026-11", "b-mei", 6147),
        ("2026-11", "b-wing", 1469),
        ("2026-11", "b-new", 7188),
        ("2026-11", "b-1", 5092),
        ("2026-11", "0", 2668),
        ("2026-11", "", 5284),
        ("2026-11", "买家-1", 6576),
        ("2026-11", "00000000-0000-0000-0000-000000000000", 4995),
        ("2026-12", "b-mei", 4312),
        ("", "b-mei", 8857),
    ],
)
def test_the_vectors_are_frozen(salt: str, buyer: str, number: int) -> None:
    assert bucket_number(salt, buyer) == number


def test_the_hash_is_the_published_murmurhash3() -> None:
    assert mmh3.hash("foo") == -156908512


@given(salt=st.text(max_size=10), buyer=st.text(max_size=40))
def test_a_number_is_one_of_ten_thousand_and_stays(salt: str, buyer: str) -> None:
    number = bucket_number(salt, buyer)
    assert 0 <= number < PARTS == 10_000
    assert bucket_number(salt, buyer) == number


def test_arms_get_their_share_of_buyers() -> None:
    choose = bucket_chooser("2026-11", {"control": 9000, "trial": 1000})
    arms = Counter(choose(f"buyer-{i}") for i in range(20_000))
    assert arms.keys() == {"control", "trial"}
    assert 0.09 < arms["trial"] / 20_000 < 0.11


@given(parts=st.lists(st.integers(0, 10_000), min_size=0, max_size=4), buyer=st.text(max_size=20))
def test_parts_that_sum_to_the_whole_leave_no_buyer_out(parts: list[int], buyer: str) -> None:
    cuts = sorted({0, 10_000, *parts})
    shares = {f"arm-{i}": end - start for i, (start, end) in enumerate(pairwise(cuts))}
    assert sum(shares.values()) == PARTS
    assert bucket_chooser("salt", shares)(buyer) in shares


@given(buyer=st.text(max_size=20), share=st.integers(0, 9_000), more=st.integers(0, 1_000))
def test_raising_the_last_arm_takes_nobody_out_of_it(buyer: str, share: int, more: int) -> None:
    def arm(trial: int) -> str:
        return bucket_chooser("s", {"control": PARTS - trial, "trial": trial})(buyer)

    assert arm(share) == "control" or arm(share + more) == "trial"


def test_an_arm_without_a_share_gets_nobody() -> None:
    choose = bucket_chooser("s", {"off": 0, "control": 10_000})
    assert {choose(f"b-{i}") for i in range(500)} == {"control"}
