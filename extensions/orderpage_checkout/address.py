"""Whether goods can be sent to the address at all (domain rules 7.2, codes ``ADDR_…``)."""

from collections.abc import Iterator

from orderpage import extends, extension, points
from orderpage.domain.address import Address
from orderpage.domain.page import BlockPage, PageView
from orderpage.domain.problem import Code, Problem
from orderpage_checkout.postal import PostalRules, postal_rules, postcode_in


@extension("checkout.address")
class DeliveryAddress:
    """An address must be given, be in a country of the site, and hold together by that country's rules."""

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterator[BlockPage]:
        """One ``BlockPage`` per thing to put right, each naming its field."""
        if page.address is None:
            yield BlockPage(Problem(code=Code.ADDR_MISSING, message="a delivery address is needed", field="address"))
        elif page.address.country not in page.profile.countries:
            message = f"this site delivers to {', '.join(page.profile.countries)}, not to {page.address.country}"
            yield BlockPage(_problem(Code.ADDR_REGION_UNSUPPORTED, "country", message))
        elif (rules := postal_rules(page.address.country)) is not None:
            yield from (BlockPage(problem) for problem in _problems(page.address, rules))


def _problems(address: Address, rules: PostalRules) -> Iterator[Problem]:
    if rules.needs_street and address.home_delivery and not any(part.strip() for part in address.street):
        yield _missing("street")
    if rules.needs_city and not address.city.strip():
        yield _missing("city")
    yield from _area_problems(address, rules)
    yield from _postcode_problems(address, rules)


def _area_problems(address: Address, rules: PostalRules) -> Iterator[Problem]:
    if address.subdivision.strip():
        # Where areas have no codes (Hong Kong), their names come in more scripts than the data knows.
        if rules.area_codes and rules.area(address.subdivision) is None:
            message = f"{address.subdivision!r} is no area of {address.country}"
            yield _problem(Code.ADDR_FIELD_INVALID, "subdivision", message)
    elif rules.needs_area and rules.area_codes:
        yield _missing("subdivision")
    elif rules.needs_area and not (address.city.strip() or address.district.strip()):
        yield _missing("district")


def _postcode_problems(address: Address, rules: PostalRules) -> Iterator[Problem]:
    if not address.postcode.strip():
        if rules.needs_postcode:
            yield _missing("postcode")
        return
    if not rules.postcode_fits(address.postcode):
        message = f"{address.postcode!r} is no postcode of {address.country}"
        yield _problem(Code.ADDR_FIELD_INVALID, "postcode", message)
        return
    area = rules.area(address.subdivision)
    if area is not None and not postcode_in(area, address.postcode):
        message = f"postcode {address.postcode!r} is not in {area.key}"
        yield _problem(Code.ADDR_POSTCODE_MISMATCH, "postcode", message)


def _missing(field: str) -> Problem:
    return _problem(Code.ADDR_FIELD_INVALID, field, f"the address needs a {field}")


def _problem(code: Code, field: str, message: str) -> Problem:
    return Problem(code=code, message=message, field=f"address.{field}")
