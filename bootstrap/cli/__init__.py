"""The commands, about ten lines each, a module for each kind; what a command needs is imported when it runs."""

from bootstrap.cli import changing, configuration, joining, looking, members, pods, workers
from bootstrap.cli.group import main

__all__ = ["changing", "configuration", "joining", "looking", "main", "members", "pods", "workers"]
