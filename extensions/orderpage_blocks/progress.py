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
            values = {
                name: amount_text(amount, page.currency, language)
                for name, amount in (
                    ("threshold", progress.threshold),
                    ("reached", progress.reached),
                    ("gap", progress.gap),
                )
            }
            state = _state(progress)
            missing = progress.shops_missing
            yield Block(
                slot="page.progress",
                kind="progress_met" if state == "met" else "progress",
                title=in_language(progress.name, language),
                text=words(
                    "progress.shop" if missing == 1 and state == "shops" else f"progress.{state}",
                    language,
                    gap=values["gap"],
                    shops=str(missing),
                ),
                values={
                    **values,
                    "state": state,
                    "code": progress.code,
                    "group": progress.group,
                    **_top_up(progress, page, language),
                },
            )


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
