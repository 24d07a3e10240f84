"""Peers that are not a good store: what a device meets on the road. Certificates are made when the test runs."""

import base64
import http.server
import shutil
import socket
import ssl
import subprocess
import threading
import uuid
from pathlib import Path


def openssl(*arguments, **options):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, **options).stdout


class Authority:
    """A private CA in a folder, by the openssl command."""

    def __init__(self, folder, name):
        self.folder = Path(folder) / name
        self.folder.mkdir(parents=True)
        self.key, self.certificate = self.folder / "ca.key", self.folder / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate,
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    @property
    def fingerprint(self):
        return openssl("x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256"
                       ).decode().split("=")[1].strip().replace(":", "").lower()

    def sign(self, request, name, extensions, start=None, end=None):
        """A certificate (PEM path) for a request; start and end as YYYYMMDDHHMMSSZ."""
        out = self.folder / f"{name}.pem"
        config = self.folder / f"{name}.cnf"
        serial = self.folder / f"{name}.serial"
        serial.write_text(uuid.uuid4().hex[:16] + "\n")
        (self.folder / f"{name}.index").write_text("")
        config.write_text(f"""
[ca]
default_ca = this
[this]
database = {self.folder}/{name}.index
serial = {serial}
new_certs_dir = {self.folder}
certificate = {self.certificate}
private_key = {self.key}
default_md = sha256
default_days = 20
policy = any
x509_extensions = extensions
unique_subject = no
[any]
commonName = optional
[extensions]
{extensions}
""")
        window = ["-startdate", start] * bool(start) + ["-enddate", end] * bool(end)
        openssl("ca", "-batch", "-notext", "-config", config, "-in", request, "-out", out, "-subj", f"/CN={name}",
                *window)
        return out

    def server(self, name, san="IP:127.0.0.1", **window):
        key, request = self.folder / f"{name}.key", self.folder / f"{name}.csr"
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", key, "-out", request)
        return self.sign(request, name, f"subjectAltName = {san}\nextendedKeyUsage = serverAuth", **window), key

    def bundle(self, *certificates):
        """certs-only PKCS#7 as EST sends it."""
        files = [part for path in certificates for part in ("-certfile", path)]
        return openssl("crl2pkcs7", "-nocrl", *files, "-outform", "DER")


class Store:
    """An HTTPS server with EST, whose /v1/sync answers what the test says."""

    def __init__(self, authority, server, code="CODE", device=None, require_certificate=False):
        self.authority, self.code = authority, code
        self.device = device or str(uuid.uuid4())
        self.answer = (503, {}, b"")  # to /v1/sync
        self.calls = []  # (path, has a client certificate)
        self.lock = threading.Condition()
        store = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                store.handle(self, b"")

            def do_POST(self):
                store.handle(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # handshakes that fail are what is tested

            def finish_request(self, request, client_address):
                request = store.context.wrap_socket(request, server_side=True)
                super().finish_request(request, client_address)
                request.close()

        self.use(*server, require_certificate=require_certificate)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def use(self, certificate, key, require_certificate=False):
        """Present this certificate from the next handshake on."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(certificate, key)
        self.context.load_verify_locations(self.authority.certificate)
        self.context.verify_mode = ssl.CERT_REQUIRED if require_certificate else ssl.CERT_OPTIONAL

    @property
    def link(self):
        return f"pannier://127.0.0.1:{self.port}/{self.code}?ca={self.authority.fingerprint}"

    def handle(self, handler, body):
        with self.lock:
            self.calls.append((handler.path, handler.connection.getpeercert() is not None))
            self.lock.notify_all()
        status, headers, content = self.respond(handler, body)
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.send_header("Connection", "close")  # so that each request meets what the test set up for it
        handler.end_headers()
        handler.wfile.write(content)

    def respond(self, handler, body):
        est = {"Content-Type": "application/pkcs7-mime; smime-type=certs-only", "Content-Transfer-Encoding": "base64"}
        if handler.path == "/.well-known/est/cacerts":
            return 200, est, base64.encodebytes(self.authority.bundle(self.authority.certificate))
        if handler.path == "/.well-known/est/simpleenroll":
            wanted = "Basic " + base64.b64encode(f"device:{self.code}".encode()).decode()
            if handler.headers.get("Authorization") != wanted:
                return 401, {"WWW-Authenticate": "Basic"}, b""
            return 200, est, self.enrol(body)
        if handler.path.startswith("/v1/sync"):
            return self.answer
        return 404, {}, b""

    def enrol(self, body):
        name = f"device-{uuid.uuid4().hex[:8]}"
        request = self.authority.folder / f"{name}.csr"
        request.write_bytes(openssl("req", "-inform", "DER", "-verify", input=base64.b64decode(body)))
        certificate = self.authority.sign(
            request, name, f"subjectAltName = URI:urn:pannier:device:{self.device}\nextendedKeyUsage = clientAuth")
        return base64.encodebytes(self.authority.bundle(certificate))

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class PlainServer:
    """Answers every connection with the same bytes: a captive portal, a web server, a peer that hangs up."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answer = answer
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    connection.sendall(self.answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                except OSError:
                    pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def have_openssl():
    return shutil.which("openssl") is not None
