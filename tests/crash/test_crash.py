"""The crash run, once: `python -m tests.crash --kills 100` is the long one."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_books_agree_after_a_kill() -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.crash", "--kills", "1", "--seed", "7"]
    result = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=220)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    assert "everything holds" in result.stdout
