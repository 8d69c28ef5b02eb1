"""The README's tree is whole."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "server" / "orderpage"


def test_every_module_of_the_service_stands_in_the_tree() -> None:
    tree = (ROOT / "README.md").read_text("utf-8").partition("\nserver/orderpage/\n")[2].partition("\nextensions/\n")[0]
    named = set(tree.replace(":", " ").replace(",", " ").split())
    modules = {file.name for file in PACKAGE.glob("[!_]*.py")}
    packages = {f"{file.parent.name}/" for file in PACKAGE.glob("*/__init__.py")}
    assert modules | packages <= named
