"""The quote token: what was promised, and nothing that somebody else wrote (design 6)."""

import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.page import Totals
from orderpage.domain.problem import Action, Code, Refusal
from orderpage.domain.scenario import Cell
from orderpage.quote import Quote, QuoteSigner, fingerprint

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
OLD, NEW = b"o" * 16, b"n" * 16
ALPHABET = string.ascii_letters + string.digits + "-_.=! é"
QUOTE = Quote(
    checkout_id="c-1",
    buyer_id="b-1",
    stack="new",
    cell=Cell("SG", "marketplace", "h5", "everyone", "control"),
    content=b"0123456789abcdef",
    plan_digest="d-1",
    selections={"p-1": "SG_DM_AIR"},
    rate=ExchangeRate.of("r-1", CNY, Currency("SGD", 2), "0.1920"),
    priced_at=NOW,
    expires_at=NOW + timedelta(minutes=15),
    totals=Totals(goods=100, goods_discount=-1, freight=20, freight_discount=-2, fees=3, tax=4, border=5, payable=124),
)
SIGNER = QuoteSigner({"k1": OLD})
TOKEN = SIGNER.sign(QUOTE)


def assert_invalid(token: str, buyer_id: str = "b-1", signer: QuoteSigner = SIGNER) -> None:
    with pytest.raises(Refusal) as refused:
        signer.open(token, buyer_id)
    (problem,) = refused.value.problems
    assert (problem.code, problem.remedy) == (Code.QUOTE_INVALID, Action.RENDER_AGAIN)


def test_a_quote_survives_being_signed_and_opened() -> None:
    assert SIGNER.open(TOKEN, "b-1") == QUOTE


def test_a_token_is_safe_in_a_url_and_names_its_version_and_key() -> None:
    assert set(TOKEN) <= set(string.ascii_letters + string.digits + "-_.")
    assert TOKEN.split(".")[:2] == ["q1", "k1"]


def test_a_token_with_any_one_character_changed_is_refused() -> None:
    for position in range(len(TOKEN)):
        for other in "AB-!" if position < len(TOKEN) - 1 else ALPHABET:
            changed = TOKEN[:position] + other + TOKEN[position + 1 :]
            if changed != TOKEN:
                assert_invalid(changed)


@pytest.mark.parametrize("position", [0, 3, 10, len(TOKEN) - 3, len(TOKEN)])
@pytest.mark.parametrize("more", ["A", "!", "=", ".", " ", "\n", "é", "\x00"])
def test_a_token_with_a_character_more_is_refused(position: int, more: str) -> None:
    assert_invalid(TOKEN[:position] + more + TOKEN[position:])


@pytest.mark.parametrize("length", range(0, len(TOKEN), 7))
def test_a_token_cut_short_is_refused(length: int) -> None:
    assert_invalid(TOKEN[:length])


@given(token=st.one_of(st.text(max_size=80), st.text(alphabet=ALPHABET, max_size=80).map(lambda t: f"q1.k1.{t}")))
def test_whatever_is_sent_as_a_token_is_refused_and_nothing_worse(token: str) -> None:
    assert_invalid(token)


def test_a_payload_rewritten_under_an_old_signature_is_refused() -> None:
    version, key, payload, signature = TOKEN.split(".")
    raw = urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    cheaper = raw.replace(b"c-1", b"c-2")
    assert cheaper != raw
    forged = urlsafe_b64encode(cheaper).rstrip(b"=").decode()
    assert_invalid(f"{version}.{key}.{forged}.{signature}")


def test_a_token_signed_with_somebody_elses_key_of_that_name_is_refused() -> None:
    assert_invalid(QuoteSigner({"k1": b"x" * 16}).sign(QUOTE))


def test_another_buyers_token_is_refused_with_the_same_words_as_a_forged_one() -> None:
    messages = set()
    for token, buyer in ((TOKEN, "b-2"), (TOKEN[:-4] + "AAAA", "b-1")):
        with pytest.raises(Refusal) as refused:
            SIGNER.open(token, buyer)
        messages.add(str(refused.value))
    assert len(messages) == 1


def test_keys_rotate_the_newest_signs_and_the_old_ones_still_open() -> None:
    rotated = QuoteSigner({"k2": NEW, "k1": OLD})
    assert rotated.open(TOKEN, "b-1") == QUOTE
    fresh = rotated.sign(QUOTE)
    assert fresh.split(".")[1] == "k2"
    assert rotated.open(fresh, "b-1") == QUOTE
    assert_invalid(fresh)
    assert_invalid(TOKEN, signer=QuoteSigner({"k2": NEW}))


def test_an_expired_quote_still_opens_for_expiry_is_submits_to_judge() -> None:
    past = replace(QUOTE, expires_at=NOW - timedelta(days=1))
    assert SIGNER.open(SIGNER.sign(past), "b-1") == past


@pytest.mark.parametrize(("keys", "message"), [({}, "at least one"), ({"k": b"short"}, "'k' is shorter than 16 bytes")])
def test_keys_that_cannot_sign_are_refused(keys: dict[str, bytes], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        QuoteSigner(keys)


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    value = ("HK", 1, {"b": 2, "a": 1}, None)
    assert fingerprint(value).hex() == "55b6f179f113193a07323cdeec029c7f"
    assert fingerprint(("HK", 1, {"a": 1, "b": 2}, None)) == fingerprint(value)
    assert fingerprint(("HK", 2, {"a": 1, "b": 2}, None)) != fingerprint(value)
