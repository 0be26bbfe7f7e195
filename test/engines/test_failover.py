"""Faults injected into engines at run time: each ends in the next engine and one clear line."""

import logging
import threading

import pytest
from scripted_engines import DEPTH, FAULTS, PATIENCE_S, RGB, SIZE, Chain, raising

from asymformer_ros.engines.engine import EngineError, GpuLost


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_failure_is_retried_once_on_the_same_engine(fault, caplog):
    chain = Chain(first=[fault], second=[])
    engine = chain.engine()
    with caplog.at_level(logging.WARNING):
        labels, _ = engine.infer(RGB, DEPTH)
    assert engine.name == "first"
    assert (labels == 0).all()
    assert "engine first failed, trying once more" in caplog.text


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_engine_that_fails_again_is_replaced_by_the_next(fault, caplog):
    chain = Chain(first=[fault, fault], second=[])
    engine = chain.engine()
    with caplog.at_level(logging.ERROR):
        labels, _ = engine.infer(RGB, DEPTH)
    assert engine.name == "second"
    assert labels.shape == SIZE
    assert chain.opened[0].closed.is_set()
    (record,) = caplog.records
    assert record.getMessage().startswith("engine first fp32 failed (")
    assert record.getMessage().endswith("): second fp32 takes over")


def test_an_engine_that_hangs_is_left_behind_and_closed_once_it_is_back(caplog):
    release = threading.Event()
    chain = Chain(first=[release.wait], second=[])
    engine = chain.engine(hang_limit_s=0.2)
    with caplog.at_level(logging.WARNING):
        engine.infer(RGB, DEPTH)
    assert engine.name == "second"
    assert "engine first is busy with a frame: it is left behind" in caplog.text
    assert "no answer within 0 s" in caplog.text
    assert not chain.opened[0].closed.is_set()
    release.set()
    assert chain.opened[0].closed.wait(PATIENCE_S)
    assert len(chain.opened[0].threads) == 1


def test_what_hangs_on_a_gpu_takes_the_other_gpu_engines_with_it():
    release = threading.Event()
    chain = Chain(gpu_first=[release.wait], gpu_second=[], cpu=[])
    engine = chain.engine(hang_limit_s=0.2)
    engine.infer(RGB, DEPTH)
    assert engine.name == "cpu"
    assert [opened.name for opened in chain.opened] == ["gpu_first", "cpu"]
    release.set()


def test_a_lost_gpu_is_not_tried_again_by_any_engine(caplog):
    lost = raising(GpuLost("illegal memory access: restart the node to use the GPU again"))
    chain = Chain(gpu_first=[lost], gpu_second=[], cpu=[], spare=[])
    now_s = [0.0]
    engine = chain.engine(clock=lambda: now_s[0])
    with caplog.at_level(logging.WARNING):
        engine.infer(RGB, DEPTH)
    assert engine.name == "cpu"
    assert [opened.name for opened in chain.opened] == ["gpu_first", "cpu"]
    (record,) = caplog.records
    assert "restart the node to use the GPU again): cpu fp32 takes over" in record.getMessage()
    now_s[0] = 60.0
    chain.opened[-1].faults = [FAULTS["exception"]] * 2
    engine.infer(RGB, DEPTH)
    assert [opened.name for opened in chain.opened] == ["gpu_first", "cpu", "spare"]


def test_a_lost_gpu_without_another_engine_is_told_at_every_frame():
    lost = raising(GpuLost("illegal memory access: restart the node to use the GPU again"))
    chain = Chain(gpu_only=[lost] * 3)
    engine = chain.engine()
    for _ in range(3):
        with pytest.raises(EngineError, match=r"no engine segments this frame: .*restart the node"):
            engine.infer(RGB, DEPTH)
    assert len(chain.opened) == 1


def test_an_engine_alone_that_hangs_is_used_again_once_it_is_back():
    release = threading.Event()
    engine = Chain(only=[release.wait]).engine(hang_limit_s=0.2)
    for reason in ("no answer within", "busy with one frame for"):
        with pytest.raises(EngineError, match=reason):
            engine.infer(RGB, DEPTH)
    release.set()
    engine._in_use.thread._in_work.result(PATIENCE_S)
    assert (engine.infer(RGB, DEPTH)[0] == 0).all()


