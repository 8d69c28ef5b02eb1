"""The ramp file says what moves; each mistake in it has a line and what to do."""

from datetime import timedelta

import pytest

from orderpage.engine.problems import PackageErrors
from orderpage.migration.gate.ramp import Ramp, read_ramps
from orderpage.migration.scope import Scope, TrafficCell

WHOLE = """\
ramps:
  - name: sg-h5
    when: {site: SG, client: h5}
    steps: [0.5, 1, 5, 20, 50, 100]
    hold: 90s
    minimum: 300
    mismatch_tolerance: 0.25%
    latency_tolerance: 2
    keep: 14d
"""
DIMENSIONS = {
    "site": ("HK", "SG"),
    "business": ("marketplace",),
    "client": ("h5", "native"),
    "crowd": ("everyone",),
    "bucket": ("control",),
}


def only(text: str) -> Ramp:
    (ramp,) = read_ramps("ramps.yaml", text, DIMENSIONS)
    return ramp


def test_everything_that_is_written_is_taken() -> None:
    assert only(WHOLE) == Ramp(
        name="sg-h5",
        scope=Scope(site="SG", client="h5"),
        shares=(50, 100, 500, 2000, 5000, 10_000),
        hold=timedelta(seconds=90),
        minimum=300,
        mismatch_tolerance=0.0025,
        latency_tolerance=2,
        keep=timedelta(days=14),
    )


def test_what_is_left_out_has_the_values_that_the_module_says() -> None:
    assert only("ramps: [{name: all}]") == Ramp(
        name="all",
        scope=Scope(),
        shares=(100, 500, 2000, 5000, 10_000),
        hold=timedelta(minutes=30),
        minimum=500,
        mismatch_tolerance=0.005,
        latency_tolerance=1.5,
        keep=timedelta(days=7),
    )


def test_the_most_specific_ramp_has_a_cell() -> None:
    ramps = read_ramps(
        "ramps.yaml",
        "ramps: [{name: all}, {name: h5, when: {client: h5}}, {name: sg, when: {site: SG}}, "
        "{name: sg-h5, when: {site: SG, client: h5}}]",
    )
    cells = {("SG", "h5"): "sg-h5", ("SG", "native"): "sg", ("HK", "h5"): "h5", ("HK", "native"): "all"}
    for (site, client), name in cells.items():
        ramp = ramps.of(TrafficCell(site, "marketplace", client, "everyone"))
        assert ramp is not None
        assert ramp.name == name


def test_a_cell_that_no_ramp_covers_has_none() -> None:
    assert read_ramps("ramps.yaml", WHOLE).of(TrafficCell("HK", "marketplace", "h5", "everyone")) is None
    assert list(read_ramps("ramps.yaml", "ramps: []")) == []


@pytest.mark.parametrize(("share", "step"), [(0, -1), (49, -1), (50, 0), (100, 1), (499, 1), (10_000, 5)])
def test_a_share_has_reached_the_last_step_that_is_not_above_it(share: int, step: int) -> None:
    assert only(WHOLE).step_of(share) == step


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "holds 0 documents; write exactly one"),
        ("a: {", 1, "not YAML"),
        ("ramp: []", 1, "unknown key 'ramp'"),
        ("ramps:\n  - when: {}", 2, "missing required field `name`"),
        ("ramps:\n  - name: a\n    hodl: 30m", 3, "unknown key 'hodl'; did you mean hold?"),
        ("ramps:\n  - name: a\n    hold: 30", 3, "quote the value"),
        ("ramps:\n  - name: a\n    hold: 30 minutes", 3, "write a whole number and s, m, h or d, such as 30m"),
        ("ramps:\n  - name: a\n    keep: 1w", 3, "keep: '1w' is not a duration"),
        ("ramps:\n  - name: a\n    keep: 90d", 3, "write less than 90d"),
        ("ramps:\n  - name: a\n    mismatch_tolerance: '0.5'", 3, "write it as 0.5%"),
        ("ramps:\n  - name: a\n    mismatch_tolerance: 0%", 3, "above 0% and below 50%"),
        ("ramps:\n  - name: a\n    minimum: 0", 3, "`int` >= 1"),
        ("ramps:\n  - name: a\n    latency_tolerance: 0.9", 3, ">= 1"),
        ("ramps:\n  - name: a\n    steps: []", 3, "write [1, 5, 20, 50, 100]"),
        ("ramps:\n  - name: a\n    steps: [0, 5]", 3, "percentages above 0"),
        ("ramps:\n  - name: a\n    steps: [1, 101]", 3, "up to 100"),
        ("ramps:\n  - name: a\n    steps: [1, 1]", 3, "ascending order"),
        ("ramps:\n  - name: a\n    steps: [0.015]", 3, "round it"),
        ("ramps:\n  - name: a\n    when:\n      sit: SG", 4, "did you mean site?"),
        ("ramps:\n  - name: a\n    when:\n      bucket: trial", 4, "traffic is not moved by 'bucket'"),
        ("ramps:\n  - name: a\n    when:\n      site: TW", 4, "unknown site 'TW'"),
        ("ramps:\n  - name: a\n  - name: a\n    when: {site: SG}", 3, "the name 'a' stands on line 2 already"),
        (
            "ramps:\n  - name: a\n    when: {site: SG}\n  - name: b\n    when: {site: SG}",
            5,
            "the scope site=SG stands on line 3 already",
        ),
        (
            "ramps:\n  - name: a\n    when: {site: '*'}\n  - name: b",
            4,
            "the scope everything stands on line 3 already",
        ),
    ],
)
def test_a_mistake_has_a_line_and_says_what_to_do(text: str, line: int, said: str) -> None:
    with pytest.raises(PackageErrors) as caught:
        read_ramps("ramps.yaml", text, DIMENSIONS)
    (error,) = caught.value.errors
    assert (error.file, error.line) == ("ramps.yaml", line)
    assert said in error.message


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(PackageErrors) as caught:
        read_ramps("ramps.yaml", "ramps:\n  - name: a\n    hold: x\n  - name: b\n    keep: y")
    assert [error.line for error in caught.value.errors] == [3, 5]
