"""Makes `_generated/models.py` and `_generated/resources.py` from a running Asterisk's `/ari/api-docs`.

    python -m telephony.ari.generate FOLDER        the folder holds Asterisk's rest-api/*.json

What the documents (Swagger 1.1) say wrongly is put right by overrides.toml. Names are Asterisk's: one class
per resource, one method per operation, called by its nickname. The result depends on nothing but its inputs;
a test compares it with what a running Asterisk serves.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from telephony.ari.generate_models import models_source
from telephony.ari.generate_resources import resources_source

HERE = Path(__file__).parent
TARGET = HERE / "_generated"
Docs = dict[str, dict[str, Any]]


def read_folder(folder: Path) -> Docs:
    """The documents of a folder by resource name, e.g. `channels`; the index itself is left out."""
    files = sorted(path for path in folder.glob("*.json") if path.stem != "resources")
    return {path.stem: json.loads(path.read_bytes()) for path in files}


def sources(docs: Docs) -> dict[str, str]:
    """File name → Python source. Raises ValueError for an override that fits nothing in the documents."""
    overrides = tomllib.loads((HERE / "overrides.toml").read_text(encoding="utf-8"))
    return {
        "models.py": models_source(docs, overrides),
        "resources.py": resources_source(docs, overrides),
    }


def main(folder: str) -> None:
    """Write both files from the documents in `folder`."""
    TARGET.mkdir(exist_ok=True)
    for name, source in sources(read_folder(Path(folder))).items():
        (TARGET / name).write_text(source, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
