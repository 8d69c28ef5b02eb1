"""A page and an order as a person reads them in a terminal. Works from the wire messages, as a client would."""

from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from crossborder.checkout.v1 import common_pb2, order_page_pb2, order_pb2, page_pb2, problem_pb2
from orderpage.domain.money import Currency


def show_page(console: Console, title: str, rendered: order_page_pb2.RenderResponse) -> None:
    """Goods, parcels with their options, blocks and totals."""
    page = rendered.page
    money = Currency(page.currency.code, page.currency.exponent)
    parts: list[RenderableType] = [_goods(page, money)]
    parts += [_parcel(index, parcel, money) for index, parcel in enumerate(page.parcels, start=1)]
    parts += [Text(f"• {block.title}: {block.text}") for block in page.blocks]
    parts += [_problem(problem) for line in page.blocked_lines for problem in line.problems]
    parts += [_problem(problem) for problem in page.problems]
    parts += [Text(f"• {stage}") for stage in _stages(page.payment_schedule.stages, money)]
    parts.append(_totals(page, money))
    console.print(Panel(Group(*parts), title=f"[bold]{title}[/]", title_align="left", padding=(1, 2)))


def show_briefly(console: Console, title: str, pages: Iterable[tuple[str, order_page_pb2.RenderResponse]]) -> None:
    """Many pages in one table: a row for each parcel, with its selected option only."""
    names = ("page", "parcel", "method", "arrives", "freight", "fees", "tax", "to pay")
    table = Table(*names, box=None, pad_edge=False, header_style="dim")
    for column in table.columns[4:]:
        column.justify = "right"
    notes: dict[str, None] = {}
    for name, rendered in pages:
        page = rendered.page
        money = Currency(page.currency.code, page.currency.exponent)
        for index, parcel in enumerate(page.parcels):
            paid = f"{money.format(page.totals.payable)} {money.code}" if not index else ""
            table.add_row(name if not index else "", *_briefly(parcel, money), paid)
        said = [_problem(problem).plain for problem in page.problems]
        said += [f"{block.title}: {block.text}" for block in page.blocks if block.kind in _TOLD]
        said += _stages(page.payment_schedule.stages, money)
        notes |= dict.fromkeys(f"• {name}: {text}" for text in said)
    console.print(Panel(Group(table, "", *map(Text, notes)), title=f"[bold]{title}[/]", title_align="left"))


_TOLD = ("referral", "later_charge")
"""Kinds of block that the brief table tells, because its columns cannot."""


def _briefly(parcel: page_pb2.Parcel, money: Currency) -> tuple[str, ...]:
    size = f"{parcel.weight_g / 1000:.2f} kg"
    option = next((option for option in parcel.options if option.selected), None)
    if option is None:
        return (size, "none", "", "", "", "")
    fees = sum(fee.amount for fee in option.fees)
    amounts = (_shown(fees, money), _shown(option.tax, money))
    return (size, option.label, _window(option), _freight(option, money), *amounts)


def show_order(console: Console, title: str, order: order_pb2.Order, payment: order_pb2.PaymentOutcome) -> None:
    """An order in a few lines."""
    money = Currency(order.currency.code, order.currency.exponent)
    lines = [
        f"order    {order.order_id}",
        f"state    {_name(order_pb2.OrderState.Name(order.state))}",
        f"payment  {_name(order_pb2.PaymentState.Name(payment.state))}, {money.format(payment.amount)} {money.code}",
    ]
    for service in order.service_orders:
        kind = order_pb2.ServiceKind.Name(service.kind).removeprefix("SERVICE_KIND_").lower()
        later = f", and about {money.format(service.estimate)} once weighed" if service.estimate else ""
        lines.append(f"service  {service.service_order_id}: {kind}, {money.format(service.amount)} {money.code}{later}")
    for stage in order.stages:
        state = order_pb2.StageState.Name(stage.state).removeprefix("STAGE_STATE_").lower()
        lines.append(f"stage    {_stage(stage.payment, money)}: {state}")
    console.print(Panel("\n".join(lines), title=f"[bold]{title}[/]", title_align="left", padding=(0, 2), expand=False))


