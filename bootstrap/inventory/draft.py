"""An inventory that may have mistakes, seen by the checks of several fields together: what is sound can be asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from bootstrap.inventory.findings import Loc, within
from bootstrap.syntax import Mistake, addresses
from bootstrap.syntax.addresses import Address, Network


@dataclass(frozen=True)
class Draft:
    """data: of the whole file, raw. bad: places known to be wrong; nothing at or in them is given out.

    directory: the inventory's own; relative paths begin there. minors: the supported Kubernetes minors.
    """

    data: Any
    bad: set[Loc]
    directory: Path
    minors: tuple[str, ...]

    def raw(self, *loc: str | int) -> Any:
        """What the file has at `loc`, right or wrong; None where there is nothing."""
        value = self.data
        for part in loc:
            if isinstance(part, str) and isinstance(value, Mapping):
                value = value.get(part)
            elif isinstance(part, int) and isinstance(value, list) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def text(self, *loc: str | int, default: str | None = None) -> str | None:
        """The text at `loc`; `default` where the file has none; None where it is wrong."""
        if within(loc, self.bad):
            return None
        value = self.raw(*loc)
        return default if value is None else value if isinstance(value, str) else None

    def number(self, *loc: str | int, default: int) -> int | None:
        """As `text`, for whole numbers."""
        if within(loc, self.bad):
            return None
        value = self.raw(*loc)
        return default if value is None else value if isinstance(value, int) and not isinstance(value, bool) else None

    def items(self, *loc: str | int) -> Iterator[Loc]:
        """Places of the entries of the list at `loc`."""
        value = self.raw(*loc)
        if isinstance(value, list):
            yield from ((*loc, index) for index in range(len(value)))

    def hosts(self) -> list[Loc]:
        return list(self.items("spec", "hosts"))

    def address(self, *loc: str | int) -> Address | None:
        text = self.text(*loc)
        return None if text is None else ip_address(text)

    def subnets(self, field: str, default: str) -> tuple[Network, ...]:
        """The networks of `spec.networking.<field>`; none where they are wrong."""
        text = self.text("spec", "networking", field, default=default)
        if text is None:
            return ()
        return addresses.networks(addresses.subnets(text))

    def endpoint(self) -> tuple[str, int] | None:
        """Host and port of the control plane endpoint; None where there is none, or it is wrong."""
        text = self.text("spec", "controlPlaneEndpoint")
        bind_port = self.bind_port()
        if not text or bind_port is None:
            return None
        try:
            host, port = addresses.split_endpoint(text)
        except Mistake:  # pragma: no cover - then it is among the bad
            return None
        return host, port or bind_port

    def bind_port(self) -> int | None:
        return self.number("spec", "apiServer", "bindPort", default=6443)

    def args(self, *loc: str | int) -> list[tuple[Loc, str, str]]:
        """Place, name and value of every sound flag in the list at `loc`."""
        found = []
        for item in self.items(*loc):
            name, value = self.text(*item, "name"), self.text(*item, "value")
            if name is not None and value is not None:
                found.append((item, name, value))
        return found
