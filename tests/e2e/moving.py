"""Two order pages side by side, and buyers between them: the stand-in of the old one, ours in front of it, a load."""

import asyncio
import random
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import msgspec
from google.protobuf.message import Message
from tests.carts import generate_requests
from tests.e2e import live
from tests.e2e.live import Client, Refused, Server

from crossborder.checkout.v1 import order_page_pb2
from orderpage.migration.flags.file import dump, to_flagd
from orderpage.migration.flags.rules import Route, Rule, Rules, Split
from orderpage.migration.scope import Scope

SITES = ("HK", "SG")


def flag_text(everywhere: str, **sites: str) -> str:
    """A flag file as `orderpage traffic` writes it: one route everywhere, or another in a site."""
    rules = [Rule(Scope(site=site), "", Split.whole(Route(route))) for site, route in sites.items()]
    return dump(to_flagd(Rules.of([Rule(Scope(), "", Split.whole(Route(everywhere))), *rules])))


class Stand:
    """Both pages, each on a database of its own. ``server`` is ours, and the one that clients know."""

    def __init__(self, folder: Path, loaded: Path, *bugs: str, flags: str, **settings: str) -> None:
        """``flags`` is the text of the flag file; ``settings`` are those of our server."""
        old, new = (_database(folder / name, loaded) for name in ("old", "new"))
        arguments = [word for bug in bugs for word in ("--bug", bug)]
        self.flags = folder / "flags.json"
        self.flags.write_text(flags, "utf-8")
        self.legacy = Server(folder, old, command=("legacy", *arguments), quote_keys="old:" + "6b" * 32).start()
        own = {
            "flags": str(self.flags), "legacy": self.legacy.address, "shadow_queue": "100000",
            "noise_ratio": "0.02", "verify_ratio": "1",
        }  # fmt: skip
        self.server = Server(folder, new, **{**own, **settings}).start()

    def change_flags(self, text: str) -> None:
        """At once: of a file that is half written the server would say that something is wrong."""
        aside = self.flags.with_suffix(".new")
        aside.write_text(text, "utf-8")
        aside.replace(self.flags)

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Of our database."""
        return live.query(self.server.database, statement, *values)

    def counted(self, name: str, site: str = "") -> int:
        """What was counted under a name, of a site or in all."""
        where, values = (" AND site = ?", (site,)) if site else ("", ())
        return int(
            self.query(f"SELECT coalesce(sum(count), 0) FROM traffic_counts WHERE name = ?{where}", name, *values)[0][0]
        )

    def differences(self) -> list[tuple[Any, ...]]:
        """Every group of differences: site, subject, field, cause, how often, and an example."""
        return self.query(
            "SELECT g.site, g.subject, g.field, g.cause, g.count, d.place, d.legacy, d.new FROM difference_groups g "
            "JOIN differences d USING (group_id) GROUP BY g.group_id"
        )

    def shares(self) -> dict[str, int]:
        """Ramps by name: buckets of 10,000 that go to the new page."""
        return dict(self.query("SELECT name, share FROM ramps"))

    def stop(self) -> None:
        """End both as an operator does. Payments may have been slow; nothing else may have gone wrong."""
        for one in (self.server, self.legacy):
            one.signal(signal.SIGTERM)
            assert one.wait() == 0
            wrong = [line for line in one.events() if line["level"] not in ("debug", "info")]
            assert {line["event"] for line in wrong} <= {"payment.unresolved"}, wrong[:3]

    def kill(self) -> None:
        self.server.kill()
        self.legacy.kill()


def _database(folder: Path, loaded: Path) -> Path:
    """Of one's own, with more stock than is bought: two pages that sell from two stocks must not differ by that."""
    folder.mkdir()
    database = live.copy_database(loaded, folder)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE stock SET available = 1000000 WHERE available > 0")
    return database


class Bought(msgspec.Struct):
    """A checkout as its buyer saw it: every page's sum to pay, what was ordered, and how often the page was renewed."""

    site: str
    shown: list[int]
    ordered: int | None = None
    order_id: str = ""
    renewed: int = 0
    refusal: str = ""


