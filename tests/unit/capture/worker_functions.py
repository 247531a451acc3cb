"""Decorated functions that worker processes import by name."""

from __future__ import annotations

import os

import aims_mlops as aims


@aims.training(system="workers", mlflow=False)
def square(x: int) -> tuple[int, int]:
    """The square, and the process that computed it."""
    aims.current_run().parameter("process", os.getpid())
    return x * x, os.getpid()


class Trainer:
    @aims.training(mlflow=False)
    def cube(self, x: int) -> int:
        return x**3
