# SPDX-License-Identifier: MIT
"""The commands that ask servers, against real ones. usage: test_live.py RING-INSPECT"""

import signal
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
import servers  # noqa: E402
from program import PROGRAM, SECONDS, Case, Run, main  # noqa: E402

BYTES = bytes(range(256)) * 1000
# What is counted of a server that has answered one ping.
ANSWERED = {'state': 'up', 'up': '1', 'spare': '0', 'in_flight': '0', 'connections': '1', 'done_total': '1',
            'timeouts_total': '0', 'unavailable_total': '0', 'failed_total': '0',
            'connects_total': '1', 'outages_total': '0',
            'retries_total': '0', 'held': '0', 'journal_entries': '0',
            'journal_noted_total': '0', 'journal_missed_total': '0', 'journal_deleted_total': '0'}


def words(line):
    """Names and figures in turn."""
    parts = line.split(' ')
    return dict(zip(parts[::2], parts[1::2], strict=True))


@unittest.skipUnless(servers.MEMCACHED and servers.REDIS, 'memcached or redis-server is missing')
class Live(Case):

    @classmethod
    def setUpClass(cls):
        cls.running = []
        for start in (servers.memcached, servers.memcached, servers.redis):
            cls.running.append(start())
        first, second, third = cls.running
        cls.pool = ('-s', f'memcached://127.0.0.1:{first.port}?name=m1',
                    '-s', f'memcached://127.0.0.1:{second.port}?name=m2',
                    '-s', f'redis://127.0.0.1:{third.port}?name=r1')
        cls.dead = ('-s', f'memcached://127.0.0.1:{servers.free_port()}?name=dead')

    @classmethod
    def tearDownClass(cls):
        for server in cls.running:
            server.stop()


