"""One process of the crew: the product's own command line, on the town's time.

Everything else it reads from the environment, as any process of ours does.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import wsgi
from kernel import config, db, logs, sealing
from kernel.surroundings import build
from tests.faults.town import TownClock


def main() -> None:
    """Run a command of `daichang` as the process of the given name."""
    folder, name, *command = sys.argv[1:]
    settings = config.read(os.environ)
    assert settings.database_url is not None
    url = settings.database_url
    logs.configure()
    sealing.bind(sealing.Keyring(settings.seal_keys, settings.index_key))
    # The tables are made from the models: no look at the migrations.
    db.bind_when_needed(lambda: db.open_engine(url))
    around = build(settings, TownClock(Path(folder), name))
    # The world outside goes by its own time, not by what this process believes.
    outside = build(settings, TownClock(Path(folder))).outbound
    wsgi.cli.main(args=command, prog_name="daichang", obj=replace(around, outbound=outside))


if __name__ == "__main__":
    main()
