"""The same two answers to Render, the pinned page and a prebuilt one, with and without routing in front of them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from crossborder.checkout.v1 import order_page_pb2
from orderpage.adapters.authentication import DemoAuthenticator
from orderpage.adapters.legacy import GrpcLegacy
from orderpage.adapters.sql.database import Database, open_database
from orderpage.adapters.sql.differences import SqlDifferences
from orderpage.adapters.sql.migrate import migrate
from orderpage.adapters.sql.traffic import SqlTraffic
from orderpage.api.errors import problems_of
from orderpage.api.from_proto import render_request
from orderpage.api.legacy_stack import LegacyStack
from orderpage.api.routed import RendersIdentified, RoutedPages
from orderpage.api.server import ServerOptions, serve_with
from orderpage.api.servicers import OrderPageServicer, OrderServicer
from orderpage.bench.pinned_page import BUYER, NOW, pinned_memory, pinned_plans, pinned_renderer
from orderpage.bench.render.stand import NoOrders
from orderpage.bench.switchboard import Context, RenderAnswer, Stand, Switchboard
from orderpage.bench.traffic.calls import asked_of
from orderpage.bench.traffic.rules import DIMENSIONS, RAMP, SHARE, half_way, write_flags
from orderpage.bootstrap import utc_now
from orderpage.migration.flags.source import FlagSource, open_flags
from orderpage.migration.gate.counts import Counts
from orderpage.migration.gate.gate import Gate
from orderpage.migration.gate.ramp import Ramp, Ramps
from orderpage.migration.gate.state import TrafficState
from orderpage.migration.gate.store import Progress
from orderpage.migration.outcomes import Outcomes
from orderpage.migration.router import Router
from orderpage.migration.traffic import Ratios, Traffic
from orderpage.migration.trips import Trips
from orderpage.renderer import Rendered, Renderer
from orderpage.request import Identity, RenderRequest
from orderpage.shadow.process import ShadowProcess

COMPARED = {
    "servicer": ("again", "routed", "many", "cold"),
    "echo": ("again", "routed", "many", "cold"),
    "render": ("again", "routed", "many"),
}
"""What is compared with none, on each page: the pinned one (``render``), or a prebuilt one of a single line, around
which little else varies: ``echo``, or ``servicer`` where routed calls and others take turns.

``again`` is none too: what it seems to cost is the error of the measurement. ``routed`` is one buyer whom a split of
buckets sends to the new stack; ``many`` as many buyers as calls, each in a bucket of its own, sent there by the ramp;
``cold`` meets flags that have just changed, each call in another cell.
"""

_SECONDS = 30.0
_NOBODY = "127.0.0.1:9"
"""Where the legacy stack would be: no call goes there."""

_LOOK = 0.005
_OURS_ONLY = Ratios(noise=0, verify=0, record=0)


def name_of(page: str, variant: str) -> str:
    """A variant's name on the switchboard."""
    return f"{page}.{variant}"


class NoRoutedOrders(NoOrders):
    """The same of a routed server: nothing is submitted."""

    withdraw = give_up = NoOrders.submit


class Prebuilt:
    """A renderer up to the page: it looks the buyer up unless somebody has, and answers what it was given."""

    def __init__(self, renderer: Renderer, rendered: Rendered) -> None:
        self._renderer = renderer
        self._rendered = rendered

    async def render(
        self, request: RenderRequest, buyer_id: str, deadline: float, *, identity: Identity | None = None
    ) -> Rendered:
        """As ``Renderer.render``, whatever is asked."""
        async with asyncio.timeout(deadline - time.monotonic()):
            if identity is None:
                await self._renderer.identify(request, buyer_id)
        return self._rendered


