"""The line asks the store and always gets an answer in time."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import text

from models.cases import Citizen
from models.store.engine import Store, open_store
from models.store.lookup import Lookup


async def test_an_answer_comes_from_the_store(store: Store) -> None:
    with store.transaction() as session:
        session.add(Citizen(phone="1", nuisance=True))
    lookup = Lookup(store)
    citizen = await lookup.ask(lambda session: session.get(Citizen, "1"), None, within=10.0)
    assert citizen is not None and citizen.nuisance
    lookup.close()


@pytest.mark.parametrize("wrong", ["SELECT * FROM nowhere", "SELECT 1/0.0 FROM event WHERE"])
async def test_a_query_that_fails_answers_the_default(store: Store, wrong: str) -> None:
    lookup = Lookup(store)
    assert await lookup.ask(lambda session: session.execute(text(wrong)), "default", within=10.0) == "default"
    lookup.close()


async def test_a_reader_that_raises_anything_answers_the_default(store: Store) -> None:
    def read(_session: object) -> str:
        raise KeyError("x")

    lookup = Lookup(store)
    assert await lookup.ask(read, "default", within=10.0) == "default"
    lookup.close()


async def test_a_late_answer_is_dropped_and_the_next_question_is_answered(store: Store) -> None:
    stuck = threading.Event()
    lookup = Lookup(store)
    assert await lookup.ask(lambda _session: stuck.wait(60.0), "default", within=0.05) == "default"
    assert await lookup.ask(lambda _session: "answer", "default", within=10.0) == "answer"
    stuck.set()
    lookup.close()


async def test_stuck_queries_hold_a_few_threads_and_answer_defaults(store: Store) -> None:
    stuck = threading.Event()
    lookup = Lookup(store, threads=3)
    before = threading.active_count()
    answers = await asyncio.gather(
        *(lookup.ask(lambda _session: stuck.wait(60.0), "default", within=0.05) for _ in range(20))
    )
    assert answers == ["default"] * 20
    assert threading.active_count() - before <= 3
    stuck.set()
    assert await lookup.ask(lambda _session: "answer", "default", within=10.0) == "answer"
    lookup.close()


async def test_many_questions_at_once_are_all_answered(store: Store) -> None:
    lookup = Lookup(store)

    async def ask(number: int) -> object:
        query = text(f"SELECT {number}")
        return await lookup.ask(lambda session: session.execute(query).scalar_one(), None, within=30.0)

    answers = await asyncio.gather(*(ask(number) for number in range(40)))
    assert answers == list(range(40))
    lookup.close()


async def test_a_store_that_is_away_answers_the_default() -> None:
    lookup = Lookup(open_store("postgresql://nobody@127.0.0.1:9/none"))
    assert (
        await lookup.ask(lambda session: session.execute(text("SELECT 1")), "default", within=10.0)
        == "default"
    )
    lookup.close()


async def test_a_query_running_too_long_is_stopped_in_the_database(store: Store, dialect: str) -> None:
    if dialect == "sqlite":
        pytest.skip("SQLite runs in the thread itself")
    lookup = Lookup(store, threads=1)
    slow = text("SELECT pg_sleep(600)")
    assert await lookup.ask(lambda session: session.execute(slow), "default", within=0.2) == "default"
    assert (
        await lookup.ask(lambda _session: "answer", "default", within=10.0) == "answer"
    )  # its only thread is free
    lookup.close()
