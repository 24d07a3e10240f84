"""Who gets what by which certificate: every kind of certificate against every endpoint, counted in bytes."""

import datetime
import ssl

import pytest
from certificates import DAY, Authority
from cryptography.x509.oid import ExtendedKeyUsageOID
from wire_client import Client, body, connect, everything, hello, new_device

SYNC, WAIT = "POST /v1/sync", "GET /v1/wait?vector=&seconds=1"
REENROL = "POST /.well-known/est/simplereenroll"
OPEN = "GET /.well-known/est/cacerts"
GUARDED = [SYNC, WAIT, REENROL]

REFUSED = b"refused\n"


def key_of(certificate):
    from cryptography.hazmat.primitives import serialization
    return serialization.load_pem_private_key(certificate[1].read_bytes(), None)


@pytest.fixture
def certificates(store, tmp_path):
    """Kind of certificate -> its files; None: none."""
    device, valid = new_device(store, tmp_path, "valid")
    revoked_device, revoked = new_device(store, tmp_path, "revoked")
    store.revoke(revoked_device)
    ours, other = Authority(store.data), Authority()
    key = key_of(valid)
    return {
        "none": None,
        "other authority": other.issue(tmp_path, device, key),
        "expired": ours.issue(tmp_path, device, key, begin=-20 * DAY, end=-DAY),
        "not yet valid": ours.issue(tmp_path, device, key, begin=DAY),
        "revoked": revoked,
        "unknown device": ours.issue(tmp_path, "019a0000-0000-7000-8000-000000000001"),
        "another key": ours.issue(tmp_path, device),
        "no device": ours.issue(tmp_path, None),
        "for servers": ours.issue(tmp_path, device, key, usage=ExtendedKeyUsageOID.SERVER_AUTH),
        "the server's own": (store.data / "server.pem", store.data / "server.key"),
        "the signing key's": (store.data / "signing.pem", store.data / "signing.key"),
        "valid": valid,
    }


def talk(store, certificate, endpoint):
    """The raw bytes that come back, until the end of the connection."""
    content = body(hello()) if endpoint == SYNC else b""
    text = (f"{endpoint} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Content-Length: {len(content)}\r\n\r\n").encode() + content
    try:
        connection = connect(store, certificate)
    except (ssl.SSLError, ConnectionError):
        return b""
    with connection:
        try:
            connection.sendall(text)
        except (ssl.SSLError, ConnectionError):
            pass
        return everything(connection)


def answer_of(data):
    head, _, content = data.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], content


# What ends the handshake gets nothing at all; what passes it gets the same few bytes for any reason.
IN_HANDSHAKE = ["other authority", "not yet valid", "for servers", "the server's own", "the signing key's"]
AT_THE_DOOR = ["none", "revoked", "unknown device", "another key", "no device"]


def test_10_server_certificates_that_end_the_handshake(store, certificates):
    for kind in IN_HANDSHAKE:
        for endpoint in [*GUARDED, OPEN]:
            assert talk(store, certificates[kind], endpoint) == b"", (kind, endpoint)


def test_11_server_refusals_look_the_same(store, certificates):
    for endpoint in GUARDED:
        answers = {kind: answer_of(talk(store, certificates[kind], endpoint)) for kind in AT_THE_DOOR}
        if endpoint != REENROL:
            answers["expired"] = answer_of(talk(store, certificates["expired"], endpoint))
        assert set(answers.values()) == {(b"HTTP/1.1 403 Forbidden", REFUSED)}, (endpoint, answers)


def test_12_server_an_expired_certificate_may_only_renew(store, certificates):
    status, _ = answer_of(talk(store, certificates["expired"], REENROL))
    assert status == b"HTTP/1.1 400 Bad Request"  # it is let in; the request in the body is missing


def test_13_server_a_valid_certificate_gets_an_answer(store, certificates):
    status, content = answer_of(talk(store, certificates["valid"], SYNC))
    assert status == b"HTTP/1.1 200 OK" and len(content) > 100
    status, _ = answer_of(talk(store, certificates["valid"], WAIT))
    assert status in (b"HTTP/1.1 200 OK", b"HTTP/1.1 204 No Content")


def test_14_server_anybody_may_have_the_authority(store, certificates):
    for kind in [*AT_THE_DOOR, "expired", "valid"]:
        status, content = answer_of(talk(store, certificates[kind], OPEN))
        assert status == b"HTTP/1.1 200 OK" and content, kind


def test_15_server_revoking_works_at_the_next_request(store, tmp_path):
    device, certificate = new_device(store, tmp_path)
    client = Client(store, certificate)
    assert client.sync()[0] == 200
    store.revoke(device)
    assert client.sync() == (403, REFUSED)  # on the same connection
    fresh = Client(store, certificate)
    assert fresh.sync() == (403, REFUSED)


def test_16_server_a_resumed_session_is_looked_up_too(store, tmp_path):
    device, certificate = new_device(store, tmp_path)
    first = Client(store, certificate)
    assert first.sync()[0] == 200
    session = first.connection.sock.session
    assert session
    first.close()

    def resumed():
        with connect(store, context=first.context) as probe:
            del probe
        import socket
        plain = socket.create_connection(("127.0.0.1", store.port))
        return first.context.wrap_socket(plain, server_hostname="127.0.0.1", session=session)

    content = body(hello())
    request = (b"POST /v1/sync HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
               % len(content)) + content
    with resumed() as connection:
        assert connection.session_reused
        connection.sendall(request)
        assert everything(connection).startswith(b"HTTP/1.1 200")
    store.revoke(device)
    with resumed() as connection:
        connection.sendall(request)
        assert answer_of(everything(connection)) == (b"HTTP/1.1 403 Forbidden", REFUSED)


def test_17_server_tls_1_2_is_not_spoken(store):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(store.data / "ca.pem")
    with pytest.raises(ssl.SSLError):
        connect(store, context=context)


def test_18_server_certificate_names_the_host(store):
    with connect(store) as connection:
        names = dict(connection.getpeercert())["subjectAltName"]
        end = datetime.datetime.strptime(connection.getpeercert()["notAfter"], "%b %d %H:%M:%S %Y GMT")
    assert ("IP Address", "127.0.0.1") in names and ("DNS", "localhost") in names
    assert 300 < (end - datetime.datetime.utcnow()).days < 366
