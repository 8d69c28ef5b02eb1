"""A checkout between two order pages, over the wire: who answers it, what happens when one of them is taken away."""

import os
import signal
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import grpc
import pytest
from tests.e2e import live
from tests.e2e.live import Client, Server, page_of, refused, submission, until
from tests.e2e.moving import Stand, flag_text, renewed_page

from crossborder.checkout.v1 import order_page_pb2

Start = Callable[..., Stand]
CART = ("HK", ("dig-earbuds-lite", 1), ("bok-notebook-a5", 2))


@pytest.fixture
def stand(loaded: Path, tmp_path: Path) -> Iterator[Start]:
    made: list[Stand] = []

    def start(*bugs: str, flags: str, **settings: str) -> Stand:
        made.append(Stand(tmp_path, loaded, *bugs, flags=flags, **settings))
        return made[-1]

    yield start
    for one in made:
        one.kill()


@asynccontextmanager
async def buyer(server: Server, name: str = "b-1") -> AsyncIterator[Client]:
    async with grpc.aio.insecure_channel(server.address, options=live.CHANNEL) as channel:
        yield Client(channel, name)


async def answered_by(both: Stand, stack: str, client: Client) -> None:
    """Wait until a new checkout is answered by a stack: a quote of the old page carries that page's own."""

    async def quoted() -> int:
        return len((await client.render(page_of(*CART))).quote_token)

    ours = 700  # a quote around another one is longer
    await until(quoted, lambda size: (size > ours) == (stack == "legacy"))


def edit(both: Stand, *words: str) -> None:
    done = live.run("traffic", *words, "--reason", "a test", flags=str(both.flags))
    assert done.returncode == 0, done.stderr


def children_of(server: Server) -> list[int]:
    """The processes that it started."""
    return [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text("ascii").split()]


def orders(both: Stand) -> tuple[int, int]:
    """How many the old page made, and how many ours."""
    count = "SELECT count(*) FROM orders"
    return int(live.query(both.legacy.database, count)[0][0]), int(both.query(count)[0][0])


async def test_a_checkout_ends_on_the_page_where_it_began_and_its_order_is_found_there(stand: Start) -> None:
    both, page = stand(flags=flag_text("shadow")), page_of(*CART)
    async with buyer(both.server) as client:
        first = await client.render(page)
        both.change_flags(flag_text("new"))
        await answered_by(both, "new", client)
        other = {parcel.parcel_id: parcel.options[-1].method for parcel in first.page.parcels}
        second = await client.render(page, choose=other, prior=first.quote_token)
        assert second.checkout_id == first.checkout_id
        assert live.chosen(second).method == first.page.parcels[0].options[-1].method
        request = submission(page, second)
        placed = await client.submit(request)
        assert placed.order.payable == second.page.totals.payable
        assert (await client.submit(request)).order == placed.order
        assert orders(both) == (1, 0)
        assert (await client.order(placed.order.order_id)).order == placed.order
        rendered = await client.render(page)
        ours = await client.submit(submission(page, rendered))
        assert orders(both) == (1, 1)
        assert (await client.order(ours.order.order_id)).order == ours.order
        assert (await refused(client.order("nobodys"))).reason == "ORDER_NOT_FOUND"
    both.stop()


