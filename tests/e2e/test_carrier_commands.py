"""``orderpage carrier`` as an operator runs it, against real carriers: it asks, shows, and says what is wrong."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.carriers import files
from tests.carriers.grpc_carrier import GrpcCarrier
from tests.carriers.http_carrier import HttpCarrier
from tests.e2e import live

Ended = subprocess.CompletedProcess[str]


@pytest.fixture
async def http() -> AsyncIterator[HttpCarrier]:
    async with HttpCarrier() as carrier:
        yield carrier


async def run(*arguments: str, **settings: str) -> Ended:
    """The command, while the carriers of this process go on serving."""
    return await asyncio.to_thread(live.run, "carrier", *arguments, settings=settings)


def written(folder: Path, text: str) -> str:
    file = folder / "own.yaml"
    file.write_text(text, "utf-8")
    return str(file)


async def test_a_good_carrier_is_shown_with_what_was_asked_and_what_came(tmp_path: Path, http: HttpCarrier) -> None:
    plain = f'endpoint: "{http.url}"'
    text = files.http_layer(http.url).replace(plain, f"{plain}, auth: {{secret: SWIFT_TOKEN}}")
    ended = await run("check", written(tmp_path, text), "--weight-g", "1500", secret_swift_token="s3cret")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert http.headers[0]["Authorization"] == "Bearer s3cret"
    for said in (f"▸ POST {http.url}/v1/rates", '"kg": 1.5', "◂ 200 application/json", "EXPRESS", "31.50", "2–4 days"):
        assert said in ended.stdout
    assert "s3cret" not in ended.stdout
    assert "nothing is wrong" in ended.stdout
    assert http.seen[0]["to"] == {"country": "SG", "postcode": "546080", "collect": False}, "an example of the country"


async def test_a_grpc_carrier_is_checked_alike(tmp_path: Path) -> None:
    async with GrpcCarrier() as carrier:
        ended = await run("check", written(tmp_path, files.grpc_layer(carrier.url)), "--site", "HK")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for said in (f"▸ {carrier.target}/crossborder.carrier.v1", "weight_g", "◂ OK", "STANDARD", "HARBOUR", "27.20"):
        assert said in ended.stdout


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("broken", "status 500, application/json"),
        ("html", "but not JSON: text/html; charset=utf-8"),
        ("negative", "price 1 of data.rates[*]: price.total: an amount of 0.01 to 20000.00 CNY is expected, found"),
        ("currency", "price.currency: prices must be in CNY, found the text 'USD'"),
        ("no list", "data.rates[*]: a list is expected, found an object with ref"),
        ("huge", "the answer is larger than 1048576 bytes"),
        ("takes none", "no price of this parcel"),
    ],
)
async def test_what_is_wrong_with_an_answer_is_said_precisely(
    tmp_path: Path, http: HttpCarrier, mode: str, said: str
) -> None:
    http.mode = mode
    ended = await run("check", written(tmp_path, files.http_layer(http.url)))
    assert ended.returncode == 1
    assert said in ended.stdout
    assert "Traceback" not in ended.stderr


async def test_a_carrier_that_is_later_than_its_budget(tmp_path: Path, http: HttpCarrier) -> None:
    http.mode = "slow"
    ended = await run("check", written(tmp_path, files.http_layer(http.url).replace("budget_ms: 400", "budget_ms: 20")))
    assert ended.returncode == 1
    assert "`budget_ms` is 20, so a page would have gone on without it" in ended.stdout


async def test_a_method_of_a_service_that_is_not_priced(tmp_path: Path, http: HttpCarrier) -> None:
    text = files.http_layer(http.url).replace("service: EXPRESS", "service: EXPRES")
    ended = await run("check", written(tmp_path, text))
    assert ended.returncode == 1
    assert "method SWIFT sells EXPRES, and only EXPRESS, SAVER is priced" in ended.stdout


async def test_a_mistake_is_said_with_file_and_line_and_nobody_is_asked(tmp_path: Path, http: HttpCarrier) -> None:
    text = files.http_layer(http.url)
    file = written(tmp_path, text.replace("weight: weight.kg", "mass: weight.kg"))
    line = next(number for number, row in enumerate(text.splitlines(), start=1) if "as: swift" in row) - 1
    ended = await run("check", file, "--offline")
    assert ended.returncode == 1
    assert f"{file}:{line}: " in ended.stdout
    assert "'mass' is no name of ours here; there are parcel_id, weight" in ended.stdout
    assert http.calls == 0


async def test_offline_asks_nobody_and_tells_of_a_carrier_nobody_sells(tmp_path: Path, http: HttpCarrier) -> None:
    text = files.http_layer(http.url)
    assert (await run("check", written(tmp_path, text), "--offline")).returncode == 0
    ended = await run("check", written(tmp_path, text.replace("carrier: swift", "carrier: swallow")), "--offline")
    assert ended.returncode == 1
    assert "no carriers.offer has `carrier: swift`" in ended.stdout
    assert http.calls == 0


async def test_offline_tells_of_fall_back_rates_that_do_not_hold(tmp_path: Path) -> None:
    """Of those that begin too late as the server that would start with them; those that ended can't be used."""
    text = files.http_layer("https://swift.example")
    for dates, told in (
        ("effective_from: 2999-01-01", "its first begins on 2999-01-01; add one"),
        ("effective_from: 2020-01-01, effective_to: 2020-12-31", "the fall-back rates of SWIFT ended on 2020-12-31"),
    ):
        ended = await run("check", written(tmp_path, text.replace("effective_from: 2026-01-01", dates)), "--offline")
        assert (ended.returncode, ended.stderr) == (1, "")
        assert told in ended.stdout


