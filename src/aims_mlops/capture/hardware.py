"""The machine a run is on, from files and the standard library: nothing is started or installed."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

from aims_mlops.processes import usable_processors


def cpu() -> dict[str, Any]:
    """Model and number of processors that this process may use."""
    return {"model": _cpu_model(), "count": os.cpu_count(), "usable": usable_processors()}


def gpus() -> list[str]:
    """Names of the GPUs that the driver or an already imported torch knows; empty if none."""
    names = [
        line.partition(":")[2].strip()
        for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
        for line in _text(path).splitlines()
        if line.startswith("Model:")
    ]
    torch = sys.modules.get("torch")
    if not names and torch is not None and torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return names


def memory_bytes() -> int | None:
    """Physical memory in bytes; None where the platform does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _cpu_model() -> str:
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
