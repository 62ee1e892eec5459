"""Commands of the risk staff: train, evaluate, publish, assess, replay, policy, watch and others."""

from __future__ import annotations

from typing import Final

import click

from underwriting.cli import cards, decisions, factory, policies, queues, service, watching

COMMANDS: Final[tuple[click.Command, ...]] = (
    factory.train_command,
    factory.evaluate_command,
    service.publish_command,
    service.roll_back_command,
    service.promotion_group,
    service.challenger_group,
    cards.model_group,
    queues.exploration_command,
    queues.reviews_command,
    decisions.assess_command,
    decisions.replay_group,
    policies.policy_group,
    watching.watch_command,
)
