"""The kernel of a stage as jupyter_client manages it: this interpreter, encrypted, and nothing waited for in vain."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lumier_analysis.pipeline.kernel import TOKEN, fixed_environment

if TYPE_CHECKING:
    from lumier_analysis.pipeline.warm import WarmStart

#: How often a kernel that was told to end is looked for, in seconds.
POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Launch:
    """How the kernel of a staged run is started.

    Attributes
    ----------
    environment : mapping
        All the variables it gets.
    prefix : tuple of str
        What goes before its command.
    hidden : tuple of Path
        Folders besides its own whose paths are taken out of what it prints.
    masked : tuple of Path
        Folders that it finds empty; what `prefix` brings about at a cold start.
    cold : bool
        Whether it may be started cold where it cannot be forked.
    """

    environment: Mapping[str, str]
    prefix: tuple[str, ...] = ()
    hidden: tuple[Path, ...] = ()
    masked: tuple[Path, ...] = ()
    cold: bool = True


def kernel_manager_class(
    root: Path, token: str, ipython_folder: Path, launch: Launch | None = None, warm: WarmStart | None = None
) -> type:
    """Return the kernel manager of one run: this interpreter, in `root`, in the fixed environment, encrypted.

    Parameters
    ----------
    root : Path
        Working folder of the kernel.
    token : str
        Marks the kernel and its children.
    ipython_folder : Path
        An empty folder, so that no start-up file or configuration of the user's takes part.
    launch : Launch, optional
        Of a staged run; its environment takes the place of the fixed one.
    warm : WarmStart, optional
        What the kernel is forked from where that can be; a new interpreter by default.
    """
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager, KernelManager

    from lumier_analysis.pipeline.kernel_client import StageClient

    class StageKernelManager(AsyncKernelManager):
        """Starts the interpreter that runs the pipeline, whatever kernelspec `python3` the user has installed."""

        # Half of it passes before a busy kernel is told to end, all of it before it is killed.
        shutdown_wait_time = 2.0

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.client_factory = StageClient
            # Without encryption ipykernel warns on every start; older jupyter_client has no such setting.
            if self.has_trait("transport_encryption"):
                self.transport_encryption = "auto"
            # By default it stands below the user's home, and is named on the kernel's command line.
            self.connection_file = str(ipython_folder / "kernel.json")
            # Sockets in that folder: a port that was free when it was chosen may be another kernel's a moment later,
            # and the kernel is then dead before its first cell. Their paths have a limit, 103 or 107 characters.
            if os.name == "posix" and len(os.fsencode(self.connection_file)) < 90:
                self.transport = "ipc"

        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(
                argv=[
                    *(launch.prefix if launch else ()),
                    sys.executable,
                    "-m",
                    "ipykernel_launcher",
                    "-f",
                    "{connection_file}",
                ],
                display_name="Python 3",
                language="python",
                metadata={"supported_encryption": ["curve"]},
            )

        async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override]
            environment = {**launch.environment, TOKEN: token} if launch else fixed_environment(token)
            environment["IPYTHONDIR"] = str(ipython_folder)
            # What the cells print comes through the kernel's messages; its own last words at an interrupt are noise.
            settings = {
                "env": environment,
                "cwd": str(root),
                "stdout": subprocess.DEVNULL,
                "stderr": subprocess.DEVNULL,
            }
            if warm is not None:
                from lumier_analysis.pipeline.warm_kernel import warm_provisioner

                self.provisioner = warm_provisioner(warm, launch, kernel_spec=self.kernel_spec, parent=self)
            await KernelManager._async_start_kernel(self, **(kwargs | settings))
            started.append(int(getattr(self.provisioner, "pid", 0) or 0))

        async def _async_wait(self, pollinterval: float = POLL_SECONDS) -> None:
            # Where a later jupyter_client no longer asks for this, the end of a kernel is found a tenth later.
            await KernelManager._async_wait(self, POLL_SECONDS)

    started: list[int] = []
    StageKernelManager.started = started  # type: ignore[attr-defined]
    return StageKernelManager
