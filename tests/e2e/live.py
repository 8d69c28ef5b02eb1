"""A real server on loopback over the demo data: how it is started and ended, and short ways to talk to it.

The process is the command ``orderpage serve`` as an operator runs it, on a port that the system chooses.
"""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import grpc
import msgspec
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc

from crossborder.checkout.v1 import (
    common_pb2,
    order_page_pb2,
    order_page_pb2_grpc,
    order_pb2,
    order_pb2_grpc,
    problem_pb2,
    request_pb2,
)

T = TypeVar("T")

DATA = Path(__file__).parent / "data"
KEYS = "k1:" + "5a" * 32
SECONDS = 60.0
"""For anything that takes a moment here and long on a busy machine: only what fails waits this long."""
STATUS_BYTES = 200_000
CHANNEL = (("grpc.max_metadata_size", 2 * STATUS_BYTES), ("grpc.enable_retries", 0))
COMMAND = (sys.executable, "-c", "from orderpage.cli import main; main()")

TABLES = (
    "write_requests", "orders", "order_lines", "order_parcels", "service_orders", "payment_attempts",
    "ledger_entries", "outbox",
)  # fmt: skip
"""Everything that an order writes, but stock."""


# ---- the server ------------------------------------------------------------------------------------------------


def make_database(folder: Path) -> Path:
    """A migrated database with the demo data of the installed packages, and the goods of the tests."""
    from orderpage.adapters.sql.load import load
    from orderpage.cli.demo import make_demo_database

    url = make_demo_database(folder)
    load(url, [(file.name, file.read_text("utf-8")) for file in sorted(DATA.glob("*.yaml"))])
    return folder / "orderpage.sqlite3"


def url_of(database: Path) -> str:
    return f"sqlite+pysqlite:///{database}"


def environment(**settings: str) -> dict[str, str]:
    """This process's variables with none of orderpage's but those given, such as ``log_level="debug"``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ORDERPAGE_")}
    return kept | {f"ORDERPAGE_{name.upper()}": value for name, value in settings.items()}


def run(*arguments: str, settings: Mapping[str, str] | None = None, **more: str) -> "subprocess.CompletedProcess[str]":
    """A command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        check=False,
        env=environment(**{**(settings or {}), **more}),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


class Server:
    """A process of ``orderpage serve``. ``folder`` takes its log; settings are those of ``ORDERPAGE_…``.

    ``url`` names a database that is no file, in place of ``database``; ``command`` another command than ``serve``.
    """

    def __init__(
        self,
        folder: Path,
        database: Path = Path(),
        *,
        url: str = "",
        command: Sequence[str] = ("serve",),
        **settings: str,
    ) -> None:
        self.database = database
        self._command = command
        self.log = folder / f"serve-{uuid4().hex[:8]}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self._settings = {
            "listen": "127.0.0.1:0", "database": url or url_of(database), "quote_keys": KEYS,
            "sweep_ms": "200", "relay_ms": "200",
        } | settings  # fmt: skip

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> Self:
        """Start, and wait until health says SERVING."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*COMMAND, *self._command],
                env=environment(**self._settings),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.port = int(self.wait_for("serving")["port"])
        with grpc.insecure_channel(self.address) as channel:
            health = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
            request = health_pb2.HealthCheckRequest(service="crossborder.checkout.v1.OrderPageService")
            until = time.monotonic() + SECONDS
            while health.Check(request, timeout=SECONDS, wait_for_ready=True).status != _SERVING:
                assert time.monotonic() < until, "the server never said SERVING"
                time.sleep(0.01)
        return self

    def events(self) -> list[dict[str, Any]]:
        """Its log so far."""
        whole = self.log.read_text("utf-8").splitlines()
        return [json.loads(line) for line in whole if line.startswith("{") and line.endswith("}")]

    def wait_for(self, event: str, *, seen: int = 0) -> dict[str, Any]:
        """The log's line number ``seen`` of an event, once it is there."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            found = [line for line in self.events() if line.get("event") == event]
            if len(found) > seen:
                return found[seen]
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.poll()}: {self.log.read_text('utf-8')}")
            time.sleep(0.01)
        raise AssertionError(f"no {event!r} in {self.log.read_text('utf-8')}")

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(SECONDS)

    def stop(self) -> None:
        """End it as an operator does, and see that nothing went wrong in its life."""
        self.signal(signal.SIGTERM)
        code, text = self.wait(), self.log.read_text("utf-8")
        assert code == 0, text[-4000:]
        strange = [line for line in text.splitlines() if not line.startswith("{") or "Traceback" in line]
        assert not strange, strange[:3]
        loud = [line for line in self.events() if line["level"] in ("error", "critical", "warning")]
        assert not loud, loud[:3]

    def kill(self) -> None:
        """End it as bad luck does."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(SECONDS)


_SERVING = health_pb2.HealthCheckResponse.SERVING


def copy_database(source: Path, folder: Path) -> Path:
    """A database of one's own."""
    return Path(shutil.copy(source, folder / "own.sqlite3"))


