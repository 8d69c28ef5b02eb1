"""What may be bought."""

from typing import Any

from orderpage.domain.goods import GoodsClass, StockLevel
from orderpage.domain.page import BlockLine, LimitQuantity
from orderpage.domain.problem import Code
from orderpage_checkout.admission import ImportProhibited, InStock, Prohibited, Saleable


def test_goods_off_sale_block_their_line(make: Any) -> None:
    page = make.view(make.line("1"), make.line("2", offline=True))
    (block,) = Saleable().admit(page)
    assert isinstance(block, BlockLine)
    assert (block.line_id, block.problem.code) == ("2", Code.ITEM_OFFLINE)


def test_more_than_the_sellers_limit_is_capped_at_it(make: Any) -> None:
    page = make.view(make.line("1", 5, max_quantity=5), make.line("2", 6, max_quantity=5))
    (limit,) = Saleable().admit(page)
    assert isinstance(limit, LimitQuantity)
    assert (limit.line_id, limit.maximum) == ("2", 5)
    assert (limit.problem.code, limit.problem.value) == (Code.ITEM_QTY_LIMIT, "5")


def test_nothing_left_blocks_and_too_little_left_limits(make: Any) -> None:
    page = make.view(make.line("1", 3), make.line("2", 3), make.line("3", 3), make.line("4", 3))
    stock = {"sku-1": StockLevel(3, 1), "sku-2": StockLevel(2, 1), "sku-3": StockLevel(0, 1)}
    limit, empty, absent = InStock().admit(page, stock)
    assert isinstance(limit, LimitQuantity)
    assert (limit.line_id, limit.maximum, limit.problem.code) == ("2", 2, Code.INV_INSUFFICIENT)
    assert limit.problem.value == "2"
    assert [(block.line_id, block.problem.code) for block in (empty, absent)] == [
        ("3", Code.INV_OUT_OF_STOCK),
        ("4", Code.INV_OUT_OF_STOCK),
    ]


def test_lines_of_one_sku_share_its_stock_in_the_carts_order(make: Any) -> None:
    page = make.view(*(make.line(line_id, 2, sku_id="same") for line_id in "123"))
    second, third = InStock().admit(page, {"same": StockLevel(3, 1)})
    assert isinstance(second, LimitQuantity)
    assert isinstance(third, LimitQuantity)
    assert [(limit.line_id, limit.maximum) for limit in (second, third)] == [("2", 1), ("3", 1)]


def test_a_line_that_asks_too_much_leaves_the_stock_to_the_next(make: Any) -> None:
    page = make.view(make.line("1", 3, sku_id="same"), make.line("2", 2, sku_id="same"))
    (limit,) = InStock().admit(page, {"same": StockLevel(2, 1)})
    assert isinstance(limit, LimitQuantity)
    assert (limit.line_id, limit.maximum) == ("1", 2)


def test_a_class_that_the_country_bans_blocks_its_lines(make: Any) -> None:
    page = make.view(make.line("1"), make.line("2", goods_class=GoodsClass.DUTIABLE))
    banned = ImportProhibited(Prohibited(classes=frozenset({GoodsClass.DUTIABLE})))
    (block,) = banned.admit(page)
    assert (block.line_id, block.problem.code) == ("2", Code.RESTRICT_IMPORT_PROHIBITED)
