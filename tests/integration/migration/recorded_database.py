"""A database in which two stacks were compared: legacy by the installed packages, new by packages with a mistake."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from tests.unit.migration.made_pages import Made, make, on_wire

from orderpage.adapters.sql.database import open_database
from orderpage.adapters.sql.differences import SqlDifferences
from orderpage.adapters.sql.migrate import migrate
from orderpage.migration.recording.packing import Compared, gather
from orderpage.migration.recording.recording import record
from orderpage.packages import Packages
from orderpage.request import RenderRequest

MISTAKES: Mapping[str, str] = {
    "HK": """
package: land-too-dear
when: {site: HK, business: marketplace}
offer:
  set:
    HK_DM_LAND:
      rates:
        - {effective_from: 2026-01-01, first_g: 1000, first_fee: "13.50", step_g: 500, step_fee: "3.00",
           divisor: 6000, basis: FULL, round_g: 500, last_mile: {HOME: "8.00", REMOTE: "20.00"}}
""",
    "SG": """
package: last-years-tax
when: {site: SG, business: marketplace}
tax:
  set:
    gst:
      rows:
        - effective_from: 2023-01-01
          threshold: {unit: ITEM, limit: "400.00"}
          within: {collector: MARKETPLACE, freight_kinds: [DIRECT_MAIL], components: [{code: SG_GST, rate: "8"}]}
          beyond:
            collector: BORDER
            freight_kinds: [DIRECT_MAIL, CONSO_OFFICIAL]
            components: [{code: SG_GST, rate: "8"}]
""",
}
"""What was wrong on our side when traffic was compared."""

CARTS = {"HK": (("tea-gaiwan-white", 1), ("bty-shampoo-400", 2)), "SG": (("tea-pot-master", 1), ("bok-notebook-a5", 2))}


class PagePair(msgspec.Struct, frozen=True):
    """A comparison and the two pages it is of."""

    legacy: Made
    new: Made
    compared: Compared


def write_mistakes(folder: Path, *sites: str) -> Path:
    """A package folder with the mistakes of some sites."""
    (folder / "layers").mkdir(parents=True, exist_ok=True)
    for site in sites:
        (folder / "layers" / f"{site.lower()}.yaml").write_text(MISTAKES[site], "utf-8")
    return folder


def compared(demo: Any, site: str, mistaken: Packages, **fields: Any) -> PagePair:
    """What a worker makes of a page of the site."""
    request: RenderRequest = demo.cart(site, *CARTS[site], **fields)
    legacy, new = make(demo, request, "b-mei"), make(demo, request, "b-mei", mistaken.plans.current)
    recording = record(new.run, request, new.terms)
    return PagePair(legacy, new, gather(recording, request, "b-mei", on_wire(legacy.page), on_wire(new.page)))


def fill_database(demo: Any, folder: Path, *sites: str) -> str:
    """A SQLite file in which one page of each site was compared; returns its URL."""
    url = f"sqlite+pysqlite:///{folder / 'compared.sqlite3'}"
    migrate(url)
    mistaken = Packages([write_mistakes(folder / "mistakes", "HK", "SG")])
    pages = [compared(demo, site, mistaken) for site in sites]
    asyncio.run(_save(url, demo, pages))
    return url


async def _save(url: str, demo: Any, pages: list[PagePair]) -> None:
    database = await open_database(url)
    store = SqlDifferences(database)
    for number, page in enumerate(pages):
        at, new = demo.NOW + timedelta(minutes=number), page.new
        cell = record(new.run, new.request, new.terms).traffic_cell
        await store.save(at, cell, "PAGE", page.compared.differences, page.compared.body, new.terms.plan.digest)
    await database.close()
