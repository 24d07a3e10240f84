"""Versions of the protocol: a store serves one older and one newer; what it refuses it refuses by name, and takes nothing of it."""

import pytest
from wire_client import SYNC_TYPE, Client, body, hello, messages, new_device

STORE_HELLO, NEWEST = 16, 1  # WIRE_PROTOCOL of this build


@pytest.fixture
def client(store, tmp_path):
    _, certificate = new_device(store, tmp_path)
    return Client(store, certificate)


def ask(client, *more, **changes):
    return client.ask("POST", "/v1/sync", body(hello(**changes), *more), {"Content-Type": SYNC_TYPE})


@pytest.mark.parametrize("protocol", [NEWEST - 1, NEWEST, NEWEST + 1])
def test_66_skew_one_protocol_older_and_one_newer_are_served(client, protocol):
    status, _, content = ask(client, protocol=protocol)
    assert status == 200
    answer = messages(content)
    assert answer[0][0] == STORE_HELLO and answer[0][1] == NEWEST, "it says what it speaks"


@pytest.mark.parametrize("protocol", [NEWEST + 2, 2147483647])
def test_66_skew_other_protocols_are_refused_by_name(client, protocol):
    status, _, content = ask(client, protocol=protocol)
    assert status == 426 and b"upgrade needed" in content
    assert ask(client)[0] == 200, "and the next one is served"


def test_66_skew_more_elements_and_messages_of_a_newer_peer_are_passed_over(client):
    longer = hello() + [True, ["something", {1: 2}], None]
    status, _, content = client.ask("POST", "/v1/sync", body(longer, [200, "from the future", [1, 2, 3]]),
                                    {"Content-Type": SYNC_TYPE})
    assert status == 200 and messages(content)[0][0] == STORE_HELLO
    status, _, content = ask(client, [99, "needed to be understood"])
    assert status == 426 and b"upgrade needed" in content
