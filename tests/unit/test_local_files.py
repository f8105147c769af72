"""Files on the operator's own machine: what cannot be written is said before anything is done, what is of others stays."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from bootstrap import guards
from bootstrap.console import Console
from bootstrap.errors import ExitCode, Refused, UsageError
from bootstrap.files import File, Secret
from bootstrap.kubeconfig import ADMIN, kubeconfig_files
from bootstrap.localfiles import refuse_unwritable, write_local
from bootstrap.rendering import render
from tests.unit.pki_samples import NOW, a_cluster, new_authorities

CLUSTER = a_cluster()
MADE = kubeconfig_files(CLUSTER, CLUSTER.host("cp1"), new_authorities(), {}, {}, NOW).entries
OURS = next(Secret(entry.bytes) for entry in MADE if isinstance(entry, File) and entry.path == ADMIN.path)
OTHERS = (
    Secret(OURS.reveal().replace(b"name: demo", b"name: production")),
    Secret(b"apiVersion: v1\nkind: Config\nclusters: [{name: demo}, {name: production}]\nusers: [{}]\ncontexts: [{}]\n"),
    Secret(b"a letter to my mother"),
    Secret(b"\xff\xfe"),
)


def test_a_kubeconfig_of_this_cluster_is_replaced() -> None:
    for previous in (None, Secret(b"\n"), OURS):
        guards.refuse_to_overwrite(Path("x"), previous, CLUSTER)


@pytest.mark.parametrize("previous", OTHERS, ids=["other cluster", "merged", "no kubeconfig", "binary"])
def test_what_else_is_there_is_not_lost(previous: Secret) -> None:
    with pytest.raises(Refused, match="holds something else"):
        guards.refuse_to_overwrite(Path("x"), previous, CLUSTER)


def test_a_place_that_cannot_be_written_to_is_refused_beforehand(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "x", tmp_path / "file" / "y" / "x", Path("-")):
        with pytest.raises(UsageError):
            refuse_unwritable(path)
    refuse_unwritable(tmp_path / "new" / "x")
    refuse_unwritable(Path("x"))


def test_a_write_that_fails_is_the_operators_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write"):
        write_local(tmp_path / "file" / "x", b"")


def test_render_into_an_empty_directory_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino
    assert render(CLUSTER, Path(), False, Console(stdout=StringIO(), stderr=StringIO())) is ExitCode.DONE
    assert {path.name for path in tmp_path.iterdir()} == {"api", "cp1", "cp2", "cp3"}
    assert tmp_path.stat().st_ino == before
    assert [path.name for path in tmp_path.parent.iterdir() if "rendering" in path.name] == []


@pytest.mark.parametrize("secrets", [False, True])
def test_render_shows_configuration_files_and_the_key_only_when_asked_for(tmp_path: Path, secrets: bool) -> None:
    assert render(CLUSTER, tmp_path / "out", secrets, Console(stdout=StringIO(), stderr=StringIO())) is ExitCode.DONE
    found = [sorted((tmp_path / "out" / name / "etc/kubernetes/kube-apiserver").iterdir()) for name in ("cp1", "cp2", "cp3")]
    names = [path.name.rpartition("-")[0] for path in found[0]]
    assert names == ["admission", "audit-policy", "authentication", *(["encryption"] if secrets else [])]
    contents = [[path.read_bytes() for path in paths] for paths in found]
    assert contents[0] == contents[1] == contents[2]
    manifest = (tmp_path / "out/cp1/etc/kubernetes/manifests/kube-apiserver.yaml").read_text()
    assert ("/encryption-placeholder-known-on-the-hosts.yaml" in manifest) is not secrets
    assert all(f"/{path.name}" in manifest for path in found[0])


def test_render_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write"):
        render(CLUSTER, tmp_path / "file" / "out", False, Console(stdout=StringIO(), stderr=StringIO()))
