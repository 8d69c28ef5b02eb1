"""Taking a buyer's personal data out of what is kept for comparison.

Prices depend on where goods go and who buys, so that stays: country, subdivision, city, district, postcode, how the
parcel is handed over, the crowd, and how often which method was used. Who it is goes: the buyer's id becomes a
pseudonym, recipient and phone are removed, each street line becomes a placeholder (an empty one stays empty, since a
rule may ask whether there is a street), and a pick-up point's id is hashed. What is needed to tell two values
apart and no more is hashed with a key that is forgotten at once.
"""

import hashlib
import os
from collections.abc import Iterable

from msgspec.structs import replace

from crossborder.checkout.v1.common_pb2 import Address as WireAddress
from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from crossborder.checkout.v1.order_pb2 import Order
from crossborder.checkout.v1.problem_pb2 import Problem, Problems
from orderpage.domain.address import Address
from orderpage.domain.buyer import Buyer
from orderpage.domain.coupon import without_mac
from orderpage.migration.comparison.answer import Answer
from orderpage.migration.comparison.texts import normalised
from orderpage.request import RenderRequest

STREET = "STREET"
QUOTE = "QUOTE"
"""Stands for a quote token: whether a page could be ordered matters, the token names its buyer."""

_SHORTEST = 2
"""Characters of a text that is looked for in messages: a house number would be found everywhere."""


class Privacy:
    """The personal data of one request, and how to take them out.

    ``key`` (at most 64 bytes) keeps pseudonyms from being guessed; with one key, a buyer has one pseudonym.
    """

    def __init__(self, request: RenderRequest, buyer_id: str, key: bytes = b"") -> None:
        self._request = request
        self._key = key
        self._forgotten = os.urandom(16)
        self._words = {word: mask for word, mask in self._masks(request.address, buyer_id) if len(word) >= _SHORTEST}

    def request(self) -> RenderRequest:
        """The request without them, nor a token."""
        address = self._request.address
        return replace(
            self._request,
            address=address and self._address(address),
            prior_quote_token="",
            explain=False,
            coupons=tuple(map(without_mac, self._request.coupons)),
        )

    def buyer(self, buyer: Buyer) -> Buyer:
        """The buyer under a pseudonym, whose name nobody may read."""
        return replace(
            buyer,
            buyer_id=self.pseudonym("buyer", buyer.buyer_id),
            real_name=self.pseudonym("name", buyer.real_name),
        )

    def answer(self, answer: Answer) -> Answer:
        """A copy without them, and without what names the call: ids, tokens, the explanation."""
        if isinstance(answer, RenderResponse):
            return self._page(answer)
        if isinstance(answer, Order):
            return self._order(answer)
        kept = Problems()
        kept.CopyFrom(answer)
        self._messages(kept.problems)
        return kept

    def pseudonym(self, kind: str, value: str) -> str:
        """The same for the same value and key; empty for an empty value."""
        return f"{kind}-{_hash(value, self._key)}" if value else ""

    def _address(self, address: Address) -> Address:
        return replace(
            address,
            street=tuple(STREET if line.strip() else line for line in address.street),
            recipient="",
            phone="",
            pickup_point=self.pseudonym("pickup", address.pickup_point),
        )

    def _masks(self, address: Address | None, buyer_id: str) -> Iterable[tuple[str, str]]:
        yield buyer_id, self.pseudonym("buyer", buyer_id)
        if address is not None:
            yield address.recipient, "RECIPIENT"
            yield address.phone, "PHONE"
            yield address.pickup_point, self.pseudonym("pickup", address.pickup_point)
            yield from ((line, STREET) for line in address.street)

    def _page(self, answer: RenderResponse) -> RenderResponse:
        kept = RenderResponse()
        kept.page.CopyFrom(answer.page)
        if answer.quote_token:
            kept.quote_token = QUOTE
        self._messages(kept.page.problems)
        self._messages(kept.page.notices)
        for line in kept.page.blocked_lines:
            self._messages(line.problems)
        return kept

    def _order(self, answer: Order) -> Order:
        kept = Order()
        kept.CopyFrom(answer)
        kept.ClearField("order_id")
        kept.ClearField("checkout_id")
        for service in kept.service_orders:
            service.ClearField("service_order_id")
        self._hide(kept.address)
        return kept

    def _hide(self, address: WireAddress) -> None:
        """Unreadable, but still to be told apart: two orders may name two recipients."""
        address.recipient = self._hidden(address.recipient)
        address.phone = self._hidden(address.phone)
        address.pickup_point = self._hidden(address.pickup_point)
        address.street[:] = [self._hidden(line) for line in address.street]

    def _hidden(self, value: str) -> str:
        text = normalised(value)
        return f"hidden-{_hash(text, self._forgotten)}" if text else ""

    def _messages(self, problems: Iterable[Problem]) -> None:
        """A message may repeat what the buyer wrote."""
        for problem in problems:
            message = problem.message
            for word, mask in self._words.items():
                message = message.replace(word, mask)
            problem.message = message


def _hash(value: str, key: bytes) -> str:
    return hashlib.blake2b(value.encode(), key=key, digest_size=8).hexdigest()