class Item(Live):

    def test_get_prints_exactly_what_was_set(self):
        for i in range(20):
            self.assertEqual(self.done('set', *self.pool, f'key{i}', f'value {i}').out, b'')
        for i in range(20):
            self.assertEqual(self.done('get', *self.pool, f'key{i}').out, b'value %d' % i)

    def test_values_from_stdin_are_taken_byte_for_byte(self):
        for value in (b'', b'\n', BYTES):
            self.done('set', *self.pool, 'bytes', '-', stdin=value)
            self.assertEqual(self.done('get', *self.pool, 'bytes').out, value)

    def test_get_json_tells_value_flags_and_server(self):
        self.done('set', *self.pool, 'k', 'ä')
        told = self.done('get', *self.pool, 'k', '--json').json()
        owner = self.done('locate', *self.pool, 'k').out.split()[1].decode()
        self.assertEqual({name: told[name] for name in told if name != 'elapsed_ms'},
                         {'key': 'k', 'status': 'OK', 'server': owner, 'attempts': 1,
                          'value': 'ä', 'flags': 0})
        self.assertTrue(0 < told['elapsed_ms'] < 10000, told)
        self.done('set', *self.pool, 'k', '-', stdin=b'\xff\x00')
        self.assertEqual(self.done('get', *self.pool, 'k', '--json').json()['value_hex'], 'ff00')

    def test_a_miss_is_exit_status_1_and_one_line(self):
        run = self.refused(1, 'the key is not in the cache', 'get', *self.pool, 'nothing')
        self.assertEqual(run.out, b'')
        run = self.refused(1, 'the key is not in the cache', 'get', *self.pool, 'nothing', '--json')
        self.assertEqual(run.json()['status'], 'MISS')
        self.refused(1, 'the key is not in the cache', 'delete', *self.pool, 'nothing')

    def test_delete_removes(self):
        self.done('set', *self.pool, 'gone', 'v')
        self.assertEqual(self.done('delete', *self.pool, 'gone').out, b'')
        self.refused(1, 'not in the cache', 'get', *self.pool, 'gone')
        self.done('set', *self.pool, 'gone', 'v')
        self.assertEqual(self.done('delete', *self.pool, 'gone', '--json').json()['status'], 'OK')

    def test_ttl_counts_seconds(self):
        for name in ('t1', 't2', 't3', 't4'):
            self.done('set', *self.pool, '--ttl', '1', name, 'v')
            self.done('set', *self.pool, '--ttl', '0', name + 'stays', 'v')
        time.sleep(2.5)
        for name in ('t1', 't2', 't3', 't4'):
            self.refused(1, 'not in the cache', 'get', *self.pool, name)
            self.done('get', *self.pool, name + 'stays')

    def test_streams_of_keys_are_set_got_and_deleted(self):
        keys = b''.join(b'stream%d\n' % i for i in range(300))
        self.done('set', *self.pool, '-', 'same', stdin=keys)
        self.assertEqual(self.done('get', *self.pool, '-', stdin=keys).out, b'same\n' * 300)
        told = self.done('get', *self.pool, '-', '--json', stdin=keys).json_lines()
        self.assertEqual([line['key'] for line in told], keys.decode().split())
        self.done('delete', *self.pool, '-', stdin=keys)
        run = Run('get', *self.pool, '-', stdin=keys)
        self.assertEqual((run.status, run.out, run.err.count(b'\n')), (1, b'', 300))

    def test_keys_and_values_that_no_server_takes_are_refused(self):
        self.refused(2, '', 'get', *self.pool, 'k' * 251)
        self.refused(2, '', 'get', *self.pool, '')
        self.refused(2, '', 'set', *self.pool, 'a b', 'v')
        self.refused(2, '', 'get', *self.pool, '-', stdin=b'a\r\n')
        self.refused(2, '', 'set', *self.pool, '-o', 'max_value_bytes=3', 'k', 'four')
        self.refused(2, 'cannot be both', 'set', *self.pool, '-', '-')
        self.refused(2, 'no server: ', 'get', 'k')

    def test_a_refused_key_names_its_line_and_keeps_no_other_from_its_turn(self):
        keys = b'good1\n\na b\n' + b'k' * 251 + b'\ngood2'
        refusals = (b'ring-inspect: line 2: a key of no bytes\n'
                    b'ring-inspect: line 3: the key has a blank or a control byte\n'
                    b'ring-inspect: line 4: the key with its namespace is longer than 250 bytes\n')
        for out, arguments in ((b'', ('set', '-', 'v')), (b'v\nv\n', ('get', '-')),
                               (b'', ('delete', '-'))):
            with self.subTest(arguments):
                run = Run(*arguments, *self.pool, stdin=keys)
                self.assertEqual((run.status, run.out, run.err), (2, out, refusals))
        self.refused(1, 'not in the cache', 'get', *self.pool, 'good2')

    def test_a_refused_key_has_its_document_in_its_place(self):
        run = Run('set', '--json', *self.pool, '-', 'v', stdin=b'first\n\xff \nlast\n')
        told = run.json_lines()
        self.assertEqual([(line.get('key'), line['status']) for line in told],
                         [('first', 'OK'), (None, 'EINVAL'), ('last', 'OK')])
        self.assertEqual(told[1], {'key_hex': 'ff20', 'status': 'EINVAL', 'line': 2,
                                   'message': 'the key has a blank or a control byte'})
        self.assertEqual((run.status, run.err.count(b'\n')), (2, 1))
        run = self.refused(2, 'ring-inspect: a key of no bytes', 'get', *self.pool, '', '--json')
        self.assertEqual(run.json(), {'key': '', 'status': 'EINVAL',
                                      'message': 'a key of no bytes'})

    def test_a_refused_key_outranks_a_miss_in_the_exit_status(self):
        for keys in (b'absent\n\n', b'\nabsent\n'):
            self.assertEqual(Run('get', *self.pool, '-', stdin=keys).status, 2)

    def test_a_value_that_is_too_large_is_refused_once_for_all_keys(self):
        self.refused(2, 'larger than max_value_bytes', 'set', *self.pool,
                     '-o', 'max_value_bytes=3', '-', 'four', stdin=b'a\nb\n')

    def test_a_closed_standard_input_is_no_empty_value(self):
        self.done('set', *self.pool, 'kept', 'v')
        for arguments in (('set', 'kept', '-'), ('get', '-')):
            ran = subprocess.run(['sh', '-c', 'exec "$@" <&-', 'sh', PROGRAM, *arguments,
                                  *self.pool], capture_output=True, timeout=SECONDS, check=False)
            self.assertEqual((ran.returncode, ran.stdout), (1, b''))
            self.assertRegex(ran.stderr, rb'\Aring-inspect: standard input: [^\n]*\n\Z')
        self.assertEqual(self.done('get', *self.pool, 'kept').out, b'v')

    def test_a_name_that_is_not_utf8_is_told_in_hexadecimal(self):
        odd = ('-s', self.pool[1].replace('name=m1', 'name=m%ff'), '--json')
        self.assertEqual(self.done('set', *odd, 'k', 'v').json()['server_hex'], '6dff')
        self.assertEqual(self.done('get', *odd, 'k').json()['server_hex'], '6dff')
        self.assertEqual(self.done('ping', *odd).json()[0]['name_hex'], '6dff')
        told = self.done('explain', *odd, 'k').json()
        self.assertEqual((told['owner_hex'], told['target_hex']), ('6dff', '6dff'))
        self.assertEqual([row['name_hex'] for row in told['candidates']], ['6dff'])

    def test_a_full_disk_is_noticed_by_get(self):
        self.done('set', *self.pool, 'large', '-', stdin=BYTES)
        with open('/dev/full', 'wb') as full:
            ran = subprocess.run([PROGRAM, 'get', *self.pool, 'large'], stdout=full,
                                 stderr=subprocess.PIPE, timeout=SECONDS, check=False)
        self.assertEqual(ran.returncode, 1)
        self.assertIn(b'ring-inspect: standard output: ', ran.stderr)


