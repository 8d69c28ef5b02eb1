"""The bench of the process runs, and its figures are right by construction. No test asserts how long anything takes."""

import json
import os
import resource
from pathlib import Path
from typing import Any

import pytest
from tests.postgres import PostgresServer
from typer.testing import CliRunner

from orderpage.adapters.sql.commands import run_command
from orderpage.adapters.sql.migrate import migrate
from orderpage.adapters.sql.schema import metadata
from orderpage.bench.collector import collecting
from orderpage.bench.fresh_database import NotEmpty, filled
from orderpage.bench.measured import ServerDied
from orderpage.bench.serve.account import cores, cpu_seconds, machine_cpu_seconds, memory
from orderpage.bench.serve.scale import Round, scale_figures
from orderpage.bench.serve.served import Served, served
from orderpage.budget import Budget
from orderpage.cli.commands import app
from orderpage.cli.demo import demo_files
from orderpage.telemetry.tracing import Outcome
from orderpage.telemetry.tracing_context import Caller
from orderpage.telemetry.tracing_export import SpanTracer
from orderpage.telemetry.tracing_sampling import Sampler

TICK = 1 / os.sysconf("SC_CLK_TCK")


def bench(*arguments: str, **settings: str) -> dict[str, Any]:
    variables = {f"ORDERPAGE_{name.upper()}": value for name, value in settings.items()}
    ran = CliRunner().invoke(app, ["bench", "serve", "--json", *arguments], env=variables, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    figures: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return figures


def rows(url: str) -> int:
    return run_command(
        url, lambda connection: sum(len(connection.execute(table.select()).all()) for table in metadata.sorted_tables)
    )


def check_start(figures: dict[str, Any]) -> None:
    for prefix in ("", "telemetry_"):
        values = {name: figures[prefix + name] for name in ("ready_s", "ready_cpu_s", "rss_mb", "rss_after_mb")}
        assert all(value > 0 for value in values.values()), values
        assert 0 < figures[f"{prefix}pss_mb"] <= figures[f"{prefix}rss_mb"]
    assert figures["ready_best_s"] <= figures["ready_s"]
    assert figures["rss_mb"] < figures["telemetry_rss_mb"], "metrics and traces are not imported unless they are on"


def test_on_sqlite_it_ends_with_one_line_of_json() -> None:
    figures = bench("--starts", "1", "--renders", "2")
    check_start(figures)
    assert (figures["database"], figures["starts"], figures["renders"]) == ("sqlite", 1, 2)
    assert "two_over_one" not in figures


def test_on_postgresql_it_compares_one_worker_with_two_and_leaves_the_database_empty(postgres: PostgresServer) -> None:
    url = postgres.url(postgres.create())
    scale = ("--workers-scale", "--rounds", "1", "--seconds", "0.2", "--load-processes", "1")
    figures = bench("--starts", "1", "--renders", "2", *scale, database=url)
    check_start(figures)
    assert figures["database"] == "postgresql"
    assert (figures["rounds"], figures["load_processes"], figures["cores"]) == (1, 1, cores())
    assert all(figures[name] > 0 for name in ("two_over_one", "two_over_one_cpu", "one_rps", "two_rps"))
    assert 0 < figures["watcher_rss_mb"] < figures["worker_rss_mb"]
    assert rows(url) == 0


def test_a_database_that_holds_goods_is_refused_and_left_alone(postgres: PostgresServer) -> None:
    url = postgres.url(postgres.create_template(*demo_files()))
    before = rows(url)
    with pytest.raises(NotEmpty, match=r"holds .*skus.*createdb bench"), filled(url, demo_files()):
        pass
    assert rows(url) == before > 0


def test_the_database_is_emptied_when_the_bench_fails_too(postgres: PostgresServer) -> None:
    url = postgres.url(postgres.create())
    with pytest.raises(ServerDied), filled(url, demo_files()):  # noqa: PT012
        assert rows(url) > 0
        raise ServerDied
    assert rows(url) == 0


def test_workers_need_postgresql(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["bench", "serve", "--workers-scale"], env={"ORDERPAGE_DATABASE": "sqlite:///x"})
    assert "ORDERPAGE_DATABASE=postgresql+asyncpg://" in str(ran.exception)


async def test_a_server_that_cannot_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    url = f"sqlite+pysqlite:///{tmp_path / 'empty.sqlite3'}"
    migrate(f"{url}-other")
    with pytest.raises(ServerDied, match="orderpage migrate"):
        async with served({"database": url}):
            pass


async def test_the_collector_takes_what_the_service_exports() -> None:
    async with collecting() as collector:
        tracer = SpanTracer(collector.endpoint, Sampler(1.0, 0), Budget(1))
        record = tracer.begin("/a.B/C", Caller("1" * 32), debug=False)
        tracer.admit(record)
        tracer.end(record, Outcome(status=0))
        await tracer.close(10.0)
    assert collector.spans == 1


# ---- the account -------------------------------------------------------------------------------------------------


def test_cpu_is_that_of_the_operating_system() -> None:
    def used() -> float:
        spent = resource.getrusage(resource.RUSAGE_SELF)
        return spent.ru_utime + spent.ru_stime

    machine, until = machine_cpu_seconds(), used() + 0.3
    while used() < until:
        pass
    assert used() - 2 * TICK <= cpu_seconds(os.getpid()) <= used() + 2 * TICK
    assert machine_cpu_seconds() - machine >= 0.3 - 2 * TICK, "of which this process's are a part"


def test_memory_is_what_is_held() -> None:
    before = memory(os.getpid())
    held = bytearray(os.urandom(1 << 20)) * 64
    after = memory(os.getpid())
    assert 63 <= after.rss_mb - before.rss_mb <= 80
    assert after.pss_mb is not None
    assert before.pss_mb is not None
    assert 63 <= after.pss_mb - before.pss_mb <= 80
    assert len(held) == 64 << 20


# ---- two workers against one -------------------------------------------------------------------------------------


def this_process() -> Served:
    return Served(pid=os.getpid(), port=1, workers=(os.getpid(), os.getpid()), ready_s=1, ready_cpu_s=1)


def a_round(rps: float, *workers_s: float, load_s: float = 0.1, machine_s: float = 1.5) -> Round:
    return Round(calls=int(rps), rps=rps, workers_s=workers_s, load_s=load_s, machine_s=machine_s * cores(), wall_s=1.0)


def test_each_round_of_two_is_compared_with_its_own_round_of_one() -> None:
    ones = [a_round(100, 0.5), a_round(10, 0.05), a_round(200, 1.0)]
    twos = [a_round(190, 0.475, 0.475), a_round(20, 0.05, 0.05), a_round(300, 1.0, 0.5)]
    figures = scale_figures(ones, twos, this_process(), load_processes=2)
    assert figures.two_over_one == 1.9  # of 1.9, 2.0 and 1.5
    assert (figures.one_rps, figures.two_rps) == (100, 190)
    assert (figures.one_cpu_us, figures.two_cpu_us) == (5000, 5000)
    assert figures.two_over_one_cpu == 2.0
    assert figures.fairness == 1.0


def test_a_page_that_costs_two_workers_more_lowers_what_a_processor_each_would_give() -> None:
    figures = scale_figures([a_round(100, 0.5)], [a_round(100, 0.3, 0.2625)], this_process(), load_processes=1)
    assert figures.two_over_one_cpu == pytest.approx(2 / 1.125, abs=0.001)
    assert figures.fairness == 0.875


def test_shares_are_of_all_processors() -> None:
    two = a_round(100, 0.4, 0.2, load_s=0.3, machine_s=0.9)
    figures = scale_figures([a_round(100, 0.5)], [two], this_process(), load_processes=1)
    assert figures.load_cpu_share == pytest.approx(0.3 / cores(), abs=0.001)
    assert figures.workers_cpu_share == pytest.approx(0.6 / cores(), abs=0.001)
    assert figures.machine_cpu_share == 0.9
    assert figures.cores_for_workers == pytest.approx(cores() - 0.9 * cores() + 0.6, abs=0.01)
