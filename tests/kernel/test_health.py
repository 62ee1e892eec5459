"""A supervisor is told whether the process lives and can work; figures stay on the machine."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from kernel import db, jobs, lease, migrations
from kernel.records import JobState
from tests.kernel import web_builders as make


@pytest.fixture
def client(database, clock):
    return make.app(clock).test_client()


@pytest.fixture
def migrated(database):
    """Write down that the tables stand at the head, as a migrated database does."""
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        for head in migrations.heads():
            connection.execute(text("INSERT INTO alembic_version VALUES (:h)"), {"h": head})
    yield
    with database.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))


def test_a_living_process_says_so_and_nothing_else(client):
    assert client.get("/healthz").json == {"status": "ok"}


def test_a_process_is_ready_when_the_database_is_at_its_migrations(client, migrated):
    told = client.get("/readyz")

    assert told.status_code == 200
    assert told.json == {
        "status": "ok",
        "database": "ok",
        "migrations": "ok",
        "scheduler": "silent",
        "failing_jobs": "",
    }


def test_a_database_behind_the_code_is_not_ready(client, migrated, database):
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('another')"))

    told = client.get("/readyz")

    assert (told.status_code, told.json["migrations"]) == (503, "behind")


def test_an_empty_database_is_not_ready(client):
    told = client.get("/readyz")

    assert (told.status_code, told.json["status"]) == (503, "not ready")


def test_a_database_out_of_reach_is_not_ready_and_no_fault(client, database):
    elsewhere = db.open_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    db.bind(elsewhere)

    told = client.get("/readyz")

    db.bind(database)
    elsewhere.dispose()
    assert told.status_code == 503
    assert told.json == {"status": "not ready", "database": "unreachable"}
    assert client.get("/healthz").status_code == 200


def test_who_leads_the_jobs_and_which_fail_is_told(client, migrated):
    now = datetime.now(UTC)
    with db.transaction() as session:
        lease.take(session, jobs.LEASE_NAME, "process-1", now=now, seconds=15)
        session.add(JobState(name="bad", ran_at=now, done=0, failures=3))
        session.add(JobState(name="good", ran_at=now, done=1, failures=0))

    told = client.get("/readyz").json

    assert (told["scheduler"], told["failing_jobs"]) == ("ok", "bad")


def test_figures_are_given_on_this_machine(client):
    client.get("/healthz")

    told = client.get("/metrics")

    assert told.status_code == 200
    assert 'daichang_requests_total{method="GET",rule="/healthz",status="200"}' in told.text


def test_figures_are_for_nobody_else(client):
    client.environ_base["REMOTE_ADDR"] = "203.0.113.9"

    assert client.get("/metrics").status_code == 404


def test_addresses_of_strangers_do_not_become_figures(client):
    for n in range(5):
        client.get(f"/guess-{n}")

    assert "guess" not in client.get("/metrics").text
