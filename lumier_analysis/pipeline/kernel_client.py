"""The client of a stage's kernel: it knows from the kernel itself when that is ready, not from a silence."""

from __future__ import annotations

import time
from queue import Empty

from jupyter_client.asynchronous import AsyncKernelClient

#: Longest wait for one message before the question is put again, in seconds.
ANSWER_SECONDS = 1.0
#: The same for the first message that is broadcast: the subscription may be later than the question.
BROADCAST_SECONDS = 0.2


class StageClient(AsyncKernelClient):  # type: ignore[misc]
    """A client that waits for a kernel no longer than it must."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers and is heard to be idle; what it broadcast until then is dropped.

        jupyter_client takes a fifth of a second without a message for the sign.

        Parameters
        ----------
        timeout : float, optional
            Seconds; no limit by default.

        Raises
        ------
        RuntimeError
            The kernel died, or did not answer in time.
        """
        end = time.monotonic() + (float("inf") if timeout is None else timeout)
        while not await self._answers():
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > end:
                raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")

    async def _answers(self) -> bool:
        """Ask the kernel who it is; tell whether the answer came, and then that it is idle."""
        asked = self.kernel_info()
        try:
            while True:
                reply = await self.get_shell_msg(timeout=ANSWER_SECONDS)
                if reply["msg_type"] == "kernel_info_reply" and reply["parent_header"].get("msg_id") == asked:
                    break
            while True:
                heard = await self.get_iopub_msg(timeout=BROADCAST_SECONDS)
                of_this = heard["parent_header"].get("msg_id") == asked
                if of_this and heard["msg_type"] == "status" and heard["content"]["execution_state"] == "idle":
                    break
        except Empty:
            return False
        self._handle_kernel_info_reply(reply)
        return True
