# SPDX-License-Identifier: MIT
"""faultd as a program: its arguments, scripts, control socket, log and end. usage: test_program.py
FAULTD"""

import os
import re
import signal
import socket
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
from daemon import PROGRAM, Echo, EchoCase, main, receive, silent  # noqa: E402
from program import Run  # noqa: E402


class Refusals(EchoCase):

    def refused_with(self, messages, *arguments, **how):
        run = Run(*arguments, **how)
        self.assertEqual((run.status, run.out), (2, b''), run.err)
        self.assertEqual(run.err.decode().splitlines(), [f'faultd: {m}' for m in messages])

    def test_arguments_that_make_no_sense_are_refused(self):
        places = '(HOST:PORT, [IPv6]:PORT or unix:PATH)'
        rows = (
            ((), 'at least one NAME=LISTEN,SERVER is needed (faultd --help)'),
            (('--bogus',), 'unknown option --bogus'),
            (('--seed',), '--seed needs a value'),
            (('--seed', '-1'), '--seed takes a number of 64 bits'),
            (('--seed', '18446744073709551616'), '--seed takes a number of 64 bits'),
            (('a',), 'a is not NAME=LISTEN,SERVER'),
            (('a=127.0.0.1:0',), 'a=127.0.0.1:0 is not NAME=LISTEN,SERVER'),
            (('a b=127.0.0.1:0,127.0.0.1:1',), 'a b=127.0.0.1:0,127.0.0.1:1 is not '
                                               'NAME=LISTEN,SERVER'),
            (('a=127.0.0.1,127.0.0.1:1',), f'127.0.0.1: invalid argument {places}'),
            (('a=127.0.0.1:x,127.0.0.1:1',), f'127.0.0.1:x: invalid argument {places}'),
            (('a=127.0.0.1:0,unix:',), f'unix:: invalid argument {places}'),
            (('a=unix:/tmp/x,127.0.0.1:1', 'a=unix:/tmp/y,127.0.0.1:1'), 'two pairs are called a'),
            (('-f', '/nowhere/at/all', 'a=127.0.0.1:0,127.0.0.1:1'),
             '/nowhere/at/all: No such file or directory'),
            (('-f', '/', 'a=127.0.0.1:0,127.0.0.1:1'), '/: Is a directory'),
        )
        for arguments, message in rows:
            with self.subTest(arguments):
                self.refused_with([message], *arguments)

    def test_script_with_mistakes_is_refused_as_a_whole(self):
        path = self.file('script', '# fine\nlatency 5ms\n  bogus\n\nat 5s drop 0 # none\nreset\n')
        pair = f'echo=127.0.0.1:0,{self.echo.place}'
        problems = ['3:3: unknown word', '5:12: out of range: 1 to 1048576']
        self.refused_with([f'{path}:{p}' for p in problems], '-f', path, pair)
        with open(path, 'rb') as script:
            ran = subprocess.run([PROGRAM, '-f', '-', pair], stdin=script, capture_output=True,
                                 timeout=60, check=False)
        self.assertEqual((ran.returncode, ran.stdout), (2, b''))
        self.assertEqual(ran.stderr.decode().splitlines(),
                         [f'faultd: stdin:{p}' for p in problems])

    def test_script_of_another_pair_is_refused(self):
        path = self.file('script', '\npair other reset\n')
        run = Run('-f', path, f'echo=127.0.0.1:0,{self.echo.place}')
        self.assertEqual(run.status, 2)
        self.assertEqual(run.err.decode(),
                         f'faultd: {path}:2:1: there is no pair of this name\n')

    def test_place_in_use_is_told(self):
        run = Run(f'a={self.echo.place},{self.echo.place}')
        self.assertEqual(run.status, 1)
        self.assertEqual(run.err, b'faultd: a cannot listen: address already in use\n')


