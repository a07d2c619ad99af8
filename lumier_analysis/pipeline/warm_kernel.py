"""The kernel of a notebook, started warm, as jupyter_client sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

from lumier_analysis.pipeline.warm import WarmStart


class WarmProvisioner(LocalProvisioner):
    """Starts a kernel from the warm process of a run, or as any other where it cannot."""

    warm: WarmStart | None = None
    masked: Sequence[Path] = ()

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the kernel; its command is that of a cold start, of which the module and its arguments count."""
        command = cmd[cmd.index("-m", cmd.index("--") if "--" in cmd else 0) + 1 :]
        process = self.warm and self.warm.start(
            command, environment=kwargs["env"], folder=Path(kwargs["cwd"]), masked=self.masked
        )
        if not process:
            return await super().launch_kernel(cmd, **kwargs)
        # It leads a session and so a group of processes, which signals are sent to.
        self.process = process  # type: ignore[assignment]
        self.pid, self.pgid, self.cwd = process.pid, process.pid, kwargs["cwd"]
        return self.connection_info


def warm_provisioner(warm: WarmStart, masked: Sequence[Path], **kwargs: Any) -> WarmProvisioner:
    """Return what starts one kernel warm.

    Parameters
    ----------
    warm : WarmStart
    masked : sequence of Path
        Folders that it finds empty.
    **kwargs
        For the provisioner: ``kernel_spec`` and ``parent``.
    """
    made = WarmProvisioner(**kwargs)
    made.warm, made.masked = warm, masked
    return made
