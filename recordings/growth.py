"""Live recordings are seen to grow: MixMonitor reports no error of its own (DESIGN 5, the invariants).

Asterisk's recorder writes 32,768 bytes every 1.02 s (measured), and nothing while no side sends a frame: a file
that has not grown for `after` seconds means that nobody is being recorded. A file still empty may belong to a
call that nobody claimed yet, which sends nothing either: it is given `empty_after` seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

STALLED_AFTER = 2.1  # s: two writes did not come


@dataclass(frozen=True, slots=True)
class Stall:
    """A live file that stopped growing (`gap` None), or that grows again after `gap` seconds."""

    channel: str
    bytes: int
    gap: float | None


def live(raw: Path) -> dict[str, int]:
    """Channels whose recorder has not closed its file, with the file's size in bytes."""
    sizes: dict[str, int] = {}
    for path in raw.glob("*.raw"):
        try:
            if not path.with_suffix(".done").exists():
                sizes[path.stem] = path.stat().st_size
        except FileNotFoundError:  # sealed meanwhile
            continue
    return sizes


@dataclass
class _Seen:
    size: int
    grew: float  # when
    told: bool = False


@dataclass
class Growth:
    """Watches the raw folder; `held` tells which files a process still has open (the others are nobody's)."""

    raw: Path
    held: Callable[[], set[Path]]
    after: float = STALLED_AFTER
    empty_after: float = 3.5  # s: the time to claim a call, and two writes
    _files: dict[str, _Seen] = field(default_factory=dict)

    def look(self, now: float) -> list[Stall]:
        """What stopped or went on since the last look; each stall is told once. `now`: monotonic seconds."""
        sizes = live(self.raw)
        for gone in self._files.keys() - sizes.keys():
            del self._files[gone]
        told = [self._judge(channel, size, now) for channel, size in sizes.items()]
        stalls = [stall for stall in told if stall is not None]
        if any(stall.gap is None for stall in stalls):
            held = self.held()
            stalls = [
                stall
                for stall in stalls
                if stall.gap is not None or (self.raw / f"{stall.channel}.raw").resolve() in held
            ]
        return stalls

    def _judge(self, channel: str, size: int, now: float) -> Stall | None:
        seen = self._files.setdefault(channel, _Seen(size, now))
        if size != seen.size:
            gap, told = now - seen.grew, seen.told
            seen.size, seen.grew, seen.told = size, now, False
            return Stall(channel, size, round(gap, 1)) if told else None
        patience = self.after if size else self.empty_after
        if not seen.told and now - seen.grew >= patience:
            seen.told = True
            return Stall(channel, size, None)
        return None