class Scripts(EchoCase):

    def test_file_is_done_at_its_times(self):
        path = self.file('script', 'after 1 bytes down insert "*"\n'
                                   'at 200ms latency 0ms\r\nat 100ms slice 1')
        faultd = self.start('-f', path, control=False)
        connection = faultd.connect()
        connection.sendall(b'ab')
        self.assertEqual(receive(connection, 3), b'a*b')
        times = {line['text']: line['ms'] for line in (faultd.next('fault') for _ in range(3))}
        self.assertGreaterEqual(times['at 100ms slice 1'], 100)
        self.assertGreaterEqual(times['at 200ms latency 0ms'], 200)
        self.assertIn('after 1 bytes down insert "*"', times)

    def test_lines_of_the_standard_input_are_done_as_they_come(self):
        faultd = self.start('-f', '-', control=False, stdin=subprocess.PIPE)
        connection = self.connected(faultd)
        for text in (b'1', b'2'):
            faultd.process.stdin.write(b'insert "%s" down\n' % text)
            faultd.process.stdin.flush()
            self.assertEqual(receive(connection, 1), text)
        faultd.process.stdin.write(b'heal\nin 1ms insert "3" down')  # no newline at the end
        faultd.process.stdin.close()
        self.assertEqual(receive(connection, 1), b'3')
        connection.sendall(b'4')  # it runs on
        self.assertEqual(receive(connection, 1), b'4')

    def test_line_of_the_standard_input_that_is_wrong_is_told_and_left_out(self):
        faultd = self.start('-f', '-', control=False, stdin=subprocess.PIPE)
        faultd.process.stdin.write(b'heal\n\nreset soon\nconnection 9 reset\n')
        faultd.process.stdin.close()
        said = [faultd.process.stderr.readline().decode() for _ in range(2)]
        self.assertEqual(said, ['faultd: stdin:3:7: the line goes on behind its command\n',
                                'faultd: stdin:4:1: there is no such connection\n'])
        connection = faultd.connect()
        connection.sendall(b'x')
        self.assertEqual(receive(connection, 1), b'x')

    def test_pairs_are_chosen_by_name(self):
        other = Echo(os.path.join(self.folder, 'other'))
        self.addCleanup(other.close)
        place = os.path.join(self.folder, 'listen')
        faultd = self.start(f'local=unix:{place},{other.place}')
        faultd.do('pair local after 0 bytes down insert "local:"')
        connections = [faultd.connect(), faultd.connect('local')]
        for connection in connections:
            connection.sendall(b'x')
        self.assertEqual(receive(connections[0], 1), b'x')
        self.assertEqual(receive(connections[1], 7), b'local:x')
        faultd.do('pair local refuse')
        self.assertFalse(os.path.exists(place))
        faultd.do('accept', 'reset')
        self.assertEqual(receive(connections[0], 1), b'!')
        # There is no RST on a Unix socket.
        self.assertEqual(receive(connections[1], 1), b'$')
        connection = faultd.connect('local')
        connection.sendall(b'y')
        self.assertEqual(receive(connection, 7), b'local:y')
        faultd.end()
        self.assertFalse(os.path.exists(place))


class Control(EchoCase):

    def test_each_line_is_answered_in_its_turn(self):
        faultd = self.start()
        lines = ['heal', '', '# nothing', 'bogus', 'connection 1 reset', 'pair no heal',
                 'drop ' + '1' * 70000, 'in 1h heal', 'flow up']
        faultd.control.sendall('\n'.join(lines).encode() + b'\n')
        answers = [faultd.answers.readline().rstrip() for _ in range(7)]
        self.assertEqual(answers, [
            'ok', 'error 4:1: unknown word', 'error 5:1: there is no such connection',
            'error 6:1: there is no pair of this name', 'error 7:1: the line is too long',
            'error 8:4: not a time such as 20ms or 3s', 'ok'])

    def test_many_may_talk_and_leave(self):
        faultd = self.start()
        path = faultd.control.getpeername()
        for _ in range(50):
            with socket.socket(socket.AF_UNIX) as talk:
                talk.connect(path)
                talk.sendall(b'latency 1ms\nlatency 0ms\nheal')
        self.assertEqual(faultd.say('heal'), 'ok')

    def test_who_does_not_read_answers_is_not_read(self):
        faultd = self.start()
        with socket.socket(socket.AF_UNIX) as talk:
            talk.connect(faultd.control.getpeername())
            talk.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                for _ in range(2000):
                    talk.sendall(b'bogus\n' * 5000)
        self.assertEqual(faultd.say('heal'), 'ok')


