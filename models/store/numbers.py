"""Case numbers and spoken codes, given from memory out of blocks that are reserved on disk beforehand.

A number is never given twice: a block counts as used from the moment it is reserved, so a crash leaves a gap.
A code is the image of a running index under a permutation of 0…999,999 that is keyed by the telephone number:
random to look at, and different for every index of one number. After a million codes the indices begin again;
keyed digests of the numbers that had an index before make it skip those. Nothing here waits for the disk.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta

from models.code import complete

BLOCK = 1_000
LOW = 500  # with fewer left the next block is asked for
CODES = 1_000_000
_HALF = 1_000
_ROUNDS = 8


@dataclass(frozen=True)
class Slot:
    """One index for a code, and the digests of the telephone numbers that had it in an earlier million."""

    index: int
    taken_by: Collection[bytes] = ()


@dataclass
class Wanted:
    """What the writer is asked to do on disk, in this order: note, then reserve."""

    given: list[tuple[int, bytes]] = field(default_factory=list)  # (slot, digest) of codes given
    days: list[date] = field(default_factory=list)
    codes: bool = False

    def __bool__(self) -> bool:
        return bool(self.given or self.days or self.codes)


class Numbers:
    """Thread-safe; `key` (32 bytes) belongs to one spool and never changes in it."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._granted = threading.Condition(self._lock)
        self._key = secrets.token_bytes(32)
        self._days: dict[date, deque[int]] = {}
        self._slots: deque[Slot] = deque()
        self._wanted = Wanted(codes=True)

    def take_case_number(self, day: date, patience: float) -> str:
        """The next number of a day; waits `patience` seconds at most, and only for a day not met before.

        With nothing reserved (the disk is gone) the sequence is twelve random digits instead of five counted
        ones: as good as unique, and plain to see.
        """
        with self._granted:
            self._keep(day)
            block = self._days.get(day)
            if not block and patience:
                self._granted.wait_for(lambda: bool(self._days.get(day)), timeout=patience)
                block = self._days.get(day)
            sequence = block.popleft() if block else 10**11 + secrets.randbelow(9 * 10**11)
            self._keep(day)
        return f"{day:%Y%m%d}-{self._node}-{sequence:05d}"

    def take_code(self, phone: str) -> str:
        """A code this telephone number has not had from this spool."""
        with self._lock:
            digest = hashlib.blake2b(phone.encode(), key=self._key, digest_size=16).digest()
            index = self._take_slot(digest)
            self._wanted.given.append((index, digest))
            return complete(permuted(index, self._key, digest))

    def reserved_for(self, day: date) -> bool:
        with self._lock:
            return bool(self._days.get(day))

    def wanted(self) -> Wanted:
        """What is to be done on disk now; call `settle` with it once that is committed."""
        with self._lock:
            wanted = self._wanted
            return Wanted(list(wanted.given), list(wanted.days), wanted.codes)

    def want(self, day: date) -> None:
        with self._lock:
            self._want(day)

    def settle(self, wanted: Wanted, days: dict[date, range], slots: list[Slot]) -> None:
        """The blocks that the disk has granted for `wanted`."""
        with self._granted:
            del self._wanted.given[: len(wanted.given)]
            for day, block in days.items():
                self._days.setdefault(day, deque()).extend(block)
                if day in self._wanted.days:
                    self._wanted.days.remove(day)
            if slots:
                self._slots.extend(slots)
                self._wanted.codes = len(self._slots) < LOW
            self._granted.notify_all()

    def begin(self, key: bytes) -> None:
        """A spool was opened: its key; indices reserved in another one are void, case numbers are not."""
        with self._lock:
            if key != self._key:
                self._key = key
                self._slots.clear()
                self._wanted = Wanted(days=self._wanted.days, codes=True)

    def _take_slot(self, digest: bytes) -> int:
        skipped: list[Slot] = []
        index = None
        while self._slots and index is None:
            slot = self._slots.popleft()
            if digest in slot.taken_by:
                skipped.append(slot)
            else:
                index = slot.index
        self._slots.extendleft(reversed(skipped))
        self._wanted.codes = self._wanted.codes or len(self._slots) < LOW
        return secrets.randbelow(CODES) if index is None else index

    def _keep(self, day: date) -> None:
        """Sees to it that this day and the next have enough, and forgets days long gone."""
        for near in (day, day + timedelta(days=1)):
            if len(self._days.get(near, ())) < LOW:
                self._want(near)
        for old in [other for other in self._days if abs((other - day).days) > 3]:
            del self._days[old]

    def _want(self, day: date) -> None:
        if day not in self._wanted.days:
            self._wanted.days.append(day)


def permuted(index: int, key: bytes, tweak: bytes) -> int:
    """A keyed permutation of 0…999,999: a Feistel network over pairs of 0…999 (Luby and Rackoff 1988)."""
    left, right = divmod(index, _HALF)
    for number in range(_ROUNDS):
        mixed = hashlib.blake2b(bytes((number,)) + right.to_bytes(2, "big") + tweak, key=key, digest_size=8)
        left, right = right, (left + int.from_bytes(mixed.digest(), "big")) % _HALF
    return left * _HALF + right