class Failure(Live):

    def test_a_dead_server_is_exit_status_1_and_named(self):
        run = self.refused(1, 'get: dead: ', 'get', *self.dead, 'k')
        self.assertEqual(run.out, b'')
        told = self.refused(1, 'set: dead: ', 'set', *self.dead, '--json', 'k', 'v').json()
        self.assertFalse(told['maybe_applied'])

    def test_a_silent_server_costs_its_deadline_and_no_more(self):
        server = servers.memcached()
        self.addCleanup(server.stop)
        server.signal(signal.SIGSTOP)
        start = time.monotonic()
        run = Run('get', '-s', f'memcached://127.0.0.1:{server.port}', '-o', 'timeout_ms=300',
                  '-o', 'connect_timeout_ms=300', 'k')
        self.assertEqual(run.status, 1)
        self.assertLess(time.monotonic() - start, 5)

    def test_the_password_comes_from_the_environment(self):
        server = servers.redis('--requirepass', 'p@ss/:%')
        self.addCleanup(server.stop)
        for user in ('', 'default'):
            uri = f'redis://{user}@127.0.0.1:{server.port}'
            self.done('set', '-s', uri, 'k', 'v', password='p@ss/:%')
            self.refused(1, 'credentials', 'get', '-s', uri, 'k', password='wrong')
        self.assertEqual(Run('get', '-s', f'redis://127.0.0.1:{server.port}', 'k',
                             password='p@ss/:%').status, 1)

    def test_the_password_of_a_memcached_comes_from_the_environment(self):
        server = servers.memcached('-Y', self.file('users', 'cart:p@ss/:%\n'))
        self.addCleanup(server.stop)
        uri = f'memcached://cart@127.0.0.1:{server.port}'
        self.done('set', '-s', uri, 'k', 'v', password='p@ss/:%')
        self.assertEqual(self.done('get', '-s', uri, 'k', password='p@ss/:%').out, b'v')
        self.refused(1, 'credentials', 'get', '-s', uri, 'k', password='wrong')
        self.refused(1, 'credentials', 'get', '-s', uri.replace('cart@', ''), 'k')
        self.refused(2, 'a user and a password, or neither', 'get', '-s', uri, 'k')

    def test_the_password_comes_from_the_file(self):
        server = servers.redis('--requirepass', 'secret')
        self.addCleanup(server.stop)
        path = self.file('conf', f'server = redis://:secret@127.0.0.1:{server.port}/3\n')
        self.done('set', '-c', path, 'k', 'v')
        self.assertEqual(self.done('get', '-c', path, 'k').out, b'v')


