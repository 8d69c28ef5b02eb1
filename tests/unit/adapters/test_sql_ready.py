"""A statement that stands ready writes, reads and fails as SQLAlchemy would."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Insert, bindparam, create_engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from orderpage.adapters.sql.ready import Query, Ready
from orderpage.adapters.sql.schema import metadata, outbox, shops, stock

DUE = datetime(2026, 11, 23, 2, tzinfo=UTC)


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite+pysqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


def event() -> Insert:
    own = {"state": "PENDING", "attempts": 0, "lease_until": None, "error": ""}
    given: dict[str, Any] = {name: bindparam(name) for name in ("key", "topic", "payload", "due_at")}
    return insert(outbox).values(**given, **own)


def test_values_are_converted_as_their_columns_say(connection: Connection) -> None:
    row = {"key": "o-1", "topic": "order.confirmed", "payload": {"units": 2}, "due_at": DUE}
    Ready(event()).execute(connection, row)
    connection.execute(event(), row)
    ours, theirs = connection.execute(select(outbox).order_by(outbox.c.row_id)).mappings().all()
    assert {**ours, "row_id": 0} == {**theirs, "row_id": 0}
    assert (ours["payload"], ours["due_at"], ours["lease_until"]) == ({"units": 2}, DUE, None)


def test_several_rows_are_written_in_one_call(connection: Connection) -> None:
    Ready(insert(shops)).execute(connection, *({"shop_id": f"s-{n}", "name": {"en": str(n)}} for n in range(3)))
    assert connection.execute(select(shops.c.shop_id).order_by(shops.c.shop_id)).scalars().all() == [
        "s-0",
        "s-1",
        "s-2",
    ]


def test_the_count_says_whether_the_condition_held(connection: Connection) -> None:
    connection.execute(insert(stock), {"sku_id": "tea", "available": 3, "version": 1})
    enough = stock.c.available >= bindparam("units")
    take = Ready(
        update(stock)
        .where(stock.c.sku_id == bindparam("sku"), enough)
        .values(available=stock.c.available - bindparam("units"), version=stock.c.version + 1)
    )
    assert [take.execute(connection, {"sku": "tea", "units": 2}) for _ in range(2)] == [1, 0]
    assert tuple(connection.execute(select(stock)).one()) == ("tea", 1, 2)


def test_a_row_that_lacks_a_value_is_a_mistake(connection: Connection) -> None:
    with pytest.raises(KeyError, match="name"):
        Ready(insert(shops)).execute(connection, {"shop_id": "s-1"})


def test_answers_are_converted_as_their_columns_say(connection: Connection) -> None:
    own = {"key": "o-1", "topic": "order.confirmed", "payload": {"units": 2}, "due_at": DUE}
    connection.execute(event(), own)
    asked = select(outbox.c.payload, outbox.c.due_at, outbox.c.lease_until, outbox.c.attempts).where(
        outbox.c.key == bindparam("wanted"), outbox.c.state == "PENDING"
    )
    assert Query(asked).first(connection, {"wanted": "o-1"}) == ({"units": 2}, DUE, None, 0)
    assert Query(asked).first(connection, {"wanted": "o-2"}) is None


@pytest.mark.parametrize("wanted", [[], ["s-1"], ["s-0", "s-2", "s-9"]])
def test_a_list_may_have_any_length(connection: Connection, wanted: list[str]) -> None:
    Ready(insert(shops)).execute(connection, *({"shop_id": f"s-{n}", "name": {"en": str(n)}} for n in range(3)))
    asked = select(shops.c.shop_id).where(shops.c.shop_id.in_(bindparam("ids", expanding=True)))
    found = [shop_id for (shop_id,) in Query(asked.order_by(shops.c.shop_id)).rows(connection, {}, wanted)]
    assert found == [shop_id for shop_id in wanted if shop_id != "s-9"]


def test_what_the_driver_raises_is_raised_as_sqlalchemys_own(connection: Connection) -> None:
    row = {"shop_id": "s-1", "name": {"en": "Tea"}}
    Ready(insert(shops)).execute(connection, row)
    with pytest.raises(IntegrityError) as failed:
        Ready(insert(shops)).execute(connection, row)
    assert "s-1" not in str(failed.value), "values are not for logs"
