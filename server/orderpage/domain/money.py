"""Exact money: integer minor units, HALF_UP, largest remainder.

An amount is a plain ``int`` in the minor units of a currency named beside it (once a page), because a page holds
hundreds of them and no arithmetic on them may ever meet a float.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import msgspec

_MOST_DIGITS = 20


class Currency(msgspec.Struct, frozen=True):
    """An ISO 4217 code and the number of decimals that retail uses (TWD has 0, against CLDR's 2)."""

    code: str
    exponent: int

    def format(self, amount: int) -> str:
        """``16887`` at exponent 2 reads ``"168.87"``."""
        sign = "-" if amount < 0 else ""
        digits = str(abs(amount)).rjust(self.exponent + 1, "0")
        if not self.exponent:
            return sign + digits
        return f"{sign}{digits[: -self.exponent]}.{digits[-self.exponent :]}"

    def parse(self, text: str) -> int:
        """Minor units of a decimal text. Raises ``ValueError`` for more decimals than the currency has."""
        value = _decimal(text, "a decimal amount, such as '12.00'")
        scaled = value.scaleb(self.exponent)
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{text!r} has more than the {self.exponent} decimals of {self.code}")
        return int(scaled)


CNY = Currency("CNY", 2)
"""The listing currency: catalogue prices and rate cards are in fen."""


_MOST_FEN = 10**11
"""What a setting or a price can come to: converted at any rate of the world, and added up, it fits in 64 bits."""


class ListingAmount(int):
    """Fen, zero to 1000000000.00 CNY, written in settings and data as text: ``ListingAmount("12.00") == 1200``."""

    def __new__(cls, text: str) -> "ListingAmount":
        """Raises ``ValueError`` for anything but a text with at most two decimals, and for more than fits; a bare
        number could mean fen or yuan.
        """
        if not isinstance(text, str):
            raise ValueError(f"write the amount as text in CNY, such as '12.00', not {text!r}")
        amount = CNY.parse(text)
        if amount < 0:
            raise ValueError(f"{text!r} is negative; prices, fees and reductions are all written without a sign")
        if amount > _MOST_FEN:
            raise ValueError(f"{text!r} is above {CNY.format(_MOST_FEN)}, the most that an amount in CNY can be")
        return super().__new__(cls, amount)


class Percent(int):
    """Parts per million, zero or more, written in settings as a percentage: ``Percent("12.5") == 125_000``."""

    def __new__(cls, text: str) -> "Percent":
        """Raises ``ValueError`` for anything but a text with at most four decimals."""
        if not isinstance(text, str):
            raise ValueError(f"write the percentage as text, such as '12.5', not {text!r}")
        share = _decimal(text, "a percentage, such as '12.5'").scaleb(4)
        if share != share.to_integral_value() or share < 0:
            raise ValueError(f"{text!r} is not a percentage of zero or more with at most four decimals")
        return super().__new__(cls, int(share))


def percent(ppm: int) -> str:
    """``99_750`` parts per million read ``"9.975%"``."""
    return f"{ppm // 10_000}.{ppm % 10_000:04}".rstrip("0").rstrip(".") + "%"


class ExchangeRate(msgspec.Struct, frozen=True):
    """An exact rate between minor units: ``quote minor = base minor * numerator / denominator``."""

    rate_id: str
    base: Currency
    quote: Currency
    numerator: int
    denominator: int

    @classmethod
    def of(cls, rate_id: str, base: Currency, quote: Currency, rate: str) -> "ExchangeRate":
        """A rate from its published text: 1 CNY = ``"0.1920"`` SGD. Raises ``ValueError`` unless positive."""
        value = _decimal(rate, "a rate of exchange, such as '0.1920'")
        if value <= 0:
            raise ValueError(f"rate of exchange {rate!r} is not a positive number")
        numerator, denominator = value.scaleb(quote.exponent - base.exponent).as_integer_ratio()
        return cls(rate_id, base, quote, numerator, denominator)

    def convert(self, amount: int) -> int:
        """The amount in the quote currency's minor units, rounded HALF_UP."""
        if amount < 0:
            return -self.convert(-amount)
        denominator = self.denominator
        return (2 * amount * self.numerator + denominator) // (2 * denominator)

    def drifted(self, now: "ExchangeRate", ppm: int) -> bool:
        """Whether the rate has moved since by more than so many parts per million of what it was."""
        was, moved = self.numerator * now.denominator, now.numerator * self.denominator
        return abs(moved - was) * 1_000_000 > was * ppm


def _decimal(text: str, what: str) -> Decimal:
    """Exact: a text of more digits than Decimal keeps would be rounded silently, so it is refused."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not {what}") from None
    if not value.is_finite() or value.adjusted() > _MOST_DIGITS or len(value.as_tuple().digits) > _MOST_DIGITS:
        raise ValueError(f"{text!r} is not {what}")
    return value


def check_whole(what: str, name: str, *amounts: int) -> None:
    """Raises ``TypeError``, naming it, unless all are whole numbers: an extension's float would reach totals, a cent
    off.
    """
    for amount in amounts:
        if not isinstance(amount, int):
            raise TypeError(f"{what} {name} is a whole number of minor units or millionths, not {amount!r}")


def half_up(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` to the nearest integer, an exact half away from zero."""
    if numerator < 0:
        return -half_up(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def parts_per_million(amounts: Sequence[int], ppm: int) -> list[int]:
    """So many parts per million of each amount (zero or more), each rounded HALF_UP by itself."""
    twice = 2 * ppm
    return [(amount * twice + 1_000_000) // 2_000_000 for amount in amounts]


_FEW = 6
"""Units for which looking for the greatest remainder again and again beats sorting."""


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` in proportion to ``weights`` by largest remainder, ties to the lower index.

    The parts always sum to ``total``. Zero weights split evenly. Remainders are compared as exact integers
    (domain rule: never as quotients).
    """
    if len(weights) < 2:
        return [total] * len(weights)
    whole = sum(weights)
    if not whole:
        weights, whole = [1] * len(weights), len(weights)
    if total < 0:
        return [-part for part in allocate(-total, weights)]
    parts, remainders, missing = [], [], total
    for weight in weights:  # one pass: of short lists it is twice as fast as one comprehension after another
        part, remainder = divmod(total * weight, whole)
        parts.append(part)
        remainders.append(remainder)
        missing -= part
    if missing < _FEW:
        while missing:  # of equal remainders the first
            index = remainders.index(max(remainders))
            parts[index] += 1
            remainders[index] = -1
            missing -= 1
    else:
        # A reversed sort keeps equal remainders in their order: ties go to the lower index.
        for index in sorted(range(len(weights)), key=remainders.__getitem__, reverse=True)[:missing]:
            parts[index] += 1
    return parts
