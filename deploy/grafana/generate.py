"""Write the Grafana dashboard from code: ``python deploy/grafana/generate.py`` (``--check``: is it up to date?).

Queries are made of the metrics' own declarations, so a metric that is renamed cannot be forgotten here.
"""

import sys
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, QueryVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from orderpage.telemetry import metrics as m

TARGET = Path(__file__).with_name("orderpage.json")
SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
OURS = "orderpage.*"
JOBS = 'job=~"$job"'
SITES = 'site=~"$site"'
OPEN = 'state!="closed"'
FAILED = 'status=~"INTERNAL|UNAVAILABLE|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED"'


def chosen(series: str, where: str = "") -> str:
    """Those of a series that the reader chose, and of them those that match ``where``."""
    return f"{series}{{{', '.join(match for match in (JOBS, where) if match)}}}"


def per_second(metric: m.Metric, by: str, where: str = "", suffix: str = "_total") -> str:
    """The rate of a counter, summed over processes."""
    return f"sum by ({by}) (rate({chosen(metric.name + suffix, where)}[$__rate_interval]))"


def largest(metric: m.Metric, by: str) -> str:
    """What every process of a database tells alike."""
    return f"max by ({by}) ({chosen(metric.name)})"


def quantile(share: float, metric: m.Metric, by: str) -> str:
    """A quantile of a histogram over all processes."""
    labels = ", ".join(name for name in (by, "le") if name)
    return f"histogram_quantile({share}, {per_second(metric, labels, suffix='_bucket')})"


def mean(metric: m.Metric, by: str) -> str:
    """What a histogram's observations are on average."""
    return f"{per_second(metric, by, suffix='_sum')} / {per_second(metric, by, suffix='_count')}"


def panel(title: str, about: str, unit: str, *queries: tuple[str, str], exemplars: bool = False) -> Panel:
    """A graph of queries, each with its legend; ``exemplars`` shows traces beside the last one."""
    made = Panel().title(title).description(about).unit(unit).datasource(SOURCE).span(8).height(8).min(0)
    for number, (query, legend) in enumerate(queries):
        target = Dataquery().expr(query).legend_format(legend).range().ref_id("ABCDEF"[number])
        made.with_target(target.exemplar(True) if exemplars and number == len(queries) - 1 else target)
    return made


def calls() -> list[Panel]:
    """Rate, errors, duration."""
    by = "method, site"
    share = f"{per_second(m.CALLS, by, f'{FAILED}, {SITES}')} / {per_second(m.CALLS, by, SITES)}"
    return [
        panel("Calls", m.CALLS.help, "reqps", (per_second(m.CALLS, by, SITES), "{{method}} {{site}}")),
        panel("Failed, and the cause is ours", "Share of calls.", "percentunit", (share, "{{method}} {{site}}")),
        panel(
            "Duration", m.CALL_SECONDS.help, "s",
            (quantile(0.5, m.CALL_SECONDS, "method"), "{{method}} p50"),
            (quantile(0.99, m.CALL_SECONDS, "method"), "{{method}} p99"),
            exemplars=m.CALL_SECONDS.exemplars,
        ),
        panel("Refused, by code", m.CALLS.help, "reqps",
              (per_second(m.CALLS, "method, code", f'code!="none", {SITES}'), "{{method}} {{code}}")),
        panel("Problems told", m.PROBLEMS.help, "cps",
              (per_second(m.PROBLEMS, "stage, code", SITES), "{{stage}} {{code}}")),
        panel("Submits", m.SUBMITS.help, "reqps", (per_second(m.SUBMITS, "outcome", SITES), "{{outcome}}")),
    ]  # fmt: skip


def stages() -> list[Panel]:
    """Where the time of a page goes."""
    return [
        panel("Stage, on average", m.STAGE_SECONDS.help, "s", (mean(m.STAGE_SECONDS, "point"), "{{point}}")),
        panel("Stage, p99", m.STAGE_SECONDS.help, "s", (quantile(0.99, m.STAGE_SECONDS, "point"), "{{point}}")),
        panel("Overruns", m.STAGE_OVERRUNS.help, "cps", (per_second(m.STAGE_OVERRUNS, "point"), "{{point}}")),
    ]


def extensions() -> list[Panel]:
    """Who fails, who is slow, who is not asked any more."""
    names = "point, slot, extension"
    legend = "{{point}} {{slot}}"
    return [
        panel("Faults", m.SLOT_FAULTS.help, "cps", (per_second(m.SLOT_FAULTS, names), legend)),
        panel("Skips", m.SLOT_SKIPS.help, "cps", (per_second(m.SLOT_SKIPS, names), legend)),
        panel("Budgets exceeded", m.SLOT_OVERRUNS.help, "cps", (per_second(m.SLOT_OVERRUNS, names), legend)),
        panel("Waited for, p99", m.SLOT_SECONDS.help, "s", (quantile(0.99, m.SLOT_SECONDS, names), legend)),
        panel("Breakers not closed", m.SLOT_BREAKERS.help, "none",
              (f"sum by ({names}, state) ({chosen(m.SLOT_BREAKERS.name, OPEN)})", f"{legend} {{{{state}}}}")),
        panel("Calls", m.SLOT_CALLS.help, "cps", (per_second(m.SLOT_CALLS, names), legend)),
    ]  # fmt: skip


