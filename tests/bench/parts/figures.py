"""What was measured: samples by name, medians, goals, the table and the JSON object."""

import json
import statistics


class Goal:
    """A figure of the table: what it is called, its unit, what it is compared with, and what it should be."""

    def __init__(self, name, unit, baseline, ratio=None, value=None, digits=1):
        self.name, self.unit, self.baseline = name, unit, baseline
        self.ratio, self.value, self.digits = ratio, value, digits

    def met(self, value, ratio):
        if self.ratio is not None:
            return None if ratio is None else ratio <= self.ratio
        return value <= self.value

    def text(self):
        if self.ratio is None:
            return f"<= {self.value:g} {self.unit}".rstrip()
        if self.ratio < 1:
            return f"<= 1/{1 / self.ratio:.0f} x"
        return f"<= {self.ratio:g} x"


# The goals of the project. Those with a ratio are judged by it, the others by the value.
GOALS = [
    Goal("first_sync", "ms", "floor with SQLCipher", ratio=2),
    Goal("first_sync_vs_powersync", "ms", "PowerSync", ratio=1 / 3),
    Goal("first_sync_vs_pouchdb", "ms", "PouchDB, leveldb", ratio=1 / 20),
    Goal("push", "ms", "floor", ratio=4),
    Goal("push_vs_powersync", "ms", "PowerSync", ratio=1 / 5),
    Goal("push_vs_pouchdb", "ms", "PouchDB, leveldb", ratio=1 / 15),
    Goal("local_write", "us", "bare SQLite", ratio=5, digits=0),
    Goal("local_write_slow_flush", "us", "bare SQLite, 5 ms a flush", ratio=1.15, digits=0),
    Goal("wire_first_sync", "kB", "same rows, CBOR + zstd", ratio=1.1),
    Goal("wire_push", "kB", "same rows, CBOR + zstd", ratio=2.5),
    Goal("idle_exchange_bytes", "B", None, value=1024, digits=0),
    Goal("idle_exchange_round_trips", "", None, value=1, digits=0),
    Goal("read_p99_during_apply", "ms", None, value=50),
    Goal("daemon_rss", "MB", None, value=20),
    Goal("binary_size", "MB", None, value=1.5, digits=2),
    Goal("start_to_read", "ms", None, value=100),
    Goal("flushes_per_write", "", None, value=1.05, digits=2),  # one, and the share of the log's checkpoints
    Goal("flushes_per_exchange", "", None, value=2, digits=0),
    Goal("metadata_share", "", None, value=0.10, digits=3),
]

# Whose samples are the baseline of which figure, and whose value it is where that is another figure's.
BASELINES = {
    "first_sync": "floor_first_sync",
    "first_sync_vs_powersync": "powersync_first_sync",
    "first_sync_vs_pouchdb": "pouchdb_first_sync",
    "push": "floor_push",
    "push_vs_powersync": "powersync_push",
    "push_vs_pouchdb": "pouchdb_push",
    "local_write": "sqlite_write",
    "local_write_slow_flush": "sqlite_write_slow_flush",
    "wire_first_sync": "rows_first_sync",
    "wire_push": "rows_push",
}
SAME_VALUE = {name: name.split("_vs_")[0] for name in BASELINES if "_vs_" in name}

# Lines beside the goals: what else was measured, for the reader.
BESIDE = {
    "floor_first_sync_plain": ("floor, plain SQLite: first sync", "ms"),
    "floor_first_sync": ("floor with SQLCipher: first sync", "ms"),
    "floor_push": ("floor: push, with its handshake", "ms"),
    "sqlite_batch": ("SQLite: W in batches", "ms"),
    "sqlcipher_batch": ("SQLCipher: W in batches", "ms"),
    "session_first_sync": ("SQLite session extension: W", "ms"),
    "session_push": ("SQLite session extension: 1,000 rows", "ms"),
    "powersync_first_sync": ("PowerSync: first sync", "ms"),
    "powersync_push": ("PowerSync: push", "ms"),
    "powersync_memory": ("PowerSync: memory of the client", "MB"),
    "pouchdb_first_sync": ("PouchDB, leveldb (not durable): first sync", "ms"),
    "pouchdb_push": ("PouchDB, leveldb (not durable): push", "ms"),
    "pouchdb_memory": ("PouchDB, leveldb: memory of the client", "MB"),
    "pouchdb_sqlite_first_sync": ("PouchDB, SQLite (durable): first sync", "ms"),
    "pouchdb_sqlite_push": ("PouchDB, SQLite (durable): push", "ms"),
    "load": ("pannier-store load of W", "ms"),
    "queue": ("recording the queue of 1,000, 100 a call", "ms"),
    "first_sync_round_trips": ("first sync: round trips", ""),
    "push_round_trips": ("push: round trips", ""),
    "idle_flushes": ("flushes of an exchange without news", ""),
    "reads_during_apply": ("reads answered while applying, of them with data", ""),
}


class Figures:
    def __init__(self):
        self.samples, self.notes = {}, []

    def add(self, name, value):
        self.samples.setdefault(name, []).append(value)

    def set(self, name, value):
        self.samples[name] = [value]

    def note(self, text):
        self.notes.append(text)

    def median(self, name):
        samples = self.samples.get(name)
        return statistics.median(samples) if samples else None

    def figure(self, goal):
        samples = self.samples.get(SAME_VALUE.get(goal.name, goal.name))
        baseline = self.median(BASELINES.get(goal.name))
        if not samples or (goal.name in SAME_VALUE and baseline is None):
            return None
        value = statistics.median(samples)
        return {
            "value": round(value, 4),
            "unit": goal.unit,
            "baseline": None if baseline is None else round(baseline, 4),
            "ratio": None if baseline is None else round(value / baseline, 4),
            "min": round(min(samples), 4),
            "max": round(max(samples), 4),
        }

    def write(self, path):
        whole = {goal.name: self.figure(goal) for goal in GOALS}
        text = json.dumps({name: figure for name, figure in whole.items() if figure}, indent=2)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")

    def print(self):
        line = "{:<27}{:>9} {:<3} {:>17} {:>10}  {:<27}{:>8}  {:<11}{}"
        print(line.format("", "median", "", "min .. max", "baseline", "", "ratio", "goal", "").rstrip())
        for goal in GOALS:
            figure = self.figure(goal)
            if figure is None:
                print(line.format(goal.name, "-", goal.unit, "", "-", goal.baseline or "", "-", goal.text(),
                                  "not measured"))
                continue
            met = goal.met(figure["value"], figure["ratio"])

            def number(value):
                return "" if value is None else f"{value:.{goal.digits}f}"

            print(line.format(
                goal.name, number(figure["value"]), goal.unit, f"{number(figure['min'])} .. {number(figure['max'])}",
                number(figure["baseline"]), goal.baseline or "",
                "" if figure["ratio"] is None else f"{figure['ratio']:.3g} x", goal.text(),
                "met" if met else "NOT MET"))
        self.print_beside()

    def print_beside(self):
        print("\nbeside them:")
        for name, (text, unit) in BESIDE.items():
            samples = self.samples.get(name)
            if samples:
                print(f"  {text:<52}{statistics.median(samples):>10.1f} {unit:<3}"
                      f" ({min(samples):.1f} .. {max(samples):.1f})")
        for note in self.notes:
            print(f"note: {note}")
