"""``orderpage diff``: how the two stacks differ, which of them is right, and whether it is mended."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from orderpage.migration.comparison.answer import Answer
    from orderpage.migration.comparison.found import Difference
    from orderpage.migration.differences import Example, Filter
    from orderpage.migration.recording.packing import Evidence

app = typer.Typer(
    name="diff",
    help="How this stack's answers differ from the legacy one's: list, look, replay, judge.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Database = Annotated[str | None, typer.Option(help="SQLAlchemy URL. Left out: from ORDERPAGE_DATABASE.")]
Number = Annotated[int, typer.Argument(help="The number of a difference, as `diff show` lists them.", metavar="ID")]


class Side(StrEnum):
    """Which stack is right."""

    LEGACY = "legacy"
    NEW = "new"


@app.command("list")
def list_groups(
    site: Annotated[str, typer.Option(help="Only this site.")] = "*",
    business: Annotated[str, typer.Option(help="Only this business.")] = "*",
    client: Annotated[str, typer.Option(help="Only this client.")] = "*",
    crowd: Annotated[str, typer.Option(help="Only this crowd.")] = "*",
    money: Annotated[bool, typer.Option("--money", help="Only where a buyer would pay another amount.")] = False,
    since: Annotated[datetime | None, typer.Option(help="Only what was seen since then (UTC).")] = None,
    unjudged: Annotated[bool, typer.Option("--open", help="Only what nobody judged yet.")] = False,
    database: Database = None,
) -> None:
    """List the groups of differences: money first, then what was seen most."""
    from orderpage.cli.diff.store import ask
    from orderpage.cli.diff.view import show_groups
    from orderpage.migration.differences import Filter
    from orderpage.migration.scope import Scope

    scope = Scope(site, business, client, crowd)
    instant = since.replace(tzinfo=UTC) if since else None
    wanted = Filter(scope=scope, since=instant, money=money, unjudged=unjudged)
    groups = ask(database, lambda store: store.groups(wanted))
    if groups:
        show_groups(_console(), groups)
    else:
        typer.echo(_nothing(wanted))


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(help="A group's id (its beginning will do), or a difference's number.", metavar="GROUP_OR_ID"),
    ],
    database: Database = None,
) -> None:
    """Show a group with its examples, or one difference; and side by side how the two whole answers differ."""
    from orderpage.cli.diff.store import ask, evidence_of, need_example, need_group
    from orderpage.cli.diff.view import show_group, show_pair
    from orderpage.migration.comparison.answer import currency_of

    if name.isdecimal():
        example, group, kept = ask(database, lambda store: need_example(store, int(name)))
        examples: Sequence[Example] = [example]
    else:
        group = ask(database, lambda store: need_group(store, name))
        examples = ask(database, lambda store: store.examples(group.group_id))
        if not examples:
            show_group(_console(), group, examples, None)
            return
        example, _, kept = ask(database, lambda store: need_example(store, examples[0].difference_id))
    evidence, console = evidence_of(kept), _console()
    currency = currency_of(evidence.legacy.open())
    show_group(console, group, examples, currency)
    console.print(f"\nAll differences of the two answers that {example.difference_id} was seen on:", highlight=False)
    show_pair(console, _recorded(evidence), currency, example.place)


@app.command()
def replay(number: Number, database: Database = None) -> None:
    """Render the recording by the packages of now and compare with what legacy answered. Status 1: still different."""
    from orderpage.cli.diff.store import ask, evidence_of, need_example
    from orderpage.cli.diff.view import show_replayed
    from orderpage.migration.comparison.answer import currency_of
    from orderpage.migration.comparison.compare import compare

    example, _, kept = ask(database, lambda store: need_example(store, number))
    evidence = evidence_of(kept)
    legacy, before = evidence.legacy.open(), _recorded(evidence)
    now = compare(legacy, _answer_now(evidence, number))
    show_replayed(_console(), before, now, currency_of(legacy))
    still = any(one.place == example.place for one in now)
    typer.echo(f"\ndifference {number} at {example.place} is {'still there' if still else 'gone'}")
    raise typer.Exit(int(still))


@app.command()
def case(
    number: Number,
    into: Annotated[
        Path,
        typer.Option(help="The folder of recorded cases, such as tests/data/recorded.", exists=True, file_okay=False),
    ],
    database: Database = None,
) -> None:
    """Write the recording as a test case: what was judged right must come out; legacy's answer where nobody judged."""
    from orderpage.cli.diff.store import ask, evidence_of, need_example
    from orderpage.migration.differences import Verdict
    from orderpage.migration.recording.case import make_case, write_case

    example, group, kept = ask(database, lambda store: need_example(store, number))
    evidence = evidence_of(kept)
    _need_page(evidence, number)
    right = evidence.new if group.verdict is Verdict.NEW else evidence.legacy
    found = _recorded(evidence)
    # What has the same cause follows from the same mistake, and must come out right with it.
    others = sorted({one.field for one in found} - {one.field for one in found if one.cause == group.cause})
    made = make_case(
        evidence.recording,
        right.open(),
        about=example.place,
        why=group.verdict_reason or "legacy is taken to be right: nobody judged it yet",
        ignore=others,
    )
    file = into / f"{group.cell.site.lower()}-{group.field.replace('.', '-')}-{kept.recording_id[:8]}.json"
    file.write_text(write_case(made), encoding="utf-8")
    typer.echo(f"{file}: {group.cell}, {made.about}")
    if others:
        typer.echo(f"it says nothing of what else differs there: {', '.join(others)}")


