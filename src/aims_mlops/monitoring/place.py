"""Where the data of a monitor are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aims_mlops.errors import InputError

if TYPE_CHECKING:
    from aims_mlops.inventory.monitoring import Monitor
    from aims_mlops.inventory.project import Project
    from aims_mlops.inventory.system import System


def data_of(project: Project, system: System, monitor: Monitor) -> str:
    """The template of a window's files: the monitor's own, else the system's inference log.

    Raises InputError if there is neither.
    """
    if monitor.data is not None:
        return monitor.data
    raise InputError(
        f"monitoring {system.id}/{monitor.id} names no data",
        expected="data, or the system's inference log",
        next_step="add data: data/{day}.parquet to it in aims.yaml",
    )
