"""Fields of KubeletConfiguration and KubeProxyConfiguration: who has a slip in one of their names is told.

kubelet and kube-proxy would not tell: both read a file leniently that they cannot read strictly, and what they do not know does
nothing.

Sources: kubelet config/v1beta1/types.go (v0.35.0, v0.36.3, v0.37.2), kube-proxy config/v1alpha1/types.go, component-base
logs/api/v1/types.go, tracing/api/v1/types.go and config/v1alpha1/types.go (v0.36.3, v0.37.2); for the lenience kubernetes
pkg/kubelet/kubeletconfig/util/codec/codec.go (v1.36.3).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.inventory.findings import UNKNOWN_FIELD, Finding, Loc

Fields = Mapping[str, Any]
"""Known fields by name: the fields of an object, or of each of a list; None where any value goes."""

MOST = 200
"""Nobody reads more findings than this; each costs a search for the name that was probably meant."""
MANY = 8
"""Up to how many fields are told where none looks like the unknown one."""


def _fields(text: str) -> Fields:
    tree: dict[str, Any] = {}
    for name in text.split():
        *above, last = name.split(".")
        at = tree
        for part in above:
            at = at.setdefault(part, {})
        at[last] = None
    return tree


KUBELET = _fields("""
    address allowedUnsafeSysctls authentication.anonymous.enabled authentication.webhook.cacheTTL
    authentication.webhook.enabled authentication.x509.clientCAFile authorization.mode
    authorization.webhook.cacheAuthorizedTTL authorization.webhook.cacheUnauthorizedTTL cgroupDriver cgroupRoot cgroupsPerQOS
    clusterDNS clusterDomain configMapAndSecretChangeDetectionStrategy containerLogMaxFiles containerLogMaxSize
    containerLogMaxWorkers containerLogMonitorInterval containerRuntimeEndpoint contentType cpuCFSQuota cpuCFSQuotaPeriod
    cpuManagerPolicy cpuManagerPolicyOptions cpuManagerReconcilePeriod crashLoopBackOff.maxContainerRestartPeriod
    defaultPodSysctls enableContentionProfiling enableControllerAttachDetach enableDebugFlagsHandler enableDebuggingHandlers
    enableProfilingHandler enableServer enableSystemLogHandler enableSystemLogQuery enforceNodeAllocatable eventBurst
    eventRecordQPS evictionHard evictionMaxPodGracePeriod evictionMinimumReclaim evictionPressureTransitionPeriod evictionSoft
    evictionSoftGracePeriod failCgroupV1 failSwapOn featureGates fileCheckFrequency hairpinMode healthzBindAddress healthzPort
    httpCheckFrequency imageGCHighThresholdPercent imageGCLowThresholdPercent imageMaximumGCAge imageMinimumGCAge
    imagePullCredentialsVerificationPolicy imageServiceEndpoint iptablesDropBit iptablesMasqueradeBit kernelMemcgNotification
    kubeAPIBurst kubeAPIQPS kubeletCgroups kubeReserved kubeReservedCgroup localStorageCapacityIsolation
    logging.flushFrequency logging.format logging.options.json.infoBufferSize logging.options.json.splitStream
    logging.options.text.infoBufferSize logging.options.text.splitStream logging.verbosity logging.vmodule.filePattern
    logging.vmodule.verbosity makeIPTablesUtilChains maxOpenFiles maxParallelImagePulls maxPods memoryManagerPolicy
    memoryReservationPolicy memorySwap.swapBehavior memoryThrottlingFactor mergeDefaultEvictionSettings
    nodeLeaseDurationSeconds nodeStatusMaxImages nodeStatusReportFrequency nodeStatusUpdateFrequency oomScoreAdj podCIDR
    podLogsDir podPidsLimit podsPerCore port preloadedImagesVerificationAllowlist protectKernelDefaults providerID qosReserved
    readOnlyPort registerNode registerWithTaints registryBurst registryPullQPS reservedMemory.limits reservedMemory.numaNode
    reservedSystemCPUs resolvConf rotateCertificates runOnce runtimeRequestTimeout seccompDefault serializeImagePulls
    serverTLSBootstrap showHiddenMetricsForVersion shutdownGracePeriod shutdownGracePeriodByPodPriority.priority
    shutdownGracePeriodByPodPriority.shutdownGracePeriodSeconds shutdownGracePeriodCriticalPods singleProcessOOMKill
    staticPodPath staticPodURL staticPodURLHeader streamingConnectionIdleTimeout syncFrequency systemCgroups systemReserved
    systemReservedCgroup tlsCertFile tlsCipherSuites tlsCurvePreferences tlsMinVersion tlsPrivateKeyFile topologyManagerPolicy
    topologyManagerPolicyOptions topologyManagerScope tracing.endpoint tracing.samplingRatePerMillion userNamespaces.idsPerPod
    volumePluginDir volumeStatsAggPeriod
