"""The jobs of applications do nothing, harmlessly, when there is nothing to do."""

from __future__ import annotations

import pytest

from kernel import jobs
from origination.application_jobs import JOBS
from tests.origination.apply import world


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_job_with_nothing_to_do_does_nothing_twice(outside, job):
    world.follow(outside)

    assert [jobs.run(job, outside) for _ in range(2)] == [0, 0]


def test_every_job_has_a_name_of_its_own():
    assert len({job.name for job in JOBS}) == len(JOBS)
