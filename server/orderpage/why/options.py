"""Why an option costs what it costs: tariff and weight, fees, tax."""

from collections.abc import Iterator

from orderpage.domain.discount import Target
from orderpage.domain.money import CNY
from orderpage.domain.page import Page, PageOption, PageParcel
from orderpage.domain.shipping import ChargedFee, Charging
from orderpage.domain.tax import Collector, TaxLine
from orderpage.domain.why import Why
from orderpage.why.goods import part_path
from orderpage.why.sources import Sources, money, rate_text, said_by


def option_path(parcel: PageParcel, option: PageOption) -> str:
    """Where an option stands."""
    return f"parcels[{parcel.parcel.parcel_id}].options[{option.priced.option.method.code}]"


def explain_options(page: Page, sources: Sources) -> Iterator[Why]:
    """Every option of every parcel, selected or not."""
    for parcel in page.parcels:
        for option in parcel.options:
            path = option_path(parcel, option)
            yield _freight(page, parcel, option, path, sources)
            for fee in option.priced.option.fees:
                yield _fee(page, option, fee, path, sources)
            if option.priced.option.later:
                yield _later(page, option, path)
            yield _discount(page, parcel, option, path)
            yield from _taxes(page, option, path, sources)
            yield _landed(page, parcel, option, path)


def _freight(page: Page, parcel: PageParcel, option: PageOption, path: str, sources: Sources) -> Why:
    made = option.priced.option
    slot, offer = sources.offer(parcel.parcel, made.method.code)
    inputs = [("tariff", str(offer.tariff))] if offer is not None else []
    for shipment in made.shipments:
        inputs += [
            ("weighs", f"{shipment.weight_g} g, {shipment.volume_cm3} cm³"),
            ("chargeable", f"{shipment.chargeable_g} g"),
            ("listed", money(shipment.listed, CNY)),
        ]
    inputs += [("rate", rate_text(page.view.rate)), ("rate_id", page.view.rate.rate_id)]
    rule = made.method.code
    if made.method.charging is not Charging.AT_CHECKOUT:
        inputs.append(("charged", made.method.charging.lower().replace("_", " ")))
    why = Why(
        path=f"{path}.freight",
        amount=made.freight,
        rule=rule,
        version=page.plan_digest,
        inputs=tuple(inputs),
    )
    return said_by(slot, why)


def _later(page: Page, option: PageOption, path: str) -> Why:
    listed = [money(shipment.listed, CNY) for shipment in option.priced.option.shipments]
    inputs = (("listed", ", ".join(listed)), ("rate", rate_text(page.view.rate)))
    rule = "freight and fees by the tariff, less what is promised"
    return Why(path=f"{path}.later_estimate", amount=option.priced.option.later, rule=rule, inputs=inputs)


def _fee(page: Page, option: PageOption, fee: ChargedFee, path: str, sources: Sources) -> Why:
    """The highest rank of a group stands."""
    said = [found for shipment in option.priced.option.shipments for found in sources.fees(shipment, fee.code)]
    inputs = [("listed", money(each.amount, CNY)) for _, each in said]
    inputs += [("group", f"{each.group}, rank {each.rank}") for _, each in said[:1]]
    inputs.append(("rate", rate_text(page.view.rate)))
    slot = said[0][0] if said else None
    why = Why(
        path=f"{path}.fees[{fee.code}].amount",
        amount=fee.amount,
        rule=fee.code,
        version=page.plan_digest,
        inputs=tuple(inputs),
    )
    return said_by(slot, why)


def _discount(page: Page, parcel: PageParcel, option: PageOption, path: str) -> Why:
    """Of the selected option the parts are known; of another they would be others."""
    selected = option.priced.option.method.code == parcel.selected
    parts = tuple(
        part_path(adjustment, parcel.parcel.parcel_id)
        for adjustment in page.adjustments
        if adjustment.target is Target.FREIGHT
        for bearer, _ in adjustment.parts
        if bearer == parcel.parcel.parcel_id
    )
    rule = "sum" if selected else "freight discounts as they would be, were it selected"
    path, amount = f"{path}.discount", option.priced.discount
    return Why(path=path, amount=amount, rule=rule, parts=parts if selected else ())


def tax_path(path: str, tax: TaxLine) -> str:
    """Of a tax line."""
    rule = f",{tax.rule}" if tax.rule != tax.code else ""
    return f"{path}.tax_lines[{tax.code},{tax.line_id},{tax.collector}{rule}].amount"


def _taxes(page: Page, option: PageOption, path: str, sources: Sources) -> Iterator[Why]:
    for tax in option.tax_lines:
        slot, rule, component = sources.tax(tax)
        inputs = [("base", money(tax.base, page.currency)), ("collected by", tax.collector.lower())]
        if rule is not None and component is not None:
            inputs += [("rate", str(component)), ("rounded", f"by {rule.rounding.lower()}")]
            if rule.threshold is not None:
                limit = money(rule.threshold.limit, page.currency)
                what = f"{limit} by {rule.threshold.unit.lower()}, on {rule.threshold.tested.lower()}"
                inputs.append(("limit", f"{what}, {rule.threshold.combine.lower().replace('_', ' ')}"))
        why = Why(
            path=tax_path(path, tax),
            amount=tax.amount,
            rule=rule.code if rule is not None else tax.code,
            row=rule.row if rule is not None else "",
            version=page.plan_digest,
            inputs=tuple(inputs),
        )
        yield said_by(slot, why)
    for name, amount, collector in (
        ("tax", option.priced.tax, Collector.MARKETPLACE),
        ("border_estimate", option.priced.border, Collector.BORDER),
    ):
        parts = tuple(tax_path(path, tax) for tax in option.tax_lines if tax.collector is collector)
        yield Why(path=f"{path}.{name}", amount=amount, rule="sum", parts=parts)


def _landed(page: Page, parcel: PageParcel, option: PageOption, path: str) -> Why:
    """What the parcel adds to the page; switching moves the total by the difference of two of them."""
    rule = "goods after discounts, freight, fees and tax of the parcel as it would be, were it selected"
    selected = parcel.choice
    difference = option.priced.landed - selected.priced.landed if selected is not None else 0
    inputs = ("against what is selected", money(difference, page.currency))
    return Why(path=f"{path}.landed_cost", amount=option.priced.landed, rule=rule, inputs=(inputs,))
