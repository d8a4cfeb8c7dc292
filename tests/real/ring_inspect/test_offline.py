# SPDX-License-Identifier: MIT
"""The commands that need no server. usage: test_offline.py RING-INSPECT"""

import os
import re
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
from program import PROGRAM, SECONDS, Case, Run, main  # noqa: E402

ABC = ('-s', 'memcached://10.0.0.1?name=a', '-s', 'memcached://10.0.0.2?name=b',
       '-s', 'memcached://10.0.0.3?name=c&weight=2')
# Placement that twemproxy itself was seen to have.
NUTCRACKER = ('-o', 'distribution=twemproxy', '-o', 'hash=md5',
              *(word for port in (11211, 21001, 21002, 21003, 21004)
                for word in ('-s', f'memcached://127.0.0.1:{port}')))
ODD = ('-s', 'memcached://h1?name=%ff', '-s', 'memcached://h2?name=b')
OLD = 'server = memcached://h1?name=a\nserver = memcached://h2?name=b\n'
NEW = OLD + 'server = memcached://h3?name=c\n'


class Locate(Case):

    def test_locate_prints_each_key_a_tab_and_its_owner(self):
        run = self.done('locate', *NUTCRACKER, 'user:0', 'user:1', 'user:2', 'foo')
        self.assertEqual(run.out, b'user:0\t127.0.0.1:21001\nuser:1\t127.0.0.1:21001\n'
                                  b'user:2\t127.0.0.1:21003\nfoo\t127.0.0.1:11211\n')

    def test_locate_prints_owners_in_failover_order_as_many_as_there_are(self):
        for owners, columns in ((1, 2), (2, 3), (3, 4), (65535, 4)):
            line = self.done('locate', *ABC, '--owners', str(owners), 'k').out
            self.assertEqual(len(line.rstrip(b'\n').split(b'\t')), columns)
        self.assertEqual(sorted(line.rstrip(b'\n').split(b'\t')), [b'a', b'b', b'c', b'k'])

    def test_locate_json_is_one_document_for_each_key(self):
        run = self.done('locate', *NUTCRACKER, '--json', 'user:2', 'foo')
        self.assertEqual(run.out, b'{"key":"user:2","server":"127.0.0.1:21003"}\n'
                                  b'{"key":"foo","server":"127.0.0.1:11211"}\n')
        owners = self.done('locate', *NUTCRACKER, '--json', '--owners', '2', 'foo').json()
        self.assertEqual((len(owners['owners']), owners['owners'][0]), (2, owners['server']))

    def test_keys_from_stdin_end_at_the_line_feed_alone(self):
        run = self.done('locate', *ABC, '--json', '-', stdin=b'a b\r\n\nlast')
        self.assertEqual([line['key'] for line in run.json_lines()], ['a b\r', '', 'last'])

    def test_a_dash_stands_among_other_keys(self):
        run = self.done('locate', *ABC, 'x', '-', 'y', '-', stdin=b'1\n2\n')
        self.assertEqual([line.split(b'\t')[0] for line in run.out.splitlines()],
                         [b'x', b'1', b'2', b'y'])

    def test_control_bytes_and_invalid_utf8_are_escaped_in_text(self):
        keys = b'a\tb\n\x1b[31m\nback\\slash\n\xff\xc0\x80\xed\xa0\x80\xf5\n\xc2\x9b\xc3\xa4\x7f\n'
        run = self.done('locate', '-s', 'memcached://h', '-', stdin=keys)
        self.assertEqual([line.split(b'\t')[0] for line in run.out.splitlines()], [
            rb'a\x09b', rb'\x1b[31m', rb'back\\slash', rb'\xff\xc0\x80\xed\xa0\x80\xf5',
            b'\\xc2\\x9b\xc3\xa4\\x7f'])

    def test_a_key_that_is_not_utf8_is_key_hex_in_json(self):
        run = self.done('locate', '-s', 'memcached://h', '--json', '-', stdin=b'\xff\x00a\n\x00b\n')
        first, second = run.json_lines()
        self.assertEqual(first, {'key_hex': 'ff0061', 'server': 'h:11211'})
        self.assertEqual(second, {'key': '\0b', 'server': 'h:11211'})

    def test_owners_that_are_not_utf8_are_hexadecimal_in_json(self):
        keys = [f'k{i}' for i in range(20)]
        told = self.done('locate', *ODD, '--json', '--owners', '2', *keys).json_lines()
        self.assertEqual({tuple(sorted(line)) for line in told},
                         {('key', 'owners_hex', 'server'), ('key', 'owners_hex', 'server_hex')})
        for line in told:
            self.assertEqual(sorted(line['owners_hex']), ['62', 'ff'])
            self.assertEqual(line['owners_hex'][0], line.get('server_hex', '62'))
        some = self.done('locate', *ODD, '--json', '--owners', '1', *keys).json_lines()
        self.assertEqual([line.get('owners', ['\xff']) == ['b'] for line in some],
                         [line.get('server') == 'b' for line in told])

    def test_a_key_of_a_megabyte_passes(self):
        key = b'k' * 1000000
        run = self.done('locate', *ABC, '-', stdin=key + b'\nshort\n')
        self.assertEqual([len(line) for line in run.out.splitlines()], [1000002, 7])

    def test_a_stream_of_200000_keys_is_answered_in_its_order(self):
        keys = [b'user:%d' % i for i in range(200000)]
        run = self.done('locate', *ABC, '-', stdin=b'\n'.join(keys) + b'\n')
        lines = [line.split(b'\t') for line in run.out.splitlines()]
        self.assertEqual([line[0] for line in lines], keys)
        share = sum(line[1] == b'c' for line in lines) / len(lines)
        told = self.done('show', *ABC, '--json').json()['servers'][2]['share']
        self.assertAlmostEqual(share, told, delta=0.01)

    def test_answers_are_written_before_more_keys_are_waited_for(self):
        with subprocess.Popen([PROGRAM, 'locate', *NUTCRACKER, '-'], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, bufsize=0) as process:
            for _ in range(3):
                process.stdin.write(b'foo\n')
                self.assertEqual(process.stdout.readline(), b'foo\t127.0.0.1:11211\n')
            process.stdin.close()
            self.assertEqual(process.wait(SECONDS), 0)


