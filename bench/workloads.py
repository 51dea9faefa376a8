"""The canonical workloads: an origin behind a proxy, a load in front of it, figures of one run."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess

from processes import BenchError, Process


@dataclasses.dataclass
class Tools:
    """The compiled helpers, and the cores that they run on."""

    folder: pathlib.Path
    on_cores: list

    def load(self, port, **flags):
        """Runs the load generator to its end and returns what it counted. Every answer was
        checked; a single wrong one is an error."""
        command = [str(self.folder / "load"), "--port", str(port)]
        for name, value in flags.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             preexec_fn=lambda: os.sched_setaffinity(0, self.on_cores))
        if run.returncode != 0:
            raise BenchError(f"{' '.join(command)}\n{run.stderr.strip()}")
        return json.loads(run.stdout)

    @contextlib.contextmanager
    def origin(self, folder, **flags):
        """A running origin: yields its process, with the port as `port`."""
        command = [str(self.folder / "origin")]
        for name, value in flags.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        with Process(command, pathlib.Path(folder) / "origin.log", self.on_cores,
                     stdout=subprocess.PIPE) as process:
            line = process.stdout.readline().decode().split()
            if len(line) != 2:
                raise BenchError(f"origin did not start: {process.last_words()}")
            process.port = int(line[1])
            yield process


def find_tools(arguments, on_cores):
    root = pathlib.Path(__file__).resolve().parent.parent
    folders = [pathlib.Path(arguments.tools)] if arguments.tools else [
        pathlib.Path(arguments.binary).parent / "bench", root / "build/bench/bench"]
    for folder in folders:
        if (folder / "load").exists() and (folder / "origin").exists():
            return Tools(folder.resolve(), on_cores)
    raise BenchError(f"no load and origin in {', '.join(map(str, folders))}; build them: "
                     "cmake --preset bench && cmake --build --preset bench --target bench_load "
                     "bench_origin")


# A gap of 2.1 ms on 64 streams is 30,000 events a second: busy, but far enough from saturation that
# each event reaches the proxy as a packet of its own (events_per_read shows it). All streams tick
# together: what an event costs then depends on the proxy, and not on how many events happen to
# fall into one wake-up (with independent streams the figures of one proxy differ by a quarter).
# Not 2.0 ms: the kernel's tick is often 4 ms, samples in step with the bursts, and would take them
# for all that ever runs.
GAP_US = 2100
ORIGIN_FLAGS = {"gap_us": GAP_US, "tick_us": GAP_US}


@dataclasses.dataclass(frozen=True)
class Workload:
    """What is sent, and what one unit of work is in it."""

    unit: str  # answered | events
    connections: int = 64
    body_bytes: int = 4096
    stream_events: int = 0  # 0: whole answers.

    def flags(self, duration_ms):
        """The load's flags for about this long. A stream workload counts streams instead, because
        a stream that is cut by the end of the run would be a wrong answer."""
        flags = {"connections": self.connections, "body_bytes": self.body_bytes}
        if self.stream_events == 0:
            return {**flags, "duration_ms": duration_ms}
        one_stream_ms = (self.stream_events + 1) * GAP_US / 1000
        streams = self.connections * max(1, round(duration_ms / one_stream_ms))
        return {**flags, "stream_events": self.stream_events, "requests": streams}


CPU_4K = Workload("answered")
CPU_64K = Workload("answered", body_bytes=65536)
SSE = Workload("events", stream_events=400)
LATENCY = Workload("answered", connections=1)
FIRST_EVENT = Workload("answered", connections=1, stream_events=1)


@dataclasses.dataclass
class Figures:
    """One run of one workload."""

    cpu_us: float  # Of the proxy's processes, user and system, per unit of work.
    per_s: float
    busy: float  # Share of one core that the proxy used.
    p50_us: float
    p99_us: float
    events_per_read: float
    foreign: float  # Share of a core that strangers used meanwhile: see `ForeignTime`.
    by_thread_us: dict  # CPU per unit by thread name, for the reader of the report.


class ForeignTime:
    """Watches whether others use the cores of a measurement: busy time of a core (/proc/stat, by
    ticks) less the CPU time of the processes that belong there."""

    def __init__(self, *residents):
        self._residents = residents  # (cores, processes)
        self._begin = [self._now(*each) for each in residents]

    @staticmethod
    def _now(on_cores, processes):
        busy_ns = 0
        for line in pathlib.Path("/proc/stat").read_text().splitlines():
            columns = line.split()
            if columns[0] in {f"cpu{core}" for core in on_cores}:
                user, nice, system, _, _, irq, softirq, steal = map(int, columns[1:9])
                ticks = user + nice + system + irq + softirq + steal
                busy_ns += ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        return busy_ns - sum(process.cpu_ns() for process in processes)

    def share(self, elapsed_s, ended_ns):
        """The larger share over the cores; `ended_ns` is the CPU time of processes that lived on
        the last of them and have ended."""
        strange = [self._now(*each) - begin for each, begin in zip(self._residents, self._begin)]
        strange[-1] -= ended_ns
        return max(0, *strange) / 1e9 / elapsed_s


def measure(tools, workload, running, origin, duration_ms):
    """Runs the workload once through a running proxy; without one (None) straight to the origin,
    where what is left is the tools' own time."""
    proxy = running.process if running else None
    before = proxy.cpu_by_thread_ns() if proxy else {}
    foreign = ForeignTime((proxy.on_cores if proxy else [], [proxy] if proxy else []),
                          (tools.on_cores, [origin]))
    port = origin.port if not proxy else \
        running.stream_port if workload.stream_events else running.port
    seen = tools.load(port, **workload.flags(duration_ms))
    after = proxy.cpu_by_thread_ns() if proxy else {}
    units = seen[workload.unit]
    by_thread = {}
    for thread, spent in after.items():
        name = thread[2]
        by_thread[name] = by_thread.get(name, 0) + (spent - before.get(thread, 0)) / 1e3 / units
    cpu_us = sum(by_thread.values())
    return Figures(
        cpu_us=cpu_us, per_s=units / seen["elapsed_s"],
        busy=cpu_us * units / 1e6 / seen["elapsed_s"],
        p50_us=seen["latency_us"]["p50"], p99_us=seen["latency_us"]["p99"],
        events_per_read=seen["events"] / max(1, seen["reads"]),
        foreign=foreign.share(seen["elapsed_s"], seen["cpu_s"] * 1e9), by_thread_us=by_thread)
