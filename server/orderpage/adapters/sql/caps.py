"""What there is only so much of for all buyers together: one count a name, moved by every order that takes of it.

The count's row is the one place where orders of different buyers meet, so it is locked last: what a pivot does before
runs beside others, and only its commit is waited for.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from orderpage.adapters.sql.ready import Query, Ready
from orderpage.adapters.sql.schema import usage_counts
from orderpage.domain.problem import Action, Problem, Refusal
from orderpage.domain.usage import UseUp, by_cap

_COUNT = usage_counts.c
_NAMES: BindParameter[Any] = bindparam("names", expanding=True)
_READ = Query(select(_COUNT.name, _COUNT.units).where(_COUNT.name.in_(_NAMES)))
_RETURN = Ready(
    update(usage_counts).where(_COUNT.name == bindparam("counted")).values(units=_COUNT.units - bindparam("returned"))
)


def read_counts(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """The units that orders of all buyers hold, by name; of a name that was never used 0."""
    return dict.fromkeys(names, 0) | {name: int(units) for name, units in _READ.rows(connection, {}, names)}


def take_units(connection: Connection, uses: Sequence[UseUp]) -> None:
    """Count what an order uses of what is capped. Raises ``Refusal`` with every cap that it would pass.

    The units are added where they still fit, in one statement, which waits for an order that is adding its own. Names
    are taken in their order, so that two orders cannot wait for one another.
    """
    problems = []
    for use in by_cap(uses):
        if use.cap is not None and not _take(connection, use.cap.name, use.units, use.cap.limit):
            left = max(0, use.cap.limit - read_counts(connection, [use.cap.name])[use.cap.name])
            problems.append(_problem(use, use.cap.limit, left))
    if problems:
        raise Refusal(*problems)


def return_units(connection: Connection, units: Mapping[str, int]) -> None:
    """Give units back, by the count's name, in the order in which orders take them."""
    for name in sorted(units):
        _RETURN.execute(connection, {"counted": name, "returned": units[name]})


def _take(connection: Connection, name: str, units: int, limit: int) -> bool:
    row = {"name": name, "units": units, "most": limit}
    return units <= limit and _adding(connection.dialect.name).execute(connection, row) == 1


@cache
def _adding(dialect: str) -> Ready:
    """The first units of a name make its row."""
    begun = (postgresql if dialect == "postgresql" else sqlite).insert(usage_counts)
    total = _COUNT.units + begun.excluded.units
    more = begun.on_conflict_do_update(index_elements=["name"], set_={"units": total}, where=total <= bindparam("most"))
    return Ready(more)


def _problem(use: UseUp, limit: int, left: int) -> Problem:
    kind, _, code = use.cap.name.partition(":") if use.cap else ("", "", "")
    left_over = f"{left} are left" if left else "others placed the last"
    message = f"the {kind} {code} is for the first {limit} orders, of which {left_over}; order without it"
    return Problem(
        code=use.code,
        message=message,
        value=str(left),
        action=Action.REVIEW_CHANGES,
        alternatives=(Action.REMOVE_COUPON,),
    )
