"""The demo authenticator believes a well-formed name, and nothing else."""

import pytest

from orderpage.adapters.authentication import DemoAuthenticator
from orderpage.ports import Authenticator


@pytest.fixture
def authenticator() -> Authenticator:
    return DemoAuthenticator()


@pytest.mark.parametrize("buyer_id", ["b-mei", "A.b_c-9", "x", "y" * 64])
def test_a_bearer_token_names_the_buyer(authenticator: Authenticator, buyer_id: str) -> None:
    assert authenticator.buyer_id({"authorization": f"Bearer demo:{buyer_id}", "user-agent": "x"}) == buyer_id


def test_the_scheme_is_read_in_any_case(authenticator: Authenticator) -> None:
    assert authenticator.buyer_id({"authorization": "bearer demo:b-mei"}) == "b-mei"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "demo:b-mei",
        "Basic demo:b-mei",
        "Bearer b-mei",
        "Bearer other:b-mei",
        "Bearer demo:",
        "Bearer demo:" + "y" * 65,
        "Bearer demo:b mei",
        "Bearer demo:b-mei\n",
        "Bearer demo:b/mei",
        "Bearer demo:阿梅",
        " Bearer demo:b-mei",
    ],
)
def test_anything_else_names_nobody(authenticator: Authenticator, value: str) -> None:
    assert authenticator.buyer_id({"authorization": value}) is None


def test_missing_credentials_name_nobody(authenticator: Authenticator) -> None:
    assert authenticator.buyer_id({"x-buyer-id": "b-mei"}) is None
