"""Edits of the flag file: what changes is shown and confirmed, then written and recorded."""

import os
from datetime import UTC, datetime
from pathlib import Path

import typer

from orderpage.cli.actor import actor_of
from orderpage.cli.failures import UserMistake
from orderpage.cli.traffic.cells import Dimensions, all_cells, grouped, lowers, outcome
from orderpage.cli.traffic.file import dimensions, flag_path, read_file
from orderpage.cli.traffic.gate import read_ramp_file
from orderpage.cli.traffic.options import RAMPS_VARIABLE, How, Where
from orderpage.cli.traffic.shares import read_split
from orderpage.cli.traffic.view import change_lines
from orderpage.engine.problems import one_of
from orderpage.migration.flags.edit import Reading, replace
from orderpage.migration.flags.errors import FlagError
from orderpage.migration.flags.file import FLAG, Json, dump, kill_first, to_flagd
from orderpage.migration.flags.history import Edit, digest, in_words
from orderpage.migration.flags.rules import Route, Rule, Rules, Split
from orderpage.migration.flags.versions import read_comparison
from orderpage.migration.scope import ANY, Scope, TrafficCell


def set_shares(words: list[str], where: Where, how: How) -> None:
    """``traffic set`` and ``ramp``. Raises ``UserMistake`` with the file as it was, as all here do."""
    rule = Rule(_scope(where), _versions(where), read_split(words))
    if rule.split == Split.whole(Route.REFUSED) and not rule.versions:
        raise UserMistake('refused without --version turns every buyer away; say which are too old: --version "<3.2.0"')
    path, known = flag_path(how.file), dimensions()
    _check_scope(rule.scope, known)
    now = read_file(path)
    rules = _editable(path, now).having(rule)
    typer.echo(str(rule), err=how.only_print)
    if rule.split == Split.whole(Route.RAMP):
        _warn_of_no_ramp(rule.scope, known)
    _apply(path, now, rules, known, f"set {' '.join(words)} for {rule.subject}", how)


def unset_rule(where: Where, how: How) -> None:
    """``traffic unset``."""
    rule = Rule(_scope(where), _versions(where), Split.whole(Route.LEGACY))
    _remove(rule, f"unset {rule.subject}", how)


def revive_scope(where: Where, how: How) -> None:
    """``traffic revive``."""
    rule = _kill(where)
    _remove(rule, f"revive {rule.scope}", how)


def kill_scope(where: Where, how: How) -> None:
    """``traffic kill``: above whatever the file says; what can be done without is not needed."""
    rule, path = _kill(where), flag_path(how.file)
    _check_killed(rule.scope)
    try:
        now = read_file(path)
    except UserMistake as broken:
        once_more = f"To kill all the same: mv {path} {path}.broken, and run this again, which makes a new one"
        raise UserMistake(f"{broken}. {once_more}") from None
    rules = None if now.rules is None else now.rules.having(rule)
    if rules is not None and rules == now.rules:
        typer.echo(f"{rule.scope} is killed already", err=how.only_print)
        return
    document = kill_first(now.document or {}, rule.scope) if rules is None else to_flagd(rules, now.document)
    _write(path, now, document, rules, f"kill {rule.scope}", how)
    typer.echo(f"killed: {rule.scope}. Legacy answers there; 'orderpage traffic revive' undoes it", err=how.only_print)


def _kill(where: Where) -> Rule:
    return Rule(Scope(*(value or ANY for value in where[:4])), "", Split.whole(Route.KILLED))


def _scope(where: Where) -> Scope:
    scope = Scope(*(value or ANY for value in where[:4]))
    if (scope == Scope()) != where.everything:
        raise UserMistake("name a scope (--site, --business, --client, --crowd), or --everything, and not both")
    return scope


def _versions(where: Where) -> str:
    try:
        return where.version and read_comparison(where.version)
    except ValueError as error:
        raise UserMistake(f"--version: {error}") from None


def _check_scope(scope: Scope, known: Dimensions) -> None:
    """A rule for a value that no package knows would never fit."""
    for name, value in scope._asdict().items():
        if value != ANY and value not in known[name]:
            raise UserMistake(f"there is no {name} {value!r} in the packages; {one_of(value, known[name])}")


