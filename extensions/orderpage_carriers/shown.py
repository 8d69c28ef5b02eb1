"""A carrier as a person reads it in a terminal. Secrets are never shown."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

import msgspec
from google.protobuf.json_format import MessageToDict
from rich.console import Console
from rich.table import Table
from rich.text import Text

from crossborder.carrier.v1 import carrier_pb2
from orderpage.domain.money import CNY
from orderpage.ports import GrpcCall, HttpAnswer, HttpCall
from orderpage_carriers.booking import Described
from orderpage_carriers.check import Booked, Found, Row, Trial
from orderpage_carriers.connection import SERVICE

_MOST = 1500
_MASK = "•••"


def show_carrier(console: Console, found: Found) -> None:
    """Where it is and where it is written."""
    carrier, site = found.carrier, found.values[0]
    edits = ", ".join(f"{edit.action} {edit.origin.file}:{edit.origin.line}" for edit in found.slot.history)
    console.print(Text.assemble((f"{found.slot.name}", "bold"), f" in {site}: {carrier.connection.endpoint} ({edits})"))
    console.print(f"  waits {carrier.budget_ms} ms at most, {_steered(found)}", markup=False)


def show_booking(console: Console, booked: Booked) -> None:
    """Which methods' parcels are booked, as which services, and what would be called."""
    described = msgspec.json.decode(booked.booking.described, type=Described)
    edits = ", ".join(f"{edit.action} {edit.origin.file}:{edit.origin.line}" for edit in booked.slot.history)
    endpoint = described.connection.endpoint.rstrip("/")
    title = f" in {booked.values[0]}: bookings of {booked.booking.name} at {endpoint} ({edits})"
    console.print(Text.assemble((booked.slot.name, "bold"), title))
    for method, service in booked.booking.services.items():
        console.print(f"  {method} is booked as {service}", markup=False)
    for step, call in _steps(described):
        console.print(f"  would call to {step}: {call}", markup=False)


def _steps(described: Described) -> Iterable[tuple[str, str]]:
    """Each step that the carrier has, and the call for it."""
    wanted = {"create": True, "label": described.makes_labels, "cancel": True, "track": described.tells}
    for step in (name for name, there in wanted.items() if there):
        call = getattr(described.calls, step) if described.calls else None
        if described.calls is None:
            yield step, f"{SERVICE}/{step.capitalize()}"
        elif call is not None:
            yield step, f"{call.method} {described.connection.endpoint.rstrip('/')}{call.path}"
        else:
            yield step, "nothing, it has no such call: an attempt is parked for a person"


def show_misfits(console: Console, wrong: Iterable[str]) -> None:
    """What is wrong, one a line."""
    for line in wrong:
        console.print(Text.assemble(("  ✗ ", "red"), line))


def show_trial(console: Console, found: Found, trial: Trial) -> None:
    """What was asked, what came back, how long it took, the prices, and what is wrong."""
    auth = found.carrier.connection.auth
    hidden = {"authorization", auth.header.lower() if auth else ""}
    for call, answer in trial.calls:
        show_call(console, call, hidden)
        if isinstance(answer, HttpAnswer):
            console.print(f"  ◂ {answer.status} {answer.content_type}, {len(answer.body)} bytes", markup=False)
            _show_body(console, answer.body)
        elif answer is not None:
            console.print(f"  ◂ OK, {len(answer)} bytes", markup=False)
            _show_message(console, answer, carrier_pb2.QuoteResponse)
    console.print(f"  took {trial.seconds * 1000:.0f} ms", markup=False)
    if trial.reading is not None and any(trial.reading.quotes.values()):
        console.print(_prices(found, trial))
        for remark in trial.reading.remarks:
            console.print(Text.assemble(("  ! ", "yellow"), remark))
    show_misfits(console, trial.wrong)


def show_call(console: Console, call: HttpCall | GrpcCall, hidden: set[str]) -> None:
    """One call, its secrets hidden."""
    if isinstance(call, HttpCall):
        console.print(f"  ▸ {call.method} {call.url}", markup=False)
        _show_headers(console, call.headers, hidden)
        _show_body(console, call.body)
    else:
        console.print(f"  ▸ {call.target}{call.method}", markup=False)
        _show_headers(console, call.metadata, hidden)
        _show_message(console, call.request, carrier_pb2.QuoteRequest)


def _show_headers(console: Console, headers: Mapping[str, str], hidden: set[str]) -> None:
    for name, value in headers.items():
        console.print(f"    {name}: {_MASK if name.lower() in hidden else value}", markup=False, style="dim")


def _show_body(console: Console, body: bytes) -> None:
    with suppress(msgspec.DecodeError, RecursionError):  # what is no JSON is shown as it came
        body = msgspec.json.format(body, indent=2)
    text = body[:_MOST].decode("utf-8", "replace")
    if text.strip():
        more = f" … and {len(body) - _MOST} bytes more" if len(body) > _MOST else ""
        console.print("\n".join(f"    {line}" for line in f"{_printable(text)}{more}".splitlines()), markup=False)


def _show_message(
    console: Console, raw: bytes, kind: type[carrier_pb2.QuoteRequest | carrier_pb2.QuoteResponse]
) -> None:
    try:
        _show_body(console, msgspec.json.encode(MessageToDict(kind.FromString(raw), preserving_proto_field_name=True)))
    except Exception:
        _show_body(console, raw)


def _printable(text: str) -> str:
    """A carrier's bytes must not move the cursor."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _prices(found: Found, trial: Trial) -> Table:
    sold = {method.settings.service: method.settings for method in found.methods}
    table = Table("  service", "CNY", "transit", "sold as", box=None, pad_edge=False, header_style="dim")
    table.columns[1].justify = "right"
    quotes = trial.reading.quotes.values() if trial.reading else ()
    for quote in (quote for of_parcel in quotes for quote in of_parcel.values()):
        days = f"{quote.transit.minimum}–{quote.transit.maximum} days" if quote.transit else "not said"
        method = sold.get(quote.service)
        table.add_row(f"  {quote.service}", CNY.format(quote.amount), days, method.code if method else "nothing")
    return table


def _steered(found: Found) -> str:
    carrier = found.carrier
    if carrier.shielded or not carrier.share:
        return "shielded: nobody is asked for"
    said = [f"asked for {carrier.share} % of buyers" if carrier.share < 100 else "asked for every buyer"]
    if carrier.max_per_second:
        said.append(f"{carrier.max_per_second} calls a second of each process")
    return ", ".join(said)


def show_list(console: Console, rows: Iterable[Row]) -> None:
    """All carriers in one table."""
    names = ("site", "clients", "carrier", "endpoint", "ms", "steered", "methods (* with a fall-back)", "written in")
    table = Table(*names, box=None, pad_edge=False, header_style="dim")
    for row in rows:
        found = row.found
        methods = ", ".join(f"{it.settings.code}{'*' if it.rates else ''}" for it in found.methods)
        origin = found.slot.history[-1].origin
        table.add_row(
            row.site,
            ", ".join(row.clients) or "all",
            found.slot.name,
            found.carrier.connection.endpoint,
            str(found.carrier.budget_ms),
            _steered(found),
            methods or "none",
            f"{origin.file}:{origin.line}",
        )
    if table.row_count:
        console.print(table)
    else:
        console.print("no package configures a carrier")
