"""SSH: the real implementation of `Connection`. Only this package imports paramiko or opens a socket."""

from bootstrap.ssh.hostkeys import Verdict
from bootstrap.ssh.remote import SshConnection, connect
from bootstrap.ssh.trust import ScannedKey, known_hosts_file, record, scan

__all__ = ["ScannedKey", "SshConnection", "Verdict", "connect", "known_hosts_file", "record", "scan"]
