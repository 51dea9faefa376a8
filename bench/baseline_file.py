"""Reads, writes and compares a file of baselines; baselines/README.md describes the format."""

import json
import pathlib

from processes import BenchError

FORMAT = 1
SLACK = 0.05
# A count of 0.02 a request may become 0.03 without anybody having done anything.
SLACK_ABSOLUTE = 0.05


def read(path):
    """({scenario: {count: value per unit}}, {what: with which the counts were taken})."""
    try:
        content = json.loads(pathlib.Path(path).read_text())
    except FileNotFoundError:
        raise BenchError(f"{path} is not there; make it with --update") from None
    except json.JSONDecodeError as error:
        raise BenchError(f"{path} is not JSON: {error}") from None
    if content.get("format") != FORMAT:
        raise BenchError(f"{path} has format {content.get('format')}, this reader knows {FORMAT}")
    return content["scenarios"], content["measured_with"]


def write(path, scenarios, tools):
    pathlib.Path(path).write_text(json.dumps(
        {"format": FORMAT, "measured_with": tools, "scenarios": scenarios}, indent=2) + "\n")


def compare(baseline, measured):
    """(regressions, improvements), each a list of sentences. A count without a baseline is a
    regression: otherwise a renamed scenario would switch its check off."""
    regressions, improvements = [], []
    for scenario, counts in measured.items():
        for name, value in counts.items():
            before = baseline.get(scenario, {}).get(name)
            if before is None:
                regressions.append(f"{scenario} {name}: {value:g}, and no baseline for it")
            elif value > before * (1 + SLACK) + SLACK_ABSOLUTE:
                regressions.append(f"{scenario} {name}: {value:g}, baseline {before:g} "
                                   f"({_change(before, value)}, slack {SLACK:.0%})")
            elif value < before * (1 - SLACK) - SLACK_ABSOLUTE:
                improvements.append(f"{scenario} {name}: {value:g}, baseline {before:g} "
                                    f"({_change(before, value)})")
    return regressions, improvements


def _change(before, value):
    return f"{value / before - 1:+.1%}" if before else "from nothing"
