from __future__ import annotations

import subprocess
import sys
import time

from lumier_analysis.pipeline.machine import memory_watched, processor


def test_the_memory_of_a_process_and_of_its_children_is_seen() -> None:
    grandchild = "import time; block = bytearray(60_000_000); time.sleep(0.6)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    with memory_watched(0.05) as memory:
        subprocess.run([sys.executable, "-c", child], check=True)
    assert 60e6 < memory.peak < 400e6


def test_nothing_started_takes_nothing() -> None:
    with memory_watched(0.02) as memory:
        time.sleep(0.1)
    assert memory.peak == 0


def test_a_processor_has_a_name() -> None:
    assert processor()