class Show(Case):

    def test_show_prints_aligned_columns_the_maximum_and_the_digest(self):
        lines = self.done('show', *ABC).out.decode().splitlines()
        self.assertEqual(lines[0].split(),
                         ['server', 'weight', 'points', 'share', 'ideal', 'deviation'])
        self.assertEqual([line.split()[:3] for line in lines[1:4]],
                         [['a', '1', '512'], ['b', '1', '512'], ['c', '2', '1024']])
        self.assertEqual([line.split()[4] for line in lines[1:4]],
                         ['25.000%', '25.000%', '50.000%'])
        self.assertEqual(len({len(line) for line in lines[:4]}), 1)
        self.assertRegex(lines[4], r'^max/mean  1\.\d{3}$')
        self.assertRegex(lines[5], r'^digest    [0-9a-f]{16}$')
        self.assertEqual(len(lines), 6)

    def test_show_json_adds_up(self):
        told = self.done('show', *ABC, '--json').json()
        servers = told['servers']
        self.assertEqual([row['name'] for row in servers], ['a', 'b', 'c'])
        self.assertAlmostEqual(sum(row['share'] for row in servers), 1, places=12)
        self.assertAlmostEqual(sum(row['ideal'] for row in servers), 1, places=12)
        for row in servers:
            self.assertAlmostEqual(row['deviation'], row['share'] / row['ideal'] - 1, places=9)
        self.assertAlmostEqual(told['max_mean'], 1 + max(row['deviation'] for row in servers),
                               places=9)

    def test_spares_have_a_table_of_their_own_and_change_nothing(self):
        spares = ('-s', 'memcached://g?name=g&pool=gutter', '-o', 'failover=gutter',
                  '-s', 'memcached://h?name=h&weight=3&pool=gutter')
        plain = self.done('show', *ABC).out.decode().splitlines()
        lines = self.done('show', *spares, *ABC).out.decode().splitlines()
        self.assertEqual(lines[:6], plain)
        self.assertEqual([line.split()[:2] for line in lines[6:]],
                         [[], ['spare', 'weight'], ['g', '1'], ['h', '3']])
        told = self.done('show', *spares, *ABC, '--json').json()
        self.assertEqual([row['name'] for row in told['servers']], ['a', 'b', 'c'])
        self.assertAlmostEqual(sum(row['share'] for row in told['spares']), 1, places=12)
        self.refused(2, 'g is a spare server, which owns no key', 'lose', *spares, *ABC, 'g')
        run = Run('show', *spares)
        self.assertEqual((run.status, run.out), (2, b''))
        self.assertIn(b'all servers are spares, so none owns a key', run.err)

    def test_a_name_that_is_not_utf8_is_name_hex_in_json(self):
        first, second = self.done('show', *ODD, '--json').json()['servers']
        self.assertEqual((first['name_hex'], 'name' in first), ('ff', False))
        self.assertEqual((second['name'], 'name_hex' in second), ('b', False))

    def test_digest_does_not_depend_on_the_order_of_servers(self):
        turned = [word for pair in zip(ABC[-2::-2], ABC[::-2]) for word in pair]
        self.assertEqual(turned[1], ABC[-1])
        digest = self.done('show', *ABC, '--json').json()['digest']
        self.assertEqual(self.done('show', *turned, '--json').json()['digest'], digest)
        other = self.done('show', *ABC, '-o', 'points=100', '--json').json()['digest']
        self.assertNotEqual(other, digest)

    def test_warnings_of_the_configuration_go_to_stderr(self):
        run = Run('show', *ABC, '-o', 'distribution=modula')
        self.assertEqual(run.status, 0)
        self.assertRegex(run.err, rb'\A(ring-inspect: warning: .*\n)+\Z')


