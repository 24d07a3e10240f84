"""What a device says about the road to its store: each link-level problem has its own name, and none loses work.

The peers here are strange on purpose (strange_store.py); the device is the real one.
"""

import pytest
from device import Device, seconds
from proxy import Proxy
from strange_store import Authority, PlainServer, Store, free_port


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"), "authority")


@pytest.fixture(scope="module")
def server_certificate(authority):
    return authority.server("store")


@pytest.fixture
def store(authority, server_certificate):
    store = Store(authority, server_certificate)
    yield store
    store.close()


def make_device(folder, name="d", **link):
    """@link: options of the configuration's section [link]."""
    conf = folder / f"{name}.conf"
    conf.write_text("[link]\n" + "".join(f"{option} = {value}\n" for option, value in link.items()))
    return Device(folder, name, ["--conf", str(conf)])


@pytest.fixture
def device(tmp_path):
    device = make_device(tmp_path, portal_port=free_port())
    device.start()
    yield device
    device.kill()


@pytest.fixture
def enrolled(device, store):
    device.enrol(store.link)
    return device


def problem(device, name):
    return device.sync(expect=name)["exchange"]["detail"]


def test_40_api_a_device_enrols_by_link_and_stays_enrolled(device, store):
    assert device.status()["enrolled"] is False
    device.enrol(store.link)
    status = device.status()
    assert status["enrolled"] is True and status["device"] == store.device
    assert status["store"] == f"https://127.0.0.1:{store.port}"
    assert ("/.well-known/est/simpleenroll", False) in store.calls
    device.stop()
    device.start()
    assert device.status()["device"] == store.device
    again = device.post("/v1/enrol", {"link": store.link})
    assert again.status == 409 and again.json["error"]["code"] == "taken"


def test_40_api_keys_are_for_the_owner_alone(enrolled):
    assert enrolled.state.stat().st_mode & 0o777 == 0o700
    for path in enrolled.state.iterdir():
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_40_api_a_wrong_code_is_refused_and_the_key_is_kept_for_the_next_try(device, store):
    answer = device.post("/v1/enrol", {"link": store.link.replace("/CODE?", "/OTHER?")})
    assert answer.status == 403 and answer.json["error"]["code"] == "refused"
    assert "OTHER" not in device.log.read_text() + answer.body.decode()
    key = (device.state / "device.key").read_bytes()
    device.enrol(store.link)
    assert (device.state / "device.key").read_bytes() == key


def test_40_api_the_code_is_never_sent_to_whom_the_fingerprint_does_not_prove(device, store, tmp_path):
    other = Authority(tmp_path, "other")
    link = store.link.split("?")[0] + f"?ca={other.fingerprint}"
    answer = device.post("/v1/enrol", {"link": link})
    assert answer.status == 502 and answer.json["error"]["code"] == "crypto"
    assert [path for path, _ in store.calls] == ["/.well-known/est/cacerts"]
    assert device.status()["enrolled"] is False


def test_40_api_the_code_is_never_sent_to_another_host_of_the_same_authority(device, store, authority):
    store.use(*authority.server("elsewhere", san="DNS:elsewhere.example"))
    answer = device.post("/v1/enrol", {"link": store.link})
    assert answer.status == 502 and answer.json["error"]["problem"] == "tls untrusted"
    assert [path for path, _ in store.calls] == ["/.well-known/est/cacerts"]


def test_40_api_enrolment_without_a_store_names_the_problem_and_can_be_tried_again(device, store):
    answer = device.post("/v1/enrol", {"link": store.link.replace(f":{store.port}/", f":{free_port()}/")})
    assert answer.status == 502
    assert answer.json["error"]["code"] == "link" and answer.json["error"]["problem"] == "store unavailable"
    device.enrol(store.link)


def test_40_api_the_store_sees_the_devices_certificate(enrolled, store):
    problem(enrolled, "store unavailable")
    assert ("/v1/sync", True) in store.calls


@pytest.mark.parametrize("status, name", [
    (500, "store unavailable"), (503, "store unavailable"), (429, "rate limited"), (403, "refused"),
    (404, "refused"), (426, "upgrade needed"), (400, "protocol"), (302, "protocol"), (511, "captive portal"),
])
def test_40_api_http_statuses_have_names(enrolled, store, status, name):
    store.answer = (status, {"Content-Type": "text/plain"}, b"no")
    problem(enrolled, name)


def test_40_api_an_answer_that_is_not_ours_is_a_protocol_problem(enrolled, store):
    store.answer = (200, {"Content-Type": "text/html"}, b"<html>welcome</html>")
    assert "not ours" in problem(enrolled, "protocol")
    store.answer = (200, {"Content-Type": "application/cbor-seq"}, b"\x00\x01\x02")
    problem(enrolled, "protocol")


def test_40_api_patience_that_the_store_asks_for_is_given(enrolled, store):
    store.answer = (429, {"Retry-After": "3600"}, b"")
    status = enrolled.sync(expect="rate limited")
    assert seconds(status["exchange"]["next"]) - seconds(status["now"]) > 3000


def test_40_api_a_store_that_is_away_is_unavailable(enrolled, store):
    store.close()
    problem(enrolled, "store unavailable")
    store.server.server_close = store.server.shutdown = lambda: None


def test_40_api_another_authority_is_untrusted(enrolled, store, tmp_path):
    store.use(*Authority(tmp_path, "other").server("store"))
    problem(enrolled, "tls untrusted")


def test_40_api_another_host_is_untrusted(enrolled, store, authority):
    store.use(*authority.server("elsewhere2", san="DNS:elsewhere.example"))
    problem(enrolled, "tls untrusted")


