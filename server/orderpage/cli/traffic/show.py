"""``orderpage traffic show`` and ``history``."""

from collections.abc import Sequence
from pathlib import Path

from orderpage.buckets import bucket_number
from orderpage.cli.failures import UserMistake
from orderpage.cli.traffic.cells import Dimensions, Outcome, all_cells, evaluated_outcome, in_words, outcome
from orderpage.cli.traffic.file import dimensions, flag_path, read_file
from orderpage.cli.traffic.view import cell_lines, edit_lines, rule_lines, to_json
from orderpage.migration.flags.edit import Reading
from orderpage.migration.flags.errors import FlagError
from orderpage.migration.flags.file import validate
from orderpage.migration.flags.history import digest, read_history
from orderpage.migration.flags.rules import SALT, Route
from orderpage.migration.gate.flagged import cells_of
from orderpage.migration.gate.ramp import Ramps
from orderpage.migration.gate.report import Flagged
from orderpage.migration.scope import TrafficCell


def show_traffic(file: Path | None, buyer: str, *, json: bool) -> str:
    """Rules and cells, and what a buyer gets. Raises ``UserMistake``."""
    path = flag_path(file)
    now = read_file(path)
    if now.text is None:
        raise UserMistake(f"there is no flag file {path}; 'orderpage traffic set' makes it")
    known = dimensions()
    cells = _outcomes(now, known)
    bucket = bucket_number(SALT, buyer) if buyer else None
    if json:
        return to_json(path, now.rules, cells, bucket)
    lines = [str(path)]
    if now.rules is None:
        lines.append("written by hand; evaluated here for clients that tell no version ('kill' can edit it, 'set' not)")
    else:
        lines += rule_lines(now.rules)
    if bucket is not None:
        lines.append(f"buyer {buyer} is in bucket {bucket} of 0 to 9999: a share of new takes the lowest ones")
    return "\n".join([*lines, *cell_lines(cells, known, bucket)])


def show_history(file: Path | None, limit: int) -> str:
    """The latest edits. Raises ``UserMistake``."""
    path = flag_path(file)
    try:
        edits = read_history(path)
        now = digest(path.read_text(encoding="utf-8") if path.exists() else None)
    except (FlagError, OSError, UnicodeDecodeError) as error:
        raise UserMistake(str(error)) from None
    if not edits:
        return f"no command has edited {path} yet"
    return "\n".join(edit_lines(edits, max(0, len(edits) - limit), now))


def flags_of(file: Path | None, ramps: Ramps) -> dict[str, Flagged]:
    """What the flag says for each ramp, by its name; nothing where no file that can be read here has it."""
    try:
        path = flag_path(file)
    except UserMistake:
        return {}
    now, known = read_file(path), dimensions()
    if now.text is None:
        return {}
    cells = _outcomes(now, known)
    return {ramp.name: _flagged([cells[cell] for cell in cells_of(ramp, ramps, known)]) for ramp in ramps}


def _flagged(outcomes: Sequence[Outcome]) -> Flagged:
    words = " | ".join(dict.fromkeys(map(in_words, outcomes)))
    return Flagged(words, any(split.share(Route.RAMP) for outcome in outcomes for _, split in outcome))


def _outcomes(now: Reading, known: Dimensions) -> dict[TrafficCell, Outcome]:
    if now.rules is not None:
        return {cell: outcome(now.rules, cell) for cell in all_cells(known)}
    file = validate(now.text or "")
    return {cell: evaluated_outcome(file, cell) for cell in all_cells(known)}
