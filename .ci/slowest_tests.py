"""Passes on what `cargo test` prints, and ends with the ten tests that took the longest.

The test harness starts tests in the order of their names, each as soon as one of its threads is
free, and says only when one ends. From the ends follows when each began.
"""

import heapq
import os
import re
import sys
import time

SLOWEST = 10
ENDED = re.compile(r"^test (\S+)(?: - should panic)? \.\.\. (?:ok|FAILED|ignored)")
RESULT = re.compile(r"^test result: ")

threads = int(os.environ.get("RUST_TEST_THREADS") or len(os.sched_getaffinity(0)))


def durations(began, ends):
    """How long each test took, of tests that ended at `ends` in a harness that began at `began`."""
    free = [began] * threads
    for name in sorted(ends):
        start = heapq.heappop(free)
        heapq.heappush(free, ends[name])
        yield ends[name] - start, name


def main():
    took, ends, began = [], {}, time.monotonic()
    for line in sys.stdin:
        now = time.monotonic()
        sys.stdout.write(line)
        sys.stdout.flush()
        if line.startswith("running "):
            began, ends = now, {}
        elif ended := ENDED.match(line):
            ends[ended[1]] = now
        elif RESULT.match(line):
            took.extend(durations(began, ends))
            ends = {}
    print(f"\nthe {SLOWEST} slowest tests, in seconds:")
    for seconds, name in sorted(took, reverse=True)[:SLOWEST]:
        print(f"{seconds:6.1f}  {name}")


main()
