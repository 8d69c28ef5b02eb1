"""Blocks in three languages."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from orderpage.domain.display import Block
from orderpage.domain.money import Currency
from orderpage.domain.progress import Progress
from orderpage.domain.shipping import ArrivalWindow
from orderpage.domain.stage import Stage, StageDue
from orderpage_blocks.arrival import ArrivalStyle, Style
from orderpage_blocks.blocks import ArrivalBlock, LandedCostBlock, Recommended, SavingBlock, TaxNames, TaxNotice
from orderpage_blocks.formats import amount_text, window_text
from orderpage_blocks.progress import ProgressBlock
from orderpage_blocks.words import words

SGD = Currency("SGD", 2)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
WINDOW = (date(2026, 2, 28), date(2026, 3, 2))
GST = TaxNames(name={"zh-Hans": "消费税", "zh-Hant": "消費稅", "en": "GST"})


def page(make: Any, language: str, *options: Any, currency: Currency = SGD, **fields: Any) -> Any:
    view = make.view(rate=make.rate(currency, "0.1920"), language=language)
    return make.page(*options, view=view, **fields)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh-Hans", "预计2月28日周六至3月2日周一送达"),
        ("zh-Hant", "預計2月28日週六至3月2日週一送達"),
        ("en", "Arrives Sat, Feb 28\N{THIN SPACE}–\N{THIN SPACE}Mon, Mar 2"),
        ("ms", "预计2月28日周六至3月2日周一送达"),
    ],
)
def test_arrival_is_written_as_the_language_writes_dates(make: Any, language: str, text: str) -> None:
    shown = page(make, language, make.priced(make.option(window=WINDOW)))
    (block,) = ArrivalBlock(ArrivalStyle()).present(shown)
    assert (block.slot, block.text) == ("parcel.arrival", text)
    assert block.parcel_id == shown.parcels[0].parcel.parcel_id
    assert block.values == {"earliest": "2026-02-28", "latest": "2026-03-02"}


@pytest.mark.parametrize(
    ("fields", "state", "texts"),
    [
        ({"applied": True}, "met", ("已达标", "已達標", "Reached")),
        (
            {"by_other_method": True},
            "method",
            (
                "已达标，选择适用的配送方式即可享受",
                "已達標，選擇適用的配送方式即可享受",
                "Reached; choose a shipping method that it is for",
            ),
        ),
        (
            {},
            "idle",
            (
                "已达标，本单没有可减免的金额",
                "已達標，本單沒有可減免的金額",
                "Reached, but it takes nothing off this order",
            ),
        ),
        (
            {"shops_missing": 1, "reached": 0},
            "shops",
            (
                "同一包裹还需1家店铺的商品",
                "同一包裹還需1家店鋪的商品",
                "Needs goods of one more shop in the same parcel",
            ),
        ),
        (
            {"shops_missing": 2},
            "shops",
            (
                "同一包裹还需2家店铺的商品",
                "同一包裹還需2家店鋪的商品",
                "Needs goods of 2 more shops in the same parcel",
            ),
        ),
        ({"reached": 750}, "gap", ("还差SGD\xa02.50", "尚差SGD\xa02.50", "SGD\xa02.50 to go")),
    ],
)
def test_progress_says_what_is_still_to_do(make: Any, fields: Any, state: str, texts: Any) -> None:
    wanted = {"threshold": 1000, "reached": 1000, "applied": False, **fields}
    far = Progress(code="F", promotion="F", name={"en": "Free"}, group="g", lines=("1",), **wanted)
    for language, text in zip(("zh-Hans", "zh-Hant", "en"), texts, strict=True):
        (block,) = ProgressBlock().present(page(make, language, progress=(far,)))
        assert (block.text.replace("S$", "SGD\xa0"), block.values["state"]) == (text, state)
        assert block.kind == ("progress_met" if state == "met" else "progress")


CUTOFF = datetime(2026, 11, 23, 8, tzinfo=UTC)
NEXT_WEEK = ArrivalWindow(date(2026, 12, 1), date(2026, 12, 4), CUTOFF)


def arrival_text(make: Any, style: str, language: str, window: ArrivalWindow, **settings: Any) -> Block:
    option = replace(make.option(), window=window)
    view = make.view(rate=make.rate(SGD, "0.1920"), language=language, priced_at=settings.pop("at", NOON))
    shown = make.page(make.priced(option), view=view)
    (block,) = ArrivalBlock(ArrivalStyle(style=Style(style), **settings)).present(shown)
    return block


@pytest.mark.parametrize(
    ("style", "language", "text"),
    [
        ("LONG", "en", "Arrives between Tuesday, December 1, 2026 and Friday, December 4, 2026"),
        ("LONG", "zh-Hans", "预计2026年12月1日星期二至2026年12月4日星期五送达"),
        ("LONG", "zh-Hant", "預計2026年12月1日 星期二至2026年12月4日 星期五送達"),
        ("COUNTDOWN", "en", "Order within 4 hours to get it by Fri, Dec 4"),
        ("COUNTDOWN", "zh-Hans", "4小时内下单，最晚12月4日周五送达"),
        ("COUNTDOWN", "zh-Hant", "4 小時內下單，最晚12月4日 週五送達"),
        ("BEFORE", "en", "Arrives before Sat, Dec 5"),
        ("BEFORE", "zh-Hans", "12月5日周六前送达"),
        ("BEFORE", "zh-Hant", "12月5日 週六前送達"),
    ],
)
def test_arrival_has_four_forms_in_three_languages(make: Any, style: str, language: str, text: str) -> None:
    block = arrival_text(make, style, language, NEXT_WEEK)
    assert block.text == text
    days = {"earliest": "2026-12-01", "latest": "2026-12-04"}
    more = {"COUNTDOWN": {"order_by": "2026-11-23T08:00:00+00:00"}, "BEFORE": {"before": "2026-12-05"}}
    assert {name: value for name, value in block.values.items() if name != "left"} == days | more.get(style, {})


def test_in_full_a_window_of_one_day_names_it_once(make: Any) -> None:
    one = ArrivalWindow(date(2026, 12, 4), date(2026, 12, 4), CUTOFF)
    assert arrival_text(make, "LONG", "en", one).text == "Arrives on Friday, December 4, 2026"


@pytest.mark.parametrize(
    ("minutes", "language", "left"),
    [
        (135, "en", "2 hours 15 minutes"),
        (135, "zh-Hans", "2小时15分钟"),
        (135, "zh-Hant", "2 小時15 分鐘"),
        (61, "en", "1 hour 1 minute"),
        (59, "en", "59 minutes"),
        (24 * 60, "en", "24 hours"),
    ],
)
def test_a_countdown_tells_hours_and_minutes(make: Any, minutes: int, language: str, left: str) -> None:
    at = CUTOFF - timedelta(minutes=minutes)
    assert arrival_text(make, "COUNTDOWN", language, NEXT_WEEK, at=at).values["left"] == left


def test_a_countdown_promises_no_second_too_many(make: Any) -> None:
    at = CUTOFF - timedelta(minutes=15, seconds=59)
    assert arrival_text(make, "COUNTDOWN", "en", NEXT_WEEK, at=at).values["left"] == "15 minutes"


@pytest.mark.parametrize(
    ("before", "settings"),
    [
        (timedelta(seconds=59), {}),
        (timedelta(0), {}),
        (timedelta(hours=24, seconds=1), {}),
        (timedelta(hours=2, seconds=1), {"within_hours": 2}),
    ],
)
def test_there_is_no_countdown_in_the_last_minute_nor_over_days(
    make: Any, before: timedelta, settings: dict[str, int]
) -> None:
    block = arrival_text(make, "COUNTDOWN", "en", NEXT_WEEK, at=CUTOFF - before, **settings)
    assert block.text.startswith("Arrives Tue, Dec 1")
    assert "left" not in block.values


def test_a_window_that_names_no_cut_off_has_no_countdown(make: Any) -> None:
    window = ArrivalWindow(date(2026, 12, 1), date(2026, 12, 4))
    assert arrival_text(make, "COUNTDOWN", "en", window).text.startswith("Arrives Tue, Dec 1")


def test_a_window_of_one_day_names_it_once() -> None:
    assert window_text(WINDOW[1], WINDOW[1], "en") == "Mon, Mar 2"
    assert window_text(WINDOW[1], WINDOW[1], "zh-Hans") == "3月2日周一"


def test_no_date_is_shown_where_none_is_promised(make: Any) -> None:
    assert list(ArrivalBlock(ArrivalStyle()).present(page(make, "en", make.priced(make.option())))) == []
    assert list(ArrivalBlock(ArrivalStyle()).present(page(make, "en"))) == []


@pytest.mark.parametrize(
    ("language", "title", "text"),
    [
        ("zh-Hans", "到手总价", "应付SGD\N{NO-BREAK SPACE}1,204.27"),
        ("zh-Hant", "到手總價", "應付SGD\N{NO-BREAK SPACE}1,204.27"),
        ("en", "Cost to your door", "To pay now: SGD\N{NO-BREAK SPACE}1,204.27"),
    ],
)
def test_the_cost_to_the_door_is_shown_part_by_part(make: Any, language: str, title: str, text: str) -> None:
    totals = make.totals(goods=119_000, goods_discount=-760, freight=500, tax=1_687, payable=120_427)
    (block,) = LandedCostBlock().present(page(make, language, make.priced(make.option()), totals=totals))
    assert (block.slot, block.title, block.text) == ("page.cost", title, text)
    assert set(block.values) == {"goods", "freight", "fees", "tax", "goods_discount", "payable"}
    assert block.values["goods_discount"] == "-SGD\N{NO-BREAK SPACE}7.60"
    assert block.values["fees"] == "SGD\N{NO-BREAK SPACE}0.00"


@pytest.mark.parametrize(("paid", "now"), [(0, "2.00"), (1, "8.00")])
def test_of_a_presale_only_the_stage_of_the_page_is_paid_now(make: Any, paid: int, now: str) -> None:
    schedule = (StageDue(stage=Stage.DEPOSIT, goods=200), StageDue(stage=Stage.BALANCE, goods=700, freight=100))
    totals = make.totals(goods=900, freight=100, payable=1_000)
    shown = page(make, "en", make.priced(make.option()), totals=totals, schedule=schedule, stages_paid=paid)
    (block,) = LandedCostBlock().present(shown)
    assert block.text == f"To pay now: SGD\N{NO-BREAK SPACE}{now}"
    assert block.values["payable"] == "SGD\N{NO-BREAK SPACE}10.00"
    assert block.values["now"] == f"SGD\N{NO-BREAK SPACE}{now}"


def test_a_page_without_parcels_has_no_cost_to_the_door(make: Any) -> None:
    assert LandedCostBlock().present(page(make, "en", parcels=())) == ()


@pytest.mark.parametrize(
    ("language", "collected", "border"),
    [
        (
            "zh-Hans",
            "已含消费税SGD\N{NO-BREAK SPACE}10.97，清关时无需再付",
            "预计清关时另付消费税约SGD\N{NO-BREAK SPACE}41.14，以海关核定为准",
        ),
        (
            "zh-Hant",
            "已含消費稅SGD\N{NO-BREAK SPACE}10.97，清關時無需再付",
            "預計清關時另付消費稅約SGD\N{NO-BREAK SPACE}41.14，以海關核定為準",
        ),
        (
            "en",
            "GST of SGD\N{NO-BREAK SPACE}10.97 is included; it is not charged again at the border",
            "About SGD\N{NO-BREAK SPACE}41.14 of GST is due at the border on import; customs decides the amount",
        ),
    ],
)
def test_tax_collected_and_tax_left_to_the_border_are_told_apart(
    make: Any, language: str, collected: str, border: str
) -> None:
    totals = make.totals(tax=1_097, border=4_114)
    blocks = list(TaxNotice(GST).present(page(make, language, make.priced(make.option()), totals=totals)))
    assert [(block.kind, block.text) for block in blocks] == [("tax_collected", collected), ("tax_border", border)]


def test_no_tax_needs_no_notice(make: Any) -> None:
    assert list(TaxNotice(TaxNames()).present(page(make, "en", make.priced(make.option())))) == []


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("zh-Hans", ["最省钱", "税费已付清"]),
        ("zh-Hant", ["最省錢", "稅費已付清"]),
        ("en", ["Cheapest", "Nothing to pay at the border"]),
    ],
)
def test_the_best_option_says_why_in_the_pages_language(make: Any, language: str, texts: list[str]) -> None:
    options = [make.priced(make.option(make.method(code))) for code in ("A", "B")]
    shown = page(make, language, *options, reasons=("CHEAPEST", "TAX_SETTLED", "SOME_OTHER"))
    badges = list(Recommended().present(shown))
    assert [badge.text for badge in badges] == texts
    assert {badge.method for badge in badges} == {"A"}


def test_an_only_option_is_not_recommended(make: Any) -> None:
    assert list(Recommended().present(page(make, "en", make.priced(make.option()), reasons=("CHEAPEST",)))) == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh-Hans", "合理拆合包裹，比各店分别发货节省HK$39.00"),
        ("zh-Hant", "合理拆合包裹，比各店分別發貨節省HK$39.00"),
        ("en", "Packed this way you save HK$39.00 against one parcel per shop"),
    ],
)
def test_a_saving_is_told_and_no_saving_is_not(make: Any, language: str, text: str) -> None:
    hkd = Currency("HKD", 2)
    (block,) = SavingBlock().present(page(make, language, currency=hkd, saving=3_900))
    assert block.text == text
    assert SavingBlock().present(page(make, language, currency=hkd)) == ()


def test_a_currency_has_the_decimals_of_retail_not_of_cldr() -> None:
    assert amount_text(1_234, Currency("TWD", 0), "zh-Hant") == "$1,234"
    assert amount_text(5, Currency("HKD", 2), "en") == "HK$0.05"


def test_amounts_beyond_a_float_stay_exact() -> None:
    assert amount_text(90_071_992_547_409_930_01, Currency("HKD", 2), "en") == "HK$90,071,992,547,409,930.01"


def test_an_unknown_text_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        words("no.such", "en")