class Buyers:
    """People who look, choose and buy, each one once, as long as ``going``."""

    def __init__(self, channel: grpc.aio.Channel, seed: int, *, buying: float) -> None:
        """``buying`` is the share of checkouts that go to the end."""
        self._channel = channel
        self._seed = seed
        self._buying = buying
        self._numbers = count()
        self.checkouts: list[Bought] = []
        self.renders = 0

    async def shop(self, site: str, going: Callable[[], bool], at_once: int = 4) -> None:
        """Carts of a site, so many at once."""
        requests = self._requests(site)
        await asyncio.gather(*(self._one_after_another(site, requests, going) for _ in range(at_once)))

    def _requests(self, site: str) -> Iterator[tuple[str, order_page_pb2.RenderRequest]]:
        for block in count():
            yield from generate_requests(site, 500, self._seed + block)

    async def _one_after_another(
        self, site: str, requests: Iterator[tuple[str, order_page_pb2.RenderRequest]], going: Callable[[], bool]
    ) -> None:
        while going():
            buyer, request = next(requests)
            chance = random.Random(f"{self._seed}:{next(self._numbers)}")
            buys = chance.random() < self._buying
            # Strangers are as many as the buckets; and who buys must not have bought before on one stack only.
            if buys or buyer.removeprefix("b-").isdecimal():
                buyer = f"b-{uuid4().hex[:12]}"
            client = Client(self._channel, buyer)
            try:
                if buys:
                    self.checkouts.append(await self._buy(client, site, request, chance))
                else:
                    await self._look(client, request)
            except grpc.aio.AioRpcError as error:
                refusal = live.read_refusal(error)
                assert refusal.status in ("INVALID_ARGUMENT", "FAILED_PRECONDITION"), refusal.told

    async def _look(self, client: Client, request: order_page_pb2.RenderRequest) -> order_page_pb2.RenderResponse:
        self.renders += 1
        return await client.pages.Render(request, timeout=live.SECONDS, metadata=client.metadata)

    async def _buy(
        self, client: Client, site: str, request: order_page_pb2.RenderRequest, chance: random.Random
    ) -> Bought:
        """Look, choose another method, and order what the last page said; once more if that page is renewed."""
        rendered = await self._look(client, request)
        bought = Bought(site, [rendered.page.totals.payable])
        if not rendered.quote_token:
            return bought
        rendered = await self._choose(client, request, rendered, bought, chance)
        await asyncio.sleep(1.5)  # people take a moment, in which both pages can be asked again
        for _ in range(3):
            submit = live.submission(request.page, rendered, payment_method=rendered.page.payment_methods[0].code)
            try:
                placed = await client.submit(submit)
            except grpc.aio.AioRpcError as error:
                refusal = live.read_refusal(error)
                if refusal.reason != "QUOTE_CHANGED":
                    bought.refusal = refusal.reason
                    return bought
                rendered = renewed_page(refusal)
                bought.renewed += 1
                bought.shown.append(rendered.page.totals.payable)
                continue
            bought.ordered, bought.order_id = placed.order.payable, placed.order.order_id
            return bought
        raise AssertionError("the page was renewed again and again")

    async def _choose(
        self,
        client: Client,
        request: order_page_pb2.RenderRequest,
        rendered: order_page_pb2.RenderResponse,
        bought: Bought,
        chance: random.Random,
    ) -> order_page_pb2.RenderResponse:
        """Another method for one parcel: the sum moves by what the page said it would, unless it says otherwise."""
        parcel = chance.choice(rendered.page.parcels)
        if len(parcel.options) < 2:
            return rendered
        selected = next(option for option in parcel.options if option.selected)
        wanted = chance.choice([option for option in parcel.options if not option.selected])
        again = order_page_pb2.RenderRequest(page=request.page, prior_quote_token=rendered.quote_token)
        again.selections.add(parcel_id=parcel.parcel_id, method=wanted.method)
        after = await self._look(client, again)
        expected = rendered.page.totals.payable + wanted.landed_cost - selected.landed_cost
        if any(notice.code == "QUOTE_CHANGED" for notice in after.page.notices):
            bought.renewed += 1
        else:
            assert after.page.totals.payable == expected, (bought, parcel.parcel_id, wanted.method)
        bought.shown.append(after.page.totals.payable)
        return after


def renewed_page(refusal: Refused) -> order_page_pb2.RenderResponse:
    """The page inside QUOTE_CHANGED."""
    changed: Message = refusal.detail(order_page_pb2.QuoteChanged())
    return changed.rendered  # type: ignore[attr-defined,no-any-return]
