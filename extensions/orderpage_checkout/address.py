"""Whether goods can be sent to the address at all (domain rules 7.2, codes ``ADDR_…``)."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from orderpage import Settings, extends, extension, points
from orderpage.domain.address import Address
from orderpage.domain.page import BlockPage, PageView
from orderpage.domain.problem import Code, Problem
from orderpage_checkout.postal import Area, PostalRules, postal_rules, postcode_in


class AreaNames(Settings, frozen=True, kw_only=True):
    """Settings of ``checkout.address``: what else buyers call areas and districts, or which codes the data lacks.

    By country, each name with the one that the data knows (its code or name). They may be empty.
    """

    names: Mapping[str, Mapping[str, str]] = {}

    def __post_init__(self) -> None:
        for country, names in self.names.items():
            if country.upper() != country or postal_rules(country) is None:
                raise ValueError(
                    f"{country!r} is no country that there are rules for; write it as ISO 3166-1, such as TW"
                )
            for name, known in names.items():
                if _known(country, known) is None:
                    raise ValueError(f"{name!r} stands for {known!r}, which is no area or district of {country}")


def _known(country: str, name: str) -> Area | None:
    rules = postal_rules(country)
    if rules is None:
        return None
    parts = (part for area in rules.areas.values() if (part := area.part(name)) is not None)
    return rules.area(name) or next(parts, None)


@extension("checkout.address", settings=AreaNames)
class DeliveryAddress:
    """An address must be given, be in a country of the site, and hold together by that country's rules."""

    def __init__(self, settings: AreaNames | None = None) -> None:
        given = settings.names if settings is not None else {}
        self.names = {
            country: {name.strip().casefold(): known for name, known in names.items()}
            for country, names in given.items()
        }

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterator[BlockPage]:
        """One ``BlockPage`` per thing to put right, each naming its field.

        The ``value`` of a wrong area or postcode is the code of the area that the rest of the address says, where the
        data knows just one.
        """
        if page.address is None:
            yield BlockPage(Problem(code=Code.ADDR_MISSING, message="a delivery address is needed", field="address"))
        elif page.address.country not in page.profile.countries:
            message = f"this site delivers to {', '.join(page.profile.countries)}, not to {page.address.country}"
            yield BlockPage(_problem(Code.ADDR_REGION_UNSUPPORTED, "country", message))
        elif (rules := postal_rules(page.address.country)) is not None:
            yield from (BlockPage(problem) for problem in _problems(self._named(page.address), rules))

    def _named(self, address: Address) -> Address:
        """The address by the names that the data knows."""
        names = self.names.get(address.country)
        if not names:
            return address
        fields = {name: getattr(address, name) for name in ("subdivision", "city", "district")}
        return replace(address, **{name: names.get(said.strip().casefold(), said) for name, said in fields.items()})


def _problems(address: Address, rules: PostalRules) -> Iterator[Problem]:
    if rules.needs_street and address.home_delivery and not any(part.strip() for part in address.street):
        yield _missing("street")
    if rules.needs_city and not _locality(address, rules):
        yield _missing("district" if rules.city_is_district else "city")
    yield from _area_problems(address, rules)
    yield from _postcode_problems(address, rules)


def _locality(address: Address, rules: PostalRules) -> str:
    """What stands for the city."""
    city, district = address.city.strip(), address.district.strip()
    return (district or city) if rules.city_is_district else city


def _area_problems(address: Address, rules: PostalRules) -> Iterator[Problem]:
    if address.subdivision.strip():
        area = rules.area(address.subdivision)
        # Where areas have no codes (Hong Kong), their names come in more scripts than the data knows.
        if rules.area_codes and area is None:
            message = f"{address.subdivision!r} is no area of {address.country}"
            yield _problem(Code.ADDR_FIELD_INVALID, "subdivision", message, rules.area_by_postcode(address.postcode))
        elif rules.area_codes and area is not None:
            yield from _part_problems(_locality(address, rules), area, rules)
    elif rules.needs_area and rules.area_codes:
        yield _missing("subdivision", rules.area_by_postcode(address.postcode))
    elif rules.needs_area and not (address.city.strip() or address.district.strip()):
        yield _missing("district")


def _part_problems(name: str, area: Area, rules: PostalRules) -> Iterator[Problem]:
    """A district of another area. One that the data does not know at all may be right: they come in many spellings."""
    if area.parts and area.part(name) is None and any(other.part(name) for other in rules.areas.values()):
        other = rules.area_with_part(name)
        message = f"{name!r} is not in {area.key}" + (f" but in {other.key}" if other is not None else "")
        yield _problem(Code.ADDR_FIELD_INVALID, "subdivision", message, other)


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
    if area is None:
        return
    if not postcode_in(area, address.postcode):
        other = rules.area_by_postcode(address.postcode)
        message = f"postcode {address.postcode!r} is not in {area.key}" + (f" but in {other.key}" if other else "")
        yield _problem(Code.ADDR_POSTCODE_MISMATCH, "postcode", message, other)
        return
    part = area.part(_locality(address, rules))
    if part is not None and not postcode_in(part, address.postcode):
        message = f"postcode {address.postcode!r} is not in {part.key}, where they begin with {part.postcode}"
        yield _problem(Code.ADDR_POSTCODE_MISMATCH, "postcode", message)


def _missing(field: str, area: Area | None = None) -> Problem:
    return _problem(Code.ADDR_FIELD_INVALID, field, f"the address needs a {field}", area)


def _problem(code: Code, field: str, message: str, area: Area | None = None) -> Problem:
    """``area`` is the one to suggest, by its code."""
    value = area.code if area is not None else ""
    return Problem(code=code, message=message, field=f"address.{field}", value=value)
