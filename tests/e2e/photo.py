"""Photos as a phone takes them, made here; and what the local API does with them."""

import hashlib
import json
import struct
import urllib.parse
import uuid

from locality import until

PLACE = b"GPS 53.4794N 2.2453W"


def segment(code, content):
    return bytes([0xFF, code]) + struct.pack(">H", len(content) + 2) + content


def jpeg(rng, size, place=True):
    """About so many bytes, on their side (orientation 6), with a place, a maker and a comment in them."""
    exif = (b"Exif\0\0II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x04\0\0\0CAM\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0" + PLACE)
    scan = rng.randbytes(size).replace(b"\xff", b"\xff\0")
    return (b"\xff\xd8" + (segment(0xE1, exif) + segment(0xFE, b"taken at home, " + PLACE) if place else b"") +
            segment(0xDB, b"\0" * 65) + segment(0xC0, b"\x08\0\x10\0\x10\x01\x01\x11\0") +
            segment(0xDA, b"\x01\x01\0\0\x3f\0") + scan + b"\xff\xd9")


def attach(device, person, content, media="image/jpeg", request=None, title="Left heel", **more):
    query = {"request": request or str(uuid.uuid4()), "person": person, "fields": json.dumps({"title": title}), **more}
    return device.call("POST", "/v1/attachments?" + urllib.parse.urlencode(query), raw=content,
                       headers={"Content-Type": media})


def attached(device, person, content, **more):
    answer = attach(device, person, content, **more)
    assert answer.status in (200, 201), answer
    return answer.json


def bytes_of(device, record, **options):
    return device.get(f"/v1/attachments/{record}", **options)


def waiting(device):
    return device.status()["attachments"]["waiting"]


def brought(device):
    until(lambda: waiting(device) == 0, "the store has every photo")


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def stored(locality, record):
    """The file of a record's bytes at the store, or None."""
    return next((path for path in files(locality.store.data / "attachments")
                 if path.name.endswith(f".{record}") and path.parent.name != "parts"), None)
