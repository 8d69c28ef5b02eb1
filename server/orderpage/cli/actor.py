"""Who does what is kept with a name."""

import getpass

from orderpage.cli.failures import UserMistake


def actor_of(given: str) -> str:
    """Who is named, else who is logged in. Raises ``UserMistake`` where nobody is known."""
    try:
        return given.strip() or getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        raise UserMistake("say who you are: --actor NAME (this user has no name here)") from None
