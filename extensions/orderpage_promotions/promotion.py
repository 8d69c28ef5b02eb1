"""What every promotion's settings begin with: its code, its name, and who pays for it."""

from collections.abc import Mapping

from orderpage import Settings
from orderpage.domain.discount import Funder, Funding


class Promotion(Settings, frozen=True, kw_only=True):
    """``funder`` where one pays all, else ``funding``: funders with their weights (``{PLATFORM: 7, SELLER: 3}``)."""

    code: str
    name: Mapping[str, str]
    funder: Funder | None = None
    funding: Mapping[Funder, int] = {}

    def __post_init__(self) -> None:
        if (self.funder is None) is not bool(self.funding):
            raise ValueError(
                f"{self.code}: say who pays, either `funder: PLATFORM` or `funding: {{PLATFORM: 7, SELLER: 3}}`"
            )
        if any(weight <= 0 for weight in self.funding.values()):
            raise ValueError(f"{self.code}: every weight in `funding` is above 0; leave out who pays nothing")

    @property
    def funded_by(self) -> Funding:
        """As the rule takes it, the greatest weight first."""
        if self.funder is not None:
            return ((self.funder, 1),)
        return tuple(sorted(self.funding.items(), key=lambda share: (-share[1], share[0])))
