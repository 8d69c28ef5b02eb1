"""Rates of exchange that are old, or have moved since they were quoted (domain rules 2.3 and section 12)."""

import time
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from orderpage import facts, points
from orderpage.api.errors import problems_of
from orderpage.domain.money import CNY, Currency, ExchangeRate
from orderpage.domain.problem import Action, Code, Refusal, Retry
from orderpage.engine.faults import Fault
from orderpage.engine.problems import PackageErrors

HKD = Currency("HKD", 2)
LAYER = """
package: strict
when: {site: HK}
profile: {rate_drift_ppm: 5000}
load:
  set:
    rate: {max_age_hours: 24}
"""


@pytest.fixture(scope="module")
def strict(demo: Any) -> Any:
    return demo.compile_with(LAYER)


async def quoted(world: Any) -> tuple[Any, Any]:
    request = world.cart("HK", ("dig-earbuds-lite", 1))
    return request, world.signer.open((await world.render(request)).quote_token, "b-1")


@pytest.mark.parametrize("moved", ["1.1858", "1.1742", "1.1800"])
async def test_a_rate_that_moved_by_half_a_per_cent_is_honoured(demo: Any, strict: Any, moved: str) -> None:
    world = demo.world(strict)
    request, quote = await quoted(world)
    world.ports.rates["HKD"] = ExchangeRate.of("later", CNY, HKD, moved)
    page, _ = await world.renderer.requote(request, quote, time.monotonic() + 5)
    assert page.totals == quote.totals, "at the rate of the quote"


@pytest.mark.parametrize("moved", ["1.1860", "1.1740", "9"])
async def test_one_that_moved_further_is_refused_and_the_client_renders_again(
    demo: Any, strict: Any, moved: str
) -> None:
    world = demo.world(strict)
    request, quote = await quoted(world)
    world.ports.rates["HKD"] = ExchangeRate.of("later", CNY, HKD, moved)
    with pytest.raises(Refusal) as refused:
        await world.renderer.requote(request, quote, time.monotonic() + 5)
    assert refused.value.problems[0].code is Code.FX_RATE_EXPIRED


async def test_a_rate_that_is_gone_is_refused_too(demo: Any, strict: Any) -> None:
    world = demo.world(strict)
    request, quote = await quoted(world)
    world.ports.rates.clear()
    with capture_logs() as logs, pytest.raises(Refusal) as refused:
        await world.renderer.requote(request, quote, time.monotonic() + 5)
    assert refused.value.problems[0].code is Code.FX_RATE_MISSING
    assert "orderpage load" in logs[-1]["remedy"]


async def test_a_site_that_does_not_say_honours_its_quotes_however_far_the_rate_moved(world: Any) -> None:
    request, quote = await quoted(world)
    world.ports.rates["HKD"] = ExchangeRate.of("later", CNY, HKD, "9")
    page, _ = await world.renderer.requote(request, quote, time.monotonic() + 5)
    assert page.totals == quote.totals


async def test_an_old_rate_is_none(demo: Any, strict: Any) -> None:
    world, asked = demo.world(strict), []

    async def rate(*args: Any) -> None:
        asked.append(args)

    world.ports.rate = rate
    with pytest.raises(Fault) as fault:
        await world.render(world.cart("HK", ("dig-earbuds-lite", 1)))
    assert (fault.value.point, fault.value.code) == (points.LOAD, Code.FX_RATE_MISSING)
    assert "publish one: `orderpage load rates.yaml`" in str(fault.value), "for the log"
    (_, _, at, since) = asked[0]
    assert (at - since).total_seconds() == 24 * 3600


def test_to_render_again_is_not_what_a_buyer_is_told_where_no_rate_is_young_enough() -> None:
    """It is our failure: alerts count it, and no client comes back at once by itself."""
    fault = Fault(points.LOAD, "rate", "core.rate", LookupError("secret"), facts.RATE)
    (problem,) = problems_of(fault, "0" * 32)
    assert (problem.code, problem.remedy, problem.code.ours) == (Code.FX_RATE_MISSING, Action.RETRY, True)
    assert "To render again at once changes nothing" in problem.message
    assert "secret" not in problem.message
    assert problem.code.rule.retry is Retry.USER
    assert Code.FX_RATE_EXPIRED.rule.action is Action.RENDER_AGAIN, "of a quote whose rate has moved"


@pytest.mark.parametrize("wrong", ["rate_drift_ppm: -1", "rate_drift_ppm: half", "refund_policy: SOMETIMES"])
def test_a_policy_that_cannot_be_is_refused_with_its_line(demo: Any, wrong: str) -> None:
    with pytest.raises(PackageErrors, match=wrong.partition(":")[0]):
        demo.compile_with(LAYER.replace("rate_drift_ppm: 5000", wrong))


def test_drift_is_exact() -> None:
    rate = ExchangeRate.of("r", CNY, HKD, "1.1800")
    assert not rate.drifted(rate, 0)
    assert rate.drifted(replace(rate, numerator=rate.numerator * 1_000_001, denominator=rate.denominator * 10**6), 0)
