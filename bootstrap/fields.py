"""The types of the inventory's fields: a check of the value, and how the JSON schema describes it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

from bootstrap import durations
from bootstrap.syntax import Mistake, addresses, names, one_line, paths, proxies, quoted, ssh

DIRECTORY = "directory"  # key of the validation context: the inventory's directory, against which paths are resolved


def _duration(value: object) -> object:
    """A timedelta, from Python or from Go's notation; always positive."""
    if isinstance(value, str):
        try:
            value = durations.parse(value)
        except ValueError as error:
            raise Mistake(f"{quoted(value)} {error}", "hours, minutes and seconds: 8760h, 1h30m, 90s") from error
    if not isinstance(value, timedelta):
        raise Mistake("is not a duration", "hours, minutes and seconds: 8760h, 1h30m, 90s")
    if value <= timedelta(0):
        raise Mistake("is not longer than nothing", "a positive duration: 8760h, 1h30m, 90s")
    return value


def _directory(info: ValidationInfo) -> Path | None:
    context = info.context if isinstance(info.context, dict) else {}
    directory = context.get(DIRECTORY)
    return directory if isinstance(directory, Path) else None


def _local_path(value: object, info: ValidationInfo) -> object:
    return str(paths.local(one_line(value), _directory(info))) if isinstance(value, str) else value


def _addon(value: str, info: ValidationInfo) -> str:
    """A built-in add-on keeps its name; anything else is the path of a manifest."""
    if value in BUILT_IN_ADDONS:
        return value
    if "://" in value:
        raise Mistake(f"{quoted(value)} is a URL, which is not fetched", "download the manifest, read it, and name the file")
    if "/" not in value and not value.endswith((".yaml", ".yml", ".json")):
        raise Mistake(f"{quoted(value)} is not an add-on", "coredns, kube-proxy, or the path of a manifest: ./calico.yaml")
    return str(paths.local(one_line(value), _directory(info)))


def _one_or_more(value: object) -> object:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


BUILT_IN_ADDONS = ("coredns", "kube-proxy")

ProxyUrl = Annotated[str, AfterValidator(proxies.url)]
ProxyException = Annotated[str, AfterValidator(proxies.exception)]
Text = Annotated[str, AfterValidator(one_line)]
InventoryName = Annotated[
    str, AfterValidator(names.label), Field(json_schema_extra={"pattern": names.LABEL_PATTERN, "maxLength": 63})
]
ClusterName = Annotated[str, AfterValidator(names.cluster_name)]
HostName = Annotated[
    str,
    AfterValidator(names.host_name),
    Field(json_schema_extra={"pattern": names.SUBDOMAIN_PATTERN, "maxLength": names.HOST_NAME_LIMIT}),
]
DnsName = Annotated[
    str, AfterValidator(addresses.dns_domain), Field(json_schema_extra={"pattern": names.SUBDOMAIN_PATTERN, "maxLength": 253})
]
Label = Annotated[str, AfterValidator(names.label), Field(json_schema_extra={"pattern": names.LABEL_PATTERN, "maxLength": 63})]
Version = Annotated[str, AfterValidator(names.version), Field(json_schema_extra={"pattern": names.VERSION_PATTERN})]
Install = Annotated[str, AfterValidator(names.install), Field(json_schema_extra={"enum": ["none"]})]
FeatureGate = Annotated[str, AfterValidator(names.feature_gate)]
LabelKey = Annotated[str, AfterValidator(names.label_key)]
LabelValue = Annotated[str, AfterValidator(names.label_value)]
QualifiedName = Annotated[str, AfterValidator(names.qualified_name)]
TaintEffect = Annotated[
    str, AfterValidator(names.taint_effect), Field(json_schema_extra={"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]})
]
FlagName = Annotated[str, AfterValidator(names.flag_name), Field(json_schema_extra={"pattern": names.FLAG_PATTERN})]
FlagValue = Annotated[str, AfterValidator(names.flag_value)]
EnvName = Annotated[str, AfterValidator(names.env_name), Field(json_schema_extra={"pattern": names.ENV_PATTERN})]
LocalEnvName = Annotated[str, AfterValidator(names.local_env_name)]
ImageRepository = Annotated[str, AfterValidator(names.image_repository)]
MainImageRepository = Annotated[str, AfterValidator(names.main_image_repository)]
ImageTag = Annotated[str, AfterValidator(names.image_tag)]
RequiredImageTag = Annotated[str, AfterValidator(names.required_image_tag)]
InterfaceName = Annotated[str, AfterValidator(names.interface)]

NodeAddress = Annotated[str, AfterValidator(addresses.node_address)]
Subnets = Annotated[str, AfterValidator(addresses.subnets)]
Endpoint = Annotated[str, AfterValidator(addresses.endpoint)]
SubjectAlternativeName = Annotated[str, AfterValidator(addresses.subject_alternative_name)]
Port = Annotated[int, AfterValidator(addresses.port), Field(json_schema_extra={"minimum": 1, "maximum": 65535})]
RouterId = Annotated[int, AfterValidator(addresses.router_id), Field(json_schema_extra={"minimum": 1, "maximum": 255})]

HostPath = Annotated[str, AfterValidator(paths.absolute), Field(json_schema_extra={"pattern": "^/"})]
DataDir = Annotated[str, AfterValidator(paths.data_dir), Field(json_schema_extra={"pattern": "^/"})]
HostPathType = Annotated[
    str, AfterValidator(paths.host_path_type), Field(json_schema_extra={"enum": list(paths.HOST_PATH_TYPES)})
]
LocalPath = Annotated[
    Path,
    BeforeValidator(_local_path),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string"}),
]
Addon = Annotated[str, AfterValidator(_addon)]

SshTarget = Annotated[str, AfterValidator(ssh.target)]
SshUser = Annotated[str, AfterValidator(ssh.user)]
ProxyJump = Annotated[str, AfterValidator(ssh.proxy_jump)]
HostKeys = Annotated[
    tuple[Annotated[str, AfterValidator(ssh.host_key)], ...],
    BeforeValidator(_one_or_more),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(durations.format, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": durations.PATTERN}),
]
