"""What recognising a conversation costs: dialogues that grow by two messages each turn, decoded
alone and with everything that continuity adds."""

import random as randoms
import statistics

import classifier
import perturbations
import traffic

# (name, messages, bytes of their texts)
SIZES = [("20 messages, 20 KB", 20, 20_000), ("200 messages, 800 KB", 200, 800_000)]
TURNS = 24         # measured turns of each dialogue, the last of which has the size
REPEATS = 15       # of the decoding
BESIDE = 2000      # short conversations that are known besides

WORDS = ("the build fails on second machine only and I cannot see why please look at function "
         "below tell me what happens when list is empty cache read before filled").split()


def text(random, size):
    lines, length = [], 0
    while length < size:
        line = " ".join(random.choice(WORDS) for _ in range(12))
        lines.append(f"    {line};" if random.random() < 0.3 else line)
        length += len(lines[-1]) + 1
    return "\n".join(lines)[:size]


def growing(messages, size):
    """One dialogue as a coding agent has it: most of it is calls and their results."""
    random, each = randoms.Random(size), size // messages
    history = [{"role": "user", "content": text(random, each)}]
    while len(history) < messages + 1:
        if len(history) % 2 == 0:
            history.append({"role": "tool", "tool_call_id": history[-1]["tool_calls"][0]["id"],
                            "content": text(random, each * 3 // 2)})
        else:
            history.append({"role": "assistant", "content": text(random, each // 3), "tool_calls": [
                {"id": f"call_{random.getrandbits(64):x}", "type": "function", "function": {
                    "name": "edit", "arguments": '{"path": "a.c", "text": "%s"}' % (
                        "x" * (each // 7))}}]})
    return history


def requests_of(name, messages, size):
    history, out = growing(messages + 1, size), []
    for end in range(messages - 2 * (TURNS - 1) + 1, messages + 2, 2):
        if end < 1:
            continue
        turn = perturbations.Turn(history[:end], [], history[end], None, tools=True)
        out.append(traffic.Request(turn, name, "caller-0",
                                   traffic.START_MS + 2000 * end, end % 4 == 1))
    return out


def others():
    for i in range(BESIDE):
        turn = perturbations.Turn([{"role": "user", "content": f"Question number {i}"}], [],
                                  {"role": "assistant", "content": f"Answer number {i}"}, None)
        yield traffic.Request(turn, "", "caller-0", traffic.START_MS, False)


def figures(values):
    values = sorted(values)
    return {"p50": statistics.median(values),
            "p99": values[min(len(values) - 1, len(values) * 99 // 100)]}


def measure(tool):
    rows = []
    for name, messages, size in SIZES:
        requests = list(others()) + requests_of(name, messages, size)
        found = classifier.classify(tool, requests, "--measure", str(REPEATS))[BESIDE:]
        counted = [answer for answer, request in zip(found, requests[BESIDE:])
                   if len(request.turn.messages) > messages - 8]
        row = {"name": name, "bytes": len(requests[-1].line(0).encode()),
               "classes": sorted({answer["class"] for answer in counted})}
        for part in ("plain", "decode", "find", "reply", "commit"):
            row[part] = figures([answer[f"ns_{part}"] for answer in counted])
        row["over"] = figures([answer["ns_decode"] + answer["ns_find"] + answer["ns_reply"]
                               + answer["ns_commit"] - answer["ns_plain"] for answer in counted])
        row["over_request"] = figures([answer["ns_decode"] + answer["ns_find"]
                                       - answer["ns_plain"] for answer in counted])
        row["sum"] = figures([answer["ns_decode"] + answer["ns_find"] + answer["ns_reply"]
                              + answer["ns_commit"] for answer in counted])
        rows.append(row)
    return rows
