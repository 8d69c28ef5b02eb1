"""What is sold: shops, SKUs and the lines of a cart."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

import msgspec

from orderpage.domain.presale import Presale
from orderpage.domain.text import Text


class GoodsClass(StrEnum):
    """How carriers and customs class a good (domain rules, section 3.3)."""

    GENERAL = "GENERAL"
    BATTERY_BUILTIN = "BATTERY_BUILTIN"
    BATTERY_ALONE = "BATTERY_ALONE"
    LIQUID = "LIQUID"
    POWDER = "POWDER"
    MAGNET = "MAGNET"
    AEROSOL = "AEROSOL"
    BLADE = "BLADE"
    FOOD = "FOOD"
    MEAT_PLANT = "MEAT_PLANT"
    COSMETIC = "COSMETIC"
    MEDICINE = "MEDICINE"
    BRAND_SENSITIVE = "BRAND_SENSITIVE"
    DUTIABLE = "DUTIABLE"
    UNKNOWN = "UNKNOWN"
    """The catalogue says one that nobody here knows: no method carries it."""

    @classmethod
    def of(cls, name: str) -> "GoodsClass":
        """The class of that name."""
        return cls._value2member_map_.get(name, cls.UNKNOWN)  # type: ignore[return-value]


class Shop(msgspec.Struct, frozen=True, gc=False):
    """A seller's shop."""

    shop_id: str
    name: Text


class Sku(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One saleable variant. ``unit_price`` in fen (CNY), weight in grams, sides in whole centimetres; 0 is unknown.

    ``origin`` is the region of its stock, ``category`` and ``brand`` what rules about goods name; it is good to eat or
    use until the day before ``expires_on``. ``presale``: when it is sold for a deposit, by date.
    """

    sku_id: str
    shop: Shop
    name: Text
    unit_price: int
    weight_g: int
    sides_cm: tuple[int, int, int]
    goods_class: GoodsClass
    warehouse: str
    origin: str
    hs6: str = ""
    brand: str = ""
    category: str = ""
    expires_on: date | None = None
    max_quantity: int = 99
    offline: bool = False
    version: int = 1
    presale: tuple[Presale, ...] = ()

    @property
    def volume_cm3(self) -> int:
        """Of one unit."""
        length, width, height = self.sides_cm
        return length * width * height


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line of the cart, priced: ``unit_amount`` and ``amount`` in the page's minor units, before discounts.

    ``lead_days`` is how long the goods take to the warehouse that sends them, before they are handled there.
    """

    line_id: str
    sku: Sku
    quantity: int
    unit_amount: int
    amount: int
    lead_days: int = 0


class StockLevel(msgspec.Struct, frozen=True, gc=False):
    """Units of a SKU that can be sold now, and the version of the row that says so."""

    available: int
    version: int


Catalogue = Mapping[str, Sku]
"""SKU id to SKU; an unknown id is absent."""

Stock = Mapping[str, StockLevel]
"""SKU id to its level; an absent one is out of stock."""
