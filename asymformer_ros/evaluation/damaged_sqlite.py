"""The messages of rosbag2's sqlite3 file, row by row and past the rows that cannot be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from asymformer_ros.evaluation.damaged_bag import BagMessage

_FROM_ROW = "SELECT id, topic_id, timestamp, data FROM messages WHERE id >= ? ORDER BY id"
_ANY_ROW = "SELECT id FROM messages WHERE id >= ? ORDER BY id LIMIT 1"
_LONGEST_GAP = 1 << 32


def read_sqlite(file: Path, faults: list[str]) -> Iterator[BagMessage]:
    """Every message that can be read, in the order of writing; see `damaged_bag.Reader`."""
    # Immutable: a folder that cannot be written to will do. Not where a log is to be applied.
    how = "mode=ro" if Path(f"{file}-wal").is_file() else "immutable=1"
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?{how}", uri=True)) as database:
        # Or sqlite refuses every file that is shorter than it was (sqlite.org/recovery.html).
        database.execute("PRAGMA writable_schema = ON")
        topics = {
            number: (str(name), str(kind))
            for number, name, kind in database.execute("SELECT id, name, type FROM topics")
        }
        row: int | None = 0
        while row is not None:
            try:
                for number, topic, time_ns, data in database.execute(_FROM_ROW, (row,)):
                    if number < row:  # pages that are damaged may come twice
                        continue
                    row = number + 1
                    if topic in topics and isinstance(time_ns, int) and isinstance(data, bytes):
                        yield BagMessage(*topics[topic], time_ns, data)
                return
            except sqlite3.DatabaseError as error:
                faults.append(f"is cut off or damaged in places: {error}")
                row = _next_row(database, row + 1)


def _next_row(database: sqlite3.Connection, start: int) -> int | None:
    """The next row that can be found behind damage, None where there is none."""
    step = 1
    while step < _LONGEST_GAP:
        try:
            found = database.execute(_ANY_ROW, (start + step - 1,)).fetchone()
        except sqlite3.DatabaseError:
            step *= 2
        else:
            return None if found is None else int(found[0])
    return None
