"""What ``orderpage traffic`` prints: rules, cells and edits, as plain text."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orderpage.cli.traffic.cells import Dimensions, Outcome, buyer_in_words, grouped, in_words
from orderpage.migration.flags.history import Edit
from orderpage.migration.flags.rules import Rules, Split
from orderpage.migration.scope import TrafficCell


def rule_lines(rules: Rules) -> list[str]:
    """A line a rule, in order of decision."""
    rows = [(f"{number}", rule.subject, str(rule.split)) for number, rule in enumerate(rules.rules, 1)]
    return ["rules, the first that fits decides:", *_table([*rows, ("", "all others", "legacy")])]


def cell_lines(cells: Mapping[TrafficCell, Outcome], dimensions: Dimensions, bucket: int | None) -> list[str]:
    """A line a group of cells that get the same; with a bucket also what its buyers get."""
    head = (*TrafficCell._fields, "gets", *(("this buyer",) if bucket is not None else ()))
    rows = []
    for line, what in grouped(cells, dimensions):
        mine = (buyer_in_words(what, bucket),) if bucket is not None else ()
        rows.append((*line, in_words(what), *mine))
    return ["what the cells of the packages get:", *_table([head, *rows])]


def to_json(path: Path, rules: Rules | None, cells: Mapping[TrafficCell, Outcome], bucket: int | None) -> str:
    """The same as one line of JSON, every cell by itself; shares are of 10,000. Rules written by hand are null."""
    listed = (
        None
        if rules is None
        else [{**rule.scope._asdict(), **_gets(rule.versions, rule.split)} for rule in rules.rules]
    )
    each = [
        {
            **cell._asdict(),
            "gets": [
                _gets(versions, split) | ({} if bucket is None else {"buyer": split.route(bucket)})
                for versions, split in what
            ],
        }
        for cell, what in cells.items()
    ]
    return json.dumps({"file": str(path), "rules": listed, "bucket": bucket, "cells": each}, ensure_ascii=False)


def _gets(versions: str, split: Split) -> dict[str, Any]:
    return {"version": versions, "shares": {route: split.share(route) for route, _ in split.ends}}


def change_lines(
    before: Mapping[TrafficCell, Outcome], after: Mapping[TrafficCell, Outcome], dimensions: Dimensions
) -> list[str]:
    """What changes in which cells; nothing where none changes."""
    changed = {cell: (before[cell], after[cell]) for cell in before if before[cell] != after[cell]}
    if not changed:
        return []
    rows = [(*line, in_words(old), "→", in_words(new)) for line, (old, new) in grouped(changed, dimensions)]
    return _table([(*TrafficCell._fields, "before", "", "after"), *rows])


def edit_lines(edits: Sequence[Edit], earliest: int, now_sha256: str) -> list[str]:
    """The edits from number ``earliest`` on, and where the file was changed by other means."""
    lines: list[str] = []
    for number in range(earliest, len(edits)):
        edit = edits[number]
        if number and edits[number - 1].after_sha256 != edit.before_sha256:
            lines += ["the file was changed by other means here: nothing says by whom or why", ""]
        lines += [f"{edit.at:%Y-%m-%d %H:%M:%S} UTC  {edit.actor}: {edit.reason}", f"  traffic {edit.command}"]
        lines += [f"  {line}" for line in _difference(edit)] + [""]
    if edits and edits[-1].after_sha256 != now_sha256:
        lines.append("since the last of these the file was changed by other means: nothing says by whom or why")
    return lines


def _difference(edit: Edit) -> list[str]:
    by_hand = ("(written by hand)",)
    before, after = edit.before or (by_hand if edit.before is None else ()), edit.after
    now = after or (by_hand if after is None else ())
    return [f"- {rule}" for rule in before if rule not in now] + [f"+ {rule}" for rule in now if rule not in before]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
