from __future__ import annotations

import subprocess
import sys

from lumier_analysis.pipeline.process_mark import is_running, process_mark, this_process


def test_marks_tell_processes_apart() -> None:
    me = this_process()
    assert is_running(me) and is_running({k: v for k, v in me.items() if k != "mark"})
    assert not is_running(me | {"mark": f"{me['mark']}0"})
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    assert process_mark(child.pid) not in (None, process_mark())
    child.communicate()
    assert process_mark(child.pid) is None and not is_running(me | {"pid": child.pid})
