"""Every command as an ordered tuple of phases: the story of the command on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bootstrap.errors import UsageError
from bootstrap.phases import (
    addon,
    admin_access,
    apiserver,
    balancer,
    bootstrap_token,
    certs,
    config_files,
    controllers,
    cordon,
    create_token,
    delete_tokens,
    drain,
    etcd,
    etcd_join,
    finish,
    kubeconfig,
    kubelet_register,
    kubelet_start,
    mark_control_plane,
    mark_finished,
    mark_worker,
    move_leader,
    prune_addons,
    remove_member,
    remove_node,
    remove_static_pods,
    reset_files,
    rollout,
    static_pods,
    stop_control_plane,
    stop_static_pods,
    upload_config,
    user_addon,
    user_resources,
    vip,
    wait_api,
    wait_control_plane,
    wait_worker,
)
from bootstrap.plan import Workflow

INIT = Workflow(
    "init",
    (
        certs.PHASE,
        kubeconfig.PHASE,
        config_files.PHASE,
        etcd.PHASE,
        apiserver.PHASE,
        kubelet_start.PHASE,
        wait_api.PHASE,
        controllers.PHASE,
        vip.PHASE,
        bootstrap_token.PHASE,
        addon.PHASE,
        user_addon.PHASE,
        prune_addons.PHASE,
        mark_control_plane.PHASE,
        wait_control_plane.PHASE,
        upload_config.PHASE,
        admin_access.PHASE,
        user_resources.PHASE,
        finish.PHASE,
        mark_finished.PHASE,
        rollout.PHASE,
        static_pods.PHASE,
    ),
)

JOIN = Workflow(
    "join",
    (
        certs.PHASE,
        kubeconfig.PHASE,
        config_files.PHASE,
        kubelet_start.PHASE,
        etcd_join.PHASE,
        apiserver.PHASE,
        wait_api.PHASE,
        kubelet_register.PHASE,
        controllers.PHASE,
        mark_control_plane.PHASE,
        wait_control_plane.PHASE,
        static_pods.PHASE,
    ),
)
"""What the masters do that come into a living cluster."""

REACH = Workflow(
    "reach",
    (
        vip.PHASE,
        balancer.PHASE,
    ),
)
"""How masters that have come or will go are reached: before these go."""

SETTLE = Workflow(
    "settle",
    (
        bootstrap_token.PHASE,
        upload_config.PHASE,
        admin_access.PHASE,
        finish.PHASE,
    ),
)
"""What follows when masters have come or gone."""

PODS_APPLY = Workflow("pods apply", (static_pods.NEW, static_pods.CHANGED))

PODS_DELETE = Workflow("pods delete", (remove_static_pods.PHASE,))

ADD_WORKER = Workflow(
    "add-worker",
    (
        certs.PHASE,
        kubeconfig.PHASE,
        balancer.JOINING,
        kubelet_start.PHASE,
        wait_worker.PHASE,
        mark_worker.PHASE,
    ),
    independent=True,
)

REMOVE_WORKER = Workflow(
    "remove-worker",
    (
        cordon.PHASE,
        drain.PHASE,
        stop_static_pods.PHASE,
        remove_node.PHASE,
        reset_files.PHASE,
    ),
    independent=True,
)

REMOVE_DEAD_WORKER = Workflow("remove-worker", (remove_node.PHASE,), independent=True)

RESET = Workflow(
    "reset",
    (
        move_leader.PHASE,
        stop_control_plane.PHASE,
        remove_member.PHASE,
        stop_static_pods.PHASE,
        remove_node.PHASE,
        reset_files.PHASE,
    ),
)

TOKEN_CREATE = Workflow("token create", (create_token.PHASE,))

TOKEN_DELETE = Workflow("token delete", (delete_tokens.PHASE,))


def chosen(workflow: Workflow, only: Sequence[str], skip: Sequence[str]) -> Workflow:
    """The workflow with only some phases, or without some. A name also stands for those below it: `control-plane`.

    The mark that init was finished goes with the wait for a healthy control plane, whatever else is skipped: without it a later
    init would take a cluster that serves for one that never did. Raises UsageError for a name that no phase has.
    """
    names = [phase.name for phase in workflow.phases]
    for wanted in (*only, *skip):
        if not any(_covers(wanted, name) for name in names):
            raise UsageError(f"{workflow.name} has no phase {wanted!r}", hint=f"phases: {', '.join(names)}")
    mark, proof = mark_finished.PHASE.name, wait_control_plane.PHASE.name
    if mark in skip and not _covered(proof, skip):
        raise UsageError(f"{mark} is left out together with {proof} only: init must know later that this cluster serves")
    skipped = (*skip, mark) if _covered(proof, skip) else skip
    phases = tuple(
        phase
        for phase in workflow.phases
        if (not only or _covered(phase.name, only)) and not _covered(phase.name, skipped)
    )
    return replace(workflow, phases=phases)


def _covered(name: str, choices: Sequence[str]) -> bool:
    return any(_covers(choice, name) for choice in choices)


def _covers(wanted: str, name: str) -> bool:
    return wanted == name or name.startswith(f"{wanted}/")
