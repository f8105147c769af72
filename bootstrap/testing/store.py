"""Objects of a model API server: create, server-side apply, merge patch, delete, with the answers a real one gives.

Field ownership is kept where a real server keeps it, in managedFields; lists are atomic here. Source: Kubernetes API reference,
"Server-Side Apply"; apimachinery v0.36 managedfields.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

Key = tuple[str, str, str, str]                     # base path, plural, namespace, name
Path = tuple[str, ...]

FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
UNOWNED = frozenset({("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")})


class Refusal(Exception):
    """A request was answered with a Status object."""

    def __init__(self, code: int, reason: str, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause
        self.code = code
        self.reason = reason
        self.message = message


class ObjectStore:
    """Objects by key. Nothing that is handed out may be changed by who gets it.

    unknown_fields: of a pod's spec, what a strict API server of this version refuses.
    left_ports: node ports that are held for no Service, and until when.
    """

    def __init__(self) -> None:
        self.revision = 1
        self.unknown_fields: set[str] = set()
        self.left_ports: dict[int, str] = {}
        self.objects: dict[Key, dict[str, Any]] = {}
        for name in FIRST_NAMESPACES:
            thing = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.create(("/api/v1", "namespaces", "", name), thing, "")

    def __deepcopy__(self, memo: dict[int, object]) -> ObjectStore:
        """Objects are replaced, never changed, so the mapping alone is copied."""
        other = object.__new__(ObjectStore)
        other.revision, other.objects = self.revision, dict(self.objects)
        other.unknown_fields, other.left_ports = set(self.unknown_fields), dict(self.left_ports)
        return other

    def get(self, key: Key) -> dict[str, Any]:
        if key not in self.objects:
            raise _not_found(key)
        return self.objects[key]

    def list(self, base: str, plural: str, namespace: str = "") -> list[dict[str, Any]]:
        """Objects of a resource, of one namespace or of all, by key."""
        found = sorted(key for key in self.objects if key[1] == plural and key[0] == base and namespace in ("", key[2]))
        return [self.objects[key] for key in found]

    def create(self, key: Key, thing: Mapping[str, Any], now: str, *, dry_run: bool = False) -> dict[str, Any]:
        if key in self.objects:
            raise Refusal(409, "AlreadyExists", f'{key[1]} "{key[3]}" already exists')
        return self._keep(key, copy.deepcopy(dict(thing)), now, dry_run)

    def apply(
        self, key: Key, thing: Mapping[str, Any], manager: str, now: str, *, force: bool = False, dry_run: bool = False
    ) -> dict[str, Any]:
        """Server-side apply: what this manager owned and no longer names goes; what it names is set and owned."""
        if thing.get("metadata", {}).get("name") != key[3]:
            raise Refusal(400, "BadRequest", "the name of the object does not match the name on the URL")
        live = self.objects.get(key)
        result = copy.deepcopy(live) if live is not None else {}
        wanted = dict(_leaves({key: value for key, value in thing.items() if key != "status"}))
        owned = _owned_by(result)
        for other, paths in owned.items():
            conflicts = [path for path in paths & wanted.keys() if _at(result, path) != wanted[path]]
            if other != manager and conflicts and not force:
                raise Refusal(409, "Conflict", f"Apply failed with {len(conflicts)} conflicts with {other!r}")
        held = set().union(*(paths for other, paths in owned.items() if other != manager))
        for path in owned.get(manager, set()) - wanted.keys() - held:
            _drop(result, path)
        for path, value in wanted.items():
            _put(result, path, copy.deepcopy(value))
        claimed = {other: paths - (wanted.keys() if force else set()) for other, paths in owned.items() if other != manager}
        _set_managers(result, {**claimed, manager: set(wanted) - UNOWNED}, str(thing["apiVersion"]))
        return self._keep(key, result, now, dry_run)

    def merge(self, key: Key, patch: Mapping[str, Any], now: str, *, dry_run: bool = False) -> dict[str, Any]:
        """JSON merge patch; a resourceVersion in it must be the object's."""
        live = self.get(key)
        expected = patch.get("metadata", {}).get("resourceVersion")
        if expected is not None and expected != live["metadata"]["resourceVersion"]:
            raise Refusal(409, "Conflict", f'Operation cannot be fulfilled on {key[1]} "{key[3]}": the object has been modified')
        return self._keep(key, _merged(live, patch), now, dry_run)

    def delete(self, key: Key, *, dry_run: bool = False) -> dict[str, Any]:
        thing = self.get(key)
        if not dry_run:
            self.revision += 1
            del self.objects[key]
            for other in [other for other in self.objects if _goes_with(other, key, thing)]:
                del self.objects[other]
        return thing

    def _keep(self, key: Key, thing: dict[str, Any], now: str, dry_run: bool) -> dict[str, Any]:
        """Give an object what the server gives it, and store it. One that did not change keeps its resourceVersion."""
        base, plural, namespace, name = key
        if namespace and ("/api/v1", "namespaces", "", namespace) not in self.objects:
            raise Refusal(404, "NotFound", f'namespaces "{namespace}" not found')
        live = self.objects.get(key)
        metadata = thing.setdefault("metadata", {})
        metadata["name"] = name
        if namespace:
            metadata["namespace"] = namespace
        if live is not None:
            for field in ("uid", "creationTimestamp", "resourceVersion", "generation"):
                metadata[field] = live["metadata"][field]
            if thing == live:
                return live
            metadata["generation"] = live["metadata"]["generation"] + (thing.get("spec") != live.get("spec"))
        else:
            if plural == "customresourcedefinitions":
                versions = [version["name"] for version in thing["spec"]["versions"]]
                names = {"kind": "", "plural": ""}
                thing["status"] = {"acceptedNames": names, "conditions": None, "storedVersions": versions}
            seed = f"{base}/{namespace}/{plural}/{name}/{self.revision}"
            metadata.update(uid=str(uuid.uuid5(uuid.NAMESPACE_URL, seed)), creationTimestamp=now, generation=1)
        metadata["resourceVersion"] = str(self.revision + 1)
        if not dry_run:
            self.revision += 1
            self.objects[key] = thing
        return thing


