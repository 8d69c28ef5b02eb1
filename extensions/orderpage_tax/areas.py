"""In which province an address is, where taxes differ by province."""

from collections.abc import Iterator, Mapping

from orderpage import Settings, extends, extension, points
from orderpage.domain.address import Address
from orderpage.domain.page import BlockPage, PageView
from orderpage.domain.problem import Code, Problem

EVERYWHERE = ""
"""The area of a law that knows none."""


class AreaNames:
    """Finds the code of an address's area, by whatever name it is written."""

    def __init__(self, areas: Mapping[str, tuple[str, ...]]) -> None:
        """``areas`` is code to other names; without any, every address is ``EVERYWHERE``."""
        self._codes = {name.strip().casefold(): code for code, names in areas.items() for name in (code, *names)}

    def __call__(self, address: Address | None) -> str | None:
        """The code; None where the address does not say it."""
        if not self._codes:
            return EVERYWHERE
        return self._codes.get(address.subdivision.strip().casefold()) if address else None


class Provinces(Settings, frozen=True, kw_only=True):
    """Settings of ``tax.province``: the code of each area with the names that addresses call it by."""

    areas: Mapping[str, tuple[str, ...]]


@extension("tax.province", settings=Provinces)
class ProvinceAsked:
    """Asks for the province where it decides the tax (domain rules 7.2, ``TAX_PROVINCE_UNRESOLVED``)."""

    def __init__(self, settings: Provinces) -> None:
        self.known = ", ".join(settings.areas)
        self.area_of = AreaNames(settings.areas)

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterator[BlockPage]:
        """Nothing can be priced to the door without it."""
        if page.address is not None and self.area_of(page.address) is None:
            message = f"the tax depends on the province, and {page.address.subdivision!r} is none of {self.known}"
            yield BlockPage(Problem(code=Code.TAX_PROVINCE_UNRESOLVED, message=message, field="address.subdivision"))
