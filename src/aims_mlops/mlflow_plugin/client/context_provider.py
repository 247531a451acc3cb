"""Tags that MLflow puts on each run of a client that has aims-mlops installed.

MLflow itself tags the commit, and not whether the tree differed from it. Loaded at `import mlflow`,
so nothing of ours is imported before a run begins.
"""

from __future__ import annotations

import sys
from pathlib import Path


class AimsRunContext:
    """A run-context provider of MLflow, by its methods.

    Tags: `aims.git.commit`, `aims.git.dirty`, `aims.git.diff`, and `aims.run` in a run of ours.

    git is asked once a process and folder. `aims.run` tells a server that captures runs by itself
    that this one is being captured here.
    """

    def in_context(self) -> bool:
        """Whether MLflow is to ask for tags: always, unless switched off."""
        from aims_mlops.capture.state.settings import switched_off

        sightings = sys.modules.get("aims_mlops.mlflow_plugin.client.sightings")
        if sightings is not None:  # MLflow was imported after a run of ours had begun
            sightings.install()
        return not switched_off()

    def tags(self) -> dict[str, str]:
        """The tags that MLflow puts on a new run."""
        from aims_mlops.capture.facts.code import git_state
        from aims_mlops.capture.state.current import active_run

        state = git_state(_folder())
        found: dict[str, str] = {}
        if state["commit"] is not None:
            found["aims.git.commit"] = state["commit"]
        if state["dirty"] is not None:
            found["aims.git.dirty"] = "true" if state["dirty"] else "false"
        if state["diff_sha256"] is not None:
            found["aims.git.diff"] = state["diff_sha256"]
        run = active_run()
        if run is not None and run.recorded:
            found["aims.run"] = run.id
            if run.system is not None:
                found["aims.system"] = run.system
        return found


def _folder() -> str:
    """The folder of the script that runs, else the working folder, as in a notebook."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return str(Path(path).absolute().parent) if isinstance(path, str) else str(Path.cwd())
