"""A carrier's settings to be changed at will, and a carrier that is asked for a sample without a network."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any

import msgspec
from ruamel.yaml import YAML
from tests.carriers import files

from orderpage.domain.page import PageView
from orderpage.domain.shipping import Parcel
from orderpage.packages import convert_setting
from orderpage.ports import GrpcCall, HttpAnswer, HttpCall, Nobody
from orderpage.testing import example_parcel, example_view
from orderpage_carriers.description import Carrier
from orderpage_carriers.mapping import destination_values, parcel_values
from orderpage_carriers.quoting import Reading, quoter_of


class Answering(Nobody):
    """A remote side that answers the same to every call."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.body, self.status = body, status
        self.http_calls: list[HttpCall] = []
        self.grpc_calls: list[GrpcCall] = []

    async def http(self, call: HttpCall) -> HttpAnswer:
        self.http_calls.append(call)
        return HttpAnswer(self.status, "application/json", self.body)

    async def grpc(self, call: GrpcCall) -> bytes:
        self.grpc_calls.append(call)
        return self.body

    def secret(self, name: str) -> str:
        return f"secret of {name}"


@cache
def parsed(yaml: str) -> dict[str, Any]:
    (slot,) = YAML(typ="safe", pure=True).load(yaml)
    settings: dict[str, Any] = slot["settings"]
    return settings


def settings_of(yaml: str) -> dict[str, Any]:
    """To be changed at will."""
    return deepcopy(parsed(yaml))


def http_settings() -> dict[str, Any]:
    return settings_of(files.RATES.format(url="https://swift.example"))


def grpc_settings() -> dict[str, Any]:
    return settings_of(files.GRPC_RATES.format(url="grpcs://harbour.example:443"))


def carrier_of(settings: Mapping[str, Any]) -> Carrier:
    return msgspec.convert(settings, Carrier, dec_hook=convert_setting)


def changed(settings: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The settings with one of them changed; ``...`` takes it away."""
    *way, last = path.split("/")
    inner = settings
    for step in way:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return settings


def sample() -> tuple[PageView, Parcel]:
    view = example_view("SG")
    return view, example_parcel(*view.lines)


async def ask(carrier: Carrier, remote: Nobody) -> Reading:
    view, parcel = sample()
    assert view.address is not None
    where = {**destination_values(view.address), "currency": "CNY"}
    return await quoter_of(carrier).ask(remote, where, [parcel_values(parcel)])
