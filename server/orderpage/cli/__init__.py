"""The command ``orderpage``. Each command's own imports are late, so that none pays for another's."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn


def main() -> None:
    """Run a command; a mistake of the user's ends with its message and status 2, never with a stack trace."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its C core writes to standard error what we say ourselves
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2:])
    if sys.argv[1:2] == ["shadow"]:
        _shadow()
    _command()


def _command() -> NoReturn:
    from orderpage.cli.commands import app

    try:
        app()
    except Exception as error:
        # Asked for only now: naming every mistake imports most of the program.
        from orderpage.cli.failures import mistakes

        _end(error, mistakes())
    raise SystemExit(0)


def _serve(arguments: list[str]) -> NoReturn:
    """Past the other commands: what makes them pleasant would weigh on every server, and on each of its workers."""
    from orderpage.cli.serve import serve

    _process(lambda: serve(arguments))


def _shadow() -> NoReturn:
    """No command for people: ``serve`` starts it."""
    from orderpage.cli.shadow import shadow

    _process(shadow)


def _process(run: Callable[[], int]) -> NoReturn:
    try:
        status = run()
    except Exception as error:
        from orderpage.cli.failures import server_mistakes

        _end(error, server_mistakes())
    raise SystemExit(status)


def _end(error: Exception, mistakes: tuple[type[Exception], ...]) -> NoReturn:
    if isinstance(error, mistakes):
        fail(str(error))
    raise error


def fail(message: str) -> NoReturn:
    """End with a message on standard error and status 2."""
    print(f"orderpage: {message}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2)
