"""The inventory: the one file that an operator writes, and everything that can be said about it without any host."""

from bootstrap.inventory.advice import warnings
from bootstrap.inventory.examples import example, examples
from bootstrap.inventory.json_schema import schema
from bootstrap.inventory.loading import load, parse
from bootstrap.inventory.showing import show

__all__ = ["example", "examples", "load", "parse", "schema", "show", "warnings"]
