"""What Submit and PayStage answer when the page is not what was quoted any more."""

from orderpage.domain.page import Page
from orderpage.domain.problem import Code, Problem, Refusal
from orderpage.quote import Quote, given_of
from orderpage.renderer import Rendered


def as_quoted(page: Page, quote: Quote) -> bool:
    """Whether the page can be ordered, and is what was quoted in every amount, choice and discount."""
    return (
        page.orderable
        and page.totals == quote.totals
        and (page.schedule if page.staged else ()) == quote.schedule
        and {parcel.parcel.parcel_id: parcel.selected for parcel in page.parcels} == quote.selections
        and quote.given in {None, given_of(page.given)}
    )


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
