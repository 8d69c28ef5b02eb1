"""The flag ``order-page`` of a running server: asked once a checkout, through OpenFeature and flagd's provider.

Flags come from a file, or from a running flagd. Either way they are checked before they are in force, and what is wrong
leaves the last good ones there.
"""

import threading
from bisect import bisect_right
from collections.abc import Callable, Hashable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import OpenFeatureError
from openfeature.provider import ProviderStatus
from openfeature.provider.no_op_provider import NoOpProvider

from orderpage.migration.flags.errors import FlagError
from orderpage.migration.flags.file import FLAG, FlagFile, context
from orderpage.migration.flags.provider import START_MS, file_provider, server_provider
from orderpage.migration.flags.rules import Route
from orderpage.migration.flags.versions import UNTOLD, known_version, matches
from orderpage.migration.scope import TrafficCell

_MOST_ROUTES = 16_384
_MOST_VERSIONS = 4_096
"""Answers and client versions remembered. What clients send is in both, so when one is full, it begins again."""
_EVENTS = (ProviderEvent.PROVIDER_READY, ProviderEvent.PROVIDER_STALE, ProviderEvent.PROVIDER_ERROR)
_numbers = count(1)

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")
Kind = tuple[bool, ...]


class _InForce(msgspec.Struct, frozen=True):
    """Flags and the answers they gave, swapped together."""

    file: FlagFile
    cuts: tuple[int, ...]
    routes: dict[tuple[TrafficCell, Kind, int], Route]
    kinds: dict[str, Kind]

    def kind(self, version: str) -> Kind:
        """What the flag's comparisons say of a version: versions of one kind get one answer."""
        compared = self.file.comparisons.versions
        if not compared:
            return ()
        known = known_version(version)
        kind = (known == UNTOLD, *(matches(each, known) for each in compared))
        _remember(self.kinds, version, kind, _MOST_VERSIONS)
        return kind


class FlagSource:
    """Routes by the flags in force. They change in threads of their own; ``route`` may be called from any."""

    def __init__(self, on_trouble: Callable[[str], None]) -> None:
        """Without flags yet: see ``open_flags``."""
        self.changes = 0
        self._in_force: _InForce | None = None
        self._troubles: dict[str, str] = {}
        self._on_trouble = on_trouble
        self._lock = threading.RLock()  # whoever is told of trouble may look at it
        self._domain = f"orderpage-{next(_numbers)}"
        self._client = api.get_client(self._domain)
        self._closing = ExitStack()

    @property
    def trouble(self) -> str:
        """Why it runs on an old state, or answers ``legacy`` where flags say more; empty when all is well."""
        with self._lock:
            return self._trouble()

    def route(self, cell: TrafficCell, version: str, bucket: int) -> Route:
        """Who answers a checkout: ``version`` as the client tells it, or empty; ``bucket`` from 0 to 9,999.

        Rules with a version do not match a version that is empty or not semantic. A flag that cannot be evaluated
        answers ``legacy``, and is trouble until the flags change.
        """
        in_force = self._in_force
        if in_force is None:
            raise RuntimeError("flags are asked before they are open")
        kind = in_force.kinds.get(version)
        if kind is None:
            kind = in_force.kind(version)
        key = cell, kind, bisect_right(in_force.cuts, bucket)
        route = in_force.routes.get(key)
        if route is None:
            route = self._evaluate(cell, version, bucket)
            _remember(in_force.routes, key, route, _MOST_ROUTES)
        return route

    def close(self) -> None:
        """Watch no more. Asked afterwards it answers ``legacy`` where it does not remember, and that is trouble."""
        self._closing.close()

    def open_file(self, path: Path) -> None:
        """Put a file in force and watch it. Raises ``FlagError``."""
        self._provide(file_provider(path, self._accept, self._noting("file")))

    def open_server(self, host: str, port: int) -> None:
        """Put the flags of a running flagd in force and follow them. Raises ``FlagError``."""
        self._where = f"flagd at {host}:{port}"
        try:
            self._provide(server_provider(host, port, self._accept, self._noting("content")))
        except OpenFeatureError:
            seconds = f"{START_MS / 1000:g} s"
            raise FlagError(f"{self._where} sends no flags in {seconds}; does it run, is it the sync port?") from None
        if self._in_force is None:
            raise FlagError(self.trouble)
        for event in _EVENTS:
            self._client.add_handler(event, self._heard)
            self._closing.callback(self._client.remove_handler, event, self._heard)

    def _provide(self, provider: FlagdProvider) -> None:
        self._closing.callback(api.set_provider, NoOpProvider(), self._domain)
        self._closing.callback(provider.shutdown)
        api.set_provider_and_wait(provider, self._domain)

    def _evaluate(self, cell: TrafficCell, version: str, bucket: int) -> Route:
        details = self._client.get_string_details(FLAG, "", context(cell, version, bucket))
        try:
            return Route(details.value)
        except ValueError:
            why = details.error_message or details.error_code or f"it answers {details.value!r}"
            self._note("evaluation", f"the flag {FLAG} cannot be evaluated for {cell}: {why}; legacy answers there")
            return Route.LEGACY

    def _accept(self, file: FlagFile) -> None:
        before = self._in_force
        if before is not None and before.file.document == file.document:
            return
        self.changes += before is not None
        self._in_force = _InForce(file, file.comparisons.cuts, {}, {})
        self._note("evaluation", "")

    def _heard(self, _: EventDetails) -> None:
        """Look, whatever was heard: events are told by several threads, not always in order."""
        ready = self._client.get_provider_status() is ProviderStatus.READY
        self._note("server", "" if ready else f"the last good flags stay in force: {self._where} does not answer")

    def _noting(self, subject: str) -> Callable[[str], None]:
        return lambda text: self._note(subject, text)

    def _note(self, subject: str, text: str) -> None:
        with self._lock:
            if self._troubles.get(subject, "") == text:
                return
            self._troubles[subject] = text
            self._on_trouble(self._trouble())  # by one thread at a time: what is told last is how it is

    def _trouble(self) -> str:
        return "; ".join(text for text in self._troubles.values() if text)


def open_flags(where: str | Path, on_trouble: Callable[[str], None]) -> FlagSource:
    """Flags of a file, or of a running flagd's sync stream at ``flagd://host:port``.

    ``on_trouble`` is called from threads whenever ``trouble`` changes, also when it ends (an empty text). Raises
    ``FlagError`` where the flags cannot be used at start.
    """
    source = FlagSource(on_trouble)
    try:
        if str(where).startswith("flagd:"):
            source.open_server(*_address(str(where)))
        else:
            source.open_file(Path(where))
    except FlagError:
        source.close()
        raise
    return source


def _address(where: str) -> tuple[str, int]:
    try:
        url = urlsplit(where)
        host, port = url.hostname, url.port
    except ValueError:
        host = port = None
    if not host or not port or url.path.strip("/") or url.query:
        raise FlagError(f"{where!r} is not flagd://host:port, such as flagd://127.0.0.1:8015 (flagd's sync port)")
    return host, port


def _remember(answers: dict[_Key, _Value], key: _Key, value: _Value, most: int) -> None:
    if len(answers) >= most:
        answers.clear()
    answers[key] = value
