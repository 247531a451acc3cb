"""Every route of the console, for whoever puts an application together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aims_mlops.web.routes.assessments import assessments_router
from aims_mlops.web.routes.files import files_router
from aims_mlops.web.routes.pages import Console, pages_router
from aims_mlops.web.routes.registers import registers_router
from aims_mlops.web.routes.reports import reports_router

if TYPE_CHECKING:
    from fastapi import APIRouter


def console_routers(console: Console) -> tuple[APIRouter, ...]:
    """The files first: an address such as systems.csv is no system."""
    return (
        files_router(console),
        assessments_router(console),
        registers_router(console),
        reports_router(console),
        pages_router(console),
    )