class Insight(Live):

    def test_ping_times_every_server(self):
        lines = self.done('ping', *self.pool).out.decode().splitlines()
        self.assertEqual([line.split()[:3] for line in lines[1:]],
                         [['m1', 'owner', 'OK'], ['m2', 'owner', 'OK'], ['r1', 'owner', 'OK']])
        for line in lines[1:]:
            first, again = map(float, line.split()[3:5])
            self.assertTrue(0 < again < 10000 and 0 < first < 10000, line)
            self.assertEqual(line, line.rstrip())

    def test_ping_names_the_dead_and_exits_with_1(self):
        run = Run('ping', *self.pool, *self.dead, '--json')
        self.assertEqual(run.status, 1)
        told = {row['name']: row for row in run.json()}
        self.assertEqual({name: row['status'] == 'OK' for name, row in told.items()},
                         {'m1': True, 'm2': True, 'r1': True, 'dead': False})
        self.assertEqual('round_trip_ms' in told['dead'], False)

    def test_ping_asks_only_the_servers_named(self):
        told = self.done('ping', *self.pool, *self.dead, '--json', 'r1', 'm1').json()
        self.assertEqual([row['name'] for row in told], ['r1', 'm1'])
        self.refused(2, 'no server has the name m9', 'ping', *self.pool, 'm9')

    def test_explain_names_owner_and_states(self):
        told = self.done('explain', *self.pool, '--json', 'user:1').json()
        located = self.done('locate', *self.pool, '--owners', '3', '--json', 'user:1').json()
        shares = {row['name']: row['share']
                  for row in self.done('show', *self.pool, '--json').json()['servers']}
        self.assertEqual([row['name'] for row in told['candidates']], located['owners'])
        self.assertEqual({row['state'] for row in told['candidates']}, {'up'})
        self.assertEqual({row['name']: row['share'] for row in told['candidates']}, shares)
        self.assertEqual((told['owner'], told['target'], told['status'], told['key']),
                         (located['server'], located['server'], 'OK', 'user:1'))
        text = self.done('explain', *self.pool, 'user:1').out.decode()
        self.assertIn(f'\nhash    {told["hash"]}\n', text)
        self.assertIn(f'\nasks    {located["server"]}\n', text)

    def test_explain_keeps_keys_apart(self):
        text = self.done('explain', *self.pool, 'k', '-', stdin=b'\xff\nm\n').out.decode()
        self.assertEqual([line for line in text.splitlines() if line.startswith('key')],
                         ['key     k', 'key     \\xff', 'key     m'])
        self.assertEqual(text.count('\n\nkey'), 2)

    def test_explain_goes_on_after_a_refused_key(self):
        run = Run('explain', *self.pool, '--json', '', '-', stdin=b'a\n\nb')
        self.assertEqual((run.status, run.err),
                         (2, b'ring-inspect: a key of no bytes\n'
                             b'ring-inspect: line 2: a key of no bytes\n'))
        self.assertEqual([(line['key'], line['status'], line.get('line'))
                          for line in run.json_lines()],
                         [('', 'EINVAL', None), ('a', 'OK', None), ('', 'EINVAL', 2),
                          ('b', 'OK', None)])

    def test_explain_tells_why_nobody_is_asked(self):
        run = Run('explain', *self.dead, 'k')
        self.assertEqual((run.status, run.err), (1, b''))
        self.assertRegex(run.out.decode(), r'(?s)\nasks    nobody: .*\ndead +owner +down ')
        told = Run('explain', *self.dead, '--json', 'k').json()
        self.assertEqual((told['target'], told['status']), (None, 'EDOWN'))

    def test_explain_follows_the_failover_policy(self):
        alive = self.pool[:2]
        keys = [b'k%d' % i for i in range(20)]
        run = Run('explain', *alive, *self.dead, '-o', 'failover=none', '--json', '-',
                  stdin=b'\n'.join(keys))
        told = run.json_lines()
        self.assertEqual(run.status, 1)
        self.assertEqual(len(told), 20)
        self.assertEqual({(line['owner'], line['target']) for line in told},
                         {('m1', 'm1'), ('dead', None)})

    def test_with_a_gutter_a_spare_is_asked_in_the_place_of_an_owner_that_is_out(self):
        spare = ('-s', f'{self.pool[3]}&pool=gutter', '-o', 'failover=gutter')
        told = Run('explain', *self.dead, *spare, '--json', 'k').json()
        self.assertEqual((told['owner'], told['target'], told['status']), ('dead', 'm2', 'OK'))
        self.assertEqual([(row['name'], row['spare']) for row in told['candidates']],
                         [('dead', False), ('m2', True)])
        text = Run('explain', *self.dead, *spare, 'k').out.decode()
        self.assertRegex(text, r'\nm2 +spare +up ')
        told = self.done('ping', *self.pool[:2], *spare, '--json').json()
        self.assertEqual([(row['name'], row['spare']) for row in told],
                         [('m1', False), ('m2', True)])
        figures = self.done('stats', *self.pool[:2], *spare, '--json').json()['servers']
        self.assertEqual([(row['name'], row['spare']) for row in figures], [('m1', 0), ('m2', 1)])
        versions = self.done('version', *self.pool[:2], *spare).out.decode().splitlines()
        self.assertEqual([line.split('\t')[0] for line in versions], ['m1', 'm2'])


SUMS = 6  # lines in front of the servers': the ring, and figures of the client's own


