"""Data files, read and checked: shops, SKUs with their stock, buyers, rates of exchange.

YAML 1.2 or JSON. Every mistake is found before anything is written, and named by file, line, entry and field.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct

from orderpage.domain.dated import Dated, in_order
from orderpage.domain.goods import GoodsClass
from orderpage.domain.money import CNY, Currency, ExchangeRate, ListingAmount
from orderpage.domain.presale import MOST_PPM, BalanceWindow, Presale, over_the_law
from orderpage.engine.document import Document, Path, convert, dotted, read_documents
from orderpage.engine.problems import PackageError, PackageErrors

Id = Annotated[str, Meta(min_length=1)]
Words = Annotated[dict[str, str], Meta(min_length=1)]
Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]


class ShopEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shop."""

    shop_id: Id
    name: Words


class PresaleEntry(Dated, frozen=True, kw_only=True):
    """A presale. ``deposit`` is a decimal text in CNY; or ``deposit_ppm`` parts per million of the price."""

    deposit: str = ""
    deposit_ppm: Count = 0
    balance: BalanceWindow

    @property
    def presale(self) -> Presale:
        """As it is sold. Raises ``ValueError`` for what cannot be."""
        return Presale(
            effective_from=self.effective_from,
            effective_to=self.effective_to,
            deposit=int(ListingAmount(self.deposit)) if self.deposit else 0,
            deposit_ppm=self.deposit_ppm,
            balance=self.balance,
        )


class SkuEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A SKU. ``price`` is a decimal text in CNY; without ``stock`` the level stays as it is, zero for a new SKU.

    A weight and sides of 0 are not known. ``origin`` is the region of its stock, such as CN or CN-XJ.
    """

    sku_id: Id
    shop: Id
    name: Words
    price: str
    weight_g: Count = 0
    sides_cm: tuple[Count, Count, Count] = (0, 0, 0)
    goods_class: GoodsClass
    warehouse: Id
    origin: Annotated[str, Meta(pattern="^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
    brand: str = ""
    category: str = ""
    expires_on: date | None = None
    hs6: Annotated[str, Meta(pattern="^([0-9]{6})?$")] = ""
    max_quantity: Positive = 99
    stock: Count | None = None
    offline: bool = False
    presale: tuple[PresaleEntry, ...] = ()

    @property
    def presales(self) -> tuple[Presale, ...]:
        """By date. Raises ``ValueError`` for what cannot be."""
        return in_order([entry.presale for entry in self.presale])

    @property
    def unit_price(self) -> int:
        """In fen. Raises ``ValueError`` for a text that is not a price."""
        fen = CNY.parse(self.price)
        if fen < 0:
            raise ValueError(f"{self.price!r} is below zero")
        return fen


class BuyerEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A buyer. A history that is left out stays as it is."""

    buyer_id: Id
    crowd: Id | None = None
    last_method: str | None = None
    orders_by_method: dict[str, Count] | None = None
    blocked: bool = False
    age: Annotated[int, Meta(ge=0, le=150)] | None = None
    real_name: str = ""


class RateEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published rate: units of ``quote`` for one CNY, as decimal text."""

    rate_id: Id
    base: Annotated[str, Meta(pattern="^CNY$")]
    quote: Currency
    rate: str
    published_at: Annotated[datetime, Meta(tz=True)]


class Documents(Struct, frozen=True, kw_only=True):
    """Everything that some files hold. ``shop_of`` says where each SKU names its shop, ``rate_of`` where each rate
    stands: file, line.
    """

    shops: tuple[ShopEntry, ...]
    skus: tuple[SkuEntry, ...]
    buyers: tuple[BuyerEntry, ...]
    rates: tuple[RateEntry, ...]
    shop_of: dict[str, tuple[str, int]]
    rate_of: dict[str, tuple[str, int]]


E = TypeVar("E", ShopEntry, SkuEntry, BuyerEntry, RateEntry)


class _Section(Generic[E]):
    """The entries of one kind, over all files."""

    def __init__(self, name: str, kind: type[E], key: str) -> None:
        self.name = name
        self.kind: type[E] = kind
        self.key = key
        self.entries: dict[str, E] = {}
        self.places: dict[str, tuple[str, int]] = {}

    def add(self, document: Document, index: int) -> None:
        path: Path = (self.name, index)
        raw = document.at(path)
        entry_id = raw.get(self.key, "") if isinstance(raw, dict) else ""
        try:
            entry = convert(document, path, self.kind)
        except PackageError as error:
            raise PackageError(error.file, error.line, f"{self._named(entry_id)}{error.message}") from None
        if first := self.places.get(entry_id):
            raise document.error(path, f"{self._named(entry_id)}stands at {first[0]}:{first[1]} already; keep one")
        for mistake in _mistakes(entry):
            raise self._wrong(document, path, entry_id, mistake)
        self.entries[entry_id] = entry
        self.places[entry_id] = (document.file, document.line((*path, "shop")))

    def _wrong(self, document: Document, path: Path, entry_id: Any, mistake: tuple[Path, str]) -> PackageError:
        return document.error(path + mistake[0], f"{self._named(entry_id)}{dotted(mistake[0])}{mistake[1]}")

    def _named(self, entry_id: Any) -> str:
        return f"{self.key} {entry_id}: " if entry_id else ""


def parse_documents(files: Iterable[tuple[str, str]]) -> Documents:
    """Read files given as name and text. Raises ``PackageErrors`` with every mistake."""
    shops = _Section("shops", ShopEntry, "shop_id")
    skus = _Section("skus", SkuEntry, "sku_id")
    buyers = _Section("buyers", BuyerEntry, "buyer_id")
    rates = _Section("rates", RateEntry, "rate_id")
    sections: dict[str, _Section[Any]] = {section.name: section for section in (shops, skus, buyers, rates)}
    mistakes: list[PackageError] = []
    for name, text in files:
        try:
            for document in read_documents(name, text):
                _add_all(document, sections, mistakes)
        except PackageError as error:
            mistakes.append(error)
    if mistakes:
        raise PackageErrors(tuple(mistakes))
    return Documents(
        shops=tuple(shops.entries.values()),
        skus=tuple(skus.entries.values()),
        buyers=tuple(buyers.entries.values()),
        rates=tuple(rates.entries.values()),
        shop_of=skus.places,
        rate_of=rates.places,
    )


def _add_all(document: Document, sections: dict[str, _Section[Any]], mistakes: list[PackageError]) -> None:
    if not isinstance(document.value, dict):
        raise document.error((), f"a data file is a mapping with the keys {', '.join(sections)}")
    for key, entries in document.value.items():
        if key not in sections:
            mistakes.append(document.error((key,), f"unknown key {key!r}; known are {', '.join(sections)}"))
        elif not isinstance(entries, list):
            mistakes.append(document.error((key,), f"{key} must be a list of entries"))
        else:
            mistakes += _add_entries(document, sections[key], len(entries))


def _add_entries(document: Document, section: _Section[Any], count: int) -> list[PackageError]:
    mistakes = []
    for index in range(count):
        try:
            section.add(document, index)
        except PackageError as error:
            mistakes.append(error)
    return mistakes


def _mistakes(entry: msgspec.Struct) -> list[tuple[Path, str]]:
    """What is wrong that its fields by themselves do not show, and where."""
    found = _amount_mistake(entry) or _presale_mistake(entry)
    return [] if found is None else [found]


def _amount_mistake(entry: msgspec.Struct) -> tuple[Path, str] | None:
    """The field whose decimal text is wrong, and why."""
    try:
        if isinstance(entry, SkuEntry):
            _ = entry.unit_price
        elif isinstance(entry, RateEntry):
            ExchangeRate.of(entry.rate_id, CNY, entry.quote, entry.rate)
    except (ValueError, ArithmeticError) as error:
        reason = str(error) if isinstance(error, ValueError) else f"{getattr(entry, 'rate', '')!r} is not a number"
        return ("price" if isinstance(entry, SkuEntry) else "rate",), reason
    return None


def _presale_mistake(entry: msgspec.Struct) -> tuple[Path, str] | None:
    """What is wrong with how a SKU is sold in advance, and where. The price is known to be one."""
    if not isinstance(entry, SkuEntry):
        return None
    for index, sold in enumerate(entry.presale):
        try:
            presale = sold.presale
        except ValueError as error:
            return ("presale", index), str(error)
        if over_the_law(presale, entry.unit_price):
            most = CNY.format(entry.unit_price * MOST_PPM // 1_000_000)
            why = f"{sold.deposit} is over the legal fifth of the price (PRC Civil Code 586): at most {most}"
            return ("presale", index, "deposit"), why
    try:
        _ = entry.presales
    except ValueError as error:
        return ("presale",), str(error)
    return None
