"""What every promotion's settings begin with: its code, its name, who pays for it, and what it goes together with."""

from collections.abc import Mapping

from orderpage import Settings
from orderpage.domain.discount import Funder, Funding, Stacking


class Promotion(Settings, frozen=True, kw_only=True):
    """``funder`` where one pays all, else ``funding``: funders with their weights (``{PLATFORM: 7, SELLER: 3}``).

    ``excludes`` are codes of promotions that it never goes together with; ``stacks_with``, where not empty, the only
    ones that it does. Of two that do not go together the one of higher ``priority`` stands, else the better one.
    Where that makes more than 16 sets, each group of promotions at odds is settled by itself (``pricing/stacking.py``).
    """

    code: str
    name: Mapping[str, str]
    funder: Funder | None = None
    funding: Mapping[Funder, int] = {}
    excludes: frozenset[str] = frozenset()
    stacks_with: frozenset[str] = frozenset()
    priority: int = 0

    def __post_init__(self) -> None:
        self._check_named()
        if (self.funder is None) is not bool(self.funding):
            either = "`funder: PLATFORM` or `funding: {PLATFORM: 7, SELLER: 3}`"
            raise ValueError(f"promotion {self.code}: say who pays, either {either}")
        if any(weight <= 0 for weight in self.funding.values()):
            raise ValueError(f"promotion {self.code}: every weight in `funding` is above 0; leave out who pays nothing")
        if self.code in self.excludes:
            raise ValueError(f"promotion {self.code} excludes itself; take it out of `excludes`")
        if both := self.excludes & self.stacks_with:
            raise ValueError(f"promotion {self.code} both excludes {min(both)} and stacks with it; keep one")

    def _check_named(self) -> None:
        if not self.code.strip():
            raise ValueError("a promotion has no `code`; give it one, by which pages, orders and reports name it")
        if not self.name or not all(words.strip() for words in self.name.values()):
            raise ValueError(
                f"promotion {self.code}: write its `name` in one language or more, such as {{en: Welcome}}"
            )

    @property
    def funded_by(self) -> Funding:
        """As the rule takes it, the greatest weight first."""
        if self.funder is not None:
            return ((self.funder, 1),)
        return tuple(sorted(self.funding.items(), key=lambda share: (-share[1], share[0])))

    @property
    def stacking(self) -> Stacking:
        """What it says of others."""
        return Stacking(self.code, self.excludes, self.stacks_with, self.priority)

    @property
    def terms(self) -> Stacking | None:
        """The same for its rules: None where it says nothing, so that pages need not look."""
        return self.stacking if self.excludes or self.stacks_with or self.priority else None