@app.command()
def judge(
    name: Annotated[str, typer.Argument(help="A group's id; its beginning will do.", metavar="GROUP")],
    right: Annotated[Side, typer.Option(help="Which stack is right.")],
    why: Annotated[str, typer.Option(help="The reason, for those who come after.")],
    actor: Annotated[str, typer.Option(help="Who says so. Left out: who is logged in.")] = "",
    database: Database = None,
) -> None:
    """Write down which stack is right about a group, and why."""
    from orderpage.cli.actor import actor_of
    from orderpage.cli.diff.store import ask, need_group
    from orderpage.cli.failures import UserMistake
    from orderpage.migration.differences import Verdict

    if not why.strip():
        raise UserMistake("say why: --why TEXT (it is kept with the verdict; somebody will ask)")
    who = actor_of(actor)
    group = ask(database, lambda store: need_group(store, name))
    verdict, now = Verdict(right.value.upper()), datetime.now(UTC)
    ask(database, lambda store: store.judge(group.group_id, verdict, why, who, now))
    typer.echo(f"{group.group_id} {group.field} in {group.cell}: {right.value} is right, says {who}")


@app.command()
def prune(
    older_than: Annotated[int, typer.Option(help="Days.", min=0)],
    database: Database = None,
) -> None:
    """Drop old examples, recordings, and groups that were not seen since and that nobody judged."""
    from orderpage.cli.diff.store import ask

    before = datetime.now(UTC) - timedelta(days=older_than)
    pruned = ask(database, lambda store: store.prune(before))
    typer.echo(f"dropped {pruned.examples} examples, {pruned.recordings} recordings, {pruned.groups} groups")


def _nothing(wanted: "Filter") -> str:
    from orderpage.migration.differences import Filter

    if wanted != Filter():
        return "no difference matches; `orderpage diff list` without flags shows all"
    return (
        "no differences yet. They are found where traffic is shadowed: legacy answers, and this stack's page is "
        "compared with it (`orderpage traffic set` a cell to shadow, then wait for requests)"
    )


def _recorded(evidence: "Evidence") -> tuple["Difference", ...]:
    from orderpage.migration.comparison.compare import compare

    return compare(evidence.legacy.open(), evidence.new.open())


def _answer_now(evidence: "Evidence", number: int) -> "Answer":
    """By the packages of the settings. Raises ``UserMistake`` where the recording can't be replayed."""
    from orderpage.api.to_proto import fill_page
    from orderpage.cli.failures import UserMistake
    from orderpage.migration.recording.answering import answer_by
    from orderpage.migration.recording.replay import NotReplayable
    from orderpage.packages import Packages
    from orderpage.settings import read_settings

    _need_page(evidence, number)
    plans = Packages(read_settings(os.environ).folders).plans.current
    try:
        return answer_by(plans, evidence.recording, fill_page)
    except NotReplayable as error:
        raise UserMistake(f"difference {number} can't be replayed: {error}") from None


def _need_page(evidence: "Evidence", number: int) -> None:
    from orderpage.cli.failures import UserMistake
    from orderpage.migration.comparison.answer import PAGE

    if evidence.subject != PAGE:
        message = f"difference {number} is one of orders; pages only can be made again: look at it with `diff show`"
        raise UserMistake(message)


def _console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 200)
