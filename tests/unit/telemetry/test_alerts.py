"""When alerts fire, of figures as a server would tell them."""

from tests.unit.telemetry.prometheus import Now, Series, Vector, fires, labelled
from tests.unit.telemetry.test_deploy import RULES


def alert(name: str, series: Series) -> Vector:
    return fires(RULES[name]["expr"], series)


def calls(site: str, per_second: float, status: str = "OK", code: str = "none") -> Series:
    labels = labelled(job="orderpage", method="Render", site=site, status=status, code=code, client="h5")
    return {("orderpage_calls_total", labels): Now(per_second=per_second)}


DOWN = calls("MY", 0.4, "UNAVAILABLE", "FX_RATE_MISSING")


def test_a_small_site_that_fails_altogether_is_told_though_the_whole_hardly_notices() -> None:
    series = {**calls("HK", 100.0), **DOWN}
    assert not alert("OrderpageErrors", series)
    assert alert("OrderpageSiteErrors", series) == {labelled(job="orderpage", method="Render", site="MY"): 1.0}


def test_a_failed_call_of_a_site_that_has_few_is_not() -> None:
    once = calls("MY", 1 / 900, "INTERNAL", "SYS_UNKNOWN")
    assert not alert("OrderpageSiteErrors", {**calls("MY", 3 / 900), **once})


def test_nor_is_what_buyers_did_wrong() -> None:
    assert not alert("OrderpageSiteErrors", calls("MY", 0.4, "FAILED_PRECONDITION", "ADDR_MISSING"))


def test_a_share_of_all_calls_that_fails_is_told_too() -> None:
    assert alert("OrderpageErrors", {**calls("HK", 10.0), **DOWN})


def gauge(name: str, value: float, **labels: str) -> Series:
    return {(name, labelled(job="orderpage", instance="one:9464", **labels)): Now(value)}


def test_a_refused_reload_of_a_single_server_is_told() -> None:
    """Nobody runs another version, so OrderpagePlansDiffer sees nothing."""
    assert not alert("OrderpageReloadRefused", gauge("orderpage_reload_refused", 0.0))
    assert alert("OrderpageReloadRefused", gauge("orderpage_reload_refused", 1.0))
    assert not alert("OrderpagePlansDiffer", gauge("orderpage_plans", 9.0, version="a"))


def test_presales_that_cannot_be_decided_are_told_and_so_is_a_day_that_nobody_settled() -> None:
    key = "orderpage_presales_unresolved_total", labelled(job="orderpage", instance="one:9464")
    assert not alert("OrderpagePresalesUnresolved", {key: Now()})
    assert alert("OrderpagePresalesUnresolved", {key: Now(per_second=1 / 300)})
    assert not alert("OrderpageDayUnsettled", gauge("orderpage_unsettled_oldest_seconds", 30 * 3600.0))
    assert alert("OrderpageDayUnsettled", gauge("orderpage_unsettled_oldest_seconds", 50 * 3600.0))


def test_one_personal_coupon_that_cannot_be_checked_is_told() -> None:
    labels = labelled(job="orderpage", stage="render", code="PROMO_UNCHECKED", site="TW", client="h5")
    assert alert("OrderpageCouponsUnchecked", {("orderpage_problems_total", labels): Now(per_second=0.01)})
