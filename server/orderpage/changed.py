"""What Submit and PayStage answer when the page is not what was quoted any more."""

from orderpage.domain.problem import Code, Problem, Refusal
from orderpage.renderer import Rendered


class QuoteChanged(Refusal):
    """The page is no longer what was quoted. ``rendered`` is the page as it is now, with a quote of its own."""

    def __init__(self, rendered: Rendered, *problems: Problem, quoted: int) -> None:
        """``quoted`` is what was to pay in all, in the page's minor units."""
        money, now = rendered.page.currency, rendered.page.totals.payable
        message = (
            f"the page is not what was quoted: to pay was {money.format(quoted)} {money.code}, "
            f"now {money.format(now)}; show the buyer the new page and submit its quote"
        )
        super().__init__(Problem(code=Code.QUOTE_CHANGED, message=message, value=str(now)), *problems)
        self.rendered = rendered
