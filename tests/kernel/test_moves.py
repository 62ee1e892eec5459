"""A status moves along its table only, leaves a row each time, and never moves twice at once."""

from __future__ import annotations

import threading
from enum import StrEnum
from uuid import UUID

import pytest
from sqlalchemy import MetaData
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kernel import db, ids, moves
from kernel.actors import system
from kernel.clock import shanghai
from kernel.moves import MoveRefused, Moves, Step
from tests.conftest import TODAY

NOON = shanghai(TODAY, 12)
CLERK = system("clerk")


class ExampleBase(DeclarativeBase):
    """Tables of this example alone, apart from the house's."""

    metadata = MetaData()
    type_annotation_map = db.Base.type_annotation_map


class DoorStatus(StrEnum):
    OPEN = "open"
    SHUT = "shut"
    BRICKED_UP = "bricked_up"


class Door(ExampleBase):
    __tablename__ = "example_door"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[DoorStatus]


class DoorStep(Step, ExampleBase):
    __tablename__ = "example_door_step"
    subject_table = "example_door"


DOOR_MOVES = Moves(
    step=DoorStep,
    start=frozenset({DoorStatus.OPEN}),
    edges={
        DoorStatus.OPEN: frozenset({DoorStatus.SHUT}),
        DoorStatus.SHUT: frozenset({DoorStatus.OPEN, DoorStatus.BRICKED_UP}),
    },
)


@pytest.fixture
def door(database):
    ExampleBase.metadata.create_all(database)
    opened = Door(id=ids.new(), status=DoorStatus.OPEN)
    with db.transaction() as session:
        moves.begin(session, opened, table=DOOR_MOVES, by=CLERK, at=NOON, reason="built")
    yield opened
    ExampleBase.metadata.drop_all(database)


def move(door_id: UUID, to: DoorStatus) -> None:
    with db.transaction() as session:
        moves.advance(
            session, session.get_one(Door, door_id), to, table=DOOR_MOVES, by=CLERK, at=NOON
        )


def test_each_move_leaves_a_row_in_order(door):
    move(door.id, DoorStatus.SHUT)
    move(door.id, DoorStatus.BRICKED_UP)

    with db.transaction() as session:
        steps = moves.history(session, session.get_one(Door, door.id), table=DOOR_MOVES)

    assert [(s.position, s.from_status, s.to_status, s.latest) for s in steps] == [
        (0, None, "open", False),
        (1, "open", "shut", False),
        (2, "shut", "bricked_up", True),
    ]
    assert (steps[0].actor, steps[0].reason) == ("system:clerk", "built")


def test_a_move_the_table_does_not_have_is_refused_and_changes_nothing(door):
    with pytest.raises(MoveRefused):
        move(door.id, DoorStatus.BRICKED_UP)

    with db.transaction() as session:
        assert session.get_one(Door, door.id).status is DoorStatus.OPEN
        assert len(moves.history(session, door, table=DOOR_MOVES)) == 1


def test_of_two_concurrent_moves_one_is_refused(door):
    both_have_read = threading.Barrier(2)
    outcomes = []

    def shut() -> None:
        try:
            with db.transaction() as session:
                found = session.get_one(Door, door.id)
                both_have_read.wait(5)
                moves.advance(session, found, DoorStatus.SHUT, table=DOOR_MOVES, by=CLERK, at=NOON)
            outcomes.append("moved")
        except (MoveRefused, IntegrityError):
            outcomes.append("refused")

    threads = [threading.Thread(target=shut) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert sorted(outcomes) == ["moved", "refused"]


def test_final_statuses_have_no_way_out():
    assert DOOR_MOVES.is_final(DoorStatus.BRICKED_UP)
    assert not DOOR_MOVES.is_final(DoorStatus.SHUT)
