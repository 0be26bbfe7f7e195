"""docs/faults.md and the tests of its rows belong together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from faults import table


def test_every_row_is_another_test_and_every_file_of_tests_has_rows():
    found = Counter((row.group, row.name) for row in table())
    files = Path(__file__).parent.glob("test_faults_*.py")

    assert set(found.values()) == {1}
    assert {group for group, _ in found} == {
        file.stem.removeprefix("test_faults_") for file in files
    }
