"""The messages of a bag of ROS 1 or ROS 2, whole or damaged; needs `rosbags`, but neither ROS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from asymformer_ros.evaluation.damaged_bag import BagMessage, bag_files, is_ros1, read_damaged
from asymformer_ros.evaluation.recordings import Losses, RecordingError

if TYPE_CHECKING:
    from rosbags.rosbag1 import Reader as Ros1Reader
    from rosbags.rosbag2 import Reader as Ros2Reader

_METADATA = "metadata.yaml"


@dataclass(frozen=True)
class BagTopic:
    """A topic of a bag; kind: of its messages, as in sensor_msgs/msg/Image."""

    name: str
    kind: str
    count: int


class BagMessages:
    """What a bag holds, by topics, and its messages; raises RecordingError without rosbags.

    losses: is told what cannot be read; all is known after a pass over all messages.
    """

    def __init__(self, path: Path, losses: Losses) -> None:
        self._path = path
        self._losses = losses
        self._store = _types(path)
        self._is_whole = False
        #: By name.
        self.topics: dict[str, BagTopic] = {}
        if missing := ", ".join(_missing_files(path)):
            losses.note(f"{path} has no {missing}: all that was in there is lost")
        try:
            _require_closed(path)
            if _compression(path) == "file" and not missing:
                # Read file by file: rosbags decompresses all of them each time it opens the bag.
                self.topics = promised = _promised_topics(path)
            else:
                self.topics = promised = _topics(path)
                self._is_whole = True
        except Exception as error:  # a damaged file makes its parsers raise all sorts
            promised = _promised_topics(path)
            self.topics = self._count("" if missing else _what_is_wrong(path, error))
        self._expected = {name: topic.count for name, topic in promised.items()}

    def read(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """The messages of some topics in the order of recording, of a damaged bag in that of files.

        Damage that shows on the way ends nothing: what can be read of the rest is read.
        """
        given: Counter[str] = Counter()
        for message in self._read(topics):
            given[message.topic] += 1
            yield message
        missing = [
            f"{expected - given[topic]} of the {expected} messages on {topic}"
            for topic in topics
            if (expected := self._expected.get(topic, 0)) > given[topic]
        ]
        if missing:
            self._losses.note(f"{' and '.join(missing)} are missing")

    def decode(self, message: BagMessage) -> Any:
        """The message's fields; raises all sorts where it is damaged."""
        if is_ros1(self._path):
            return self._store.deserialize_ros1(message.data, message.kind)
        return self._store.deserialize_cdr(message.data, message.kind)

    def _read(self, topics: Collection[str]) -> Iterator[BagMessage]:
        reason = ""
        latest_ns = -1
        given_then: set[str] = set()
        if self._is_whole:
            try:
                with _open(self._path) as reader:
                    wanted: Any = [one for one in reader.connections if one.topic in topics]
                    for connection, time_ns, data in reader.messages(wanted) if wanted else ():
                        if time_ns != latest_ns:
                            latest_ns = time_ns
                            given_then.clear()
                        given_then.add(connection.topic)
                        yield BagMessage(connection.topic, connection.msgtype, time_ns, bytes(data))
                return
            except Exception as error:
                reason = _what_is_wrong(self._path, error)
        for message in self._read_damaged(reason):
            if message.topic not in topics or message.time_ns < latest_ns:
                continue
            if message.time_ns > latest_ns or message.topic not in given_then:
                yield message

    def _read_damaged(self, reason: str) -> Iterator[BagMessage]:
        """What can be read of all files; reason: to be told where none of them shows one."""
        losses = Losses()
        yield from read_damaged(self._path, losses)
        for sentence in losses.sentences or filter(None, (reason,)):
            self._losses.note(sentence)

    def _count(self, reason: str) -> dict[str, BagTopic]:
        kinds: dict[str, str] = {}
        counts: Counter[str] = Counter()
        for message in self._read_damaged(reason):
            kinds[message.topic] = message.kind
            counts[message.topic] += 1
        return {name: BagTopic(name, kind, counts[name]) for name, kind in kinds.items()}


def _open(path: Path) -> AbstractContextManager[Ros1Reader | Ros2Reader]:
    from rosbags.rosbag1 import Reader as Ros1Reader
    from rosbags.rosbag2 import Reader as Ros2Reader

    return Ros1Reader(path) if is_ros1(path) else Ros2Reader(path)


def _types(path: Path) -> Any:
    try:
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise RecordingError(
            "reading bags needs the package rosbags: pip install 'rosbags>=0.11'"
        ) from error
    # Not the bag's own definitions: those of images have not changed, others may not be parsed.
    return get_typestore(Stores.ROS1_NOETIC if is_ros1(path) else Stores.ROS2_JAZZY)


def _topics(path: Path) -> dict[str, BagTopic]:
    with _open(path) as reader:
        found = [(name, info.msgtype, info.msgcount) for name, info in reader.topics.items()]
    return {name: BagTopic(name, kind or "", count) for name, kind, count in found}


def _require_closed(path: Path) -> None:
    """Raise EOFError for a bag whose recorder was not ended."""
    if any(Path(f"{file}-wal").is_file() for file in bag_files(path)):
        raise EOFError("its log was not merged")


def _what_is_wrong(path: Path, error: Exception) -> str:
    if path.is_dir() and not (path / _METADATA).is_file():
        return f"{path} has no {_METADATA}: its recorder was not ended, or the file was lost"
    reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return f"{path} is damaged or its recorder was not ended: {reason}"


def _missing_files(path: Path) -> list[str]:
    files = _metadata(path).get("relative_file_paths")
    names = [Path(str(file)).name for file in files] if isinstance(files, list) else []
    return [name for name in names if not (path / name).is_file()]


def _promised_topics(path: Path) -> dict[str, BagTopic]:
    promised = {}
    try:
        for one in _metadata(path).get("topics_with_message_count", []):
            name, kind = str(one["topic_metadata"]["name"]), str(one["topic_metadata"]["type"])
            promised[name] = BagTopic(name, kind, int(one["message_count"]))
    except (KeyError, TypeError, ValueError):
        pass
    return promised


def _compression(path: Path) -> str:
    return str(_metadata(path).get("compression_mode", "")).lower()


def _metadata(path: Path) -> dict[str, Any]:
    """What metadata.yaml says, nothing where it cannot be read."""
    try:
        content = yaml.safe_load((path / _METADATA).read_text())
        information = content["rosbag2_bagfile_information"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return {}
    return information if isinstance(information, dict) else {}
