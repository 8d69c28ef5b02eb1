"""The alerts and the dashboard in deploy/: every query can be read, of metrics and labels that exist."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from prometheus_client import CollectorRegistry, ProcessCollector
from ruamel.yaml import YAML

import orderpage
from orderpage.cli.commands import app
from orderpage.domain.problem import Status
from orderpage.settings import ServerSettings
from orderpage.telemetry import metrics as names

DEPLOY = Path(__file__).parents[3] / "deploy"
SERIES = {name: metric for metric in names.ALL for name in metric.series}
OF_PROMETHEUS = frozenset({"job", "instance"})
"""What Prometheus adds to each series: where it read it."""

OTHERS = frozenset({"up", "process_start_time_seconds"})
"""Series that queries may use though we do not make them: without labels of their own."""


def rules() -> list[dict[str, Any]]:
    groups = YAML(typ="safe", pure=True).load((DEPLOY / "prometheus" / "rules.yml").read_text("utf-8"))
    assert set(groups) == {"groups"}
    assert all(set(group) == {"name", "rules"} for group in groups["groups"])
    return [rule for group in groups["groups"] for rule in group["rules"]]


def queries() -> Iterator[str]:
    """The dashboard's, as Prometheus would get them."""
    panels = json.loads((DEPLOY / "grafana" / "orderpage.json").read_text("utf-8"))["panels"]
    for panel in panels:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "1m")


RULES = {rule["alert"]: rule for rule in rules()}
COMMANDS = {command.callback.__name__ for command in app.registered_commands if command.callback} | {
    str(group.typer_instance.info.name) for group in app.registered_groups if group.typer_instance
}
SOURCES = [file.read_text("utf-8") for file in Path(orderpage.__file__).parent.rglob("*.py")]
QUERIES = [*queries(), *(rule["expr"] for rule in RULES.values())]


def selectors(query: str) -> list[promql_parser.VectorSelector]:
    """What a query reads."""
    found: list[promql_parser.VectorSelector] = []

    def visit(expr: promql_parser.Expr) -> None:
        if isinstance(expr, promql_parser.MatrixSelector):
            found.append(expr.vector_selector)
        elif isinstance(expr, promql_parser.VectorSelector):
            found.append(expr)

    promql_parser.walk(promql_parser.parse(query), visit)
    return found


def labels_of(name: str | None) -> frozenset[str]:
    """Those of a series, as it is stored."""
    assert name in SERIES or name in OTHERS, f"{name} does not exist"
    own = SERIES[name].labels if name in SERIES else ()
    return OF_PROMETHEUS.union(own, {"le"} if name.endswith("_bucket") else ())


def kept(expr: promql_parser.Expr) -> frozenset[str] | None:
    """The labels of what an expression gives; None for a plain number. Both sides of an operator must have the same."""
    match expr:
        case promql_parser.VectorSelector():
            return labels_of(expr.name)
        case promql_parser.MatrixSelector():
            return kept(expr.vector_selector)
        case promql_parser.AggregateExpr():
            by = frozenset(expr.modifier.labels if expr.modifier else ())
            within = kept(expr.expr)
            assert within is not None
            assert by <= within, f"{expr.op} by {sorted(by - within)}, which is not there"
            return by
        case promql_parser.Call():
            (given,) = {kept(each) for each in expr.args} - {None} or {None}
            return given - {"le"} if given and expr.func.name == "histogram_quantile" else given
        case promql_parser.BinaryExpr():
            (given,) = {kept(expr.lhs), kept(expr.rhs)} - {None} or {None}
            return given
    return None


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_can_be_read_and_names_what_exists(query: str) -> None:
    used = selectors(query)
    assert used
    assert kept(promql_parser.parse(query)) is not None
    for selector in used:
        assert {matcher.name for matcher in selector.matchers.matchers} <= labels_of(selector.name)
    for status in re.findall(r'status=~"(.*?)"', query):
        assert set(status.split("|")) <= set(Status)


def test_what_we_do_not_measure_ourselves_the_client_library_does() -> None:
    process = ProcessCollector(registry=CollectorRegistry())
    assert {family.name for family in process.collect()} >= OTHERS - {"up"}  # up is Prometheus' own


@pytest.mark.parametrize("query", [query for query in QUERIES if any(each.name in OTHERS for each in selectors(query))])
def test_what_others_have_too_is_asked_of_our_jobs_only(query: str) -> None:
    assert all(any(matcher.name == "job" for matcher in each.matchers.matchers) for each in selectors(query))


