"""Which exceptions are a user's to mend: their message is all that is shown."""


class UserMistake(Exception):
    """A command was asked for something that is not there."""


def mistakes() -> tuple[type[Exception], ...]:
    """Of any command."""
    from orderpage.adapters.sql.settling import OutOfTurn
    from orderpage.bench.fresh_database import NotEmpty
    from orderpage.bench.load import CallFailed
    from orderpage.bench.measured import ServerDied
    from orderpage.traced.source import TraceError

    return (*server_mistakes(), ServerDied, NotEmpty, CallFailed, TraceError, OutOfTurn)


def server_mistakes() -> tuple[type[Exception], ...]:
    """Wrong settings, packages, databases, data files and addresses to listen on."""
    from orderpage.adapters.sql.revision import SchemaMismatch
    from orderpage.adapters.sql.urls import WrongUrl
    from orderpage.api.server import CannotListen
    from orderpage.domain.problem import Refusal
    from orderpage.engine.faults import Fault
    from orderpage.engine.problems import PackageErrors
    from orderpage.migration.flags.errors import FlagError
    from orderpage.ports import Unavailable
    from orderpage.settings import SettingsError
    from orderpage.telemetry.metrics_serve import CannotExpose

    return (
        UserMistake,
        SettingsError,
        CannotListen,
        CannotExpose,
        PackageErrors,
        FlagError,
        SchemaMismatch,
        WrongUrl,
        Refusal,
        Fault,
        Unavailable,
        TimeoutError,
    )
