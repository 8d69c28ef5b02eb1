"""Recorded pages as tests: what ``orderpage diff case`` wrote is replayed, and must come out as it says.

@pytest.mark.parametrize("path", sorted(Path("tests/data/recorded").glob("*.json")), ids=lambda path: path.stem)
def test_a_recorded_page_comes_out_as_was_decided(path: Path) -> None:
    check_case(load_case(path), Packages(), fill_page)      # fill_page: of orderpage.api.to_proto
"""

from pathlib import Path

from orderpage.migration.recording.answering import Fill
from orderpage.migration.recording.case import Case, differences_now, read_case
from orderpage.packages import Packages

__all__ = ["Case", "check_case", "load_case"]


def load_case(path: Path) -> Case:
    """A case from its file. Raises ``ValueError`` with the file's name for what is no case."""
    try:
        return read_case(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def check_case(case: Case, packages: Packages, fill: Fill) -> None:
    """Replay the case by the packages, without asking anybody.

    ``fill`` is ``orderpage.api.to_proto.fill_page``. Raises ``AssertionError`` that lists what came out otherwise, and
    ``NotReplayable`` where the packages need a fact that the case does not have.
    """
    found = differences_now(case, packages.plans.current, fill)
    if found:
        lines = [f"{one.place}: {one.new}, and right is {one.legacy}" for one in found]
        raise AssertionError("\n".join((f"{case.about} ({case.why}) comes out otherwise:", *lines)))
