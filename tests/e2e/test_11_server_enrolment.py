"""Enrolment codes and EST: one code, one key, one device."""

import base64
import hashlib

import pytest
from certificates import DAY, Authority, certificates_of, new_key, request
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import UniformResourceIdentifier
from cryptography.x509.oid import ExtensionOID
from real_store import CommandFailed
from wire_client import Client, enrol, new_device


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def ask_enrol(store, headers, content):
    client = Client(store)
    try:
        status, answer_headers, answer = client.ask("POST", "/.well-known/est/simpleenroll", content,
                                                    headers)
        return status, answer_headers, answer
    finally:
        client.close()


def csr(key=None):
    return base64.encodebytes(request(key or new_key()))


def test_20_server_enrolment_link_has_host_code_and_fingerprint(store):
    invitation = store.invite("Tablet 7")
    pem = (store.data / "ca.pem").read_text()
    der = base64.b64decode("".join(pem.split("\n")[1:-2]))
    assert invitation["link"] == (f"pannier://127.0.0.1:{store.port}/{invitation['code']}"
                                  f"?ca={hashlib.sha256(der).hexdigest()}")
    text = store.run("device", "code", "--name", "x", "--scope", f"team:{store.locality}",
                     "--ceiling", "basic", "--port", "1")
    assert "pannier://127.0.0.1:1/" in text


def test_21_server_enrolment_gives_a_certificate_for_the_invited_device(store, tmp_path):
    invitation = store.invite("Tablet 7")
    status, certificate = enrol(store, tmp_path, invitation)
    assert status == 200
    from cryptography import x509
    got = x509.load_pem_x509_certificate(certificate[0].read_bytes())
    names = got.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert names.get_values_for_type(UniformResourceIdentifier) == [
        f"urn:pannier:device:{invitation['device']}"]
    assert 59 <= (got.not_valid_after - got.not_valid_before).days <= 60
    [device] = store.json("device", "list")
    assert (device["device"], device["state"], device["seen"]) == (invitation["device"], "active", None)


def test_22_server_enrolment_code_is_used_once(store, tmp_path):
    invitation = store.invite()
    key = new_key()
    assert enrol(store, tmp_path, invitation, key)[0] == 200
    assert enrol(store, tmp_path, invitation)[0] == 401  # another key
    status, certificate = enrol(store, tmp_path, invitation, key)  # the answer was lost: again
    assert status == 200
    assert Client(store, certificate).sync()[0] == 200
    store.stop()  # what was seen is written down at the latest now
    store.serve()
    assert enrol(store, tmp_path, invitation, key)[0] == 401  # it has exchanged: used up


def test_23_server_enrolment_refusals_look_the_same(store, tmp_path):
    used, revoked = store.invite("used"), store.invite("revoked")
    assert enrol(store, tmp_path, used)[0] == 200
    store.revoke(revoked["device"])
    answers = set()
    for headers in ({}, basic("device", "AAAA-AAAA-AAAA-AAAA"), basic("device", used["code"]),
                    basic("device", revoked["code"]), basic("admin", used["code"]),
                    basic("device", ""), {"Authorization": "Basic !!!"}):
        status, got, content = ask_enrol(store, headers, csr())
        answers.add((status, got["WWW-Authenticate"], content))
    assert answers == {(401, 'Basic realm="pannier"', b"refused\n")}


def test_24_server_enrolment_wants_a_request_of_a_good_key(store):
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    headers = basic("device", store.invite()["code"])
    good = request(new_key())
    for content in (b"", b"not base64 at all!", base64.b64encode(b"not DER"),
                    base64.b64encode(good[:-1]), base64.b64encode(good + b"\0"),
                    base64.b64encode(good[:-1] + bytes([good[-1] ^ 1])),
                    csr(ec.generate_private_key(ec.SECP384R1())),
                    csr(rsa.generate_private_key(65537, 2048))):
        assert ask_enrol(store, headers, content)[0] == 400, content[:40]
    assert ask_enrol(store, headers, b"A" * 60000)[0] == 413
    assert ask_enrol(store, headers, csr())[0] == 200  # the code is still good


def test_25_server_guessing_codes_is_slowed_down(store):
    statuses = [ask_enrol(store, basic("device", f"{n:04d}-AAAA-AAAA-AAAA"), csr())[0]
                for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    status, headers, _ = ask_enrol(store, basic("device", store.invite()["code"]), csr())
    assert status == 429 and 0 < int(headers["Retry-After"]) <= 31


def test_26_server_renewal_keeps_the_key(store, tmp_path):
    device, certificate = new_device(store, tmp_path)
    key = serialization.load_pem_private_key(certificate[1].read_bytes(), None)
    client = Client(store, certificate)
    path = "/.well-known/est/simplereenroll"
    status, headers, content = client.ask("POST", path, csr(key))
    assert status == 200
    [renewed] = certificates_of(base64.b64decode(content))
    assert renewed.public_key().public_numbers() == key.public_key().public_numbers()
    status, _, content = client.ask("POST", path, csr())
    assert (status, content) == (403, b"refused\n")
    expired = Authority(store.data).issue(tmp_path, device, key, begin=-80 * DAY, end=-20 * DAY)
    late = Client(store, expired)
    assert late.ask("POST", path, csr(key))[0] == 200
    assert late.sync()[0] == 403
    beyond = Authority(store.data).issue(tmp_path, device, key, begin=-200 * DAY, end=-91 * DAY)
    assert Client(store, beyond).ask("POST", path, csr(key))[0] == 403


def test_27_server_a_lost_key_needs_a_new_code_for_the_same_device(store, tmp_path):
    device, old = new_device(store, tmp_path)
    again = store.invite("ignored", device=device)
    assert again["device"] == device
    status, fresh = enrol(store, tmp_path, again)
    assert status == 200
    assert Client(store, fresh).sync()[0] == 200
    assert Client(store, old).sync()[0] == 403


def test_28_server_device_code_says_what_is_missing(store):
    for arguments, words in (
            (("--name", "x", "--ceiling", "basic"), "nothing is granted"),
            (("--team", "Nowhere", "--name", "x", "--ceiling", "basic"), "was it loaded"),
            (("--scope", "team:1", "--name", "x", "--ceiling", "basic"), ""),
            (("--scope", f"team:{store.locality}", "--ceiling", "basic"), "--name"),
            (("--scope", f"team:{store.locality}", "--name", "x"), "--ceiling"),
            (("--scope", f"team:{store.locality}", "--name", "x", "--ceiling", "all"), "--ceiling"),
            (("--scope", f"team:{store.locality}", "--name", "x", "--ceiling", "basic", "--expires",
              "91d"), "90d")):
        with pytest.raises(CommandFailed) as failed:
            store.run("device", "code", "--port", "1", *arguments)
        assert words in failed.value.stderr and failed.value.code in (64, 65, 66)
    assert store.json("device", "list") == []
