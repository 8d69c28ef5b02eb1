"""What becomes of a deposit when a presale ends without its balance (PRC Civil Code 586 and 587; domain rules 5.2).

Pure: amounts in, amounts out, in the order's minor units.
"""

from enum import StrEnum

import msgspec


class Default(StrEnum):
    """Whose doing it is: the buyer did not pay the balance; the seller does not deliver; or nobody can (no method takes
    the goods any more), which the platform answers for.
    """

    BUYER = "BUYER"
    SELLER = "SELLER"
    PLATFORM = "PLATFORM"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """``refund`` goes back to the buyer of what was paid, ``kept`` is the seller's; the ``penalty`` comes from the
    seller on top of the refund.
    """

    default: Default
    refund: int
    kept: int
    penalty: int = 0


def ending_of(default: Default, deposit: int, paid: int) -> Ending:
    """``paid`` is all that the first stage took: the deposit, and freight or tax where the site takes them then.

    A buyer in default forfeits the deposit and nothing else (586, 587): what was paid for services goes back (domain
    rules 5.3, rule 16). A seller in default gives it back doubled. Otherwise all goes back. Raises ``ValueError`` where
    the deposit is no part of what was paid.
    """
    if not 0 <= deposit <= paid:
        raise ValueError(f"a deposit of {deposit} is no part of {paid} paid")
    match default:
        case Default.BUYER:
            return Ending(default=default, refund=paid - deposit, kept=deposit)
        case Default.SELLER:
            return Ending(default=default, refund=paid, kept=0, penalty=deposit)
        case Default.PLATFORM:
            return Ending(default=default, refund=paid, kept=0)
