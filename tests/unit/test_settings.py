"""Settings from flags and ``ORDERPAGE_*``, validated before anything starts."""

import os
from pathlib import Path

import pytest

from orderpage.settings import SettingsError, quote_keys, read_settings

HEX = "00112233445566778899aabbccddeeff"


REAL = {"ORDERPAGE_AUTHENTICATOR": "oidc", "ORDERPAGE_PAYMENTS": "psp"}


def refusal(environment: dict[str, str], flags: dict[str, object] | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        quote_keys(read_settings(environment, flags))
    return str(refused.value)


def test_without_any_setting_everything_has_a_default() -> None:
    settings = read_settings({"PATH": "/bin", "HOME": "/"})
    assert (settings.listen, settings.loopback, settings.payments) == ("127.0.0.1:50051", True, "sandbox")
    assert settings.payment_hold.total_seconds() == 5
    assert settings.payment_expiry.total_seconds() == 1800


def test_variables_are_read_by_name_and_type() -> None:
    settings = read_settings({"ORDERPAGE_MAX_IN_FLIGHT": "9", "ORDERPAGE_LISTEN": "[::1]:7"})
    assert (settings.max_in_flight, settings.host, settings.loopback) == (9, "::1", True)


def test_a_flag_overrides_its_variable_and_an_absent_one_does_not() -> None:
    environment = {"ORDERPAGE_GRACE_S": "3", "ORDERPAGE_SWEEP_MS": "4"}
    settings = read_settings(environment, {"grace_s": 7, "sweep_ms": None})
    assert (settings.grace_s, settings.sweep_ms) == (7, 4)


def test_a_variable_that_is_no_setting_suggests_the_one_that_was_meant() -> None:
    message = refusal({"ORDERPAGE_LISTN": "127.0.0.1:1"})
    assert message == "ORDERPAGE_LISTN is no setting of orderpage; did you mean ORDERPAGE_LISTEN?"
    assert refusal({"ORDERPAGE_XYZZY": "1"}).startswith("ORDERPAGE_XYZZY is no setting of orderpage")


@pytest.mark.parametrize(
    ("variable", "value", "takes"),
    [
        ("ORDERPAGE_MAX_IN_FLIGHT", "many", "int"),
        ("ORDERPAGE_MAX_IN_FLIGHT", "0", ">= 1"),
        ("ORDERPAGE_GRACE_S", "-1", ">= 1"),
        ("ORDERPAGE_SWEEP_MS", "1.5", "int"),
        ("ORDERPAGE_LISTEN", "localhost", "host:port"),
        ("ORDERPAGE_LISTEN", ":50051", "host:port"),
        ("ORDERPAGE_LISTEN", "127.0.0.1:http", "host:port"),
        ("ORDERPAGE_LISTEN", "127.0.0.1:65536", "host:port"),
        ("ORDERPAGE_LISTEN", "127.0.0.1:²", "host:port"),
        ("ORDERPAGE_OTLP_ENDPOINT", "collector:4317", "is not http://host:port or https://host:port"),
        ("ORDERPAGE_OTLP_ENDPOINT", "http://collector", "is not http://host:port or https://host:port"),
        ("ORDERPAGE_OTLP_ENDPOINT", "http://u:p@collector:4317", "is not http://host:port or https://host:port"),
        ("ORDERPAGE_TRACE_RATIO", "1.01", "<= 1"),
        ("ORDERPAGE_TRACE_RATIO", "nan", ">= 0"),
        ("ORDERPAGE_TRACE_RATIO", "0.5", "name the collector too"),
        ("ORDERPAGE_TRACE_DEBUG", "-1", ">= 0"),
        ("ORDERPAGE_TRACE_DEBUG", "5", "name the collector too"),
        ("ORDERPAGE_LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("ORDERPAGE_PACKAGES", "/no/such/folder", "there is no folder '/no/such/folder'"),
        ("ORDERPAGE_QUOTE_KEYS", "k1:xyz", "not hexadecimal"),
        ("ORDERPAGE_QUOTE_KEYS", "k1:0011", "at least 16 bytes"),
        ("ORDERPAGE_QUOTE_KEYS", f"a.b:{HEX}", "an id without dots"),
        ("ORDERPAGE_QUOTE_KEYS", f":{HEX}", "id:hex"),
        ("ORDERPAGE_QUOTE_KEYS", f"k1:{HEX},k1:{HEX[::-1]}", "k1"),
    ],
)
def test_a_value_that_cannot_be_used_names_the_variable_and_says_what_it_takes(
    variable: str, value: str, takes: str
) -> None:
    message = refusal({variable: value})
    assert message.startswith(variable)
    assert takes in message
    assert "\n" not in message


def test_where_others_can_reach_the_server_believing_any_name_is_refused() -> None:
    message = refusal({"ORDERPAGE_LISTEN": "0.0.0.0:50051"})
    assert message.startswith("ORDERPAGE_AUTHENTICATOR")
    assert "loopback" in message


def test_where_others_can_reach_the_server_payments_that_move_no_money_are_refused() -> None:
    message = refusal({"ORDERPAGE_LISTEN": "0.0.0.0:50051", "ORDERPAGE_AUTHENTICATOR": "oidc"})
    assert message.startswith("ORDERPAGE_PAYMENTS")


def test_where_others_can_reach_the_server_quote_keys_are_needed() -> None:
    message = refusal({"ORDERPAGE_LISTEN": "0.0.0.0:50051"} | REAL)
    assert message.startswith("ORDERPAGE_QUOTE_KEYS")
    assert "id:hex" in message


def test_on_loopback_a_key_is_made_up_once_a_process() -> None:
    (made,) = quote_keys(read_settings({})).values()
    assert len(made) >= 16


def test_quote_keys_keep_their_order_newest_first() -> None:
    keys = quote_keys(read_settings({"ORDERPAGE_QUOTE_KEYS": f"k2:{HEX}, k1:{HEX[::-1]}"}))
    assert list(keys) == ["k2", "k1"]
    assert keys["k2"] == bytes.fromhex(HEX)


def test_an_error_about_keys_does_not_print_them() -> None:
    secret = HEX[:-1] + "z"
    assert secret not in refusal({"ORDERPAGE_QUOTE_KEYS": f"k1:{secret}"})


def test_the_metrics_ports_of_all_workers_must_exist() -> None:
    last = {"ORDERPAGE_METRICS": "127.0.0.1:65535"}
    assert read_settings(last).metrics == "127.0.0.1:65535"
    assert refusal(last, {"workers": "4"}) == (
        "ORDERPAGE_METRICS: each of 4 workers has a port of its own, counted up from 65535, and ports end at 65535; "
        "choose 65532 or less"
    )
    assert read_settings({"ORDERPAGE_METRICS": "127.0.0.1:65532", "ORDERPAGE_WORKERS": "4"}).workers == 4
    assert read_settings({"ORDERPAGE_METRICS": "127.0.0.1:0", "ORDERPAGE_WORKERS": "256"}).workers == 256


def test_package_folders_are_separated_like_path(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    settings = read_settings({"ORDERPAGE_PACKAGES": os.pathsep.join([str(first), "", str(second)])})
    assert settings.folders == (first, second)


@pytest.mark.parametrize(
    ("listen", "loopback"),
    [("localhost:1", True), ("127.1.2.3:1", True), ("[::1]:1", True), ("example.org:1", False), ("[::]:1", False)],
)
def test_only_this_machines_addresses_are_loopback(listen: str, loopback: bool) -> None:
    settings = read_settings({"ORDERPAGE_LISTEN": listen} | REAL)
    assert settings.loopback is loopback
