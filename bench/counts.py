#!/usr/bin/env python3
"""Counts instructions, allocations and system calls of the proxy per unit of work.

These hold on any machine, so they are compared with baselines/counts.json (--check, 5 % slack,
status 1 on a regression) and kept there (--update). Times are not: see nginx.py.
"""

import argparse
import json
import pathlib
import platform
import re
import subprocess
import sys

import baseline_file
import counting
from processes import BenchError, cores, scratch_folder
import proxies
import workloads

SCENARIOS = [counting.CHAT, counting.EVENT]
COUNTS = ["instructions", "allocations", "system_calls"]


def measure(arguments):
    """({scenario: {count: value}}, {scenario: {system call: value}})"""
    _, tool_cores = cores()
    tools = workloads.find_tools(arguments, tool_cores)
    proxy = proxies.proxy_of(arguments)
    proxy.config = proxies.merged(counting.QUIET_CONFIG, proxy.config)
    counts, by_call = {}, {}
    with scratch_folder() as folder:
        for scenario in SCENARIOS:
            print(f"counting {scenario.name} …", file=sys.stderr, flush=True)
            for method in (counting.callgrind, counting.system_calls):
                place = folder / f"{scenario.name}-{method.__name__}"
                place.mkdir()
                counts.setdefault(scenario.name, {}).update(method(proxy, tools, place, scenario))
            by_call[scenario.name] = counts[scenario.name].pop("by_call")
    rounded = {scenario: {name: round(values[name], 0 if name == "instructions" else 3) + 0.0
                          for name in COUNTS} for scenario, values in counts.items()}
    return rounded, by_call


def measured_with():
    """What the counts were taken with: another compiler or C library moves instructions, and so
    does another processor, because the scanners of src/base, the C library and OpenSSL choose their
    loops by it. Valgrind shows them one of two processors, with AVX2 or without."""
    found = {"cpu": platform.machine()}
    if found["cpu"] == "x86_64":
        flags = re.search(r"^flags\s*:(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
        found["cpu"] += " with AVX2" if flags and "avx2" in flags[1].split() else " without AVX2"
    for tool in ("valgrind", "strace", "c++", "ldd"):
        try:
            text = subprocess.run([tool, "--version"], capture_output=True, text=True).stdout
            found[tool] = text.splitlines()[0]
        except (OSError, IndexError):
            found[tool] = "unknown"
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    proxies.add_arguments(parser)
    parser.add_argument("--baseline", metavar="FILE", help="default: %(default)s", default=str(
        pathlib.Path(__file__).resolve().parent / "baselines/counts.json"))
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="status 1 if a count got worse")
    action.add_argument("--update", action="store_true", help="write the counts as the baseline")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    try:
        if arguments.check:
            baseline, taken_with = baseline_file.read(arguments.baseline)
        counts, by_call = measure(arguments)
    except BenchError as error:
        sys.exit(f"counts: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    if arguments.json:
        print(json.dumps({**counts, "by_call": by_call}))
    else:
        print(f"{'':14}" + "".join(f"{name:>15}" for name in COUNTS) + "   per unit")
        for scenario, values in counts.items():
            calls = ", ".join(f"{name} {value:g}" for name, value in by_call[scenario].items())
            print(f"{scenario:14}" + "".join(f"{values[name]:15,.2f}" for name in COUNTS) +
                  f"   {calls}")
    if arguments.update:
        baseline_file.write(arguments.baseline, counts, measured_with())
        print(f"wrote {arguments.baseline}", file=sys.stderr)
    if arguments.check:
        here = measured_with()
        if here["cpu"] != taken_with.get("cpu"):
            print(f"instructions are NOT compared: this machine is {here['cpu']}, the baseline is "
                  f"of {taken_with.get('cpu')}", file=sys.stderr)
            for values in counts.values():
                del values["instructions"]
        regressions, improvements = baseline_file.compare(baseline, counts)
        for line in improvements:
            print(f"better than the baseline, keep it with --update: {line}", file=sys.stderr)
        for line in regressions:
            print(f"REGRESSION: {line}", file=sys.stderr)
        for tool, version in taken_with.items() if regressions else ():
            if here.get(tool) != version:
                print(f"taken with {tool} {version}, here it is {here.get(tool)}", file=sys.stderr)
        sys.exit(1 if regressions else 0)


if __name__ == "__main__":
    main()
