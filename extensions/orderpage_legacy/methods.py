"""The methods of Singapore: names, limits, freight, last-mile fees. Fees in fen, weights in grams, volumes in cm³."""

from crossborder.checkout.v1 import common_pb2
from orderpage.domain.text import Text

DIRECT, CONSO = common_pb2.METHOD_KIND_DIRECT_MAIL, common_pb2.METHOD_KIND_CONSO_OFFICIAL
AIR, SEA = common_pb2.MODE_AIR, common_pb2.MODE_SEA

CODES = ("SG_DM_AIR", "SG_DM_EXPRESS", "SG_DM_SEA", "SG_CONSO_AIR", "SG_CONSO_ECONOMY", "SG_CONSO_SEA")
KIND = {code: DIRECT if code.startswith("SG_DM") else CONSO for code in CODES}
MODE = {code: SEA if code.endswith("SEA") else AIR for code in CODES}
CLASSES = frozenset({"GENERAL", "BATTERY_BUILTIN", "LIQUID"})
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
}
MAX_G = {
    "SG_DM_AIR": 20_000,
    "SG_DM_EXPRESS": 10_000,
    "SG_DM_SEA": 50_000,
    "SG_CONSO_AIR": 20_000,
    "SG_CONSO_ECONOMY": 30_000,
    "SG_CONSO_SEA": 50_000,
}
TRANSIT = {
    "SG_DM_AIR": (6, 9),
    "SG_DM_EXPRESS": (3, 5),
    "SG_DM_SEA": (14, 20),
    "SG_CONSO_AIR": (7, 10),
    "SG_CONSO_ECONOMY": (9, 13),
    "SG_CONSO_SEA": (15, 22),
}


def freight_of(code: str, weight: int, volume: int) -> int:
    """The rate card from 2026-01-01: first weight and steps, by the actual or the volumetric weight."""
    if code == "SG_DM_AIR":
        return 2200 + _steps(_full(weight, volume, 6000, 500), 500, 500) * 1100
    if code == "SG_DM_EXPRESS":
        return 3900 + _steps(_full(weight, volume, 5000, 500), 500, 500) * 1600
    if code == "SG_DM_SEA":
        return 1700 + _steps(_half(weight, volume, 6000, 500), 1000, 500) * 400
    if code == "SG_CONSO_AIR":
        return 2000 + _steps(_full(weight, volume, 6000, 500), 500, 500) * 1000
    if code == "SG_CONSO_ECONOMY":
        return 2600 + _steps(_half(weight, volume, 8000, 500), 1000, 500) * 800
    return 1800 + _steps(_half(weight, volume, 6000, 1000), 1000, 1000) * 600


def last_mile_of(code: str, home: bool, remote: bool) -> tuple[str, int] | None:
    """The fee to the door, or to a remote area in its place, where the card knows one."""
    if remote:
        if code == "SG_DM_EXPRESS":
            return "REMOTE_AREA", 1800
        if code == "SG_DM_SEA":
            return "REMOTE_AREA", 1800
        if code == "SG_CONSO_ECONOMY":
            return "REMOTE_AREA", 1500
    if home:
        if code == "SG_DM_EXPRESS":
            return "HOME_DELIVERY", 600
        if code == "SG_DM_SEA":
            return "HOME_DELIVERY", 800
        if code == "SG_CONSO_ECONOMY":
            return "HOME_DELIVERY", 500
        if code == "SG_CONSO_SEA":
            return "HOME_DELIVERY", 1000
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