@pytest.mark.parametrize("query", QUERIES)
def test_what_every_process_reads_from_the_database_is_not_summed(query: str) -> None:
    for name in re.findall(r"\borderpage_\w+", query):
        if SERIES[name].database:
            assert re.search(rf"max by \(job(, \w+)*\) \({name}", query)
            assert "sum" not in query


@pytest.mark.parametrize("alert", RULES)
def test_every_alert_says_what_where_since_when_and_what_to_do(alert: str) -> None:
    rule = RULES[alert]
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", rule["for"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "runbook"}
    where = kept(promql_parser.parse(rule["expr"]))
    assert where is not None
    assert "job" in where
    summary = rule["annotations"]["summary"]
    assert summary.startswith("{{ $labels.job }}: ")
    told = set(re.findall(r"\$labels\.(\w+)", summary))
    assert told <= where
    assert told >= where & {"instance", "method", "site"}


@pytest.mark.parametrize("alert", RULES)
def test_what_an_alert_tells_to_look_at_exists(alert: str) -> None:
    where = kept(promql_parser.parse(RULES[alert]["expr"])) or frozenset()
    runbook = RULES[alert]["annotations"]["runbook"]
    for name in re.findall(r"\borderpage_\w+", runbook):
        assert name in SERIES or any(metric.name == name for metric in names.ALL)
    assert set(re.findall(r"\$labels\.(\w+)", runbook)) <= where
    assert set(re.findall(r"\bOrderpage\w+", runbook)) <= set(RULES) - {alert}
    assert set(re.findall(r"\bORDERPAGE_\w+", runbook)) <= set(ServerSettings().environment())
    assert set(re.findall(r"`orderpage (\w+)", runbook)) <= COMMANDS
    for event in re.findall(r'"([a-z]+\.[a-z_]+|call [a-z ]+)"', runbook):
        assert any(f'"{event}"' in text for text in SOURCES), event


def test_alerts_cover_what_the_service_promises() -> None:
    read = {selector.name or "" for rule in RULES.values() for selector in selectors(rule["expr"])}
    assert read >= OTHERS
    alerted = {SERIES[name].name for name in read - OTHERS}
    assert alerted >= {
        metric.name
        for metric in (
            names.CALLS, names.CALL_SECONDS, names.SLOT_FAULTS, names.SLOT_BREAKERS, names.SLOT_OVERRUNS,
            names.STAGE_OVERRUNS, names.OUTBOX_OLDEST, names.OUTBOX_ROWS, names.PAYMENTS_OLDEST, names.BACKLOG_READ,
            names.DATA_UNTIL, names.PLANS, names.RELOAD_REFUSED, names.PRESALES_UNRESOLVED, names.UNSETTLED,
        )
    }  # fmt: skip


def test_the_scrape_examples_read_each_worker_under_a_job_that_the_alerts_look_at() -> None:
    readme = (DEPLOY / "README.md").read_text("utf-8")
    yaml = YAML(typ="safe", pure=True)
    configs = [yaml.load(block)["scrape_configs"] for block in re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)]
    jobs = [job for config in configs for job in config]
    (pattern,) = {
        matcher.value for each in selectors(RULES["OrderpageDown"]["expr"]) for matcher in each.matchers.matchers
    }
    assert all(re.fullmatch(pattern, job["job_name"]) for job in jobs)
    workers = int(re.findall(r"serve --workers (\d+)` and", readme)[0])
    ((alone,),) = [job["static_configs"] for job in configs[0]]
    assert alone["targets"] == [f"127.0.0.1:{9464 + worker}" for worker in range(workers)]


def test_the_unit_starts_again_until_its_database_is_there() -> None:
    unit = RawConfigParser(interpolation=None)
    unit.read(DEPLOY / "orderpage.service", "utf-8")
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert "network-online.target" in unit["Unit"]["Wants"].split()
    assert {"network-online.target", "postgresql.service"} <= set(unit["Unit"]["After"].split())
    assert (unit["Service"]["Restart"], unit["Service"]["RestartSec"]) == ("on-failure", "5")


def test_the_dashboard_is_what_its_script_writes() -> None:
    script = DEPLOY / "grafana" / "generate.py"
    checked = subprocess.run([sys.executable, script, "--check"], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_dashboard_asks_for_exemplars_where_a_metric_has_them() -> None:
    panels = json.loads((DEPLOY / "grafana" / "orderpage.json").read_text("utf-8"))["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", ()) if target.get("exemplar")]
    shown = {SERIES[name].name for query in asked for name in re.findall(r"\borderpage_\w+", query)}
    assert shown == {metric.name for metric in names.ALL if metric.exemplars}
