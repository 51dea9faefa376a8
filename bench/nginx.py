#!/usr/bin/env python3
"""Compares the proxy under test with nginx, in alternation, on the same core, in one run.

The figures are ratios, proxy / nginx: below 1 the proxy is cheaper. See README.md for what each
one means and what it does not. With --json, stdout is exactly one JSON object.
"""

import argparse
import dataclasses
import json
import math
import os
import statistics
import sys

import counting
from processes import BenchError, cores, scratch_folder
import proxies
import workloads

BUDGETS = {"cpu_4k": 0.75, "cpu_64k": 0.95, "sse": 0.95, "p50_c1": 1.1, "instructions_4k": 0.5}
CALM = 0.1
MEASUREMENTS = ["cpu_4k", "cpu_64k", "sse", "p50_c1", "scaling", "instructions_4k"]


class Report:
    """Collects figures by name: a ratio per round, and absolute values of each side."""

    def __init__(self):
        self.ratios = {}
        self.spread = {}
        self.absolute = {}
        self.notes = []

    def add(self, name, ratios, **absolute):
        self.ratios[name] = round(statistics.median(ratios), 4)
        self.spread[name] = [round(min(ratios), 4), round(max(ratios), 4)]
        self.absolute[name] = absolute

    def as_json(self):
        order = [*BUDGETS, *(name for name in self.ratios if name not in BUDGETS)]
        return json.dumps({
            **{name: self.ratios[name] for name in order if name in self.ratios},
            "spread": self.spread, "budgets": BUDGETS, "absolute": self.absolute,
            "notes": self.notes})

    def as_table(self):
        lines = [f"{'':17}{'ratio':>7}  {'min..max':<15}{'budget':>7}  "
                 f"{'proxy':>10} {'nginx':>10}  unit"]
        for name, ratio in self.ratios.items():
            low, high = self.spread[name]
            budget = BUDGETS.get(name)
            missed = budget is not None and ratio > budget
            figures = self.absolute[name]
            lines.append(
                f"{name:17}{ratio:7.3f}  {f'{low:.3f}..{high:.3f}':<15}"
                f"{'' if budget is None else format(budget, '.2f'):>7}{'!' if missed else ' '} "
                f"{figures['proxy']:10,.2f} {figures['nginx']:10,.2f}  {figures['unit']}"
                f"{'   <- MISSED' if missed else ''}")
        return "\n".join(lines + [""] + ["note: " + note for note in self.notes])


@dataclasses.dataclass(frozen=True)
class Options:
    """How long to measure."""

    rounds: int
    rounds_max: int  # With repetitions.
    round_ms: int


