"""Whether this process lives, whether it can work, and its figures."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Flask, Response, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from kernel import jobs, migrations
from kernel.db import transaction
from kernel.records import JobState, Lease
from kernel.web import access, problems
from kernel.web.around import surroundings

blueprint = Blueprint("health", __name__)

REQUESTS: Final = Counter("daichang_requests", "Requests answered", ("rule", "method", "status"))
SECONDS: Final = Histogram("daichang_request_seconds", "Seconds to an answer", ("rule",))
LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})


def install(app: Flask) -> None:
    """Count the requests of an application."""
    app.before_request(_begin)
    app.after_request(_count)


@blueprint.get("/healthz")
@access.public("a supervisor asks whether the process lives; it is told nothing else")
def healthz() -> ResponseReturnValue:
    """Answer, which is all that is asked."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@access.public("a load balancer asks whether to send requests; it is told states, no data")
def readyz() -> ResponseReturnValue:
    """Tell whether the database answers at the migrations of this code, and who leads the jobs."""
    try:
        with transaction() as session:
            checks = _checks(session)
    except SQLAlchemyError:
        checks = {"database": "unreachable"}
    ready = checks["database"] == "ok" and checks.get("migrations") == "ok"
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return jsonify(status="ok" if ready else "not ready", **checks), status


@blueprint.get("/metrics")
@access.public("figures for this machine alone; the view turns everybody else away")
def metrics() -> ResponseReturnValue:
    """Give the figures in the format of Prometheus, on the loopback interface only."""
    if request.remote_addr not in LOOPBACK:
        raise NotFound
    return Response(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)


@blueprint.get("/problems/<code>")
@access.public("the description of a kind of refusal holds no data")
def problem_kind(code: str) -> ResponseReturnValue:
    """Describe one kind of problem: the page that its type points to."""
    kind = problems.described(code)
    if kind is None:
        raise NotFound
    return render_template("problem_kind.html", kind=kind)


def _registry() -> CollectorRegistry:
    """Give the figures of all processes where they share a folder for them, else this one's."""
    shared = CollectorRegistry()
    try:
        multiprocess.MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    except ValueError:
        return REGISTRY
    return shared


def _checks(session: Session) -> dict[str, str]:
    session.execute(text("SELECT 1"))
    known = session.execute(text("SELECT to_regclass('alembic_version')")).scalar_one()
    at = session.scalars(text("SELECT version_num FROM alembic_version")).all() if known else ()
    checks = {
        "database": "ok",
        "migrations": "ok" if known and tuple(at) == migrations.heads() else "behind",
    }
    if known:
        beat = session.scalar(select(Lease.beat_at).where(Lease.name == jobs.LEASE_NAME))
        alive = beat is not None and jobs.is_alive(
            beat,
            now=jobs.shared_time(session),
            lease_seconds=surroundings().settings.lease_seconds,
        )
        failing = session.scalars(select(JobState.name).where(JobState.failures > 0)).all()
        # Told, not counted: the pages work without the scheduler for a while.
        checks["scheduler"] = "ok" if alive else "silent"
        checks["failing_jobs"] = ", ".join(sorted(failing))
    return checks


def _begin() -> None:
    g.begun = time.perf_counter()


def _count(response: Response) -> Response:
    rule = problems.path_for_log()
    REQUESTS.labels(rule, request.method, str(response.status_code)).inc()
    if "begun" in g:
        SECONDS.labels(rule).observe(time.perf_counter() - g.begun)
    return response
