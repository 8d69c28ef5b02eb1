"""Personal coupons: a code, a serial and a mac over both and the buyer's id, so that no one else can use them."""

import hmac
from base64 import b32encode
from hashlib import sha256

from orderpage.domain.coupon import parts

_MAC_BYTES = 16
_SHORTEST_KEY = 16


def issued(secret: str, code: str, serial: str, buyer_id: str) -> str:
    """The token. Raises ``ValueError`` for a secret under 16 characters, a dot in code or serial, and for no buyer."""
    if not buyer_id.strip():
        raise ValueError("a personal coupon is somebody's: give the id of the buyer")
    if "." in code or "." in serial or not serial:
        raise ValueError("the code and the serial of a personal coupon have no dot in them, and none is empty")
    return f"{code}.{serial}.{_mac(secret, code, serial, buyer_id)}"


def genuine(secret: str, text: str, buyer_id: str) -> bool:
    """Whether it was issued to this buyer, with this secret. Raises ``ValueError`` for a secret that is too short."""
    code, serial, mac = parts(text)
    return hmac.compare_digest(mac.encode(), _mac(secret, code, serial, buyer_id).encode())


def _mac(secret: str, code: str, serial: str, buyer_id: str) -> str:
    if len(secret) < _SHORTEST_KEY:
        raise ValueError(f"the secret that signs coupons is shorter than {_SHORTEST_KEY} characters")
    said = "\0".join([code, serial, buyer_id]).encode()
    return b32encode(hmac.digest(secret.encode(), said, sha256)[:_MAC_BYTES]).decode().rstrip("=").lower()
