"""When two texts are the same to a reader."""

import re
import unicodedata

_SPACE = re.compile(r"\s+")


def normalised(text: str) -> str:
    """In NFC, each run of white space (no-break spaces too) one space, none at the ends. Case counts."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
