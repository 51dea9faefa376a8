"""Compares the conversations that the gateway told apart with those that there were.

The judge knows what anybody could know: which histories, and which ends of histories, it has seen
answered, and in which conversations. What cannot be known is counted and left out of the splits; a
merge always counts."""

import collections
import dataclasses

import dialogues
from perturbations import RETRY_WINDOW_MS

RUN_BYTES_MIN = 32  # below this a run of messages says nothing (spec 03 §2)

CAUSES = {
    "no_reply": "no reply of the gateway is left in the request",
    "shared": "all that is left stands in other conversations too",
    "short": "of what is left the replies and results say less than 32 bytes",
    "altered": "each reply that is left stands behind another message than it answered",
    "tie": "another conversation has the same history",
}


@dataclasses.dataclass
class Verdict:
    turns: int = 0       # requests of the main lines
    due: int = 0         # that go on with a conversation, and could be known to
    unknowable: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    splits: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    changed_due: int = 0     # of those due the ones that the perturbation touched
    changed_splits: int = 0  # ... and that were split
    merges: int = 0
    merges_in_ties: int = 0  # of these where another conversation had the same history
    merges_of_twins: int = 0  # ... between dialogues that are equal up to their first answer
    wrong_branch: int = 0
    side_joined: int = 0
    classes: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    examples: list = dataclasses.field(default_factory=list)

    def add(self, other):
        for field in dataclasses.fields(self):
            value = getattr(other, field.name)
            if isinstance(value, collections.Counter):
                getattr(self, field.name).update(value)
            else:
                setattr(self, field.name, getattr(self, field.name) + value)

    def split_count(self):
        return sum(self.splits.values())

    def split_share(self):
        return self.split_count() / self.due if self.due else 0.0


class Knowledge:
    """What one caller's requests and their answers have shown."""

    def __init__(self):
        self.states = {}    # history up to a reply → {truth: system text}
        self.pairs = {}     # two messages, one behind the other → {truth}
        self.grown = set()  # (truth, history) that another reply stands behind
        self.branch = {}    # (truth, history) → branch that the gateway named

    @staticmethod
    def prefixes(links):
        out, prefix = [], 0
        for link in links:
            prefix = hash((prefix, link))
            out.append(prefix)
        return out

    def learn(self, truth, links, system, reply, branch):
        known = [i for i, link in enumerate(links) if link[0][0] == "assistant"]
        prefixes = self.prefixes(links + [reply])
        for i in known:
            if truth in self.states.get(prefixes[i], {}):
                self.grown.add((truth, prefixes[i]))
        self.states.setdefault(prefixes[-1], {})[truth] = system
        self.branch[truth, prefixes[-1]] = branch
        for pair in zip(links, links[1:] + [reply]):
            self.pairs.setdefault(pair, set()).add(truth)

    def evidence(self, truth, links, system):
        """(what ties a request to its conversation, the history that it goes on from)."""
        prefixes = self.prefixes(links)
        replies = [i for i, link in enumerate(links) if link[0][0] == "assistant"]
        if not replies:
            return "no_reply", None
        for i in reversed(replies):
            owners = self.states.get(prefixes[i], {})
            if not owners:
                continue
            run, _ = self.run(truth, links, [k for k in replies if k > i])
            if run:
                return "compact", None
            same = {owner for owner, text in owners.items() if text == system}
            if truth not in owners or (len(owners) > 1 and same != {truth}):
                return "tie", None
            is_head = (truth, prefixes[i]) not in self.grown
            return ("extend" if is_head else "branch"), prefixes[i]
        run, cause = self.run(truth, links, replies)
        return ("compact" if run else cause), None

    def run(self, truth, links, replies):
        """Whether a run of messages that ends with one of these replies is in no conversation but
        this one, and says enough; else the cause that came closest."""
        causes = ["altered", "short", "shared"]
        worst = 0
        for i in reversed(replies):
            owners, said, first = None, dialogues.says(links[i]), i
            while first > 0 and truth in self.pairs.get((links[first - 1], links[first]), ()):
                pair = self.pairs[links[first - 1], links[first]]
                owners = pair if owners is None else owners & pair
                first -= 1
                said += dialogues.says(links[first])
            if owners is None:
                continue
            if said >= RUN_BYTES_MIN and owners == {truth}:
                return True, ""
            worst = max(worst, 1 if said < RUN_BYTES_MIN else 2)
        return False, causes[worst]


