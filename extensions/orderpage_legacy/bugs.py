"""Faults that the old page can be told to have, so that a migration has something to find."""

from collections.abc import Mapping

BUGS: Mapping[str, str] = {
    "remote-on-top": "Hong Kong: the fee for a remote area is charged on top of home delivery, not in its place.",
    "round-line": "A line's price is converted as quantity × price, so it is not the unit's price × quantity.",
    "late-at-cutoff": "A payment at 16:00:00 exactly counts as too late for that day.",
    "double-space": "The names of consolidation methods have two spaces for one. Only a text differs.",
    "lost-service-order": "An order misses the last of its service orders. The page is right.",
    "slow": "Every 20th call takes 50 ms longer.",
    "flaky": "Every 50th Render answers SYS_UNKNOWN.",
}
"""Name and what it does, in a sentence."""
