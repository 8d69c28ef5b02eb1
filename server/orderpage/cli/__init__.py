"""The command ``orderpage``. Each command's own imports are late, so that none pays for another's."""

import os
import sys
from typing import NoReturn


def main() -> None:
    """Run a command; a mistake of the user's ends with its message and status 2, never with a stack trace."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its C core writes to standard error what we say ourselves
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2:])
    from orderpage.cli.commands import app
    from orderpage.cli.failures import mistakes

    try:
        app()
    except mistakes() as mistake:
        fail(str(mistake))


def _serve(arguments: list[str]) -> NoReturn:
    """Past the other commands: what makes them pleasant would weigh on every server, and on each of its workers."""
    from orderpage.cli.serve import serve

    try:
        status = serve(arguments)
    except Exception as error:
        from orderpage.cli.failures import server_mistakes

        if isinstance(error, server_mistakes()):
            fail(str(error))
        raise
    raise SystemExit(status)


def fail(message: str) -> NoReturn:
    """End with a message on standard error and status 2."""
    print(f"orderpage: {message}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2)
