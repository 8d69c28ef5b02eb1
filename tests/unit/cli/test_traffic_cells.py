"""What cells get, in few lines; and whether an edit takes a buyer off the new page."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from orderpage.cli.traffic.cells import all_cells, grouped, lowers, outcome
from orderpage.migration.flags.rules import Route, Rule, Rules, Split
from orderpage.migration.scope import ANY, Scope, TrafficCell

DIMENSIONS = {
    "site": ("HK", "SG", "TW"),
    "business": ("marketplace", "saas"),
    "client": ("h5", "native", "mini"),
    "crowd": ("everyone",),
}
CELL = TrafficCell("SG", "marketplace", "h5", "everyone")
VERSIONS = ["", *(f"{major}.{minor}.{patch}" for major, minor, patch in product(range(5), range(3), range(3)))]
BUCKETS = (0, 1999, 2000, 4999, 5000, 9999)

comparisons = st.builds(
    lambda operator, version: operator + version,
    st.sampled_from(("=", "!=", "<", "<=", ">", ">=", "~", "^")),
    st.sampled_from(("1.0.0", "1.1.0", "2.0.0", "2.0.1", "3.0.0")),
)
splits = st.one_of(
    st.sampled_from([Route.LEGACY, Route.SHADOW, Route.NEW, Route.REFUSED, Route.KILLED]).map(Split.whole),
    st.sampled_from([2000, 5000]).map(lambda new: Split.of(new=new, shadow=10_000 - new)),
)
rule_sets = st.lists(st.builds(Rule, st.just(Scope()), st.just("") | comparisons, splits), max_size=4).map(Rules.of)


@given(before=rule_sets, after=rule_sets)
def test_lowering_is_found_for_every_version_and_only_where_it_is(before: Rules, after: Rules) -> None:
    loses = any(
        before.route(CELL, version, bucket) is Route.NEW and after.route(CELL, version, bucket) is not Route.NEW
        for version in VERSIONS
        for bucket in BUCKETS
    )
    assert lowers(outcome(before, CELL), outcome(after, CELL)) is loses


def test_the_versions_between_two_that_are_named_count() -> None:
    new = Rule(Scope(), ">3.0.0", Split.whole(Route.NEW))
    before, after = Rules.of([new]), Rules.of([new, Rule(Scope(), "<4.0.0", Split.whole(Route.SHADOW))])
    assert lowers(outcome(before, CELL), outcome(after, CELL))


@given(marked=st.sets(st.sampled_from(all_cells(DIMENSIONS))))
def test_the_lines_say_each_cell_once_and_rightly(marked: set[TrafficCell]) -> None:
    cells = {cell: cell in marked for cell in all_cells(DIMENSIONS)}
    said: dict[TrafficCell, bool] = {}
    for line, what in grouped(cells, DIMENSIONS):
        values = [
            DIMENSIONS[name] if text == ANY else text.split(",")
            for name, text in zip(TrafficCell._fields, line, strict=True)
        ]
        for each in product(*values):
            assert TrafficCell(*each) not in said
            said[TrafficCell(*each)] = what
    assert said == cells


def test_equal_cells_are_one_line() -> None:
    cells = {cell: cell.site == "SG" and cell.client != "mini" for cell in all_cells(DIMENSIONS)}
    assert grouped(cells, DIMENSIONS) == [
        (("HK,TW", "*", "*", "everyone"), False),
        (("SG", "*", "mini", "everyone"), False),
        (("SG", "*", "h5,native", "everyone"), True),
    ]
