"""Who may buy what, and in whose name it enters the country: verified age, verified real name.

Rules: domain rules 2.1 (Taiwan: parcels clear customs in a verified person's name) and 7.2 (codes).
"""

from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated
from unicodedata import normalize

from msgspec import Meta

from orderpage import Settings, extends, extension, points
from orderpage.domain.address import Address
from orderpage.domain.buyer import Buyer
from orderpage.domain.dated import Dated, in_order, row_on
from orderpage.domain.goods import GoodsClass, Line, Sku
from orderpage.domain.page import BlockLine, Notice, PageView
from orderpage.domain.problem import Action, Code, Problem
from orderpage.ports import SubmitView

# ---- age -----------------------------------------------------------------------------------------------------------


class Unverified(StrEnum):
    """What the page does where nobody knows the buyer's age: tell of it, or take the line out of the order as well."""

    NOTICE = "NOTICE"
    BLOCK = "BLOCK"


class AgeRow(Dated, frozen=True, kw_only=True):
    """Goods of these classes or categories are sold from ``minimum`` years on."""

    minimum: Annotated[int, Meta(ge=1, le=120)]
    classes: frozenset[GoodsClass] = frozenset()
    categories: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.classes and not self.categories:
            raise ValueError("an age row needs classes or categories")


class Ages(Settings, frozen=True, kw_only=True):
    """Settings of ``checkout.age``. Where a good's class and its category both have a row, the higher age counts."""

    rows: tuple[AgeRow, ...]
    unverified: Unverified = Unverified.NOTICE

    def __post_init__(self) -> None:
        for about, rows in _by_goods(self.rows).items():
            try:
                in_order(rows)
            except ValueError as error:
                raise ValueError(f"ages for {about}: {error}") from None


def _by_goods(rows: Sequence[AgeRow]) -> dict[str, list[AgeRow]]:
    """Class or folded category to its rows; no category is written like a class once it is folded."""
    found: dict[str, list[AgeRow]] = {}
    for row in rows:
        for about in (*row.classes, *{category.casefold() for category in row.categories}):
            found.setdefault(about, []).append(row)
    return found


@extension("checkout.age", settings=Ages)
class VerifiedAge:
    """Some goods are for grown-ups. An age counts once somebody verified it; without one nothing of them is ordered."""

    def __init__(self, settings: Ages) -> None:
        self.unverified = settings.unverified
        self.rows = {about: in_order(rows) for about, rows in _by_goods(settings.rows).items()}

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterator[BlockLine | Notice]:
        """RESTRICT_AGE: the line of somebody too young is blocked; of an unknown age as the settings say."""
        for problem in self._problems(page.lines, page.buyer, page.today):
            if page.buyer.age is None and self.unverified is Unverified.NOTICE:
                yield Notice(problem)
            else:
                yield BlockLine(problem.line_id, problem)

    @extends(points.VALIDATE)
    def validate(self, view: SubmitView) -> Iterator[Problem]:
        """RESTRICT_AGE for each line that is not for this buyer, or not yet."""
        return self._problems(view.page.lines, view.page.view.buyer, view.page.view.today)

    def _problems(self, lines: Sequence[Line], buyer: Buyer, day: date) -> Iterator[Problem]:
        for line in lines:
            minimum = self._minimum(line.sku, day)
            if minimum and (buyer.age is None or buyer.age < minimum):
                yield _too_young(line, minimum) if buyer.age is not None else _unverified(line, minimum)

    def _minimum(self, sku: Sku, day: date) -> int:
        """From which age on; 0 for everybody."""
        rows = [row_on(self.rows.get(about, ()), day) for about in (sku.goods_class, sku.category.casefold())]
        return max([row.minimum for row in rows if row is not None], default=0)


def _unverified(line: Line, minimum: int) -> Problem:
    return Problem(
        code=Code.RESTRICT_AGE,
        message=f"{line.sku.sku_id} is sold from {minimum} years on; the buyer's age is to be verified",
        line_id=line.line_id,
        value=str(minimum),
        action=Action.VERIFY_IDENTITY,
        alternatives=(Action.REMOVE_LINE,),
    )


def _too_young(line: Line, minimum: int) -> Problem:
    message = f"{line.sku.sku_id} is sold from {minimum} years on"
    return Problem(code=Code.RESTRICT_AGE, message=message, line_id=line.line_id, action=Action.REMOVE_LINE)


# ---- real name -----------------------------------------------------------------------------------------------------


class RealNames(Settings, frozen=True, kw_only=True):
    """Settings of ``checkout.real_name``. In ``countries`` goods enter in a verified person's name."""

    countries: frozenset[Annotated[str, Meta(pattern="^[A-Z]{2}$")]]

    def __post_init__(self) -> None:
        if not self.countries:
            raise ValueError("countries is empty; name those that need a real name, or leave the extension out")


@extension("checkout.real_name", settings=RealNames)
class RealName:
    """The recipient must be the person whose name was verified. The page only tells of it: it can be put right."""

    def __init__(self, settings: RealNames) -> None:
        self.countries = settings.countries

    @extends(points.ADMIT)
    def admit(self, page: PageView) -> Iterator[Notice]:
        """The notice of what Submit will ask for, as far as the address says a recipient."""
        address = page.address
        problem = self._problem(address, page.buyer) if address is not None else None
        unsaid = address is None or not address.recipient.strip()
        if problem is not None and not (unsaid and problem.code is Code.ADDR_REALNAME_MISMATCH):
            yield Notice(problem)

    @extends(points.VALIDATE)
    def validate(self, view: SubmitView) -> Iterator[Problem]:
        """ADDR_REALNAME_REQUIRED, or ADDR_REALNAME_MISMATCH."""
        address, buyer = view.page.view.address, view.page.view.buyer
        if address is not None and (problem := self._problem(address, buyer)) is not None:
            yield problem

    def _problem(self, address: Address, buyer: Buyer) -> Problem | None:
        """Neither the verified name nor the recipient is repeated: both are about people."""
        if address.country not in self.countries:
            return None
        if not buyer.real_name.strip():
            message = f"goods enter {address.country} in a verified real name; this buyer has none yet"
            return Problem(code=Code.ADDR_REALNAME_REQUIRED, message=message, field="address.recipient")
        if same_name(address.recipient, buyer.real_name):
            return None
        return Problem(
            code=Code.ADDR_REALNAME_MISMATCH,
            message="the recipient is not the buyer's verified real name",
            field="address.recipient",
            alternatives=(Action.VERIFY_IDENTITY,),
        )


def same_name(one: str, other: str) -> bool:
    """Whether two names are one but for width, case and spaces."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return "".join(normalize("NFKC", normalize("NFKC", name).casefold()).split())
