"""``orderpage bench submit``: real Submits against the same rows written raw, in alternating rounds."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from statistics import median

import msgspec

from crossborder.checkout.v1.order_page_pb2 import RenderResponse
from orderpage.adapters.sql.urls import is_postgresql
from orderpage.bench.figures import middle, milliseconds, paired
from orderpage.bench.fresh_database import Extent, extent, fill
from orderpage.bench.load import Burst, Load, Sent, load_on
from orderpage.bench.measured import Measured, measured_server
from orderpage.bench.submit.carts import buyer_of, cart_request, goods_document, submission
from orderpage.bench.submit.stand import NAMES, submit_settings

IN_FLIGHT = (1, 16)


class Round(msgspec.Struct, frozen=True):
    """One variant in one round. ``cpu_us`` of the server process and ``commits`` are for each order."""

    per_s: float
    cpu_us: float
    commits: float
    burst: Burst


class SubmitFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over the rounds; the ratios are medians of each round's own ratio, so that slow spells cancel out.

    Without a suffix a figure is at 16 in flight; ``_c1`` and ``_c16`` say how many. Rates are orders a second.
    ``cpu_us`` is the server process's, without PostgreSQL's own. Rows and bytes (of tables and indexes) are what the
    database grew by, for each order of either variant.
    """

    database: str
    ceiling_per_s: float
    submit_per_s: float
    submit_over_ceiling: float
    ceiling_per_s_c1: float
    submit_per_s_c1: float
    submit_over_ceiling_c1: float
    p50_ms_c1: float
    p99_ms_c1: float
    p50_ms_c16: float
    p99_ms_c16: float
    ceiling_cpu_us: float
    submit_cpu_us: float
    commits_per_order: float
    ceiling_commits_per_order: float
    commits_per_order_c1: float
    ceiling_commits_per_order_c1: float
    rows_per_order: float
    bytes_per_order: int
    rounds: int
    orders: int


class Seen(msgspec.Struct, frozen=True):
    """Every round of each variant, by its name and the calls in flight."""

    rounds: dict[tuple[str, int], list[Round]]

    def values(self, name: str, in_flight: int, what: str) -> list[float]:
        """One figure of each round."""
        return [getattr(each, what) for each in self.rounds[name, in_flight]]

    def latencies(self, name: str, in_flight: int) -> list[float]:
        """Of every call."""
        return [latency for each in self.rounds[name, in_flight] for latency in each.burst.latencies]


async def measure_submit(database: str | None, rounds: int, orders: int, say: Callable[[str], None]) -> SubmitFigures:
    """Measure on an empty database, in ``rounds`` of ``orders`` for each variant at 1 and at 16 in flight.

    ``say`` is told how each round went. Raises ``NotEmpty``, ``ServerDied``, and as ``run_command``.
    """
    settings = submit_settings(database)
    await asyncio.to_thread(fill, settings.database, [goods_document()])
    seen = Seen({(name, in_flight): [] for name in NAMES for in_flight in IN_FLIGHT})
    async with measured_server("submit", settings.environment()) as server, load_on(server.port) as load:
        carts = count()
        for name in NAMES:
            await _round(server, load, name, await _submissions(load, carts, orders), max(IN_FLIGHT))
        before = await asyncio.to_thread(extent, settings.database)
        for number in range(rounds):
            for in_flight in IN_FLIGHT:
                for name in NAMES[:: -1 if number % 2 else 1]:
                    calls = await _submissions(load, carts, orders)
                    seen.rounds[name, in_flight].append(await _round(server, load, name, calls, in_flight))
            say(f"round {number + 1} of {rounds}: orders a second: {_said(seen)}")
        after = await asyncio.to_thread(extent, settings.database)
    return _figures(settings.database, seen, before, after, (rounds, orders))


async def _submissions(load: Load, carts: "count[int]", orders: int) -> Sequence[Sent]:
    """So many carts, rendered, each ready to be submitted under its own quote."""
    numbers = [next(carts) for _ in range(orders)]
    pages = [Sent(cart_request(number).SerializeToString(), buyer_of(number)) for number in numbers]
    rendered = await load.burst("Render", pages, max(IN_FLIGHT))
    return [
        Sent(submission(number, RenderResponse.FromString(answer)).SerializeToString(), buyer_of(number))
        for number, answer in zip(numbers, rendered.answers, strict=True)
    ]


async def _round(server: Measured, load: Load, name: str, calls: Sequence[Sent], in_flight: int) -> Round:
    before = await server.switch(name)
    burst = await load.burst("Submit", calls, in_flight)
    after = await server.switch(name)
    orders = len(calls)
    return Round(
        orders / burst.seconds,
        (after.cpu_s - before.cpu_s) * 1e6 / orders,
        (after.commits - before.commits) / orders,
        burst,
    )


def _said(seen: Seen) -> str:
    return ", ".join(f"{name} {found[-1].per_s:.0f} at {in_flight}" for (name, in_flight), found in seen.rounds.items())


def _figures(database: str, seen: Seen, before: Extent, after: Extent, asked: tuple[int, int]) -> SubmitFigures:
    most = max(IN_FLIGHT)
    made = after.rows["orders"] - before.rows["orders"]
    rows = sum(after.rows.values()) - sum(before.rows.values())
    rate = {key: [each.per_s for each in found] for key, found in seen.rounds.items()}
    alone, together = seen.latencies("submit", 1), seen.latencies("submit", most)
    return SubmitFigures(
        database="postgresql" if is_postgresql(database) else "sqlite",
        ceiling_per_s=middle(rate["ceiling", most]),
        submit_per_s=middle(rate["submit", most]),
        submit_over_ceiling=paired(rate["submit", most], rate["ceiling", most]),
        ceiling_per_s_c1=middle(rate["ceiling", 1]),
        submit_per_s_c1=middle(rate["submit", 1]),
        submit_over_ceiling_c1=paired(rate["submit", 1], rate["ceiling", 1]),
        p50_ms_c1=milliseconds(alone, 0.5),
        p99_ms_c1=milliseconds(alone, 0.99),
        p50_ms_c16=milliseconds(together, 0.5),
        p99_ms_c16=milliseconds(together, 0.99),
        ceiling_cpu_us=middle(seen.values("ceiling", most, "cpu_us")),
        submit_cpu_us=middle(seen.values("submit", most, "cpu_us")),
        commits_per_order=round(median(seen.values("submit", most, "commits")), 3),
        ceiling_commits_per_order=round(median(seen.values("ceiling", most, "commits")), 3),
        commits_per_order_c1=round(median(seen.values("submit", 1, "commits")), 3),
        ceiling_commits_per_order_c1=round(median(seen.values("ceiling", 1, "commits")), 3),
        rows_per_order=round(rows / made, 3),
        bytes_per_order=round((after.size - before.size) / made),
        rounds=asked[0],
        orders=asked[1],
    )
