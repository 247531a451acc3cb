"""Processes that measure large windows side by side; small ones are measured right here."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from aims_mlops.measures.threads import VARIABLE
from aims_mlops.monitoring.window import Measured, Task, measure_window
from aims_mlops.processes import usable_processors

if TYPE_CHECKING:
    from aims_mlops.monitoring.runner import Measure

SMALL = 4 * 2**20  # bytes of files; less is measured sooner than a process starts
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # of malloc.h


@contextmanager
def measuring(tasks: int, workers: int | None = None) -> Iterator[Measure]:
    """What starts measuring a task, for about so many of them.

    workers : processes at most; as many as there are processors if None.
    """
    count = min(workers or usable_processors(), tasks)
    with ExitStack() as stack:
        pool: ProcessPoolExecutor | None = None

        def measure(task: Task) -> Future[Measured]:
            nonlocal pool
            if count < 2 or sum(file.size for file in task.files) < SMALL:
                return _here(task)
            if pool is None:
                pool = stack.enter_context(_pool(count))
            return _there(pool, task)

        yield measure


def _pool(count: int) -> ProcessPoolExecutor:
    # Not by a fork of this process: the copy could hold a lock that a thread of it held.
    served = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if served else "spawn")
    if served:
        context.set_forkserver_preload([__name__, "aims_mlops.measures.drift.measure"])
    return ProcessPoolExecutor(count, mp_context=context, initializer=_ready)


def _here(task: Task) -> Future[Measured]:
    future: Future[Measured] = Future()
    future.set_result(measure_window(task))
    return future


def _there(pool: ProcessPoolExecutor, task: Task) -> Future[Measured]:
    try:
        return pool.submit(measure_window, task)
    except BrokenProcessPool as error:
        future: Future[Measured] = Future()
        future.set_exception(error)
        return future


def _ready() -> None:
    """Each process has one share of the processors; libraries must not take all of them."""
    import pyarrow as pa

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    os.environ[VARIABLE] = os.environ["OMP_NUM_THREADS"] = "1"
    if _keeps_memory():
        pa.set_memory_pool(pa.system_memory_pool())


def _keeps_memory() -> bool:
    """Have this process keep freed memory for its next window; whether its allocator can.

    Pages that go back to the system after each column are cleared and mapped again for the next;
    processes side by side wait for one another there, a third of their time. Source: mallopt(3).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