""")
KUBE_PROXY = _fields("""
    bindAddress bindAddressHardFail clientConnection.acceptContentTypes clientConnection.burst clientConnection.contentType
    clientConnection.kubeconfig clientConnection.qps clusterCIDR configSyncPeriod conntrack.maxPerCore conntrack.min
    conntrack.tcpBeLiberal conntrack.tcpCloseWaitTimeout conntrack.tcpEstablishedTimeout conntrack.udpStreamTimeout
    conntrack.udpTimeout detectLocal.bridgeInterface detectLocal.interfaceNamePrefix detectLocalMode enableProfiling
    featureGates healthzBindAddress hostnameOverride iptables.localhostNodePorts iptables.masqueradeAll iptables.masqueradeBit
    iptables.minSyncPeriod iptables.syncPeriod ipvs.excludeCIDRs ipvs.minSyncPeriod ipvs.scheduler ipvs.strictARP
    ipvs.syncPeriod ipvs.tcpFinTimeout ipvs.tcpTimeout ipvs.udpTimeout logging.flushFrequency logging.format
    logging.options.json.infoBufferSize logging.options.json.splitStream logging.options.text.infoBufferSize
    logging.options.text.splitStream logging.verbosity logging.vmodule.filePattern logging.vmodule.verbosity
    metricsBindAddress mode nftables.masqueradeAll nftables.masqueradeBit nftables.minSyncPeriod nftables.syncPeriod
    nodePortAddresses oomScoreAdj portRange showHiddenMetricsForVersion windowsRunAsService winkernel.enableDSR
    winkernel.forwardHealthCheckVip winkernel.networkName winkernel.rootHnsEndpointName winkernel.sourceVip
""")
SINCE = {"memoryReservationPolicy": "1.36", "tlsCurvePreferences": "1.36", "defaultPodSysctls": "1.37"}
"""The minor that brought a field of KubeletConfiguration; the others are in all that are supported."""


def unknown(config: Any, known: Fields, place: Loc, minor: str) -> Iterator[Finding]:
    """A finding for each field of `config`, which stands at `place`, that the component of this minor would pass over."""
    if isinstance(config, list):
        for index, item in enumerate(config):
            yield from unknown(item, known, (*place, index), minor)
    for name, value in config.items() if isinstance(config, Mapping) else ():
        if name not in known:
            yield Finding((*place, name), UNKNOWN_FIELD, _instead(str(name), known))
        elif minor and _number(SINCE.get(name, minor)) > _number(minor):
            yield Finding((*place, name), f"Kubernetes {minor} does not have it", f"Kubernetes {SINCE[name]} or later does")
        elif known[name] is not None:
            yield from unknown(value, known[name], (*place, name), minor)


def _instead(name: str, known: Fields) -> str:
    by_lower = {each.lower(): each for each in known}
    if close := difflib.get_close_matches(name[:60].lower(), by_lower, n=1, cutoff=0.75):
        return f"did you mean {by_lower[close[0]]}?"
    return f"known here: {', '.join(known)}" if len(known) <= MANY else "names are as in Kubernetes' reference, case included"


def _number(minor: str) -> tuple[int, ...]:
    return tuple(int(part) for part in minor.split("."))