class Check(Case):

    def test_check_of_a_good_file_finds_nothing(self):
        path = self.file('good.conf', NEW)
        self.assertEqual(self.done('check', path).out, b'0 errors, 0 warnings\n')
        self.assertEqual(self.done('check', '--json', path).json(),
                         {'file': path, 'errors': 0, 'warnings': 0, 'findings': []})

    def test_check_finds_every_error_with_its_place(self):
        path = self.file('bad.conf', 'timeout_ms = soon\n' + NEW + 'colour = red\n')
        run = Run('check', path)
        self.assertEqual((run.status, run.err), (2, b''))
        lines = run.out.decode().splitlines()
        self.assertTrue(lines[0].startswith(f'error: {path}:1:'), lines)
        self.assertTrue(lines[1].startswith(f'error: {path}:5:'), lines)
        self.assertEqual(lines[2:], ['2 errors, 0 warnings'])
        told = Run('check', path, '--json').json()
        self.assertEqual([told['errors'], told['warnings']], [2, 0])
        self.assertEqual([row['kind'] for row in told['findings']], ['error', 'error'])
        self.assertEqual([f'error: {row["text"]}' for row in told['findings']], lines[:2])

    def test_check_tells_a_warning_and_succeeds(self):
        path = self.file('odd.conf', NEW + 'hash = crc\n')
        run = self.done('check', path)
        self.assertTrue(run.out.startswith(b'warning: '), run.out)
        self.assertTrue(run.out.endswith(b'0 errors, 1 warning\n'), run.out)

    def test_check_finds_two_servers_of_one_name(self):
        path = self.file('twice.conf', OLD + 'server = memcached://h4?name=a\n')
        run = Run('check', path)
        self.assertEqual((run.status, run.err), (2, b''))
        self.assertIn(b':3:', run.out)

    def test_check_of_a_binary_file_prints_nothing_raw(self):
        path = self.file('binary', bytes(range(256)) * 64)
        run = Run('check', path)
        self.assertEqual((run.status, run.err), (2, b''))
        self.assertIn(b'error: ', run.out)
        self.assertNotRegex(run.out, rb'[\x00-\x09\x0b-\x1f\x7f]')