def _goes_with(other: Key, key: Key, thing: Mapping[str, Any]) -> bool:
    """Whether an object goes with one that is deleted: with its namespace, or with the definition of its kind."""
    if key[1] == "namespaces":
        return other[2] == key[3]
    if key[1] == "customresourcedefinitions":
        spec = thing["spec"]
        return other[0].startswith(f"/apis/{spec['group']}/") and other[1] == spec["names"]["plural"]
    return False


def _not_found(key: Key) -> Refusal:
    group = key[0].split("/")[2] if key[0].startswith("/apis/") else ""
    return Refusal(404, "NotFound", f'{key[1]}{"." + group if group else ""} "{key[3]}" not found')


def _leaves(value: Mapping[str, Any], at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Paths of an object with their values; lists and empty mappings are values."""
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, (*at, key))
        else:
            yield (*at, key), item


def _owned_by(thing: Mapping[str, Any]) -> dict[str, set[Path]]:
    """Paths that each manager applied."""
    found = {}
    for entry in thing.get("metadata", {}).get("managedFields", []):
        found[entry["manager"]] = {path for path, _ in _leaves(entry["fieldsV1"])}
    return {manager: {tuple(part[2:] for part in path) for path in paths} for manager, paths in found.items()}


def _set_managers(thing: dict[str, Any], owned: Mapping[str, set[Path]], version: str) -> None:
    entries = []
    for manager in sorted(owned):
        fields: dict[str, Any] = {}
        for path in sorted(owned[manager]):
            _put(fields, tuple(f"f:{part}" for part in path), {})
        if fields:
            entries.append(
                {"manager": manager, "operation": "Apply", "apiVersion": version, "fieldsType": "FieldsV1", "fieldsV1": fields}
            )
    thing.setdefault("metadata", {})["managedFields"] = entries


def _at(thing: Mapping[str, Any], path: Path) -> Any:
    value: Any = thing
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _put(thing: dict[str, Any], path: Path, value: Any) -> None:
    at = thing
    for part in path[:-1]:
        if not isinstance(at.get(part), dict):
            at[part] = {}
        at = at[part]
    if value != {} or not isinstance(at.get(path[-1]), dict):
        at[path[-1]] = value


def _drop(thing: dict[str, Any], path: Path) -> None:
    parent = _at(thing, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
        if not parent and len(path) > 1:
            _drop(thing, path[:-1])


def _merged(live: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    result = dict(live) if isinstance(live, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result
