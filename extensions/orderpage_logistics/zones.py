"""The zones of the last mile, and which of their fees stands (domain rules 3.3 and section 12: FAR > REMOTE > HOME)."""

from enum import StrEnum


class Zone(StrEnum):
    """Where, and how, a parcel is handed over."""

    PICKUP_POINT = "PICKUP_POINT"
    HOME = "HOME"
    REMOTE = "REMOTE"
    RURAL = "RURAL"
    FAR = "FAR"

    @property
    def rank(self) -> int:
        """The higher one stands, never both."""
        return _RANKS[self]

    @property
    def fee_code(self) -> str:
        """The fee as the page names it."""
        return _CODES[self]


_RANKS = {Zone.PICKUP_POINT: 1, Zone.HOME: 1, Zone.REMOTE: 2, Zone.RURAL: 2, Zone.FAR: 3}
_CODES = {
    Zone.PICKUP_POINT: "PICKUP_POINT",
    Zone.HOME: "HOME_DELIVERY",
    Zone.REMOTE: "REMOTE_AREA",
    Zone.RURAL: "RURAL_AREA",
    Zone.FAR: "FAR_AREA",
}
