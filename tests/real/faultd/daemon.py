# SPDX-License-Identifier: MIT
"""faultd as a test runs it, and an echo server behind it."""

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'ring_inspect'))
from program import PROGRAM, Case, main  # noqa: E402, F401  (the runner and its TAP)
import servers  # noqa: E402

PATIENCE = 20


class Echo:
    """Sends back what it gets, and keeps it."""

    def __init__(self, path=None):
        if path is None:
            self.socket = socket.create_server(('127.0.0.1', 0))
            self.place = '127.0.0.1:%d' % self.socket.getsockname()[1]
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(path)
            self.socket.listen()
            self.place = 'unix:' + path
        self.got = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                heard = bytearray()
                self.got.append(heard)
                threading.Thread(target=self.serve, args=(connection, heard),
                                 daemon=True).start()

    @staticmethod
    def serve(connection, heard):
        with connection, contextlib.suppress(OSError):
            while piece := connection.recv(65536):
                heard += piece
                connection.sendall(piece)
            heard += b'$'

    def close(self):
        with contextlib.suppress(OSError):  # the second time
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Faultd:
    """The program with a control socket and a log in JSON."""

    def __init__(self, case, *arguments, control=True, stdin=None):
        self.case = case
        path = os.path.join(case.folder, 'control')
        more = ('--control', 'unix:' + path) if control else ()
        self.process = subprocess.Popen(
            [PROGRAM, '--json', *more, *arguments], stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=servers.die_with_parent)
        self.lines = queue.Queue()
        self.log = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        case.addCleanup(self.end)
        self.ports = {}
        for _ in (a for a in arguments if '=' in a):
            line = self.next('listening')
            self.ports[line['pair']] = line['text'].split(' -> ')[0]
        if control:
            self.control = socket.socket(socket.AF_UNIX)
            self.control.connect(path)
            self.control.settimeout(PATIENCE)
            self.answers = self.control.makefile('r')

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def next(self, event):
        """The next line of this kind; those between are kept in `log`, too."""
        while True:
            line = self.lines.get(timeout=PATIENCE)
            self.case.assertIsNotNone(line, f'faultd ended without a line of {event}')
            self.log.append(line)
            if line['event'] == event:
                return line

    def say(self, line):
        self.control.sendall(line.encode() + b'\n')
        return self.answers.readline().rstrip('\n')

    def do(self, *lines):
        for line in lines:
            self.case.assertEqual(self.say(line), 'ok', line)

    def connect(self, pair='echo'):
        host, port = self.ports[pair].rsplit(':', 1)
        if host == 'unix':
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(port)
        else:
            connection = socket.create_connection((host, int(port)))
        connection.settimeout(PATIENCE)
        self.case.addCleanup(connection.close)
        return connection

    def descriptors(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def end(self, number=signal.SIGTERM):
        """End it; it has to go well, with nothing to complain about. A second time is nothing."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            said = self.process.stderr.read()
            self.process.wait(PATIENCE)
            self.reader.join(PATIENCE)
            self.process.stdout.close()
            self.process.stderr.close()
            if hasattr(self, 'control'):
                self.answers.close()
                self.control.close()
            self.case.assertEqual((self.process.returncode, said), (0, b''))


class EchoCase(Case):
    """A test with faultd before an echo server."""

    def setUp(self):
        super().setUp()
        self.echo = Echo()
        self.addCleanup(self.echo.close)

    def start(self, *arguments, **how):
        return Faultd(self, *arguments, f'echo=127.0.0.1:0,{self.echo.place}', **how)

    def connected(self, faultd, pair='echo'):
        """A connection that faultd has accepted: the system alone makes one, too."""
        connection = faultd.connect(pair)
        connection.sendall(b'?')
        self.assertEqual(receive(connection, 1), b'?')
        return connection

    def await_true(self, condition):
        until = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.005)


def receive(connection, count):
    """Exactly so many bytes, or what there was before an end ('$') or a reset ('!')."""
    got = b''
    try:
        while len(got) < count:
            piece = connection.recv(count - len(got))
            if not piece:
                return got + b'$'
            got += piece
    except ConnectionResetError:
        return got + b'!'
    return got


def silent(connection, seconds=0.2):
    """Does nothing come, not even an end?"""
    connection.settimeout(seconds)
    try:
        connection.recv(1)
        return False
    except TimeoutError:
        return True
    finally:
        connection.settimeout(PATIENCE)
