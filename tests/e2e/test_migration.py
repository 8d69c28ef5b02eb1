"""The whole way from the old page to ours, with a load on: compared, ramped by the gate alone, sent back by itself."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from tests.e2e import live
from tests.e2e.moving import SITES, Buyers, Stand, flag_text

CARTS = 5_000
"""Of each site, to be compared without a difference."""

RAMPS = """\
ramps:
  - {{name: hk, when: {{site: HK}}, hold: 1s, minimum: {minimum}, steps: {steps}}}
  - {{name: sg, when: {{site: SG}}, hold: 1s, minimum: {minimum}, steps: {steps}}}
"""

FREIGHT = """\
package: operator-hk
when: {{site: HK, client: h5}}
surcharge:
  set:
    remote_area: {{pickup_pays: {pays}}}
"""

Start = Callable[..., Stand]


@pytest.fixture
def stand(loaded: Path, tmp_path: Path) -> Iterator[Start]:
    made: list[Stand] = []

    def start(*bugs: str, flags: str, **settings: str) -> Stand:
        made.append(Stand(tmp_path, loaded, *bugs, flags=flags, **settings))
        return made[-1]

    yield start
    for one in made:
        one.kill()


def ramp_file(folder: Path, steps: list[int], minimum: int) -> str:
    file = folder / "ramps.yaml"
    file.write_text(RAMPS.format(steps=steps, minimum=minimum), "utf-8")
    return str(file)


@pytest.mark.timeout(900)
async def test_both_sites_go_from_one_to_a_hundred_percent_by_the_gate_alone_without_a_difference(
    stand: Start, tmp_path: Path
) -> None:
    ramps = ramp_file(tmp_path, [1, 5, 20, 50, 100], minimum=20)
    both = stand(flags=flag_text("ramp"), ramps=ramps)

    def done() -> bool:
        enough = all(both.counted("compared", site) >= CARTS for site in SITES)
        return enough and both.shares() == {"hk": 10_000, "sg": 10_000}

    going, deadline = True, time.monotonic() + 800
    async with grpc.aio.insecure_channel(both.server.address, options=live.CHANNEL) as channel:
        buyers = Buyers(channel, seed=41, buying=0.05)
        shopping = [asyncio.create_task(buyers.shop(site, lambda: going)) for site in SITES]
        while not done():
            assert time.monotonic() < deadline, (both.shares(), both.query("SELECT name, note FROM ramps"))
            assert both.differences() == []
            await asyncio.sleep(0.5)
        going = False
        await asyncio.gather(*shopping)
    assert both.differences() == []
    assert both.query("SELECT * FROM trips") == []
    advanced = [line for line in both.server.events() if line["event"] == "traffic.advanced"]
    for name in ("hk", "sg"):
        assert [line["share"] for line in advanced if line["ramp"] == name] == ["1%", "5%", "20%", "50%", "100%"]
    bought = [each for each in buyers.checkouts if each.ordered is not None]
    assert len(bought) > 100
    assert all(each.ordered == each.shown[-1] and not each.renewed for each in bought)
    stacks = {"old": live.query(both.legacy.database, "SELECT count(*) FROM orders")[0][0]}
    stacks["new"] = both.query("SELECT count(*) FROM orders")[0][0]
    assert sum(stacks.values()) == len(bought)
    assert min(stacks.values()) > 10
    both.stop()


@pytest.mark.timeout(400)
async def test_a_bug_in_the_new_page_at_twenty_percent_rolls_back_by_itself_and_no_buyer_meets_two_prices(
    stand: Start, tmp_path: Path
) -> None:
    layers = tmp_path / "packages" / "layers"
    layers.mkdir(parents=True)
    (layers / "operator.yaml").write_text(FREIGHT.format(pays="true"), "utf-8")
    both = stand(
        flags=flag_text("ramp"), ramps=ramp_file(tmp_path, [20, 100], minimum=1_000_000),
        packages=str(tmp_path / "packages"),
    )  # fmt: skip
    going, deadline = True, time.monotonic() + 300

    async def until(probe: Callable[[], bool]) -> None:
        while not probe():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    async def counted_again() -> None:
        """Calls of both sites are written together, once a second or later: until others of Singapore are."""
        before = both.counted("new.Render.requests", "SG")
        await until(lambda: both.counted("new.Render.requests", "SG") > before)

    async with grpc.aio.insecure_channel(both.server.address, options=live.CHANNEL) as channel:
        buyers = Buyers(channel, seed=43, buying=0.5)
        shopping = [asyncio.create_task(buyers.shop(site, lambda: going)) for site in SITES]
        await until(
            lambda: both.shares() == {"hk": 2_000, "sg": 2_000} and both.counted("new.Render.requests", "HK") > 30
        )
        assert both.query("SELECT * FROM trips") == []
        (layers / "operator.yaml").write_text(FREIGHT.format(pays="false"), "utf-8")
        both.server.signal(signal.SIGHUP)
        await until(lambda: both.query("SELECT * FROM trips") != [])
        await counted_again()  # what was under way at the trip
        await counted_again()
        before = both.counted("new.Render.requests", "HK")
        for _ in range(3):
            await counted_again()
        after, others = both.counted("new.Render.requests", "HK"), both.counted("new.Render.requests", "SG")
        going = False
        await asyncio.gather(*shopping)
    ((site, reason, evidence, cleared),) = both.query("SELECT site, reason, evidence, cleared_at FROM trips")
    assert (site, reason, cleared) == ("HK", "MONEY", None)
    assert "legacy" in evidence
    assert after == before, "the new page went on after the trip"
    assert others > 0
    assert both.shares() == {"hk": 0, "sg": 2_000}
    assert {row[0] for row in both.differences()} == {"HK"}
    # What a buyer ordered is what the last page said, and a page that another one replaced was said to be.
    bought = [each for each in buyers.checkouts if each.ordered is not None]
    assert all(each.ordered == each.shown[-1] for each in bought)
    assert {each.refusal for each in buyers.checkouts} <= {"", *KNOWN}
    orders = both.query("SELECT checkout_id FROM orders") + live.query(
        both.legacy.database, "SELECT checkout_id FROM orders"
    )
    assert len(orders) == len(set(orders)) == len(bought)


KNOWN = ("RISK_BUYER_BLOCKED", "INV_INSUFFICIENT", "INV_OUT_OF_STOCK")
