"""Real processes, killed, paused, cut off and set back: nothing is paid twice, nothing is lost."""

from __future__ import annotations

import pytest

from tests.faults import story

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_whatever_happens_to_the_crew_the_books_are_the_channels(server, tmp_path, seed):
    told = story.tell(seed, server, tmp_path)

    assert told.complaints == (), told
    assert told.paid > told.returned
    assert sum(told.happened.values()) >= story.STEPS
