"""The results of evaluate.py as tables and as JSON."""

import collections

from judge import CAUSES


def show(rows, clients, figures, examples):
    for set_name in dict.fromkeys(row["set"] for row in rows):
        print(f"\n{set_name}")
        print(f"  {'perturbation':14}{'turns':>7}{'due':>7}{'merges':>8}{'in ties':>8}{'twins':>7}"
              f"{'splits':>8}{'share':>8}"
              f"{'branch':>8}{'unknowable':>12}")
        for row in rows:
            if row["set"] == set_name:
                show_row(row, examples)
    show_splits(rows)
    show_classes(rows)
    if clients:
        clients.show()
    if figures:
        show_cost(figures)


def show_row(row, examples):
    verdict = row["verdict"]
    name = row["perturbation"] + (f" /{row['callers']}" if row["callers"] > 1 else "")
    left_out = ", ".join(f"{cause} {count}" for cause, count in verdict.unknowable.most_common())
    print(f"  {name:14}{verdict.turns:7}{verdict.due:7}{verdict.merges + verdict.side_joined:8}"
          f"{verdict.merges_in_ties:8}{verdict.merges_of_twins:7}{verdict.split_count():8}"
          f"{verdict.split_share():8.2%}{verdict.wrong_branch:8}"
          f"{sum(verdict.unknowable.values()):12}  {left_out}")
    for example in verdict.examples[:examples]:
        print(f"      {example}")


def show_splits(rows):
    causes = collections.Counter()
    for row in rows:
        for cause, count in row["verdict"].splits.items():
            causes[row["perturbation"], cause] += count
    print("\nfalse splits by perturbation and cause (what ties the turn to its conversation, and "
          "the class it was given)")
    for (name, cause), count in sorted(causes.items(), key=lambda item: -item[1]):
        print(f"  {count:6}  {name}: {cause}")
    if not causes:
        print("  none")


def confusion(rows):
    """{(perturbation, expected class): {given class: count}}"""
    table = {}
    for row in rows:
        for (wanted, given), count in row["verdict"].classes.items():
            table.setdefault((row["perturbation"], wanted), collections.Counter())[given] += count
    return table


def show_classes(rows):
    summed = collections.Counter()
    odd = collections.Counter()
    for (name, wanted), given in confusion(rows).items():
        for one, count in given.items():
            summed[wanted, one] += count
            if wanted.split(" ")[0] not in (one, "unknowable"):
                odd[name, wanted, one] += count
    wanted_names = sorted({wanted for wanted, _ in summed})
    given_names = sorted({given for _, given in summed})
    print("\nclasses: expected by row, given by column")
    print(f"  {'':24}" + "".join(f"{given:>11}" for given in given_names))
    for wanted in wanted_names:
        print(f"  {wanted:24}" + "".join(f"{summed[wanted, given] or '·':>11}"
                                         for given in given_names))
    print("\nclasses other than expected")
    for (name, wanted, given), count in odd.most_common():
        print(f"  {count:6}  {name}: {wanted} → {given}")
    print("\nwhat cannot be known, and is no split")
    for cause, meaning in CAUSES.items():
        print(f"  {cause:10} {meaning}")


def show_cost(figures):
    print("\ncost of a turn in µs: median (99th percentile)")
    for row in figures:
        parts = ", ".join(f"{name} {row[name]['p50'] / 1000:.1f} ({row[name]['p99'] / 1000:.1f})"
                          for name in ("plain", "decode", "find", "reply", "commit"))
        print(f"  {row['name']}: {parts}; over plain parsing {row['over']['p50'] / 1000:.1f}, "
              f"in all {row['sum']['p50'] / 1000:.1f} ({row['sum']['p99'] / 1000:.1f})")


def as_json(rows, clients, figures, wrong):
    return {
        "runs": [{
            "set": row["set"], "perturbation": row["perturbation"], "callers": row["callers"],
            "turns": row["verdict"].turns, "due": row["verdict"].due,
            "merges": row["verdict"].merges, "merges_in_ties": row["verdict"].merges_in_ties,
            "merges_of_twins": row["verdict"].merges_of_twins,
            "side_joined": row["verdict"].side_joined,
            "splits": dict(row["verdict"].splits), "split_share": row["verdict"].split_share(),
            "changed_due": row["verdict"].changed_due,
            "changed_splits": row["verdict"].changed_splits,
            "wrong_branch": row["verdict"].wrong_branch,
            "unknowable": dict(row["verdict"].unknowable),
            "classes": [[wanted, given, count]
                        for (wanted, given), count in row["verdict"].classes.items()],
            "examples": row["verdict"].examples} for row in rows],
        "recordings": clients.as_json() if clients else None,
        "cost_ns": figures,
        "wrong": wrong}
