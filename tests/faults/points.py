"""The points at which something fails. Each is one word, so that it can be played again: CLASS:WHO:NUMBER."""

import os
import random
import sqlite3
from pathlib import Path

from story import BUILD, GONE, Violation, crashed, settle

SHIM = BUILD / "tests" / "faults" / "libfail_alloc.so"

# class -> what strace injects at the n-th call of these
INJECT = {
    "kill": ("all", "signal=KILL", ""),
    "write-eio": ("pwrite64,write", "error=EIO", ""),
    "write-full": ("pwrite64,ftruncate,fallocate", "error=ENOSPC", "+"),  # full from then on
    "sync-eio": ("fsync,fdatasync", "error=EIO", ""),
    "sync-eio-ever": ("fsync,fdatasync", "error=EIO", "+"),
    "read-eio": ("pread64", "error=EIO", ""),
    "send-reset": ("sendto,sendmsg", "error=ECONNRESET", ""),
    "recv-reset": ("recvfrom,recvmsg", "error=ECONNRESET", ""),
}
FLIPS = {"outbox": ("device", "outbox.db"), "replica": ("device", "replica.db"), "store": ("store", "store.db")}
WHO = ("device", "store")


def wrap(story, who, command, environment=None):
    if who == "device":
        story.tablet.wrapper = list(command)
        story.tablet.environment = {**os.environ, **(environment or {})}
    else:
        story.store.wrapper, story.store.environment = tuple(command), environment or {}


def strace(kind, number, log="/dev/null"):
    """The program stays our child (-D): signals reach it, and its end is seen."""
    calls, fault, more = INJECT[kind]
    inject = ["-e", f"inject={calls}:{fault}:when={number}{more}"] if number else []
    return ["strace", "-D", "-f", "-qq", "-o", str(log), "-e", f"trace={calls}", *inject]


# ---- how many points there are ----

def count_calls(story, who, kind):
    """The most calls of one thread, since the number of a call counts in its thread."""
    log = story.folder / "calls"
    story.begin()
    wrap(story, who, strace(kind, 0, log))
    story.live()
    threads = {}
    for line in log.read_text(errors="replace").splitlines():
        thread, _, rest = line.partition(" ")
        if "resumed>" not in rest:
            threads[thread] = threads.get(thread, 0) + 1
    return max(threads.values(), default=0)


def count_allocations(story, who):
    path = story.folder / "allocations"
    story.begin()
    wrap(story, who, [], {"LD_PRELOAD": str(SHIM), "FAULT_ALLOC_COUNT": str(path)})
    story.live()
    return int(path.read_text())


def all_points(story):
    """[(class, who, how many points)]; a flip's number is a bit of its file."""
    points = [(kind, who, count_calls(story, who, kind)) for kind in INJECT for who in WHO]
    points += [("alloc", who, count_allocations(story, who)) for who in WHO]
    story.begin()
    points += [(f"flip-{name}", who, 8 * flip_file(story, name).stat().st_size) for name, (who, _) in FLIPS.items()]
    none = [f"{kind}:{who}" for kind, who, most in points if most == 0]
    if none:
        raise RuntimeError(f"nothing to fail at {', '.join(none)}: does strace work here?")
    return points


def sample(points, seed, count):
    """Every class once, then at random; the same seed gives the same words."""
    rng = random.Random(seed)
    chosen = [f"{kind}:{who}:{rng.randint(1, most)}" for kind, who, most in points]
    while len(chosen) < count:
        kind, who, most = rng.choice(points)
        chosen.append(f"{kind}:{who}:{rng.randint(1, most)}")
    return chosen[:max(count, len(points))]


# ---- one point ----

def flip_file(story, name):
    who, file = FLIPS[name]
    return (story.tablet.state if who == "device" else story.store.data) / file


