"""Mixes the requests of many dialogues into one stream, as a gateway sees them."""

import dataclasses
import heapq
import json
import random as randoms
import zlib

import dialogues
import perturbations

START_MS = 1_795_000_000_000


@dataclasses.dataclass
class Request:
    turn: perturbations.Turn
    truth: str    # the conversation that it belongs to
    caller: str
    at_ms: int
    stream: bool
    session: str = ""

    def line(self, number):
        body = {"model": "any/model", "stream": self.stream}
        if self.turn.tools:
            body["tools"] = [{"type": "function", "function": {"name": "any_tool"}}]
        body["messages"] = self.turn.messages
        line = {"n": number, "caller": self.caller, "agent": self.turn.agent, "at_ms": self.at_ms,
                "body": body, "reply": self.turn.reply, "stream": self.stream,
                "hold": self.turn.hold}
        if self.session:
            line["session"] = self.session
        return json.dumps(line, ensure_ascii=False) + "\n"


def seed_of(*words):
    return zlib.crc32(" ".join(words).encode())


def scripts(lines, change, seed):
    """What each client sends, as (truth, [turn]). The branches of one tree are mixed; what two of
    them have in common is asked once."""
    trees = {}
    for dialogue in lines:
        random = randoms.Random(seed_of(str(seed), dialogue.name, change.__name__))
        trees.setdefault(dialogue.tree, []).append(groups(dialogue, change(dialogue, random)))
    out = []
    for tree, paths in trees.items():
        random, asked, turns = randoms.Random(seed_of(str(seed), tree)), set(), []
        left = [path for path in paths if path]
        while left:
            key, group = random.choice(left).pop(0)
            if key not in asked:
                asked.add(key)
                turns += group
            left = [path for path in left if path]
        out.append((tree, turns))
    return out


def groups(dialogue, turns):
    """[(call, [turn])]: what is sent for each call of the dialogue, and beside it."""
    out = []
    for turn in turns:
        key = repr(dialogues.chain(dialogue.messages[:turn.call + 1]))
        if out and out[-1][0] == key:
            out[-1][1].append(turn)
        else:
            out.append((key, [turn]))
    return out


def with_callers(units, callers):
    """[(truth, caller, [turn])] with each conversation at one of so many callers."""
    return [(truth, f"caller-{seed_of(truth) % callers}", turns) for truth, turns in units]


class Client:
    """One script on its way: its next turn, and when it may come."""

    def __init__(self, number, truth, caller, turns):
        self.number, self.truth, self.caller = number, truth, caller
        self.rest = iter(turns)
        self.next = next(self.rest, None)
        self.not_before = self.behind = 0  # time; number of requests that have come
        self.last = None                   # number of its newest request

    def __lt__(self, other):
        return (self.not_before, self.number) < (other.not_before, other.number)


def mixed(units, seed):
    """All units at once: a list of requests in the order of their arrival."""
    random, ends = randoms.Random(seed), randoms.Random(seed + 1)
    ready = [client for client in (Client(i, *unit) for i, unit in enumerate(units)) if client.next]
    waiting, out, now = [], [], START_MS
    while ready or waiting:
        now += random.randrange(50, 3000)
        while waiting and (not ready or (waiting[0].not_before <= now
                                         and waiting[0].behind <= len(out))):
            client = heapq.heappop(waiting)
            now = max(now, client.not_before)
            last = out[client.last].turn
            last.hold = min(last.hold, len(out) - 1 - client.last)  # its answer is due now
            ready.append(client)
        soon = next((i for i, client in enumerate(ready) if client.next.soon), None)
        at = random.randrange(len(ready)) if soon is None else soon
        ready[at], ready[-1] = ready[-1], ready[at]
        client = ready.pop()
        turn, client.next = client.next, next(client.rest, None)
        client.last = len(out)
        out.append(Request(turn, client.truth, client.caller, now, ends.random() < 0.5))
        if client.next is None:
            continue
        if turn.hold or client.next.later_ms:
            client.not_before = now + client.next.later_ms
            client.behind = len(out) + turn.hold
            heapq.heappush(waiting, client)
        else:
            ready.append(client)
    return out
