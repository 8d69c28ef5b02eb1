"""A coupon as a buyer enters it: ``CODE``, or a personal token ``CODE.serial.mac`` that only its buyer can use."""

import msgspec

MOST_COUPONS = 10
"""Coupons that a page takes."""


class EnteredCoupon(msgspec.Struct, frozen=True, gc=False):
    """What is known of one. ``genuine``: its token is the buyer's and unaltered; None: there was nobody to check it.

    ``used`` is how often the buyer's orders used it. The token itself is not kept.
    """

    code: str
    serial: str = ""
    genuine: bool | None = None
    used: int = 0

    @property
    def name(self) -> str:
        """Names it to people and in what is used up."""
        return f"{self.code}.{self.serial}" if self.serial else self.code


def parts(text: str) -> tuple[str, str, str]:
    """Code, serial and mac of what was entered; serial and mac are empty where it is a code."""
    code, _, rest = text.partition(".")
    serial, _, mac = rest.partition(".")
    return code, serial, mac


def unchecked(text: str) -> EnteredCoupon:
    """As it was entered."""
    code, serial, _ = parts(text)
    return EnteredCoupon(code, serial)


def without_mac(text: str) -> str:
    """What may be kept and shown of it."""
    return unchecked(text).name
