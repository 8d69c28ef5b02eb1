"""Secrets that packages name and that are not set are said before a buyer meets it, and refuse nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orderpage.adapters.remote.services import secret
from orderpage.cli.commands import app
from orderpage.named_secrets import missing_secrets
from orderpage.packages import Packages

DEPLOY = Path(__file__).parents[2] / "deploy"
NOW = datetime(2026, 12, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COUPONS", "SWIFT_TOKEN", "HARBOUR_KEY"):
        monkeypatch.delenv(f"ORDERPAGE_SECRET_{name}", raising=False)


def test_the_secret_of_a_campaign_is_missed_until_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Packages([DEPLOY / "campaigns"]).plans.current
    (missing,) = missing_secrets(plans, secret, NOW)
    assert str(missing) == (
        "the secret COUPONS is not set; set ORDERPAGE_SECRET_COUPONS: "
        "coupon_book (promotion.coupon_book) at load needs it, "
        f"double-twelve-tw {DEPLOY}/campaigns/layers/double-twelve.yaml:9"
    )
    monkeypatch.setenv("ORDERPAGE_SECRET_COUPONS", "a secret of some length")
    assert not missing_secrets(plans, secret, NOW)


def test_one_of_a_campaign_that_is_over_is_not() -> None:
    plans = Packages([DEPLOY / "campaigns"], clock=lambda: NOW).plans.current
    assert missing_secrets(plans, secret, datetime(2026, 11, 1, tzinfo=UTC)), "it is to come"
    assert not missing_secrets(plans, secret, datetime(2027, 2, 1, tzinfo=UTC))


def test_the_secrets_of_carriers_are_missed_alike(tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    layers.mkdir()
    for name in ("swift", "swift-booking", "harbour"):
        text = (DEPLOY / "carriers" / f"{name}.example.yaml").read_text("utf-8")
        (layers / f"{name}.yaml").write_text(text, "utf-8")
    missing = missing_secrets(Packages([tmp_path]).plans.current, secret, NOW)
    assert {(each.name, each.point) for each in missing} == {
        ("SWIFT_TOKEN", "ask"), ("SWIFT_TOKEN", "after"), ("HARBOUR_KEY", "ask"),
    }  # fmt: skip


def test_the_matrix_says_so() -> None:
    done = CliRunner().invoke(app, ["matrix", "--packages", str(DEPLOY / "campaigns")])
    assert done.output.splitlines()[-1].startswith("the secret COUPONS is not set; set ORDERPAGE_SECRET_COUPONS: ")
