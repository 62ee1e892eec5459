"""What the composition root lists is whole: routes, jobs and commands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import click
import pytest
from flask import Blueprint, Flask

import wsgi
from kernel import config
from kernel.clock import SetClock
from kernel.jobs import Job
from kernel.surroundings import build
from kernel.web import access, idempotency
from kernel.web.access import Access, By
from kernel.web.declared import declared, routes
from tests.house import modules


@pytest.fixture
def app(clock: SetClock):
    return wsgi.create_app(build(config.read({"DAICHANG_ENV": "test"}), clock))


def test_every_route_says_who_may_use_it(app):
    assert access.undeclared(app) == []


def test_every_view_has_a_route(app):
    blueprints = {
        id(value): value
        for module in modules.loaded()
        for value in vars(module).values()
        if isinstance(value, Blueprint)
    }
    alone = Flask("alone")
    for number, blueprint in enumerate(blueprints.values()):
        alone.register_blueprint(blueprint, name=f"b{number}")
    reached = {id(view) for _, _, view in routes(app)}

    closed = [rule for rule, _, view in routes(alone) if id(view) not in reached]

    assert len(blueprints) > 1
    assert closed == []


def test_every_creating_call_carries_a_key(app):
    assert idempotency.unkeyed(app) == []


def test_every_form_of_somebody_signed_in_acts_once(app):
    # Signing in and out is open to all and harmless twice; whoever is signed in changes things.
    unkeyed = [
        rule
        for rule, method, view in routes(app)
        if method == "POST"
        and declared(view, method, "access").by is By.SESSION
        and declared(view, method, "repeatable") is None
    ]

    assert unkeyed == []


def test_a_door_open_to_all_says_why(app):
    rules: list[Access] = [declared(view, method, "access") for _, method, view in routes(app)]

    assert all(rule.reason for rule in rules if rule.by in {By.NOTHING, By.THE_VIEW})


def test_only_the_api_lives_under_v1(app):
    by_session = [
        rule
        for rule, method, view in routes(app)
        if rule.startswith("/v1/") and declared(view, method, "access").by is By.SESSION
    ]

    assert by_session == []


def test_every_job_has_a_name_of_its_own():
    assert [
        name for name, count in Counter(job.name for job in wsgi.JOBS).items() if count > 1
    ] == []
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", job.name) for job in wsgi.JOBS)


def test_every_job_of_a_floor_is_run():
    made = {
        id(job): f"{module.__name__}: {job.name}"
        for module in modules.loaded()
        for job in getattr(module, "JOBS", ())
        if isinstance(job, Job)
    }
    run = {id(job) for job in wsgi.JOBS}

    assert made
    assert [name for key, name in made.items() if key not in run] == []


def test_every_command_is_registered():
    registered = {id(command) for _, command in commands(wsgi.cli)}
    made = {
        id(value): f"{module.__name__}.{name}"
        for module in modules.loaded()
        for name, value in vars(module).items()
        if isinstance(value, click.Command)
    }

    assert made
    assert [name for key, name in made.items() if key not in registered] == []


def test_every_command_says_what_it_does():
    silent = [path for path, command in commands(wsgi.cli) if not (command.help or "").strip()]

    assert silent == []


def commands(group: click.Group, path: str = "daichang") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