class Comparison:
    """The two running proxies, the origin behind both, and the rounds."""

    def __init__(self, tools, origin, subject, nginx, options, report):
        self.tools = tools
        self.origin = origin
        self.subject = subject
        self.nginx = nginx
        self.options = options
        self.report = report

    def alternate(self, name, workload, direct=False, calm=CALM):
        """Rounds of (proxy, nginx, direct or None). Which goes first changes every round, so that
        a drift of the machine falls on both; one short run of each before the first round fills
        connection pools and caches. A round in which strangers used more than `calm` of a core is
        repeated, up to `rounds_max` in all; the calmest ones count."""
        sides = [self.subject, self.nginx] + ([None] if direct else [])
        for side in sides:
            workloads.measure(self.tools, workload, side, self.origin,
                              min(300, self.options.round_ms))
        rounds = self.options.rounds
        results = []
        while len(results) < self.options.rounds_max and \
                sum(_foreign(each) <= calm for each in results) < rounds:
            order = sides if len(results) % 2 == 0 else sides[::-1]
            figures = {id(side): workloads.measure(self.tools, workload, side, self.origin,
                                                   self.options.round_ms) for side in order}
            results.append([figures[id(side)] for side in sides])
        kept = sorted(results, key=_foreign)[:rounds]
        if _foreign(kept[-1]) > calm:
            self.report.notes.append(
                f"{name}: other programs used up to {_foreign(kept[-1]):.0%} of a core in the "
                f"{rounds} calmest of {len(results)} rounds; repeat on a quiet machine")
        return kept

    def cpu(self, name, workload, unit):
        results = self.alternate(name, workload)
        self.report.add(
            name, [mine.cpu_us / theirs.cpu_us for mine, theirs in results],
            proxy=_median(mine.cpu_us for mine, _ in results),
            nginx=_median(theirs.cpu_us for _, theirs in results), unit=unit,
            proxy_by_thread=_threads([mine for mine, _ in results]))
        return results

    def cpu_4k(self):
        results = self.cpu("cpu_4k", workloads.CPU_4K, "us CPU/request")
        self.report.add(
            "rps_64", [mine.per_s / theirs.per_s for mine, theirs in results],
            proxy=_median(mine.per_s for mine, _ in results),
            nginx=_median(theirs.per_s for _, theirs in results), unit="requests/s, one core",
            proxy_busy=_median(mine.busy for mine, _ in results),
            nginx_busy=_median(theirs.busy for _, theirs in results))
        busy = self.report.absolute["rps_64"]
        if min(busy["proxy_busy"], busy["nginx_busy"]) < 0.9:
            self.report.notes.append(
                f"rps_64: a core was not full (busy: proxy {busy['proxy_busy']:.0%}, nginx "
                f"{busy['nginx_busy']:.0%}); load and origin were the limit there, so that side "
                "could do more")

    def cpu_64k(self):
        self.cpu("cpu_64k", workloads.CPU_64K, "us CPU/request")

    def sse(self):
        results = self.cpu("sse", workloads.SSE, "us CPU/event")
        merged = max(max(mine.events_per_read, theirs.events_per_read)
                     for mine, theirs in results)
        if merged > 1.1:
            self.report.notes.append(
                f"sse: up to {merged:.2f} events arrived in one read; the machine was too slow to "
                "keep them apart, so the cost per event is flattered")

        self.added("first_event_c1", workloads.FIRST_EVENT, {"first_event_c1": "p50_us"})

    def p50_c1(self):
        self.added("p50_c1", workloads.LATENCY, {"p50_c1": "p50_us", "p99_c1": "p99_us"})

    def added(self, name, workload, fields):
        """Latency on top of going direct, for each of `fields` ({name: field of Figures})."""
        results = self.alternate(name, workload, direct=True)
        for key, field in fields.items():
            mine = [getattr(mine, field) - getattr(base, field) for mine, _, base in results]
            theirs = [getattr(theirs, field) - getattr(base, field) for _, theirs, base in results]
            self.report.add(key, [max(a, 0) / max(b, 0.1) for a, b in zip(mine, theirs)],
                            proxy=_median(mine), nginx=_median(theirs), unit="us added",
                            direct=_median(getattr(base, field) for _, _, base in results))


def _foreign(figures):
    return max(each.foreign for each in figures)


def _median(values):
    return round(statistics.median(values), 3)


def _threads(figures):
    names = sorted({name for each in figures for name in each.by_thread_us})
    return {name: _median(each.by_thread_us.get(name, 0) for each in figures) for name in names}


def measure_scaling(folder, tools, subject, comparison):
    """Two workers against one. Not a ratio to nginx.

    With four cores or more the two workers get cores of their own and the throughput is measured.
    With fewer, load and origin compete with them, so that throughput says nothing; what can be
    measured is what a request costs in CPU with two workers and with one, and twice that ratio is
    what two free cores could do: it shows contention and lost locality, not idle cores.
    """
    available = sorted(os.sched_getaffinity(0))
    roomy = len(available) >= 4
    pair = available[:2]
    load_cores = available[2:] if roomy else available
    scaled = workloads.Tools(tools.folder, load_cores)
    with scaled.origin(folder, **workloads.ORIGIN_FLAGS) as origin, \
            subject.start(folder / "one", origin.port, pair, workers=1) as one, \
            subject.start(folder / "two", origin.port, pair, workers=2) as two:
        # Proxy and tools share cores here, so strangers cannot be told apart.
        pairs = Comparison(scaled, origin, two, one, comparison.options,
                           comparison.report).alternate("scaling", workloads.CPU_4K, calm=math.inf)
    if roomy:
        ratios = [b.per_s / a.per_s for b, a in pairs]
        unit = "requests/s"
        sides = [_median(x.per_s for x in side) for side in zip(*pairs)]
    else:
        ratios = [2 * a.cpu_us / b.cpu_us for b, a in pairs]
        unit = "us CPU/request"
        sides = [_median(x.cpu_us for x in side) for side in zip(*pairs)]
        comparison.report.notes.append(
            f"scaling: {len(available)} cores; estimated from the CPU cost per request with two "
            "workers and with one (columns: two workers, one worker), not from throughput")
    comparison.report.add("scaling", ratios, proxy=sides[0], nginx=sides[1], unit=unit)