async def test_a_file_that_is_deployed_already_and_one_that_steers_it(tmp_path: Path, http: HttpCarrier) -> None:
    layers = {
        "swift": files.http_layer(http.url),
        "slower": "package: slower\nwhen: {site: SG, client: native}\nask: {set: {swift: {budget_ms: 900}}}\n",
    }
    folder = files.package_folder(tmp_path / "own", **layers)
    assert (await run("check", f"{folder}/layers/swift.yaml", packages=folder)).returncode == 0
    ended = await run("check", f"{folder}/layers/slower.yaml", "--packages", folder)
    assert ended.returncode == 0, ended.stdout
    assert "waits 900 ms at most" in ended.stdout
    assert "set " in ended.stdout


EXAMPLE = Path(__file__).parents[2] / "deploy" / "carriers" / "swift-booking.example.yaml"


@pytest.mark.parametrize("offline", [(), ("--offline",)])
async def test_bookings_are_validated_and_shown_and_nothing_is_booked(offline: tuple[str, ...]) -> None:
    ended = await run("check", str(EXAMPLE), *offline)
    assert (ended.returncode, ended.stderr) == (0, "")
    for said in (
        "book_swift in MY: bookings of SWIFT at https://api.swift.example",
        "MY_SWIFT_EXPRESS is booked as EXPRESS",
        "would call to create: POST https://api.swift.example/v2/orders",
        "would call to track: GET https://api.swift.example/v2/orders/{reference}",
        "nobody was asked",
    ):
        assert said in ended.stdout


async def test_a_mistake_in_bookings_is_said_with_file_and_line(tmp_path: Path) -> None:
    file = written(tmp_path, EXAMPLE.read_text("utf-8").replace("recipient: to.name", "addressee: to.name"))
    ended = await run("check", file, "--offline")
    assert ended.returncode == 1
    assert "'addressee' is no name of ours here" in ended.stdout
    assert f"{file}:" in ended.stdout


async def test_a_file_without_carriers(tmp_path: Path) -> None:
    file = written(tmp_path, "package: mine\nwhen: {site: SG}\n")
    for arguments in (("check", file), ("check", file, "--site", "SG")):
        ended = await run(*arguments)
        assert ended.returncode == 1
        assert "no slot of carriers.quotes or carriers.booking is added or set by it" in ended.stdout


async def test_the_list_shows_each_carrier_and_how_it_is_steered(tmp_path: Path) -> None:
    throttle = "package: t\nwhen: {site: SG, client: native}\nask: {set: {swift: {share: 20, max_per_second: 5}}}\n"
    layers = {"swift": files.http_layer("https://swift.example"), "throttle": throttle}
    folder = files.package_folder(tmp_path / ("long-" * 30), **layers)  # into a pipe nothing is cut off
    ended = await run("list", packages=folder)
    assert (ended.returncode, ended.stderr) == (0, "")
    rows = [row for row in ended.stdout.splitlines() if row.startswith("SG")]
    assert len(rows) == 2
    assert "h5, mini_program" in rows[0] or "h5, mini_program" in rows[1]
    (steered,) = [row for row in rows if "native" in row]
    assert "asked for 20 % of buyers, 5 calls a second of each process" in steered
    assert "SWIFT*" in steered
    assert "throttle.yaml:3" in steered
    assert "no package configures a carrier" in (await run("list", "--site", "TW", packages=folder)).stdout


def test_help_does_not_pay_for_what_a_check_needs() -> None:
    code = (
        "import sys; sys.argv = ['orderpage', '--help']\n"
        "from orderpage.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'aiohttp', 'grpc', 'orderpage.packages', 'orderpage_carriers.check'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert "carrier" in ended.stdout
