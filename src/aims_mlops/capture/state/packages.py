"""Which packages are installed, and which of them brings a module. Looked at once a process."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path


@cache
def installed_packages() -> dict[str, str]:
    """{name: version} of what is installed, the first on sys.path winning, as an import would.

    Read from the names of the metadata folders, which takes a hundredth of the time that
    parsing every METADATA file takes.
    """
    found: dict[str, str] = {}
    for entry in sys.path:
        folder = Path(entry or ".")
        try:
            names = sorted(path.name for path in folder.iterdir())
        except OSError:
            continue  # a zip file, or a folder that is not there
        for name in names:
            stem, dot, suffix = name.rpartition(".")
            if dot and suffix in ("dist-info", "egg-info"):
                package, _, rest = stem.partition("-")
                version = rest.partition("-py")[0] if suffix == "egg-info" else rest
                if version:
                    found.setdefault(package.lower().replace("_", "-").replace(".", "-"), version)
    return dict(sorted(found.items()))


# Import name of a module -> name of its package, where one is well known; saves a second's search.
_PACKAGES = {"sklearn": "scikit-learn", "yaml": "pyyaml", "PIL": "pillow", "cv2": "opencv-python"}


@cache
def packages_of(module: str) -> tuple[str, ...]:
    """Installed packages that bring a top-level module: ('imbalanced-learn',) for 'imblearn'.

    Empty for a module of the standard library and for one that no package brings, such as a
    script's own.
    """
    installed = installed_packages()
    named = _PACKAGES.get(module, module).lower().replace("_", "-")
    if named in installed:
        return (named,)
    found = {name.lower().replace("_", "-").replace(".", "-") for name in _brought_by(module)}
    return tuple(sorted(found & set(installed)))


def _brought_by(module: str) -> list[str]:
    if module in sys.stdlib_module_names or module.startswith("__"):
        return []
    return _modules_of_packages().get(module, [])


@cache
def _modules_of_packages() -> dict[str, list[str]]:
    from importlib.metadata import packages_distributions

    return {module: list(names) for module, names in packages_distributions().items()}
