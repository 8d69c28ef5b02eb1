"""Scopes cover cells; two scopes meet, hold one another, or neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderpage.migration.scope import ANY, Scope, TrafficCell

VALUES = ("a", "b")
CELLS = [TrafficCell(s, b, c, d) for s in VALUES for b in VALUES for c in VALUES for d in VALUES]
scopes = st.builds(Scope, *[st.sampled_from([*VALUES, ANY])] * 4)


@given(scopes, scopes)
def test_scopes_meet_where_a_cell_is_in_both(one: Scope, other: Scope) -> None:
    assert one.meets(other) == any(one.covers(cell) and other.covers(cell) for cell in CELLS)


@given(scopes, scopes)
def test_a_scope_holds_another_whose_cells_are_all_in_it(one: Scope, other: Scope) -> None:
    assert one.holds(other) == all(one.covers(cell) for cell in CELLS if other.covers(cell))


@given(scopes, scopes)
def test_of_two_scopes_that_cover_a_cell_one_is_more_specific(one: Scope, other: Scope) -> None:
    if one != other and one.meets(other):
        assert one.specificity != other.specificity


@pytest.mark.parametrize(("scope", "text"), [(Scope(), "everything"), (Scope("SG", client="h5"), "site=SG client=h5")])
def test_a_scope_says_itself(scope: Scope, text: str) -> None:
    assert str(scope) == text
