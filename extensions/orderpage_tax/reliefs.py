"""A relief that a buyer has only so often in a half-year, as Taiwan grants it to importers.

Rule: domain rules 2.1 (six uses from January to June and from July to December; none from the seventh) and section 12
(the half-year is that of the payment date, and a relief counts only when it is used).
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orderpage import Settings, extends, extension, points
from orderpage.domain.order import OrderOperation
from orderpage.domain.page import Notice, PageParcel, PageView
from orderpage.domain.problem import Code, Problem
from orderpage.domain.shipping import MethodKind
from orderpage.domain.usage import UseUp
from orderpage.ports import LoadView, SubmitView
from orderpage_tax.facts import RELIEFS


class Relief(Settings, frozen=True, kw_only=True):
    """Settings of ``tax.reliefs``. ``law`` is the code of the ``tax.rule`` whose threshold frees goods.

    ``limit`` is how often in a half-year of ``timezone``, ``kinds`` the methods that the law concerns. ``each_parcel``:
    one use a parcel, where the law does not add a page's parcels up.
    """

    law: str
    limit: int
    timezone: str
    kinds: frozenset[MethodKind] = frozenset({MethodKind.DIRECT_MAIL, MethodKind.CONSO_OFFICIAL})
    each_parcel: bool = False


@extension("tax.reliefs", settings=Relief)
class ReliefsUsed:
    """Counts at ``load``, says at ``admit`` that none is left, and notes at ``enrich`` what an order uses."""

    def __init__(self, settings: Relief) -> None:
        self.settings = settings
        self.name = f"relief:{settings.law}"
        try:
            self.zone = ZoneInfo(settings.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{settings.timezone!r} is no time zone, such as Asia/Taipei") from None
        if settings.limit < 0:
            raise ValueError(f"the relief of {settings.law} cannot be had {settings.limit} times")

    @extends(points.LOAD, fills=RELIEFS, budget_ms=1000)
    async def load(self, view: LoadView) -> Mapping[str, int]:
        """Uses in this half-year by law; those of orders that were closed are given back."""
        used = await view.ports.usages.used(view.buyer.buyer_id, (self.name,), self._half_year(view.priced_at))
        return {self.settings.law: used.get(self.name, 0)}

    @extends(points.ADMIT, needs=(RELIEFS,))
    def admit(self, page: PageView, reliefs: Mapping[str, Mapping[str, int]]) -> Iterator[Notice]:
        """A notice once the relief is used up."""
        if used(reliefs, self.settings.law) >= self.settings.limit:
            message = f"duty relief of this half-year is used up ({self.settings.limit}); this order pays duty in full"
            yield Notice(Problem(code=Code.TAX_QUOTA_EXCEEDED, message=message, value=str(self.settings.limit)))

    @extends(points.ENRICH, needs=(RELIEFS,))
    def enrich(self, view: SubmitView, reliefs: Mapping[str, Mapping[str, int]]) -> Iterator[OrderOperation]:
        """What the order uses: the parcels that the law concerns and does not tax."""
        settings = self.settings
        if used(reliefs, settings.law) >= settings.limit:
            return
        concerned = [parcel for parcel in view.page.parcels if self._concerns(parcel)]
        freed = [parcel for parcel in concerned if not _taxed(parcel, settings.law)]
        if not settings.each_parcel:
            freed = freed[:1] if len(freed) == len(concerned) else []
        if freed:
            yield UseUp(
                name=self.name,
                units=len(freed),
                limit=settings.limit,
                since=self._half_year(view.page.view.priced_at),
                code=Code.TAX_QUOTA_EXCEEDED,
            )

    def _concerns(self, parcel: PageParcel) -> bool:
        return parcel.choice is not None and parcel.choice.priced.option.method.kind in self.settings.kinds

    def _half_year(self, at: datetime) -> datetime:
        """Its first moment, in UTC."""
        local = at.astimezone(self.zone)
        return datetime(local.year, 1 if local.month <= 6 else 7, 1, tzinfo=self.zone).astimezone(UTC)


def used(reliefs: Mapping[str, Mapping[str, int]], law: str) -> int:
    """How often the buyer used the law's relief."""
    return sum([counted.get(law, 0) for counted in reliefs.values()])


def _taxed(parcel: PageParcel, law: str) -> bool:
    return parcel.choice is not None and any(line.rule == law for line in parcel.choice.tax_lines)
