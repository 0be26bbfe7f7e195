"""Processes that take part in a run: questions, answers and ends."""

import pytest
import ros_participants

from asymformer_ros.benchmark.ros.participant import Participant, ParticipantError


def test_it_answers_until_it_is_asked_to_end(tmp_path):
    with Participant("echo", ros_participants.echo, tmp_path) as echo:
        assert echo.answer() == "ready"
        echo.tell("how much")
        assert echo.answer() == "how much"
        assert echo.end() == 1


def test_the_end_of_the_process_comes_with_its_last_lines(tmp_path):
    with Participant("failing", ros_participants.fail, tmp_path) as failing:
        assert failing.answer() == "ready"
        failing.tell("anything")
        with pytest.raises(ParticipantError) as raised:
            failing.answer()
    assert str(raised.value).splitlines() == [
        "failing ended with code 3:",
        *(f"line {number}" for number in range(4, 9)),
    ]


def test_waiting_for_one_ends_when_another_has_ended(tmp_path):
    with (
        Participant("silent", ros_participants.never_answer, tmp_path) as silent,
        Participant("failing", ros_participants.fail, tmp_path) as failing,
    ):
        failing.answer()
        failing.tell("anything")
        with pytest.raises(ParticipantError, match="failing ended with code 3"):
            silent.answer(failing)


def test_a_process_that_gives_no_answer_is_given_up(tmp_path):
    with (
        Participant("silent", ros_participants.never_answer, tmp_path) as silent,
        pytest.raises(ParticipantError, match="silent gave no answer within 0 s"),
    ):
        silent.answer(limit_s=0.2)


def test_its_cpu_time_is_what_it_computed(tmp_path):
    with Participant("computing", ros_participants.compute, tmp_path) as computing:
        before_s = computing.cpu_s()
        computing.tell(0.2)
        computed_s = computing.answer()
        assert computed_s >= 0.2
        assert computing.cpu_s() - before_s >= computed_s
