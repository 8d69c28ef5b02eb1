"""From a page to the wire. The response is filled in place and default values are skipped: it is the hot path.

Nothing is read back from the messages and nothing is reckoned here.
"""

from collections.abc import Iterable

from crossborder.checkout.v1 import common_pb2, order_page_pb2, page_pb2
from orderpage.api.wire_values import fill_problem, fill_window
from orderpage.domain.discount import Adjustment, Funder, Target
from orderpage.domain.display import Block
from orderpage.domain.goods import Line
from orderpage.domain.page import BlockedLine, BlockEffect, Page, PageOption, PageParcel, Totals
from orderpage.domain.progress import Progress
from orderpage.domain.shipping import Charging, Excluded, MethodKind, Mode, Option
from orderpage.domain.stage import Stage, StageDue
from orderpage.domain.tax import Collector, TaxLine
from orderpage.domain.text import in_language
from orderpage.domain.why import Why
from orderpage.engine.trace import Step
from orderpage.renderer import Rendered

KIND = {kind: common_pb2.MethodKind.Value(f"METHOD_KIND_{kind}") for kind in MethodKind}
MODE = {mode: common_pb2.Mode.Value(f"MODE_{mode}") for mode in Mode}
CHARGING = {
    charging: page_pb2.Charging.Value(f"CHARGING_{charging}")
    for charging in Charging
    if charging is not Charging.AT_CHECKOUT
}
BLOCK_EFFECT = {
    effect: page_pb2.BlockEffect.Value(f"BLOCK_EFFECT_{effect}")
    for effect in BlockEffect
    if effect is not BlockEffect.ORDER
}
COLLECTOR = {collector: page_pb2.Collector.Value(f"COLLECTOR_{collector}") for collector in Collector}
FUNDER = {funder: page_pb2.Funder.Value(f"FUNDER_{funder}") for funder in Funder}
STAGE = {stage: common_pb2.Stage.Value(f"STAGE_{stage}") for stage in Stage}
TARGET = {target: page_pb2.AdjustmentTarget.Value(f"ADJUSTMENT_TARGET_{target}") for target in Target}


def render_response(rendered: Rendered, *, trace_id: str = "", explain: bool = False) -> order_page_pb2.RenderResponse:
    """The answer to Render."""
    response = order_page_pb2.RenderResponse()
    fill_rendered(response, rendered, trace_id=trace_id, explain=explain)
    return response


def fill_rendered(
    response: order_page_pb2.RenderResponse, rendered: Rendered, *, trace_id: str = "", explain: bool = False
) -> None:
    """Write a page in its envelope."""
    fill_page(response.page, rendered.page)
    response.checkout_id = rendered.checkout_id
    response.trace_id = trace_id
    if rendered.quote_token:
        response.quote_token = rendered.quote_token
    if rendered.expires_at is not None:
        response.quote_expires_at.FromDatetime(rendered.expires_at)
    if explain:
        _explanation(response.explanation, rendered.page, rendered.steps)
    for why in rendered.amounts:
        _amount(response.amounts.add(), why)


def fill_page(message: page_pb2.Page, page: Page) -> None:
    """Write a page."""
    language = page.view.language
    _unit(message, page)
    _shops(message, page, language)
    for blocked in page.blocked:
        _blocked(message.blocked_lines.add(), blocked, language)
    for parcel in page.parcels:
        _parcel(message.parcels.add(), parcel, language)
    if page.split:
        message.split_reason = page.split
    if page.saving:
        message.split_saving = page.saving
    _promotions(message, page, language)
    _totals(message.totals, page.totals)
    _payment(message, page, language)
    for problem in page.problems:
        fill_problem(message.problems.add(), problem)
    for notice in page.notices:
        fill_problem(message.notices.add(), notice)
    for block in page.blocks:
        _block(message.blocks.add(), block)
    for part in page.degraded:
        message.degraded.add(point=part.point, extension=part.extension, reason=part.reason)


def _amount(message: order_page_pb2.AmountExplanation, why: Why) -> None:
    message.path = why.path
    message.amount = why.amount
    message.rule = why.rule
    message.extension = why.extension
    message.origin = why.origin
    message.row = why.row
    message.version = why.version
    for name, value in why.inputs:
        message.inputs.add(name=name, value=value)
    message.parts.extend(why.parts)


