"""Which checkouts something is about: a pattern over the dimensions that traffic is moved by."""

from typing import NamedTuple

ANY = "*"


class TrafficCell(NamedTuple):
    """Where a checkout belongs. What is counted, compared and moved is so by this cell."""

    site: str
    business: str
    client: str
    crowd: str

    def __str__(self) -> str:
        """``SG marketplace h5 everyone``."""
        return " ".join(self)


class Scope(NamedTuple):
    """A set of cells: each dimension a value, or ``*`` for every one. Most decisive first, as in packages."""

    site: str = ANY
    business: str = ANY
    client: str = ANY
    crowd: str = ANY

    def covers(self, cell: TrafficCell) -> bool:
        """Whether the cell is in it."""
        return all(mine in (ANY, its) for mine, its in zip(self, cell, strict=True))

    def meets(self, other: "Scope") -> bool:
        """Whether a cell can be in both."""
        return all(mine == its or ANY in (mine, its) for mine, its in zip(self, other, strict=True))

    def holds(self, other: "Scope") -> bool:
        """Whether every cell of the other is in it."""
        return all(mine in (ANY, its) for mine, its in zip(self, other, strict=True))

    @property
    def specificity(self) -> tuple[bool, ...]:
        """Sorts scopes: the greater one decides. Never equal for two scopes that cover one cell and differ."""
        return tuple(value != ANY for value in self)

    def __str__(self) -> str:
        """``site=SG client=h5``, or ``everything``."""
        named = [f"{name}={value}" for name, value in zip(self._fields, self, strict=True) if value != ANY]
        return " ".join(named) or "everything"