class Manual(EchoCase):

    def test_scripts_of_the_manual_are_understood(self):
        page = os.path.join(os.path.dirname(os.path.abspath(__file__)), *['..'] * 3, 'docs',
                            'faultd.1')
        with open(page, encoding='ascii') as file:
            examples = file.read().split('.SH EXAMPLES')[1]
        texts = [text.replace('\\-', '-').replace('\\e', '\\')
                 for text in re.findall(r'\.EX\n(.*?)\.EE\n', examples, re.S) if text[0] != '$']
        self.assertEqual(len(texts), 2)
        for text in texts:
            faultd = self.start('-f', self.file('script', text), control=False)
            faultd.end()


class Program(EchoCase):

    def test_version_and_help(self):
        self.assertRegex(self.done('--version').out, rb'\Afaultd \d+\.\d+\.\d+\n\Z')
        self.assertRegex(self.done('--help').out, rb'\Ausage: faultd ')

    def test_log_is_for_people_too(self):
        process = subprocess.Popen([PROGRAM, '-f', '-', f'echo=127.0.0.1:0,{self.echo.place}'],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        said = process.stdout.readline().decode()
        self.assertRegex(said, rf'^ +\d+ ms  listening echo: 127.0.0.1:\d+ -> {self.echo.place}\n')
        port = int(said.split(' -> ')[0].rsplit(':', 1)[1])
        process.stdin.write(b'after 2 bytes up drop 1\nslice 1\n')
        process.stdin.flush()
        self.assertRegex(process.stdout.readline().decode(), r'^ +\d+ ms  fault echo: slice 1\n')
        with socket.create_connection(('127.0.0.1', port)) as connection:
            connection.sendall(b'abc')
            self.assertEqual(receive(connection, 2), b'ab')
        self.assertRegex(process.stdout.readline().decode(),
                         r'^ +\d+ ms  fault echo 1 up 2: after 2 bytes up drop 1\n')
        process.terminate()
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)

    def test_signals_end_it_whatever_goes_on(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            faultd = self.start()
            stalled, slow = self.connected(faultd), self.connected(faultd)
            faultd.do('connection 1 stall', 'connection 2 latency 60s', 'in 60s reset',
                      'in 70s heal')
            for connection in (stalled, slow):
                connection.sendall(b'x' * 100000)
            faultd.do('pause')
            paused = faultd.connect()
            self.assertTrue(silent(paused, 0.05))
            faultd.end(number)
            for connection in (stalled, slow):
                self.assertEqual(receive(connection, 1), b'!')
            self.assertIn(receive(paused, 1), (b'!', b'$'))

    def test_connections_leave_no_descriptor(self):
        faultd = self.start()
        self.connected(faultd).close()
        faultd.do('reset')
        before = faultd.descriptors()
        ends = ('reset', 'close', 'half-close', 'stall', 'drop 1')
        for i in range(60):
            faultd.do('heal', f'after 1 bytes down {ends[i % len(ends)]}')
            connections = [faultd.connect() for _ in range(5)]
            for connection in connections:
                connection.sendall(b'xy')
            receive(connections[0], 1)
            for connection in connections:
                connection.close()
            faultd.do('heal', 'refuse', 'accept')
        faultd.do('reset')
        self.await_true(lambda: faultd.descriptors() == before)

    def test_reader_of_the_log_may_leave(self):
        process = subprocess.Popen([PROGRAM, '-f', '-', f'echo=127.0.0.1:0,{self.echo.place}'],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        port = int(process.stdout.readline().decode().split(' -> ')[0].rsplit(':', 1)[1])
        process.stdout.close()
        process.stdin.write(b'slice 1\n')
        process.stdin.flush()
        with socket.create_connection(('127.0.0.1', port)) as connection:
            connection.sendall(b'abc')
            self.assertEqual(receive(connection, 3), b'abc')
        process.terminate()
        said = process.communicate(timeout=60)[1]
        self.assertEqual((process.returncode, said), (1, b'faultd: standard output: write error\n'))


if __name__ == '__main__':
    unittest.TestCase.maxDiff = None
    main()
