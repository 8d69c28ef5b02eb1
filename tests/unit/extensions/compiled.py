"""The plans of the repository's own layers."""

from pathlib import Path

from orderpage import facts, points
from orderpage.domain.scenario import Profile
from orderpage.engine.compile import compile_plans
from orderpage.engine.discover import discover_extensions, used_extensions
from orderpage.engine.package import PackageFiles, read_packages
from orderpage.engine.plan import PlanSet
from orderpage.engine.scenarios import SourceText
from orderpage.packages import convert_setting

_ROOT = Path(__file__).parents[3]
SITES = _ROOT / "extensions" / "orderpage_sites"
MORE_SITES = tuple(_ROOT / "deploy" / "sites" / name for name in ("australia", "overseas"))


def compiled(*folders: Path) -> PlanSet:
    """Of all layers and scenarios of the folders, as ``serve`` compiles them."""
    layers = tuple(_source(path) for folder in folders for path in sorted((folder / "layers").glob("*.yaml")))
    scenarios = tuple(_source(folder / "scenarios.yaml") for folder in folders)
    packages = read_packages(PackageFiles(scenarios, layers), points.ALL)
    return compile_plans(
        points=points.ALL,
        dimensions=packages.scenarios.dimensions,
        layers=packages.layers,
        extensions=discover_extensions(used_extensions(packages.layers)),
        profile_type=Profile,
        host_facts=(facts.BUYER,),
        host_needs=(facts.CATALOGUE, facts.RATE),
        dec_hook=convert_setting,
    )


def _source(path: Path) -> SourceText:
    return SourceText(path.name, path.read_text(encoding="utf-8"))
