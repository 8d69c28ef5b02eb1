"""The methods: names, limits, freight, last-mile fees. Fees in fen, weights in grams, volumes in cm³."""

from datetime import date

from crossborder.checkout.v1 import common_pb2
from orderpage.domain.address import Address
from orderpage.domain.text import Text

DIRECT, CONSO = common_pb2.METHOD_KIND_DIRECT_MAIL, common_pb2.METHOD_KIND_CONSO_OFFICIAL
LAND, AIR, SEA = common_pb2.MODE_LAND, common_pb2.MODE_AIR, common_pb2.MODE_SEA

PINNED = ("SG_DM_AIR", "SG_DM_EXPRESS", "SG_DM_SEA", "SG_CONSO_AIR", "SG_CONSO_ECONOMY", "SG_CONSO_SEA")
SG = ("SG_DM_AIR", "SG_CONSO_AIR", "SG_CONSO_SEA")
HK = ("HK_DM_LAND", "HK_DM_FAST", "HK_CONSO_LAND")
_ALL = (*PINNED, *HK)
KIND = {code: DIRECT if "_DM_" in code else CONSO for code in _ALL}
MODE = {code: LAND if code.startswith("HK") else SEA if code.endswith("SEA") else AIR for code in _ALL}
RATES_FROM = date(2026, 1, 1)

PINNED_CLASSES = frozenset({"GENERAL", "BATTERY_BUILTIN", "LIQUID"})
CLASSES = {
    "SG_DM_AIR": frozenset({"GENERAL", "BATTERY_BUILTIN"}),
    "SG_CONSO_AIR": frozenset({"GENERAL", "BATTERY_BUILTIN"}),
    "SG_CONSO_SEA": frozenset({"GENERAL", "LIQUID"}),
    "HK_DM_LAND": frozenset({"GENERAL", "BATTERY_BUILTIN", "LIQUID", "COSMETIC"}),
    "HK_DM_FAST": frozenset({"GENERAL", "BATTERY_BUILTIN"}),
    "HK_CONSO_LAND": frozenset({"GENERAL", "BATTERY_BUILTIN", "LIQUID"}),
}
NAME: dict[str, Text] = {
    "SG_DM_AIR": {"zh-Hans": "官方直邮 空运", "zh-Hant": "官方直郵 空運", "en": "Official direct mail by air"},
    "SG_DM_EXPRESS": {"zh-Hans": "官方直邮 特快", "zh-Hant": "官方直郵 特快", "en": "Official direct mail express"},
    "SG_DM_SEA": {"zh-Hans": "官方直邮 海运", "zh-Hant": "官方直郵 海運", "en": "Official direct mail by sea"},
    "SG_CONSO_AIR": {"zh-Hans": "官方集运 空运", "zh-Hant": "官方集運 空運", "en": "Official consolidation by air"},
    "SG_CONSO_ECONOMY": {
        "zh-Hans": "官方集运 经济",
        "zh-Hant": "官方集運 經濟",
        "en": "Official consolidation economy",
    },
    "SG_CONSO_SEA": {"zh-Hans": "官方集运 海运", "zh-Hant": "官方集運 海運", "en": "Official consolidation by sea"},
    "HK_DM_LAND": {"zh-Hans": "官方直邮 陆运", "zh-Hant": "官方直郵 陸運", "en": "Official direct mail by land"},
    "HK_DM_FAST": {
        "zh-Hans": "官方直邮 快捷三日达",
        "zh-Hant": "官方直郵 快捷三日達",
        "en": "Official direct mail in three days",
    },
    "HK_CONSO_LAND": {"zh-Hans": "官方集运 陆运", "zh-Hant": "官方集運 陸運", "en": "Official consolidation by land"},
}
WIDE_NAME: dict[str, Text] = {
    code: {language: words.replace(" ", "  ", 1) for language, words in name.items()} if KIND[code] == CONSO else name
    for code, name in NAME.items()
}
"""The names under the bug ``double-space``."""

MAX_G = {
    "SG_DM_AIR": 20_000,
    "SG_DM_EXPRESS": 10_000,
    "SG_DM_SEA": 50_000,
    "SG_CONSO_AIR": 20_000,
    "SG_CONSO_ECONOMY": 30_000,
    "SG_CONSO_SEA": 50_000,
    "HK_DM_LAND": 30_000,
    "HK_DM_FAST": 20_000,
    "HK_CONSO_LAND": 30_000,
}
TRANSIT = {
    "SG_DM_AIR": (6, 9),
    "SG_DM_EXPRESS": (3, 5),
    "SG_DM_SEA": (14, 20),
    "SG_CONSO_AIR": (7, 10),
    "SG_CONSO_ECONOMY": (9, 13),
    "SG_CONSO_SEA": (15, 22),
    "HK_DM_LAND": (3, 5),
    "HK_DM_FAST": (3, 3),
    "HK_CONSO_LAND": (4, 6),
}

