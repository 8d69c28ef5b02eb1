"""Our values in a carrier's words, and a carrier's answers as our values: strict, so that nothing wrong is believed.

``Template`` writes the body of a call; the functions below read one value of an answer. What is missing, of another
type, negative, absurdly large or in another currency raises ``WrongAnswer`` with the place and what was found there.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote as quoted

from orderpage.domain.address import Address
from orderpage.domain.money import CNY
from orderpage.domain.shipping import Parcel
from orderpage_carriers.description import Call, Length, Money, Volume, Weight
from orderpage_carriers.places import Node, Place, WrongAnswer, check_writable, put, said

REQUEST_NAMES = ("currency", "country", "subdivision", "postcode", "city", "district", "pickup")
"""Our names for where to, and in which currency. ``pickup`` is whether to a pick-up point."""

PARCEL_NAMES = (
    "parcel_id", "weight", "volume", "longest_side", "length", "width", "height", "classes", "origin", "value",
)  # fmt: skip
"""Our names for a parcel. ``length``, ``width`` and ``height`` are of a box that holds it; ``value`` is in CNY."""

BOOKING_NAMES = ("key", "reference", "service", "recipient", "phone", "street", "pickup_point")
"""Our names for a booking, beside those of its parcel and where it goes. ``street`` is a list of lines."""

NAMES = REQUEST_NAMES + PARCEL_NAMES + BOOKING_NAMES

Values = Mapping[str, Any]
"""Our name to a value: grams, centimetres, cm³ and fen as integers, texts, lists of texts, truth values."""

_WEIGHTS = {Weight.G: Decimal(1), Weight.KG: Decimal("0.001")}
_LENGTHS = {Length.MM: Decimal(10), Length.CM: Decimal(1), Length.M: Decimal("0.01")}
_VOLUMES = {Volume.CM3: Decimal(1), Volume.LITRE: Decimal("0.001"), Volume.M3: Decimal("0.000001")}
_LENGTH_NAMES = frozenset({"longest_side", "length", "width", "height"})
_IN_BRACES = re.compile(r"\{([^{}]*)\}")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)
_MOST_TEXT = 200
_MOST_DAYS = 365


# ---- our values --------------------------------------------------------------------------------------------------


def destination_values(address: Address) -> dict[str, Any]:
    """Where to: no more than a price depends on."""
    return {
        "country": address.country,
        "subdivision": address.subdivision,
        "postcode": address.postcode,
        "city": address.city,
        "district": address.district,
        "pickup": not address.home_delivery,
    }


def parcel_values(parcel: Parcel) -> dict[str, Any]:
    """A parcel. Its box is as long and as wide as the largest unit needs, and as high as the whole volume needs."""
    sides = [sorted(item.line.sku.sides_cm, reverse=True) for item in parcel.items]
    length, width, least = (max((side[index] for side in sides), default=0) for index in range(3))
    floor = length * width
    return {
        "parcel_id": parcel.parcel_id,
        "weight": parcel.weight_g,
        "volume": parcel.volume_cm3,
        "longest_side": length,
        "length": length,
        "width": width,
        "height": max(least, -(-parcel.volume_cm3 // floor)) if floor else 0,
        "classes": sorted(parcel.goods_classes),
        "origin": min(parcel.origins, default=""),
        "value": sum(item.line.sku.unit_price * item.quantity for item in parcel.items),
    }


# ---- into the carrier's words ----------------------------------------------------------------------------------


class Template:
    """Writes what one call sends. ``known`` are the names that are there to be written, ``also`` the places that
    somebody else writes, by what that is.

    Raises ``ValueError`` for a name that is not there, and for places that can't be written.
    """

    def __init__(self, call: Call, known: Collection[str], also: Mapping[str, str] | None = None) -> None:
        self._call = call
        _check_names((*call.fields, *_IN_BRACES.findall(call.path)), known)
        _check_names(call.words, NAMES)
        self._fields = {name: Place(place) for name, place in call.fields.items()}
        self._constants = {place: Place(place) for place in call.constants}
        others = {name: Place(place) for name, place in (also or {}).items()}
        constants = {f"the constant {name}": place for name, place in self._constants.items()}
        check_writable({**constants, **others, **self._fields})
        if call.in_query and any(len(place.steps) > 1 for place in (*self._fields.values(), *self._constants.values())):
            raise ValueError(f"a {call.method} sends its fields in the query, where a place is one plain name")

    def path(self, values: Values) -> str:
        """The call's path with its values, each as one segment."""
        return _IN_BRACES.sub(lambda match: quoted(str(values.get(match[1], "")), safe=""), self._call.path)

    def body(self, values: Values, also: Place | None = None, there: Any = None) -> dict[str, Any]:
        """What is sent, with what is empty left out; ``there`` stands at the place ``also``."""
        body: dict[str, Any] = {}
        if also is not None:
            put(body, also, there)
        for name, place in self._constants.items():
            put(body, place, self._call.constants[name])
        for name, place in self._fields.items():
            value = self._said(name, values.get(name))
            if value not in (None, "", []):
                put(body, place, value)
        return body

    def _said(self, name: str, value: Any) -> Any:
        """In the carrier's unit and words."""
        if value is None or isinstance(value, bool):
            return value
        units = self._call.units
        if name == "weight":
            return _scaled(value, _WEIGHTS[units.weight])
        if name in _LENGTH_NAMES:
            return _scaled(value, _LENGTHS[units.length])
        if name == "volume":
            return _scaled(value, _VOLUMES[units.volume])
        if name == "value":
            return _money(value, units.money)
        words = self._call.words.get(name, {})
        return [words.get(item, item) for item in value] if isinstance(value, list) else words.get(value, value)


