"""`python -m bootstrap`."""

from bootstrap.cli import main

main(prog_name="bootstrap")