class Moves(Case):

    def test_diff_prints_sums_and_moves(self):
        run = self.done('diff', self.file('old', OLD), self.file('new', NEW))
        lines = run.out.decode().splitlines()
        self.assertRegex('\n'.join(lines[:3]),
                         r'^moved     3\d\.\d{3}%\nideal     3\d\.\d{3}%\nneedless   0\.000%$')
        self.assertEqual(lines[3:4] + lines[4].split(), ['', 'from', 'to', 'share'])
        self.assertEqual(sorted(line.split()[0:2] for line in lines[5:]), [['a', 'c'], ['b', 'c']])

    def test_diff_json_moves_add_up_to_the_newcomers_share(self):
        old, new = self.file('old', OLD), self.file('new', NEW)
        told = self.done('diff', '--json', old, new).json()
        self.assertTrue(told['exact'])
        self.assertAlmostEqual(sum(move['share'] for move in told['moves']), told['moved'], 9)
        shown = self.done('show', '-c', new, '--json').json()
        self.assertAlmostEqual(shown['servers'][2]['share'], told['moved'], 9)
        self.assertEqual(shown['digest'], told['to_digest'])
        shares = [move['share'] for move in told['moves']]
        self.assertEqual(shares, sorted(shares, reverse=True))

    def test_diff_of_equal_files_moves_nothing(self):
        path = self.file('old', OLD)
        self.assertEqual(self.done('diff', path, path).out,
                         b'moved     0.000%\nideal     0.000%\nneedless  0.000%\n')

    def test_diff_says_when_it_is_not_exact(self):
        old, new = self.file('old', OLD), self.file('new', 'hash = md5\n' + OLD)
        self.assertIn(b'\nnot exact: ', self.done('diff', old, new).out)
        told = self.done('diff', '--json', old, new).json()
        self.assertFalse(told['exact'])
        self.assertAlmostEqual(told['moved'], 0.5, delta=0.05)

    def test_diff_from_and_to_an_empty_file_moves_everything(self):
        empty, new = self.file('empty', '# none yet\n'), self.file('new', NEW)
        told = Run('diff', '--json', empty, new).json()
        self.assertAlmostEqual(told['moved'], 1)
        self.assertEqual({move['from'] for move in told['moves']}, {None})
        back = Run('diff', new, empty)
        self.assertIn(b'(none)', back.out)
        self.assertEqual((back.status, back.err.count(b'warning')), (0, 1))

    def test_diff_shows_twenty_moves_unless_asked_for_all(self):
        servers = [f'server = memcached://h{i}\n' for i in range(31)]
        old, new = self.file('old', ''.join(servers[:30])), self.file('new', ''.join(servers))
        some = self.done('diff', old, new).out.decode().splitlines()
        rows = [line for line in some if line.startswith('h')]
        self.assertEqual(len(rows), 20)
        self.assertRegex(some[-1], r'^and 10 smaller, together \d\.\d{3}% \(--all lists them\)$')
        every = self.done('diff', '--all', old, new).out.decode().splitlines()
        self.assertEqual(len([line for line in every if line.startswith('h')]), 30)

    def test_lose_tells_who_inherits_what(self):
        lines = self.done('lose', *ABC, 'b').out.decode().splitlines()
        rows = {line.split()[0]: line.split() for line in lines[1:4]}
        self.assertEqual(lines[0].split(), ['server', 'before', 'after', 'gained'])
        self.assertEqual((rows['b'][2], rows['b'][3][0]), ('lost', '-'))
        self.assertEqual((rows['a'][3][0], rows['c'][3][0]), ('+', '+'))
        self.assertIn('needless   0.000%', lines)
        self.assertEqual(sorted(line.split()[:2] for line in lines[10:]), [['b', 'a'], ['b', 'c']])

    def test_lose_agrees_with_a_diff_of_two_files(self):
        path = self.file('new', NEW)
        lost = self.done('lose', '-c', path, '--json', 'c').json()
        told = self.done('diff', '--json', path, self.file('old', OLD)).json()
        self.assertEqual({name: lost[name] for name in told}, told)
        gained = sum(row['gained'] for row in lost['servers'])
        self.assertAlmostEqual(gained, 0, places=9)
        self.assertEqual([row['lost'] for row in lost['servers']], [False, False, True])

    def test_moves_tell_names_that_are_not_utf8_in_hexadecimal(self):
        lost = self.done('lose', *ODD, '--json', b'\xff').json()
        self.assertEqual([row.get('name_hex', row.get('name')) for row in lost['servers']],
                         ['ff', 'b'])
        old = self.file('old', 'server = memcached://h1?name=%ff\n')
        new = self.file('new', OLD)
        for told in (lost, self.done('diff', '--json', old, new).json()):
            self.assertEqual({move['from_hex'] for move in told['moves']}, {'ff'})
            self.assertEqual({'to' in move for move in told['moves']}, {True})

    def test_lose_counts_what_ketama_moves_between_survivors(self):
        servers = [f'memcached://h{i}?name=s{i}&weight={w}' for i, w in enumerate((1, 3, 10, 2, 7))]
        pool = [word for uri in servers for word in ('-s', uri)]
        told = self.done('lose', '-o', 'distribution=ketama', *pool, '--json', 's0').json()
        self.assertGreater(told['needless'], 0.01)

    def test_lose_of_all_servers_leaves_nobody(self):
        told = self.done('lose', *ABC, '--json', 'a', 'b', 'c', 'a').json()
        self.assertEqual({move['to'] for move in told['moves']}, {None})
        self.assertEqual({row['after'] for row in told['servers']}, {0})

    def test_lose_refuses_a_name_that_no_server_has(self):
        self.refused(2, 'no server has the name z', 'lose', *ABC, 'a', 'z')


