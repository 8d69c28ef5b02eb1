"""A migrated database, SQLite and PostgreSQL in turn, a ramp on it, and traffic to count."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import pytest
from tests.conftest import Clock
from tests.postgres import PostgresServer

from orderpage.adapters.sql.database import open_database
from orderpage.adapters.sql.migrate import migrate
from orderpage.adapters.sql.traffic import SqlTraffic
from orderpage.migration.gate.counts import SLOT, Counted
from orderpage.migration.gate.gate import Gate
from orderpage.migration.gate.ramp import Ramps, read_ramps
from orderpage.migration.gate.watch import GRACE
from orderpage.migration.scope import TrafficCell

RAMPS = """
ramps:
  - {name: sg, when: {site: SG}, hold: 60s, minimum: 100}
  - {name: sg-native, when: {site: SG, client: native}, hold: 60s, minimum: 100}
"""
HEALTHY = {
    "new.Render.requests": 50,
    "new.Render.ms.32": 50,
    "legacy.Render.requests": 500,
    "legacy.Render.ms.32": 500,
    "legacy.Render.errors": 2,
    "compared": 50,
    "noise.compared": 500,
}
MakeGate = Callable[..., Gate]


@pytest.fixture(scope="session")
def migrated(postgres: PostgresServer) -> str:
    """An empty PostgreSQL database, to be copied."""
    return postgres.create_template()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database with nothing in it, of either kind in turn."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'traffic.db'}"
        migrate(url)
        return url
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.url(postgres.create(request.getfixturevalue("migrated")))


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqlTraffic]:
    database = await open_database(url)
    yield SqlTraffic(database)
    await database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ramps() -> Ramps:
    return read_ramps("ramps.yaml", RAMPS)


@pytest.fixture
def make_gate(store: SqlTraffic, ramps: Ramps, clock: Clock) -> MakeGate:
    """A gate as another process would have it: nothing in its memory."""
    return lambda holder="one", **other: Gate(other.get("store", store), other.get("ramps", ramps), clock, holder)


class Traffic:
    """Lets time pass with traffic in it."""

    h5 = TrafficCell("SG", "marketplace", "h5", "everyone")
    native = TrafficCell("SG", "marketplace", "native", "everyone")

    def __init__(self, store: SqlTraffic, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def passes(self, slots: int, cell: TrafficCell | None = None, **other: int) -> datetime:
        """So many slots of healthy traffic, but for what is given by name, with ``__`` for dots."""
        names = HEALTHY | {name.replace("__", "."): number for name, number in other.items()}
        for _ in range(slots):
            rows = [Counted(self._clock.now, cell or self.h5, name, number) for name, number in names.items() if number]
            await self._store.add_counts(rows)
            self._clock.now += SLOT
        return self._clock.now

    async def seen(self, slots: int, cell: TrafficCell | None = None, **other: int) -> None:
        """As ``passes``, until the last of it is looked at; the clock stands at the start of a slot again."""
        await self.passes(slots, cell, **other)
        self._clock.now += SLOT
        assert GRACE <= SLOT


@pytest.fixture
def traffic(store: SqlTraffic, clock: Clock) -> Traffic:
    return Traffic(store, clock)
