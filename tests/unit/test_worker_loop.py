"""A job outlives its faults, and stops when asked."""

from __future__ import annotations

import threading

from ivr.work.loop import Loop
from ivr.work.ticking import Ticking


def test_a_step_that_raises_is_run_again() -> None:
    ran, went_on = [], threading.Event()

    def step() -> bool:
        ran.append(1)
        if len(ran) == 1:
            raise RuntimeError("a fault")
        went_on.set()
        return False

    loop = Loop("test", step, 0.01)
    loop.start()
    assert went_on.wait(10.0)
    loop.ask_to_stop()
    assert loop.join(10.0)


def test_it_goes_on_at_once_while_there_is_more() -> None:
    left, done = [3], threading.Event()

    def step() -> bool:
        left[0] -= 1
        if left[0] == 0:
            done.set()
        return left[0] > 0

    loop = Loop("test", step, 3600.0)
    loop.start()
    assert done.wait(10.0)
    loop.ask_to_stop()
    assert loop.join(10.0)


def test_waking_spares_the_wait() -> None:
    steps = threading.Semaphore(0)

    def step() -> bool:
        steps.release()
        return False

    loop = Loop("test", step, 3600.0)
    loop.start()
    assert steps.acquire(timeout=10.0)
    loop.wake()
    assert steps.acquire(timeout=10.0)
    loop.ask_to_stop()
    assert loop.join(10.0)


def test_one_jobs_fault_does_not_stop_another() -> None:
    fine = threading.Event()

    def bad() -> bool:
        raise RuntimeError("a fault")

    def good() -> bool:
        fine.set()
        return False

    loops = [Loop("bad", bad, 0.01), Loop("good", good, 0.01)]
    for loop in loops:
        loop.start()
    assert fine.wait(10.0)
    for loop in loops:
        loop.ask_to_stop()
    assert all(loop.join(10.0) for loop in loops)


def test_a_tick_that_raises_is_ticked_again() -> None:
    ran, again = [], threading.Event()

    def tick() -> None:
        ran.append(1)
        if len(ran) == 1:
            raise RuntimeError("a fault")
        again.set()

    ticking = Ticking()
    ticking.every(0.05, "test", tick)
    ticking.start()
    assert again.wait(10.0)
    ticking.stop()
