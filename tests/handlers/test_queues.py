"""The jobs of a group stay in their order and in one pair of hands."""

import asyncio

import pytest

from diameter_ocs.handlers.queues import LOCK_WAIT_SECONDS, LOCK_WAIT_SECONDS_MAX, Job, Queue
from tests.handlers.virtual_time import play
from tests.store.scenario import update


def job(group: int, number: int = 0) -> Job:
    made = Job(update(request_number=number), lambda _: None, 0.0)
    made.group = group
    return made


def filled(*jobs: Job) -> Queue:
    queue = Queue()
    for each in jobs:
        queue.put(each)
    return queue


def test_jobs_are_taken_in_their_order_and_no_more_than_wanted() -> None:
    async def story() -> None:
        jobs = [job(n) for n in range(5)]
        queue = filled(*jobs)
        assert await queue.take(3) == jobs[:3]
        assert await queue.take(3) == jobs[3:]
        assert len(queue) == 0

    play(story())


@pytest.mark.parametrize("at_least", [1, 2, 4])
def test_who_wants_many_waits_for_as_many(at_least: int) -> None:
    async def story() -> None:
        queue = Queue()
        taking = asyncio.create_task(queue.take(8, at_least))
        for n in range(at_least):
            await asyncio.sleep(0)
            assert not taking.done()
            queue.put(job(n))
        assert len(await taking) == at_least

    play(story())


def test_a_task_that_waits_for_one_goes_before_one_that_waits_for_many() -> None:
    async def story() -> None:
        queue = Queue()
        many = asyncio.create_task(queue.take(8, 2))
        one = asyncio.create_task(queue.take(8))
        await asyncio.sleep(0)
        queue.put(job(1))
        assert len(await one) == 1
        queue.put(job(2))
        queue.put(job(3))
        assert len(await many) == 2

    play(story())


def test_a_task_that_no_longer_waits_is_forgotten() -> None:
    async def story() -> None:
        queue = Queue()
        waiting = asyncio.create_task(queue.take(8))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        queue.put(job(1))
        assert len(await queue.take(8)) == 1

    play(story())


def test_a_claimed_group_is_nobody_elses_until_it_is_released() -> None:
    async def story() -> None:
        first, second, third, other = job(1, 1), job(1, 2), job(1, 3), job(2)
        queue = filled(first, second)
        assert queue.claim(await queue.take(1)) == [first]
        assert queue.claim([*await queue.take(1), other]) == [other]
        queue.put(third)
        queue.release([1])
        assert await queue.take(8) == [second, third]

    play(story())


def test_a_batch_may_hold_several_jobs_of_a_group() -> None:
    jobs = [job(1, 1), job(2), job(1, 2)]
    assert Queue().claim(jobs) == [jobs[0], jobs[2], jobs[1]]


def test_a_group_that_is_locked_elsewhere_waits_and_comes_back_first() -> None:
    async def story() -> None:
        queue = Queue()
        jobs = [job(1, 1), job(1, 2)]
        assert queue.claim(jobs) == jobs
        late = job(1, 3)
        assert queue.claim([late]) == []
        queue.park(jobs)
        queue.release([1])
        assert len(queue) == 0
        queue.put(job(2))
        await asyncio.sleep(LOCK_WAIT_SECONDS)
        assert [each.request.request_number for each in await queue.take(8)][:3] == [1, 2, 3]

    play(story())


def test_the_wait_for_a_lock_doubles_up_to_its_bound() -> None:
    async def story() -> None:
        queue, waited = Queue(), []
        (mine,) = queue.claim([job(1)])
        for _ in range(7):
            began = asyncio.get_running_loop().time()
            queue.park([mine])
            queue.release([1])
            (mine,) = queue.claim(await queue.take(1))
            waited.append(asyncio.get_running_loop().time() - began)
        assert waited == pytest.approx([0.002, 0.004, 0.008, 0.016, 0.032, 0.05, 0.05])
        assert waited[-1] == pytest.approx(LOCK_WAIT_SECONDS_MAX)

    play(story())


def test_the_rest_of_a_batch_stands_behind_its_parked_group() -> None:
    async def story() -> None:
        queue = Queue()
        first, other, second = jobs = [job(1, 1), job(2), job(1, 2)]
        assert len(queue.claim(jobs)) == 3
        queue.park([first])
        assert queue.unparked([other, second]) == [other]
        queue.release([1, 2])
        await asyncio.sleep(LOCK_WAIT_SECONDS)
        assert await queue.take(8) == [first, second]

    play(story())