class CommandLine(Case):

    def test_options_stand_before_and_behind_the_command(self):
        before = self.done(*ABC, '--json', '--owners=2', 'locate', 'k').out
        self.assertEqual(self.done('locate', 'k', '--owners', '2', *ABC, '--json').out, before)

    def test_two_dashes_end_the_options(self):
        run = self.done('locate', *ABC, '--', '--json', '-s')
        self.assertEqual([line.split(b'\t')[0] for line in run.out.splitlines()],
                         [b'--json', b'-s'])

    def test_command_line_options_override_the_file(self):
        path = self.file('conf', 'points = 100\n' + OLD)
        told = self.done('show', '-o', 'points=200', '-s', 'memcached://h9', '-c', path,
                         '--json').json()
        self.assertEqual([row['points'] for row in told['servers']], [200, 200, 200])

    def test_help_names_every_command_and_a_command_its_usage(self):
        text = self.done('--help').out.decode()
        self.assertEqual(self.done('-h', 'show').out.decode(),
                         'usage: ring-inspect [OPTION...] show\n\n'
                         'the servers: weight, points, share of the keys\n')
        for name in re.findall(r'^  (\w+)', text, re.M):
            usage = self.done(name, '--help').out.decode()
            self.assertTrue(usage.startswith(f'usage: ring-inspect [OPTION...] {name}'), usage)

    def test_version_is_the_librarys(self):
        self.assertRegex(self.done('--version').out, rb'\Aring-inspect \d+\.\d+\.\d+\n\Z')

    def test_options_lists_the_table(self):
        lines = self.done('options').out.decode().splitlines()
        names = [row['name'] for row in self.done('options', '--json').json()]
        self.assertEqual([line.split()[0] for line in lines], ['option', *names])

    def test_wrong_command_lines_are_refused(self):
        for message, arguments in (
                ('a command is needed', ()),
                ('unknown command stat ', ('stat',)),
                ('unknown option --frob', ('show', '--frob')),
                ('unknown option -x', ('show', '-x')),
                ('-c needs a value', ('show', '-c')),
                ('--owners needs a value', ('locate', 'k', '--owners')),
                ('--json takes no value', ('show', '--json=yes')),
                ('--owners takes a number from 1 to 65535', ('locate', '--owners', '0', 'k')),
                ('--owners takes a number', ('locate', '--owners', '65536', 'k')),
                ('--owners takes a number', ('locate', '--owners', '1e3', 'k')),
                ('--ttl takes a number', ('set', '--ttl', '99999999999999999999', 'k', 'v')),
                ('--ttl takes a number', ('set', '--ttl=', 'k', 'v')),
                ('show takes no --owners', ('show', '--owners', '2')),
                ('ping takes no --prometheus', ('ping', *ABC, '--prometheus')),
                ('--prometheus takes no value', ('stats', *ABC, '--prometheus=yes')),
                ('--json and --prometheus exclude each other',
                 ('stats', *ABC, '--json', '--prometheus')),
                ('stats names servers with --servers alone', ('stats', *ABC, 'a')),
                ('--servers and --prometheus exclude each other',
                 ('stats', *ABC, '--servers', '--prometheus')),
                ('ping takes no --servers', ('ping', *ABC, '--servers')),
                ('keys takes no --all-data', ('keys', *ABC, '--all-data')),
                ('ping takes no --limit', ('ping', *ABC, '--limit', '3')),
                ('--limit takes a number from 1 to', ('keys', *ABC, '--limit', '0')),
                ('usage: ring-inspect flush --all-data NAME...', ('flush', *ABC, '--all-data')),
                ('without --all-data nothing is removed', ('flush', *ABC, 'a')),
                ('hold, for every program that uses them: a b', ('flush', *ABC, 'a', 'b')),
                ('no server has the name z', ('flush', *ABC, 'a', 'z')),
                ('no server has the name z', ('flush', *ABC, '--all-data', 'a', 'z')),
                ('no server has the name z', ('keys', *ABC, 'z')),
                ('no server has the name z', ('version', *ABC, 'z')),
                ('no server has the name z', ('stats', *ABC, '--servers', 'z')),
                ('letters, digits and underscores', ('stats', *ABC, '--servers=a b')),
                ('letters, digits and underscores', ('stats', *ABC, '--servers=')),
                ('a section that is no question', ('stats', *ABC, '--servers=reset', 'a')),
                ('lies outside the client', ('flush', *ABC, '-o', 'namespace=n', '--all-data',
                                             'a')),
                ('check takes no -c, -s or -o', ('check', '-c', 'x', 'y')),
                ('usage: ring-inspect locate [--owners N] KEY...', ('locate', *ABC)),
                ('usage: ring-inspect show', ('show', *ABC, 'a')),
                ('usage: ring-inspect diff [--all] OLD NEW', ('diff', 'a')),
                ('-o takes option=value', ('show', '-o', 'points'))):
            with self.subTest(arguments):
                self.assertEqual(self.refused(2, message, *arguments).out, b'')

    def test_wrong_configurations_are_refused(self):
        binary = self.file('binary', bytes(range(256)))
        twice = self.file('twice', OLD + OLD)
        good = self.file('good', OLD)
        for message, arguments in (
                ('no server: ', ('show',)),
                ('no server: ', ('stats',)),
                ('no server: ', ('locate', '-c', self.file('empty', '# nothing\n'), 'k')),
                ('No such file or directory', ('show', '-c', self.folder + '/missing')),
                ('No such file or directory', ('check', self.folder + '/missing')),
                ('No such file or directory', ('diff', good, self.folder + '/missing')),
                (twice + ':3:', ('show', '-c', twice)),
                (twice + ':3:', ('diff', twice, twice)),
                (binary + ':1:', ('show', '-c', binary)),
                ('server: ', ('show', '-s', 'memcached//h')),
                ('server: ', ('show', '-s', 'http://h')),
                ('server: ', ('show', '-s', '')),
                ('points', ('show', *ABC, '-o', 'points=0')),
                ('points', ('show', *ABC, '-o', 'points=')),
                ('colour', ('show', *ABC, '-o', 'colour=red')),
                ('', ('show', '-s', 'memcached://h', '-s', 'memcached://h'))):
            with self.subTest(arguments):
                self.assertEqual(self.refused(2, message, *arguments).out, b'')

    def test_passwords_are_never_printed(self):
        secret = 'hunter2'
        for arguments in (('show', '-s', f'redis://u:{secret}@h'),
                          ('show', '-o', f'server=redis://:{secret}@h'),
                          ('show', '-s', f'redis://u:{secret}@h:notaport'),
                          ('show', f'redis://u:{secret}@h'),
                          (f'redis://u:{secret}@h',),
                          ('show', f'--frob=redis://u:{secret}@h'),
                          ('show', f'--json=redis://u:{secret}@h'),
                          ('show', '-s', f'memcached://u:{secret}@h'),
                          ('show', '-s', f'memcached://u:{secret}%20@h'),
                          ('show', '-o', f'server:redis://u:{secret}@h'),
                          ('check', self.file('c', f'server = redis://u:{secret}@h:notaport\n')),
                          ('lose', '-s', f'redis://u:{secret}@h', '--json', 'h:6379')):
            with self.subTest(arguments):
                run = Run(*arguments)
                self.assertNotIn(secret.encode(), run.out + run.err)

    def test_a_password_on_the_command_line_is_warned_of_once(self):
        run = Run('show', '-s', 'redis://:p@127.0.0.1', '-s', 'redis://u:p@127.0.0.1:2')
        self.assertEqual(run.status, 0)
        self.assertEqual(run.err.count(b'RINGCACHE_PASSWORD'), 1)
        self.assertEqual(run.err.count(b'\n'), 1)

    def test_a_password_of_the_environment_needs_no_warning(self):
        run = self.done('show', '-s', 'redis://u@127.0.0.1', '-s', 'redis://@127.0.0.1:2',
                        '-s', 'redis+unix://u@/tmp/socket', '-s', 'memcached://u@127.0.0.1:3',
                        password='a/b@c:d%\xe4')
        self.assertIn(b'\n127.0.0.1:2 ', run.out)

    def test_a_full_disk_is_noticed(self):
        for arguments in (('show', *ABC), ('locate', *ABC, '-'), ('show', *ABC, '--json'),
                          ('--help',)):
            with open('/dev/full', 'wb') as full:
                ran = subprocess.run([PROGRAM, *arguments], input=b'k\n' * 100000, stdout=full,
                                     stderr=subprocess.PIPE, timeout=SECONDS, check=False)
            self.assertEqual(ran.returncode, 1)
            self.assertEqual(ran.stderr,
                             b'ring-inspect: standard output: No space left on device\n')

    def test_a_reader_that_went_away_ends_an_endless_stream(self):
        with subprocess.Popen(['yes'], stdout=subprocess.PIPE) as source:
            with subprocess.Popen([PROGRAM, 'locate', *ABC, '-'], stdin=source.stdout,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                source.stdout.close()
                process.stdout.readline()
                process.stdout.close()
                self.assertEqual(process.wait(SECONDS), 1)
                self.assertEqual(process.stderr.read(),
                                 b'ring-inspect: standard output: Broken pipe\n')
            source.wait(SECONDS)

    def test_a_closed_standard_output_is_noticed(self):
        path = self.file('conf', OLD)
        ran = subprocess.run(['sh', '-c', 'exec "$0" show -c "$1" >&-', PROGRAM, path],
                             stderr=subprocess.PIPE, timeout=SECONDS, check=False)
        self.assertEqual(ran.returncode, 1)
        self.assertIn(b'ring-inspect: standard output: ', ran.stderr)
        with open(path, encoding='utf-8') as file:
            self.assertEqual(file.read(), OLD)

    def test_unreadable_keys_are_noticed(self):
        with open('/proc/self/mem', 'rb') as unreadable:
            ran = subprocess.run([PROGRAM, 'locate', *ABC, '-'], stdin=unreadable,
                                 capture_output=True, timeout=SECONDS, check=False)
        self.assertEqual(ran.returncode, 1)
        self.assertIn(b'ring-inspect: standard input: ', ran.stderr)


@unittest.skipUnless(shutil.which('strace'), 'strace is not installed')
class Network(Case):

    def traced(self, *arguments, **how):
        """The network's system calls in a run."""
        trace = os.path.join(self.folder, 'trace')
        options = os.environ.get('ASAN_OPTIONS', '')
        run = Run(*arguments, wrapper=('strace', '-f', '-e', 'trace=%network', '-o', trace),
                  # A traced process cannot look for leaks.
                  environment={'ASAN_OPTIONS': options + ':detect_leaks=0'}, **how)
        with open(trace, encoding='utf-8') as file:
            lines = file.read().splitlines()
        self.assertTrue(lines, 'nothing was traced')
        return run, [line for line in lines if '+++' not in line and '---' not in line]

    def test_offline_commands_make_no_network_call(self):
        old, new = self.file('old', OLD), self.file('new', NEW)
        for arguments in (('locate', *ABC, '-'), ('locate', '-c', old, '--owners', '2', 'k'),
                          ('show', '-c', new), ('show', *ABC, '--json'), ('check', old),
                          ('diff', old, new), ('lose', *ABC, 'a'), ('options',), ('--help',)):
            with self.subTest(arguments):
                run, calls = self.traced(*arguments, stdin=b'k\n')
                self.assertEqual((run.status, run.err, calls), (0, b'', []))

    def test_the_trace_would_have_shown_a_network_call(self):
        run, calls = self.traced('ping', '-s', f'memcached+unix://{self.folder}/none')
        self.assertEqual(run.status, 1)
        self.assertTrue(calls)


if __name__ == '__main__':
    main()
