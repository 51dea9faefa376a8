#!/usr/bin/env python3
"""How well the gateway recognises conversations by their messages alone: false merges, false
splits, confused classes, and what it costs. ../README.md says how it is measured.

Ends with 1 when there is a false merge, or more false splits than the limits allow."""

import argparse
import json
import os
import pathlib
import sys

import classifier
import cost
import dialogues
import judge
import perturbations
import recordings
import report
import traffic

TOOL = pathlib.Path("build/bench/bench/continuity/classify")
SPLITS_MAX = 0.005            # of the turns that could be known, without a perturbation
SPLITS_MAX_PERTURBED = 0.02   # ... and with one
CALLERS = 5                   # of the run with several of them
ALL_SETS = "all sets"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default=os.environ.get("MAINSTAY_DATA") or None,
                        type=pathlib.Path,
                        help="folder with the sets as NAME.jsonl; else $MAINSTAY_DATA")
    parser.add_argument("--sets", help="names of sets, with commas between; else every set that "
                        "is known, or all of a folder that has none of these")
    parser.add_argument("--perturbations", default=",".join(perturbations.ALL))
    parser.add_argument("--recordings", default=os.environ.get("MAINSTAY_RECORDINGS") or None,
                        type=pathlib.Path, help="folder with recorded requests of clients")
    parser.add_argument("--tool", default=TOOL, type=pathlib.Path, help=f"default: {TOOL}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one object on standard output")
    parser.add_argument("--short", action="store_true",
                        help="each set alone and by one caller, no cost")
    parser.add_argument("--no-cost", action="store_true")
    parser.add_argument("--examples", type=int, default=0,
                        help="show so many of what went wrong in each run")
    return parser.parse_args()


def sets_of(options):
    if options.data is None:
        raise dialogues.DataError("no data: name the folder of the sets with --data or "
                                  "MAINSTAY_DATA; tests/continuity holds a small one")
    if not options.data.is_dir():
        raise dialogues.DataError(f"{options.data} is no folder")
    names = options.sets.split(",") if options.sets else [
        name for name in dialogues.SETS if (options.data / f"{name}.jsonl").is_file()] or sorted(
        path.stem for path in options.data.glob("*.jsonl"))
    if not names:
        raise dialogues.DataError(f"{options.data} holds no NAME.jsonl")
    missing = [name for name in dialogues.SETS if not options.sets and name not in names]
    if missing and any(name in dialogues.SETS for name in names):
        print(f"not there, left out: {', '.join(missing)}", file=sys.stderr)
    sets = {name: dialogues.load(options.data, name) for name in names}
    if len(sets) > 1 and not options.short:
        sets[ALL_SETS] = [dialogue for lines in sets.values() for dialogue in lines]
    return sets


def units_of(lines, name, seed, callers):
    units = traffic.scripts(lines, perturbations.ALL[name], seed)
    if name == "caller":
        return [(f"{truth} of {caller}", caller, turns) for truth, turns in units
                for caller in ("caller-0", "caller-1")]
    return traffic.with_callers(units, callers)


def run(options, set_name, lines, name, callers):
    units = units_of(lines, name, options.seed, callers)
    requests = traffic.mixed(units, traffic.seed_of(str(options.seed), set_name, name))
    answers = classifier.classify(options.tool, requests)
    verdict = judge.judge(requests, answers)
    return {"set": set_name, "perturbation": name, "callers": callers, "verdict": verdict}


def evaluate(options):
    names = options.perturbations.split(",")
    unknown = [name for name in names if name not in perturbations.ALL]
    if unknown:
        raise dialogues.DataError(f"no such perturbation: {', '.join(unknown)}; there are: "
                                  f"{', '.join(perturbations.ALL)}")
    rows = []
    for set_name, lines in sets_of(options).items():
        for name in names:
            for callers in [1] if options.short or name != "none" else [1, CALLERS]:
                print(f"{set_name}: {name} …", file=sys.stderr, flush=True)
                rows.append(run(options, set_name, lines, name, callers))
    return rows


def failures(rows):
    """What is above the limits, as sentences."""
    out = []
    for row in rows:
        verdict, where = row["verdict"], f"{row['set']}, {row['perturbation']}"
        limit = SPLITS_MAX if row["perturbation"] == "none" else SPLITS_MAX_PERTURBED
        for count, what in ((verdict.merges, "turns in the conversation of another"),
                            (verdict.side_joined, "side requests in the main conversation")):
            if count:
                out.append(f"{where}: {count} {what}")
        if verdict.split_share() > limit:
            out.append(f"{where}: {verdict.split_share():.2%} of the turns split, "
                       f"limit {limit:.1%}")
    return out


def main():
    options = arguments()
    try:
        rows = evaluate(options)
        clients = recordings.evaluate(options.recordings, options.tool) if (
            options.recordings) else None
        figures = None if options.short or options.no_cost else cost.measure(options.tool)
    except dialogues.DataError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    wrong = failures(rows) + (clients.failures() if clients else [])
    if options.json:
        print(json.dumps(report.as_json(rows, clients, figures, wrong), ensure_ascii=False))
    else:
        report.show(rows, clients, figures, options.examples)
        for sentence in wrong:
            print(f"TOO MANY: {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
