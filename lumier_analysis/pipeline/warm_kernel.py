"""The kernel of a notebook, started warm, as jupyter_client sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

from lumier_analysis.pipeline.kernel_manager import Launch
from lumier_analysis.pipeline.warm import WarmStart


class WarmProvisioner(LocalProvisioner):
    """Starts a kernel from the warm process of a run, or as any other where it cannot."""

    warm: WarmStart | None = None
    launch: Launch | None = None

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the kernel; its command is that of a cold start, of which the module and its arguments count."""
        command = cmd[cmd.index("-m", cmd.index("--") if "--" in cmd else 0) + 1 :]
        masked = self.launch.masked if self.launch else ()
        process = self.warm and self.warm.start(
            command, environment=kwargs["env"], folder=Path(kwargs["cwd"]), masked=masked
        )
        if not process:
            if self.launch and not self.launch.cold:
                raise RuntimeError("there is nothing to fork it from")
            return await super().launch_kernel(cmd, **kwargs)
        # It leads a session and so a group of processes, which signals are sent to.
        self.process = process  # type: ignore[assignment]
        self.pid, self.pgid, self.cwd = process.pid, process.pid, kwargs["cwd"]
        return self.connection_info


def warm_provisioner(warm: WarmStart, launch: Launch | None, **kwargs: Any) -> WarmProvisioner:
    """Return what starts one kernel warm.

    Parameters
    ----------
    warm : WarmStart
    launch : Launch, optional
        Of a staged run.
    **kwargs
        For the provisioner: ``kernel_spec`` and ``parent``.
    """
    made = WarmProvisioner(**kwargs)
    made.warm, made.launch = warm, launch
    return made
