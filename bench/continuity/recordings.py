"""Replays recorded requests of real clients, in their order, with the answers that they got. The
ids in their headers tell the truth; the gateway sees them once with these ids and once without."""

import collections
import json

import classifier
import dialogues
import judge
import perturbations
import traffic

CHAT = "/v1/chat/completions"


class Recorded:
    """What came of the recordings: one Verdict for each file and way of looking at it."""

    def __init__(self):
        self.rows = []
        self.skipped = collections.Counter()

    def failures(self):
        out = []
        for name, with_ids, verdict, _ in self.rows:
            where = f"recordings of {name}, {'with' if with_ids else 'without'} ids"
            if verdict.merges or verdict.side_joined:
                out.append(f"{where}: {verdict.merges + verdict.side_joined} requests in the "
                           "conversation of another")
            if verdict.split_count():
                out.append(f"{where}: {dict(verdict.splits)} split")
        return out

    def show(self):
        print("\nrecorded clients")
        for name, with_ids, verdict, sides in self.rows:
            classes = ", ".join(f"{wanted} → {given}: {count}" for (wanted, given), count
                                in sorted(verdict.classes.items(), key=str))
            print(f"  {name:18}{'ids' if with_ids else 'no ids':8}{verdict.turns:4} turns, "
                  f"{sides} side requests, merges {verdict.merges + verdict.side_joined}, "
                  f"splits {verdict.split_count()}; {classes}")
        for (name, path), count in sorted(self.skipped.items()):
            print(f"  skipped: {count:3} of {name} to {path}")

    def as_json(self):
        return {"files": [{"name": name, "ids": with_ids, "turns": verdict.turns, "sides": sides,
                           "merges": verdict.merges, "side_joined": verdict.side_joined,
                           "splits": dict(verdict.splits),
                           "classes": [[wanted, given, count] for (wanted, given), count
                                       in verdict.classes.items()],
                           "examples": verdict.examples}
                          for name, with_ids, verdict, sides in self.rows],
                "skipped": [[name, path, count] for (name, path), count in self.skipped.items()]}


def chat_records(path, skipped):
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record.get("path") == CHAT and isinstance(record.get("body"), dict):
            records.append(record)
        else:
            skipped[path.stem, (record.get("path") or record["kind"]).split("?")[0]] += 1
    return records


def reply_of(record, records, at):
    """The answer as the client then had it. The recording names a tool without its arguments; these
    stand in the next request that holds the call."""
    if record["status"] != 200:
        return None
    answer, length = record.get("answer") or {}, len(record["body"]["messages"])
    if "text" in answer:
        return {"role": "assistant", "content": answer["text"]}
    for later in records[at + 1:]:
        messages = later["body"]["messages"]
        if len(messages) > length and messages[length].get("tool_calls") and (
                dialogues.chain(messages[:length]) == dialogues.chain(record["body"]["messages"])):
            return {"role": "assistant", "content": None,
                    "tool_calls": messages[length]["tool_calls"]}
    return {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call_1", "type": "function",
         "function": {"name": answer.get("tool", "any"), "arguments": "{}"}}]}


def is_side(body):
    first = body["messages"][0]
    return first["role"] == "system" and "title generator" in dialogues.text_of(first["content"])


def has_reply(body):
    return any(message["role"] == "assistant" for message in body["messages"])


def requests_of(name, records, with_ids):
    """The truth: the session of the headers, where there is one, else the dialogue that the script
    of the recording held, which is known by its opening and its step. A fork brings the whole
    history along: without its id it is the same conversation."""
    out, openings, sessions_seen, forks = [], {}, {}, {}
    for at, record in enumerate(records):
        headers = {key.lower(): value for key, value in record["headers"]}
        body = record["body"]
        session = headers.get("x-session-id", "")
        side = is_side(body)
        reply = reply_of(record, records, at)
        turn = perturbations.Turn(body["messages"], body["messages"], reply, reply,
                                  tools=bool(body.get("tools")),
                                  agent=headers.get("user-agent", ""),
                                  kind="side" if side else "main", wants="side" if side else "")
        first = next(m for m in body["messages"] if m["role"] not in ("system", "developer"))
        truth = session or openings.setdefault((record["tag"], repr(first.get("content"))),
                                               f"{name} {at}")
        if not with_ids and session:
            origin = forks.get(repr(first)) if has_reply(body) else None
            truth = openings.setdefault(session, origin or session)
            if not side:
                forks[repr(first)] = truth
        seen = sessions_seen.setdefault((truth, repr(dialogues.chain(body["messages"]))), at)
        if not side and seen != at and out[seen].turn.reply is None:
            turn.kind, turn.wants = "again", "retry"
        out.append(traffic.Request(turn, truth, "caller-0",
                                   traffic.START_MS + millis(record, records),
                                   bool(body.get("stream")), session if with_ids else ""))
    return out


def millis(record, records):
    def ms(text):
        hours, minutes, seconds = text[11:-1].split(":")
        return int((int(hours) * 60 + int(minutes)) * 60_000 + float(seconds) * 1000)
    return ms(record["ts"]) - ms(records[0]["ts"])


def evaluate(folder, tool):
    if not folder.is_dir():
        raise dialogues.DataError(f"{folder} is no folder with recordings")
    result = Recorded()
    for path in sorted(folder.glob("*.jsonl")):
        records = chat_records(path, result.skipped)
        if not records:
            continue
        has_ids = any(name.lower() == "x-session-id" for record in records
                      for name, _ in record["headers"])
        for with_ids in [True, False] if has_ids else [False]:
            requests = requests_of(path.stem, records, with_ids)
            verdict = judge.judge(requests, classifier.classify(tool, requests))
            sides = sum(request.turn.kind == "side" for request in requests)
            result.rows.append((path.stem, with_ids, verdict, sides))
    return result