async def test_a_kill_shows_those_under_way_the_old_page_and_orders_nothing_twice(stand: Start) -> None:
    # The old page has a wrong fee for remote areas, so that its page is another one; nobody compares them here.
    both = stand("remote-on-top", flags=flag_text("new"), verify_ratio="0")
    page = page_of(*CART, address={"district": "西貢"})
    async with buyer(both.server) as client:
        done, open_ = await client.render(page), await client.render(page)
        request = submission(page, done)
        placed = await client.submit(request)
        edit(both, "kill")
        await answered_by(both, "legacy", client)
        assert (await client.submit(request)).order == placed.order, "what was ordered stays ordered"
        duplicate = await refused(client.submit(submission(page, done)))
        assert duplicate.reason == "ORDER_DUPLICATE"
        given_up = submission(page, open_)
        changed = await refused(client.submit(given_up))
        assert (changed.reason, changed.action) == ("QUOTE_CHANGED", "REVIEW_CHANGES")
        shown = renewed_page(changed)
        assert shown.page.totals.payable > open_.page.totals.payable
        assert str(shown.page.totals.payable) == changed.metadata["value"]
        again = await client.render(page, prior=open_.quote_token)
        assert [notice.code for notice in again.page.notices] == ["QUOTE_CHANGED"]
        accepted = await client.submit(submission(page, shown))
        assert accepted.order.payable == shown.page.totals.payable
        assert orders(both) == (1, 1)
        edit(both, "revive", "--yes")
        await answered_by(both, "new", client)
        for late in (given_up, submission(page, open_)):
            assert (await refused(client.submit(late))).reason == "QUOTE_EXPIRED", "another page took its place"
        assert orders(both) == (1, 1)
    both.stop()


async def test_while_the_old_page_is_away_its_checkouts_wait_and_ours_go_on(stand: Start) -> None:
    both = stand(flags=flag_text("legacy", SG="new"), verify_ratio="0")
    async with buyer(both.server) as client:
        hk, sg = page_of(*CART), page_of("SG", ("tea-pot-master", 1))
        quoted = await client.render(hk)
        both.legacy.kill()
        away = await refused(client.render(hk))
        assert (away.status, away.reason, away.action) == ("UNAVAILABLE", "UP_DEGRADED", "RETRY")
        assert (await refused(client.submit(submission(hk, quoted)))).reason == "UP_DEGRADED"
        rendered = await client.render(sg)
        placed = await client.submit(submission(sg, rendered))
        assert (await client.order(placed.order.order_id)).order.payable == rendered.page.totals.payable
        assert (await refused(client.order("maybe-there"))).reason == "UP_DEGRADED", "nobody knows whether it is there"
        assert live.leaks(away) == []


async def test_while_our_database_is_away_what_the_old_page_answers_goes_on(loaded: Path, tmp_path: Path) -> None:
    from orderpage.api.server import ServerOptions
    from orderpage.bootstrap import open_service, server_of
    from orderpage.settings import ServerSettings

    (tmp_path / "flags.json").write_text(flag_text("shadow", SG="new"), "utf-8")
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    databases = [live.copy_database(loaded, tmp_path / name) for name in ("old", "new")]
    with Server(tmp_path, databases[0], command=("legacy",)) as legacy:
        settings = ServerSettings(
            database=live.url_of(databases[1]), quote_keys=live.KEYS, legacy=legacy.address,
            flags=str(tmp_path / "flags.json"),
        )  # fmt: skip
        async with open_service(settings) as service:
            server = server_of(service, ServerOptions(address="127.0.0.1:0"))
            await server.start()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=live.CHANNEL) as channel:
                client, page = Client(channel, "b-1"), page_of(*CART)
                quoted = await client.render(page)
                await service.database.close()
                rendered = await client.render(page, prior=quoted.quote_token)
                assert rendered.page.totals == quoted.page.totals
                placed = await client.submit(submission(page, rendered))
                assert placed.order.payable == rendered.page.totals.payable
                ours = await refused(client.render(page_of("SG", ("tea-pot-master", 1))))
                assert ours.reason == "STORE_UNAVAILABLE"
            await server.stop(1.0)


