"""Secrets that extensions name (their attribute ``secrets``) and that are not set here: said before a buyer meets it.

That is no mistake of the packages, which may be looked at where there are no secrets, and pages go on without what
needs one; so it is a warning, and refuses nothing.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec
import structlog

from orderpage.engine.plan import Origin, PlanSet

log = structlog.get_logger(__name__)

Secret = Callable[[str], str]
"""Gives a secret by its name. Raises ``LookupError`` with what to do where it is not set."""


class MissingSecret(msgspec.Struct, frozen=True, order=True):
    """A secret that is not set, and one slot that names it. ``remedy`` says what to set."""

    name: str
    point: str
    slot: str
    extension: str
    origin: Origin
    remedy: str

    def __str__(self) -> str:
        """Plain text, as the command line prints it."""
        return f"{self.remedy}: {self.slot} ({self.extension}) at {self.point} needs it, {self.origin}"


def missing_secrets(plans: PlanSet, secret: Secret, at: datetime) -> tuple[MissingSecret, ...]:
    """Those of the scenarios of ``at`` and of all that is to come."""
    found = []
    for each in sorted(set(_named(plans, at))):
        try:
            secret(each.name)
        except LookupError as missing:
            found.append(msgspec.structs.replace(each, remedy=str(missing.args[0])))
    return tuple(found)


def warn_of_missing_secrets(plans: PlanSet, secret: Secret, at: datetime) -> None:
    """To the log, a line each."""
    for each in missing_secrets(plans, secret, at):
        log.warning("secret.missing", secret=each.name, slot=each.slot, said=str(each))


def _named(plans: PlanSet, at: datetime) -> Iterator[MissingSecret]:
    coming = {cell.plan.digest: cell.plan for cell in plans.cells() if cell.era.end is None or at < cell.era.end}
    for plan in coming.values():
        for point in plan.stages:
            for slot, compiled in plan.placed(point):
                for name in getattr(compiled.instance, "secrets", ()):
                    yield MissingSecret(name, point, slot.name, slot.extension, slot.origin, "")