def _promotions(message: page_pb2.Page, page: Page, language: str) -> None:
    for adjustment in page.adjustments:
        _adjustment(message.adjustments.add(), adjustment, language)
    for progress in page.progress:
        _progress(message.progress.add(), progress, language)


def _payment(message: page_pb2.Page, page: Page, language: str) -> None:
    for method in page.payment_methods:
        message.payment_methods.add(code=method.code, name=in_language(method.name, language))
    if page.staged and page.deliverable:
        for due in page.schedule:
            fill_stage(message.payment_schedule.stages.add(), due)
    elif page.orderable:
        message.payment_schedule.stages.add(stage=common_pb2.STAGE_FULL, amount=page.totals.payable)


def fill_stage(message: page_pb2.PaymentStage, due: StageDue) -> None:
    """Write one payment of a presale."""
    message.stage = STAGE[due.stage]
    message.amount = due.amount
    message.goods = due.goods
    message.freight = due.freight
    message.fees = due.fees
    message.tax = due.tax
    if due.opens_at is not None:
        message.opens_at.FromDatetime(due.opens_at)
    if due.due_at is not None:
        message.due_at.FromDatetime(due.due_at)


def _unit(message: page_pb2.Page, page: Page) -> None:
    rate, currency = page.view.rate, message.currency
    currency.code = rate.quote.code
    currency.exponent = rate.quote.exponent
    exchange = message.exchange_rate
    exchange.rate_id = rate.rate_id
    exchange.base.code = rate.base.code
    exchange.base.exponent = rate.base.exponent
    exchange.numerator = rate.numerator
    exchange.denominator = rate.denominator
    message.priced_at.FromDatetime(page.view.priced_at)


def _shops(message: page_pb2.Page, page: Page, language: str) -> None:
    shops: dict[str, page_pb2.Shop] = {}
    for line in page.lines:
        shop = line.sku.shop
        found = shops.get(shop.shop_id)
        if found is None:
            found = shops[shop.shop_id] = message.shops.add()
            found.shop_id = shop.shop_id
            found.name = in_language(shop.name, language)
        _line(found.lines.add(), line, page.net_by_line[line.line_id], language)


def _line(message: page_pb2.Line, line: Line, net: int, language: str) -> None:
    message.line_id = line.line_id
    message.sku_id = line.sku.sku_id
    message.name = in_language(line.sku.name, language)
    message.quantity = line.quantity
    message.unit_amount = line.unit_amount
    message.amount = line.amount
    message.net_amount = net


def _blocked(message: page_pb2.BlockedLine, blocked: BlockedLine, language: str) -> None:
    message.line_id = blocked.wanted.line_id
    message.sku_id = blocked.wanted.sku_id
    message.quantity = blocked.wanted.quantity
    if blocked.effect is not BlockEffect.ORDER:
        message.effect = BLOCK_EFFECT[blocked.effect]
    if blocked.sku is not None and blocked.effect is not BlockEffect.HIDE:
        message.name = in_language(blocked.sku.name, language)
        message.shop_id = blocked.sku.shop.shop_id
    for problem in blocked.problems:
        fill_problem(message.problems.add(), problem)


def _parcel(message: page_pb2.Parcel, parcel: PageParcel, language: str) -> None:
    message.parcel_id = parcel.parcel.parcel_id
    message.weight_g = parcel.parcel.weight_g
    for content in parcel.parcel.items:
        item = message.items.add()
        item.line_id = content.line.line_id
        item.quantity = content.quantity
    selected = parcel.selected
    for shown in parcel.options:
        option = message.options.add()
        _option(option, shown)
        if shown.priced.option.method.code == selected:
            option.selected = True
    for excluded in parcel.excluded:
        _excluded(message.excluded.add(), excluded, language)


def _option(message: page_pb2.Option, shown: PageOption) -> None:
    priced = shown.priced
    _journey(message, priced.option)
    message.label = shown.label
    message.landed_cost = priced.landed
    if priced.discount:
        message.discount = priced.discount
    if priced.tax:
        message.tax = priced.tax
    if priced.border:
        message.border_estimate = priced.border
    if shown.tax_lines:
        _tax_lines(message, shown.tax_lines)
    if shown.score:
        message.score = shown.score
    if shown.reasons:
        message.reasons.extend(shown.reasons)
    if shown.badges:
        message.badges.extend(shown.badges)


