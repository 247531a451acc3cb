"""Where the data of a monitor are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aims_mlops.inventory.declared.monitor import Monitor
    from aims_mlops.inventory.declared.system import System


def data_of(system: System, monitor: Monitor) -> str:
    """The template of a window's files: the monitor's own, else the system's inference log."""
    if monitor.data is not None:
        return monitor.data
    return f"{system.inference.folder}/system={system.id}/day={{day}}/*.parquet"
