#!/usr/bin/env python3
"""Watches the memory of the proxy under many requests, then under many streams that their clients
abort half-way.

Each request belongs to a session. In between, so many more sessions come than there is room for pins
that each one finds its pin gone when it comes again. Tables are full after the warm-up: from then on
memory has to stay flat. Status 1 when it grows by more than the bound.
"""

import argparse
import json
import sys
import time

from processes import BenchError, cores, scratch_folder
import proxies
import workloads

STEPS = 10
WARM_UP_STEPS = 2
SESSIONS = 1000
BOUNDED_CONFIG = {"routing": {"session_max_entries": SESSIONS}}
CONNECTIONS = 64
ABORT_AFTER_EVENTS = 3
STREAM_EVENTS = 1000
# Freed memory goes back late, and a worker finishes what is in flight: look when it is quiet.
SETTLE_S = 0.5

class Phase:
    """Ten steps of one kind of work, with the memory after each."""

    def __init__(self, name, bound_bytes):
        self.name = name
        self.bound_bytes = bound_bytes
        self.samples = []
        self.work = 0
        self.elapsed_s = 0.0

    def run(self, process, total, step):
        begin = time.monotonic()
        for number in range(1, STEPS + 1):
            done = total * number // STEPS
            step(self.work, done - self.work)
            self.work = done
            time.sleep(SETTLE_S)
            self.samples.append(process.rss_bytes())
            print(f"{self.name:10}{done:12,} {self.samples[-1] / 2**20:10.2f} MiB",
                  file=sys.stderr, flush=True)
        self.elapsed_s = time.monotonic() - begin

    @property
    def growth_bytes(self):
        """The most by which memory exceeded what it was after the warm-up."""
        return max(self.samples[WARM_UP_STEPS - 1:]) - self.samples[WARM_UP_STEPS - 1]

    def as_dict(self):
        return {"units": self.work, "elapsed_s": round(self.elapsed_s, 1),
                "rss_bytes": self.samples, "growth_bytes": self.growth_bytes,
                "flat": self.growth_bytes <= self.bound_bytes}


def run(arguments):
    proxy_cores, tool_cores = cores()
    tools = workloads.find_tools(arguments, tool_cores)
    proxy = proxies.proxy_of(arguments)
    proxy.config = proxies.merged(BOUNDED_CONFIG, proxy.config)
    bound_bytes = int(arguments.bound_mib * 2**20)
    with scratch_folder() as folder, tools.origin(folder, gap_us=500, tick_us=100) as origin, \
            proxy.start(folder / "proxy", origin.port, proxy_cores) as running:
        time.sleep(SETTLE_S)
        idle = running.process.rss_bytes()
        print(f"{'idle':22} {idle / 2**20:10.2f} MiB", file=sys.stderr, flush=True)
        phases = []
        if arguments.requests:
            requests = Phase("requests", bound_bytes)
            requests.run(running.process, arguments.requests, lambda done, count: tools.load(
                running.port, connections=CONNECTIONS, sessions=SESSIONS, requests=count,
                first_turn=-(-done // SESSIONS)))
            phases.append(requests)
        if arguments.sessions:
            sessions = Phase("sessions", bound_bytes)
            sessions.run(running.process, arguments.sessions, lambda done, count: tools.load(
                running.port, connections=CONNECTIONS, sessions=count, requests=count))
            phases.append(sessions)
        if arguments.aborts:
            aborts = Phase("aborts", bound_bytes)
            aborts.run(running.process, arguments.aborts, lambda done, count: tools.load(
                running.stream_port, connections=CONNECTIONS, sessions=SESSIONS, requests=count,
                first_turn=-(-done // SESSIONS), stream_events=STREAM_EVENTS,
                abort_after=ABORT_AFTER_EVENTS))
            phases.append(aborts)
    return {"idle_rss_bytes": idle, "bound_bytes": bound_bytes,
            **{phase.name: phase.as_dict() for phase in phases},
            "flat": all(phase.growth_bytes <= bound_bytes for phase in phases)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    proxies.add_arguments(parser)
    parser.add_argument("--requests", type=int, default=10_000_000, help="default: %(default)s")
    parser.add_argument("--sessions", type=int, default=500_000, help="default: %(default)s")
    parser.add_argument("--aborts", type=int, default=200_000, help="default: %(default)s")
    parser.add_argument("--bound-mib", type=float, default=2.0,
                        help="growth after the warm-up that still counts as flat, per phase "
                             "(default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    try:
        result = run(arguments)
    except BenchError as error:
        sys.exit(f"soak: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    if arguments.json:
        print(json.dumps(result))
    else:
        for name in ("requests", "sessions", "aborts"):
            if name in result:
                phase = result[name]
                print(f"{name}: {'flat' if phase['flat'] else 'GROWS'}, "
                      f"{phase['growth_bytes'] / 2**20:.2f} MiB after the warm-up "
                      f"(bound {result['bound_bytes'] / 2**20:.2f} MiB), {phase['units']:,} in "
                      f"{phase['elapsed_s']:.0f} s")
    sys.exit(0 if result["flat"] else 1)


if __name__ == "__main__":
    main()
