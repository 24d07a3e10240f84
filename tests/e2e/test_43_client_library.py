"""libpannier by its C interface, loaded into this process.

A library that was built with a sanitizer needs the sanitizer's runtime here before everything else: tests/run preloads it.
"""

import ctypes
import json

import pytest
from device import BUILD
from sample import enrolled, sample_locality

LIBRARY = BUILD / "client" / "libpannier.so"


@pytest.fixture(scope="module")
def tablet(tmp_path_factory):
    store = sample_locality(tmp_path_factory.mktemp("store"))
    device = enrolled(store, tmp_path_factory.mktemp("t"), "a")
    yield device
    device.kill()
    store.stop()


@pytest.fixture
def person(tablet):
    return tablet.get("/v1/people?limit=1").json["people"][0]


def test_43_client_the_library_says_what_was_wrong(tablet, person):
    library = ctypes.CDLL(str(LIBRARY))
    library.pannier_message.restype = library.pannier_field.restype = library.pannier_error_name.restype = ctypes.c_char_p
    for name in ("pannier_message", "pannier_field", "pannier_index", "pannier_free"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    library.pannier_text_free.argtypes = [ctypes.c_void_p]
    client = ctypes.c_void_p()
    assert library.pannier_connect(str(tablet.socket).encode(), ctypes.byref(client)) == 0
    assert library.pannier_set_staff(client, b"nobody") == -1 and b"id" in library.pannier_message(client)
    assert library.pannier_set_staff(client, tablet.staff.encode()) == 0
    request, record = ctypes.create_string_buffer(37), ctypes.create_string_buffer(37)
    library.pannier_new_id(request)

    def put(fields, type_name=b"alert"):
        return library.pannier_error_name(library.pannier_put(client, type_name, request, person["id"].encode(), fields, record))

    assert put(b'{"category": "dragon", "text": "x"}') == b"invalid" and library.pannier_field(client) == b"category"
    assert put(b"[]") == put(b"{") == put(b'{"a": 1.5}') == b"invalid"
    assert put(b'{"text": "' + b"x" * 70000 + b'"}') == b"limit"
    assert put(b'{"category": "dog", "text": "By library"}') == b"ok" and len(record.value) == 36
    assert put(b'{"category": "dog", "text": "By library"}') == b"ok"
    assert put(b'{"category": "dog", "text": "Other"}') == b"taken"
    answer = ctypes.c_void_p()
    assert library.pannier_record(client, record.value, ctypes.byref(answer)) == 0
    assert json.loads(ctypes.string_at(answer))["fields"]["text"] == "By library"
    library.pannier_text_free(answer)
    assert library.pannier_error_name(library.pannier_person(client, b"../status?x=", ctypes.byref(answer))) == b"not found"
    assert library.pannier_call(client, b"GET", b"/v1/status\r\nX: y", None, ctypes.byref(answer)) == -1
    # The daemon goes and comes back under the client's feet: the kept connection is opened again.
    tablet.kill()
    assert library.pannier_error_name(library.pannier_status(client, ctypes.byref(answer))) == b"link"
    tablet.start()
    assert library.pannier_status(client, ctypes.byref(answer)) == 0
    library.pannier_text_free(answer)
    library.pannier_free(client)


def test_43_client_the_library_hears_events(tablet, person):
    library = ctypes.CDLL(str(LIBRARY))
    library.pannier_events_next.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p]
    library.pannier_events_free.argtypes = library.pannier_text_free.argtypes = [ctypes.c_void_p]
    events, name, data = ctypes.c_void_p(), ctypes.c_char_p(), ctypes.c_void_p()
    assert library.pannier_events_open(str(tablet.socket).encode(), ctypes.byref(events)) == 0

    def listen(wait_ms):
        code = library.pannier_events_next(events, wait_ms, ctypes.byref(name), ctypes.byref(data))
        if code != 1:
            return code, None
        content = json.loads(ctypes.string_at(data))
        library.pannier_text_free(data)
        return name.value, content

    assert listen(30000) == (b"listening", {})
    written = tablet.record("alert", {"category": "dog", "text": "Event"}, person["id"])
    while True:
        kind, content = listen(30000)
        if kind == b"entry" and content["entry"] == written["id"]:
            break
    assert content["state"] == "waiting"
    tablet.kill()
    while (kind := listen(30000)[0]) not in (-10,):
        assert kind != 0
    library.pannier_events_free(events)
    tablet.start()