async def test_what_the_old_page_refuses_is_told_word_for_word(stand: Start) -> None:
    both, page = stand(flags=flag_text("shadow")), page_of(*CART)
    async with buyer(both.server) as client, buyer(both.legacy) as direct:
        mine = await refused(client.submit(submission(page, await client.render(page), payment_method="shells")))
        theirs = await refused(direct.submit(submission(page, await direct.render(page), payment_method="shells")))
        assert (mine.status, mine.reason, mine.action, mine.message) == (
            theirs.status, theirs.reason, theirs.action, theirs.message,
        )  # fmt: skip
        assert mine.codes == theirs.codes == ("PAY_METHOD_UNSUPPORTED",)
        forged = await refused(client.submit(order_page_pb2.SubmitRequest(
            request_id="6d3d2b0e-3b0e-4b5e-9f2e-0a0a0a0a0a0a", quote_token="q1.k1.x.y", page=page, payment_method="card"
        )))  # fmt: skip
        assert forged.reason == "QUOTE_INVALID"


async def test_a_client_that_is_too_old_is_refused_and_told_what_to_do(stand: Start) -> None:
    both = stand(flags=flag_text("new"))
    edit(both, "set", "refused", "--client", "native", "--version", "<3.2.0", "--lower", "--yes")
    async with buyer(both.server) as client:
        old = page_of(*CART, client="native", client_version="3.1.9")

        async def answer() -> str:
            try:
                await client.render(old)
            except grpc.aio.AioRpcError as error:
                refusal = live.read_refusal(error)
                return f"{refusal.reason} {refusal.action}"
            return ""

        assert await until(answer, bool) == "CLIENT_VERSION_LOW UPDATE_CLIENT"
        await client.render(page_of(*CART, client="native", client_version="3.2.0"))
        await client.render(page_of(*CART, client="h5", client_version="1.0.0"))


async def test_differences_in_money_are_kept_with_both_sums_and_trip_nothing_where_nobody_gets_the_new_page(
    stand: Start,
) -> None:
    both = stand("remote-on-top", flags=flag_text("shadow"))
    async with buyer(both.server) as client:
        await client.render(page_of(*CART, address={"district": "西貢"}))
        await client.render(page_of(*CART))

        async def found() -> list[tuple[Any, ...]]:
            return both.query("SELECT subject, field, cause, money FROM difference_groups WHERE money")

        groups = await until(found, lambda rows: ("PAGE", "totals.payable", "FEE", 1) in rows)
    assert all(cause == "FEE" for _, _, cause, _ in groups)
    assert both.query("SELECT * FROM trips") == []
    listed = live.run("diff", "list", "--money", database=live.url_of(both.server.database))
    assert listed.returncode == 0
    assert "totals.payable" in listed.stdout


async def test_comparing_is_begun_again_when_its_process_dies_and_buyers_notice_nothing(stand: Start) -> None:
    both = stand(flags=flag_text("shadow"))
    async with buyer(both.server) as client:

        async def compared() -> int:
            return both.counted("compared")

        await client.render(page_of(*CART))
        await until(compared, lambda number: number == 1)
        (child,) = children_of(both.server)
        os.kill(child, signal.SIGKILL)
        both.server.wait_for("shadow.ended")
        await client.render(page_of(*CART))
        await until(compared, lambda number: number == 2)
        (again,) = children_of(both.server)
        assert again != child


DRIVER = """\
    from crossborder.checkout.v1 import order_page_pb2
    from orderpage.domain.problem import Code, refuse


    class Scripted:
        '''An old page that is no server: its driver speaks for it.'''

        async def render(self, request, call):
            response = order_page_pb2.RenderResponse(checkout_id="c-" + call.buyer_id, quote_token="their-own")
            response.page.currency.code, response.page.currency.exponent = "HKD", 2
            response.page.totals.payable = 12345
            rate = response.page.exchange_rate
            rate.rate_id, rate.base.code, rate.base.exponent, rate.numerator, rate.denominator = "r", "CNY", 2, 118, 100
            response.page.priced_at.GetCurrentTime()
            response.quote_expires_at.FromSeconds(response.page.priced_at.seconds + 600)
            return response

        async def submit(self, request, call):
            assert request.quote_token == "their-own"
            response = order_page_pb2.SubmitResponse()
            response.order.order_id, response.order.payable = "theirs-1", 12345
            response.order.address.CopyFrom(request.page.address)
            response.order.address.recipient = "Mr " + request.page.address.recipient
            response.order.address.phone = "0085251234567"
            return response

        async def get_order(self, request, call):
            raise refuse(Code.ORDER_NOT_FOUND, "no such order here", field="order_id")

        async def close(self):
            pass


    def make(settings):
        return Scripted()
"""


