# SPDX-License-Identifier: MIT
"""What faultd does to bytes and connections. usage: test_bytes.py FAULTD"""

import sys
import time
import unittest

sys.dont_write_bytecode = True
from daemon import EchoCase, main, receive, silent  # noqa: E402

LETTERS = b'abcdefghij'


class Edits(EchoCase):

    def test_each_edit_does_what_it_says(self):
        rows = (
            ('after 3 bytes down drop 2', b'abcfghij'),
            ('after 3 bytes up drop 2', b'abcfghij'),
            ('after 0 bytes up duplicate 3', b'abcabcdefghij'),
            ('after 7 bytes down duplicate 3', b'abcdefghijhij'),
            ('after 5 bytes down insert "\\r\\n\\x00"', b'abcde\r\n\0fghij'),
            ('after 10 bytes down insert "!"', b'abcdefghij!'),
            ('after 2 bytes down swap 3', b'abfghcdeij'),
            ('after 4 bytes down reset', b'!'),
            ('after 4 bytes down close', b'abcd$'),
            ('after 0 bytes down close', b'$'),
            ('after 4 bytes up close', b'$'),
            ('after 4 bytes down half-close', b'abcd$'),
            ('after 4 bytes up half-close', b'abcd$'),
        )
        for line, wanted in rows:
            with self.subTest(line):
                faultd = self.start()
                faultd.do(line)
                connection = faultd.connect()
                connection.sendall(LETTERS)
                got = receive(connection, len(wanted.rstrip(b'$!')) + (wanted[-1:] in b'$!'))
                if wanted == b'!':
                    got = (got + receive(connection, 4))[-1:]
                self.assertEqual(got, wanted)
                self.assertEqual(faultd.next('fault')['text'], line)
                faultd.end()

    def test_corrupt_bytes_follow_the_seed(self):
        got = []
        for seed in ('7', '7', '8'):
            faultd = self.start('--seed', seed)
            faultd.do('after 2 bytes down corrupt 6')
            connection = faultd.connect()
            connection.sendall(LETTERS)
            got.append(receive(connection, 10))
            faultd.end()
        self.assertEqual(got[0], got[1])
        self.assertNotEqual(got[0], got[2])
        for said in got:
            self.assertEqual([a != b for a, b in zip(said, LETTERS, strict=True)],
                             [2 <= i < 8 for i in range(10)])

    def test_bytes_can_be_inserted_unasked(self):
        faultd = self.start()
        connection = self.connected(faultd)
        faultd.do('insert "-ERR go away\\r\\n" down')
        self.assertEqual(receive(connection, 14), b'-ERR go away\r\n')
        self.assertEqual(bytes(self.echo.got[0]), b'?')

    def test_each_reply_suffers_again(self):
        faultd = self.start()
        faultd.do('after 1 bytes of each reply insert "*"', 'after 0 bytes of each request drop 1')
        connection = faultd.connect()
        for _ in range(3):
            connection.sendall(b'xab')
            self.assertEqual(receive(connection, 3), b'a*b')
        log = [faultd.next('fault') for _ in range(6)]
        self.assertEqual([(line['direction'], line['offset']) for line in log],
                         [('up', 0), ('down', 1), ('up', 3), ('down', 3), ('up', 6), ('down', 5)])

    def test_large_streams_pass_whole(self):
        faultd = self.start()
        faultd.do('latency 5ms jitter 5ms', 'slice 60KiB gap 0ms')
        connection = faultd.connect()
        sent = bytes(i * i % 251 for i in range(3_000_000))
        connection.setblocking(False)
        got, at = bytearray(), 0
        until = time.monotonic() + 60
        while len(got) < len(sent):
            self.assertLess(time.monotonic(), until)
            try:
                at += connection.send(sent[at:at + 65536]) if at < len(sent) else 0
            except BlockingIOError:
                pass
            try:
                got += connection.recv(65536)
            except BlockingIOError:
                time.sleep(0.001)
        self.assertEqual(bytes(got), sent)


