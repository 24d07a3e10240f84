"""An exchange in which nothing changed costs next to nothing, however many scopes the device has."""

from locality import figure, settle

HOMES = 50
QUIET_MAX = 1024


def quiet(device):
    settle(device)
    device.sync()
    exchange = device.sync()["exchange"]
    assert exchange["last_round_trips"] == 1
    return exchange["last_bytes_sent"] + exchange["last_bytes_received"]


def test_56_hold_an_exchange_without_news_takes_a_kilobyte_also_with_fifty_scopes(locality):
    tablet = locality.tablet()
    hub_name = locality.row("teams", kind="telemedicine_hub")["name"]
    area = locality.rows("places")[0]["locality"]
    homes = [{"locality": area, "types": "care_home_residential", "name": f"Test Home {n}",
              "ods_code": f"ZT{n:03}"} for n in range(HOMES)]
    assert locality.load("organisations", homes)["created"] == HOMES
    serves = [{"locality": area, "server": hub_name, "served": home["name"], "relation": "telemedicine",
               "from": "2026-01-01"} for home in homes]
    assert locality.load("serves", serves)["created"] == HOMES
    hub = locality.device("hub", "--team", hub_name, role="telemedicine_nurse")
    scopes = hub.status()["scopes"]
    assert sum(scope["kind"] == "home" for scope in scopes) >= HOMES
    assert hub.status()["people"] > 0
    figures = {"tablet": quiet(tablet), "hub": quiet(hub), "scopes_of_hub": len(scopes)}
    figure("bytes of a quiet exchange", **figures)
    assert figures["tablet"] <= QUIET_MAX and figures["hub"] <= QUIET_MAX
    tablet.record("alert", {"category": "dog", "text": "Large but friendly."},
                  tablet.get("/v1/people?limit=1").json["people"][0]["id"])
    assert settle(tablet)["exchange"]["bytes_sent"] > 0
