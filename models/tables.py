"""All tables: importing this makes `Base.metadata` whole."""

from __future__ import annotations

from models import calls, cases, log
from models.base import Base

__all__ = ["Base", "calls", "cases", "log"]
