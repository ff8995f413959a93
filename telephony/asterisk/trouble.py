"""What can go wrong between us and the Asterisk program, each a sentence for a person."""

from __future__ import annotations

from config.errors import Trouble


class NoAsterisk(Trouble):
    """No Asterisk that can do what the line needs is here, and none could be fetched."""


class AsteriskWontStart(Trouble):
    """The program is here, but does not start or does not answer."""
