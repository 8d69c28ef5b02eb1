"""The last look before an order: whom to deliver to, who buys, how it is paid (domain rules 7.2, stage S)."""

from collections.abc import Iterator

import phonenumbers

from orderpage import extends, extension, points
from orderpage.domain.problem import Code, Problem
from orderpage.ports import SubmitView


@extension("checkout.contact")
class Contact:
    """A carrier needs a name, a number of the country of delivery, and a point where the buyer collects."""

    @extends(points.VALIDATE)
    def validate(self, view: SubmitView) -> Iterator[Problem]:
        """ADDR_FIELD_INVALID for what is missing, ADDR_PHONE_INVALID for a number that is none there."""
        address = view.page.view.address
        if address is None:
            yield Problem(code=Code.ADDR_MISSING, message="a delivery address is needed", field="address")
            return
        if not address.recipient.strip():
            message = "the address needs a recipient"
            yield Problem(code=Code.ADDR_FIELD_INVALID, message=message, field="address.recipient")
        if not address.home_delivery and not address.pickup_point.strip():
            message = "collecting the parcel needs a pick-up point"
            yield Problem(code=Code.ADDR_FIELD_INVALID, message=message, field="address.pickup_point")
        if not callable_in(address.phone, address.country):
            message = f"the phone number is not valid in {address.country}"
            yield Problem(code=Code.ADDR_PHONE_INVALID, message=message, field="address.phone")


def callable_in(phone: str, country: str) -> bool:
    """Whether the number, as typed, is a number of that country."""
    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number_for_region(number, country)


@extension("checkout.buyer")
class AllowedBuyer:
    """A blocked buyer may look but not order."""

    @extends(points.VALIDATE)
    def validate(self, view: SubmitView) -> tuple[Problem, ...]:
        """RISK_BUYER_BLOCKED. The message says nothing of why."""
        if not view.page.view.buyer.blocked:
            return ()
        return (Problem(code=Code.RISK_BUYER_BLOCKED, message="this account cannot place orders"),)


@extension("checkout.payment_method")
class AcceptedPayment:
    """Only a way to pay that the page offered."""

    @extends(points.VALIDATE)
    def validate(self, view: SubmitView) -> tuple[Problem, ...]:
        """PAY_METHOD_UNSUPPORTED, naming what is accepted."""
        accepted = [method.code for method in view.page.payment_methods]
        if view.payment_method in accepted:
            return ()
        message = f"payment method {view.payment_method!r} is not one of {', '.join(accepted) or 'none'}"
        return (Problem(code=Code.PAY_METHOD_UNSUPPORTED, message=message, field="payment_method"),)
