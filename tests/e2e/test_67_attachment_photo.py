"""A photo goes to the store and to whoever may see its record, without what it says about where it was taken."""

import random
import uuid

from locality import pages, settle, until, visit
from photo import PLACE, attach, attached, bytes_of, brought, files, jpeg, sha256, stored, waiting


def somebody(device):
    return pages(device, "/v1/people", "people")[0]["id"]


def test_67_attachment_a_photo_arrives_whole_without_its_place_and_others_of_the_team_see_it(locality):
    tablet, other = locality.tablet(), locality.tablet("other")
    person, photo = somebody(tablet), jpeg(random.Random(1), 600_000)
    written = attached(tablet, person, photo)
    assert written["state"] == "waiting" and not written["repeated"]
    clean = bytes_of(tablet, written["record"])
    assert clean.status == 200 and clean.headers["Content-Type"] == "image/jpeg"
    assert sha256(clean.body) == written["sha256"] and len(clean.body) == written["size"]
    assert PLACE not in clean.body and b"CAM" not in clean.body
    assert b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06" in clean.body  # the right way up
    assert photo[photo.index(b"\xff\xdb"):] in clean.body  # the picture itself
    settle(tablet)
    brought(tablet)
    file = stored(locality, written["record"])
    assert file and clean.body in file.read_bytes()
    assert not files(locality.store.data / "attachments" / "parts")
    settle(other)
    seen = bytes_of(other, written["record"])
    assert seen.status == 200 and seen.body == clean.body
    other.relay.go_away()  # it is kept: the second look needs no store
    assert bytes_of(other, written["record"]).body == clean.body
    tablet.relay.go_away()
    assert bytes_of(tablet, written["record"]).body == clean.body
    assert PLACE not in b"".join(path.read_bytes() for path in files(tablet.state) + files(locality.store.data))
    # Sealed on both devices' disks.
    for device in (tablet, other):
        assert all(clean.body[1000:1064] not in path.read_bytes() for path in files(device.state))


def test_67_attachment_the_same_request_again_is_the_same_and_with_other_bytes_it_is_refused(locality):
    tablet = locality.tablet()
    person, request = somebody(tablet), str(uuid.uuid4())
    photo, another = (jpeg(random.Random(seed), 5000) for seed in (1, 2))
    first = attached(tablet, person, photo, request=request)
    again = attached(tablet, person, photo, request=request)
    assert again["repeated"] and again["id"] == first["id"] == request
    assert attach(tablet, person, another, request=request).status == 409
    assert sha256(bytes_of(tablet, request).body) == first["sha256"]
    settle(tablet)
    brought(tablet)
    assert attached(tablet, person, photo, request=request)["repeated"]
    assert waiting(tablet) == 0 and sha256(bytes_of(tablet, request).body) == first["sha256"]


def test_67_attachment_what_is_no_picture_too_large_or_without_its_bytes_is_refused(locality):
    tablet = locality.tablet()
    person = somebody(tablet)
    photo = jpeg(random.Random(1), 5000)
    assert attach(tablet, person, b"GIF89a" * 100).status == 422
    assert attach(tablet, person, photo[:-2]).status == 422
    assert attach(tablet, person, photo, media="image/gif").status == 422
    assert attach(tablet, person, photo, request="no-id").status == 422
    assert attach(tablet, str(uuid.uuid4()), photo).status == 404
    assert attach(tablet, person, photo, type="visit").status == 422
    assert attach(tablet, person, photo, fields='{"title": "x", "sha256": "x"}').status == 422
    assert attach(tablet, person, photo, fields='{"title": "x", "colour": "x"}').status == 422
    assert attach(tablet, person, photo, fields="{}").status == 422
    large = attach(tablet, person, jpeg(random.Random(1), 17 << 20))
    assert large.status == 413 and "16 MiB" in large.json["error"]["message"]
    alone = tablet.post("/v1/entries", {"request": str(uuid.uuid4()), "type": "attachment", "person": person,
                                        "fields": {"title": "x", "sha256": "A" * 43 + "=", "size": 1,
                                                   "media_type": "image/jpeg"}})
    assert alone.status == 422 and "pannier attach" in alone.json["error"]["message"]
    assert not files(tablet.state / "outbox.d") and waiting(tablet) == 0
    assert attach(tablet, person, photo).status == 201


def test_67_attachment_a_full_disk_refuses_photos_and_not_visits(locality):
    conf = locality.folder / "reserve.conf"
    conf.write_text("[attachments]\nreserve_mib = 1048576\n")
    tablet = locality.tablet(arguments=["--conf", conf])
    person = somebody(tablet)
    answer = attach(tablet, person, jpeg(random.Random(1), 5000))
    assert answer.status == 507 and "disk is almost full" in answer.json["error"]["message"], answer
    assert tablet.post("/v1/entries", visit(person)).status == 201
    settle(tablet)
    assert not files(tablet.state / "outbox.d")


def test_67_attachment_a_record_that_is_not_granted_and_a_hash_alone_give_no_bytes(locality):
    tablet = locality.tablet()
    team = locality.rows("teams")[0]["name"]
    other_team = next(row["name"] for row in locality.rows("teams") if row["name"] != team)
    stranger = locality.device("stranger", "--team", other_team)
    homes = {row["person"] for row in locality.rows("residences")}
    elsewhere = {row["person"] for row in locality.rows("assignments") if row["team"] == other_team}
    numbers = {row["person"] for row in locality.rows("assignments") if row["team"] == team} - homes - elsewhere
    person = next(one["id"] for one in pages(tablet, "/v1/people", "people")
                  if one["fields"].get("nhs_number") in numbers)
    written = attached(tablet, person, jpeg(random.Random(1), 5000))
    settle(tablet)
    brought(tablet)
    settle(stranger)
    assert bytes_of(stranger, written["record"]).status == 404
    assert bytes_of(stranger, str(uuid.uuid4())).status == 404
    assert bytes_of(tablet, written["record"], staff=None).status == 403


def test_67_attachment_bytes_leave_the_device_with_the_person(locality):
    tablet = locality.tablet()
    person = somebody(tablet)
    written = attached(tablet, person, jpeg(random.Random(1), 300_000))
    settle(tablet)
    brought(tablet)
    assert files(tablet.state / "kept.d")
    locality.store.run("device", "grant", "tablet", "--drop-team", locality.rows("teams")[0]["name"])
    until(lambda: tablet.sync() and {row["state"] for row in locality.store.json("custody", "--device", "tablet")} ==
          {"erased"}, "the tablet confirms the erasure")
    assert bytes_of(tablet, written["record"]).status == 404
    until(lambda: not files(tablet.state / "kept.d"), "its file is gone")
    assert stored(locality, written["record"])
