"""Who is calling. Drivers of the entry-point group ``orderpage.authenticators``."""

import re
from collections.abc import Mapping

_DEMO_TOKEN = re.compile(r"bearer demo:([A-Za-z0-9_.-]{1,64})", re.IGNORECASE)


class DemoAuthenticator:
    """Implements ``ports.Authenticator`` for a server on loopback: it believes whoever the caller says to be.

    The metadata ``authorization: Bearer demo:<buyer id>`` names the buyer; the id has 1 to 64 characters of
    ``A-Z a-z 0-9 _ . -``. There is no secret in it, so ``serve`` refuses this authenticator on any other address.
    """

    def buyer_id(self, metadata: Mapping[str, str]) -> str | None:
        """Read the buyer from the metadata, whose keys are lower-case; None when that is missing or malformed."""
        match = _DEMO_TOKEN.fullmatch(metadata.get("authorization", ""))
        return match.group(1) if match else None
