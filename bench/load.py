"""Requests that are made beforehand, each sent once, over kept connections.

wrk repeats what it has, and a signed request is good once.
"""

import collections
import gc
import select
import socket
import time

PATIENCE = 15


class Broken(Exception):
    pass


class Connection:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(PATIENCE)
        self.number = None
        self.data = b""
        self.whole = 0                  # bytes of head and body, when known

    def send(self, number, request):
        self.number, self.data, self.whole = number, b"", 0
        self.sock.sendall(request)

    def receive(self):
        """Whether the answer is complete."""

        data = self.sock.recv(65536)
        if not data:
            raise Broken("a connection was closed")
        self.data += data
        if not self.whole:
            head = self.data.find(b"\r\n\r\n")
            if head < 0:
                return False
            name = b"\r\ncontent-length:"
            at = self.data[:head].lower().find(name)
            if at < 0:
                raise Broken("an answer without a length")
            length = self.data[at + len(name):].split(b"\r\n", 1)[0]
            self.whole = head + 4 + int(length)
        return len(self.data) >= self.whole


def run(port, requests, connections, rate=None):
    """Seconds, [latency], [answer]: as fast as the connections allow, or so
    many a second, whose latency counts from when each was to be sent."""

    gc.collect()
    gc.disable()
    try:
        return _run(port, requests, connections, rate)
    finally:
        gc.enable()


def _run(port, requests, connections, rate):
    poll = select.epoll()
    idle = collections.deque(Connection(port) for _ in range(connections))
    by_fd = {}
    for c in idle:
        by_fd[c.sock.fileno()] = c
        poll.register(c.sock, select.EPOLLIN)

    count = len(requests)
    latency, answers = [0.0] * count, [None] * count
    due = [0.0] * count
    sent = done = 0
    clock = time.monotonic
    start = heard = clock()
    end = start

    while done < count:
        now = clock()
        while sent < count and idle:
            if rate is None:
                due[sent] = now
            else:
                due[sent] = start + sent / rate
                if due[sent] > now:
                    break
            idle.popleft().send(sent, requests[sent])
            sent += 1

        wait = PATIENCE
        if rate is not None and sent < count and idle:
            wait = max(0, start + sent / rate - clock())

        for fd, _ in poll.poll(wait):
            c = by_fd[fd]
            heard = clock()
            if c.receive():
                end = heard
                latency[c.number] = end - due[c.number]
                answers[c.number] = c.data
                done += 1
                idle.append(c)

        if sent > done and clock() - heard > PATIENCE:
            raise Broken("no answer")

    for c in by_fd.values():
        c.sock.close()
    poll.close()
    return end - start, latency, answers
