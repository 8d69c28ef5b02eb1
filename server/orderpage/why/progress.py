"""Why a promotion is so far away, and what its top-ups cost."""

from collections.abc import Iterator

from orderpage.domain.page import Page
from orderpage.domain.progress import Progress, TopUp
from orderpage.domain.why import Why
from orderpage.why.sources import Sources, money, said_by


def explain_progress(page: Page, sources: Sources) -> Iterator[Why]:
    """Of every promotion that shows how far it is."""
    for progress in page.progress:
        path = f"progress[{progress.code}]"
        slot, rule = sources.discount(progress.code)
        inputs = (("rule", str(rule)),) if rule is not None else ()
        threshold = Why(path=f"{path}.threshold", amount=progress.threshold, rule=progress.code, inputs=inputs)
        yield said_by(slot, threshold)
        counted = (("lines", ", ".join(progress.lines)),)
        yield Why(path=f"{path}.reached", amount=progress.reached, rule="goods that count", inputs=counted)
        yield Why(path=f"{path}.gap", amount=progress.gap, rule="threshold less what is reached, not below zero")
        promised = Why(path=f"{path}.promised", amount=progress.promised, rule=progress.code, inputs=inputs)
        yield said_by(slot, promised)
        for place, top_up in enumerate(progress.top_ups):
            yield from _top_up(page, progress, top_up, f"{path}.top_ups[{place}]")


def _top_up(page: Page, progress: Progress, top_up: TopUp, path: str) -> Iterator[Why]:
    each = [(sku.sku_id, page.view.rate.convert(sku.unit_price)) for sku in top_up.skus]
    prices = ", ".join(f"{sku_id} {money(amount, page.currency)}" for sku_id, amount in each)
    yield Why(path=f"{path}.amount", amount=top_up.amount, rule="prices together", inputs=(("goods", prices),))
    missing = (("missing", money(progress.gap, page.currency)),)
    yield Why(path=f"{path}.overshoot", amount=top_up.overshoot, rule="amount less what was missing", inputs=missing)