def waiting() -> list[Panel]:
    """What is not done yet. All processes of one database tell the same, so the largest stands."""
    return [
        panel("Outbox", m.OUTBOX_ROWS.help, "none",
              (largest(m.OUTBOX_ROWS, "job, kind, state"), "{{job}} {{kind}} {{state}}")),
        panel("Payments not decided", m.PAYMENTS.help, "none",
              (largest(m.PAYMENTS, "job, state"), "{{job}} {{state}}")),
        panel("Oldest", m.OUTBOX_OLDEST.help, "s", (largest(m.OUTBOX_OLDEST, "job, kind"), "{{job}} {{kind}}"),
              (largest(m.PAYMENTS_OLDEST, "job, state"), "{{job}} payment {{state}}")),
        panel("Not settled", m.UNSETTLED.help, "s", (largest(m.UNSETTLED, "job"), "{{job}}")),
        panel("Presales that nobody can decide", m.PRESALES_UNRESOLVED.help, "cps",
              (per_second(m.PRESALES_UNRESOLVED, "job"), "{{job}}")),
    ]  # fmt: skip


def instances() -> list[Panel]:
    """Which of them run, since when, and with what."""
    versions = f"count by (job, version) ({chosen(m.PLANS.name)})"
    return [
        panel("Processes", "Those that answer Prometheus, and those that should.", "none",
              (f"sum by (job) ({chosen('up')})", "{{job}} up"), (f"count by (job) ({chosen('up')})", "{{job}} in all")),
        panel("Starts in a quarter of an hour", "Of each process. More than two, again and again: it crashes.", "none",
              (f"changes({chosen('process_start_time_seconds')}[15m])", "{{job}} {{instance}}")),
        panel("Plan versions", "Processes of each version of the package set; at rest there is one.", "none",
              (versions, "{{job}} {{version}}")),
        panel("Packages refused", m.RELOAD_REFUSED.help, "none",
              (f"max by (job, instance) ({chosen(m.RELOAD_REFUSED.name)})", "{{job}} {{instance}}")),
    ]  # fmt: skip


def process() -> list[Panel]:
    """What every call shares."""
    return [
        panel("Event loop lag, p99", m.LOOP_LAG.help, "s", (quantile(0.99, m.LOOP_LAG, "instance"), "{{instance}}")),
        panel("Under way", m.CALLS_IN_FLIGHT.help, "none",
              (f"sum by (instance) ({chosen(m.CALLS_IN_FLIGHT.name)})", "calls {{instance}}"),
              (f"sum by (instance) ({chosen(m.ORDERS_UNDER_WAY.name)})", "orders {{instance}}"),
              (f"sum by (instance) ({chosen(m.DATABASE_WAITING.name)})", "database {{instance}}")),
        panel("Writes", m.DATABASE_COMMITS.help, "wps",
              (per_second(m.DATABASE_WRITES, "instance"), "writes {{instance}}"),
              (per_second(m.DATABASE_COMMITS, "instance"), "commits {{instance}}")),
        panel("Failed calls without a trace", m.TRACES_DROPPED.help, "cps",
              (per_second(m.TRACES_DROPPED, "instance"), "{{instance}}")),
    ]  # fmt: skip


def traffic() -> list[Panel]:
    """Who answers, whether both stacks say the same, how far it is."""
    return [
        panel("Answered by", m.ROUTED.help, "reqps", (per_second(m.ROUTED, "stack"), "{{stack}}")),
        panel("Compared", m.SHADOWED.help, "cps", (per_second(m.SHADOWED, "outcome"), "{{outcome}}")),
        panel("Ramps", m.RAMP_SHARE.help, "percentunit", (largest(m.RAMP_SHARE, "job, ramp"), "{{job}} {{ramp}}"),
              (largest(m.TRIPS, "job"), "{{job}} trips")),
    ]  # fmt: skip


def choice(name: str, query: str, everything: str) -> QueryVariable:
    """What the reader may narrow the whole dashboard to; at first ``everything``."""
    made = QueryVariable(name).label(name.capitalize()).datasource(SOURCE).query(query)
    return made.multi(True).include_all(True).all_value(everything)


def dashboard() -> str:
    """The dashboard as Grafana imports it."""
    made = Dashboard("orderpage").uid("orderpage").tags(["orderpage"]).refresh("30s").time("now-1h", "now").readonly()
    made.with_variable(DatasourceVariable("source").label("Source").type("prometheus"))
    made.with_variable(choice("job", f"label_values({m.BUILD.name}, job)", OURS))
    made.with_variable(choice("site", f"label_values({chosen(m.CALLS.name + '_total')}, site)", ".*"))
    rows = {
        "Calls": calls,
        "Stages": stages,
        "Extensions": extensions,
        "What waits": waiting,
        "Moving traffic": traffic,
        "Instances": instances,
        "Process": process,
    }
    for title, panels in rows.items():
        made.with_row(Row(title))
        for each in panels():
            made.with_panel(each)
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def main() -> None:
    """Write it, or with ``--check`` say whether the file is what would be written."""
    text = dashboard()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != text:
        sys.exit(f"{TARGET.name} is out of date: run python deploy/grafana/generate.py")


if __name__ == "__main__":
    main()
