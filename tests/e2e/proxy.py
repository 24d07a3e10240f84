"""An HTTP proxy that knows CONNECT, as a network of an office has one."""

import base64
import socket
import threading

PIECE = 65536


class Proxy:
    """With @credentials only for those who show them; @refuse: the status for everybody."""

    def __init__(self, credentials=None, refuse=None):
        self.expected = credentials and "Basic " + base64.b64encode(credentials.encode()).decode()
        self.refuse = refuse
        self.asked = []  # first lines of the requests
        self.seen = b""  # what went through, both ways
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def request(self, connection):
        """The lines of the next request's head; nothing: the connection ended."""
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(PIECE)
            if not piece:
                return []
            head += piece
        lines = head.decode().split("\r\n")
        self.asked.append(lines[0])
        return lines

    def serve(self, connection):
        with connection:
            while lines := self.request(connection):
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                if self.refuse:
                    connection.sendall(f"HTTP/1.1 {self.refuse} No\r\nContent-Length: 0\r\n\r\n".encode())
                elif self.expected and headers.get("proxy-authorization") != self.expected.lower():
                    connection.sendall(b"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=\"office\"\r\n"
                                       b"Content-Length: 0\r\n\r\n")
                else:
                    return self.tunnel(connection, *lines[0].split()[1].rsplit(":", 1))

    def tunnel(self, connection, host, port):
        try:
            store = socket.create_connection((host, int(port)))
        except OSError:
            return connection.sendall(b"HTTP/1.1 502 Not there\r\nContent-Length: 0\r\n\r\n")
        with store:
            connection.sendall(b"HTTP/1.1 200 Go on\r\n\r\n")
            back = threading.Thread(target=self.pump, args=(store, connection), daemon=True)
            back.start()
            self.pump(connection, store)
            back.join()

    def pump(self, source, target):
        try:
            while piece := source.recv(PIECE):
                self.seen += piece
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
