"""The policy packs that ship with the package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def packs_folder() -> Path:
    """The folder of the packs: inside the installed package, else the repository's `checks/`."""
    shipped = _PACKAGE / "checks"
    return shipped if shipped.is_dir() else _PACKAGE.parent.parent / "checks"


def pack_names() -> tuple[str, ...]:
    """Names of the packs, such as 'baseline'."""
    return tuple(sorted(path.stem for path in packs_folder().glob("*.yaml")))


def pack_for(risk_tier: str) -> str:
    """The pack that `aims init` copies for a system of this risk tier."""
    return "high-risk" if risk_tier == "high" else "baseline"


def pack_path(name: str) -> Path | None:
    """The file of a pack; None if there is no pack of this name."""
    return packs_folder() / f"{name}.yaml" if name in pack_names() else None
