"""The list of metrics: well-formed, bounded, and all that is exported."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from orderpage.domain.order import PaymentState
from orderpage.domain.problem import Code, Problem
from orderpage.engine.breaker import BreakerState
from orderpage.engine.plan import PlanSource
from orderpage.packages import Packages
from orderpage.ports import Backlog, DatabaseLoad, EventBacklog
from orderpage.telemetry import metrics as names
from orderpage.telemetry.metrics_collect import BacklogReading, ServiceCollector, Sources
from orderpage.telemetry.metrics_record import Recorder

DIMENSIONS = {"site": ("HK", "SG"), "client": ("h5", "native")}
RENDER, SUBMIT, GET = (
    "/crossborder.checkout.v1.OrderPageService/Render",
    "/crossborder.checkout.v1.OrderPageService/Submit",
    "/crossborder.checkout.v1.OrderService/GetOrder",
)

Labels = frozenset[tuple[str, str]]


def samples(registry: CollectorRegistry) -> dict[str, dict[Labels, float]]:
    """Series by name, as Prometheus reads them."""
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def series(**labels: str) -> Labels:
    return frozenset(labels.items())


def asking(site: str = "HK", client: str = "h5") -> Any:
    return SimpleNamespace(page=SimpleNamespace(site=site, client=client))


def problem(code: str) -> Problem:
    return Problem(code=cast("Code", code), message="about it")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def recorder(registry: CollectorRegistry) -> Recorder:
    return Recorder(registry, lambda: DIMENSIONS)


# ---- the list --------------------------------------------------------------------------------------------------


def test_every_metric_is_listed_once_and_named_as_prometheus_asks() -> None:
    listed = [metric for metric in vars(names).values() if isinstance(metric, names.Metric)]
    assert sorted(metric.name for metric in listed) == sorted(metric.name for metric in names.ALL)
    assert len({metric.name for metric in listed}) == len(listed)
    for metric in names.ALL:
        assert metric.name.startswith("orderpage_")
        assert not metric.name.endswith("_total")
        assert metric.help.endswith(".")
        assert bool(metric.buckets) == (metric.kind is names.Kind.HISTOGRAM)
        assert list(metric.buckets) == sorted(metric.buckets)
        assert metric.kind is names.Kind.HISTOGRAM or not metric.exemplars


def test_every_label_has_a_closed_set_and_every_bound_a_size() -> None:
    sizes = names.sizes(DIMENSIONS, points=15, slots=40, ramps=2)
    for metric in names.ALL:
        assert set(metric.labels) <= set(names.VALUES)
        assert metric.most_series(sizes) >= 1
    assert names.CALLS.most_series(sizes) == 4 * (len(Code) + 2) * 4 * 4
    assert names.STAGE_SECONDS.most_series(sizes) == 15 * (12 + 3)


# ---- calls -----------------------------------------------------------------------------------------------------


def test_an_answered_call_is_ok_and_timed(registry: CollectorRegistry, recorder: Recorder) -> None:
    recorder.ended(RENDER, asking(), (), 0.02, gone=False)
    found = samples(registry)
    key = series(method="Render", status="OK", code="none", site="HK", client="h5")
    assert found["orderpage_calls_total"] == {key: 1}
    assert found["orderpage_call_duration_seconds_sum"][series(method="Render")] == pytest.approx(0.02)
    assert found["orderpage_call_duration_seconds_bucket"][series(method="Render", le="0.01")] == 0
    assert found["orderpage_call_duration_seconds_bucket"][series(method="Render", le="0.025")] == 1


@pytest.mark.parametrize(
    ("method", "request_", "problems", "gone", "labels"),
    [
        (SUBMIT, asking("SG"), ["QUOTE_CHANGED"], False,
         ("Submit", "FAILED_PRECONDITION", "QUOTE_CHANGED", "SG", "h5")),
        (RENDER, None, ["SESSION_EXPIRED"], False, ("Render", "UNAUTHENTICATED", "SESSION_EXPIRED", "none", "none")),
        (RENDER, asking("XX", "tv"), [], True, ("Render", "CANCELLED", "none", "other", "other")),
        (GET, SimpleNamespace(order_id="o"), ["ORDER_NOT_FOUND"], False,
         ("GetOrder", "NOT_FOUND", "ORDER_NOT_FOUND", "none", "none")),
        (RENDER, asking(), ["ACME_SAYS_NO"], False, ("Render", "INTERNAL", "other", "HK", "h5")),
    ],
)  # fmt: skip
def test_a_call_is_counted_by_what_ended_it(
    registry: CollectorRegistry,
    recorder: Recorder,
    method: str,
    request_: Any,
    problems: Sequence[str],
    gone: bool,
    labels: Sequence[str],
) -> None:
    recorder.ended(method, request_, [problem(code) for code in problems], 0.1, gone=gone)
    key = series(**dict(zip(names.CALLS.labels, labels, strict=True)))
    assert samples(registry)["orderpage_calls_total"] == {key: 1}


def test_the_bucket_of_a_traced_call_names_its_trace_and_no_other_bucket_does(
    registry: CollectorRegistry, recorder: Recorder
) -> None:
    recorder.ended(RENDER, asking(), (), 0.02, gone=False, trace_id="a" * 32)
    recorder.ended(RENDER, asking(), (), 0.2, gone=False)
    recorder.ended(RENDER, asking(), (), 0.02, gone=False)
    told = {
        (sample.name, sample.labels["le"], sample.exemplar.value, *sample.exemplar.labels.items())
        for family in openmetrics_families(generate_openmetrics(registry).decode())  # type: ignore[no-untyped-call]
        for sample in family.samples
        if sample.exemplar
    }
    assert told == {("orderpage_call_duration_seconds_bucket", "0.025", 0.02, (names.TRACE_ID, "a" * 32))}
    assert "aaaa" not in generate_latest(registry).decode()


def test_each_problem_of_a_refusal_and_of_a_page_is_counted(registry: CollectorRegistry, recorder: Recorder) -> None:
    recorder.ended(SUBMIT, asking(), [problem("QUOTE_CHANGED"), problem("ITEM_OFFLINE")], 0.1, gone=False)
    blocked = SimpleNamespace(problems=(problem("ITEM_OFFLINE"),))
    page = SimpleNamespace(blocked=(blocked,), problems=(), notices=(problem("LOGI_METHOD_GONE"),))
    for _ in range(2):
        recorder.page("SG", "native", cast("Any", page))
    assert samples(registry)["orderpage_problems_total"] == {
        series(stage="submit", code="QUOTE_CHANGED", site="HK", client="h5"): 1,
        series(stage="submit", code="ITEM_OFFLINE", site="HK", client="h5"): 1,
        series(stage="render", code="ITEM_OFFLINE", site="SG", client="native"): 2,
        series(stage="render", code="LOGI_METHOD_GONE", site="SG", client="native"): 2,
    }


def test_submits_are_counted_by_where_the_payment_stands(registry: CollectorRegistry, recorder: Recorder) -> None:
    placed = SimpleNamespace(payment=SimpleNamespace(state=PaymentState.HELD))
    recorder.submitted("HK", "h5", cast("Any", placed))
    recorder.submitted("HK", "tv", None)
    assert samples(registry)["orderpage_submits_total"] == {
        series(outcome="HELD", site="HK", client="h5"): 1,
        series(outcome="VALIDATED", site="HK", client="other"): 1,
    }


def test_no_client_can_make_series(registry: CollectorRegistry, recorder: Recorder) -> None:
    for number in range(1000):
        recorder.ended(RENDER, asking(f"s{number}", f"c{number}"), [problem("SCENARIO_UNKNOWN")], 0.1, gone=False)
        recorder.submitted(f"s{number}", f"c{number}", None)
    found = samples(registry)
    for name in ("orderpage_calls_total", "orderpage_problems_total", "orderpage_submits_total"):
        assert list(found[name].values()) == [1000]
    assert sum(len(counts) for counts in (recorder._calls, recorder._problems, recorder._submits)) == 3


def test_a_reload_brings_its_sites(registry: CollectorRegistry) -> None:
    known: list[Mapping[str, tuple[str, ...]]] = [DIMENSIONS]
    recorder = Recorder(registry, lambda: known[-1])
    recorder.ended(RENDER, asking("TW"), (), 0.1, gone=False)
    known.append({**DIMENSIONS, "site": ("HK", "SG", "TW")})
    recorder.ended(RENDER, asking("TW"), (), 0.1, gone=False)
    sites = {dict(labels)["site"] for labels in samples(registry)["orderpage_calls_total"]}
    assert sites == {"other", "TW"}


# ---- what is read when asked -----------------------------------------------------------------------------------


def sources(plans: PlanSource, reading: BacklogReading | None) -> Sources:
    load = DatabaseLoad(writes=9, commits=4, waiting=1, busy=2, connections=8)
    return Sources(
        plans=plans,
        in_flight=lambda: 3,
        under_way=lambda: 2,
        database=lambda: load,
        backlog=lambda: reading,
        traces_dropped=lambda: 6,
        presales_unresolved=lambda: 7,
    )


@pytest.fixture
def plans(packages: Packages) -> PlanSource:
    return PlanSource(packages._compile)


def test_slots_stages_and_breakers_are_there_before_the_first_call(
    registry: CollectorRegistry, plans: PlanSource
) -> None:
    registry.register(ServiceCollector(sources(plans, None)))
    found = samples(registry)
    slot = {"point": "load", "slot": "stock", "extension": "core.stock"}
    assert found["orderpage_slot_calls_total"][series(**slot)] == 0
    assert found["orderpage_slot_breakers"][series(**slot, state="closed")] >= 1
    assert found["orderpage_slot_breakers"][series(**slot, state="open")] == 0
    assert series(point="tax") in found["orderpage_stage_duration_seconds_count"]
    assert {dict(labels)["point"] for labels in found["orderpage_slot_duration_seconds_count"]} == {"load"}
    assert "orderpage_outbox_rows" not in found


def test_what_slots_and_stages_counted_is_exported(registry: CollectorRegistry, plans: PlanSource) -> None:
    stats = plans.stats.slot("load", "stock", "core.stock")
    stats.calls, stats.faults, stats.skips, stats.overruns = 5, 3, 2, 1
    stats.took(0.0003)
    stats.took(2.0)
    for plan in plans.current.plans:
        next(slot for slot in plan.stages["load"].compiled if slot.name == "stock").breaker.state = BreakerState.OPEN
    registry.register(ServiceCollector(sources(plans, None)))
    found = samples(registry)
    slot = {"point": "load", "slot": "stock", "extension": "core.stock"}
    counters = [
        found[f"orderpage_slot_{name}_total"][series(**slot)] for name in ("calls", "faults", "skips", "overruns")
    ]
    assert counters == [5, 3, 2, 1]
    assert found["orderpage_slot_breakers"][series(**slot, state="open")] >= 1
    buckets = {
        dict(labels)["le"]: value
        for labels, value in found["orderpage_slot_duration_seconds_bucket"].items()
        if dict(labels)["slot"] == "stock"
    }
    assert (buckets["0.00025"], buckets["0.0005"], buckets["1.0"], buckets["+Inf"]) == (0, 1, 1, 2)


def test_the_rest_of_the_list_is_read_from_its_parts(registry: CollectorRegistry, plans: PlanSource) -> None:
    waits = {PaymentState.PENDING: (2, 40.0)}
    backlog = Backlog(told=EventBacklog(3, 2, 1, 12.5), work=EventBacklog(6, 5, 4, 99.0), payments=waits, unsettled=8.0)
    plans.refused = True
    registry.register(ServiceCollector(sources(plans, BacklogReading(backlog, 1000.0))))
    found = samples(registry)
    flat = {
        (name, *sorted(value for _, value in labels)): value for name in found for labels, value in found[name].items()
    }
    expected = {
        ("orderpage_outbox_rows", "event", "waiting"): 3, ("orderpage_outbox_rows", "event", "failing"): 2,
        ("orderpage_outbox_rows", "event", "parked"): 1, ("orderpage_outbox_oldest_seconds", "event"): 12.5,
        ("orderpage_outbox_rows", "booking", "waiting"): 6, ("orderpage_outbox_rows", "booking", "failing"): 5,
        ("orderpage_outbox_rows", "booking", "parked"): 4, ("orderpage_outbox_oldest_seconds", "booking"): 99.0,
        ("orderpage_unsettled_oldest_seconds",): 8.0, ("orderpage_presales_unresolved_total",): 7,
        ("orderpage_reload_refused",): 1,
        ("orderpage_payments_unfinished", "PENDING"): 2, ("orderpage_payments_unfinished", "STARTED"): 0,
        ("orderpage_payments_unfinished_oldest_seconds", "PENDING"): 40.0,
        ("orderpage_backlog_read_timestamp_seconds",): 1000.0,
        ("orderpage_database_writes_total",): 9, ("orderpage_database_commits_total",): 4,
        ("orderpage_database_waiting",): 1, ("orderpage_database_connections_busy",): 2,
        ("orderpage_database_connections_max",): 8, ("orderpage_calls_in_flight",): 3,
        ("orderpage_orders_under_way",): 2, ("orderpage_traces_dropped_total",): 6,
        ("orderpage_plans", plans.current.version): len(plans.current.plans),
    }  # fmt: skip
    assert {key: flat[key] for key in expected} == expected


def test_the_end_of_a_calendar_is_known_beforehand(registry: CollectorRegistry, plans: PlanSource) -> None:
    registry.register(ServiceCollector(sources(plans, None)))
    ends = samples(registry)["orderpage_data_until_seconds"]
    slots = [slot for plan in plans.current.plans for slot in plan.stages["promise"].compiled]
    for name in ("arrival", "arrival_local"):
        first = min(slot.data_until for slot in slots if slot.name == name and slot.data_until)
        arrival = series(point="promise", slot=name, extension="logistics.arrival")
        assert datetime.fromtimestamp(ends.pop(arrival), UTC).date() == first
    assert ends == {}
