"""What becomes of a deposit (PRC Civil Code 586, 587), and that no money is made or lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.domain.order import EntryKind, LedgerEntry
from orderpage.presale.ledger import ESCROW, balance_entries, deposit_entries, ending_entries
from orderpage.pricing.ending import Default, ending_of

MONEY = st.integers(0, 10_000_000)
SHOPS = st.dictionaries(st.sampled_from(["a", "b", "c"]), MONEY, min_size=1)


def book(*entries: tuple[LedgerEntry, ...]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for entry in (entry for each in entries for entry in each):
        sums[entry.account] = sums.get(entry.account, 0) + entry.amount
    return {account: amount for account, amount in sums.items() if amount}


def test_a_buyer_in_default_forfeits_the_deposit_and_gets_services_back() -> None:
    ending = ending_of(Default.BUYER, deposit=2_000, paid=2_700)
    assert (ending.refund, ending.kept, ending.penalty) == (700, 2_000, 0)


def test_a_seller_in_default_gives_the_deposit_back_doubled() -> None:
    ending = ending_of(Default.SELLER, deposit=2_000, paid=2_700)
    assert (ending.refund, ending.kept, ending.penalty) == (2_700, 0, 2_000)
    entries = ending_entries(ending, "b", {"a": 3, "b": 1})
    assert book(deposit_entries("b", 2_700), entries) == {"buyer:b": 2_000, "shop:a": -1_500, "shop:b": -500}


def test_what_nobody_can_deliver_is_given_back_in_full() -> None:
    ending = ending_of(Default.PLATFORM, deposit=2_000, paid=2_700)
    assert (ending.refund, ending.kept, ending.penalty) == (2_700, 0, 0)
    assert book(deposit_entries("b", 2_700), ending_entries(ending, "b", {"a": 1})) == {}


@pytest.mark.parametrize(("deposit", "paid"), [(-1, 10), (11, 10)])
def test_a_deposit_is_part_of_what_was_paid(deposit: int, paid: int) -> None:
    with pytest.raises(ValueError, match="no part of"):
        ending_of(Default.BUYER, deposit, paid)


@given(st.sampled_from(Default), MONEY, MONEY, SHOPS)
def test_every_end_conserves_money(default: Default, deposit: int, services: int, shops: dict[str, int]) -> None:
    paid = deposit + services
    ending = ending_of(default, deposit, paid)
    assert ending.refund + ending.kept == paid
    assert 0 <= ending.refund <= paid
    assert ending.penalty in (0, deposit)
    entries = ending_entries(ending, "b", shops)
    assert sum(entry.amount for entry in entries) == 0
    after = book(deposit_entries("b", paid), entries)
    assert ESCROW not in after
    assert after.get("buyer:b", 0) == ending.refund + ending.penalty - paid
    assert sum(after.get(f"shop:{shop}", 0) for shop in shops) == ending.kept - ending.penalty


@given(MONEY, MONEY, MONEY)
def test_a_balance_releases_what_the_platform_kept(shop: int, carrier: int, paid: int) -> None:
    whole = (
        LedgerEntry("buyer:b", EntryKind.PAYMENT, -shop - carrier),
        LedgerEntry("shop:a", EntryKind.GOODS, shop),
        LedgerEntry("carrier:X", EntryKind.CARRIER_COST, carrier),
    )
    entries = balance_entries(whole, "b", paid)
    assert sum(entry.amount for entry in entries) == 0
    assert book(deposit_entries("b", paid), entries) == book(whole)