class Stats(Live):
    """What each format says of servers that answered one ping each, and of one that did not."""

    def test_text_has_a_line_of_figures_for_each_server(self):
        lines = self.done('stats', *self.pool).out.decode().splitlines()
        digest = self.done('show', *self.pool, '--json').json()['digest']
        self.assertEqual(lines[:SUMS], [f'ring {digest}', 'pending 0', 'queued_bytes 0',
                                        'departed 0', 'departed_journal_entries 0',
                                        'departed_forgotten_total 0'])
        rows = [words(line) for line in lines[SUMS:]]
        self.assertEqual([row['server'] for row in rows], ['m1', 'm2', 'r1'])
        for row in rows:
            self.assertEqual([row[name] for name in ANSWERED], list(ANSWERED.values()), row)

    def test_json_is_one_document_with_the_same_figures(self):
        run = self.done('stats', *self.pool, '--json')
        self.assertEqual(run.out.count(b'\n'), 1)
        told = run.json()
        lines = self.done('stats', *self.pool).out.decode().splitlines()
        self.assertEqual(f'ring {told["ring"]}', lines[0])
        for row, line in zip(told['servers'], lines[SUMS:], strict=True):
            row['reason'] = row['reason'].replace(' ', '%20')
            as_text = {'server': row.pop('name'), **{name: str(row[name]) for name in row}}
            self.assertEqual(as_text, words(line))

    def test_prometheus_names_every_figure_before_its_samples(self):
        text = self.done('stats', '--prometheus', *self.pool).out.decode()
        rows = {row['name']: row
                for row in self.done('stats', *self.pool, '--json').json()['servers']}
        figures = [name for name in rows['m1'] if name not in ('name', 'state', 'reason')]
        self.assertTrue(text.endswith('\n'))
        for name in figures:
            kind = 'counter' if name.endswith('_total') else 'gauge'
            samples = ''.join(f'ringcache_server_{name}{{server="{server}"}} {row[name]}\n'
                              for server, row in rows.items())
            self.assertIn(f'# TYPE ringcache_server_{name} {kind}\n{samples}', text)
            self.assertEqual(text.count(f'# HELP ringcache_server_{name} '), 1)
        samples = [line for line in text.splitlines() if not line.startswith('#')]
        self.assertEqual(len(samples), SUMS - 1 + 3 * len(figures))

    def test_a_refused_server_is_out_of_service_in_every_format(self):
        for how, mark in (((), rb'\nserver dead state down up 0 .* outages_total 1 .* reason Connection%20refused\n'),
                          (('--json',), rb'"name":"dead","state":"down","up":0,'),
                          (('--prometheus',), rb'\nringcache_server_up\{server="dead"\} 0\n')):
            with self.subTest(how):
                run = self.refused(1, 'stats: dead: EDOWN: ', 'stats', *self.pool, *self.dead,
                                   *how)
                self.assertRegex(run.out, mark)
                self.assertEqual(run.out.count(b'outages_total'), 6 if '--prometheus' in how else 4)

    def test_a_stopped_server_is_told_from_those_that_answer(self):
        server = servers.memcached()
        self.addCleanup(server.stop)
        server.signal(signal.SIGSTOP)
        silent = ('-s', f'memcached://127.0.0.1:{server.port}?name=silent')
        for how, state, status in ((('timeout_ms=2000', 'connect_timeout_ms=300'), 'down', 'EDOWN'),
                                   (('timeout_ms=300', 'connect_timeout_ms=2000'), 'connecting',
                                    'ETIMEDOUT')):
            with self.subTest(state):
                run = self.refused(1, f'stats: silent: {status}: ', 'stats', '--json', *self.pool,
                                   *silent, '-o', how[0], '-o', how[1])
                self.assertEqual({row['name']: (row['state'], row['done_total'])
                                  for row in run.json()['servers']},
                                 {'m1': ('up', 1), 'm2': ('up', 1), 'r1': ('up', 1),
                                  'silent': (state, 0)})

    def test_a_name_beyond_ascii_is_told_by_its_bytes(self):
        odd = ('-s', self.pool[1].replace('name=m1', 'name=m%ff"'))
        self.assertEqual(self.done('stats', *odd, '--json').json()['servers'][0]['name'], 'm\xff"')
        self.assertIn(b'\nserver m%ff\\" state up ', self.done('stats', *odd).out)
        self.assertIn(b'{server="m%ff\\""} 1\n', self.done('stats', *odd, '--prometheus').out)

    def test_a_full_disk_is_noticed_by_stats(self):
        with open('/dev/full', 'wb') as full:
            ran = subprocess.run([PROGRAM, 'stats', *self.pool], stdout=full,
                                 stderr=subprocess.PIPE, timeout=SECONDS, check=False)
        self.assertEqual((ran.returncode, ran.stderr),
                         (1, b'ring-inspect: standard output: No space left on device\n'))


if __name__ == '__main__':
    main()
