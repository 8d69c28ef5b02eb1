"""What the commands of ``orderpage traffic`` take. It imports little: every command line of orderpage loads it."""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

FILE_VARIABLE = "ORDERPAGE_FLAGS"
RAMPS_VARIABLE = "ORDERPAGE_RAMPS"

Site = Annotated[str, typer.Option(help="Left out: every site.")]
Business = Annotated[str, typer.Option(help="Left out: every business.")]
Client = Annotated[str, typer.Option(help="Left out: every client.")]
Crowd = Annotated[str, typer.Option(help="Left out: every crowd.")]
Everything = Annotated[bool, typer.Option("--everything", help="Every checkout, instead of a scope.")]
Version = Annotated[str, typer.Option(help='Only clients of these versions, such as "<3.2.0".')]
Lower = Annotated[bool, typer.Option("--lower", help="It is meant that buyers leave the new page.")]
File = Annotated[Path | None, typer.Option("--file", "-f", help=f"The flag file. Left out: from {FILE_VARIABLE}.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the history. Needed for what is written.")]
Actor = Annotated[str, typer.Option(help="Who; left out, who is logged in.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Print = Annotated[bool, typer.Option("--print", help="Print the new file instead of writing it.")]


class Where(NamedTuple):
    """Which checkouts a command names; empty is every value."""

    site: str
    business: str
    client: str
    crowd: str
    everything: bool = False
    version: str = ""


class How(NamedTuple):
    """How a command edits: which file, why, who, and whether it asks, only prints, or may lower."""

    file: Path | None
    reason: str
    actor: str
    ask: bool
    only_print: bool
    lower: bool = False
