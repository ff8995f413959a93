"""The telephones of the story: a citizen behind the carrier, two operators at their seats; each told as it rings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from config.errors import Trouble
from config.language import _
from config.settings import Settings
from demo.phones import Phone
from demo.phones_talk import PhoneTrouble
from demo.story_words import Names
from demo.timeline import Timeline, Who
from telephony.asterisk import secrets

NUMBER = "13859912345"  # the citizen's; nothing of it leaves this machine
REGISTER_WITHIN = 10.0  # s


class Telephones:
    """`async with` switches them on, the operators registered, and off again, whatever happens."""

    def __init__(
        self,
        settings: Settings,
        seats: list[str],
        names: Names,
        timeline: Timeline,
        words: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._timeline = timeline
        self._words = words
        self._names = names
        self._stack = AsyncExitStack()
        folder = settings.var / "phones"
        address, port = _carrier(settings)
        self.citizen = Phone(NUMBER, name="citizen", folder=folder, address=address, port=port)
        sip = settings.sip
        accounts = secrets.load(settings.secrets, seats).seats
        self.seats = [
            Phone(
                seat,
                folder=folder,
                address=sip.bind,
                registrar=f"{sip.bind}:{sip.port}",
                password=accounts[seat],
            )
            for seat in seats
        ]

    async def __aenter__(self) -> Telephones:
        try:
            for phone in (self.citizen, *self.seats):
                phone.on_event = self._tell
                await self._stack.enter_async_context(phone)
            for phone in self.seats:
                await phone.register(REGISTER_WITHIN)
        except PhoneTrouble as trouble:
            await self._stack.aclose()
            raise Trouble(_("演示用的话机没有准备好：{why}", why=trouble)) from None
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def _tell(self, phone: Phone, event: dict[str, Any]) -> None:
        if text := self._words_of(phone, event):
            who: Who = "citizen" if phone is self.citizen else "operator"
            self._timeline.tell(who, text, at=event["at"], quiet=event["event"] == "heard")

    def _words_of(self, phone: Phone, event: dict[str, Any]) -> str:
        mine, name = phone is self.citizen, self._names.person(phone.user)
        match event["event"]:
            case "incoming" if mine:
                return _("电话响了，来电显示 {number}", number=event["caller"])
            case "incoming":
                return _("{name}的话机响了", name=name)
            case "answered" if not mine:
                return _("{name}接起来", name=name)
            case "heard" if mine and event["what"] == "ends":
                return _("听到对方讲完")
            case "speaks":
                spoken = self._words.get(event["name"])
                return _("说：“{words}”", words=spoken) if spoken else _("说话（{name}）", name=event["name"])
            case "presses":
                return _("按 {keys}", keys=event["keys"])
            case "closed" if event["by"] == "here" and event["answered"]:
                return _("挂断") if mine else _("{name}挂断", name=name)
        return ""


def _carrier(settings: Settings) -> tuple[str, int]:
    """Where the demo's trunk expects its citizens: the address and port of its contact."""
    for trunk in settings.trunks.values():
        place = trunk.contact.removeprefix("sip:").rpartition("@")[2].partition(";")[0]
        address, _colon, port = place.partition(":")
        if address.startswith("127.") and port.isdigit():
            return address, int(port)
    raise Trouble(_("演示需要一条本机中继（trunks，contact 在 127.0.0.2）"))
