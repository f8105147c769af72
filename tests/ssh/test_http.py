"""HTTP from the host's side: plain, TLS with client certificates, and everything that can go wrong on the way."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bootstrap.connection import NoAnswer, Outcome, Request, Tls
from bootstrap.errors import HostUnreachable, RemoteError
from bootstrap.ssh import SshConnection
from tests.ssh.conftest import Connect
from tests.ssh.servers import start_sshd


@dataclass(frozen=True)
class Pair:
    certificate: bytes
    key: bytes


class Authority:
    """A certificate authority for one test session."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._certificate = self._sign(self._key, self._name, x509.BasicConstraints(ca=True, path_length=None), [])
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str, alternatives: list[x509.GeneralName]) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        certificate = self._sign(key, subject, x509.BasicConstraints(ca=False, path_length=None), alternatives)
        return Pair(
            certificate.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        )

    def _sign(
        self, key: ec.EllipticCurvePrivateKey, subject: x509.Name, basic: x509.BasicConstraints, names: list[x509.GeneralName]
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        builder = builder.add_extension(basic, critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


class Server(http.server.ThreadingHTTPServer):
    """Counts connections; echoes what it is asked."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.context = context
        self.connections = 0
        self.open: list[socket.socket] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, object]:
        sock, address = super().get_request()
        self.connections += 1
        self.open.append(sock)
        return sock, address

    def finish_request(self, request: socket.socket, address: object) -> None:    # type: ignore[override]
        if self.context is not None:
            request = self.context.wrap_socket(request, server_side=True)
            self.open.append(request)
        super().finish_request(request, address)

    def handle_error(self, request: object, address: object) -> None:
        """Silent: refused handshakes are what some tests are about."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        subject = ""
        if isinstance(self.connection, ssl.SSLSocket) and (shown := self.connection.getpeercert()):
            subject = str(shown["subject"])
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if self.path == "/slow":
            threading.Event().wait(3)
        if self.path == "/large":
            body = b"x" * 3_000_000
        answer = body or f"{self.command} {self.path} {self.headers['Host']} {self.headers.get('X-Test')} {subject}".encode()
        self.send_response(418 if self.path == "/teapot" else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815 - the library's name

    def log_message(self, *unused: object) -> None:
        pass


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("test-ca")


@pytest.fixture
def plain() -> Iterator[Server]:
    server = Server()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def secure(authority: Authority, tmp_path: Path) -> Iterator[Server]:
    """TLS for 127.0.0.1 and api.example; asks for client certificates of the same authority."""
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("api.example")]
    pair = authority.issue("server", names)
    (tmp_path / "server.pem").write_bytes(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.load_verify_locations(cadata=authority.pem.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    server = Server(context)
    yield server
    server.shutdown()
    server.server_close()


def get(server: Server, path: str = "/", tls: Tls | None = None, **fields: object) -> Request:
    return Request(**{"method": "GET", "address": "127.0.0.1", "port": server.port, "path": path, "tls": tls, **fields})


def test_plain_http(connection: SshConnection, plain: Server) -> None:
    answer = connection.request(get(plain, "/readyz?verbose", headers=(("X-Test", "yes"),)))
    assert (answer.status, answer.peer_certificate) == (200, b"")
    assert answer.body == f"GET /readyz?verbose 127.0.0.1:{plain.port} yes ".encode()


def test_a_status_is_an_answer(connection: SshConnection, plain: Server) -> None:
    assert connection.request(get(plain, "/teapot")).status == 418


def test_a_body_goes_and_comes(connection: SshConnection, plain: Server) -> None:
    body = bytes(range(256)) * 2000
    assert connection.request(get(plain, method="POST", body=body)).body == body
    assert len(connection.request(get(plain, "/large")).body) == 3_000_000


def test_connections_are_used_again(connection: SshConnection, plain: Server) -> None:
    for _ in range(10):
        connection.request(get(plain))
    assert plain.connections == 1


def test_a_kept_connection_that_the_server_closed(connection: SshConnection, plain: Server) -> None:
    connection.request(get(plain))
    for sock in plain.open:
        sock.shutdown(socket.SHUT_RDWR)
    threading.Event().wait(0.2)
    assert connection.request(get(plain)).status == 200
    assert plain.connections == 2


@pytest.mark.parametrize("name", ["127.0.0.1", "api.example"])
def test_tls(connection: SshConnection, secure: Server, authority: Authority, name: str) -> None:
    tls = Tls(authority.pem, name)
    for _ in range(5):
        answer = connection.request(get(secure, tls=tls))
        assert answer.status == 200
        certificate = x509.load_der_x509_certificate(answer.peer_certificate)
        assert certificate.subject.rfc4514_string() == "CN=server"
    assert secure.connections == 1
    assert len(connection.request(get(secure, "/large", tls)).body) == 3_000_000


def test_a_client_certificate_is_shown(connection: SshConnection, secure: Server, authority: Authority) -> None:
    admin = authority.issue("kubernetes-admin", [])
    answer = connection.request(get(secure, tls=Tls(authority.pem, "127.0.0.1", admin.certificate, admin.key)))
    assert b"kubernetes-admin" in answer.body
    assert b"kubernetes-admin" not in connection.request(get(secure, tls=Tls(authority.pem, "127.0.0.1"))).body


def test_another_authority_is_refused(connection: SshConnection, secure: Server) -> None:
    with pytest.raises(NoAnswer, match=r"TLS failed: .*certificate"):
        connection.request(get(secure, tls=Tls(Authority("other").pem, "127.0.0.1")))


@pytest.mark.parametrize("name", ["127.0.0.2", "other.example"])
def test_another_name_is_refused(connection: SshConnection, secure: Server, authority: Authority, name: str) -> None:
    with pytest.raises(NoAnswer, match=r"TLS failed: .*(mismatch|not valid)"):
        connection.request(get(secure, tls=Tls(authority.pem, name)))


def test_a_client_certificate_that_the_server_refuses(connection: SshConnection, secure: Server, authority: Authority) -> None:
    stranger = Authority("other").issue("stranger", [])
    with pytest.raises(NoAnswer, match="unknown ca"):
        connection.request(get(secure, tls=Tls(authority.pem, "127.0.0.1", stranger.certificate, stranger.key)))


def test_tls_with_a_server_that_speaks_none(connection: SshConnection, plain: Server, authority: Authority) -> None:
    with pytest.raises(NoAnswer, match="TLS failed"):
        connection.request(get(plain, tls=Tls(authority.pem, "127.0.0.1")))


def test_plain_http_with_a_server_that_speaks_tls(connection: SshConnection, secure: Server) -> None:
    with pytest.raises(NoAnswer):
        connection.request(get(secure))


def test_nobody_listens(connection: SshConnection) -> None:
    with pytest.raises(NoAnswer, match=r"refused .*\(http://127\.0\.0\.1:1/x\)"):
        connection.request(Request("GET", "127.0.0.1", 1, "/x?secret=1"))


def test_no_answer_in_time(connection: SshConnection, plain: Server) -> None:
    """Takes its time-out of 0.3 s."""
    with pytest.raises(NoAnswer, match=r"no answer within 0\.3 s"):
        connection.request(get(plain, "/slow"), timeout_s=0.3)
    assert connection.request(get(plain)).status == 200


def test_an_address_that_swallows_everything(connection: SshConnection) -> None:
    """Takes its time-out of 0.3 s."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        with pytest.raises(NoAnswer, match="no answer within"):
            connection.request(Request("GET", "127.0.0.1", full.getsockname()[1], "/"), timeout_s=0.3)
        for sock in waiting:
            sock.close()


def test_forwarding_that_sshd_refuses(
    connect: Connect, plain: Server, open_directory: Path, identity: Path, known_hosts: Path, tmp_path: Path
) -> None:
    server = start_sshd(open_directory / f"closed-{tmp_path.name}", identity.with_suffix(".pub"), extra="AllowTcpForwarding no")
    try:
        known_hosts.write_text(server.known_line() + "\n")
        connection = connect(port=server.port)
        with pytest.raises(RemoteError, match="refuses to forward") as caught:
            connection.request(get(plain))
        assert "AllowTcpForwarding" in caught.value.hint
    finally:
        server.stop()


def test_the_certificate_that_a_server_shows_is_seen_unverified(
    connection: SshConnection, secure: Server, plain: Server
) -> None:
    found = connection.reach("127.0.0.1", secure.port, server_name="lb.example")
    assert found.outcome is Outcome.OPEN
    assert x509.load_der_x509_certificate(found.certificate).issuer.rfc4514_string() == "CN=test-ca"
    assert connection.reach("127.0.0.1", plain.port, server_name="lb.example").certificate == b""


def test_many_at_once(connection: SshConnection, secure: Server, authority: Authority) -> None:
    tls = Tls(authority.pem, "127.0.0.1")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: connection.request(get(secure, f"/{n}", tls)).body, range(40)))
    assert [answer.split()[1] for answer in answers] == [f"/{n}".encode() for n in range(40)]


def test_after_close(connection: SshConnection, plain: Server) -> None:
    connection.request(get(plain))
    connection.close()
    with pytest.raises(HostUnreachable):
        connection.request(get(plain))
