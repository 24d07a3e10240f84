"""As much of a device as it takes to talk to the store: TLS, HTTP byte by byte, CBOR and zstd, enrolment.

Written against schema/wire.cddl, not against the C code, so that the two check each other.
"""

import base64
import ctypes
import ctypes.util
import http.client
import io
import socket
import ssl
import time
import uuid

import cbor2
from certificates import certificates_of, new_key, request, save
from real_store import PATIENCE

DEVICE_HELLO, VECTOR, STORE_HELLO, RECEIPTS, RECORDS, FEED, END = 1, 2, 16, 17, 18, 19, 20
SYNC_TYPE = "application/cbor-seq"

_zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
for _name in ("ZSTD_compressBound", "ZSTD_compress", "ZSTD_decompress"):
    getattr(_zstd, _name).restype = ctypes.c_size_t
_zstd.ZSTD_isError.restype = ctypes.c_uint


def compress(data):
    size = _zstd.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(size)
    size = _zstd.ZSTD_compress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)), 3)
    assert not _zstd.ZSTD_isError(ctypes.c_size_t(size))
    return out.raw[:size]


def decompress(data, limit=8 << 20):
    out = ctypes.create_string_buffer(limit)
    size = _zstd.ZSTD_decompress(out, ctypes.c_size_t(limit), data, ctypes.c_size_t(len(data)))
    assert not _zstd.ZSTD_isError(ctypes.c_size_t(size)), "not a zstd frame"
    return out.raw[:size]


def hello(**changes):
    """The first message of a request, of a device that has nothing."""
    fields = {
        "protocol": 1, "catalogue": 1, "software": "test", "incarnation": uuid.uuid4().bytes,
        "heads": [], "now_ms": int(time.time() * 1000), "quality": 2, "boot_id": 1, "boot_ms": 1,
        "lanes": [[0, None, None]] * 3, "vector_hash": None, "grants_hash": None,
        "parked_hash": None, "waiting": 0, "oldest_ms": 0, "parked": 0, "quarantined": 0,
        "policy": 0, "trust": 0, "order": 0, "told_ms": 0, "erased": [], "closing": 0,
    }
    assert set(changes) <= set(fields)
    fields.update(changes)
    return [DEVICE_HELLO, *fields.values()]


def body(*messages):
    return compress(b"".join(cbor2.dumps(m, canonical=True) for m in messages))


def messages(data):
    stream, found = io.BytesIO(decompress(data)), []
    while stream.tell() < len(stream.getbuffer()):
        found.append(cbor2.load(stream))
    return found


def tls_context(store, certificate=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(store.data / "ca.pem")
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def connect(store, certificate=None, context=None):
    """A raw TLS connection. What the store thinks of the certificate shows only later: TLS 1.3."""
    plain = socket.create_connection(("127.0.0.1", store.port), timeout=PATIENCE)
    try:
        return (context or tls_context(store, certificate)).wrap_socket(
            plain, server_hostname="127.0.0.1")
    except BaseException:
        plain.close()
        raise


def everything(connection):
    """All bytes until the end, whatever kind of end it is."""
    data = b""
    try:
        while chunk := connection.recv(65536):
            data += chunk
    except (ssl.SSLError, ConnectionError):
        pass
    return data


class Client:
    """An HTTP client with or without a certificate."""

    def __init__(self, store, certificate=None):
        self.store, self.certificate = store, certificate
        self.context = tls_context(store, certificate)
        self.connection = None

    def ask(self, method, path, content=None, headers=None):
        """(status, headers, body); one connection for all as long as it holds."""
        if not self.connection:
            self.connection = http.client.HTTPSConnection("127.0.0.1", self.store.port,
                                                          context=self.context, timeout=PATIENCE)
        try:
            self.connection.request(method, path, content, headers or {})
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except BaseException:
            self.close()
            raise

    def sync(self, *more, **changes):
        status, _, content = self.ask("POST", "/v1/sync", body(hello(**changes), *more),
                                      {"Content-Type": SYNC_TYPE})
        return status, messages(content) if status == 200 else content

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def enrol(store, folder, invitation, key=None):
    """Exchange a code for a certificate: (status, paths of certificate and key or None)."""
    key = key or new_key()
    client = Client(store)
    login = base64.b64encode(f"device:{invitation['code']}".encode()).decode()
    status, headers, content = client.ask(
        "POST", "/.well-known/est/simpleenroll", base64.encodebytes(request(key)),
        {"Authorization": f"Basic {login}", "Content-Type": "application/pkcs10"})
    client.close()
    if status != 200:
        return status, None
    assert headers["Content-Type"].startswith("application/pkcs7-mime")
    return status, save(folder, certificates_of(base64.b64decode(content))[0], key)


def new_device(store, folder, name="device", *grants, **options):
    """Invite and enrol: (id, certificate paths)."""
    invitation = store.invite(name, *grants, **options)
    status, certificate = enrol(store, folder, invitation)
    assert status == 200
    return invitation["device"], certificate
