"""What clients do to the history that they send: each function turns a dialogue into the requests
of one client, in their order. A request is made twice here: as it goes over the wire, and as it
is meant, which is what the judge compares."""

import copy
import dataclasses
import json

from dialogues import text_of

RETRY_WINDOW_MS = 120_000
AGENT = "opencode/1.18.33 ai-sdk/provider-utils/4.0.23 runtime/bun/1.3.14"


@dataclasses.dataclass
class Turn:
    messages: list            # as the client writes them
    meaning: list             # what counts of them
    reply: dict | None        # as the provider writes it; None: the request fails
    reply_meaning: dict | None
    kind: str = "main"        # main, again (the same request once more), side
    wants: str = ""           # the class, when it does not follow from the history
    tools: bool = False
    agent: str = AGENT
    soon: bool = False        # about a second after the one before it
    later_ms: int = 0         # at least so long after the one before it
    hold: int = 0             # so many other requests come before its answer
    is_changed: bool = True   # the perturbation did something to it
    call: int = 0             # the call of the dialogue that it makes, or stands beside


def plain(dialogue, _=None):
    turns = []
    for i in dialogue.calls():
        history, reply = dialogue.messages[:i], dialogue.messages[i]
        turns.append(Turn(list(history), list(history), reply, reply, tools=dialogue.tools, call=i))
    return turns


def rewritten(dialogue, rewrite):
    """Requests whose wire form alone is another: rewrite(messages, number of the turn)."""
    turns = plain(dialogue)
    for number, turn in enumerate(turns):
        turn.messages = rewrite(copy.deepcopy(turn.messages), number)
    return turns


# --- the form alone ------------------------------------------------------------------------------

def ids(dialogue, random):
    """Every request has new ids for the calls of tools."""
    def rewrite(messages, number):
        names = {}
        for message in messages:
            for call in message.get("tool_calls") or []:
                names[call["id"]] = call["id"] = f"call_{number}_{random.getrandbits(48):012x}"
        fresh = iter(names.values())
        for message in messages:
            if message["role"] == "tool":
                message["tool_call_id"] = next(fresh, f"call_{random.getrandbits(48):012x}")
        return messages
    return rewritten(dialogue, rewrite)


def as_parts(content, **more):
    return [{"type": "text", "text": content, **more}]


def cache(dialogue, _):
    """The marker moves to the newest message, which becomes a list of parts for it."""
    def rewrite(messages, _):
        for message in messages[-2:] + [m for m in messages[:1] if m["role"] == "system"]:
            if isinstance(message.get("content"), str):
                message["content"] = as_parts(message["content"],
                                              cache_control={"type": "ephemeral"})
        return messages
    return rewritten(dialogue, rewrite)


def parts(dialogue, random):
    """Texts are strings in one request and lists of parts in the next."""
    def rewrite(messages, _):
        for message in messages:
            content = message.get("content")
            if isinstance(content, str) and random.random() < 0.5:
                words = content.split(" ")
                cut = random.randrange(len(words))
                message["content"] = as_parts(content) if cut == 0 else [
                    {"type": "text", "text": " ".join(words[:cut])},
                    {"type": "text", "text": " ".join(words[cut:])}]
        return messages
    return rewritten(dialogue, rewrite)


def shuffled(value, random):
    if isinstance(value, dict):
        items = [(key, shuffled(item, random)) for key, item in value.items()]
        random.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        return [shuffled(item, random) for item in value]
    return value


def keys(dialogue, random):
    """Members stand in another order, arguments are written differently, null fields come along."""
    def rewrite(messages, _):
        for message in messages:
            for call in message.get("tool_calls") or []:
                function = call["function"]
                try:
                    arguments = shuffled(json.loads(function["arguments"]), random)
                    function["arguments"] = json.dumps(
                        arguments, indent=random.choice([None, 2]),
                        ensure_ascii=random.random() < 0.5)
                except ValueError:
                    pass
            if message["role"] == "assistant":
                message.update(random.choice([{}, {"refusal": None}, {"audio": None}]))
        return [shuffled(message, random) for message in messages]
    return rewritten(dialogue, rewrite)


