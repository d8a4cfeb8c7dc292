#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples do what they say. usage: examples.py PROGRAM… URI…"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

REFUSED = 'memcached://127.0.0.1:1'
EARLY = 20


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def result(self, name, fine, said=''):
        self.count += 1
        self.failed += not fine
        print(f'{"ok" if fine else "not ok"} {self.count} - {name}')
        if not fine:
            print(''.join(f'# {line}\n' for line in str(said).splitlines()), end='')


def run(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def check_get_set(tap, program, uris):
    done = run(program, *uris)
    tap.result('get_set prints what it stored', done == (0, 'greeting = hello, ring\n', ''), done)
    status, out, err = run(program, REFUSED)
    tap.result('get_set fails aloud when nobody listens', status == 1 and out == '' and err, err)
    status, out, err = run(program, 'gopher://example')
    tap.result('get_set says what is wrong with a URI', status == 1 and 'memcached://' in err, err)


def check_in_flight(tap, program, uris):
    status, out, err = run(program, *uris)
    found = re.fullmatch(r'20000 stored, 0 failed, (\d+) pauses\n', out)
    tap.result('in_flight stores everything in spite of its narrow bound',
               status == 0 and found and int(found[1]) > 0, out + err)


def check_membership(tap, program, uris):
    status, out, err = run(program, *uris)
    changes = re.findall(r'^ring_changed  ([0-9a-f]{16})$', out, re.M)
    removed = re.findall(r'^removed (\S+) [0-9a-f]{16}$', out, re.M)
    first = uris[0].split('//')[1]
    tap.result('membership hears of every join and of the leave',
               status == 0 and len(set(changes)) == len(uris) and removed == [first], out + err)


def check_fetch(tap, program, uris):
    first, second = (run(program, *uris)[:2] for _ in range(2))
    tap.result('fetch loads what twenty ask for once, and the next time not at all',
               (first, second) == ((0, '20 asked, 1 loaded\n'), (0, '20 asked, 0 loaded\n')),
               (first, second))


def check_update(tap, program, uris):
    done = run(program, *uris)
    tap.result('update loses no change', done == (0, '10 updates\n', ''), done)


def check_mock(tap, program, uris):
    status, out, err = run(program)
    said = [line.split(' ', 1) for line in out.splitlines()]
    tap.result('mock shows what it scripted, without a server',
               status == 0 and [line[0] for line in said] == ['OK', 'ESERVER', 'OK'] and
               said[1][1] == 'SERVER_ERROR out of memory', out + err)


def ask(path, line):
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.settimeout(10)
        visitor.connect(path)
        visitor.sendall(line)
        answer = b''
        while chunk := visitor.recv(4096):
            answer += chunk
        return answer.decode()


TALK = [
    ('SHOW', 'EMPTY\n'),
    ('ADD apple 3', 'OK\n'),
    ('ADD bread 1', 'OK\n'),
    ('ADD bread 2', 'OK\n'),
    ('SHOW', 'apple 3\nbread 2\n'),
    ('DROP apple', 'OK\n'),
    ('DROP apple', 'NONE\n'),
    ('SHOW', 'bread 2\n'),
    ('ADD rocket 1', 'ERROR\n'),
    ('ADD apple', 'ERROR\n'),
    ('FLY', 'ERROR\n'),
    ('', 'ERROR\n'),
]


def await_socket(path, service):
    for _ in range(1000):
        if os.path.exists(path) or service.poll() is not None:
            return
        time.sleep(0.01)


def leave_early(path):
    """Ask, and be gone before the answer: nobody can write to us any more."""
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.connect(path)
        visitor.shutdown(socket.SHUT_RD)
        visitor.sendall(b'SHOW\n')


def end_with_visitors(tap, service, path):
    """SIGTERM, while one visitor has said nothing and one half a line."""
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as slow:
        for visitor in (silent, slow):
            visitor.settimeout(10)
            visitor.connect(path)
        slow.sendall(b'SH')
        ask(path, b'SHOW\n')  # by its answer the two before it have been let in
        service.send_signal(signal.SIGTERM)
        try:
            status = service.wait(10)
            heard = silent.recv(1) + slow.recv(1)
        except (subprocess.TimeoutExpired, OSError) as error:
            status, heard = error, None
            service.kill()
        said = service.stderr.read()
        tap.result('cart closes everything on SIGTERM, and hangs up on idle visitors',
                   (status, heard, os.path.exists(path)) == (0, b'', False), (status, heard, said))
        tap.result('cart has noticed each visitor who left early',
                   said == 'cart: a visitor left early\n' * EARLY, said)


def check_cart(tap, program, uris):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'cart')
        service = subprocess.Popen([program, path, *uris], stderr=subprocess.PIPE, text=True)
        await_socket(path, service)
        try:
            said = [(line, ask(path, line.encode() + b'\n')) for line, _ in TALK]
            tap.result('cart keeps what was added until it is dropped', said == TALK, said)
            with_end = ask(path, b'A' * 96)
            tap.result('cart hangs up on a line without an end', with_end == '', with_end)
            time.sleep(3.2)
            left = ask(path, b'SHOW\n')
            tap.result('cart forgets an item when its time is over', left == 'EMPTY\n', left)
            for _ in range(EARLY):
                leave_early(path)
            left = ask(path, b'SHOW\n')
            tap.result('cart survives visitors who leave before their answer', left == 'EMPTY\n',
                       (left, service.poll()))
            end_with_visitors(tap, service, path)
        finally:
            service.kill()
            service.wait()


def check_epoll(tap, program, uris):
    done = run(program, *uris)
    tap.result('epoll stores and reads back', done == (0, 'greeting = hello, epoll\n', ''), done)
    status, out, err = run(program, REFUSED)
    tap.result('epoll fails aloud when nobody listens', status == 1 and out == '' and err, err)


def check_other_loop(tap, program, uris):
    name = os.path.basename(program)
    done = run(program, *uris)
    tap.result(f'{name} drives a client to its end', done == (0, 'set: done\n', ''), done)
    status, out, err = run(program, REFUSED)
    tap.result(f'{name} ends when nobody listens as well', status == 1 and out and not err, err)


def check_thread(tap, program, uris):
    done = run(program, *uris)
    tap.result('thread stores all that it hands over', done == (0, '1000 stored\n', ''), done)


def check_readme(tap, program, uris):
    done = run(program, *uris)
    tap.result("the README's program runs as it stands", done == (0, 'hello from the ring\n', ''),
               done)


CHECKS = {
    'get_set': check_get_set,
    'in_flight': check_in_flight,
    'membership': check_membership,
    'fetch': check_fetch,
    'update': check_update,
    'cart': check_cart,
    'mock': check_mock,
    'epoll': check_epoll,
    'libevent': check_other_loop,
    'glib': check_other_loop,
    'thread': check_thread,
    'readme': check_readme,
}


def main():
    tap = Tap()
    uris = [argument for argument in sys.argv[1:] if '://' in argument]
    for program in sys.argv[1:-len(uris)]:
        CHECKS[os.path.basename(program)](tap, program, uris)
    print(f'1..{tap.count}')
    return tap.failed != 0


if __name__ == '__main__':
    sys.exit(main())
