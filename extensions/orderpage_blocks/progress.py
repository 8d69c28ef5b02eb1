"""How far the cart is on its way to a promotion, and what would take it there."""

from collections.abc import Iterator

from orderpage import extends, extension, points
from orderpage.domain.display import Block
from orderpage.domain.page import Page
from orderpage.domain.progress import Progress
from orderpage.domain.text import in_language
from orderpage_blocks.formats import amount_text
from orderpage_blocks.words import words


@extension("blocks.progress")
class ProgressBlock:
    """Each promotion that shows its progress: what is missing, or that it applies."""

    @extends(points.PRESENT)
    def present(self, page: Page) -> Iterator[Block]:
        """Slot ``page.progress``; kinds ``progress_met`` where it applies, else ``progress``.

        ``values`` hold amounts, group and ``state``: ``met``; ``method`` (one of the promotion is to be chosen);
        ``shops`` (more must join a parcel); ``gap`` (an amount is missing); ``idle`` (it takes nothing here).
        """
        language = page.view.language
        for progress in page.progress:
            state, values = _state(progress), _values(progress, page, language)
            yield Block(
                slot="page.progress",
                kind="progress_met" if state == "met" else "progress",
                title=in_language(progress.name, language),
                text=_text(progress, state, language, values["gap"]),
                values={**values, "state": state},
            )


def _text(progress: Progress, state: str, language: str, gap: str) -> str:
    missing = progress.shops_missing
    key = "shop" if state == "shops" and missing == 1 else state
    return words(f"progress.{key}", language, gap=gap, shops=str(missing))


def _values(progress: Progress, page: Page, language: str) -> dict[str, str]:
    amounts = {"threshold": progress.threshold, "reached": progress.reached, "gap": progress.gap}
    shown = {name: amount_text(amount, page.currency, language) for name, amount in amounts.items()}
    return {**shown, "code": progress.code, "group": progress.group, **_top_up(progress, page, language)}


def _state(progress: Progress) -> str:
    """The first thing to do, as ``values`` name it."""
    if progress.shops_missing:
        return "shops"
    if not progress.met:
        return "gap"
    if progress.applied:
        return "met"
    return "method" if progress.by_other_method else "idle"


def _top_up(progress: Progress, page: Page, language: str) -> dict[str, str]:
    """The best one, where there is any."""
    if not progress.top_ups:
        return {}
    best = progress.top_ups[0]
    names = " + ".join([in_language(sku.name, language) for sku in best.skus])
    return {"top_up": names, "top_up_amount": amount_text(best.amount, page.currency, language)}
