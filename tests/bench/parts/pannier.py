"""Pannier itself: its programs, as people use them. Each round has a new device."""

import json
import os
import shutil
import sqlite3
import subprocess
import time

from .programs import Device, Store, child, run, run_json

QUEUE = 1000
TRIES = 5
SLOW_FLUSH_US = 5000


def check(condition, what):
    if not condition:
        raise RuntimeError(f"wrong data: {what}")


def percentile(samples, share):
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(samples):
    return percentile(samples, 0.5)


class Pannier:
    def __init__(self, build, scratch, quick):
        self.build, self.scratch, self.quick = build, scratch, quick
        self.device, self.reads, self.reads_good = None, [], 0

    def __enter__(self):
        start = time.monotonic()
        self.store = Store(self.build, self.scratch)
        self.load_ms = (time.monotonic() - start) * 1000
        self.store.start()
        self.warm = Device(self.build, self.scratch, "warm")
        self.warm.start()
        self.warm.enrol(self.store.invite("warm"))
        self.choose_people()
        self.warm.stop()
        self.store.stop()
        self.store.keep()
        self.warm.keep()
        return self

    def __exit__(self, *_):
        for part in (self.device, self.warm, self.store):
            if part and part.process:
                part.process.kill()
                part.process.wait()

    def choose_people(self):
        """A nurse, and whom that nurse may see."""
        status = self.warm.status()
        check(status["people"] == 500 and status["complete"], f"the device has {status['people']} people")
        for staff in self.warm.get("/v1/staff")["staff"]:
            if staff["here"] and staff["role"] == "community_nurse":
                people = self.warm.get("/v1/people?limit=500", staff["id"])["people"]
                if people:
                    break
        check(people, "no nurse sees anybody")
        self.staff, self.person = staff["id"], people[0]["id"]
        self.people = self.scratch / "people"
        self.people.write_text("".join(person["id"] + "\n" for person in people))

    # ---- a round ----

    def round(self, number, figures):
        if number == 0:
            figures.set("load", self.load_ms)
        self.store.restore()
        self.warm.restore()
        self.store.start()
        self.device = Device(self.build, self.scratch, f"device{number}")
        self.device.start()
        self.first_sync(figures)
        self.idle(figures)
        if number == 0 or not self.quick:
            self.read_while_applying(number, figures)
        self.queue_and_push(figures)
        self.start_to_read(figures)
        self.store.stop()
        self.local_write(figures)
        self.slow_write(figures)

    def first_sync(self, figures):
        device = self.device
        figures.add("first_sync", device.enrol(self.store.invite(device.name)))
        status = device.status()
        exchange = status["exchange"]
        check(status["people"] == 500 and status["complete"] and exchange["problem"] == "ok",
              f"a first sync that is none: {status}")
        figures.add("daemon_rss", device.pss() / 1e6)
        figures.add("wire_first_sync", exchange["last_bytes_received"] / 1000)
        figures.add("first_sync_round_trips", exchange["last_round_trips"])
        self.weigh(figures, "all", "rows_first_sync", 25500)

    def weigh(self, figures, which, name, rows):
        """Positional CBOR under zstd-3 of the device's rows: of all, or of its own."""
        device = self.device
        identity = device.status()["device"].replace("-", "")
        device.stop()
        plain = device.folder / "plain.db"
        plain.unlink(missing_ok=True)
        result = run_json(self.build / "tests" / "bench" / "bench_wire_size", device.state / "replica.db",
                          device.state / "caseload.key", identity, plain)
        device.start()
        count = result[f"{which}_rows"]
        check(count >= rows, f"{count} rows on the device")
        if which == "all":
            figures.add("metadata_share", metadata_share(plain))
            figures.add(name, result["all_bytes"] / 1000)
        else:  # a queue that the daemon's timer was faster with is among them
            figures.add(name, result["own_bytes"] / 1000 * rows / count)

    def idle(self, figures):
        """The second of two exchanges in which nothing happened."""
        device = self.device
        while device.sync() is None:
            pass
        before = device.flushes()
        while device.sync() is None:
            pass
        status = device.status()
        exchange = status["exchange"]
        check(exchange["problem"] == "ok", exchange)
        figures.add("idle_exchange_bytes", exchange["last_bytes_sent"] + exchange["last_bytes_received"])
        figures.add("idle_exchange_round_trips", exchange["last_round_trips"])
        figures.add("idle_flushes", sum(status["flushes"].values()) - before)

    def read_while_applying(self, number, figures):
        """Another device reads all the time while its first sync is applied."""
        device = Device(self.build, self.scratch, f"reader{number}")
        device.start()
        reader = subprocess.Popen([device.caller, device.socket, "read", self.staff, self.person],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            device.enrol(self.store.invite(device.name))
            output, _ = reader.communicate(b"", timeout=60)
        finally:
            reader.kill()
            reader.wait()
        status = device.status()
        check(status["complete"] and status["people"] == 500, "a first sync with reads is not complete")
        result = json.loads(output)
        self.reads += result["us"]
        self.reads_good += result["good"]
        figures.set("read_p99_during_apply", percentile(self.reads, 0.99) / 1000)
        figures.add("reads_during_apply", result["good"])
        device.stop()
        shutil.rmtree(device.folder)

    def queue_and_push(self, figures):
        for _ in range(TRIES):
            self.store.stop()
            if self.push_once(figures):
                self.weigh(figures, "own", "rows_push", QUEUE)
                return
        raise RuntimeError(f"the daemon's own timer was faster {TRIES} times")

    def push_once(self, figures):
        """1,000 entries recorded without a store; then the store is back. False: the daemon had begun by itself."""
        device = self.device
        before = device.status()["outbox"]
        result = device.call("queue", self.staff, self.people, QUEUE)
        device_waits = device.status()["outbox"]["waiting"]
        check(device_waits >= QUEUE, f"{device_waits} entries wait")
        self.store.start()
        self.warm.start()  # a store that has just begun has cold caches: this is not its first exchange
        self.warm.sync()
        self.warm.stop()
        status = device.status()
        waiting, flushes = status["outbox"]["waiting"], sum(status["flushes"].values())
        took = device.sync()
        status = device.status()
        outbox, exchange = status["outbox"], status["exchange"]
        check(outbox["waiting"] == 0 and exchange["problem"] == "ok", f"after the push: {status}")
        check(outbox["applied"] >= before["applied"] + QUEUE and outbox["quarantined"] == 0, f"after the push: {outbox}")
        if took is None or waiting < QUEUE:
            return False
        figures.add("push", took)
        figures.add("queue", result["us"] / 1000)
        figures.add("wire_push", exchange["last_bytes_sent"] / 1000)
        figures.add("push_round_trips", exchange["last_round_trips"])
        figures.add("flushes_per_exchange",
                    max(sum(status["flushes"].values()) - flushes - exchange["last_round_trips"], 0))
        return True

    def start_to_read(self, figures):
        device = self.device
        device.stop()
        start = time.monotonic()
        device.start()
        status, _ = device.ask("GET", f"/v1/people/{self.person}", self.staff)
        figures.add("start_to_read", (time.monotonic() - start) * 1000)
        check(status == 200, f"the first read gets {status}")

    def local_write(self, figures):
        device, count = self.device, 200 if self.quick else 1000
        before = device.flushes()
        samples = device.call("write", self.staff, self.people, count)["us"]
        figures.add("local_write", median(samples))
        figures.add("flushes_per_write", (device.flushes() - before) / count)

    def slow_write(self, figures):
        """Both with 5 ms more for each flush."""
        device, count = self.device, 40 if self.quick else 200
        device.stop()
        device.start(SLOW_FLUSH_US)
        figures.add("local_write_slow_flush", median(device.call("write", self.staff, self.people, count)["us"]))
        device.stop()
        environment = dict(os.environ, LD_PRELOAD=str(device.slow), SLOW_FLUSH_US=str(SLOW_FLUSH_US))
        result = run_json(self.build / "tests" / "bench" / "bench_raw", device.folder / "slow.db", "--single", count,
                          env=environment)
        figures.add("sqlite_write_slow_flush", result["single_us"])

    # ---- at the end ----

    def once(self, figures):
        size = 0
        for program in ("daemon/pannierd", "client/pannier"):
            copy = self.scratch / "stripped"
            run("strip", "-o", copy, self.build / program)
            size += copy.stat().st_size
        figures.set("binary_size", size / 1e6)
        check(self.reads_good > 0, "no read was answered with data while rows were applied")


def metadata_share(path):
    """What of a replica is not record tables: pages of everything else over pages of record tables with their indexes."""
    with sqlite3.connect(path) as db:
        sizes = {"rows": 0, "others": 0}
        for table, size in db.execute(
                "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name) GROUP BY tbl_name"):
            sizes["rows" if table.startswith("r_") else "others"] += size
    return sizes["others"] / sizes["rows"]
