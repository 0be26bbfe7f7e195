"""Why a frame was not segmented: every one that is not is counted under a cause."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# Errors quote what came, and that can be megabytes.
_LONGEST_SENTENCE = 1000


class FrameDropped(Exception):
    """A pair cannot be segmented; `cause` counts it, the message says why and what to do."""

    def __init__(self, cause: str, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause


@contextmanager
def stage(cause: str) -> Iterator[None]:
    """Whatever is raised inside drops the frame under `cause`, unless a stage inside said why."""
    try:
        yield
    except (FrameDropped, KeyboardInterrupt):
        raise
    except BaseException as error:  # PyO3's PanicException is no Exception
        raise FrameDropped(cause, sentence_of(error)) from error


def is_for_users(error: BaseException) -> bool:
    """Whether an error is one of this package, whose message is a sentence for users."""
    return type(error).__module__.startswith("asymformer_ros.")


def sentence_of(error: BaseException) -> str:
    """What an error says, on one line; its type where it is not an error meant for users."""
    sentence = " ".join(str(error).split())
    if len(sentence) > _LONGEST_SENTENCE:
        sentence = f"{sentence[:_LONGEST_SENTENCE]} ..."
    return sentence if is_for_users(error) and sentence else f"{type(error).__name__}: {sentence}"
