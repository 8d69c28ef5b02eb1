"""Where the goods go."""

from enum import StrEnum

import msgspec


class Delivery(StrEnum):
    """How the parcel is handed over (宅配 or 自提)."""

    HOME = "HOME"
    PICKUP_POINT = "PICKUP_POINT"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery address. Empty text means "not given".

    ``country`` is ISO 3166-1 alpha-2; ``subdivision`` the part of ISO 3166-2 after the hyphen where the
    country has one; ``phone`` is as typed, checked at Submit.
    """

    country: str
    subdivision: str = ""
    city: str = ""
    district: str = ""
    postcode: str = ""
    street: tuple[str, ...] = ()
    recipient: str = ""
    phone: str = ""
    delivery: Delivery = Delivery.HOME
    pickup_point: str = ""

    @property
    def home_delivery(self) -> bool:
        """Whether the carrier comes to the door."""
        return self.delivery is Delivery.HOME
