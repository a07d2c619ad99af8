"""A kernel is waited for until it says that it is ready, no longer."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from lumier_analysis.pipeline.kernel import end_processes, run_token
from lumier_analysis.pipeline.kernel_client import StageClient
from lumier_analysis.pipeline.kernel_manager import kernel_manager_class

pytestmark = pytest.mark.pipeline


class Told(StageClient):  # type: ignore[misc]
    """A client that hears what it is told, in place of a kernel."""

    def tell(self, shell: list[Any], broadcast: list[Any], alive: bool = True) -> Told:
        self._shell, self._broadcast, self._alive, self.asked = shell, broadcast, alive, 0
        return self

    def kernel_info(self) -> str:
        self.asked += 1
        return f"q{self.asked}"

    async def get_shell_msg(self, **kwargs: Any) -> Any:
        return self._next(self._shell)

    async def get_iopub_msg(self, **kwargs: Any) -> Any:
        return self._next(self._broadcast)

    async def is_alive(self) -> bool:
        return self._alive

    def _next(self, messages: list[Any]) -> Any:
        from queue import Empty

        if not messages or messages[0] is None:
            del messages[:1]
            raise Empty
        return messages.pop(0)

    def _handle_kernel_info_reply(self, reply: Any) -> None:
        self.handled = reply


def reply(question: str) -> dict[str, Any]:
    return {"msg_type": "kernel_info_reply", "parent_header": {"msg_id": question}, "content": {}}


def status(state: str, question: str = "") -> dict[str, Any]:
    parent = {"msg_id": question} if question else {}
    return {"msg_type": "status", "parent_header": parent, "content": {"execution_state": state}}


def wait(client: StageClient, seconds: float | None = None) -> None:
    asyncio.run(client.wait_for_ready(seconds))


def test_it_waits_for_the_idle_that_follows_its_own_question() -> None:
    later = [{"msg_type": "stream", "parent_header": {"msg_id": "cell"}}]
    heard = [status("starting"), status("idle", "other"), status("busy", "q1"), status("idle", "q1"), *later]
    client = Told().tell([reply("old"), reply("q1")], heard)
    wait(client)
    assert client.asked == 1 and client.handled == reply("q1")
    assert heard == later, "what the first cell says is not taken away"


def test_it_asks_again_where_the_answer_or_the_broadcast_did_not_come() -> None:
    heard = [None, status("busy", "q3"), status("idle", "q3")]
    client = Told().tell([None, reply("q2"), reply("q3")], heard)
    wait(client)
    assert client.asked == 3 and client.handled == reply("q3")


def test_a_kernel_that_died_or_never_answers_is_told() -> None:
    with pytest.raises(RuntimeError, match="Kernel died before replying"):
        wait(Told().tell([], [], alive=False))
    with pytest.raises(RuntimeError, match="didn't respond in 0 seconds"):
        wait(Told().tell([], []), 0.0)


def test_a_real_kernel_answers_and_ends_at_once(tmp_path: Path) -> None:
    token = run_token()

    async def go() -> tuple[list[str], float]:
        manager = kernel_manager_class(tmp_path, token, tmp_path)()
        await manager.start_kernel()
        client = manager.client()
        assert isinstance(client, StageClient)
        client.start_channels()
        await client.wait_for_ready(60)
        asked = client.execute("print('here')")
        said: list[str] = []
        while True:
            heard = await client.get_iopub_msg(timeout=30)
            assert heard["parent_header"]["msg_id"] == asked, "left over from before"
            if heard["msg_type"] == "stream":
                said.append(heard["content"]["text"])
            if heard["content"].get("execution_state") == "idle":
                break
        began = time.monotonic()
        await manager.shutdown_kernel()
        client.stop_channels()
        return said, time.monotonic() - began

    try:
        said, seconds = asyncio.run(go())
    finally:
        left = end_processes(token)
    assert said == ["here\n"] and left == 0
    assert seconds < 0.9, "it ended by itself, not by a signal after its time was up"