def _journey(message: page_pb2.Option, option: Option) -> None:
    method, window = option.method, option.window
    message.method = method.code
    message.kind = KIND[method.kind]
    message.mode = MODE[method.mode]
    message.carrier = method.carrier
    message.delivery = common_pb2.DELIVERY_HOME if option.home_delivery else common_pb2.DELIVERY_PICKUP_POINT
    if option.freight:
        message.freight = option.freight
    for charged in option.fees:
        fee = message.fees.add()
        fee.code = charged.code
        fee.amount = charged.amount
    if option.later:
        message.later_estimate = option.later
    if method.charging is not Charging.AT_CHECKOUT:
        message.charging = CHARGING[method.charging]
    if window is not None:
        fill_window(message.arrival, window.earliest, window.latest)


def _tax_lines(message: page_pb2.Option, tax_lines: Iterable[TaxLine]) -> None:
    for tax in tax_lines:
        line = message.tax_lines.add()
        line.code = tax.code
        line.line_id = tax.line_id
        line.base = tax.base
        line.amount = tax.amount
        line.collector = COLLECTOR[tax.collector]
        if tax.rule != tax.code:
            line.rule = tax.rule


def _excluded(message: page_pb2.ExcludedMethod, excluded: Excluded, language: str) -> None:
    method = excluded.method
    message.method = method.code
    message.kind = KIND[method.kind]
    message.mode = MODE[method.mode]
    message.label = in_language(method.name, language)
    for reason in excluded.reasons:
        message.reasons.add(code=reason.code, message=reason.message, line_ids=reason.line_ids)


def _adjustment(message: page_pb2.Adjustment, adjustment: Adjustment, language: str) -> None:
    message.code = adjustment.code
    message.name = in_language(adjustment.name, language)
    message.target = TARGET[adjustment.target]
    message.funder = FUNDER[adjustment.shares[0][0]]
    message.amount = adjustment.amount
    if len(adjustment.shares) > 1:
        for funder, share in adjustment.shares:
            message.shares.add(funder=FUNDER[funder], amount=share)
    for bearer, amount in adjustment.parts:
        part = message.parts.add()
        if adjustment.target is Target.GOODS:
            part.line_id = bearer
        else:
            part.parcel_id = bearer
        part.amount = amount


def _progress(message: page_pb2.Progress, progress: Progress, language: str) -> None:
    message.code = progress.code
    message.name = in_language(progress.name, language)
    message.threshold = progress.threshold
    message.reached = progress.reached
    message.gap = progress.gap
    message.met = progress.met
    message.applied = progress.applied
    message.group_id = progress.group
    message.line_ids.extend(progress.lines)
    message.promised = progress.promised
    for top_up in progress.top_ups:
        shown = message.top_ups.add(amount=top_up.amount, overshoot=top_up.overshoot)
        for sku in top_up.skus:
            shown.items.add(sku_id=sku.sku_id, name=in_language(sku.name, language))


def _totals(message: page_pb2.Totals, totals: Totals) -> None:
    message.SetInParent()
    message.goods = totals.goods
    message.goods_discount = totals.goods_discount
    message.freight = totals.freight
    message.freight_discount = totals.freight_discount
    message.fees = totals.fees
    message.tax = totals.tax
    message.border_estimate = totals.border
    message.payable = totals.payable
    message.later_estimate = totals.later


def _block(message: page_pb2.Block, block: Block) -> None:
    message.slot = block.slot
    message.kind = block.kind
    message.title = block.title
    if block.text:
        message.text = block.text
    if block.parcel_id:
        message.parcel_id = block.parcel_id
    if block.values:
        message.values.update(block.values)


def _explanation(message: page_pb2.Explanation, page: Page, steps: Iterable[Step]) -> None:
    cell = page.view.cell
    message.plan_digest = page.plan_digest
    scenario = message.scenario
    scenario.site, scenario.business, scenario.client = cell.site, cell.business, cell.client
    scenario.crowd, scenario.bucket = cell.crowd, cell.bucket
    for step in steps:
        message.steps.add(
            point=step.point,
            slot=step.slot,
            extension=step.extension,
            origin=str(step.origin),
            calls=step.calls,
            micros=step.micros,
            decided=step.decided,
        )
