"""Which arm of a trial a buyer is in: a stable hash, so that a buyer sees one page and shares can be raised."""

from collections.abc import Callable, Mapping
from itertools import accumulate

import mmh3

PARTS = 10_000


def bucket_number(salt: str, buyer_id: str) -> int:
    """0 … 9,999. MurmurHash3 (32 bits, x86) of ``salt:buyer``; the vectors are frozen in a test."""
    return mmh3.hash(f"{salt}:{buyer_id}", signed=False) % PARTS


def bucket_chooser(salt: str, parts: Mapping[str, int]) -> Callable[[str], str]:
    """From a buyer id to an arm's name. ``parts`` sum to 10,000; arms take the numbers in their order."""
    names, ends = list(parts), list(accumulate(parts.values()))

    def choose(buyer_id: str) -> str:
        number = bucket_number(salt, buyer_id)
        return next(name for name, end in zip(names, ends, strict=True) if number < end)

    return choose