def test_40_api_an_expired_certificate_of_the_store_is_named(enrolled, store, authority):
    store.use(*authority.server("old", start="20200101000000Z", end="20200201000000Z"))
    problem(enrolled, "certificate expired")


def test_40_api_a_certificate_of_the_future_means_that_a_clock_is_wrong(enrolled, store, authority):
    store.use(*authority.server("future", start="20600101000000Z", end="20600201000000Z"))
    problem(enrolled, "clock wrong")


def test_40_api_a_store_that_refuses_our_certificate_refuses(enrolled, store, tmp_path, authority, server_certificate):
    other = Authority(tmp_path, "other")
    store.authority, kept = other, store.authority
    store.use(*server_certificate, require_certificate=True)
    store.authority = kept
    problem(enrolled, "refused")


def test_40_api_a_portal_that_wants_a_sign_in_is_told_from_a_stranger(tmp_path, store):
    portal = PlainServer(b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n")
    device = make_device(tmp_path, portal_port=portal.port).start()
    try:
        device.enrol(store.link)
        other = Authority(tmp_path, "other")
        store.use(*other.server("store"))
        problem(device, "captive portal")
    finally:
        device.kill()
        portal.close()


def through(proxy, folder, store, credentials=None):
    """A device whose only way to the store is the proxy."""
    link = {"proxy": f"http://127.0.0.1:{proxy.port}"}
    if credentials:
        (folder / "credentials").write_text(credentials + "\n")
        (folder / "credentials").chmod(0o600)
        link["proxy_credentials"] = folder / "credentials"
    return make_device(folder, **link).start()


@pytest.mark.parametrize("credentials", [None, "office:Canary pass:word"])
def test_40_api_a_proxy_carries_everything_and_sees_nothing(tmp_path, store, credentials):
    proxy = Proxy(credentials)
    device = through(proxy, tmp_path, store, credentials)
    try:
        device.enrol(store.link)
        store.answer = (403, {"Content-Type": "text/plain"}, b"no")
        problem(device, "refused")  # the store's own answer, through the proxy
        assert proxy.asked and all(line == f"CONNECT 127.0.0.1:{store.port} HTTP/1.1" for line in proxy.asked)
        assert proxy.seen and b"/v1/sync" not in proxy.seen and b"CODE" not in proxy.seen
        if credentials:
            assert "Canary" not in device.log.read_text()
    finally:
        device.kill()
        proxy.close()


def test_40_api_a_proxy_that_does_not_let_us_through_is_named(tmp_path, store):
    proxy = Proxy("office:right")
    device = through(proxy, tmp_path, store, "office:wrong")
    try:
        answer = device.post("/v1/enrol", {"link": store.link})
        assert answer.status == 502 and answer.json["error"]["problem"] == "proxy"
        proxy.expected = None
        device.enrol(store.link)
        for status, name in ((407, "proxy"), (403, "proxy"), (503, "store unavailable"), (511, "captive portal")):
            proxy.refuse = status
            device.stop()  # a connection that is open would go on
            device.start()
            problem(device, name)
        proxy.refuse = None
        proxy.close()
        device.stop()
        device.start()
        problem(device, "proxy")
    finally:
        device.kill()


@pytest.mark.parametrize("link, words", [
    ({"proxy": "socks5://127.0.0.1:1"}, "http://HOST:PORT"), ({"proxy": "http://127.0.0.1"}, "http://HOST:PORT"),
    ({"proxy": "http://127.0.0.1:1", "proxy_credentials": "/nowhere/at/all"}, "/nowhere/at/all"),
])
def test_40_api_a_proxy_that_cannot_be_one_ends_the_start_with_a_reason(tmp_path, link, words):
    device = make_device(tmp_path, **link)
    with pytest.raises(AssertionError):
        device.start()
    assert words in device.log.read_text()


def test_40_api_credentials_that_others_may_read_are_not_used(tmp_path):
    (tmp_path / "credentials").write_text("a:b\n")
    (tmp_path / "credentials").chmod(0o644)
    device = make_device(tmp_path, proxy="http://127.0.0.1:1", proxy_credentials=tmp_path / "credentials")
    with pytest.raises(AssertionError):
        device.start()
    assert "chmod 600" in device.log.read_text()


def test_40_api_plain_http_on_the_tls_port_is_no_store(enrolled, store, tmp_path):
    plain = PlainServer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    (enrolled.state / "store").write_text(f"https://127.0.0.1:{plain.port}\n")
    enrolled.stop()
    enrolled.start()
    problem(enrolled, "tls untrusted")
    plain.close()


def test_40_api_a_connection_that_is_cut_is_offline(enrolled):
    cut = PlainServer(b"")
    (enrolled.state / "store").write_text(f"https://127.0.0.1:{cut.port}\n")
    enrolled.stop()
    enrolled.start()
    problem(enrolled, "offline")
    cut.close()


def test_40_api_a_name_that_nobody_knows_is_a_dns_problem(enrolled, store):
    (enrolled.state / "store").write_text("https://store.invalid:443\n")
    enrolled.stop()
    enrolled.start()
    problem(enrolled, "dns")


def test_40_api_proxies_of_the_environment_are_not_used(tmp_path, store):
    nobody = f"http://127.0.0.1:{free_port()}"
    device = Device(tmp_path, environment={"https_proxy": nobody, "HTTPS_PROXY": nobody, "ALL_PROXY": nobody}).start()
    try:
        device.enrol(store.link)
    finally:
        device.kill()
