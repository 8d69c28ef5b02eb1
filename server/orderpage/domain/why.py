"""Why an amount is what it is: the rule, the row and its version, what went in, and what it is the sum of."""

import msgspec


class Why(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An amount of the page, in its minor units. ``path`` names it as the wire does: ``totals.payable``,
    ``lines[3].amount``, ``parcels[p-1].options[SG_DM_AIR].freight``.

    ``rule`` is a code, or what the host did; ``extension`` and ``origin`` (package, file and line) say who put the rule
    there, both empty for the host's own arithmetic. ``row`` is the dated row, ``version`` that of its data. ``inputs``
    are names and values as texts. ``parts`` are the paths that it is the exact sum of; empty where it is none.
    """

    path: str
    amount: int
    rule: str
    extension: str = ""
    origin: str = ""
    row: str = ""
    version: str = ""
    inputs: tuple[tuple[str, str], ...] = ()
    parts: tuple[str, ...] = ()