def whitespace(dialogue, random):
    """Line ends and blanks at the ends change."""
    def rewrite(messages, _):
        for message in messages:
            if isinstance(message.get("content"), str):
                text = message["content"]
                text = text.replace("\n", "\r\n") if random.random() < 0.5 else text
                message["content"] = text + random.choice(["", " ", "\n", "\r\n\n"])
        return messages
    return rewritten(dialogue, rewrite)


def reminders(dialogue, random):
    """Blocks that clients weave into the user's messages, others in each request."""
    def rewrite(messages, number):
        for message in messages:
            if message["role"] == "user" and isinstance(message.get("content"), str):
                block = random.choice([
                    "", f"<system-reminder>\nTodo list, version {number}\n</system-reminder>",
                    f"<environment_details>\nopen: file{number}.py\n</environment_details>"])
                message["content"] = random.choice([f"{block}\n{message['content']}",
                                                    f"{message['content']}\n\n{block}"])
        return messages
    return rewritten(dialogue, rewrite)


def with_system(messages, text):
    rest = [m for m in messages if m["role"] != "system"]
    old = " ".join(text_of(m.get("content")) for m in messages if m["role"] == "system")
    return [{"role": "system", "content": f"{old}\n{text}".strip()}] + rest


def date(dialogue, _):
    """Each turn is on another day, and the system text says so."""
    def rewrite(messages, number):
        return with_system(messages, f"You are a helpful assistant.\n"
                                     f"Today's date: 2026-11-{1 + number % 28:02d}")
    return rewritten(dialogue, rewrite)


def system(dialogue, random):
    """Each turn has a system text of its own."""
    def rewrite(messages, _):
        return with_system(messages, f"Working folder: /srv/{random.getrandbits(40):x}")
    return rewritten(dialogue, rewrite)


def first_date(dialogue, _):
    """The day stands in the first message of the user, and the dialogue goes on for days."""
    def rewrite(messages, number):
        for message in messages:
            if message["role"] == "user" and isinstance(message.get("content"), str):
                message["content"] = (f"Today's date is November {1 + number % 28}, 2026.\n\n"
                                      f"{message['content']}")
                break
        return messages
    return rewritten(dialogue, rewrite)


def reordered(dialogue, _):
    """Results of calls that were made at once come in another order each time."""
    def rewrite(messages, number):
        out = []
        for message in messages:
            if number % 2 == 1 and message["role"] == "tool" and out and out[-1]["role"] == "tool":
                first = len(out)
                while first > 0 and out[first - 1]["role"] == "tool":
                    first -= 1
                out.insert(first, message)
            else:
                out.append(message)
        return out
    return rewritten(dialogue, rewrite)


def think(dialogue, random):
    """Answers begin with thinking, which the client leaves out when it sends them again."""
    turns = plain(dialogue)
    for turn in turns:
        turn.reply = dict(turn.reply)
        thought = f"Let me see, {random.getrandbits(32)}. The user wants an answer."
        if random.random() < 0.3:
            turn.reply["reasoning_content"] = thought
        else:
            turn.reply["content"] = (f"<think>\n{thought}\n</think>\n\n"
                                     f"{text_of(turn.reply.get('content'))}")
    return turns


def agent(dialogue, _):
    """The client is updated again and again."""
    turns = plain(dialogue)
    for number, turn in enumerate(turns):
        turn.agent = f"cline/3.{number}.0"
    return turns


def client(dialogue, random):
    """Another client goes on with the dialogue at some point."""
    turns = plain(dialogue)
    from_turn = random.randrange(1, len(turns)) if len(turns) > 1 else len(turns)
    for number, turn in enumerate(turns):
        turn.is_changed = number >= from_turn
        if turn.is_changed:
            turn.agent = "OpenAI/JS 7.55.0"
    return turns


