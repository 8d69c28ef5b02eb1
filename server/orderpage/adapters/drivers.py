"""Drivers named in the settings, found by stevedore: each entry point is a function from ``ServerSettings`` to an
adapter.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from stevedore.driver import DriverManager

from orderpage.adapters.authentication import DemoAuthenticator
from orderpage.adapters.log_sink import LogSink
from orderpage.adapters.payment.sandbox import SandboxPayments
from orderpage.delivering import MakeDeliverer, ShipmentsPort
from orderpage.ports import EventSink, RemotePort
from orderpage.settings import ServerSettings, SettingsError

AUTHENTICATORS = "orderpage.authenticators"
PAYMENTS = "orderpage.payments"
SINKS = "orderpage.sinks"
DELIVERERS = "orderpage.deliverers"


def open_driver(group: str, name: str, settings: ServerSettings) -> Any:
    """The adapter of that name. Raises ``SettingsError`` naming those installed, or saying why it cannot start."""
    known = sorted({entry.name for entry in entry_points(group=group)})
    if name not in known:
        raise SettingsError(f"{group}: there is no driver {name!r}; installed: {', '.join(known) or 'none'}")
    make: Callable[[ServerSettings], Any] = DriverManager(group, name, on_missing_entrypoints_callback=None).driver
    try:
        return make(settings)
    except (ValueError, OSError) as error:
        raise SettingsError(f"{group}: driver {name!r} cannot start: {error}") from error


def open_deliverers(
    remote: RemotePort, shipments: ShipmentsPort, clock: Callable[[], datetime]
) -> Mapping[str, EventSink]:
    """All that are installed, by the first part of the topics that they take. Raises ``SettingsError``."""
    made: dict[str, EventSink] = {}
    for entry in entry_points(group=DELIVERERS):
        if entry.name in made or "." in entry.name:
            raise SettingsError(f"{DELIVERERS}: {entry.name!r} is offered twice, or is not the first part of a topic")
        make: MakeDeliverer = DriverManager(DELIVERERS, entry.name, on_missing_entrypoints_callback=None).driver
        made[entry.name] = make(remote, shipments, clock)
    return made


def sandbox_payments(settings: ServerSettings) -> SandboxPayments:
    """The built-in test provider."""
    return SandboxPayments(path=Path(settings.payments_journal) if settings.payments_journal else None)


def log_sink(settings: ServerSettings) -> LogSink:
    """Events as lines of JSON."""
    return LogSink()


def demo_authenticator(settings: ServerSettings) -> DemoAuthenticator:
    """Believes any name."""
    return DemoAuthenticator()
