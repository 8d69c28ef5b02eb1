"""Somebody else's extensions: a wheel built outside this repository, and an operator's YAML, by the real commands."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.e2e import live
from tests.e2e.live import Client, Server, chosen, environment, page_of, refused

ConnectTo = Callable[..., AbstractAsyncContextManager[Client]]
StartServer = Callable[..., Server]

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1.2.3"
dependencies = ["orderpage"]

[project.entry-points."orderpage.extensions"]
{offers}

[project.entry-points."orderpage.packages"]
{packages}
"""

MODULE = '''\
"""Lantern Post: a handling fee, a greeting, and a gate. Each can be told to fail."""

from collections.abc import Callable

from orderpage import Settings, extends, extension, points
from orderpage.domain.display import Block
from orderpage.domain.money import ListingAmount
from orderpage.domain.page import Admission, Page, PageView
from orderpage.domain.shipping import Fee, Shipment


class Price(Settings, frozen=True):
    fee: ListingAmount
    fails_for: frozenset[str] = frozenset()


class Mood(Settings, frozen=True):
    fails: bool = False


@extension("lantern.handling", settings=Price)
class Handling:
    """A fee on every shipment."""

    def __init__(self, settings: Price) -> None:
        self.fee = Fee("LANTERN_HANDLING", settings.fee, "handling", 1)
        self.fails_for = settings.fails_for

    @extends(points.SURCHARGE)
    def surcharge(self, page: PageView) -> Callable[[Shipment], Fee]:
        return self.fee_of

    def fee_of(self, shipment: Shipment) -> Fee:
        if shipment.method.code in self.fails_for:
            raise RuntimeError("the lantern went out")
        return self.fee


@extension("lantern.greeting", settings=Mood)
class Greeting:
    """A block at the head of the page."""

    def __init__(self, settings: Mood) -> None:
        self.fails = settings.fails

    @extends(points.PRESENT)
    def present(self, page: Page) -> tuple[Block, ...]:
        if self.fails:
            raise RuntimeError("the lantern went out")
        return (Block(slot="page.top", kind="lantern", title="Lantern Post", text="carried by hand"),)


@extension("lantern.gate", settings=Mood)
class Gate:
    """Lets everything in."""

    def __init__(self, settings: Mood) -> None:
        self.fails = settings.fails

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> tuple[Admission, ...]:
        if self.fails:
            raise RuntimeError("the lantern went out")
        return ()
'''

LAYER = """\
package: lantern
when: {site: HK}

admit:
  add: [{use: lantern.gate, as: gate}]
surcharge:
  add:
    - {use: lantern.handling, as: handling, settings: {fee: "5.00"}}
present:
  before: {arrival: [{use: lantern.greeting, as: greeting}]}
"""

RAIL = """\
package: hk-rail
when: {site: HK}

offer:
  add:
    - use: logistics.direct_mail
      as: HK_RAIL
      settings:
        code: HK_RAIL
        name: {en: By night train}
        carrier: RAIL
        mode: LAND
        classes: [GENERAL]
        origins: [CN]
        max_g: 5000
        transit: {minimum: 2, maximum: 2}
        rates:
          - {effective_from: 2026-01-01, first_g: 1000, first_fee: "1.00", step_g: 500, step_fee: "1.00",
             divisor: 6000, basis: FULL, round_g: 500, last_mile: {HOME: "0.00"}}
"""

OFFERS = {
    "lantern.handling": "lantern_post.extensions:Handling",
    "lantern.greeting": "lantern_post.extensions:Greeting",
    "lantern.gate": "lantern_post.extensions:Gate",
}
CART = ("HK", ("bok-notebook-a5", 1))


def install(folder: Path, name: str, offers: dict[str, str], files: dict[str, str], packages: str = "") -> Path:
    """Build a distribution as a wheel, as its author does, and install it into a folder of its own."""
    source, wheels, site = folder / "source", folder / "wheels", folder / "site"
    lines = "\n".join(f'"{extension}" = "{where}"' for extension, where in offers.items())
    written = {"pyproject.toml": PYPROJECT.format(name=name, offers=lines, packages=packages), **files}
    for path, text in written.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text, "utf-8")
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(wheels), str(source))
    (wheel,) = wheels.glob("*.whl")
    pip("install", "--no-deps", "--no-index", "--target", str(site), str(wheel))
    return site


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