_FAR = frozenset(
    {
        *("sai kung", "西贡", "西貢", "discovery bay", "愉景湾", "愉景灣", "ma wan", "马湾", "馬灣"),
        *("cheung chau", "长洲", "長洲", "lamma", "lamma island", "南丫岛", "南丫島", "peng chau", "坪洲"),
    }
)
_FARTHER = _FAR | {
    *("clear water bay", "清水湾", "清水灣", "shek o", "石澳", "stanley", "赤柱"),
    *("discovery bay lantau island", "大嶼山愉景灣", "south lantau", "大屿山南", "大嶼山南"),
}


def is_remote(address: Address, site: str, pinned: bool, today: date) -> bool:
    """Hong Kong's outlying districts, more of them from July 2026; the western islands on the pinned page."""
    if site == "HK":
        if today < date(2026, 1, 1):
            return False
        far = _FAR if today <= date(2026, 6, 30) else _FARTHER
        return any(" ".join(name.split()).casefold() in far for name in (address.district, address.city))
    return pinned and "".join(address.postcode.split()).startswith(("49", "50"))


def billed_of(code: str, weight: int, volume: int) -> int:
    """Grams that are charged for: the actual or the volumetric weight, rounded up to the card's step."""
    if code in ("SG_DM_AIR", "SG_CONSO_AIR", "HK_DM_LAND", "HK_DM_FAST"):
        return _full(weight, volume, 6000, 500)
    if code == "SG_DM_EXPRESS":
        return _full(weight, volume, 5000, 500)
    if code == "SG_DM_SEA":
        return _half(weight, volume, 6000, 500)
    if code == "SG_CONSO_ECONOMY":
        return _half(weight, volume, 8000, 500)
    return _half(weight, volume, 6000, 1000)


def fee_of(code: str, billed: int) -> int:
    """What so many grams cost by the rate card from 2026-01-01: first weight and steps."""
    if code == "SG_DM_AIR":
        return 2200 + _steps(billed, 500, 500) * 1100
    if code == "SG_DM_EXPRESS":
        return 3900 + _steps(billed, 500, 500) * 1600
    if code == "SG_DM_SEA":
        return 1700 + _steps(billed, 1000, 500) * 400
    if code == "SG_CONSO_AIR":
        return 2000 + _steps(billed, 500, 500) * 1000
    if code == "SG_CONSO_ECONOMY":
        return 2600 + _steps(billed, 1000, 500) * 800
    if code == "SG_CONSO_SEA":
        return 1800 + _steps(billed, 1000, 1000) * 600
    if code == "HK_DM_LAND":
        return 1200 + _steps(billed, 1000, 500) * 300
    if code == "HK_DM_FAST":
        return 1800 + _steps(billed, 1000, 500) * 500
    return 1000 + _steps(billed, 1000, 1000) * 400


def last_mile_of(code: str, home: bool, remote: bool) -> tuple[str, int] | None:
    """The fee to the door, or to a remote area in its place, where the card knows one."""
    if remote:
        if code == "SG_DM_EXPRESS":
            return "REMOTE_AREA", 1800
        if code == "SG_DM_SEA":
            return "REMOTE_AREA", 1800
        if code == "SG_CONSO_ECONOMY":
            return "REMOTE_AREA", 1500
        if code.startswith("HK"):
            return "REMOTE_AREA", 2000
    if home:
        if code == "SG_DM_EXPRESS":
            return "HOME_DELIVERY", 600
        if code == "SG_DM_SEA":
            return "HOME_DELIVERY", 800
        if code == "SG_CONSO_ECONOMY":
            return "HOME_DELIVERY", 500
        if code == "SG_CONSO_SEA":
            return "HOME_DELIVERY", 1000
        if code.startswith("HK"):
            return "HOME_DELIVERY", 800
    return None


def _full(weight: int, volume: int, divisor: int, step: int) -> int:
    """The greater of actual and volumetric weight, rounded up to the step."""
    return -(-max(weight * divisor, volume * 1000) // (divisor * step)) * step


def _half(weight: int, volume: int, divisor: int, step: int) -> int:
    """Half way between them where the volumetric weight is greater, rounded up to the step."""
    actual, volumetric = weight * divisor, volume * 1000
    if volumetric <= actual:
        return -(-weight // step) * step
    return -(-(actual + volumetric) // (2 * divisor * step)) * step


def _steps(billed: int, first: int, step: int) -> int:
    return -(-(billed - first) // step) if billed > first else 0
