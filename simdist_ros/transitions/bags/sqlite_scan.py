"""Read a SQLite file of rosbag2, that of a recorder that was killed too."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from simdist_ros.core.errors import BagError
from simdist_ros.transitions.bags.raw_messages import Definition, RawMessage, custom_data_of

__all__ = ['SqliteScan']

SIDECARS = ('-wal', '-journal')  # what SQLite leaves beside a file whose writer was killed
CDR = 'cdr'
MESSAGES = 'SELECT topic_id, timestamp, data FROM messages'


class SqliteScan:
    """Passes over a file; what is known of it grows on the way.

    Attributes:
        types: Message type of each topic.
        custom_data: What the writer noted.
        promised: Always empty: a table does not say how many rows it should have.
        num_damaged: Places at which it cannot be read, 0 or 1.
        is_cut_off: Whether its writer was killed, or its rest cannot be read.
    """

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self._path = path
        self.types: dict[str, str] = {}
        self.custom_data: dict[str, str] = {}
        self.promised: dict[str, int] = {}
        self.num_damaged = 0
        self.is_cut_off = any(beside(path, ending).exists() for ending in SIDECARS)

    def messages(self) -> Iterator[RawMessage]:
        """Read all messages in the order of their stamps; up to a damaged page, as written.

        Raises:
            BagError: The file is no database of rosbag2.
        """
        self.num_damaged = 0
        with recovered(self._path) as path, self._connected(path) as connection:
            topics = self._topics(connection)
            for topic, stamp_ns, data in self._rows(connection):
                name, definition = topics[topic]
                yield RawMessage(name, definition, stamp_ns, data)

    def _rows(self, connection: sqlite3.Connection) -> Iterator[tuple[int, int, bytes]]:
        """Yield topic, stamp and data of each message, until a page is damaged.

        Without an index of the stamps, SQLite reads all before it knows which is the first.
        """
        for order in ('timestamp, id', 'id'):
            count = 0
            try:
                for row in connection.execute(f'{MESSAGES} ORDER BY {order}'):
                    count += 1
                    yield row
                return
            except sqlite3.Error:
                self.num_damaged, self.is_cut_off = 1, True
            if count:
                return

    @contextmanager
    def _connected(self, path: Path) -> Iterator[sqlite3.Connection]:
        """Open a database without changing it."""
        try:
            connection = sqlite3.connect(f'{path.resolve().as_uri()}?mode=ro', uri=True)
        except sqlite3.Error as error:
            raise self._refusal(error) from None
        with closing(connection):
            yield connection

    def _topics(self, connection: sqlite3.Connection) -> dict[int, tuple[str, Definition]]:
        """Return name and type by number, and note what else the file tells."""
        try:
            tables = {row[0] for row in connection.execute('SELECT name FROM sqlite_master')}
            definitions = {}
            if 'message_definitions' in tables:
                definitions = {
                    name: Definition(name, encoding, text)
                    for name, encoding, text in connection.execute(
                        'SELECT topic_type, encoding, encoded_message_definition '
                        'FROM message_definitions'
                    )
                }
            if 'metadata' in tables:
                for (text,) in connection.execute('SELECT metadata FROM metadata'):
                    self.custom_data |= custom_data_of(text)
            rows = connection.execute('SELECT id, name, type, serialization_format FROM topics')
            topics = {}
            for number, name, kind, encoding in rows:
                self.types[name] = kind
                known = definitions.get(kind, Definition(kind, '', ''))
                topics[number] = (name, known if encoding == CDR else Definition('', '', ''))
            return topics
        except sqlite3.Error as error:
            raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> BagError:
        """Say that the file cannot be read."""
        return BagError(f'bag {str(self._path)!r} cannot be read: {error}')


@contextmanager
def recovered(path: Path) -> Iterator[Path]:
    """Yield a file as its writer left it, or, if that was killed, a copy that SQLite may mend."""
    sidecars = [ending for ending in SIDECARS if beside(path, ending).exists()]
    if not sidecars:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix='simdist_bag_') as folder:
        copy = Path(folder) / 'bag.db3'
        shutil.copyfile(path, copy)
        for ending in sidecars:
            shutil.copyfile(beside(path, ending), beside(copy, ending))
        try:
            with closing(sqlite3.connect(copy)) as connection:
                connection.execute('SELECT count(*) FROM sqlite_master')  # takes the journal in
                connection.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        except sqlite3.Error as error:
            raise BagError(f'bag {str(path)!r} cannot be read: {error}') from None
        yield copy


def beside(path: Path, ending: str) -> Path:
    """Return the file that SQLite keeps beside a database."""
    return path.with_name(path.name + ending)
