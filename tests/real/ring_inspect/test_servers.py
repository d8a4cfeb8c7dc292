# SPDX-License-Identifier: MIT
"""What servers say of themselves and of what they hold. usage: test_servers.py RING-INSPECT"""

import re
import socket
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import servers  # noqa: E402
from program import PROGRAM, SECONDS, Case, Run, main  # noqa: E402

# Keys that only a Redis takes.
ODD = (b'a b', b'\xff\xfe', b'tab\there', b'back\\slash', 'käse'.encode(), b'100%25')


def bulk(word):
    return b'$%d\r\n%s\r\n' % (len(word), word)


def store(server, keys):
    """Straight into a Redis, past the ring."""
    with socket.create_connection(('127.0.0.1', server.port), 10) as connection:
        words = [b'MSET'] + [word for key in keys for word in (key, b'v')]
        connection.sendall(b'*%d\r\n' % len(words) + b''.join(map(bulk, words)))
        assert connection.recv(5) == b'+OK\r\n'


@unittest.skipUnless(servers.MEMCACHED and servers.REDIS, 'memcached or redis-server is missing')
class Servers(Case):

    def setUp(self):
        super().setUp()
        self.memcached, self.redis = servers.memcached(), servers.redis()
        self.addCleanup(self.memcached.stop)
        self.addCleanup(self.redis.stop)
        self.pool = ('-s', f'memcached://127.0.0.1:{self.memcached.port}?name=m1',
                     '-s', f'redis://127.0.0.1:{self.redis.port}?name=r1')
        self.dead = ('-s', f'memcached://127.0.0.1:{servers.free_port()}?name=dead')

    def fill(self, count):
        keys = [f'key%{i}' for i in range(count)]
        self.done('set', *self.pool, '-', 'v', stdin='\n'.join(keys).encode())
        return keys

    def test_version_is_a_line_for_each_server(self):
        said = self.done('version', *self.pool).out.decode()
        self.assertRegex(said, r'\Am1\t1\.\d+\.\d+\S*\nr1\t\d+\.\d+\.\d+\S*\n\Z')
        told = self.done('version', *self.pool, '--json', 'r1').json_lines()
        self.assertEqual(told, [{'name': 'r1', 'status': 'OK',
                                 'version': said.split()[-1]}])

    def test_one_that_does_not_answer_keeps_no_other_from_it(self):
        run = self.refused(1, 'version: dead: EDOWN: ', 'version', *self.dead, *self.pool)
        self.assertEqual(run.out.count(b'\n'), 2)
        run = self.refused(1, 'version: dead: EDOWN: ', 'version', *self.dead, *self.pool, '--json')
        self.assertEqual([row['status'] for row in run.json_lines()], ['EDOWN', 'OK', 'OK'])

    def test_stats_shows_the_servers_own_figures(self):
        lines = self.done('stats', *self.pool, '--servers').out.decode().splitlines()
        rows = [line.split('\t') for line in lines]
        self.assertEqual({len(row) for row in rows}, {3})
        figures = {(row[0], row[1]): row[2] for row in rows}
        self.assertEqual(len(figures), len(rows))
        self.assertEqual(figures['m1', 'curr_items'], '0')
        self.assertEqual(figures['r1', 'tcp_port'], str(self.redis.port))
        versions = dict(line.split() for line in
                        self.done('version', *self.pool).out.decode().splitlines())
        self.assertEqual(figures['m1', 'version'], versions['m1'])

    def test_stats_of_a_section_and_of_a_server(self):
        said = self.done('stats', *self.pool, '--servers=settings', 'm1').out.decode()
        self.assertIn(f'm1\ttcpport\t{self.memcached.port}\n', said)
        self.assertNotIn('curr_items', said)
        told = self.done('stats', *self.pool, '--servers=memory', '--json', 'r1').json_lines()
        self.assertEqual([(row['name'], row['status']) for row in told], [('r1', 'OK')])
        self.assertGreater(int(told[0]['figures']['used_memory']), 0)
        self.assertNotIn('redis_version', told[0]['figures'])
        self.refused(1, 'stats: m1: ESERVER: ERROR', 'stats', *self.pool, '--servers=nonsense')

    def test_keys_are_told_of_every_server(self):
        keys = self.fill(1000)
        said = self.done('keys', *self.pool).out.decode().splitlines()
        located = self.done('locate', *self.pool, '-', stdin='\n'.join(keys).encode())
        owned = [line.split('\t') for line in located.out.decode().splitlines()]
        self.assertEqual(sorted(said), sorted(f'{server}\t{key}' for key, server in owned))
        alone = self.done('keys', *self.pool, 'r1').out.decode().splitlines()
        self.assertEqual(alone, [line for line in said if line.startswith('r1')])

    def test_a_limit_holds_for_all_servers_together(self):
        self.fill(300)
        for limit in (1, 7, 200):
            said = self.done('keys', *self.pool, '--limit', str(limit)).out
            self.assertEqual(said.count(b'\n'), limit)
        self.assertEqual(self.done('keys', *self.pool, '--limit', '301').out.count(b'\n'), 300)

    def test_odd_keys_are_escaped_and_in_json_exact(self):
        store(self.redis, ODD)
        said = self.done('keys', *self.pool, 'r1').out.decode().splitlines()
        self.assertEqual(sorted(said), sorted((
            'r1\ta b', 'r1\t\\xff\\xfe', 'r1\ttab\\x09here', 'r1\tback\\\\slash', 'r1\tkäse',
            'r1\t100%25')))
        rows = self.done('keys', *self.pool, '--json', 'r1').json_lines()
        told = [row['key'].encode() if 'key' in row else bytes.fromhex(row['key_hex'])
                for row in rows]
        self.assertEqual(sorted(told), sorted(ODD))
        self.assertEqual({row['server'] for row in rows}, {'r1'})
        self.assertNotIn('ttl_ms', rows[0])

    def test_json_tells_what_time_a_key_of_memcached_has_left(self):
        alone = self.pool[:2]
        self.done('set', *alone, '--ttl', '1000', 'some', 'v')
        self.done('set', *alone, 'for ever'.replace(' ', '-'), 'v')
        rows = {row['key']: row['ttl_ms'] for row in
                self.done('keys', *alone, '--json').json_lines()}
        self.assertEqual(rows['for-ever'], -1)
        self.assertTrue(900000 < rows['some'] <= 1001000, rows)

    def test_a_namespace_shows_its_own_keys_without_it(self):
        self.fill(20)
        inside = (*self.pool, '-o', 'namespace=n*:')
        keys = b''.join(b'in%d\n' % i for i in range(50))
        self.done('set', *inside, '-', 'v', stdin=keys)
        said = self.done('keys', *inside).out.decode().splitlines()
        self.assertEqual(sorted(line.split('\t')[1] for line in said),
                         sorted(keys.decode().split()))

    def test_keys_of_the_others_are_told_when_one_is_dead(self):
        self.fill(100)
        run = self.refused(1, 'keys: dead: ', 'keys', *self.dead, *self.pool)
        self.assertEqual(run.out.count(b'\n'), 100)

    def test_a_full_disk_ends_a_listing(self):
        self.fill(5000)
        with open('/dev/full', 'wb') as full:
            ran = subprocess.run([PROGRAM, 'keys', *self.pool], stdout=full,
                                 stderr=subprocess.PIPE, timeout=SECONDS, check=False)
        self.assertEqual(ran.returncode, 1)
        self.assertRegex(ran.stderr, rb'\Aring-inspect: standard output: [^\n]*\n\Z')

    def test_flush_empties_the_servers_named_and_no_other(self):
        self.fill(200)
        self.assertGreater(len(self.done('keys', *self.pool, 'm1').out), 0)
        held = self.done('keys', *self.pool, 'r1').out
        self.refused(2, 'nothing is removed', 'flush', *self.pool, 'm1')
        self.assertEqual(self.done('keys', *self.pool).out.count(b'\n'), 200)
        self.assertEqual(self.done('flush', *self.pool, '--all-data', 'm1').out, b'')
        self.assertEqual(self.done('keys', *self.pool, 'm1').out, b'')
        self.assertEqual(self.done('keys', *self.pool, 'r1').out, held)
        told = self.done('flush', *self.pool, '--all-data', 'r1', '--json').json_lines()
        self.assertEqual(told, [{'name': 'r1', 'status': 'OK'}])
        self.assertEqual(self.done('keys', *self.pool).out, b'')

    def test_a_flush_of_redis_leaves_other_databases(self):
        third = (*self.pool[2:3], self.pool[3].replace('?', '/3?'))
        self.done('set', *third, 'k', 'v')
        self.fill(50)
        self.done('flush', *self.pool, '--all-data', 'r1')
        self.assertEqual(self.done('get', *third, 'k').out, b'v')
        self.assertEqual(self.done('keys', *third).out, b'r1\tk\n')

    def test_a_flush_that_fails_is_named(self):
        run = Run('flush', *self.dead, '--all-data', 'dead', '--json')
        self.assertEqual(run.status, 1)
        self.assertTrue(re.match(rb'ring-inspect: flush: dead: EDOWN: [^\n]*\n\Z', run.err))
        self.assertFalse(run.json()['maybe_applied'])


if __name__ == '__main__':
    main()
