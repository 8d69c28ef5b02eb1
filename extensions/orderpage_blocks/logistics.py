"""What is not paid with the order: freight that is charged after weighing, and what a forwarder of the buyer's charges.

Rules: domain rules 3.1 (a third party's leg is outside the order: a referral, no tax, no promised date).
"""

from collections.abc import Iterator

from orderpage import extends, extension, points
from orderpage.domain.display import Block
from orderpage.domain.page import Page, PageParcel
from orderpage.domain.shipping import Charging, Option
from orderpage_blocks.formats import amount_text
from orderpage_blocks.words import words


@extension("blocks.referral")
class ReferralBlock:
    """For each parcel that a forwarder is chosen for: it charges and promises by itself, so the page does neither."""

    @extends(points.PRESENT)
    def present(self, page: Page) -> Iterator[Block]:
        """Slot ``parcel.referral``; ``values`` name the carrier."""
        language = page.view.language
        for parcel, _, option in _selected(page):
            if option.method.charging is Charging.ELSEWHERE:
                yield Block(
                    slot="parcel.referral",
                    kind="referral",
                    title=words("referral.title", language),
                    text=words("referral.text", language),
                    parcel_id=parcel.parcel.parcel_id,
                    values={"carrier": option.method.carrier},
                )


@extension("blocks.later")
class LaterCharge:
    """For each parcel whose freight is charged after weighing: about how much."""

    @extends(points.PRESENT)
    def present(self, page: Page) -> Iterator[Block]:
        """Slot ``parcel.later``; ``values`` hold the estimate."""
        language = page.view.language
        for parcel, label, option in _selected(page):
            if option.later and option.method.charging is Charging.AFTER_WEIGHING:
                amount = amount_text(option.later, page.currency, language)
                yield Block(
                    slot="parcel.later",
                    kind="later_charge",
                    title=words("later.title", language),
                    text=words("later.text", language, method=label, amount=amount),
                    parcel_id=parcel.parcel.parcel_id,
                    values={"amount": amount},
                )


def _selected(page: Page) -> Iterator[tuple[PageParcel, str, Option]]:
    """Parcels that have a method, its label, and what it offers."""
    for parcel in page.parcels:
        choice = parcel.choice
        if choice is not None:
            yield parcel, choice.label, choice.priced.option
