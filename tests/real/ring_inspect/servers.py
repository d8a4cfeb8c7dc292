# SPDX-License-Identifier: MIT
"""Real servers on free ports of the loopback, which die with the test."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
PLACES = os.pathsep.join((os.environ.get('PATH', ''), '/usr/bin', '/usr/sbin', '/usr/local/bin'))
MEMCACHED = shutil.which('memcached', path=PLACES)
REDIS = shutil.which('redis-server', path=PLACES) or shutil.which('valkey-server', path=PLACES)


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Server:
    """One server that answers; `stop` ends it."""

    def __init__(self, program, arguments, greeting):
        self.folder = tempfile.TemporaryDirectory()
        for _ in range(5):
            # Between looking for a port and taking it, somebody else may.
            self.port = free_port()
            self.process = subprocess.Popen(
                [program, *arguments(self.port)], cwd=self.folder.name,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                preexec_fn=die_with_parent)
            if self.answers(greeting):
                return
            self.stop()
        raise RuntimeError(f'{program} does not start')

    def answers(self, greeting):
        until = time.monotonic() + 10
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with socket.create_connection(('127.0.0.1', self.port), 1) as connection:
                    connection.sendall(greeting)
                    if connection.recv(1):
                        return True
            except OSError:
                time.sleep(0.02)
        return False

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def memcached(*more):
    # Its own user again: it has to read the test's files.
    user = ('-u', 'root') if os.geteuid() == 0 else ()
    return Server(MEMCACHED, lambda port: ('-l', '127.0.0.1', '-p', str(port), '-U', '0', *user,
                                           *more), b'version\r\n')


def redis(*more):
    return Server(REDIS, lambda port: ('--bind', '127.0.0.1', '--port', str(port), '--save', '',
                                       '--appendonly', 'no', *more), b'PING\r\n')
