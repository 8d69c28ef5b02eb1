"""Make the Python stubs of the wire contract, or check that the committed ones are what the protos say.

python protos/generate.py           writes generated/
python protos/generate.py --check   exits with 1 and names the files that differ
"""

import argparse
import filecmp
import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROTOS = Path(__file__).resolve().parent
GENERATED = PROTOS.parent / "generated"
ROOT = Path("crossborder")
OUTPUTS = ("python", "grpc_python", "mypy", "mypy_grpc")


def generate(target: Path) -> None:
    """Write the stubs under ``target``. Raises ``SystemExit`` with the compiler's words when it refuses a proto."""
    target.mkdir(parents=True, exist_ok=True)
    plugins = [f"--plugin={name}={_script(name)}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    outputs = [f"--{name}_out={target}" for name in OUTPUTS]
    sources = sorted(path.relative_to(PROTOS).as_posix() for path in (PROTOS / ROOT).rglob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={PROTOS}", *plugins, *outputs, *sources]
    if subprocess.run(command, cwd=PROTOS, check=False).returncode:  # noqa: S603  # our own words only
        raise SystemExit("protos/generate.py: the compiler refused a proto; see above, and run `buf lint protos`")
    for folder in [target / ROOT, *(path for path in (target / ROOT).rglob("*") if path.is_dir())]:
        (folder / "__init__.py").touch()
    (target / ROOT / "py.typed").touch()


def drift(target: Path) -> list[str]:
    """The files under ``target`` and the committed ones that are not the same, by name."""
    made, kept = _files(target), _files(GENERATED)
    differing = filecmp.cmpfiles(target, GENERATED, made & kept, shallow=False)
    return sorted((made ^ kept) | set(differing[1]) | set(differing[2]))


def main() -> None:
    """Generate, or check."""
    parser = argparse.ArgumentParser(description="Make the Python stubs of the wire contract.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the committed stubs differ")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        generate(target)
        if check:
            _report(drift(target))
            return
        shutil.rmtree(GENERATED / ROOT, ignore_errors=True)
        shutil.copytree(target, GENERATED, dirs_exist_ok=True)


def _report(differing: list[str]) -> None:
    if differing:
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("grpcio-tools", "mypy-protobuf"))
        sys.stderr.write(f"generated/ is not what the protos say ({versions}): {', '.join(differing)}\n")
        raise SystemExit("run `python protos/generate.py` and commit the result")


def _files(root: Path) -> set[str]:
    paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if "__pycache__" not in path.parts}


def _script(name: str) -> Path:
    # Beside this interpreter first: with an environment that is not activated, PATH leads elsewhere.
    beside = Path(sys.executable).parent / name
    found = beside if beside.exists() else shutil.which(name)
    if found is None:
        raise SystemExit(f"{name} is not installed: pip install -e '.[dev]'")
    return Path(found)


if __name__ == "__main__":
    main()