class Turns:
    """Account of the time that answers take on this thread, with and without routing in turns.

    Neighbours meet the machine in one state, so their medians tell a microsecond apart. Right for answers that wait for
    nothing.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {"none": [], "routed": []}

    def between(self, plain: RenderAnswer, routed: RenderAnswer) -> RenderAnswer:
        """Every other call routed."""
        turns = cycle((("none", plain), ("routed", routed)))

        async def answer(request: order_page_pb2.RenderRequest, context: Context) -> order_page_pb2.RenderResponse:
            name, ours = next(turns)
            started = time.thread_time()
            try:
                return await ours(request, context)
            finally:
                self._seconds[name].append(time.thread_time() - started)

        return answer

    def close(self) -> dict[str, float]:
        """The median of either since the account was last closed, in seconds; nothing where there were no calls."""
        medians = {name: median(seconds) for name, seconds in self._seconds.items() if seconds}
        for seconds in self._seconds.values():
            seconds.clear()
        return medians


class ChangingFlags:
    """Real flags in a real file, which change whenever a variant is to meet fresh ones."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._edition = 0
        self._write()
        self.source = open_flags(file, raise_trouble)

    async def prepare(self, variant: str) -> None:
        """For a cold variant: change the file, and wait until that is in force."""
        if not variant.endswith(".cold"):
            return
        before = self.source.changes
        self._write()
        async with asyncio.timeout(_SECONDS):
            while self.source.changes == before:  # noqa: ASYNC110  # it is another thread's
                await asyncio.sleep(_LOOK)

    def _write(self) -> None:
        self._edition += 1
        write_flags(self._file, half_way(self._edition % 1_000 + 1))


def raise_trouble(trouble: str) -> None:
    """Flags that are not in force measure something else."""
    if trouble:
        raise RuntimeError(trouble)


@asynccontextmanager
async def traffic_stand() -> AsyncIterator[Stand]:
    """All variants on a free port of loopback."""
    with TemporaryDirectory(prefix="orderpage-bench-") as folder:
        url = f"sqlite+pysqlite:///{Path(folder) / 'ramps.sqlite3'}"
        migrate(url)
        database, flags = await open_database(url), ChangingFlags(Path(folder) / "flags.json")
        try:
            turns = Turns()
            pages = Switchboard(await routed_answers(await moving(flags.source, database), turns))
            options = ServerOptions(address="127.0.0.1:0")
            server = serve_with(pages, OrderServicer(NoOrders()), DemoAuthenticator(), options)
            yield Stand(server, pages, prepare=flags.prepare, answering=turns.close)
        finally:
            flags.source.close()
            await database.close()


async def routed_answers(traffic: Traffic, turns: Turns) -> dict[str, RenderAnswer]:
    """Every variant by name."""
    renderer = pinned_renderer(pinned_memory(), pinned_plans())
    small = render_request(asked_of("echo"))
    prebuilt = Prebuilt(renderer, await renderer.render(small, BUYER.buyer_id, time.monotonic() + _SECONDS))
    legacy = LegacyStack(GrpcLegacy(_NOBODY), renderer.signer)
    ours: dict[str, RendersIdentified] = {"render": renderer, "echo": prebuilt, "servicer": prebuilt}
    answers: dict[str, RenderAnswer] = {}
    for page, answering in ours.items():
        plain = OrderPageServicer(answering, NoOrders()).Render
        routed = RoutedPages(renderer, answering, NoRoutedOrders(), legacy, traffic).Render
        for variant in ("none", *COMPARED[page]):
            answer = plain if variant in ("none", "again") else routed
            answers[name_of(page, variant)] = turns.between(plain, answer) if page == "servicer" else answer
    return answers


async def moving(flags: FlagSource, database: Database) -> Traffic:
    """What routes: the flags, and the ramp as the database has it. Nothing runs beside it that would be measured."""
    store = SqlTraffic(database)
    await store.begin(Progress(name="sg", scope=RAMP, share=SHARE, step=0, since=NOW))
    state, counts = TrafficState(store), Counts()
    if not await state.refresh():
        raise RuntimeError("the ramp that was just written cannot be read")
    ramps = Ramps([Ramp(name="sg", scope=RAMP, shares=(SHARE,))])
    trips = Trips(Gate(store, ramps, utc_now, holder="bench"), state, utc_now)
    router = Router(flags, state, lambda: DIMENSIONS)
    outcomes = Outcomes(router, counts, trips, SqlDifferences(database), utc_now)
    shadow = ShadowProcess({}, 1, outcomes.take, outcomes.dropped)  # not running: nothing is to be compared
    return Traffic(router, shadow, counts, trips, _OURS_ONLY, lambda error: problems_of(error, ""))
