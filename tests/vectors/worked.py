#!/usr/bin/python3
"""Make the worked example of docs/protocol.md a second time, without our C code, and hold the page against it.

    worked.py WORKED SCHEMA PROTOCOL DICTIONARY

WORKED: lines "name hex", which worked_example makes. Only the entry's header and body, the receipt and the feeds are taken from it,
and must fit SCHEMA; everything else is made here from those, as PROTOCOL describes it. A block of PROTOCOL that begins with
"```vector NAME" must show exactly the bytes of that step, or of NAME.cbor beside this file.
"""
import ctypes
import ctypes.util
import hashlib
import pathlib
import re
import struct
import sys

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

sys.dont_write_bytecode = True
from cddl import Schema  # noqa: E402

ZSTD_MAGIC = bytes.fromhex("28b52ffd")


def library(name):
    return ctypes.CDLL(ctypes.util.find_library(name) or f"lib{name}.so.{1 if name == 'zstd' else 0}")


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def cbor(value):
    return cbor2.dumps(value, canonical=True)


def unpack(packed, dictionary, limit=64 << 10):
    assert packed[:2] == b"\x01\x01", "format 1, dictionary 1"
    zstd, out = library("zstd"), ctypes.create_string_buffer(limit)
    zstd.ZSTD_createDCtx.restype = ctypes.c_void_p
    zstd.ZSTD_decompress_usingDict.restype = ctypes.c_size_t
    frame, context = ZSTD_MAGIC + packed[2:], ctypes.c_void_p(zstd.ZSTD_createDCtx())
    size = zstd.ZSTD_decompress_usingDict(context, out, ctypes.c_size_t(limit), frame, ctypes.c_size_t(len(frame)),
                                          dictionary, ctypes.c_size_t(len(dictionary)))
    assert size <= limit, "not a zstd frame"
    return out.raw[:size]


def xxh3_128(data):
    class Hash(ctypes.Structure):
        _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]
    xxhash = library("xxhash")
    xxhash.XXH3_128bits.restype = Hash
    made = xxhash.XXH3_128bits(data, ctypes.c_size_t(len(data)))
    return struct.pack(">QQ", made.high, made.low)


def verify(point, message, signature):
    half = len(signature) // 2
    numbers = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    key.verify(encode_dss_signature(*numbers), message, ec.ECDSA(SHA256()))


def row_hashed(body, header, receipt, fields):
    """What the digest of the new record is taken over: the record as the receipt's position left it."""
    entry, device = header[5], header[0]
    made = int.from_bytes(entry[:6], "big")  # ms; recorded travels less the time in the entry's id
    clinical = 2
    return (entry + struct.pack(">BHqQ", clinical, body[7], made + body[9], receipt[4]) + body[2] + body[6] + device + fields)


def make_again(step, dictionary):
    header, body, receipt = (cbor2.loads(step[name]) for name in ("header", "body", "receipt"))
    feeds = cbor2.loads(step["vector"])[1]
    again = {
        "body": unpack(step["packed-body"], dictionary),
        "body-hash": sha256(step["packed-body"]),
        "head": sha256(bytes(32), struct.pack(">I", len(step["header"])), step["header"], step["packed-body"]),
        "receipt": cbor(receipt[:7] + [sha256(step["packed-body"])]),
        "receipt-hash": sha256(step["receipt"]),
        "row-fields": cbor([body[14].get(number) for number in range(1, 1 + max(body[14]))]),
        "vector-hash": sha256(cbor(feeds)),
        "grants-hash": sha256(cbor([cbor2.loads(step["grant"])])),
    }
    again["signed-lane-head"] = cbor(["lane", header[0], header[1], header[3], header[4], again["head"]])
    again["signed-receipts"] = cbor(["receipts", header[0], cbor2.loads(step["signed-receipts"])[2], sha256(again["receipt-hash"])])
    again["row-digest"] = xxh3_128(row_hashed(body, header, receipt, again["row-fields"]))
    again["digest-hash"] = sha256(again["vector-hash"], bytes(16), again["row-digest"])
    other = bytes.fromhex("01a1fdfa46097009830405060708090a")  # a second parked entry, made a millisecond later
    again["parked-hash"] = sha256(header[5], other)
    return again


def shown_in(page):
    for name, block in re.findall(r"^```vector (\S+)\n(.*?)^```$", page, re.M | re.S):
        yield name, bytes.fromhex("".join(block.split()))


def main():
    worked, schema, page, dictionary = (pathlib.Path(argument) for argument in sys.argv[1:5])
    rows = [line.split() for line in worked.read_text(encoding="ascii").splitlines()]
    step = {name: bytes.fromhex(made) for name, made in rows}
    rules = Schema(schema.read_text(encoding="utf-8"))
    problems = [f"{name} does not fit the schema" for name in ("header", "body", "receipt", "vector", "grant", "signed-lane-head", "signed-receipts")
                if not rules.fits(cbor2.loads(step[name]), ("name", name))]
    again = make_again(step, dictionary.read_bytes())
    problems += [f"{name}: made here it is {made.hex()}" for name, made in again.items() if made != step[name]]
    verify(step["device-key"], step["signed-lane-head"], step["device-signature"])
    verify(step["store-key"], step["signed-receipts"], step["store-signature"])
    files = {path.stem: path.read_bytes() for path in pathlib.Path(__file__).parent.glob("*.cbor")}
    shown = list(shown_in(page.read_text(encoding="utf-8")))
    problems += [f"the page shows other bytes for {name}" for name, data in shown if {**files, **step}.get(name) != data]
    problems += [f"the page does not show {name}" for name in sorted(set(step) - {name for name, _ in shown})]
    print("\n".join(problems) or f"{len(step)} steps, {len(shown)} shown")
    return 1 if problems else 0


sys.exit(main())
