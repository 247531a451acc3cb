"""The environment of a run: packages, platform, hardware. Looked at once a process."""

from __future__ import annotations

import platform
from functools import cache
from typing import Any

from aims_mlops.capture.hardware import cpu, gpus, memory_bytes
from aims_mlops.capture.state.packages import installed_packages
from aims_mlops.plugins import loaded_plugins


@cache
def environment() -> dict[str, Any]:
    """The body of `environment` evidence; no environment variable, host or user name."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": installed_packages(),
        "cpu": cpu(),
        "gpu": gpus(),
        "memory_bytes": memory_bytes(),
        "plugins": [
            {"name": p.name, "version": p.version, "origin": p.origin, "problem": p.problem}
            for p in loaded_plugins()
        ],
    }
