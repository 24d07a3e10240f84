"""What is recorded on a device is in clear in none of its files, while it runs, after a crash and at rest."""

import json

from locality import create, pages, restart, settle

CANARY = "Zyxquorvabel"  # of no language


def places(folder, text):
    """Files under a folder that hold a text in UTF-8 or UTF-16, whatever its case."""
    wanted = [form.encode(code) for form in (text, text.lower(), text.upper()) for code in ("utf-8", "utf-16-le")]
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found += [str(path) for one in wanted if one in data]
    return found


def test_59_hold_a_name_is_in_clear_in_no_file_of_the_device(locality):
    tablet = locality.tablet()
    team = next(scope["id"] for scope in tablet.status()["scopes"] if scope["kind"] == "team")
    somebody = pages(tablet, "/v1/people", "people")[0]["id"]
    restart(tablet)
    seen = []

    def search(when):
        seen.append((when, places(tablet.folder, CANARY)))

    tablet.relay.go_away()
    met = create("person", {"family": CANARY, "given": "Iris", "birth_date": "1943-06-11",
                            "nhs_status": "none_unknown"})
    person = met["request"]
    for body in ([met, create("assignment", {"team": team, "status": "proposed"}, person)],
                 create("visit", {"setting": "home", "outcome": "completed", "plan": f"Ring {CANARY}'s son."}, somebody),
                 create("alert", {"category": "dog", "text": f"The dog is called {CANARY}."}, person)):
        assert tablet.post("/v1/entries", body).status == 201
    draft = tablet.call("PUT", f"/v1/drafts/{person}", {"type": "visit", "person": somebody,
                                                        "content": {"plan": f"See {CANARY} again."}})
    assert draft.status in (200, 201, 204), draft
    assert tablet.get(f"/v1/people?q={CANARY}").json["people"][0]["id"] == person
    assert tablet.post("/v1/entries", create("visit", {"setting": CANARY}, somebody)).status == 422
    assert CANARY in tablet.command("person", person, "--json", check=0).stdout
    search("offline")
    tablet.kill()
    search("after a crash")
    tablet.start()
    assert json.loads(tablet.get(f"/v1/people/{person}").body)
    tablet.relay.come_back()
    settle(tablet)
    search("after the exchange")
    tablet.kill()
    search("after a crash behind it")
    tablet.start()
    tablet.stop()
    search("at rest")
    assert not [(when, where) for when, where in seen if where], seen
    # The search finds what is there: the ids of entries are in clear in the outbox, by design of its headers.
    assert places(tablet.folder, "enrolled at")
    assert places(locality.tables, "Harrowdale")
