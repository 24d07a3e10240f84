"""Entries as a device writes and signs them, byte by byte, from schema/wire.cddl: for devices that are not honest."""

import ctypes
import hashlib
import time
import uuid

import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from wire_client import RECEIPTS, Client, _zstd, new_device

RUN = 5
CREATE, EDIT = 1, 2
PARKED, QUARANTINED, APPLIED = 6, 5, 1
ID_TAKEN = 9
_FORMAT, _CONTENT_SIZE = 10, 200  # ZSTD_c_format, ZSTD_c_contentSizeFlag


def cbor(value):
    return cbor2.dumps(value, canonical=True)


def pack(body):
    """packed-body: format 1, no dictionary, a frame without magic number and content size."""
    data = cbor(body)
    _zstd.ZSTD_createCCtx.restype = ctypes.c_void_p
    _zstd.ZSTD_CCtx_setParameter.restype = _zstd.ZSTD_compress2.restype = ctypes.c_size_t
    context = ctypes.c_void_p(_zstd.ZSTD_createCCtx())
    for parameter, value in ((_FORMAT, 1), (_CONTENT_SIZE, 0)):
        assert not _zstd.ZSTD_isError(ctypes.c_size_t(_zstd.ZSTD_CCtx_setParameter(context, parameter, value)))
    out = ctypes.create_string_buffer(len(data) + 1000)
    size = _zstd.ZSTD_compress2(context, out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)))
    assert not _zstd.ZSTD_isError(ctypes.c_size_t(size))
    _zstd.ZSTD_freeCCtx(context)
    return b"\x01\x00" + out.raw[:size]


class Forger:
    """A device with a valid certificate that writes what it likes."""

    def __init__(self, store, folder, locality, author, role, *grants, name="forger"):
        self.device, certificate = new_device(store, folder, name, *grants)
        self.device = uuid.UUID(self.device)
        self.client = Client(store, certificate)
        self.key = serialization.load_pem_private_key(certificate[1].read_bytes(), None)
        self.locality, self.author = uuid.UUID(str(locality)), uuid.UUID(str(author))
        self.role = role
        self.incarnation = uuid.uuid4()
        self.seq = [0, 0, 0]
        self.head = [None, None, None]

    def entry(self, type_number, changes, person=None, lane=1, entry=None, record=None, operation=CREATE,
              base=None, device=None):
        """(header, body) of the next entry of a lane."""
        self.seq[lane] += 1
        header = [(device or self.device).bytes, self.incarnation.bytes, self.locality.bytes, lane, self.seq[lane],
                  (entry or uuid.uuid4()).bytes, None, None]
        body = [type_number, record.bytes if record else None, person.bytes if person else None, operation, base, None,
                self.author.bytes, self.role, None, int(time.time() * 1000), 1, 1, 2, 1, changes, None]
        return cbor(header), pack(body)

    def run(self, entries, lane=1):
        """A signed run of what entry() gave."""
        first, previous = self.seq[lane] - len(entries) + 1, self.head[lane]
        head = previous or bytes(32)
        for header, body in entries:
            head = hashlib.sha256(head + len(header).to_bytes(4, "big") + header + body).digest()
        self.head[lane] = head
        signed = cbor(["lane", self.device.bytes, self.incarnation.bytes, lane, self.seq[lane], head])
        r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return [RUN, self.incarnation.bytes, lane, first, previous, [list(one) for one in entries], signature]

    def send(self, *messages, **hello):
        status, answer = self.client.sync(*messages, incarnation=self.incarnation.bytes, **hello)
        assert status == 200, (status, answer)
        return answer

    def judged(self, *entries):
        """Send entries of lane 1 as one run; (whole answer, {entry id: receipt})."""
        answer = self.send(self.run(list(entries)))
        receipts = [receipt for message in answer if message[0] == RECEIPTS for receipt in message[2]]
        return answer, {uuid.UUID(bytes=receipt[0]): receipt for receipt in receipts}