def test_an_engine_that_stumbles_over_every_frame_is_replaced():
    fault = FAULTS["exception"]
    chain = Chain(first=[fault, None] * 4, second=[])
    engine = chain.engine()
    for _ in range(3):
        engine.infer(RGB, DEPTH)
        assert engine.name == "first"
    engine.infer(RGB, DEPTH)
    assert engine.name == "second"


def test_an_engine_that_stumbles_now_and_then_is_kept():
    chain = Chain(first=[FAULTS["exception"], None, None] * 9, second=[])
    engine = chain.engine()
    for _ in range(18):
        engine.infer(RGB, DEPTH)
    assert engine.name == "first"


def test_an_engine_alone_that_fails_is_opened_afresh_every_ten_seconds(caplog):
    now_s = [0.0]
    chain = Chain(only=[FAULTS["exception"]] * 40)
    engine = chain.engine(clock=lambda: now_s[0])
    for now_s[0] in (1.0, 5.0, 9.9):
        with pytest.raises(EngineError, match="no engine segments this frame: illegal memory"):
            engine.infer(RGB, DEPTH)
    assert len(chain.opened) == 1
    now_s[0] = 10.0
    with caplog.at_level(logging.ERROR), pytest.raises(EngineError):
        engine.infer(RGB, DEPTH)
    assert len(chain.opened) == 2
    assert chain.opened[0].closed.is_set()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "engine only fp32 failed (illegal memory access): opened again"
    ]
    assert (engine.infer(RGB, DEPTH)[0] == 0).all()


def test_nothing_that_works_is_no_end_but_is_not_tried_at_every_frame():
    now_s = [0.0]
    fault = FAULTS["exception"]
    chain = Chain(first=[fault, fault], second=[])
    engine = chain.engine(clock=lambda: now_s[0])
    chain.scripts = dict.fromkeys(chain.scripts, EngineError("the GPU is gone"))
    with pytest.raises(EngineError, match=r"no engine works here: second, first \(the GPU is gone"):
        engine.infer(RGB, DEPTH)
    chain.scripts = {name: [] for name in chain.scripts}
    now_s[0] = 9.9
    with pytest.raises(EngineError, match="no engine is open: no engine works here: second, first"):
        engine.infer(RGB, DEPTH)
    now_s[0] = 10.0
    assert (engine.infer(RGB, DEPTH)[0] == 0).all()


def test_frames_that_no_engine_can_segment_do_not_use_the_engines_up_nor_open_them_each_time():
    fault = FAULTS["exception"]
    chain = Chain(first=[fault] * 2, second=[fault] * 20)
    engine = chain.engine(clock=lambda: 0.0)
    for _ in range(5):
        with pytest.raises(EngineError, match="no engine segments this frame"):
            engine.infer(RGB, DEPTH)
    assert len(chain.opened) == 2
    chain.opened[-1].faults.clear()
    assert (engine.infer(RGB, DEPTH)[0] == 0).all()


def test_an_engine_can_be_closed_while_it_works():
    release, entered = threading.Event(), threading.Event()

    def work():
        entered.set()
        release.wait()

    chain = Chain(only=[work])
    engine = chain.engine()
    caller = threading.Thread(target=engine.infer, args=(RGB, DEPTH))
    caller.start()
    assert entered.wait(PATIENCE_S)
    engine.close()
    release.set()
    caller.join(PATIENCE_S)
    assert chain.opened[0].closed.wait(PATIENCE_S)


def test_a_frame_of_a_wrong_size_is_not_the_engine_s_fault():
    chain = Chain(first=[], second=[])
    engine = chain.engine()
    with pytest.raises(EngineError, match="the engine takes 64x32"):
        engine.infer(RGB[:16], DEPTH[:16])
    assert engine.name == "first"


def test_an_engine_lives_on_one_thread_that_is_not_ours():
    chain = Chain(first=[])
    engine = chain.engine()
    engine.infer(RGB, DEPTH)
    engine.close()
    engine.close()
    (thread,) = chain.opened[0].threads
    assert thread != threading.get_ident()
    with pytest.raises(EngineError, match="engine first is closed"):
        engine.infer(RGB, DEPTH)