# --- what is sent --------------------------------------------------------------------------------

def trim(dialogue, random):
    """Results of tools but the last two become stubs."""
    stub = random.choice(["[Old tool result content cleared]", None])

    def trimmed(messages):
        places = [i for i, m in enumerate(messages) if m["role"] == "tool"][:-2]
        out = list(messages)
        for i in places:
            text = text_of(out[i].get("content"))
            out[i] = {**out[i], "content": stub or f"{text[:12]}… [{len(text)} bytes left out]"}
        return out, bool(places)
    turns = plain(dialogue)
    for turn in turns:
        turn.messages, turn.is_changed = trimmed(turn.messages)
        turn.meaning = turn.messages
    return turns


def split_system(messages):
    head = [m for m in messages if m["role"] == "system"]
    return head, [m for m in messages if m["role"] != "system"]


def drop(dialogue, random):
    """A window slides over the history: only the newest messages are sent."""
    window, at_user = random.randint(3, 8), random.random() < 0.5
    turns = plain(dialogue)
    for turn in turns:
        head, rest = split_system(turn.messages)
        kept = rest[-window:]
        while at_user and kept and kept[0]["role"] != "user" and len(kept) > 1:
            kept = kept[1:]
        turn.is_changed = len(kept) < len(rest)
        turn.messages = turn.meaning = head + kept
    return turns


def summarised(dialogue, random, kept_count):
    turns = plain(dialogue)
    from_turn = random.randrange(2, len(turns)) if len(turns) > 2 else len(turns)
    cut = None
    for number, turn in enumerate(turns):
        head, rest = split_system(turn.messages)
        turn.is_changed = number >= from_turn
        if not turn.is_changed:
            continue
        cut = max(1, len(rest) - kept_count) if cut is None else cut
        topic = text_of(rest[0].get("content"))[:60]
        note = {"role": "user", "content": "This session goes on from an earlier one. Summary: the "
                                           f"user asked about “{topic}”; {cut} messages so far."}
        turn.messages = turn.meaning = head + [note] + rest[cut:]
    return turns


def summary(dialogue, random):
    """From some turn on a summary stands in the place of all but the newest messages."""
    return summarised(dialogue, random, random.randint(3, 5))


def summary_only(dialogue, random):
    """Nothing but the summary and the newest message is left: nobody can know."""
    return summarised(dialogue, random, 1)


def edited(dialogue, random):
    """From some turn on an answer in the middle reads differently."""
    turns = plain(dialogue)
    if len(turns) < 3:
        for turn in turns:
            turn.is_changed = False
        return turns
    from_turn = random.randrange(2, len(turns))
    known = turns[from_turn].messages
    places = [i for i, m in enumerate(known) if m["role"] == "assistant" and m.get("content")]
    place = random.choice(places[1:]) if len(places) > 1 else None
    for number, turn in enumerate(turns):
        turn.is_changed = place is not None and number >= from_turn
        if not turn.is_changed:
            continue
        turn.messages = list(turn.messages)
        old = turn.messages[place]
        turn.messages[place] = {**old, "content": f"{text_of(old['content'])} (edited by hand)"}
        turn.meaning = turn.messages
        turn.wants = "branch" if number == from_turn else ""
    return turns


# --- what is asked besides -----------------------------------------------------------------------

def undo(dialogue, random):
    """The client goes back one message of the user, asks something else, and returns."""
    turns = plain(dialogue)
    out = []
    for number, turn in enumerate(turns):
        turn.is_changed = False
        out.append(turn)
        if number == 0 or turn.messages[-1]["role"] != "user" or random.random() < 0.5:
            continue
        other = turn.messages[:-1] + [{"role": "user", "content": "Let us try that differently."}]
        reply = {"role": "assistant",
                 "content": f"Then another way: {dialogue.name} has number {number} for that."}
        out.append(Turn(other, other, reply, reply, tools=dialogue.tools, call=turn.call))
    return out