class Judge:
    def __init__(self):
        self.verdict = Verdict()
        self.callers = {}     # caller → Knowledge
        self.owner = {}       # id → the truth whose request it was committed for first
        self.ids = {}         # truth → ids
        self.failed = {}      # (truth, history) → id of an attempt that failed
        self.openings = collections.Counter()  # (caller, history) of attempts that failed
        self.asked = {}       # (truth, history) → when it was answered
        self.first = {}       # truth → its opening with the first answer

    def found(self, number, request, answer):
        """The gateway has said where the request belongs; its answer is yet to come."""
        turn, verdict = request.turn, self.verdict
        known = self.callers.setdefault(request.caller, Knowledge())
        links, system = dialogues.chain(turn.meaning), dialogues.system_of(turn.messages)
        given, one = answer["class"], answer["conversation"]
        history = known.prefixes(links)[-1]
        if turn.kind == "side":
            self.side(number, request, answer)
            return
        verdict.turns += 1
        truth = request.truth
        owner = self.owner.get(one)
        evidence, origin = known.evidence(truth, links, system)
        if owner is not None and owner != truth:
            self.report(number, request, answer, "merge",
                        f"is in the conversation of {owner} ({evidence})")
            verdict.merges += 1
            verdict.merges_in_ties += evidence in CAUSES
            verdict.merges_of_twins += self.first.get(owner) == self.first.get(truth)
        wants = self.wanted(turn, evidence)
        asked = self.asked.get((truth, history))
        if asked is not None and evidence not in CAUSES:
            wants = "retry" if request.at_ms - asked < RETRY_WINDOW_MS else "branch"
        ids = self.ids.get(truth, set())
        retried = self.failed.get((truth, history))
        if turn.kind == "again" and retried and evidence in CAUSES:
            # The same opening of somebody else may have been taken for the retry, and nobody knows.
            alone = self.openings[request.caller, history] == 1
            evidence, ids = ("retry", {retried}) if alone else ("tie", ids)
            wants = "retry"
        if evidence in CAUSES:
            if ids:
                verdict.unknowable[evidence] += 1
            wants = wants if evidence == "no_reply" and not turn.wants else None
        else:
            verdict.due += 1
            verdict.changed_due += turn.is_changed
            if one not in ids:
                cause = f"{wants or evidence} given {given}"
                verdict.splits[cause] += 1
                verdict.changed_splits += turn.is_changed
                self.report(number, request, answer, "split", cause)
        verdict.classes[wants or f"unknowable ({evidence})", given] += 1
        if given == "extend" and origin is not None and one in ids:
            if known.branch.get((truth, origin)) != answer["branch"]:
                verdict.wrong_branch += 1
                self.report(number, request, answer, "branch", "grew on another branch")

    @staticmethod
    def wanted(turn, evidence):
        if turn.wants and evidence not in CAUSES:
            return turn.wants
        if evidence in CAUSES:
            return "new"
        return evidence

    def side(self, number, request, answer):
        verdict, one = self.verdict, answer["conversation"]
        owner = self.owner.get(one)
        if owner == request.truth:
            verdict.side_joined += 1
            self.report(number, request, answer, "side", "is in the conversation that it is about")
        elif owner is not None:
            verdict.merges += 1
            self.report(number, request, answer, "merge", f"is in the conversation of {owner}")
        verdict.classes[f"{request.turn.wants} (side)", answer["class"]] += 1

    def answered(self, number, request, answer):
        """The answer to a request has passed, or it has failed."""
        turn, truth, one = request.turn, request.truth, answer["conversation"]
        links = dialogues.chain(turn.meaning)
        known = self.callers[request.caller] if request.caller in self.callers else Knowledge()
        self.callers[request.caller] = known
        if turn.reply is None:
            history = known.prefixes(links)[-1]
            if (truth, history) not in self.failed:
                self.openings[request.caller, history] += 1
            self.failed[truth, history] = one
            return
        if turn.kind == "side":
            truth = f"{truth} (side {number})"
            self.owner.setdefault(one, truth)
            return
        self.failed.pop((truth, known.prefixes(links)[-1]), None)
        self.asked[truth, known.prefixes(links)[-1]] = request.at_ms
        self.owner.setdefault(one, truth)
        self.ids.setdefault(truth, set()).add(one)
        reply = dialogues.chain([turn.reply_meaning])[0]
        self.first.setdefault(truth, known.prefixes(links + [reply])[-1])
        known.learn(truth, links, dialogues.system_of(turn.messages), reply, answer["branch"])

    def report(self, number, request, answer, what, why):
        if len(self.verdict.examples) < 20:
            self.verdict.examples.append({
                "what": what, "why": why, "request": number, "truth": request.truth,
                "class": answer["class"], "messages": len(request.turn.messages)})


def judge(requests, answers):
    """`answers` holds for each request what the gateway said, in the same order."""
    one = Judge()
    due = collections.defaultdict(list)
    for number, request in enumerate(requests):
        for earlier in due.pop(number, []):
            one.answered(earlier, requests[earlier], answers[earlier])
        one.found(number, request, answers[number])
        due[number + request.turn.hold + 1].append(number)
    return one.verdict
