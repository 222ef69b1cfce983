"""Bags read file by file from the beginning, so that what is damaged or promised is noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from simdist_ros.core.errors import BagError
from simdist_ros.core.settings import read_yaml
from simdist_ros.transitions.bags.cdr import decode_cdr
from simdist_ros.transitions.bags.content import BagInfo, BagMessage, TopicInfo
from simdist_ros.transitions.bags.mcap_scan import McapScan
from simdist_ros.transitions.bags.metadata import METADATA_FILE
from simdist_ros.transitions.bags.raw_messages import Definition, RawMessage
from simdist_ros.transitions.bags.recorded_topic import typestore
from simdist_ros.transitions.bags.sqlite_scan import SqliteScan

__all__ = ['SUFFIXES', 'files_to_scan', 'read_scanned', 'scanned_info']

SCANS: dict[str, type[McapScan] | type[SqliteScan]] = {'.mcap': McapScan, '.db3': SqliteScan}
SUFFIXES = tuple(SCANS)


def files_to_scan(path: Path) -> list[Path]:
    """Return the files of a bag in order; none for one whose metadata says it is compressed.

    Raises:
        BagError: The metadata cannot be read.
    """
    if path.is_file():
        return [path]
    metadata = described(path)
    if metadata.get('compression_mode'):  # of whole files or of each message, by rosbag2
        return []
    found = [file for suffix in SCANS for file in path.glob(f'*{suffix}')]
    named = [Path(str(name)).name for name in metadata.get('relative_file_paths', ())]
    order = {name: place for place, name in enumerate(named)}
    # A recorder that was killed leaves files that its metadata does not name: the newest.
    return sorted(found, key=lambda f: (order.get(f.name, len(order)), len(f.name), f.name))


def described(path: Path) -> Mapping[str, Any]:
    """Return what a bag's ``metadata.yaml`` says; nothing if there is none.

    Raises:
        BagError: It cannot be read.
    """
    file = path / METADATA_FILE
    if not file.exists():
        return {}
    try:
        metadata = read_yaml(file).get('rosbag2_bagfile_information')
    except Exception as error:
        raise BagError(f'bag {str(path)!r} cannot be read: {error}') from None
    if not isinstance(metadata, dict) or not isinstance(metadata.get('relative_file_paths'), list):
        raise BagError(
            f'bag {str(path)!r} cannot be read: {METADATA_FILE} does not name its files; move it '
            'away to have the files read as they are'
        )
    return metadata


def promised_counts(path: Path, scans: list[McapScan | SqliteScan]) -> dict[str, int]:
    """Return how many messages of each topic the bag says it holds."""
    if path.is_dir() and (path / METADATA_FILE).exists():
        topics = described(path).get('topics_with_message_count') or ()
        return {
            str(entry['topic_metadata']['name']): int(entry['message_count']) for entry in topics
        }
    counts: Counter[str] = Counter()
    for scan in scans:
        counts.update(scan.promised)
    return dict(counts)


def scanned_info(path: Path, files: list[Path]) -> BagInfo:
    """Say what a bag holds, by reading all of it.

    Raises:
        BagError: One of its files is not what its name says.
    """
    scans = [SCANS[file.suffix](file) for file in files]
    counts: Counter[str] = Counter()
    start_ns, end_ns, is_ordered = 0, 0, True
    for scan in scans:
        last_ns = 0
        for topic, _, stamp_ns, _ in scan.messages():
            is_ordered &= stamp_ns >= last_ns
            last_ns = stamp_ns
            start_ns = min(start_ns, stamp_ns) if counts else stamp_ns
            end_ns = max(end_ns, stamp_ns)
            counts[topic] += 1
    types = {name: kind for scan in scans for name, kind in scan.types.items()}
    promised = promised_counts(path, scans)
    noted = described_notes(path)
    return BagInfo(
        path=path,
        topics={name: TopicInfo(types[name], counts[name]) for name in sorted(types)},
        start_ns=start_ns,
        duration_s=1e-9 * (end_ns - start_ns),
        custom_data={k: v for scan in scans for k, v in scan.custom_data.items()} | noted,
        is_cut_off=any(scan.is_cut_off for scan in scans),
        is_ordered=is_ordered,
        num_damaged=sum(scan.num_damaged for scan in scans),
        num_missing=sum(max(0, n - counts[name]) for name, n in promised.items()),
    )


def described_notes(path: Path) -> dict[str, str]:
    """Return the ``custom_data`` of a folder's metadata."""
    noted = described(path).get('custom_data') if path.is_dir() else None
    return {str(k): str(v) for k, v in noted.items()} if isinstance(noted, dict) else {}


def read_scanned(
    files: list[Path], info: BagInfo, topics: Collection[str] | None
) -> Iterator[BagMessage]:
    """Read the messages of some topics, or of all, file by file in the order of their stamps.

    Raises:
        BagError: One of the messages cannot be decoded.
    """
    decoder = Decoder(info.path)
    for file in files:
        raw: Iterable[RawMessage] = (
            message
            for message in SCANS[file.suffix](file).messages()
            if topics is None or message.topic in topics
        )
        if not info.is_ordered:
            raw = sorted(raw, key=lambda message: message.stamp_ns)
        for message in raw:
            kind = message.definition.name
            yield BagMessage(message.topic, kind, message.stamp_ns, decoder.decode(message))


class Decoder:
    """Decodes messages by the definitions that their file carries."""

    def __init__(self, path: Path) -> None:
        """Know no type yet."""
        self._path = path
        self._stores: dict[str, Any] = {}

    def decode(self, message: RawMessage) -> Any:
        """Return a message.

        Raises:
            BagError: The data is not of that type, or the definition is not understood.
        """
        kind = message.definition.name
        try:
            if kind not in self._stores:
                self._stores[kind] = store_of(message.definition)
            return decode_cdr(self._stores[kind], message.data, kind)
        except Exception as error:  # short data may fail in any way
            raise BagError(
                f'bag {str(self._path)!r}: the message on {message.topic} at {message.stamp_ns} '
                f'ns is no {kind or "CDR message of a known type"} ({error})'
            ) from None


def store_of(definition: Definition) -> Any:
    """Return the types that a definition holds; the standard ones for other than .msg text."""
    if definition.encoding != 'ros2msg' or not definition.text:
        return typestore()
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(definition.text, definition.name))
    return store
