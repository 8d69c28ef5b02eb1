"""orderpage: a checkout orchestrator for cross-border order pages.

These names, with the modules ``points``, ``facts``, ``ports``, ``domain`` and ``testing``, are what extensions may
import; deliverers also ``delivering``, and commands ``tools``. The rest is the service's own; ``lint-imports`` checks.
"""

from orderpage.engine.extension import Settings, extends, extension
from orderpage.engine.point import Fact

__all__ = ["Fact", "Settings", "extends", "extension"]
__version__ = "0.1.0"
