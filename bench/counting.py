"""Counts that do not depend on the machine's mood: instructions and allocations (callgrind) and
system calls (strace) of a proxy, per unit of work.

Each is a difference quotient: the proxy is started twice, does a little work once and more the
other time, and the difference in counts is divided by the difference in work. What start, warm-up
and shutdown cost is in both and falls out.
"""

import collections
import contextlib
import dataclasses
import os
import re
import shutil
import signal
import socket
import time

from processes import BenchError

ALLOCATORS = re.compile(
    r"(malloc|calloc|realloc|memalign|posix_memalign|aligned_alloc"
    r"|mi_(malloc|calloc|realloc|new)\w*)(@@?[\w.]+)?$")


@dataclasses.dataclass(frozen=True)
class Scenario:
    """What one unit of work is, and how little and how much of it is done."""

    name: str
    connections: int
    streaming: bool
    few: int
    many: int


# 64 connections: the load of the CPU figures, where the proxy handles events in batches.
BUSY_CHAT = Scenario("chat_4k_busy", connections=64, streaming=False, few=640, many=3200)
# One connection: nothing depends on how events happen to batch, so these counts are the same
# everywhere and make baselines.
CHAT = Scenario("chat_4k", connections=1, streaming=False, few=300, many=1500)
EVENT = Scenario("sse_event", connections=1, streaming=True, few=50, many=350)
# Slow enough that a proxy under valgrind or strace still sees each event alone.
EVENT_GAP_US = 4000

# Few enough that the first requests of all sessions, which are routed, are in both amounts of work.
SESSIONS = 100

# The counts are of the request path: nothing that writes in the background by wall time, which
# valgrind stretches.
QUIET_CONFIG = {"state": {"engine": "memory"}}


def _run(proxy, tools, folder, scenario, amount, wrapper, is_parent):
    """Does `amount` of the work behind a freshly started proxy and stops it. `is_parent`: the
    wrapper runs the proxy as its child, rather than becoming it."""
    with tools.origin(folder, gap_us=EVENT_GAP_US, tick_us=EVENT_GAP_US) as origin:
        with proxy.start(folder / f"{scenario.name}-{amount}", origin.port, tools.on_cores,
                         wrapper=wrapper, ready_timeout_s=120) as running:
            if scenario.streaming:
                tools.load(running.stream_port, connections=1, requests=1, stream_events=amount,
                           stall_ms=60000)
            else:
                tools.load(running.port, connections=scenario.connections, requests=amount,
                           sessions=SESSIONS, stall_ms=60000)
            _stop(running, running.process.pids()[1 if is_parent else 0])


def _quotient(count, scenario):
    few, many = count(scenario.few), count(scenario.many)
    return {key: (many[key] - few[key]) / (scenario.many - scenario.few) for key in many}


def callgrind(proxy, tools, folder, scenario):
    """{"instructions": …, "allocations": …} per unit: user space only, all threads."""
    _need("valgrind")

    def count(amount):
        out = folder / f"callgrind-{scenario.name}-{amount}.out"
        wrapper = ["valgrind", "--tool=callgrind", "--compress-strings=yes", "--compress-pos=yes",
                   "--dump-instr=no", f"--callgrind-out-file={out}"]
        _run(proxy, tools, folder, scenario, amount, wrapper, is_parent=False)
        return read_callgrind(out)

    return _quotient(count, scenario)


def read_callgrind(path):
    """The totals of a callgrind profile: instructions, and calls of the allocators."""
    names = {}
    instructions = None
    allocations = 0
    callee = None
    if not path.exists():
        raise BenchError(f"valgrind left no profile at {path}; did the proxy end by a signal?")
    with open(path, errors="replace") as lines:
        for line in lines:
            if line.startswith(("fn=", "cfn=")):
                kind, _, value = line.rstrip("\n").partition("=")
                number, _, name = value.partition(" ")
                if name:
                    names[number] = name.split("'")[0]
                callee = names[number] if kind == "cfn" else None
            elif line.startswith("calls=") and callee is not None:
                if ALLOCATORS.match(callee):
                    allocations += int(line[6:].split()[0])
            elif line.startswith(("summary:", "totals:")):
                instructions = int(line.split()[1])
    if instructions is None:
        raise BenchError(f"{path} has no totals")
    return {"instructions": instructions, "allocations": allocations}


def system_calls(proxy, tools, folder, scenario):
    """{"system_calls": …, "by_call": {name: …}} per unit, all threads."""
    _need("strace")

    def count(amount):
        out = folder / f"strace-{scenario.name}-{amount}.out"
        wrapper = ["strace", "-f", "-c", "-qq", "-o", str(out)]
        _run(proxy, tools, folder, scenario, amount, wrapper, is_parent=True)
        return read_strace(out)

    per_unit = _quotient(count, scenario)
    return {"system_calls": sum(per_unit.values()),
            "by_call": {name: round(value, 3) for name, value in sorted(per_unit.items())
                        if abs(value) >= 0.005}}


def read_strace(path):
    """Calls by name from the table of `strace -c`."""
    calls = collections.Counter()
    for line in path.read_text().splitlines():
        columns = line.split()
        if len(columns) >= 5 and columns[0][0].isdigit() and columns[-1] != "total":
            calls[columns[-1]] += int(columns[3])
    if not calls:
        raise BenchError(f"strace counted nothing in {path}; may this user trace processes?")
    return calls


def _stop(running, pid):
    """Ends the proxy itself, which may be the child of its wrapper, and waits for its wrapper to
    write what it counted."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 60
    while not running.process.ended() and time.monotonic() < deadline:
        # A signal that comes just before the proxy waits for events is only seen at the next one;
        # under valgrind and strace that is not rare, so there is always a next one.
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", running.port), timeout=1).close()
        time.sleep(0.1)


def _need(tool):
    if shutil.which(tool) is None:
        raise BenchError(f"{tool} is not installed; the counts need it")
