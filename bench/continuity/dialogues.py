"""Loads dialogues and knows which of them are one conversation, and what of a message counts."""

import dataclasses
import json
import pathlib

# The data sets of the project's evaluation; each is DIR/NAME.jsonl.
SETS = ["tau_airline", "oasst_trees", "mtbench101", "aider_history", "sgd", "bfcl_multiturn"]


class DataError(Exception):
    """What is missing or wrong, as a sentence for the user."""


@dataclasses.dataclass
class Dialogue:
    name: str
    tree: str  # dialogues of one tree are the branches of one conversation
    messages: list
    tools: bool  # calls are made in it, so its requests declare tools

    def calls(self):
        """The places of the assistant's messages: each is one call of a model."""
        return [i for i, message in enumerate(self.messages)
                if message["role"] == "assistant" and i > 0]


def load(folder, name):
    path = pathlib.Path(folder) / f"{name}.jsonl"
    if not path.is_file():
        raise DataError(f"{path} is not there; --data names the folder with the sets as NAME.jsonl")
    dialogues = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            dialogues.append(dialogue_of(row))
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise DataError(f"{path}:{number} is no dialogue: {error!r}") from None
    if not dialogues:
        raise DataError(f"{path} is empty")
    return dialogues


def dialogue_of(row):
    messages = row["messages"]
    tools = any(message.get("tool_calls") for message in messages)
    tree = (row.get("labels") or {}).get("tree") or row["id"]
    return Dialogue(row["id"], tree, messages, tools)


def text_of(content):
    """The text of a message, whether it is written as a string or as parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def canonical(message):
    """What of a message makes it the one it is, for everybody who looks at it: said by whom, the
    words, the calls with their arguments. On purpose not how the gateway does it."""
    role = message["role"]
    words = " ".join(text_of(message.get("content")).split())
    calls = []
    for call in message.get("tool_calls") or []:
        arguments = call["function"].get("arguments", "")
        try:
            arguments = json.dumps(json.loads(arguments), sort_keys=True, ensure_ascii=False)
        except ValueError:
            pass
        calls.append((call["function"]["name"], arguments))
    return role, words, tuple(calls)


def says(link):
    """How many bytes of a link of `chain` came from a provider or answer one: what users say is no
    evidence (spec 11.22)."""
    return sum(len(words.encode()) + sum(value_bytes(arguments) for _, arguments in calls)
               for role, words, calls in link if role != "user")


def value_bytes(arguments):
    """Names and values of a JSON text, without what only separates them."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return len(arguments.encode())
    def count(one):
        if isinstance(one, dict):
            return sum(len(key.encode()) + count(item) for key, item in one.items())
        if isinstance(one, list):
            return sum(map(count, one))
        return len(one.encode()) if isinstance(one, str) else len(json.dumps(one))
    return count(value)


def chain(messages):
    """The history without the system's messages: neighbours of one role are one link, and results
    of tools have no order among them."""
    links = []
    for message in messages:
        if message["role"] in ("system", "developer"):
            continue
        item = canonical(message)
        if links and links[-1][0][0] == item[0]:
            links[-1].append(item)
        else:
            links.append([item])
    return [tuple(sorted(link)) if link[0][0] == "tool" else tuple(link) for link in links]


def system_of(messages):
    return " ".join(" ".join(text_of(message.get("content")).split())
                    for message in messages if message["role"] in ("system", "developer"))
