"""The rows of docs/faults.md, and the one form in which each of them is tested."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).parents[2] / "docs" / "faults.md"
_LINE = re.compile(r"\| (.+) \| (.+) \| (.+) \| (.+) \| `(\w+)\[(\w+)\]` \|")
_QUOTED = re.compile(r"`([^`]+)`")
# Threads take address space, too.
_MUCH_MEMORY = 2**30
# A matter of speed and not of the fault, where a row does not name it.
_LOAD = {"dropped.replaced_by_newer"}


@dataclass(frozen=True)
class Row:
    """What a row promises.

    counted: the keys of /diagnostics that grow. said: sentences in the log, in /diagnostics or in a
    service's answer, … for any text; empty: no error and no warning in the log.
    """

    group: str
    name: str
    counted: frozenset[str]
    said: tuple[str, ...]


def table():
    """All rows; raises AssertionError for one that cannot be read."""
    text = TABLE.read_text(encoding="utf-8")
    _, _, *lines = [line for line in text.splitlines() if line.startswith("|")]
    found = []
    for line in lines:
        match = _LINE.fullmatch(line)
        assert match, f"{TABLE.name} has a row of another form: {line}"
        _, _, counted, said, group, name = match.groups()
        quoted = frozenset(_QUOTED.findall(counted)), tuple(_QUOTED.findall(said))
        found.append(Row(group, name, *quoted))
    return found


def rows(group):
    """The rows of a group, by name."""
    return {row.name: row for row in table() if row.group == group}


def adds_up(account):
    """Whether every colour image is accounted for."""
    dropped = sum(n for key, n in account.items() if key.startswith("dropped."))
    return account["received_color"] == account["segmented"] + dropped + account["pending"]


class Hearing:
    """What the node logs and reports from now on."""

    def __init__(self, rig):
        self._rig = rig
        self._logged, self._reported = len(rig.node.lines), len(rig.consumer.reports())

    def all(self):
        reports = self._rig.consumer.reports()[self._reported :]
        return self._rig.node.lines[self._logged :] + [status.message for status in reports]

    def of(self, part):
        return [text for text in self.all() if part in text]


def until_told(rig, part, publish):
    """Publish until the node logs or reports this."""
    heard = Hearing(rig)
    while not heard.of(part):
        publish()


def survive(rig, row, play):
    """Play a fault: the node counts and says what the row promises and segments the next good pair.

    play: called with the rig; returns what services answered, if any did.
    """
    before, heard = dict(rig.consumer.account()), Hearing(rig)
    asked_before = _address_space(rig.node.process)

    answered = play(rig) or ""

    played = len(rig.consumer.reports())
    rig.consumer.wait_for(lambda: len(rig.consumer.reports()) > played, "a report")
    after = rig.settled_account()
    assert rig.node.process.poll() is None
    assert _address_space(rig.node.process) - asked_before < _MUCH_MEMORY
    assert adds_up(after)
    assert _grown(before, after) - (_LOAD - row.counted) == row.counted
    for sentence in row.said:
        assert any(_matches(sentence, text) for text in [answered, *heard.all()]), heard.all()
    assert row.said or not heard.of("[ERROR]")
    assert not heard.of("Traceback")
    rig.consumer.output_of(rig.camera.pair(rig.later()))


def _address_space(process):
    """The most memory in bytes that a process has ever asked for."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmPeak:\s*(\d+) kB", status)[1]) * 1024


def _grown(before, after):
    drops = (key for key in after if key.startswith("dropped"))
    return {key for key in drops if after[key] > before.get(key, 0)}


def _matches(sentence, text):
    return re.search(".*".join(map(re.escape, sentence.split("…"))), text) is not None
