"""What an operator sets: ``ORDERPAGE_…`` variables, overridden by flags, validated before anything starts."""

import difflib
import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

_PREFIX = "ORDERPAGE_"
_SECRETS = f"{_PREFIX}SECRET_"
"""Secrets that packages refer to by name; they are read when they are needed."""
_LAST_PORT = 65535
_ENDPOINT = re.compile(r"https?://([\w.-]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}", re.ASCII)


class SettingsError(ValueError):
    """A setting that cannot be used. The message names the variable and says what it takes."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that ``serve`` can be told. Each field is ``ORDERPAGE_`` and its name in capitals."""

    listen: Annotated[str, Meta(description="Host and port.")] = "127.0.0.1:50051"
    database: Annotated[str, Meta(description="SQLAlchemy URL, with its driver: SQLite or PostgreSQL.")] = (
        "sqlite+pysqlite:///orderpage.sqlite3"
    )
    database_connections: Annotated[
        int, Meta(ge=1, description="PostgreSQL: connections that one worker holds at most.")
    ] = 8
    database_timeout_ms: Annotated[
        int, Meta(ge=1, description="PostgreSQL: how long connecting, and each statement, may take.")
    ] = 5000
    packages: Annotated[str, Meta(description="Further package folders, separated like PATH.")] = ""
    quote_keys: Annotated[
        str,
        Meta(
            description="id:hex pairs, newest first, comma-separated. On loopback one is made up where none is given."
        ),
    ] = ""
    authenticator: Annotated[str, Meta(description="Entry point in orderpage.authenticators.")] = "demo"
    payments: Annotated[str, Meta(description="Entry point in orderpage.payments.")] = "sandbox"
    payments_journal: Annotated[
        str, Meta(description="Where the sandbox provider remembers its holds; without it a restart forgets them.")
    ] = ""
    sink: Annotated[str, Meta(description="Entry point in orderpage.sinks: where the outbox goes.")] = "log"
    max_in_flight: Annotated[
        int, Meta(ge=1, le=100000, description="Calls served at once; more are refused: OVERLOADED.")
    ] = 256
    workers: Annotated[int, Meta(ge=1, le=256, description="Processes that share the port (PostgreSQL).")] = 1
    grace_s: Annotated[int, Meta(ge=1, le=3600, description="Seconds that calls under way get at shutdown.")] = 10
    sweep_ms: Annotated[
        int, Meta(ge=1, le=3600000, description="Milliseconds between looks for unfinished payments.")
    ] = 1000
    relay_ms: Annotated[int, Meta(ge=1, le=3600000, description="Milliseconds between deliveries from the outbox.")] = (
        500
    )
    refresh_ms: Annotated[int, Meta(ge=1, le=3600000, description="Milliseconds between looks for new goods.")] = 1000
    payment_hold_s: Annotated[int, Meta(ge=1, le=3600, description="Seconds the payment provider gets to answer.")] = 5
    payment_expiry_s: Annotated[
        int, Meta(ge=1, le=2592000, description="Seconds a buyer gets to complete a payment.")
    ] = 1800
    metrics: Annotated[
        str, Meta(description="Host and port where Prometheus reads metrics; worker i has port + i. Empty: nowhere.")
    ] = ""
    otlp_endpoint: Annotated[
        str, Meta(description="OpenTelemetry collector (OTLP over gRPC), http://host:port or https; empty: no traces.")
    ] = ""
    trace_ratio: Annotated[float, Meta(ge=0, le=1, description="Share of requests traced in full.")] = 0.0
    trace_debug: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="Requests a second traced in full because their callers ask (orderpage-debug: 1, traceparent).",
        ),
    ] = 0
    trace_errors: Annotated[
        int,
        Meta(ge=0, le=1000, description="Failed calls a second traced in brief; further ones are only counted."),
    ] = 20
    legacy: Annotated[
        str,
        Meta(
            description="The order page to move traffic from: host:port of a server of the same contract, or an entry "
            "point in orderpage.legacy; empty: there is none."
        ),
    ] = ""
    flags: Annotated[
        str,
        Meta(description="Which traffic goes where: a flagd file, or flagd://host:port. Needs ORDERPAGE_LEGACY."),
    ] = ""
    ramps: Annotated[
        str, Meta(description="Ramp file: steps, holds and limits by which the gate raises the new page's share.")
    ] = ""
    ignore: Annotated[
        str, Meta(description="File of differences between the two pages that are not to be counted, each with why.")
    ] = ""
    shadow_queue: Annotated[
        int, Meta(ge=1, le=100000, description="Pages that wait to be compared; more are dropped and counted.")
    ] = 256
    noise_ratio: Annotated[
        float, Meta(ge=0, le=1, description="Share of compared pages for which the legacy page is asked twice.")
    ] = 0.05
    verify_ratio: Annotated[
        float, Meta(ge=0, le=1, description="Share of the new pages for which the legacy page is asked, to compare.")
    ] = 0.1
    record_ratio: Annotated[
        float, Meta(ge=0, le=1, description="Share of pages recorded, without personal data, for `orderpage replay`.")
    ] = 0.0
    record_days: Annotated[
        int, Meta(ge=1, le=3650, description="Days that recordings and differences are kept; what was judged stays.")
    ] = 30
    settlement_timezone: Annotated[
        str, Meta(description="IANA time zone in which `orderpage settle` begins and ends days.")
    ] = "UTC"
    log_level: Annotated[str, Meta(description="debug, info, warning or error.")] = "info"

    def environment(self) -> dict[str, str]:
        """The same settings as variables, for a process that is to have them."""
        return {f"{_PREFIX}{name.upper()}": str(value) for name, value in msgspec.structs.asdict(self).items()}

    @property
    def folders(self) -> tuple[Path, ...]:
        """The operator's package folders."""
        return tuple(Path(folder) for folder in self.packages.split(os.pathsep) if folder)

    @property
    def host(self) -> str:
        """Of ``listen``, without brackets."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def database_timeout(self) -> float:
        """``database_timeout_ms``, in seconds."""
        return self.database_timeout_ms / 1000

    @property
    def settlement_zone(self) -> ZoneInfo:
        """``settlement_timezone``."""
        return ZoneInfo(self.settlement_timezone)

    @property
    def payment_hold(self) -> timedelta:
        """``payment_hold_s``."""
        return timedelta(seconds=self.payment_hold_s)

    @property
    def payment_expiry(self) -> timedelta:
        """``payment_expiry_s``."""
        return timedelta(seconds=self.payment_expiry_s)


def read_settings(environment: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> ServerSettings:
    """Settings from variables, under flags (None: not given). Raises ``SettingsError``."""
    known = {field.name for field in msgspec.structs.fields(ServerSettings)}
    values: dict[str, Any] = {}
    for variable, value in environment.items():
        if not variable.startswith(_PREFIX) or variable.startswith(_SECRETS):
            continue
        name = variable.removeprefix(_PREFIX).lower()
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {_PREFIX}{close[0].upper()}?" if close else ""
            raise SettingsError(f"{variable} is no setting of orderpage{hint}")
        values[name] = value
    values.update({name: value for name, value in (flags or {}).items() if value is not None})
    try:
        settings = msgspec.convert(values, ServerSettings, strict=False)
    except msgspec.ValidationError as error:
        field = str(error).rpartition("$.")[2].strip("`")
        raise SettingsError(f"{_PREFIX}{field.upper()}: {str(error).partition(' - ')[0]}") from None
    _check(settings)
    return settings


def variables() -> str:
    """Every variable with its meaning and its default, as an environment file."""
    notes = get_type_hints(ServerSettings, include_extras=True)
    blocks = []
    for field in msgspec.structs.fields(ServerSettings):
        note = next(extra.description for extra in get_args(notes[field.name]) if isinstance(extra, Meta))
        blocks.append(f"# {note}\n#{_PREFIX}{field.name.upper()}={field.default}\n")
    return "\n".join(blocks)


def quote_keys(settings: ServerSettings) -> dict[str, bytes]:
    """Key id to key, newest first. Raises ``SettingsError``."""
    if not settings.quote_keys:
        if not settings.loopback:
            raise SettingsError(
                "ORDERPAGE_QUOTE_KEYS is needed where others can reach the server, as id:hex "
                "(python -c 'import secrets; print(secrets.token_hex(32))' makes one)"
            )
        return {"ephemeral": os.urandom(32)}
    keys = {}
    for pair in settings.quote_keys.split(","):
        name, _, text = pair.strip().partition(":")
        if name in keys:
            raise SettingsError(f"ORDERPAGE_QUOTE_KEYS: the id {name!r} stands twice; give each key its own")
        try:
            keys[name] = bytes.fromhex(text)
        except ValueError:
            raise SettingsError(f"ORDERPAGE_QUOTE_KEYS: the key {name!r} is not hexadecimal") from None
        if not name or "." in name or len(keys[name]) < 16:
            raise SettingsError("ORDERPAGE_QUOTE_KEYS: write id:hex, an id without dots and at least 16 bytes")
    return keys


def _check(settings: ServerSettings) -> None:
    _check_address("LISTEN", settings.listen, "127.0.0.1:50051")
    if settings.metrics:
        _check_metrics(settings.metrics, settings.workers)
    if settings.log_level not in ("debug", "info", "warning", "error"):
        raise SettingsError(f"ORDERPAGE_LOG_LEVEL: {settings.log_level!r} is not debug, info, warning or error")
    for folder in settings.folders:
        if not folder.is_dir():
            raise SettingsError(f"ORDERPAGE_PACKAGES: there is no folder {str(folder)!r}")
    _check_tracing(settings)
    _check_timezone(settings.settlement_timezone)
    if ":" in settings.legacy:
        _check_address("LEGACY", settings.legacy, "127.0.0.1:50061")
    if settings.authenticator == "demo" and not settings.loopback:
        raise SettingsError(
            "ORDERPAGE_AUTHENTICATOR: 'demo' believes any name, so it serves loopback only; "
            "install an authenticator (entry point group orderpage.authenticators) and name it"
        )
    if settings.payments == "sandbox" and not settings.loopback:
        raise SettingsError(
            "ORDERPAGE_PAYMENTS: 'sandbox' moves no money, so it serves loopback only; "
            "install a provider (entry point group orderpage.payments) and name it"
        )


def _check_address(variable: str, value: str, example: str) -> None:
    host, separator, port = value.rpartition(":")
    if not separator or not host or not (port.isascii() and port.isdigit()) or int(port) > _LAST_PORT:
        raise SettingsError(f"{_PREFIX}{variable}: {value!r} is not host:port, such as {example}")


def _check_metrics(address: str, workers: int) -> None:
    _check_address("METRICS", address, "127.0.0.1:9464")
    port, highest = int(address.rpartition(":")[2]), _LAST_PORT + 1 - workers
    if port > highest:
        raise SettingsError(
            f"ORDERPAGE_METRICS: each of {workers} workers has a port of its own, counted up from {port}, and ports "
            f"end at {_LAST_PORT}; choose {highest} or less"
        )


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        raise SettingsError(
            f"ORDERPAGE_SETTLEMENT_TIMEZONE: {name!r} is no IANA time zone, such as UTC or Asia/Shanghai"
        ) from None


def check_migration(settings: ServerSettings) -> None:
    """Whether a server can move traffic by these. Commands may have a part of them. Raises ``SettingsError``."""
    if bool(settings.flags) != bool(settings.legacy):
        missing, why = ("FLAGS", "which traffic stays there") if settings.legacy else ("LEGACY", "where it comes from")
        raise SettingsError(f"{_PREFIX}{missing}: traffic is moved only when it is told {why} (`orderpage traffic -h`)")
    for name in ("ramps", "ignore"):
        file = getattr(settings, name)
        if file and not settings.flags:
            raise SettingsError(f"{_PREFIX}{name.upper()}: name the flags too, in ORDERPAGE_FLAGS")
        if file and not Path(file).is_file():
            raise SettingsError(f"{_PREFIX}{name.upper()}: there is no file {file!r}")


def _check_tracing(settings: ServerSettings) -> None:
    for name in ("trace_ratio", "trace_debug"):
        if getattr(settings, name) and not settings.otlp_endpoint:
            raise SettingsError(f"{_PREFIX}{name.upper()}: name the collector too, in ORDERPAGE_OTLP_ENDPOINT")
    if settings.otlp_endpoint and not _ENDPOINT.fullmatch(settings.otlp_endpoint):
        raise SettingsError(
            f"ORDERPAGE_OTLP_ENDPOINT: {settings.otlp_endpoint!r} is not http://host:port or https://host:port"
        )
