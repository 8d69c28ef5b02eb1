"""The bench of traffic runs, its variants are what they say, and its figures are right by construction.

How much anything costs is never asserted.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crossborder.checkout.v1.order_page_pb2 import RenderRequest, RenderResponse
from orderpage.adapters.authentication import DemoAuthenticator
from orderpage.adapters.sql.database import open_database
from orderpage.adapters.sql.migrate import migrate
from orderpage.api.server import ServerOptions, serve_with
from orderpage.api.servicers import OrderServicer
from orderpage.bench.figures import ratios
from orderpage.bench.load import CallFailed, Sent, load_on
from orderpage.bench.render.handwritten import differences
from orderpage.bench.render.stand import NoOrders
from orderpage.bench.switchboard import Context, Switchboard
from orderpage.bench.traffic.calls import SLICE, calls_of
from orderpage.bench.traffic.front import front
from orderpage.bench.traffic.routing import Pair, routing_figures
from orderpage.bench.traffic.rules import DIMENSIONS, RAMP_VERSION, SHARE, SPLIT_VERSION, goes_to_new
from orderpage.bench.traffic.shadowing import Turn, shadow_figures
from orderpage.bench.traffic.stand import COMPARED, ChangingFlags, Turns, moving, name_of, routed_answers
from orderpage.buckets import bucket_number
from orderpage.cli.commands import app
from orderpage.cli.demo import cart_request, make_demo_database, sorted_carts
from orderpage.migration.flags.rules import SALT, Route
from orderpage.migration.scope import TrafficCell
from orderpage.migration.traffic import Traffic

CALLS = 4
CELL = TrafficCell("SG", "pinned", "h5", "everyone")
VARIANTS = [name_of(page, variant) for page, variants in COMPARED.items() for variant in ("none", *variants)]


def test_the_bench_ends_with_one_line_of_json() -> None:
    arguments = ("--rounds", "2", "--calls", str(CALLS), "--shadow-rounds", "1", "--seconds", "0.5", "--rate", "8")
    ran = CliRunner().invoke(app, ["bench", "traffic", "--json", *arguments], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert (figures["rounds"], figures["calls"]) == (2, CALLS)
    for page, variants in COMPARED.items():
        assert figures[f"{page}_none_us"] > 0
        assert set(figures[page]) == set(variants)
        for added in figures[page].values():
            lower, upper = added["quartiles"]
            assert lower <= added["us"] <= upper
    assert figures["routing_us"] == figures["servicer"]["routed"]["us"]
    check_shadow(figures)


def check_shadow(figures: dict[str, Any]) -> None:
    assert (figures["shadow_rounds"], figures["rate"]) == (1, 8)
    # A turn of four calls; and those that asked whether the flags had changed, as long as they had not.
    assert figures["shadowed"] >= 4
    assert figures["shadowed"] == figures["compared"] + figures["failed"] + figures["dropped"]
    assert figures["compared"] > 0
    assert figures["different"] == 0, "both pages sell the same demo"
    for turn in ("legacy", "shadow"):
        assert 0 < figures[f"{turn}_p50_ms"] <= figures[f"{turn}_p99_ms"]
    assert figures["shadow_over_legacy_p99_quartiles"] == [figures["shadow_over_legacy_p99"]] * 2, "one round"


# ---- what is routed ----------------------------------------------------------------------------------------------


@pytest.fixture
def flags(tmp_path: Path) -> Any:
    made = ChangingFlags(tmp_path / "flags.json")
    yield made
    made.source.close()


@pytest.fixture
async def traffic(flags: ChangingFlags, tmp_path: Path) -> AsyncIterator[Traffic]:
    url = f"sqlite+pysqlite:///{tmp_path / 'ramps.sqlite3'}"
    migrate(url)
    database = await open_database(url)
    yield await moving(flags.source, database)
    await database.close()


async def test_every_variant_gives_the_answer_that_none_gives_and_only_the_routed_ones_are_routed(
    traffic: Traffic,
) -> None:
    turns = Turns()
    pages = Switchboard(await routed_answers(traffic, turns))
    server = serve_with(pages, OrderServicer(NoOrders()), DemoAuthenticator(), ServerOptions(address="127.0.0.1:0"))
    await server.start()
    try:
        async with load_on(server.port) as load:
            for variant in VARIANTS:
                page, _, name = variant.partition(".")
                answers = []
                for turn in (name_of(page, "none"), variant):
                    before = dict(traffic.routed)
                    pages.switch(turn)
                    seen = await load.burst("Render", calls_of(variant, CALLS), 2)
                    answers.append([RenderResponse.FromString(answer) for answer in seen.answers])
                    assert set(turns.close()) == ({"none", "routed"} if page == "servicer" else set())
                assert [differences(*both) for both in zip(*answers, strict=True)] == [[]] * CALLS
                routed = {stack: count - before.get(stack, 0) for stack, count in traffic.routed.items()}
                expected = 0 if name in ("none", "again") else CALLS // 2 if page == "servicer" else CALLS
                assert sum(routed.values()) == expected, variant
                assert set(routed) <= {"new"}, "all of them go to the new stack"
    finally:
        await server.stop(0)


def test_the_pinned_cell_goes_by_a_split_of_buckets_or_by_the_ramp(flags: ChangingFlags) -> None:
    route = flags.source.route
    assert [route(CELL, SPLIT_VERSION, bucket) for bucket in (0, SHARE - 1, SHARE, 9_999)] == [
        Route.NEW, Route.NEW, Route.SHADOW, Route.SHADOW,
    ]  # fmt: skip
    assert {route(CELL, RAMP_VERSION, bucket) for bucket in (0, SHARE, 9_999)} == {Route.RAMP}


async def test_only_a_cold_variant_changes_the_flags_and_nothing_that_is_routed_by_them(flags: ChangingFlags) -> None:
    for name in ("echo.none", "echo.routed", "render.many"):
        await flags.prepare(name)
    assert flags.source.changes == 0
    for changes in (1, 2):
        await flags.prepare("echo.cold")
        assert flags.source.changes == changes
        assert flags.source.route(CELL, SPLIT_VERSION, 0) is Route.NEW


def test_a_variant_is_sent_the_same_calls_at_every_turn() -> None:
    for variant in VARIANTS:
        assert calls_of(variant, SLICE) == calls_of(variant, SLICE)
        assert len(calls_of(variant, SLICE)) == SLICE


def test_many_are_many_buyers_in_many_buckets_and_cold_are_many_cells() -> None:
    many, cold, routed = (calls_of(f"echo.{name}", SLICE) for name in ("many", "cold", "routed"))
    assert len({bucket_number(SALT, sent.buyer_id) for sent in many}) == SLICE
    assert all(goes_to_new(sent.buyer_id) for sent in (*many, *cold, *routed))
    cells = {RenderRequest.FromString(sent.request).page.client for sent in cold}
    assert len(cells) == SLICE
    assert cells <= set(DIMENSIONS["client"]), "any other client would be one and the same cell"
    assert len({sent.request for sent in many}) == len({sent.buyer_id for sent in cold}) == len(set(routed)) == 1


async def test_of_neighbours_one_is_routed_and_each_has_its_own_account() -> None:
    async def plain(request: RenderRequest, context: Any) -> RenderResponse:
        return RenderResponse(trace_id="plain")

    async def routed(request: RenderRequest, context: Any) -> RenderResponse:
        while time.thread_time() < until:
            pass
        return RenderResponse(trace_id="routed")

    turns = Turns()
    answer, until = turns.between(plain, routed), time.thread_time() + 0.02
    answers = [(await answer(RenderRequest(), None)).trace_id for _ in range(2)]  # type: ignore[arg-type]
    assert answers == ["plain", "routed"]
    took = turns.close()
    assert took["routed"] > took["none"]
    assert turns.close() == {}


def test_what_is_added_is_the_difference_of_each_pair() -> None:
    pairs = {
        name_of(page, variant): [Pair(100 * number, 100 * number + added) for number in (1, 2, 5)]
        for added, (page, variants) in enumerate(COMPARED.items(), 3)
        for variant in variants
    }
    pairs["servicer.again"] = [Pair(100, 100)] * 3
    figures = routing_figures(pairs, calls=CALLS)
    assert (figures.servicer["many"].us, figures.echo["many"].us, figures.render["many"].us) == (3.0, 4.0, 5.0)
    assert figures.echo["many"].quartiles == (4.0, 4.0)
    assert (figures.echo_none_us, figures.rounds) == (200.0, 3)
    assert (figures.routing_us, figures.routing_ratio, figures.resolved) == (3.0, 0.015, True)
    pairs["servicer.again"] = [Pair(100, 100 + error) for error in (-20, 0, 20)]
    assert not routing_figures(pairs, calls=CALLS).resolved


# ---- what is compared --------------------------------------------------------------------------------------------


def turn(*milliseconds: float, cpu_s: float = 0.1) -> Turn:
    return Turn(tuple(each / 1000 for each in milliseconds), cpu_s, busy=0.5)


def test_each_rounds_99th_percentile_is_compared_with_its_own_round_of_legacy() -> None:
    rounds = [
        {"legacy": turn(1, 2, 10), "shadow": turn(1, 2, 11, cpu_s=0.2), "again": turn(3, 2, 9)},
        {"legacy": turn(1, 2, 100), "shadow": turn(1, 2, 105, cpu_s=0.2), "again": turn(3, 2, 100)},
        {"legacy": turn(1, 2, 20), "shadow": turn(1, 2, 40, cpu_s=0.2), "again": turn(3, 2, 22)},
    ]
    outcomes = {"same": 5, "different": 2, "failed": 1, "dropped": 1}
    figures = shadow_figures(rounds, outcomes, bears=90.0, rate=30.0, seconds=0.1)
    assert (figures.shadow_over_legacy_p99, figures.control_p99) == (1.1, 1.0)
    assert figures.shadow_over_legacy_p99_quartiles == (1.075, 1.55)
    assert (figures.busy, figures.shadow_resolved) == (0.5, True)
    assert not shadow_figures(
        [rounds[0] | {"again": turn(1, 2, 12)}], outcomes, bears=1, rate=1, seconds=1
    ).shadow_resolved
    assert (figures.legacy_p50_ms, figures.legacy_p99_ms, figures.shadow_p99_ms) == (2.0, 20.0, 40.0)
    assert (figures.legacy_cpu_us, figures.shadow_cpu_us) == (33333.3, 66666.7)
    assert (figures.shadowed, figures.compared, figures.different) == (9, 7, 2)
    assert ratios([3.0], [2.0]) == (1.5, 1.5, 1.5)


async def test_the_flags_between_the_real_servers_are_in_force_when_that_is_said(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old, new = (make_demo_database(tmp_path / name) for name in ("old", "new"))
    cart = cart_request(sorted_carts()[0])
    async with front(old, new, tmp_path) as both, load_on(both.server.port) as load:
        carts = [Sent(cart.SerializeToString(), "b-1")] * CALLS
        for route, compared in ((Route.LEGACY, 0), (Route.SHADOW, CALLS), (Route.NEW, 0)):
            await both.send(route, cart)
            before = sum((await both.shadowed()).values())
            await load.burst("Render", carts, 2)
            both.answered(CALLS)
            await both.caught_up()
            if route is not Route.NEW:  # of our own pages a share is compared too
                assert sum((await both.shadowed()).values()) - before == compared
        await both.send(Route.REFUSED, cart)
        with pytest.raises(CallFailed, match="version"):
            await load.burst("Render", carts, 1)


async def test_a_steady_load_does_not_wait_for_answers() -> None:
    come, all_there = 0, asyncio.Event()

    async def answer(request: RenderRequest, context: Context) -> RenderResponse:
        nonlocal come
        come += 1
        if come == CALLS:
            all_there.set()
        await all_there.wait()
        return RenderResponse(trace_id=request.page.client_version)

    pages = Switchboard({"waiting": answer})
    server = serve_with(pages, OrderServicer(NoOrders()), DemoAuthenticator(), ServerOptions(address="127.0.0.1:0"))
    await server.start()
    try:
        async with load_on(server.port) as load:
            seen = await load.steady("Render", calls_of("echo.routed", CALLS), rate=100)
    finally:
        await server.stop(0)
    assert [RenderResponse.FromString(each).trace_id for each in seen.answers] == [SPLIT_VERSION] * CALLS
    assert seen.seconds >= (CALLS - 1) / 100, "each is sent when it is due, not before"
    assert seen.latencies[0] > seen.latencies[-1], "who came first waited longest"
