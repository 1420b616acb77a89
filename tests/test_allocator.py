"""Freed memory that stays in the process, seen in page faults; in a process of its own, which it would change."""

import platform
import subprocess
import sys

import pytest

# A thread that is not the first one, as TensorFlow's are: 20 blocks of 4 MiB, all freed, round after round.
ROUNDS = """
import resource, sys, threading
import numpy as np

if sys.argv[1] == "keep":
    import pipelines

def round_of_blocks():
    blocks = [np.ones(2**19) for _ in range(20)]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def rounds():
    for _ in range(3):
        round_of_blocks()
    before = faults()
    for _ in range(10):
        round_of_blocks()
    print(faults() - before)

thread = threading.Thread(target=rounds)
thread.start()
thread.join()
"""


def page_faults(what):
    return int(subprocess.check_output([sys.executable, "-c", ROUNDS, what], text=True))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator can be told")
def test_freed_memory_stays():
    assert page_faults("keep") < page_faults("let go") / 10