# ---- the database, read past the server ------------------------------------------------------------------------


def query(database: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows, straight from the file."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
        return connection.execute(statement, values).fetchall()


def written(database: Path) -> dict[str, int]:
    """How many rows of each kind orders have left, and how many units of stock there are."""
    counts = {table: int(query(database, f"SELECT count(*) FROM {table}")[0][0]) for table in TABLES}
    return counts | {"stock": int(query(database, "SELECT sum(available) FROM stock")[0][0])}


# ---- requests --------------------------------------------------------------------------------------------------

HOME: Mapping[str, Mapping[str, Any]] = {
    "HK": {
        "country": "HK", "subdivision": "Kowloon", "district": "Mong Kok", "street": ["8 Demo Road"],
        "recipient": "Chan Mei", "phone": "+852 5123 4567",
    },
    "SG": {
        "country": "SG", "postcode": "520123", "street": ["123 Demo Street", "#08-15"],
        "recipient": "Tan Jun", "phone": "+65 8123 4567",
    },
    "TW": {
        "country": "TW", "subdivision": "台北市", "city": "信義區", "postcode": "110", "street": ["示範路 8 號"],
        "recipient": "林怡君", "phone": "+886 912 345 678",
    },
    "MY": {
        "country": "MY", "subdivision": "Selangor", "city": "Petaling Jaya", "postcode": "46000",
        "street": ["8 Jalan Demo"], "recipient": "Nur Aisyah", "phone": "+60 12 345 6789",
    },
    "CA": {
        "country": "CA", "subdivision": "ON", "city": "Toronto", "postcode": "M5V 2T6", "street": ["8 Demo Street"],
        "recipient": "Alex Tremblay", "phone": "+1 416 967 1111",
    },
}  # fmt: skip


def page_of(
    site: str, *lines: tuple[str, int], address: Mapping[str, Any] | None = None, **fields: Any
) -> request_pb2.PageRequest:
    """A cart on a site's marketplace. ``address`` changes fields of a home that is not remote."""
    page = request_pb2.PageRequest(
        **{"site": site, "business": "marketplace", "client": "h5", "language": "en"} | fields
    )
    for number, (sku_id, quantity) in enumerate(lines, start=1):
        page.cart.lines.add(line_id=str(number), sku_id=sku_id, quantity=quantity)
    page.address.CopyFrom(common_pb2.Address(**{**HOME.get(site, HOME["SG"]), **(address or {})}))
    return page


def balance_of(order: order_pb2.Order, **fields: Any) -> request_pb2.PageRequest:
    """The page of an order's balance."""
    page = request_pb2.PageRequest(
        **{"site": order.site, "business": "marketplace", "client": "h5", "language": "en"} | fields
    )
    page.order_stage.order_id, page.order_stage.stage = order.order_id, common_pb2.STAGE_BALANCE
    return page


def stage_payment(rendered: order_page_pb2.RenderResponse, **fields: Any) -> order_pb2.PayStageRequest:
    """Pays a balance as rendered, under a request id of its own."""
    given = {"request_id": str(uuid4()), "quote_token": rendered.quote_token, "payment_method": "card"}
    return order_pb2.PayStageRequest(**given | fields)


def chosen(rendered: order_page_pb2.RenderResponse, parcel: int = 0) -> Any:
    """The selected option of a parcel."""
    return next(option for option in rendered.page.parcels[parcel].options if option.selected)


def submission(
    page: request_pb2.PageRequest, rendered: order_page_pb2.RenderResponse, **fields: Any
) -> order_page_pb2.SubmitRequest:
    """The order of a page as rendered, under a request id of its own."""
    given = {"request_id": str(uuid4()), "quote_token": rendered.quote_token, "payment_method": "card"}
    return order_page_pb2.SubmitRequest(page=page, **given | fields)


class Client:
    """A buyer at a channel."""

    def __init__(self, channel: grpc.aio.Channel, buyer: str = "b-demo") -> None:
        self.channel = channel
        self.pages = order_page_pb2_grpc.OrderPageServiceStub(channel)
        self.orders = order_pb2_grpc.OrderServiceStub(channel)
        self.metadata: tuple[tuple[str, str], ...] = (
            ("authorization", f"Bearer demo:{buyer}"),
            ("orderpage-status-bytes", str(STATUS_BYTES)),
        )

    def as_buyer(self, buyer: str) -> "Client":
        """Somebody else at the same channel."""
        return Client(self.channel, buyer)

    async def render(
        self,
        page: request_pb2.PageRequest,
        *,
        choose: Mapping[str, str] | None = None,
        prior: str = "",
        explain: bool = False,
        within: float = SECONDS,
    ) -> order_page_pb2.RenderResponse:
        """The page; ``choose`` is parcel id to method."""
        request = order_page_pb2.RenderRequest(page=page, prior_quote_token=prior, explain=explain)
        for parcel_id, method in (choose or {}).items():
            request.selections.add(parcel_id=parcel_id, method=method)
        return await self.pages.Render(request, timeout=within, metadata=self.metadata)

    async def by(self, page: request_pb2.PageRequest, method: str) -> order_page_pb2.RenderResponse:
        """The page with every parcel travelling by one method."""
        first = await self.render(page)
        choose = {parcel.parcel_id: method for parcel in first.page.parcels}
        return await self.render(page, choose=choose, prior=first.quote_token)

    async def submit(
        self, request: order_page_pb2.SubmitRequest, within: float = SECONDS
    ) -> order_page_pb2.SubmitResponse:
        return await self.pages.Submit(request, timeout=within, metadata=self.metadata)

    async def pay_stage(
        self, request: order_pb2.PayStageRequest, within: float = SECONDS
    ) -> order_pb2.PayStageResponse:
        return await self.orders.PayStage(request, timeout=within, metadata=self.metadata)

    async def order(self, order_id: str) -> order_pb2.GetOrderResponse:
        request = order_pb2.GetOrderRequest(order_id=order_id)
        return await self.orders.GetOrder(request, timeout=SECONDS, metadata=self.metadata)


async def until(probe: Callable[[], Awaitable[T]], fine: Callable[[T], bool], seconds: float = 120.0) -> T:
    """Ask again and again until the answer is fine; returns it. Raises ``TimeoutError``."""
    async with asyncio.timeout(seconds):
        while not fine(answer := await probe()):  # noqa: ASYNC110  # what is waited for is in another process
            await asyncio.sleep(0.05)
    return answer


# ---- refusals --------------------------------------------------------------------------------------------------


class Refused(msgspec.Struct, frozen=True):
    """What a client is told of a failed call."""

    status: str
    reason: str
    action: str
    message: str
    metadata: Mapping[str, str]
    problems: tuple[problem_pb2.Problem, ...]
    told: str
    details: Status

    def detail(self, message: Any) -> Any:
        """Read the detail of that kind into ``message``."""
        assert any(detail.Unpack(message) for detail in self.details.details), self.told
        return message

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(problem.code for problem in self.problems)

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(problem.field for problem in self.problems)


async def refused(call: Awaitable[Any]) -> Refused:
    """How a call was refused. Fails when it was answered."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return read_refusal(error)
    raise AssertionError(f"answered: {answer}")


def read_refusal(error: Any) -> Refused:
    """Of an error that either kind of channel raised."""
    trailers = dict(error.trailing_metadata() or ())
    status = Status.FromString(trailers.get("grpc-status-details-bin", b""))
    info, problems = error_details_pb2.ErrorInfo(), problem_pb2.Problems()
    for detail in status.details:
        detail.Unpack(info) or detail.Unpack(problems)
    return Refused(
        status=error.code().name,
        reason=info.reason,
        action=info.metadata.get("action", ""),
        message=error.details() or "",
        metadata=dict(info.metadata),
        problems=tuple(problems.problems),
        told=f"{error.details()} {status} {problems} {info}",
        details=status,
    )


_INTERNAL = (
    "Traceback",
    'File "',
    ".py",
    "sqlalchemy",
    "sqlite",
    "/orderpage/",
    "Exception",
    "msgspec",
    "object at 0x",
)


def leaks(refusal: Refused) -> list[str]:
    """Words of our insides that a client was told."""
    return [word for word in _INTERNAL if word.lower() in refusal.told.lower()]


# ---- laws of a page --------------------------------------------------------------------------------------------


def check_sums(rendered: order_page_pb2.RenderResponse) -> None:
    """Totals equal their parts, and what the selected options cost to the door is what the page costs.

    Goods that no method takes have no option; they are on the page and in its goods all the same.
    """
    page = rendered.page
    totals, lines = page.totals, [line for shop in page.shops for line in shop.lines]
    options = [option for parcel in page.parcels for option in parcel.options if option.selected]
    assert len(options) == sum(1 for parcel in page.parcels if parcel.options), "one option of a parcel is selected"
    assert totals.goods == sum(line.amount for line in lines)
    assert all(line.amount == line.unit_amount * line.quantity for line in lines)
    assert totals.goods + totals.goods_discount == sum(line.net_amount for line in lines)
    assert totals.freight == sum(option.freight for option in options)
    assert totals.freight_discount == sum(option.discount for option in options)
    assert totals.fees == sum(fee.amount for option in options for fee in option.fees)
    assert totals.tax == sum(option.tax for option in options)
    assert totals.border_estimate == sum(option.border_estimate for option in options)
    parts = (totals.goods, totals.goods_discount, totals.freight, totals.freight_discount, totals.fees, totals.tax)
    assert totals.payable == sum(parts)
    stages = page.payment_schedule.stages
    assert not stages or totals.payable == sum(stage.amount for stage in stages)
    assert totals.payable >= 0
    stuck = sum(_goods_of(parcel, lines) for parcel in page.parcels if not parcel.options)
    if page.parcels:
        assert totals.payable == sum(option.landed_cost for option in options) + stuck
    if page.HasField("payment_schedule"):
        assert totals.payable == sum(stage.amount for stage in page.payment_schedule.stages)
    for adjustment in page.adjustments:
        assert adjustment.amount == sum(part.amount for part in adjustment.parts)
        assert adjustment.amount <= 0
    _check_tax_lines(options)


def _goods_of(parcel: Any, lines: Iterable[Any]) -> int:
    unit = {line.line_id: line.unit_amount for line in lines}
    return sum(unit[item.line_id] * item.quantity for item in parcel.items)


def _check_tax_lines(options: Iterable[Any]) -> None:
    from crossborder.checkout.v1 import page_pb2

    for option in options:
        collected = [line.amount for line in option.tax_lines if line.collector == page_pb2.COLLECTOR_MARKETPLACE]
        border = [line.amount for line in option.tax_lines if line.collector == page_pb2.COLLECTOR_BORDER]
        assert (option.tax, option.border_estimate) == (sum(collected), sum(border))


def utc(moment: Any) -> datetime:
    """A protobuf timestamp."""
    return datetime.fromtimestamp(moment.seconds, UTC)