def regenerate(dialogue, random):
    """The same request again, after the retry window or within it, with another answer."""
    out = []
    for number, turn in enumerate(plain(dialogue)):
        turn.is_changed = False
        out.append(turn)
        if number == 0 or random.random() < 0.6:
            continue
        reply = {"role": "assistant",
                 "content": f"Said again in other words: {dialogue.name}, part {number}."}
        soon = random.random() < 0.5
        out.append(dataclasses.replace(
            turn, reply=reply, reply_meaning=reply, kind="again", is_changed=True, soon=soon,
            later_ms=0 if soon else RETRY_WINDOW_MS + 5000))
    return out


def retry(dialogue, random):
    """Some requests fail and are sent again; some answers are lost on their way."""
    out = []
    for number, turn in enumerate(plain(dialogue)):
        turn.is_changed = False
        dice = random.random()
        if dice < 0.3:
            for attempt in range(random.randint(1, 2)):
                out.append(dataclasses.replace(turn, reply=None, reply_meaning=None,
                                               is_changed=True, soon=attempt > 0,
                                               kind="again" if attempt > 0 else "main",
                                               wants="retry" if attempt > 0 else ""))
            out.append(dataclasses.replace(turn, kind="again", wants="retry", soon=True,
                                           is_changed=True))
        elif dice < 0.45 and number > 0:
            out += [turn, dataclasses.replace(turn, kind="again", soon=True, is_changed=True)]
        else:
            out.append(turn)
    return out


TITLE_SYSTEM = {"role": "system", "content": "You are a title generator. You output ONLY a thread "
                                             "title. Nothing else."}


def title(dialogue, random):
    """Titles and summaries are asked for beside the first request and later ones, without tools
    and with a system text of their own."""
    out = []
    for number, turn in enumerate(plain(dialogue)):
        turn.is_changed, turn.tools = False, True
        rest = [m for m in turn.messages if m["role"] != "system"]
        if not any(m["role"] == "system" for m in turn.messages):
            turn.messages = turn.meaning = [
                {"role": "system", "content": "You are a careful assistant."}] + rest
        ask = {"role": "user", "content": "Generate a title for this conversation:\n"}
        forms = {"opening": [TITLE_SYSTEM] + rest,
                 "asked_for": [TITLE_SYSTEM, ask] + rest,
                 "at_the_end": [TITLE_SYSTEM] + rest + [ask]}
        side = None
        if number == 0:
            side = forms[random.choice(["opening", "asked_for"])]
        elif random.random() < 0.25 and rest[-1]["role"] == "user":
            side = forms[random.choice(["opening", "at_the_end"])]
        if side is None:
            out.append(turn)
            continue
        reply = {"role": "assistant", "content": f"Talk about {dialogue.name} {number}"}
        beside = Turn(side, side, reply, reply, kind="side", wants="auxiliary", call=turn.call)
        first = random.random() < 0.5
        beside.soon = not first
        if number == 0 and (first or "asked_for" in forms and side is forms["asked_for"]):
            beside.wants = "new"  # nothing tells what it is about
        turn.soon = first
        out += [beside, turn] if first else [turn, beside]
    return out


def overlap(dialogue, random):
    """Requests of other conversations come while an answer is under way."""
    turns = plain(dialogue)
    for turn in turns:
        turn.hold = random.randrange(4)
    return turns


ALL = {
    "none": plain, "ids": ids, "cache": cache, "date": date, "first_date": first_date,
    "trim": trim, "drop": drop, "summary": summary, "summary_only": summary_only, "agent": agent,
    "client": client,
    "caller": plain, "title": title, "retry": retry, "parts": parts, "keys": keys,
    "think": think, "system": system, "edited": edited, "undo": undo, "regenerate": regenerate,
    "whitespace": whitespace, "reminders": reminders, "reordered": reordered, "overlap": overlap,
}
