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
    """Each promotion that shows its progress: what is missing, or that it is met."""

    @extends(points.PRESENT)
    def present(self, page: Page) -> Iterator[Block]:
        """Slot ``page.progress``; kinds ``progress`` and ``progress_met``; ``values`` hold amounts and group."""
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
            state = "met" if progress.met else "gap"
            yield Block(
                slot="page.progress",
                kind="progress_met" if progress.met else "progress",
                title=in_language(progress.name, language),
                text=words(f"progress.{state}", language, gap=values["gap"]),
                values={**values, "code": progress.code, "group": progress.group, **_top_up(progress, page, language)},
            )


def _top_up(progress: Progress, page: Page, language: str) -> dict[str, str]:
    """The best one, where there is any."""
    if not progress.top_ups:
        return {}
    best = progress.top_ups[0]
    names = " + ".join([in_language(sku.name, language) for sku in best.skus])
    return {"top_up": names, "top_up_amount": amount_text(best.amount, page.currency, language)}