def _stages(stages: Iterable[page_pb2.PaymentStage], money: Currency) -> list[str]:
    """What of a presale is paid when; nothing of a page that is paid at once."""
    return [_stage(stage, money) for stage in stages if stage.stage != common_pb2.STAGE_FULL]


def _stage(stage: page_pb2.PaymentStage, money: Currency) -> str:
    amount = f"{money.format(stage.amount)} {money.code}"
    if stage.stage == common_pb2.STAGE_DEPOSIT:
        return f"deposit: {amount} with the order"
    opens, due = stage.opens_at.ToDatetime(), stage.due_at.ToDatetime()
    return f"balance: about {amount}, from {opens:%Y-%m-%d %H:%M} until {due:%Y-%m-%d %H:%M} UTC"


def _goods(page: page_pb2.Page, money: Currency) -> Table:
    table = Table("shop", "item", "units", f"{money.code}", box=None, pad_edge=False, header_style="dim")
    for column in table.columns[2:]:
        column.justify = "right"
    for shop in page.shops:
        for line in shop.lines:
            table.add_row(shop.name, line.name, str(line.quantity), money.format(line.amount))
    return table


def _parcel(index: int, parcel: page_pb2.Parcel, money: Currency) -> Group:
    title = f"parcel {index}: {parcel.weight_g / 1000:.2f} kg, {sum(item.quantity for item in parcel.items)} units"
    names = ("", "method", "arrives", "freight", "fees", "tax", "at the border", "to the door", "")
    table = Table(*names, title=f"\n{title}", title_justify="left", title_style="bold", header_style="dim", box=None)
    for column in table.columns[3:8]:
        column.justify = "right"
    for option in parcel.options:
        fees = sum(fee.amount for fee in option.fees)
        amounts = (fees, option.tax, option.border_estimate, option.landed_cost)
        table.add_row(
            "●" if option.selected else "○",
            option.label,
            _window(option),
            _freight(option, money),
            *(_shown(amount, money) for amount in amounts),
            ", ".join(option.badges),
            style="bold" if option.selected else "",
        )
    reasons = [
        Text(f"✕ {out.label}: {'; '.join(reason.message for reason in out.reasons)}", style="dim")
        for out in parcel.excluded
    ]
    return Group(table, *reasons, "")


def _shown(amount: int, money: Currency) -> str:
    return money.format(amount) if amount else "–"


def _freight(option: page_pb2.Option, money: Currency) -> str:
    """What is paid with the order; or who charges it, and about how much."""
    if option.charging == page_pb2.CHARGING_ELSEWHERE:
        return "charged by the forwarder"
    if option.charging == page_pb2.CHARGING_AFTER_WEIGHING:
        return f"about {money.format(option.later_estimate)} after weighing"
    return _shown(option.freight + option.discount, money)


def _window(option: page_pb2.Option) -> str:
    if not option.HasField("arrival"):
        return ""
    first, last = option.arrival.earliest, option.arrival.latest
    return f"{first.month:02}-{first.day:02} … {last.month:02}-{last.day:02}"


def _totals(page: page_pb2.Page, money: Currency) -> Text:
    totals = page.totals
    parts = [
        ("goods", totals.goods),
        ("goods discounts", totals.goods_discount),
        ("freight", totals.freight),
        ("freight discounts", totals.freight_discount),
        ("fees", totals.fees),
        ("tax", totals.tax),
    ]
    said = "  ".join(f"{name} {money.format(amount)}" for name, amount in parts if amount)
    text = Text.assemble("\n", said, "  ", (f"to pay {money.format(totals.payable)} {money.code}", "bold green"))
    if totals.border_estimate:
        text.append(f"  (and about {money.format(totals.border_estimate)} at the border)", "yellow")
    if totals.later_estimate:
        text.append(f"  (and about {money.format(totals.later_estimate)} once weighed)", "yellow")
    return text


def _problem(problem: problem_pb2.Problem) -> Text:
    return Text(f"! {problem.code}: {problem.message}", style="red")


def _name(enum_name: str) -> str:
    return enum_name.rpartition("_STATE_")[2].lower()
