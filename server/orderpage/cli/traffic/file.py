"""The flag file that a command is about, and the packages whose cells it is about."""

import os
from pathlib import Path

from orderpage.cli.failures import UserMistake
from orderpage.cli.traffic.cells import Dimensions
from orderpage.cli.traffic.options import FILE_VARIABLE
from orderpage.migration.flags.edit import Reading, read
from orderpage.migration.flags.errors import FlagError


def flag_path(file: Path | None) -> Path:
    """Of ``--file``, else of the environment. Raises ``UserMistake``."""
    where = str(file) if file else os.environ.get(FILE_VARIABLE, "")
    if not where:
        raise UserMistake(f"name the flag file: --file flags.json, or {FILE_VARIABLE}")
    if where.startswith("flagd:"):
        raise UserMistake(f"{where} is a running flagd: name the file that it reads, by --file, or edit it there")
    return Path(where)


def read_file(path: Path) -> Reading:
    """The file as it is. Raises ``UserMistake`` when it is broken."""
    try:
        return read(path)
    except FlagError as error:
        raise UserMistake(str(error)) from None


def dimensions() -> Dimensions:
    """The closed values of the compiled packages."""
    from orderpage.packages import Packages
    from orderpage.settings import read_settings

    return Packages(read_settings(os.environ).folders).plans.current.dimensions