class Times(EchoCase):

    def took(self, faultd, connection, sent):
        start = time.monotonic()
        connection.sendall(sent)
        self.assertEqual(receive(connection, len(sent)), sent)
        return time.monotonic() - start

    def test_latency_delays_each_direction(self):
        faultd = self.start()
        connection = faultd.connect()
        for line, least in (('latency 100ms', 0.2), ('latency 150ms jitter 20ms up', 0.25)):
            faultd.do(line)
            self.assertGreaterEqual(self.took(faultd, connection, LETTERS), least - 0.002)

    def test_bandwidth_holds_bytes_back(self):
        faultd = self.start()
        connection = faultd.connect()
        faultd.do('bandwidth 1000 down')
        self.assertGreaterEqual(self.took(faultd, connection, b'x' * 300), 0.27)
        faultd.do('heal')
        self.assertLess(self.took(faultd, connection, b'x' * 100_000), 30)

    def test_slices_come_one_by_one(self):
        faultd = self.start()
        connection = faultd.connect()
        faultd.do('slice 2 gap 30ms down')
        connection.sendall(LETTERS)
        start = time.monotonic()
        first = connection.recv(100)
        rest = receive(connection, 10 - len(first))
        self.assertEqual(first + rest, LETTERS)
        self.assertLess(len(first), 10)
        self.assertGreaterEqual(time.monotonic() - start, 0.03)

    def test_stall_holds_replies_and_blackhole_requests(self):
        faultd = self.start()
        connection = faultd.connect()
        faultd.do('stall down')
        connection.sendall(b'one')
        self.await_true(lambda: self.echo.got and bytes(self.echo.got[0]) == b'one')
        self.assertTrue(silent(connection))
        faultd.do('flow')
        self.assertEqual(receive(connection, 3), b'one')
        faultd.do('blackhole')
        connection.sendall(b'two')
        self.assertTrue(silent(connection))
        self.assertEqual(bytes(self.echo.got[0]), b'one')
        faultd.do('flow up')
        self.await_true(lambda: bytes(self.echo.got[0]) == b'onetwo')
        self.assertTrue(silent(connection, 0.05))
        faultd.do('heal')
        self.assertEqual(receive(connection, 3), b'two')

    def test_discarded_bytes_are_gone(self):
        faultd = self.start()
        connection = faultd.connect()
        faultd.do('discard up')
        connection.sendall(b'lost')
        self.assertTrue(silent(connection))
        faultd.do('flow')
        connection.sendall(b'kept')
        self.assertEqual(receive(connection, 4), b'kept')

    def test_moments_are_kept(self):
        faultd = self.start()
        connection = self.connected(faultd)
        start = time.monotonic()
        faultd.do('in 200ms close', 'in 100ms insert "first" down')
        self.assertEqual(receive(connection, 6), b'first$')
        self.assertGreaterEqual(time.monotonic() - start, 0.19)
        faultd.do('at 0ms heal')
        self.assertEqual(faultd.next('fault')['text'], 'in 100ms insert "first" down')
        self.assertEqual(faultd.next('fault')['text'], 'in 200ms close')
        self.assertEqual(faultd.next('fault')['text'], 'at 0ms heal')


class Connections(EchoCase):

    def test_half_closed_connection_lives_on_the_other_way(self):
        faultd = self.start()
        connection = faultd.connect()
        faultd.do('after 3 bytes down half-close')
        connection.sendall(b'one')
        self.assertEqual(receive(connection, 4), b'one$')
        connection.sendall(b'two')
        self.await_true(lambda: bytes(self.echo.got[0]) == b'onetwo')

    def test_ends_of_the_peers_are_passed_on(self):
        faultd = self.start()
        connection = faultd.connect()
        connection.sendall(LETTERS)
        connection.shutdown(1)
        self.assertEqual(receive(connection, 11), LETTERS + b'$')
        self.assertEqual(bytes(self.echo.got[0]), LETTERS + b'$')

    def test_reset_ends_all_connections_at_once(self):
        faultd = self.start()
        connections = [self.connected(faultd) for _ in range(5)]
        faultd.do('connection 3 reset')
        self.assertEqual(receive(connections.pop(2), 1), b'!')
        faultd.do('reset')
        for connection in connections:
            self.assertEqual(receive(connection, 1), b'!')
        connection = faultd.connect()
        connection.sendall(b'x')
        self.assertEqual(receive(connection, 1), b'x')

    def test_faults_of_one_connection_spare_the_others(self):
        faultd = self.start()
        faultd.do('connection 2 after 1 bytes down drop 1', 'connection 2 latency 1ms')
        for wanted in (b'abc', b'ac', b'abc'):
            connection = faultd.connect()
            connection.sendall(b'abc')
            self.assertEqual(receive(connection, len(wanted)), wanted)
            self.assertTrue(silent(connection, 0.05))

    def test_refused_clients_come_again_later(self):
        faultd = self.start()
        before = self.connected(faultd)
        faultd.do('refuse')
        with self.assertRaises(ConnectionRefusedError):
            faultd.connect()
        before.sendall(b'y')
        self.assertEqual(receive(before, 1), b'y')
        faultd.do('accept')
        connection = faultd.connect()
        connection.sendall(b'z')
        self.assertEqual(receive(connection, 1), b'z')

    def test_paused_clients_wait(self):
        faultd = self.start()
        faultd.do('pause')
        connections = [faultd.connect() for _ in range(3)]
        for connection in connections:
            connection.sendall(b'x')
        self.assertTrue(silent(connections[0]))
        self.assertEqual(self.echo.got, [])
        faultd.do('heal')
        for connection in connections:
            self.assertEqual(receive(connection, 1), b'x')

    def test_unreachable_server_is_told_and_ends_the_connection(self):
        faultd = self.start()
        self.echo.close()
        connection = faultd.connect()
        self.assertEqual(receive(connection, 1), b'!')
        self.assertRegex(faultd.next('trouble')['text'], 'cannot be reached: connection refused')


if __name__ == '__main__':
    unittest.TestCase.maxDiff = None
    main()