def _scaled(value: int, factor: Decimal) -> int | Decimal:
    scaled = value * factor
    return int(scaled) if scaled == scaled.to_integral_value() else scaled.normalize()


def _money(fen: int, money: Money) -> int | str | Decimal:
    if money is Money.MINOR:
        return fen
    return CNY.format(fen) if money is Money.MAJOR_TEXT else Decimal(CNY.format(fen))


# ---- out of the carrier's words ----------------------------------------------------------------------------------


def text_at(node: Node, place: Place, *, optional: bool = False) -> str:
    """A text or a whole number, as text. Raises ``WrongAnswer``; "" where it is optional and missing."""
    value = node.get(place)
    if value is None and optional:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > _MOST_TEXT:
        raise WrongAnswer(f"{place}: a text of 1 to {_MOST_TEXT} characters is expected, found {node.said(value)}")
    return value.strip()


def truth_at(node: Node, place: Place) -> bool:
    """True or false. Raises ``WrongAnswer`` for anything else."""
    value = node.get(place)
    if not isinstance(value, bool):
        raise WrongAnswer(f"{place}: true or false is expected, found {node.said(value)}")
    return value


def amount_at(node: Node, place: Place, money: Money, within: tuple[int, int]) -> int:
    """Fen, from an amount in CNY written as ``money`` says. Raises ``WrongAnswer``; ``within`` is inclusive, in fen."""
    value = node.get(place)
    fen = _fen(value, money)
    if fen is None:
        raise WrongAnswer(f"{place}: {_EXPECTED[money]} is expected, found {said(value)}")
    return believable(fen, within, str(place))


_EXPECTED = {
    Money.MINOR: "a whole number of fen",
    Money.MAJOR_TEXT: "an amount as text, such as '12.00',",
    Money.MAJOR_NUMBER: "an amount as a number, such as 12.00,",
}


def _fen(value: Any, money: Money) -> int | None:
    """None for what is written otherwise. A number is read exactly: the decoder never makes it a float."""
    if isinstance(value, bool):
        return None
    if money is Money.MINOR:
        return value if isinstance(value, int) else None
    if money is Money.MAJOR_NUMBER and isinstance(value, int | Decimal):
        if not Decimal(value).is_finite() or abs(Decimal(value).adjusted()) > 12:
            return None
        sign, value = (-1, -value) if value < 0 else (1, value)
        value = f"{Decimal(value):f}"
    elif money is Money.MAJOR_TEXT and isinstance(value, str):
        sign, value = (-1, value[1:]) if value.startswith("-") else (1, value)
    else:
        return None
    if not _DECIMAL.fullmatch(value):
        return None
    fen = Decimal(value).scaleb(CNY.exponent)
    return sign * int(fen) if fen == fen.to_integral_value() else None


def believable(fen: int, within: tuple[int, int], where: str) -> int:
    """The amount. Raises ``WrongAnswer`` outside ``within``, such as for a negative one."""
    least, most = within
    if not least <= fen <= most:
        bounds = f"{CNY.format(least)} to {CNY.format(most)} CNY"
        raise WrongAnswer(f"{where}: an amount of {bounds} is expected, found {CNY.format(fen)}")
    return fen


def listed_currency(code: str, where: str) -> None:
    """Raises ``WrongAnswer`` for any currency but the listing's: a page converts from no other."""
    if code != CNY.code:
        raise WrongAnswer(f"{where}: prices must be in {CNY.code}, found {said(code)}")


def days_between(least: Any, most: Any, where: str) -> tuple[int, int] | None:
    """A transit in whole days; None where it isn't said. Raises ``WrongAnswer`` for what is no such span."""
    if least is None and most is None:
        return None
    good = all(isinstance(days, int) and not isinstance(days, bool) for days in (least, most))
    if not good or not 0 <= least <= most <= _MOST_DAYS:
        raise WrongAnswer(f"{where}: days as 0 <= minimum <= maximum are expected, found {said(least)}, {said(most)}")
    return least, most


def refused_at(node: Node, place: Place) -> None:
    """Raises ``WrongAnswer`` where the carrier says that something is wrong."""
    value = node.get(place)
    if value not in (None, False, "", 0, [], {}):
        raise WrongAnswer(f"{place}: the carrier refuses, found {node.said(value)}")


def places(answer: Mapping[str, str], known: Collection[str]) -> dict[str, Place]:
    """Where an answer's values stand. Raises ``ValueError`` for a name that is none of ours."""
    _check_names(answer, known)
    return {name: Place(text) for name, text in answer.items()}


def _check_names(names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is no name of ours here; there are {', '.join(known)}")
