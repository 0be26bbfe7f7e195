"""The number of threads keeps within what the control groups of a container grant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asymformer_ros.engines.cpu_threads import cpu_threads

_MANY = 16


@pytest.fixture(autouse=True)
def _sixteen_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(_MANY)))


def _threads(folder: Path, membership: str, files: dict[str, str]) -> int:
    (folder / "membership").write_text(membership)
    for name, content in files.items():
        path = folder / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return cpu_threads(folder / "cgroup", folder / "membership")


_V1 = "11:name=systemd:/\n4:cpu,cpuacct:/docker/1f\n1:memory:/docker/1f\n"


@pytest.mark.parametrize(
    ("membership", "files", "threads"),
    [
        pytest.param("0::/\n", {"cpu.max": "200000 100000\n"}, 2, id="docker --cpus=2"),
        pytest.param("0::/\n", {"cpu.max": "150000 100000\n"}, 2, id="one and a half"),
        pytest.param("0::/\n", {"cpu.max": "5000 100000\n"}, 1, id="a twentieth"),
        pytest.param("0::/\n", {"cpu.max": "max 100000\n"}, _MANY, id="without a limit"),
        pytest.param("0::/\n", {"cpu.max": "6400000 100000\n"}, _MANY, id="more than there are"),
        pytest.param("0::/\n", {}, _MANY, id="root of the host, which has no such file"),
        pytest.param(
            "0::/system.slice/robot.service\n",
            {
                "system.slice/robot.service/cpu.max": "max 100000\n",
                "system.slice/cpu.max": "300000 100000\n",
            },
            3,
            id="the slice around a service",
        ),
        pytest.param(
            _V1,
            {"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            4,
            id="version 1 in a container",
        ),
        pytest.param(
            _V1,
            {
                "cpu/docker/1f/cpu.cfs_quota_us": "25000\n",
                "cpu/docker/1f/cpu.cfs_period_us": "50000\n",
                "cpu/cpu.cfs_quota_us": "-1\n",
                "cpu/cpu.cfs_period_us": "100000\n",
            },
            1,
            id="version 1 on the host",
        ),
        pytest.param(
            _V1,
            {
                "cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
                "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            2,
            id="version 1 without the link cpu",
        ),
        pytest.param("\n", {}, _MANY, id="no form at all"),
        pytest.param(
            _V1,
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            _MANY,
            id="version 1 without a limit",
        ),
    ],
)
def test_the_smallest_quota_around_the_process_counts(
    tmp_path: Path, membership: str, files: dict[str, str], threads: int
) -> None:
    assert _threads(tmp_path, membership, files) == threads


def test_a_system_without_control_groups_has_no_quota(tmp_path: Path) -> None:
    assert cpu_threads(tmp_path / "none", tmp_path / "neither") == _MANY
