"""Modules with exactly the names that were read from a real package, and behaviour under them.

A fake made this way refuses what its original does not have, to be read or to be set, so that code
that works on it does not work on wishes. The records lie in test/data/*_api.json.
"""

import json
from enum import Enum
from pathlib import Path
from types import ModuleType

DATA = Path(__file__).parents[1] / "data"


def recorded(file, package):
    """The record of one package or version: {"version": text, "names": {name: what it has}}."""
    return json.loads((DATA / file).read_text())[package]


class RecordedEnum(Enum):
    """An enum as the bindings make them: no integer, but convertible to one."""

    def __int__(self):
        return self.value


def recorded_enum(name, members, first=0):
    """first: the integer of the first name; versions differ in them, and so should fakes."""
    return RecordedEnum(name, {member: first + i for i, member in enumerate(members)})


class Strict:
    """Base of the fakes' classes: `_members` may be set, underscored names are the fake's own."""

    _members = frozenset()

    def __setattr__(self, name, value):
        if not name.startswith("_") and name not in self._members:
            raise AttributeError(f"the real {type(self).__name__} has no {name!r} to set")
        super().__setattr__(name, value)


def recorded_class(name, members, behaviour=None, base=Strict):
    """A class with `members` alone: those that `behaviour` has, and refusals for the others.

    What `behaviour` has beyond `members` is left out: the fake of an old version must not know it.
    """
    body = {"_members": frozenset(members), "__module__": "fake"}
    for member in members:
        if member != "__init__" and not member.startswith("__"):
            body[member] = _without_behaviour(name, member)
    for member, value in vars(behaviour or object).items():
        private = member.startswith("_") and member not in ("__module__", "__dict__", "__weakref__")
        if private or member in members:
            body[member] = value
    body.pop("__doc__", None)
    return type(name, (base,), body)


def _without_behaviour(name, member):
    def refuse(self):
        raise NotImplementedError(f"the fake {name} has no behaviour for {member!r}")

    return property(refuse, lambda self, value: vars(self).__setitem__(member, value))


def recorded_module(name, record, behaviours, first_enum_value=0):
    """A module with the record's names; behaviours: name to class or function."""
    module = ModuleType(name)
    unknown = set(behaviours) - set(record["names"])
    assert not unknown, f"{name} {record['version']} has no {sorted(unknown)}"
    for entry, what in record["names"].items():
        behaviour = behaviours.get(entry)
        if "enum" in what:
            made = recorded_enum(entry, what["enum"], first_enum_value)
        elif "members" in what and not (behaviour and issubclass(behaviour, BaseException)):
            made = recorded_class(entry, what["members"], behaviour)
        elif behaviour is not None:
            made = behaviour
        else:
            continue
        setattr(module, entry, made)
    return module
