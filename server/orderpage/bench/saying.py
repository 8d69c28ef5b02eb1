"""How a process of the bench answers whoever started it: a line of JSON on standard output."""

import json
import sys
from collections.abc import Mapping
from typing import Any


def say(message: Mapping[str, Any]) -> None:
    """Write the line now."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