def flip(path, bit):
    """Of the bytes that are not zero: most of a small database is empty."""
    data = bytearray(Path(path).read_bytes())
    used = [place for place, byte in enumerate(data) if byte]
    data[used[bit // 8 % len(used)]] ^= 1 << bit % 8
    Path(path).write_bytes(data)


def play(story, point):
    """Raises Violation. Return: how it went, in a word or two."""
    kind, who, number = point.split(":")
    story.begin()
    try:
        if kind.startswith("flip-"):
            return play_flip(story, kind.removeprefix("flip-"), int(number))
        if kind == "alloc":
            wrap(story, who, [], {"LD_PRELOAD": str(SHIM), "FAULT_ALLOC": number})
        else:
            wrap(story, who, strace(kind, int(number)))
        story.live()
        told = len(story.acknowledged)
        story.recover()
        story.check()
        return f"{told} acknowledged"
    except GONE as error:
        raise Violation(f"{type(error).__name__}: {str(error)[-900:]}") from error
    finally:
        story.end()


def play_planted(story, name):
    """What a run must find, or it finds nothing: an acknowledged entry that is gone, and a program that crashes."""
    story.begin()
    try:
        if name == "crash":
            story.store.wrapper = ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync",
                                   "-e", "inject=fdatasync:signal=SEGV:when=1")
            story.live()
        else:
            story.tablet.start()
            story.record()
            story.tablet.stop()
            with sqlite3.connect(flip_file(story, "outbox")) as outbox:
                outbox.execute("DELETE FROM entry WHERE place = (SELECT max(place) - 2 FROM entry)")
            outbox.close()
        story.recover()
        story.check()
    except Violation:
        return True
    finally:
        story.end()
    return False


REPLICA_MET_MAX = 10  # reads that may fail while it is fetched again
PLANTED = ("gone", "crash")


def play_flip(story, name, bit):
    """The nurse has recorded while the store was away; then a bit turns over while the device is off."""
    if name == "store":
        story.live()
    else:
        story.tablet.start()
        story.record()
        story.tablet.stop()
    path = flip_file(story, name)
    flip(path, bit)
    if name == "store":
        return check_store(story)
    story.store.serve()
    if not story.try_start(story.tablet):
        return refused(story, name)
    if name == "replica":
        return check_replica(story)
    return check_outbox(story)


def check_replica(story):
    """Whoever meets the damage is told so, the replica is fetched again, and then all is well."""
    met = 0
    while True:
        try:
            settle(story.tablet)
            story.check()
            return f"met {met} times" if met else "not met"
        except GONE as error:
            met += 1
            if met == REPLICA_MET_MAX or not story.tablet.process or story.tablet.process.poll() is not None:
                raise Violation(f"the replica is not made again: {error}") from error


def refused(story, name):
    """On a broken outbox it does not start, but it says so, and does not crash."""
    if name == "replica":
        raise Violation("a damaged replica is made again, and does not keep the device from starting")
    process = story.tablet.process
    process.wait(60)
    if crashed(process):
        raise Violation(f"crashed: signal {-process.returncode}")
    log = story.tablet.log.read_text(errors="replace")
    if "outbox" not in log:
        raise Violation(f"it does not start and does not say what is damaged: {log[-400:]!r}")
    return "refused by name"


def check_outbox(story):
    problem = None
    try:
        problem = story.tablet.sync(expect=None)["exchange"]["problem"]
        if problem == "ok":
            settle(story.tablet)
    except GONE:
        if "outbox was damaged" not in story.tablet.log.read_text(errors="replace"):
            raise
        return "named, and stays as it is"
    if problem != "ok":  # what it keeps of the store is damaged: nothing is believed, and the status says so
        return f"named: {problem}"
    if "outbox was damaged and lies in" in story.tablet.log.read_text(errors="replace"):
        return check_set_aside(story)
    both = story.locality.agree(story.tablet)
    gone = [entry for entry in story.acknowledged if entry not in both]
    if gone:
        doctor = story.tablet.get("/v1/doctor").body.decode() + story.tablet.log.read_text(errors="replace")
        if "no longer" not in doctor and "gone" not in doctor and "damaged" not in doctor:
            raise Violation(f"{len(gone)} entries are gone and doctor does not say so")
        return f"{len(gone)} gone, told"
    outcomes = story.check(allowed=("applied", "quarantined"))
    damaged = sum(outcomes[entry] == "quarantined" for entry in story.acknowledged)
    return f"{damaged} damaged" if damaged else "not met"


def check_set_aside(story):
    """A wreck is kept, and what waited in it comes out of the replica: as much as it has, once."""
    ledger = story.locality.ledger(story.tablet)
    saved = [entry for entry in story.acknowledged if (entry, "applied") in ledger]
    if len(dict(ledger)) != len(ledger):
        raise Violation("an entry is twice on the store")
    if not list(story.tablet.state.glob("outbox.db.damaged-*")):
        raise Violation("the damaged outbox was not kept")
    story.tablet.stop()
    story.store.stop()
    story.locality.verified()
    return f"set aside, {len(saved)} of {len(story.acknowledged)} saved"


def check_store(story):
    """Found by verify, or it changes nothing that anybody can see."""
    found = story.store.start_command("verify", "--json")
    if found.returncode < 0:
        raise Violation(f"verify crashed: signal {-found.returncode}")
    if found.returncode > 0:
        if len(found.stderr.strip()) + len(found.stdout.strip()) < 20:
            raise Violation("verify fails without a word")
        if story.try_start(story.store):
            story.tablet.start()
            story.tablet.sync(expect=None)
        story.stop_both()
        return "found by verify"
    story.recover()
    story.check()
    return "not met"
