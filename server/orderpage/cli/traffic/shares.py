"""How an operator writes who gets what: ``new=20 shadow``."""

import re

from orderpage.buckets import PARTS
from orderpage.cli.failures import UserMistake
from orderpage.migration.flags.rules import Route, Split, percent

GRAMMAR = (
    "write one word for everybody (legacy, shadow, new, ramp or refused), or shares of buyers in percent and a last "
    "word for the others: new=20 shadow"
)
_SHARED = (Route.NEW, Route.SHADOW, Route.LEGACY)
_SHARE = re.compile(r"([a-z]+)=([0-9]{1,3}(?:\.[0-9]{1,2})?)%?", re.ASCII)


def read_split(words: list[str]) -> Split:
    """``["new=20", "shadow"]`` as a split. Raises ``UserMistake``.

    Shares are of all buyers and never meant to add up by themselves: who gets the rest is written, because a share
    that was forgotten and one that was left out on purpose look the same.
    """
    shares: dict[Route, int] = {}
    others: list[Route] = []
    for word in words:
        name, equals, _ = word.partition("=")
        route = _route(name)
        if route in shares or route in others:
            raise UserMistake(f"{route} is said twice; {GRAMMAR}")
        if equals:
            shares[route] = _share(word, route)
        else:
            others.append(route)
    return _split(shares, others)


def _route(name: str) -> Route:
    if name == Route.KILLED:
        raise UserMistake("'killed' is not set but done, and undone: orderpage traffic kill, orderpage traffic revive")
    try:
        return Route(name)
    except ValueError:
        raise UserMistake(f"{name!r} is none of legacy, shadow, new, ramp, refused; {GRAMMAR}") from None


def _share(word: str, route: Route) -> int:
    match = _SHARE.fullmatch(word)
    if match is None or route not in _SHARED:
        raise UserMistake(
            f"{word!r} is no share of new, shadow or legacy in percent with up to two decimals, such as new=12.5"
        )
    whole, _, cents = match[2].partition(".")
    return int(whole) * 100 + int(f"{cents:0<2}")


def _split(shares: dict[Route, int], others: list[Route]) -> Split:
    total = sum(shares.values())
    if len(others) > 1 or not (shares or others):
        raise UserMistake(f"say who gets what: {GRAMMAR}")
    if total > PARTS:
        raise UserMistake(f"the shares add up to {percent(total)}, and each is of all buyers; {GRAMMAR}")
    if total < PARTS and not others:
        left = percent(PARTS - total)
        words = " or ".join(route for route in (Route.SHADOW, Route.LEGACY) if route not in shares) or Route.NEW
        raise UserMistake(f"{left} of the buyers are left over; end with a word for them: {words}")
    if others and shares and others[0] not in _SHARED:
        raise UserMistake(f"{others[0]} takes everybody, it cannot share with {', '.join(shares)}; {GRAMMAR}")
    if others:
        shares[others[0]] = PARTS - total
    return Split.of(**{route.value: share for route, share in shares.items()})