def measure_instructions(folder, tools, subject, nginx, report):
    mine = counting.callgrind(subject, tools, folder / "subject", counting.BUSY_CHAT)
    theirs = counting.callgrind(nginx, tools, folder / "nginx", counting.BUSY_CHAT)
    report.add("instructions_4k", [mine["instructions"] / theirs["instructions"]],
               proxy=round(mine["instructions"]), nginx=round(theirs["instructions"]),
               unit="user instructions/request",
               allocations={"proxy": round(mine["allocations"], 3),
                            "nginx": round(theirs["allocations"], 3)})


def run(arguments):
    wanted = arguments.only.split(",") if arguments.only else MEASUREMENTS
    for name in wanted:
        if name not in MEASUREMENTS:
            raise BenchError(f"--only {name}: there is only {', '.join(MEASUREMENTS)}")
    proxy_cores, tool_cores = cores()
    tools = workloads.find_tools(arguments, tool_cores)
    subject = proxies.proxy_of(arguments)
    nginx = proxies.Proxy("nginx", arguments.nginx, head_buffer=arguments.nginx_head_buffer)
    report = Report()
    if proxy_cores == tool_cores:
        report.notes.append("one core only: proxy, load and origin share it")
    rounds = arguments.rounds or (5 if arguments.quick else 15)
    options = Options(rounds=rounds, rounds_max=rounds if arguments.quick else 2 * rounds,
                      round_ms=arguments.round_ms or (350 if arguments.quick else 500))
    with scratch_folder() as folder, tools.origin(folder, **workloads.ORIGIN_FLAGS) as origin:
        with subject.start(folder / "subject", origin.port, proxy_cores) as first, \
                nginx.start(folder / "nginx", origin.port, proxy_cores) as second:
            comparison = Comparison(tools, origin, first, second, options, report)
            for name in wanted:
                if hasattr(comparison, name):
                    _say(name)
                    getattr(comparison, name)()
        if "scaling" in wanted and len(proxy_cores + tool_cores) > 1:
            _say("scaling")
            (folder / "scaling").mkdir()
            measure_scaling(folder / "scaling", tools, subject, comparison)
        if "instructions_4k" in wanted:
            _say("instructions_4k")
            for side in ("subject", "nginx"):
                (folder / "counts" / side).mkdir(parents=True)
            measure_instructions(folder / "counts", tools, subject, nginx, report)
    return report


def _say(name):
    print(f"measuring {name} …", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    proxies.add_arguments(parser)
    parser.add_argument("--nginx", default="/usr/sbin/nginx", help="default: %(default)s")
    parser.add_argument("--nginx-head-buffer", metavar="SIZE", default=proxies.USUAL_HEAD_BUFFER,
                        help="nginx's client_header_buffer_size (default: %(default)s; 80k is its best at 64 KB)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--rounds", type=int, help="default: 15, quick 5")
    parser.add_argument("--round-ms", type=int, help="default: 500, quick 350")
    parser.add_argument("--quick", action="store_true", help="under a minute, wider spread")
    parser.add_argument("--only", help=f"comma-separated: {','.join(MEASUREMENTS)}")
    arguments = parser.parse_args()
    try:
        report = run(arguments)
    except BenchError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    print(report.as_json() if arguments.json else report.as_table())


if __name__ == "__main__":
    main()
