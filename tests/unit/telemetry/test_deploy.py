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
from ruamel.yaml import YAML

from orderpage.domain.problem import Status
from orderpage.telemetry import metrics as names

DEPLOY = Path(__file__).parents[3] / "deploy"
SERIES = {name: metric for metric in names.ALL for name in metric.series}
OF_PROMETHEUS = {"le", "instance"}


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
QUERIES = [*queries(), *(rule["expr"] for rule in RULES.values())]


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_can_be_read_and_names_what_exists(query: str) -> None:
    promql_parser.parse(query)
    used = [SERIES[name] for name in re.findall(r"\borderpage_\w+", query)]
    assert used
    matched = {label for part in re.findall(r"\{(.*?)\}", query) for label in re.findall(r"(\w+)\s*[=!]", part)}
    grouped = {label.strip() for part in re.findall(r"by \((.*?)\)", query) for label in part.split(",")}
    for metric in used:
        assert grouped <= {*metric.labels, *OF_PROMETHEUS}
    assert matched <= {label for metric in used for label in metric.labels}
    for status in re.findall(r'status=~"(.*?)"', query):
        assert set(status.split("|")) <= set(Status)


@pytest.mark.parametrize("query", QUERIES)
def test_what_every_process_reads_from_the_database_is_not_summed(query: str) -> None:
    for name in re.findall(r"\borderpage_\w+", query):
        if SERIES[name].database:
            assert re.search(rf"max( by \(\w+\))? ?\({name}", query)
            assert "sum" not in query


@pytest.mark.parametrize("alert", RULES)
def test_every_alert_says_what_where_since_when_and_what_to_do(alert: str) -> None:
    rule = RULES[alert]
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", rule["for"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "runbook"}
    told = " ".join(rule["annotations"].values())
    grouped = {label.strip() for part in re.findall(r"by \((.*?)\)", rule["expr"]) for label in part.split(",")}
    assert set(re.findall(r"\$labels\.(\w+)", told)) <= grouped - {"le"}
    for name in re.findall(r"\borderpage_\w+", told):
        assert name in SERIES or any(metric.name == name for metric in names.ALL)


def test_alerts_cover_what_the_service_promises() -> None:
    alerted = {SERIES[name].name for rule in RULES.values() for name in re.findall(r"\borderpage_\w+", rule["expr"])}
    assert alerted >= {
        metric.name
        for metric in (
            names.CALLS, names.CALL_SECONDS, names.SLOT_FAULTS, names.SLOT_BREAKERS, names.SLOT_OVERRUNS,
            names.STAGE_OVERRUNS, names.OUTBOX_OLDEST, names.OUTBOX_ROWS, names.PAYMENTS_OLDEST, names.BACKLOG_READ,
            names.DATA_UNTIL,
        )
    }  # fmt: skip


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
