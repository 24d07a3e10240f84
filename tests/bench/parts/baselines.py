"""What Pannier is compared with that needs no other package: the floor, the raw database, the session extension."""

from .programs import child, run, run_json

W_ROWS = 25500


def make_certificates(folder):
    """An authority, and a key with its certificate for each side: P-256, as Pannier's are."""
    key = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]
    run(*key, folder / "ca.key")
    run("openssl", "req", "-x509", "-new", "-key", folder / "ca.key", "-subj", "/CN=bench", "-days", 2, "-out",
        folder / "ca.crt")
    for side in ("server", "client"):
        run(*key, folder / f"{side}.key")
        run("openssl", "req", "-new", "-key", folder / f"{side}.key", "-subj", f"/CN={side}", "-out",
            folder / f"{side}.csr")
        run("openssl", "x509", "-req", "-in", folder / f"{side}.csr", "-CA", folder / "ca.crt", "-CAkey",
            folder / "ca.key", "-CAcreateserial", "-days", 2, "-out", folder / f"{side}.crt")


class Baselines:
    def __init__(self, build, scratch, quick):
        self.programs, self.folder, self.quick = build / "tests" / "bench", scratch / "baselines", quick
        self.folder.mkdir()
        make_certificates(self.folder)

    def floor(self, *options):
        """One client, plain or with --encrypted, against a fresh server."""
        program = "bench_floor_encrypted" if options else "bench_floor"
        server, port = child([self.programs / "bench_floor", "server", self.folder])
        try:
            result = run_json(self.programs / program, "client", self.folder, port, *options)
            server.wait(30)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
        if result["rows"] != W_ROWS:
            raise RuntimeError(f"the floor gave {result['rows']} rows")
        return result

    def round(self, figures):
        encrypted, plain = self.floor("--encrypted"), self.floor()
        figures.add("floor_first_sync", encrypted["first_us"] / 1000)
        figures.add("floor_first_sync_plain", plain["first_us"] / 1000)
        # A device that was offline has to connect again, so the floor's connection counts too.
        figures.add("floor_push", (plain["connect_us"] + plain["push_us"]) / 1000)
        database = self.folder / "raw.db"
        result = run_json(self.programs / "bench_raw", database)
        figures.add("sqlite_batch", result["batch_us"] / 1000)
        figures.add("sqlite_write", result["single_us"])
        if not self.quick:
            self.others(figures, database)

    def others(self, figures, database):
        """What no goal is judged by."""
        result = run_json(self.programs / "bench_raw_encrypted", database, "--encrypted")
        figures.add("sqlcipher_batch", result["batch_us"] / 1000)
        if (self.programs / "bench_session").exists():
            result = run_json(self.programs / "bench_session", self.folder)
            figures.add("session_first_sync", result["first_us"] / 1000)
            figures.add("session_push", result["push_us"] / 1000)
