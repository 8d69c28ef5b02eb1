"""``python -m tests.crash --kills N``: a server that is killed again and again while it takes orders.

Buyers order at a real server on a SQLite file; it is killed (SIGKILL) at random moments and started again; buyers who
got no answer ask again with the same request id. When the dust has settled, the books must agree. Exits 1 if not.
"""

import argparse
import asyncio
import random
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.buyers import Crowd, Line
from tests.crash.invariants import Aftermath, Finding, stock_of, undecided
from tests.e2e.live import Server, make_database

BUYERS = 12
EXPIRY_S = 8
"""Seconds a buyer gets to complete a payment: short, so that those who never act are decided within a run."""
SETTLE_S = 60.0
SHOWN = 5


async def crash(folder: Path, kills: int, seed: int) -> tuple[Crowd, Aftermath, float]:
    """The run; returns the buyers, the books, and how many seconds the last server took to settle them."""
    database, journal = make_database(folder), folder / "payments.jsonl"
    chance = random.Random(seed)  # a moment, not a secret
    stock = stock_of(database)
    server = Server(folder, database, payments_journal=str(journal), payment_expiry_s=str(EXPIRY_S))
    line = Line()
    crowd = Crowd(line, seed)
    try:
        await asyncio.to_thread(server.start)
        await line.connect(server.address)
        buyers = [asyncio.create_task(crowd.shop(number)) for number in range(BUYERS)]
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.3, 1.8))
            server.kill()
            await line.cut()
            await asyncio.to_thread(server.start)
            await line.connect(server.address)
        await asyncio.sleep(0.5)
        async with asyncio.timeout(SETTLE_S):
            while not crowd.acknowledged:  # noqa: ASYNC110  # a slow machine: without an order there is nothing to see
                await asyncio.sleep(0.05)
        crowd.stopping = True
        await asyncio.wait_for(asyncio.gather(*buyers), SETTLE_S)
        settled = await _settle(database)
        await line.cut()
        server.signal(signal.SIGTERM)
        if code := await asyncio.to_thread(server.wait):
            crowd.faults.append(f"the server ended with status {code} at SIGTERM")
    finally:
        server.kill()
    return crowd, Aftermath(database, journal, stock), settled


async def _settle(database: Path) -> float:
    """Let the sweeper and the relay finish, for a while."""
    began = time.monotonic()
    while undecided(database) and time.monotonic() - began < SETTLE_S:  # noqa: ASYNC110  # it is in another process
        await asyncio.sleep(0.1)
    return time.monotonic() - began


def report(crowd: Crowd, books: Aftermath, settled: float) -> bool:
    """Print the run; returns whether everything holds."""
    outcomes = ", ".join(f"{count} {name}" for name, count in crowd.outcomes.most_common())
    states = ", ".join(f"{count} {state}" for state, count in sorted(books.states().items()))
    say(f"buyers were told: {outcomes or 'nothing'}")
    say(f"orders: {states or 'none'}; settled {settled:.1f} s after the last buyer left")
    findings = books.findings(crowd.acknowledged, crowd.refusals)
    findings.append(Finding("no call failed with a fault of ours", tuple(crowd.faults)))
    for finding in findings:
        say(f"{'ok  ' if not finding.violations else 'FAIL'} {finding.rule}")
        for violation in finding.violations[:SHOWN]:
            say(f"       {violation}")
        if len(finding.violations) > SHOWN:
            say(f"       and {len(finding.violations) - SHOWN} more")
    return bool(books.orders) and not any(finding.violations for finding in findings)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a command's report


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=3, help="how often the server is killed (3)")
    parser.add_argument("--seed", type=int, default=None, help="of the load and the moments; left out, a new one")
    parser.add_argument("--keep", type=Path, default=None, help="a folder in which the run's files stay")
    given = parser.parse_args()
    seed = secrets.randbelow(1 << 32) if given.seed is None else given.seed
    began = time.monotonic()
    say(f"crash run: {given.kills} kills, seed {seed}")
    with tempfile.TemporaryDirectory(prefix="orderpage-crash-") as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        fine = report(*asyncio.run(crash(folder, given.kills, seed)))
    say(f"{'everything holds' if fine else 'BROKEN'}, {time.monotonic() - began:.1f} s")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