async def test_an_old_page_that_is_no_server_is_reached_by_a_driver_and_differences_name_nobody(
    loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_old.py").write_text(dedent(DRIVER), "utf-8")
    info = tmp_path / "acme_old-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-old\nVersion: 1\n", "utf-8")
    (info / "entry_points.txt").write_text("[orderpage.legacy]\nacme = acme_old:make\n", "utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH", "")))))
    flags = tmp_path / "flags.json"
    flags.write_text(flag_text("shadow"), "utf-8")
    with Server(tmp_path, live.copy_database(loaded, tmp_path), flags=str(flags), legacy="acme") as server:
        page = page_of(*CART)
        async with buyer(server) as client:
            rendered = await client.render(page)
            assert (rendered.checkout_id, rendered.page.totals.payable) == ("c-b-1", 12345)
            placed = await client.submit(submission(page, rendered))
            assert placed.order.order_id == "theirs-1"
            assert (await refused(client.order("x"))).reason == "ORDER_NOT_FOUND"

            async def found() -> set[str]:
                return {row[0] for row in live.query(server.database, "SELECT field FROM difference_groups")}

            await until(found, lambda fields: {"payable", "address.recipient", "address.phone"} <= fields)
        kept = live.query(server.database, "SELECT place, legacy, new FROM differences")
        bodies = [zlib.decompress(row[0][1:]) for row in live.query(server.database, "SELECT body FROM recordings")]
        for name in ("Chan Mei", "5123", "8 Demo Road", "b-1"):
            assert not [row for row in kept if name in "".join(row)]
            assert not [body for body in bodies if name.encode() in body]
        server.stop()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"flags": "flags.json"}, "ORDERPAGE_LEGACY"),
        ({"legacy": "127.0.0.1:50061"}, "ORDERPAGE_FLAGS"),
        ({"flags": "nowhere.json", "legacy": "127.0.0.1:50061"}, "there is no flag file nowhere.json"),
        ({"flags": "flags.json", "legacy": "acme"}, "there is no driver 'acme'"),
        ({"flags": "flags.json", "legacy": "127.0.0.1:x"}, "is not host:port"),
        ({"flags": "flags.json", "legacy": "127.0.0.1:50061", "ramps": "nowhere.yaml"}, "there is no file"),
        ({"flags": "flagd://127.0.0.1", "legacy": "127.0.0.1:50061"}, "flagd://host:port"),
    ],
)
def test_what_cannot_be_moved_is_said_before_anything_starts(
    loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flags.json").write_text(flag_text("legacy"), "utf-8")
    settings = settings | {"database": live.url_of(live.copy_database(loaded, tmp_path))}
    ended = live.run("serve", settings=settings)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_pages_can_be_recorded_without_any_migration(
    own_server: Callable[..., Server], connect: Callable[..., AbstractAsyncContextManager[Client]]
) -> None:
    server = own_server(record_ratio="1")
    async with connect(server) as client:
        await client.render(page_of("SG", ("tea-pot-master", 1)))
        await client.render(page_of(*CART))

        async def recorded() -> int:
            return int(live.query(server.database, "SELECT count(*) FROM recordings WHERE kind = 'SAMPLE'")[0][0])

        # They are made when nobody else wants the machine, which other tests may keep busy for minutes.
        await until(recorded, lambda number: number == 2, seconds=200)
    server.stop()