def _warn_of_no_ramp(scope: Scope, known: Dimensions) -> None:
    """Without a ramp nobody is moved; a file of ramps may come later, so it is no mistake."""
    file = os.environ.get(RAMPS_VARIABLE, "")
    if not file:
        return
    ramps = read_ramp_file(Path(file), needed=True)
    if missing := [cell for cell in all_cells(known) if scope.covers(cell) and ramps.of(cell) is None]:
        lines = (
            " ".join(f"{name}={value}" for name, value in zip(TrafficCell._fields, line, strict=True))
            for line, _ in grouped(dict.fromkeys(missing, ""), known)
        )
        typer.echo(
            f"warning: no ramp of {file} covers {'; '.join(lines)}: legacy answers there until one does", err=True
        )


def _check_killed(scope: Scope) -> None:
    """A mistyped kill would stop nothing; but packages that do not compile must not be in the way of a kill."""
    if scope == Scope():
        return
    try:
        known = dimensions()
    except Exception as error:
        typer.echo(f"the packages do not compile, so the scope {scope} is taken as written ({error})", err=True)
        return
    _check_scope(scope, known)


def _editable(path: Path, now: Reading) -> Rules:
    if now.rules is None:
        raise UserMistake(
            f"the flag {FLAG} in {path} was written by hand: servers evaluate it as it stands, but this cannot edit "
            "it. Edit it by hand; or stop it by 'orderpage traffic kill', which works on it too; or move the file "
            "away and begin a new one with this command"
        )
    return now.rules


def _remove(rule: Rule, command: str, how: How) -> None:
    path, known = flag_path(how.file), dimensions()
    now = read_file(path)
    old = _editable(path, now)
    if all(each.place != rule.place for each in old.rules):
        there = ", ".join(each.subject for each in old.rules if each.kills == rule.kills) or "none"
        kind = "kill" if rule.kills else "rule"
        raise UserMistake(f"there is no {kind} of exactly {rule.subject}; there is: {there}")
    _apply(path, now, old.without(rule), known, command, how)


def _apply(path: Path, now: Reading, rules: Rules, known: Dimensions, command: str, how: How) -> None:
    old = _editable(path, now)
    if old == rules:
        typer.echo(f"nothing to do: {path} says so already", err=True)
        return
    cells = all_cells(known)
    before, after = ({cell: outcome(each, cell) for cell in cells} for each in (old, rules))
    lines = change_lines(before, after, known) or ["  no checkout is affected: other rules decide before this one"]
    typer.echo("\n".join(lines), err=how.only_print)
    if not how.lower and any(lowers(before[cell], after[cell]) for cell in cells):
        raise UserMistake(
            "this takes buyers off the new page who may be on it now (a ramp counts as all of them): they may see "
            "other prices at their next checkout, while one that is under way ends where it began. If that is meant, "
            "add --lower. To stop the new page at once, for checkouts under way too: orderpage traffic kill"
        )
    _write(path, now, to_flagd(rules, now.document), rules, command, how)


def _write(path: Path, now: Reading, document: Json, rules: Rules | None, command: str, how: How) -> None:
    """Ask, write and record; or only print."""
    text = dump(document)
    if how.only_print:
        typer.echo(text, nl=False)
        return
    edit = Edit(
        at=datetime.now(UTC),
        actor=actor_of(how.actor),
        reason=_reason(how),
        command=command,
        before=in_words(now.rules),
        after=in_words(rules),
        before_sha256=digest(now.text),
        after_sha256=digest(text),
    )
    if how.ask and not typer.confirm("write this?"):
        raise UserMistake("nothing was written")
    try:
        replace(path, edit, text)
    except FlagError as error:
        raise UserMistake(str(error)) from None
    typer.echo(f"{path} is written: servers that read it follow within a second")


def _reason(how: How) -> str:
    if not how.reason.strip():
        raise UserMistake('say why: --reason "…" (it is kept in the history, for whoever is on call next)')
    return how.reason.strip()
