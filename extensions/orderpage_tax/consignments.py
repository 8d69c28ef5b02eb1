"""Says that parcels of one order count together, where the law adds them up (domain rules 2.1, Taiwan)."""

from collections.abc import Iterator, Mapping

from orderpage import Settings, extends, extension, points
from orderpage.domain.display import Block
from orderpage.domain.page import Page
from orderpage.domain.shipping import MethodKind
from orderpage.domain.text import in_language


class Together(Settings, frozen=True, kw_only=True):
    """Settings of ``tax.consignments``: ``title`` and ``text`` by language; ``kinds`` are the methods concerned."""

    title: Mapping[str, str]
    text: Mapping[str, str]
    kinds: frozenset[MethodKind] = frozenset({MethodKind.DIRECT_MAIL, MethodKind.CONSO_OFFICIAL})


@extension("tax.consignments", settings=Together)
class ConsignmentsTogether:
    """To divide such an order changes nothing about its tax, and a buyer who sees two parcels should know."""

    def __init__(self, settings: Together) -> None:
        self.settings = settings

    @extends(points.PRESENT)
    def present(self, page: Page) -> Iterator[Block]:
        """Slot ``page.tax``; kind ``tax_together``, where two or more parcels are concerned."""
        chosen = [parcel.choice for parcel in page.parcels if parcel.choice is not None]
        together = [choice for choice in chosen if choice.priced.option.method.kind in self.settings.kinds]
        if len(together) > 1:
            language = page.view.language
            title, text = in_language(self.settings.title, language), in_language(self.settings.text, language)
            values = {"parcels": str(len(together))}
            yield Block(slot="page.tax", kind="tax_together", title=title, text=text, values=values)
