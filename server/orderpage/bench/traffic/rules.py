"""The flags of the measured server: a dozen rules, as a migration has them half way."""

from collections.abc import Collection, Mapping
from pathlib import Path

from orderpage.buckets import bucket_number
from orderpage.migration.flags.file import dump, to_flagd
from orderpage.migration.flags.rules import SALT, Route, Rule, Rules, Split
from orderpage.migration.scope import Scope

SHARE = 9_000
"""Of 10,000 buckets, those that the pinned cell's split and the ramp send to the new stack."""

SPLIT_VERSION, RAMP_VERSION = "2.0.0", "4.1.0"
"""Clients of the pinned cell that a split sends there, and those that the ramp does."""

RAMP = Scope(site="SG")
"""What the ramp covers."""

COLD_CLIENTS = tuple(f"app-{number}" for number in range(50))
"""Of as many cells beside the pinned one."""

DIMENSIONS: Mapping[str, Collection[str]] = {
    "site": ("HK", "SG"),
    "business": ("marketplace", "supermarket", "saas", "pinned"),
    "client": ("h5", "native", "mini_program", *COLD_CLIENTS),
    "crowd": ("everyone", "newcomer", "member"),
}
"""The closed values that the rules are over."""

_RAMP_VERSIONS = ">=4.0.0"
_PINNED = Scope("SG", "pinned")


def whole(scope: Scope, route: Route, versions: str = "") -> Rule:
    """Every buyer of a scope."""
    return Rule(scope, versions, Split.whole(route))


def half_way(changing: int) -> Rules:
    """The rules. ``changing`` buckets of Hong Kong's newcomers go to new: that is edited, everything else stays."""
    return Rules.of(
        (
            whole(Scope("HK", client="mini_program"), Route.KILLED),
            whole(Scope(client="native"), Route.REFUSED, "<1.4.0"),
            whole(_PINNED, Route.RAMP, _RAMP_VERSIONS),
            Rule(_PINNED, "", Split.of(new=SHARE, shadow=10_000 - SHARE)),
            whole(Scope("SG", "marketplace", "h5"), Route.RAMP),
            Rule(Scope("SG", "saas"), "", Split.of(new=500, shadow=9_500)),
            Rule(Scope("SG", crowd="member"), "", Split.of(new=5_000, shadow=5_000)),
            Rule(Scope("SG"), "", Split.of(new=100, shadow=9_900)),
            whole(Scope("HK", "marketplace", "h5"), Route.RAMP),
            Rule(Scope("HK", "supermarket"), "", Split.of(new=2_000, shadow=8_000)),
            Rule(Scope("HK", crowd="newcomer"), "", Split.of(new=changing, shadow=10_000 - changing)),
            whole(Scope("HK"), Route.SHADOW),
        )
    )


def write_flags(file: Path, rules: Rules) -> None:
    """Put the rules into the file at once, so that nobody ever reads half of them."""
    aside = file.with_suffix(".new")
    aside.write_text(dump(to_flagd(rules)), "utf-8")
    aside.replace(file)


def goes_to_new(buyer_id: str) -> bool:
    """Whether the pinned cell's split and the ramp send that buyer to the new stack."""
    return bucket_number(SALT, buyer_id) < SHARE
