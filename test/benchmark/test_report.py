"""From samples to figures, to JSON, to a table and to a picture."""

import json

import numpy as np
import pytest

from asymformer_ros.benchmark.contenders import Contender
from asymformer_ros.benchmark.machine import Machine
from asymformer_ros.benchmark.picture import picture
from asymformer_ros.benchmark.report import Report, Subject
from asymformer_ros.benchmark.rounds import Outcome, Result, Sample
from asymformer_ros.benchmark.table import percent, table
from asymformer_ros.engines.engine import StageTimes


def result(name, device, precision, network_ms, agreement=1.0):
    """Eleven rounds of 1 + network_ms + 2 + 2 ms and, from round to round, a whole one more."""
    samples = [
        Sample(i, 0, network_ms + 5.0 + i, StageTimes(1.0, network_ms + i, 2.0, 2.0), agreement)
        for i in range(11)
    ]
    contender = Contender(name, device, name.startswith("eager"), lambda: None)
    return Result(contender, precision, 1.5, 200.0, None, samples)


def unavailable(name, reason):
    return Result(Contender(name, "gpu", False, lambda: None), failure=reason)


ON_CPU = [
    result("openvino", "cpu", "fp32", 35.0),
    result("openvino bf16", "cpu", "bf16", 15.0, agreement=0.99996),
    result("eager", "cpu", "fp32", 90.0),
]
ON_GPU = [
    result("eager cuda", "gpu", "fp32", 30.0),
    result("tensorrt", "gpu", "fp16", 2.5),
]


def report(results, *, other_load=0.0, is_complete=True, float32="eager", is_trained=True):
    return Report(
        "asymformer bench",
        Subject("random", "asymformer-nano", (480, 640), "5 simulated rooms", is_trained),
        Machine("Some CPU", ("avx2",), 4, "Some GPU", "Linux", {"numpy": "2.0"}),
        Outcome(results, float32, is_complete),
        other_load,
    )


def test_figures_are_medians_percentiles_and_ratios_to_the_baseline_of_the_device():
    figures = report(ON_CPU + ON_GPU).figures
    assert [figure.result.contender.name for figure in figures] == [
        "tensorrt",
        "eager cuda",
        "openvino bf16",
        "openvino",
        "eager",
    ]
    openvino = figures[3]
    assert (openvino.p10, openvino.median, openvino.p90) == (41.0, 45.0, 49.0)
    assert openvino.stages == (1.0, 40.0, 2.0, 2.0)
    assert openvino.overhead == pytest.approx(5 / 40)
    assert openvino.speedup == pytest.approx(100 / 45)
    assert figures[0].speedup == pytest.approx(40 / 12.5)
    assert figures[4].speedup == 1.0


def test_without_the_baseline_of_the_device_there_is_no_ratio():
    figures = report([*ON_CPU[:2], *ON_GPU]).figures
    assert [figure.speedup is None for figure in figures] == [False, False, True, True]


def test_json_holds_every_sample():
    content = json.loads(report([*ON_CPU, unavailable("tensorrt", "no driver")]).to_json())
    by_name = {entry["name"]: entry for entry in content["contenders"]}
    assert by_name["tensorrt"]["failure"] == "no driver"
    assert by_name["tensorrt"]["samples"] == []
    assert by_name["tensorrt"]["figures"] is None
    samples = by_name["openvino"]["samples"]
    assert [sample["total_ms"] for sample in samples] == [40.0 + i for i in range(11)]
    assert samples[0]["stages_ms"] == {
        "copy_in": 1.0,
        "network": 35.0,
        "copy_out": 2.0,
        "postprocess": 2.0,
    }
    assert content["machine"]["cores"] == 4
    assert content["command"] == "asymformer bench"


def test_the_table_has_a_row_for_each_contender_and_a_reason_for_the_others():
    stopped = result("onnxruntime", "cpu", "fp32", 60.0)
    stopped.failure = "ended by SIGKILL"
    lines = table(report([*ON_CPU, stopped, unavailable("tensorrt", "no driver")])).splitlines()
    rows = {line[2:16].strip(): line.split() for line in lines}
    assert rows["eager"][2:6] == ["100", "96.00", "-", "104"]
    assert rows["openvino"][-7:] == ["1.00", "40.00", "2.00", "2.00", "12.5%", "200", "100.00%"]
    assert rows["openvino bf16"][-1] == "99.99%"
    assert "  tensorrt     no driver" in lines
    assert "  onnxruntime  failed after 11 rounds: ended by SIGKILL" in lines


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"other_load": 0.5}, "other processes kept 0.5 cores busy"),
        ({"is_complete": False}, "interrupted"),
        ({"float32": ""}, "nothing here computes in float32"),
        ({"is_trained": False}, "random weights"),
    ],
)
def test_the_table_says_what_its_figures_are_worth(changes, note):
    assert note in table(report(ON_CPU, **changes))
    assert note not in table(report(ON_CPU))


def test_the_table_says_so_where_there_is_no_baseline():
    assert "no ratios" in table(report(ON_CPU[:2]))
    assert "x eager" not in table(report(ON_CPU[:2]))


def test_without_any_contender_the_table_still_has_the_reasons():
    assert "tensorrt  no driver" in table(report([unavailable("tensorrt", "no driver")]))


def test_shares_are_rounded_down():
    assert percent(1.0) == "100.00%"
    assert percent(0.999999) == "99.99%"


def test_the_bars_of_the_picture_are_as_long_as_the_stages():
    image = picture(report(ON_CPU))
    assert image.dtype == np.uint8
    network, post = (
        (image == np.array(color, np.uint8)).all(axis=2)[190:].sum(axis=1)
        for color in ((0, 114, 178), (0, 158, 115))
    )
    longest = network.max()  # the baseline's 95 ms, but for what the whisker hides
    lengths = sorted({int(length) for length in network if length > 0.1 * longest})
    assert lengths[-1] / lengths[0] > 4
    assert 0 < post.max() / longest < 0.05


def test_the_picture_grows_with_the_contenders_and_has_a_part_for_each_device():
    heights = [picture(report(r)).shape[0] for r in (ON_CPU[:2], ON_CPU, ON_CPU + ON_GPU)]
    assert heights[0] < heights[1] < heights[2] < 1200
    assert picture(report(ON_CPU)).shape[1] == picture(report(ON_GPU)).shape[1] == 1800