def on_path(*sites: Path) -> str:
    """PYTHONPATH with the sites before what was on it."""
    return os.pathsep.join([*map(str, sites), *filter(None, [os.environ.get("PYTHONPATH")])])


def operator_folder(folder: Path, layer: str) -> str:
    """A folder of packages with one layer, for ORDERPAGE_PACKAGES."""
    (folder / "layers").mkdir(parents=True)
    (folder / "layers" / "own.yaml").write_text(dedent(layer), "utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def lantern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel of Lantern Post is installed."""
    files = {
        "lantern_post/__init__.py": "",
        "lantern_post/extensions.py": MODULE,
        "lantern_post/layers/lantern.yaml": LAYER,
    }
    return install(tmp_path_factory.mktemp("lantern"), "lantern-post", OFFERS, files, 'lantern = "lantern_post"')


@pytest.fixture
def installed(lantern: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process of the test finds Lantern Post."""
    monkeypatch.setenv("PYTHONPATH", on_path(lantern))


def explained(*arguments: str, packages: str = "") -> str:
    done = live.run("explain", "--site", "HK", *arguments, packages=packages)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(folder: Path, packages: str = "") -> dict[str, Any]:
    """The page of a cart by ``orderpage render --demo``."""
    from google.protobuf.json_format import MessageToJson

    from crossborder.checkout.v1.order_page_pb2 import RenderRequest

    file = folder / "cart.json"
    file.write_text(MessageToJson(RenderRequest(page=page_of(*CART))), "utf-8")
    done = live.run("render", str(file), "--demo", packages=packages)
    assert done.returncode == 0, done.stderr
    page: dict[str, Any] = json.loads(done.stdout)["page"]
    return page


# ---- a wheel -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("installed")
def test_explain_shows_an_installed_extension_with_its_file_and_line() -> None:
    said = explained()
    assert "handling = lantern.handling\n    add by lantern lantern_post/layers/lantern.yaml:8" in said
    assert "greeting = lantern.greeting\n    before by lantern lantern_post/layers/lantern.yaml:10" in said
    assert "fee: '5.00'" in said
    assert "lantern" not in explained("--site", "SG")


@pytest.mark.usefixtures("installed")
def test_the_page_shows_what_an_installed_extension_does(tmp_path: Path) -> None:
    page = rendered(tmp_path)
    assert page["blocks"][0]["text"] == "carried by hand"
    for option in page["parcels"][0]["options"]:
        assert {"code": "LANTERN_HANDLING", "amount": "590"} in option["fees"]
    assert "degraded" not in page


def test_without_the_wheel_nothing_of_it_is_left(tmp_path: Path) -> None:
    assert "lantern" not in explained()
    assert "LANTERN" not in json.dumps(rendered(tmp_path))


@pytest.mark.usefixtures("installed")
def test_its_author_proves_it_with_the_conformance_kit() -> None:
    script = """
        from lantern_post.extensions import Handling
        from orderpage.testing import check_extension, example_view, render_with

        check_extension(Handling, {"fee": "5.00"})
        assert render_with("").totals.fees == 944 + 590
        check_extension(Handling, {"fee": "5.00", "fails_for": ["EXAMPLE_LAND"]})
    """
    command = [sys.executable, "-c", dedent(script)]
    done = subprocess.run(command, check=False, env=environment(), capture_output=True, text=True, timeout=30)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("AssertionError: lantern.handling at point 'surcharge': raises RuntimeError: the lantern")
    assert last.endswith("asked about a shipment of 1203 g by EXAMPLE_LAND")


# ---- its faults --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("installed")
async def test_a_fault_at_an_open_point_leaves_the_page_and_says_what_is_missing(
    own_server: StartServer, connect: ConnectTo, tmp_path: Path
) -> None:
    layer = """
        package: own
        when: {site: HK, business: marketplace}
        present:
          set: {greeting: {fails: true}}
    """
    server = own_server(packages=operator_folder(tmp_path / "own", layer))
    async with connect(server) as client:
        page = (await client.render(page_of(*CART))).page
    (missing,) = page.degraded
    assert (missing.point, missing.reason) == ("present", "fault")
    assert "greeting" in missing.extension
    assert page.blocks
    assert "lantern" not in {block.kind for block in page.blocks}
    assert page.totals.payable > 0


@pytest.mark.usefixtures("installed")
async def test_a_fault_in_a_surcharge_excludes_that_option_only(
    own_server: StartServer, connect: ConnectTo, tmp_path: Path
) -> None:
    layer = """
        package: own
        when: {site: HK, business: marketplace}
        surcharge:
          set: {handling: {fails_for: [HK_CONSO_LAND]}}
    """
    server = own_server(packages=operator_folder(tmp_path / "own", layer))
    async with connect(server) as client:
        result = await client.render(page_of(*CART))
    (parcel,) = result.page.parcels
    (excluded,) = parcel.excluded
    assert (excluded.method, excluded.reasons[0].code) == ("HK_CONSO_LAND", "UP_TIMEOUT_LOGI")
    assert {option.method for option in parcel.options} == {"HK_DM_LAND", "HK_DM_FAST"}
    assert chosen(result).method == "HK_DM_LAND"
    assert result.quote_token


@pytest.mark.usefixtures("installed")
async def test_a_fault_at_a_closed_point_refuses_the_page_with_a_code(
    own_server: StartServer, connect: ConnectTo, tmp_path: Path
) -> None:
    layer = """
        package: own
        when: {site: HK, business: marketplace}
        admit:
          set: {gate: {fails: true}}
    """
    server = own_server(packages=operator_folder(tmp_path / "own", layer))
    async with connect(server) as client:
        refusal = await refused(client.render(page_of(*CART)))
        other_site = await client.render(page_of("SG", ("bok-notebook-a5", 1)))
    assert (refusal.status, refusal.reason, refusal.action) == ("UNAVAILABLE", "UP_DEGRADED", "RETRY")
    assert not live.leaks(refusal)
    assert "lantern" not in refusal.told
    assert other_site.quote_token


# ---- mistakes ----------------------------------------------------------------------------------------------------


def test_two_distributions_that_offer_one_name_are_refused_at_start_with_both_named(
    lantern: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = {"lantern.handling": "lantern_copy:Handling"}
    copy = install(tmp_path / "copy", "lantern-copy", offers, {"lantern_copy/__init__.py": MODULE})
    monkeypatch.setenv("PYTHONPATH", on_path(lantern, copy))
    for command in (("explain", "--site", "HK"), ("serve", "--listen", "127.0.0.1:0")):
        done = live.run(*command, database=f"sqlite+pysqlite:///{tmp_path / 'none.sqlite3'}")
        assert done.returncode == 2
        assert (
            "extension 'lantern.handling' is offered by lantern-copy (lantern_copy:Handling) and "
            "lantern-post (lantern_post.extensions:Handling); uninstall or rename one"
        ) in done.stderr
        assert "Traceback" not in done.stderr


# ---- YAML alone --------------------------------------------------------------------------------------------------


def test_a_new_method_for_hong_kong_is_a_yaml_file_alone(tmp_path: Path) -> None:
    before = rendered(tmp_path)
    folder = operator_folder(tmp_path / "own", RAIL)
    after = rendered(tmp_path, packages=folder)
    methods = [option["method"] for option in after["parcels"][0]["options"]]
    assert set(methods) - {option["method"] for option in before["parcels"][0]["options"]} == {"HK_RAIL"}
    rail = next(option for option in after["parcels"][0]["options"] if option["method"] == "HK_RAIL")
    assert (rail["label"], rail["freight"], rail["selected"]) == ("By night train", "118", True)
    assert int(after["totals"]["payable"]) < int(before["totals"]["payable"])


def test_explain_shows_which_line_of_the_yaml_did_it(tmp_path: Path) -> None:
    folder = operator_folder(tmp_path / "own", RAIL)
    line = RAIL.splitlines().index("    - use: logistics.direct_mail") + 1
    said = explained("--point", "offer", packages=folder)
    assert f"HK_RAIL = logistics.direct_mail\n    add by hk-rail {folder}/layers/own.yaml:{line}" in said
    assert "hk-rail" in explained("--point", "offer", "--packages", folder)
    assert "HK_RAIL" not in explained("--point", "offer")
