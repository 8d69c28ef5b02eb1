"""What commands of extension packages are given: they may not import the service's own parts that they need.

An entry point of the group ``orderpage.commands`` is a Typer app; its commands find a ``Tools`` in ``context.obj``.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orderpage.engine.plan import PlanSet
    from orderpage.ports import RemotePort


class WrongPackages(Exception):
    """The packages can't be compiled; the text has every mistake with its file and line."""


class Tools:
    """Imports are late, so that no command pays for another's."""

    def folders(self) -> tuple[Path, ...]:
        """The operator's package folders, from the environment. Raises ``SettingsError``."""
        import os  # noqa: PLC0415

        from orderpage.settings import read_settings  # noqa: PLC0415

        return read_settings(os.environ).folders

    def plans(self, folders: Iterable[Path] = (), layers: Mapping[str, str] | None = None) -> "PlanSet":
        """The installed packages with ``folders`` and ``layers`` (file name to YAML) on top, compiled.

        Raises ``WrongPackages``.
        """
        from orderpage.engine.problems import PackageErrors  # noqa: PLC0415
        from orderpage.engine.scenarios import SourceText  # noqa: PLC0415
        from orderpage.packages import Packages  # noqa: PLC0415

        texts = [SourceText(file, text) for file, text in (layers or {}).items()]
        try:
            return Packages(folders, layers=texts).plans.current
        except PackageErrors as errors:
            raise WrongPackages(str(errors)) from None

    def remote(self, plans: "PlanSet") -> "AbstractAsyncContextManager[RemotePort]":
        """The outside, as a server of these plans asks it."""
        from orderpage.adapters.remote.services import RemoteServices  # noqa: PLC0415

        return RemoteServices(plans.plans)
