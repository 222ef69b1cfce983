"""Record raw messages without ever making the caller wait for the disk."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from simdist_ros.core.errors import BagError, unknown_name
from simdist_ros.transitions.bags.mcap_file import McapFile
from simdist_ros.transitions.bags.metadata import BagMetadata, write_metadata
from simdist_ros.transitions.bags.recorded_topic import Topic, message_type

__all__ = ['BagWriter']

POLL_S = 0.05
FLUSH_S = 0.5
METADATA_S = 5.0

Message = tuple[str, int, bytes]  # topic, stamp [ns], serialized


def open_new(path: Path) -> IO[bytes]:
    """Open a file that does not exist yet."""
    return path.open('xb')


class BagWriter:
    """A rosbag2 folder with one MCAP file, written by a thread of its own.

    A killed process loses what came in its last half second or so; everything before stays
    readable, though without an index. Memory is bounded: what does not fit in the queue is lost
    and counted, and so is what the disk refuses.
    """

    def __init__(
        self,
        folder: Path,
        topics: Sequence[Topic],
        info: Mapping[str, str],
        *,
        max_messages: int = 20_000,
        max_bytes: int = 128 * 2**20,
        open_file: Callable[[Path], IO[bytes]] = open_new,
    ) -> None:
        """Make the folder and start to write.

        Args:
            folder: The bag; its parents are made, it must not exist.
            topics: What will be recorded.
            info: The bag's ``custom_data``: robot, model, world.
            max_messages: Most messages that wait for the disk.
            max_bytes: Most bytes that wait for the disk.
            open_file: Opens the MCAP file.

        Raises:
            BagError: The folder exists, cannot be made, or a message type is unknown.
        """
        self.folder = folder.absolute()
        self.lost: Counter[str] = Counter()
        self._max_messages, self._max_bytes = max_messages, max_bytes
        self._failure = ''
        self._lock = threading.Lock()
        self._queue: deque[Message] = deque()
        self._queued_bytes = 0
        self._is_open = True
        self._stop = threading.Event()
        self._names = frozenset(topic.name for topic in topics)
        metadata = BagMetadata(
            file_name=f'{self.folder.name}_0.mcap',
            topics=tuple(topics),
            info={key: str(value) for key, value in info.items()},
        )
        self._file = self._create(metadata, open_file)
        self._thread = threading.Thread(target=self._run, name='bag_writer', daemon=True)
        self._thread.start()

    def __enter__(self) -> BagWriter:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    @property
    def failure(self) -> str:
        """Why the recording ended early, in one sentence; empty while all is well."""
        return self._failure

    @property
    def written(self) -> Mapping[str, int]:
        """How many messages of each topic are safe from the end of this process."""
        return self._file.safe.counts

    def put(self, topic: str, stamp_ns: int, data: bytes) -> bool:
        """Hand over one message; return at once, and tell whether it was taken.

        Args:
            topic: Name of one of the topics.
            stamp_ns: When it was received [ns], not negative.
            data: The serialized message; it must not change afterwards.

        Raises:
            BagError: The bag has no such topic.
        """
        if topic not in self._names:
            raise BagError(unknown_name('topic', topic, self._names))
        with self._lock:
            is_taken = (
                self._is_open
                and stamp_ns >= 0
                and len(self._queue) < self._max_messages
                and self._queued_bytes + len(data) <= self._max_bytes
            )
            if is_taken:
                self._queue.append((topic, stamp_ns, data))
                self._queued_bytes += len(data)
            else:
                self.lost[topic] += 1
        return is_taken

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what is queued, the index and the metadata; again, do nothing."""
        with self._lock:
            self._is_open = False
        self._stop.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._failure = f'bag {str(self.folder)!r}: the disk took over {timeout_s} s to finish'

    def _create(self, metadata: BagMetadata, open_file: Callable[[Path], IO[bytes]]) -> McapFile:
        """Make the folder, the file and a first ``metadata.yaml``."""
        if len(self._names) < len(metadata.topics):
            raise BagError('a topic is to be recorded twice; name each topic once')
        for topic in metadata.topics:
            message_type(topic.type)
        try:
            self.folder.mkdir(parents=True)
        except FileExistsError:
            raise BagError(
                f'bag folder {str(self.folder)!r} exists already; name another one, or remove it'
            ) from None
        except OSError as error:
            raise BagError(f'bag folder {str(self.folder)!r} cannot be made: {error}') from None
        try:
            file = McapFile(open_file(self.folder / metadata.file_name), metadata)
            write_metadata(self.folder, metadata)
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise BagError(f'bag {str(self.folder)!r} cannot be written: {error}') from None
        return file

    def _run(self) -> None:
        """Write until closed; after a failure, only count."""
        try:
            self._write_until_stopped()
            self._file.close()
            write_metadata(self.folder, self._file.safe)
        except Exception as error:  # whatever it is, the caller's control loop goes on
            self._fail(error)

    def _write_until_stopped(self) -> None:
        """Move messages from the queue to the file; flush and describe it from time to time."""
        flush_at = metadata_at = time.monotonic()
        is_stopping = False
        while not is_stopping:
            is_stopping = self._stop.wait(POLL_S)
            while message := self._take():
                self._file.add(*message)
            now = time.monotonic()
            if now >= flush_at:
                self._file.flush()
                flush_at = now + FLUSH_S
            if now >= metadata_at:
                write_metadata(self.folder, self._file.safe)
                metadata_at = now + METADATA_S

    def _take(self) -> Message | None:
        """Take the oldest message from the queue."""
        with self._lock:
            if not self._queue:
                return None
            message = self._queue.popleft()
            self._queued_bytes -= len(message[2])
        return message

    def _fail(self, error: Exception) -> None:
        """Remember why, refuse what follows, and save what can be saved."""
        with self._lock:
            self._is_open = False
            self._failure = f'bag {str(self.folder)!r} is cut off: {error}'
            self.lost.update(self._file.pending())
            self.lost.update(topic for topic, _, _ in self._queue)
            self._queue.clear()
        with suppress(OSError):
            self._file.abandon()
        with suppress(OSError):
            write_metadata(self.folder, self._file.safe)
