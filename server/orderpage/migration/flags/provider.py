"""flagd's provider for OpenFeature, which evaluates flags, made so that it takes checked flags only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.contrib.tools.flagd.core import FlagdCore

from orderpage.migration.flags.errors import FlagError
from orderpage.migration.flags.file import FLAG, FlagFile, validate
from orderpage.migration.flags.watch import FlagWatch

START_MS = 5_000
"""How long a running flagd gets to send its flags at start."""
_RETRY_MS = 500
_STREAM_MS = 60_000
"""A stream is made anew this often, so that one that died without a word is not believed for ever."""

Accepted = Callable[[FlagFile], None]
Note = Callable[[str], None]


class CheckedFlags(FlagdCore):
    """flagd's evaluator, which keeps what it has when it is given something wrong."""

    def __init__(self, accepted: Accepted, note: Note) -> None:
        super().__init__()
        self._accepted = accepted
        self._note = note

    def offer(self, text: str) -> str:
        """Put flags in force, or say in what they are wrong."""
        try:
            file = validate(text)
        except FlagError as error:
            return str(error)
        self.set_flags(text)
        self._accepted(file)
        return ""

    def set_flags_and_get_changed_keys(self, flag_configuration: str | dict[str, Any]) -> list[str]:
        """What the provider calls when flagd sends flags, as text."""
        wrong = self.offer(str(flag_configuration))
        trouble = f"the last good flags stay in force: those that flagd sent cannot be used: {wrong}"
        self._note(trouble if wrong else "")
        return [] if wrong else [FLAG]


def file_provider(path: Path, accepted: Accepted, note: Note) -> FlagdProvider:
    """Flags of a file, watched by our ``FlagWatch``."""
    provider = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(path))
    flags = CheckedFlags(accepted, note)
    resolver: Any = provider.resolver
    resolver.evaluator, resolver.connector = flags, FlagWatch(path, flags.offer, note)
    return provider


def server_provider(host: str, port: int, accepted: Accepted, note: Note) -> FlagdProvider:
    """Flags of a running flagd, over its stream of changes; they are evaluated here."""
    provider = FlagdProvider(
        resolver_type=ResolverType.IN_PROCESS,
        host=host,
        port=port,
        tls=False,
        deadline_ms=START_MS,
        retry_backoff_ms=_RETRY_MS,
        retry_backoff_max_ms=_RETRY_MS,
        retry_grace_period=0,  # the provider's timer for it outlives shutdown and would hold up the process
        stream_deadline_ms=_STREAM_MS,
        sync_metadata_disabled=True,
    )
    flags = CheckedFlags(accepted, note)
    resolver: Any = provider.resolver
    resolver.evaluator = resolver.connector.flag_store.evaluator = flags
    return provider
