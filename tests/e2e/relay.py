"""The network between a device and its store, which a test may cut wherever it wants to.

A relay keeps its port while the store behind it comes and goes. It can be away (refuse everybody), cut every connection
after so many bytes of one direction, or hold back what the store answers until the test has seen that there is an answer.
"""

import select
import socket
import struct
import threading

UP, DOWN = "up", "down"  # to the store, to the device
PIECE = 16384


def abort(connection):
    """Close it with a reset, as a network that goes away."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)  # wakes a thread that waits for it: until then it would not be closed
        connection.close()
    except OSError:
        pass


class Relay:
    def __init__(self, store):
        self.store = store  # .port is read for each connection: it changes when the store starts again
        self.lock = threading.Lock()
        self.away = self.then_away = False
        self.budget = None  # (direction, bytes left)
        self.hold_from = None  # bytes of one connection to the store until its answers are held back
        self.sent = {}  # since then, by connection
        self.cuts = 0
        self.cut = threading.Event()  # a budget ran out
        self.held = threading.Event()  # the store has answered, and the device does not know
        self.bytes = {UP: 0, DOWN: 0}
        self.connections = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    # ---- what tests say ----

    def go_away(self):
        with self.lock:
            self.away = True
            self.end_all()

    def come_back(self):
        with self.lock:
            self.away, self.budget, self.hold_from = False, None, None

    def cut_after(self, direction, size, then_away=False):
        """Cut everything once @size more bytes went in this direction; come back for that, and be away afterwards if asked."""
        with self.lock:
            self.cut.clear()
            self.away, self.then_away, self.budget = False, then_away, (direction, size)

    def hold_answers(self, size):
        """Once @size more bytes of a connection went to the store nothing comes back on it; .held: something would have."""
        with self.lock:
            self.held.clear()
            self.sent.clear()
            self.hold_from = size

    def close(self):
        self.go_away()
        self.listener.close()

    # ---- how it is done ----

    def end_all(self):
        for pair in list(self.connections):
            for end in pair:
                abort(end)
        self.connections.clear()

    def accept(self):
        while True:
            try:
                device, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(device,), daemon=True).start()

    def serve(self, device):
        try:
            if self.away:
                return abort(device)
            store = socket.create_connection(("127.0.0.1", self.store.port), timeout=10)
        except (OSError, TypeError):
            return abort(device)
        pair = (device, store)
        for end in pair:
            end.settimeout(10)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.connections.add(pair)
        try:
            while self.carry(device, store, UP, DOWN):
                pass
        except (OSError, ValueError):
            pass
        with self.lock:
            self.connections.discard(pair)
        for end in pair:
            abort(end)

    def carry(self, device, store, *directions):
        """One piece of what can be read; False at the end."""
        for end in select.select([device, store], [], [])[0]:
            direction = UP if end is device else DOWN
            other = store if end is device else device
            data = end.recv(PIECE)
            if not data:
                return False
            allowed, last = self.allow(device, direction, data)
            if allowed:
                other.sendall(data[:allowed])
            if last:
                with self.lock:
                    self.away = self.away or self.then_away
                    self.end_all()
                self.cuts += 1
                self.cut.set()
                return False
        return True

    def allow(self, device, direction, data):
        """(how much of it goes on, whether everything is cut then)"""
        with self.lock:
            size = len(data)
            if self.hold_from is not None and direction == UP:
                self.sent[device] = self.sent.get(device, 0) + size
            elif self.hold_from is not None and self.sent.get(device, 0) >= self.hold_from:
                self.held.set()
                return 0, False
            if self.budget and self.budget[0] == direction:
                left = self.budget[1] - size
                self.budget = (direction, left) if left > 0 else None
                if left <= 0:
                    size += left
                    self.bytes[direction] += size
                    return size, True
            self.bytes[direction] += size
            return size, False
