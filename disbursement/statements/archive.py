"""Opening a packed statement file without trusting anything it says about itself."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeVar

from disbursement.statements.reading import StatementRefused, TooLarge, Truncated

CONTENT_BYTES_MAX: Final = 64 * 1024 * 1024
"""Of a packed file, before and after its outer wrapping is taken off."""
MEMBER_BYTES_MAX: Final = 640 * 1024 * 1024
"""Of one unpacked member: a million lines of 609 bytes fit."""
MEMBERS_MAX: Final = 8
_ZIP_MARK: Final = b"PK"
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 0x1
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    ValueError,
    OverflowError,
    OSError,
    LookupError,
)
"""Everything the library was seen to raise over damaged archives."""
T = TypeVar("T")


class ArchiveRefused(StatementRefused):
    """The packed file is damaged, or holds what it must not."""

    code = "statement_archive_refused"
    title = "The packed statement file was refused"
    title_zh = "对账压缩文件被拒收"


class Archive:
    """The members of a packed statement file, by name."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        self._members = {info.filename: info for info in packed.infolist()}

    @property
    def names(self) -> frozenset[str]:
        """The names of the members."""
        return frozenset(self._members)

    def lines(self, name: str, *, line_bytes_max: int) -> Iterator[bytes]:
        """Give the lines of a member with their ends; only as much is unpacked as is asked for.

        A line that goes on beyond `line_bytes_max` comes in pieces.

        Raises:
            ArchiveRefused: the member is damaged, which may show only on the way.
        """
        member = _guarded(partial(self._packed.open, self._members[name]))
        with member, io.BufferedReader(member, 1 << 16) as buffered:  # type: ignore[type-var]
            following = partial(buffered.readline, line_bytes_max)
            while line := _guarded(following):
                yield line

    def read(self, name: str, *, bytes_max: int) -> bytes:
        """Read a whole small member.

        Raises:
            TooLarge: it is larger than `bytes_max`.
            ArchiveRefused: it is damaged.
        """
        with _guarded(partial(self._packed.open, self._members[name])) as member:
            content = _guarded(partial(member.read, bytes_max + 1))
        if len(content) > bytes_max:
            raise TooLarge("a member of the archive is larger than it may be")
        return content


@contextmanager
def opened(content: bytes) -> Iterator[Archive]:
    """Open a zip, or a zlib stream of a zip, for as long as the block lasts.

    Raises:
        ArchiveRefused: it is damaged, or a member is encrypted, repeated, or named by a path.
        TooLarge: it has too many members or too many bytes.
        Truncated: the outer stream ends too early.
    """
    with _guarded(partial(zipfile.ZipFile, io.BytesIO(_unwrapped(content)))) as packed:
        _require_harmless(packed.infolist())
        yield Archive(packed)


def _guarded(step: Callable[[], T]) -> T:
    try:
        return step()
    except _BROKEN as fault:
        raise ArchiveRefused("the archive is damaged") from fault


def _unwrapped(content: bytes) -> bytes:
    if len(content) > CONTENT_BYTES_MAX:
        raise TooLarge("the packed file is too large")
    if content.startswith(_ZIP_MARK):
        return content
    stream = zlib.decompressobj()
    try:
        inflated = stream.decompress(content, CONTENT_BYTES_MAX + 1)
    except zlib.error:
        raise ArchiveRefused("the file is neither a zip nor a zlib stream") from None
    if len(inflated) > CONTENT_BYTES_MAX:
        raise TooLarge("the packed file unpacks to too much")
    if not stream.eof:
        raise Truncated("the compressed stream ends too early")
    if stream.unused_data:
        raise ArchiveRefused("something follows the compressed stream")
    return inflated


def _require_harmless(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MEMBERS_MAX:
        raise TooLarge(f"the archive has more than {MEMBERS_MAX} members")
    if len({info.filename for info in members}) != len(members):
        raise ArchiveRefused("a member occurs twice in the archive")
    for info in members:
        if set(info.filename) & set("/\\:\0") or info.filename in {"", ".", ".."}:
            raise ArchiveRefused("a member of the archive is named by a path")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
            raise ArchiveRefused("a member of the archive is packed in a way we do not read")
        if info.file_size > MEMBER_BYTES_MAX:
            raise TooLarge("a member of the archive unpacks to too much")
