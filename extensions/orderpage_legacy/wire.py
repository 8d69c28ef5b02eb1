"""Writes the page into the response, in place."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from crossborder.checkout.v1 import common_pb2, page_pb2, problem_pb2
from orderpage.domain.goods import Shop
from orderpage.domain.money import ExchangeRate, allocate
from orderpage.domain.problem import Problem
from orderpage.domain.text import Text, in_language
from orderpage_legacy.cart import Applied, Blocked, Item
from orderpage_legacy.dates import window_text
from orderpage_legacy.methods import KIND, MODE, NAME, WIDE_NAME
from orderpage_legacy.prices import Choice, Journey, Option, Parcel, Place, Selection
from orderpage_legacy.progress import Progress
from orderpage_legacy.texts import (
    ARRIVAL,
    BADGES,
    COST,
    DISCOUNTS,
    HK_PAYMENTS,
    PROGRESS,
    SAVING,
    SG_PAYMENTS,
    TAX,
    money,
)


def fill_head(page: page_pb2.Page, rate: ExchangeRate, now: datetime) -> None:
    """Currency, rate and instant."""
    page.currency.code, page.currency.exponent = rate.quote.code, 2
    page.exchange_rate.rate_id = rate.rate_id
    page.exchange_rate.base.code, page.exchange_rate.base.exponent = "CNY", 2
    page.exchange_rate.numerator, page.exchange_rate.denominator = rate.numerator, rate.denominator
    page.priced_at.FromDatetime(now)


def fill_shops(page: page_pb2.Page, items: list[Item], language: str) -> None:
    """The lines by shop."""
    shops: dict[str, page_pb2.Shop] = {}
    for item in items:
        sku = item.sku
        shop: Shop = sku.shop
        message = shops.get(shop.shop_id)
        if message is None:
            message = shops[shop.shop_id] = page.shops.add()
            message.shop_id = shop.shop_id
            message.name = in_language(shop.name, language)
        line = message.lines.add()
        line.line_id = item.line_id
        line.sku_id = sku.sku_id
        line.name = in_language(sku.name, language)
        line.quantity = item.quantity
        line.unit_amount = item.unit
        line.amount = item.amount
        line.net_amount = item.net


def fill_blocked(page: page_pb2.Page, blocked: list[Blocked], language: str) -> None:
    """The lines that cannot be bought."""
    for wanted, sku, problems in blocked:
        message = page.blocked_lines.add()
        message.line_id, message.sku_id, message.quantity = wanted.line_id, wanted.sku_id, wanted.quantity
        if sku is not None:
            message.name, message.shop_id = in_language(sku.name, language), sku.shop.shop_id
        for problem in problems:
            fill_problem(message.problems.add(), problem)


def fill_problem(message: problem_pb2.Problem, problem: Problem) -> None:
    """A problem with its remedy."""
    message.code = problem.code
    message.message = problem.message
    message.field = problem.field
    message.line_id = problem.line_id
    message.parcel_id = problem.parcel_id
    message.retry = problem_pb2.Retry.Value(f"RETRY_{problem.code.rule.retry}")
    message.remedy.action = problem_pb2.Action.Value(f"ACTION_{problem.remedy}")
    message.remedy.value = problem.value
    for action in problem.alternatives:
        message.alternatives.add().action = problem_pb2.Action.Value(f"ACTION_{action}")


def fill_parcel(
    page: page_pb2.Page,
    parcel: Parcel,
    choices: list[Choice],
    places: list[Place],
    selected: int,
    journey: Journey,
    language: str,
) -> None:
    """A parcel, its options best first, and what cannot carry it."""
    message = page.parcels.add()
    message.parcel_id = parcel.parcel_id
    message.weight_g = parcel.weight
    for content in parcel.items:
        item = message.items.add()
        item.line_id = content.line_id
        item.quantity = content.quantity
    names = WIDE_NAME if "double-space" in journey.bugs else NAME
    delivery = common_pb2.DELIVERY_HOME if journey.home else common_pb2.DELIVERY_PICKUP_POINT
    for index, score, reasons in places:
        option = message.options.add()
        _fill_option(option, choices[index], names, language)
        option.delivery = delivery
        if index == selected:
            option.selected = True
        if score:
            option.score = score
        if reasons:
            option.reasons.extend(reasons)
    if len(places) > 1:
        message.options[0].badges.extend([BADGES[reason][language] for reason in places[0][2]])
    for code, why in parcel.excluded:
        excluded = message.excluded.add()
        excluded.method, excluded.kind, excluded.mode = code, KIND[code], MODE[code]
        excluded.label = names[code][language]
        for reason, text, culprits in why:
            excluded.reasons.add(code=reason, message=text, line_ids=culprits)


def _fill_option(message: page_pb2.Option, choice: Choice, names: Mapping[str, Text], language: str) -> None:
    option = choice.option
    code = option.code
    message.method = code
    message.kind = KIND[code]
    message.mode = MODE[code]
    message.label = names[code][language]
    message.carrier = "OFFICIAL"
    message.freight = option.freight
    for fee_code, amount in option.fees:
        fee = message.fees.add()
        fee.code = fee_code
        fee.amount = amount
    if choice.relief:
        message.discount = -choice.relief
    if choice.tax:
        message.tax = choice.tax
    if choice.border:
        message.border_estimate = choice.border
    message.landed_cost = choice.landed
    if option.window is not None:
        _fill_window(message.arrival, option)
    for line_id, base, amount, at_checkout in choice.rows:
        row = message.tax_lines.add()
        row.code = "SG_GST"
        row.line_id = line_id
        row.base = base
        row.amount = amount
        row.collector = page_pb2.COLLECTOR_MARKETPLACE if at_checkout else page_pb2.COLLECTOR_BORDER


def _fill_window(message: common_pb2.ArrivalWindow, option: Option) -> None:
    assert option.window is not None  # noqa: S101  # the caller looked
    (earliest, latest), first, last = option.window, message.earliest, message.latest
    first.year, first.month, first.day = earliest.year, earliest.month, earliest.day
    last.year, last.month, last.day = latest.year, latest.month, latest.day


_OFF_FREIGHT = {
    *("ITEM_FREE_SHIP", "DIRECT_MAIL_INSTANT_DISCOUNT", "BUNDLE_FREE_SHIP", "FREIGHT_RELIEF"),
    "SINGLE_SHOP_FREE_SHIP@s-apparel",
}
_OF_SELLERS = {"SHOP_COUPON", "ITEM_FREE_SHIP", "SINGLE_SHOP_FREE_SHIP@s-apparel"}


def fill_adjustment(page: page_pb2.Page, code: str, bearers: Applied, language: str) -> None:
    """A discount with what each line, or each parcel, bears of it."""
    message = page.adjustments.add()
    message.code = code
    message.name = DISCOUNTS[code][language]
    message.funder = page_pb2.FUNDER_SELLER if code in _OF_SELLERS else page_pb2.FUNDER_PLATFORM
    freight = code in _OFF_FREIGHT
    message.target = page_pb2.ADJUSTMENT_TARGET_FREIGHT if freight else page_pb2.ADJUSTMENT_TARGET_GOODS
    amount = sum([part for _, part in bearers])
    message.amount = -amount
    if code == "BUNDLE_FREE_SHIP":
        platform, seller = allocate(amount, (7, 3))
        message.shares.add(funder=page_pb2.FUNDER_PLATFORM, amount=-platform)
        message.shares.add(funder=page_pb2.FUNDER_SELLER, amount=-seller)
    for bearer, amount in bearers:
        part = message.parts.add()
        if freight:
            part.parcel_id = bearer
        else:
            part.line_id = bearer
        part.amount = -amount


def fill_totals(
    message: page_pb2.Totals,
    goods: int,
    goods_off: int,
    freight: int,
    freight_off: int,
    fees: int,
    tax: int,
    border: int,
    payable: int,
) -> None:
    """What the page costs."""
    message.SetInParent()
    message.goods, message.goods_discount = goods, goods_off
    message.freight, message.freight_discount = freight, freight_off
    message.fees, message.tax, message.border_estimate, message.payable = fees, tax, border, payable


def fill_payment(page: page_pb2.Page, site: str, language: str, payable: int | None) -> None:
    """Ways to pay; all at once where the page can be ordered."""
    for code, name in HK_PAYMENTS if site == "HK" else SG_PAYMENTS:
        page.payment_methods.add(code=code, name=name[language])
    if payable is not None:
        page.payment_schedule.stages.add(stage=common_pb2.STAGE_FULL, amount=payable)


def fill_blocks(page: page_pb2.Page, site: str, parcels: Sequence[Parcel], selection: Selection, language: str) -> None:
    """What the page says beside its numbers."""
    title, text = ARRIVAL[language]
    for parcel, index in zip(parcels, selection, strict=True):
        window = parcel.options[index].window
        if window is not None:
            block = page.blocks.add(slot="parcel.arrival", kind="arrival", title=title, parcel_id=parcel.parcel_id)
            block.text = text.format(window_text(*window, language))
            block.values["earliest"], block.values["latest"] = window[0].isoformat(), window[1].isoformat()
    totals, (title, text) = page.totals, COST[language]
    values = {
        "goods": money(totals.goods, site),
        "freight": money(totals.freight, site),
        "fees": money(totals.fees, site),
        "tax": money(totals.tax, site),
        "payable": money(totals.payable, site),
    }
    if totals.goods_discount:
        values["goods_discount"] = money(totals.goods_discount, site)
    if totals.freight_discount:
        values["freight_discount"] = money(totals.freight_discount, site)
    if totals.border_estimate:
        values["border"] = money(totals.border_estimate, site)
    block = page.blocks.add(slot="page.cost", kind="landed_cost", title=title, text=text.format(values["payable"]))
    block.values.update(values)
    title, collected, border = TAX[language]
    if totals.tax:
        shown = values["tax"]
        block = page.blocks.add(slot="page.tax", kind="tax_collected", title=title, text=collected.format(shown))
        block.values["amount"] = shown
    if totals.border_estimate:
        shown = values["border"]
        block = page.blocks.add(slot="page.tax", kind="tax_border", title=title, text=border.format(shown))
        block.values["amount"] = shown
    if page.split_saving:
        title, text = SAVING[language]
        shown = money(page.split_saving, site)
        block = page.blocks.add(slot="page.saving", kind="saving", title=title, text=text.format(shown))
        block.values["amount"] = shown


def fill_progress(page: page_pb2.Page, progress: Progress, language: str) -> None:
    """How far the cart is on its way to a promotion, and the block that says so."""
    code, gap, top_ups, message = progress.code, progress.gap, progress.top_ups, page.progress.add()
    name = message.name = DISCOUNTS[code][language]
    message.code, message.threshold, message.reached, message.gap = code, progress.threshold, progress.reached, gap
    message.met, message.applied = not gap, progress.applied
    group = message.group_id = progress.group
    message.line_ids.extend(progress.lines)
    for amount, overshoot, skus in top_ups:
        shown = message.top_ups.add(amount=amount, overshoot=overshoot)
        for sku in skus:
            shown.items.add(sku_id=sku.sku_id, name=in_language(sku.name, language))
    state = "gap" if gap else "met" if progress.applied else "method" if progress.elsewhere else "idle"
    missing, kind = money(gap, "SG"), "progress_met" if state == "met" else "progress"
    block = page.blocks.add(slot="page.progress", kind=kind, title=name, text=PROGRESS[state][language].format(missing))
    values = {"code": code, "group": group, "state": state, "gap": missing}
    values |= {"threshold": money(progress.threshold, "SG"), "reached": money(progress.reached, "SG")}
    if top_ups:
        amount, _, skus = top_ups[0]
        names = [in_language(sku.name, language) for sku in skus]
        values |= {"top_up": " + ".join(names), "top_up_amount": money(amount, "SG")}
    block.values.update(values)
