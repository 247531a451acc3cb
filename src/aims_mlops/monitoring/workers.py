"""Processes that measure large windows side by side; small ones are measured right here."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from aims_mlops.measures.threads import VARIABLE
from aims_mlops.monitoring.window import Measured, Task, measure_window

if TYPE_CHECKING:
    from aims_mlops.monitoring.running import Measure

SMALL = 4 * 2**20  # bytes of files; less is measured sooner than a process starts


@contextmanager
def measuring(tasks: int, workers: int | None = None) -> Iterator[Measure]:
    """What starts measuring a task, for about so many of them.

    workers : processes at most; as many as there are processors if None.
    """
    count = min(workers or os.cpu_count() or 1, tasks)
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
