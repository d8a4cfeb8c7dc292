#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the drivers of tools/bench against servers of its own, in turns, and tell what each costs.
usage: bench.py BUILD [--quick|--full] [--json FILE] [--docs FILE] [CELL…]

BUILD is a build's tools/bench folder. A CELL is a pattern such as 'redis-get-w64*'; without one,
all of them are run. The name of a cell that is none of them makes one: options of ringcache's are
tried as in 'redis-get-w64-v100-s4+integrity=strict'."""

import argparse
import concurrent.futures
import contextlib
import fnmatch
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import report  # noqa: E402

QUICK = {'repeats': 3, 'ops': {1: 6000, 8: 30000, 64: 80000, 1024: 160000, 100000: 300000},
         'keys': 10000, 'proxied': False}
FULL = {'repeats': 3, 'ops': {1: 10000, 8: 40000, 64: 100000, 1024: 200000, 100000: 400000},
        'keys': 30000, 'proxied': True}
FILLED_BYTES = 32 << 20
LARGE_BYTES = 65536
LARGE_OPS = 4000
COUNTED_OPS = 30000
# Of the two runs whose difference is told; few keys, since callgrind fills them, too.
CALLGRIND_OPS, CALLGRIND_KEYS = 5120, 1024
PATIENCE_S = 90
# What a cell of one's own may have: as many requests as are done within that time, and what the
# drivers have room for (plan.c).
WINDOW_MAX, VALUE_MAX, SERVERS_MAX = 1000000, 1 << 20, 64


CELL = re.compile(r'(memcached|redis)-(get|set|get_many)-w(\d+)-v(\d+)-s(\d+)(-two)?'
                  r'((?:\+\w+=[^+]+)*)')


class Cell:
    """One kind of work, which every contender that can does; or, where `options` of ringcache's are
    given, ringcache with them and without."""

    def __init__(self, backend, op, window, **more):
        self.backend, self.op, self.window = backend, op, window
        self.value = more.get('value', 100)
        self.servers = more.get('servers', 4)
        self.options = more.get('options', ())
        self.cores = more.get('cores', 'one')
        self.counted = more.get('counted', False)

    def __str__(self):
        return (f'{self.backend}-{self.op}-w{self.window}-v{self.value}-s{self.servers}'
                f'{"-two" if self.cores == "two" else ""}'
                f'{"".join("+" + option for option in self.options)}')


def cell_called(name):
    """The cell of that name, or None where it is no cell's."""
    found = CELL.fullmatch(name)
    if not found:
        return None
    backend, op, window, value, servers, two, options = found.groups()
    return Cell(backend, op, int(window), value=int(value), servers=int(servers),
                cores='two' if two else 'one', options=tuple(options.split('+')[1:]))


def problem_of(cell):
    """Why it cannot be run, by its name; or None."""
    for letter, number, most in (('w', cell.window, WINDOW_MAX), ('v', cell.value, VALUE_MAX),
                                 ('s', cell.servers, SERVERS_MAX)):
        if not 1 <= number <= most:
            return f'{cell}: {letter}{number} is not within {letter}1..{letter}{most}'
    return None


def quick_cells():
    for backend in ('memcached', 'redis'):
        for op, window in (('get', 1), ('get', 64), ('set', 64), ('get', 1024)):
            yield Cell(backend, op, window, counted=window <= 64)
        yield Cell(backend, 'get_many', 100)
        for window in (64, 1024):
            yield Cell(backend, 'get', window, cores='two')
    yield Cell('redis', 'get', 64, options=('integrity=strict',))


def full_cells():
    for backend in ('memcached', 'redis'):
        for op in ('get', 'set'):
            for window in (1, 8, 64, 1024):
                yield Cell(backend, op, window, counted=True)
                yield Cell(backend, op, window, cores='two')
            yield Cell(backend, op, 100000)
            for value in (32, 1024):
                yield Cell(backend, op, 64, value=value)
            for window in (1, 8):
                yield Cell(backend, op, window, value=LARGE_BYTES)
        for count in (1, 16, 64):
            for window in (64, 1024):
                yield Cell(backend, 'get', window, servers=count)
        for keys in (100, 10000):
            yield Cell(backend, 'get_many', keys, counted=True)
            yield Cell(backend, 'get_many', keys, cores='two')
        for window in (1, 64):
            yield Cell(backend, 'get', window, options=('integrity=strict',), counted=True)


class Failure(Exception):
    """What went wrong, and where."""


def say(text):
    print(text, flush=True)


def tell(table):
    if table:
        say(table)


# ---- servers ----

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def await_port(process, port, what):
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), 1):
            return
        time.sleep(0.01)
    raise Failure(f'{what} on port {port} does not answer')


def server_command(backend, port):
    if backend == 'redis':
        return ['redis-server', '--port', str(port), '--bind', '127.0.0.1', '--save', '',
                '--appendonly', 'no']
    as_root = ['-u', 'root'] if os.geteuid() == 0 else []
    return ['memcached', '-t', '1', '-m', '512', '-U', '0', '-l', '127.0.0.1', '-p', str(port),
            *as_root]


def proxy_file(backend, port, ports):
    path = f'nutcracker-{port}.yml'
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'pool:\n  listen: 127.0.0.1:{port}\n  hash: fnv1a_64\n'
                   '  distribution: ketama\n  auto_eject_hosts: false\n'
                   f'  redis: {"true" if backend == "redis" else "false"}\n  servers:\n'
                   + ''.join(f'   - 127.0.0.1:{port}:1\n' for port in ports))
    return path


class Servers:
    """Servers of one kind on one core, and twemproxy in front of them where it is installed."""

    def __init__(self, backend, count, core, proxied=False):
        self.backend, self.core, self.processes = backend, core, []
        self.proxy = None
        try:
            self.ports = [self.start(backend) for _ in range(count)]
            if proxied:
                self.proxy = self.start_proxy()
        except Exception:
            self.stop()
            raise

    def launch(self, command, port):
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, {self.core}))
        self.processes.append(process)
        await_port(process, port, command[0])

    def start(self, backend):
        port = free_port()
        self.launch(server_command(backend, port), port)
        return port

    def start_proxy(self):
        port = free_port()
        self.launch(['nutcracker', '-c', proxy_file(self.backend, port, self.ports), '-a',
                     '127.0.0.1', '-s', str(free_port())], port)
        return port

    def pids(self):
        return [process.pid for process in self.processes]

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


# ---- contenders ----

class Contender:
    """A driver, in a protocol, with options, directly or through twemproxy."""

    def __init__(self, driver, protocol, proxied=False, options=()):
        self.driver, self.protocol, self.proxied = driver, protocol, proxied
        self.options = options

    def __str__(self):
        protocol = f' {self.protocol}' if self.protocol == 'classic' and \
            self.driver != 'libmemcached' else ''
        options = ''.join(' ' + option for option in self.options)
        return self.driver + protocol + options + (' + twemproxy' if self.proxied else '')


def contenders(cell, absent, proxied_too):
    if cell.options:
        protocol = 'redis' if cell.backend == 'redis' else 'meta'
        return [Contender('ringcache', protocol), Contender('floor_uv', protocol),
                Contender('ringcache', protocol, options=cell.options)]
    if cell.backend == 'redis':
        chosen = [Contender(name, 'redis') for name in (
            'ringcache', 'floor_uv', 'floor_epoll', 'hiredis_async', 'hiredis_sync')]
        proxied = Contender('hiredis_sync', 'redis', True)
    else:
        chosen = [Contender('ringcache', 'meta'), Contender('floor_uv', 'meta'),
                  Contender('floor_epoll', 'meta'), Contender('libmemcached', 'classic')]
        if cell.op == 'set' and cell.window > 1:
            chosen.append(Contender('libmemcached', 'classic', options=('replies=yes',)))
        if cell.op == 'get_many':
            chosen += [Contender('ringcache', 'classic'), Contender('floor_uv', 'classic')]
        proxied = Contender('libmemcached', 'classic', True)
    if proxied_too and cell.op == 'get' and cell.value == 100 and cell.window in (1, 64):
        chosen.append(proxied)
    return [c for c in chosen if c.driver not in absent]


def arguments(cell, contender, servers, scale, ops=None, keys=None):
    keys = min(keys or scale['keys'], max(64, FILLED_BYTES // cell.value))
    ops = ops or (LARGE_OPS if cell.value == LARGE_BYTES else 0) or \
        scale['ops'].get(cell.window) or scale['ops'][64]
    if cell.op == 'get_many':
        keys = max(cell.window, keys // cell.window * cell.window)
        ops = max(cell.window, ops // cell.window * cell.window)
    ports = [servers.proxy] if contender.proxied else servers.ports
    pids = servers.pids() if contender.proxied else servers.pids()[:len(servers.ports)]
    return ['load', '--driver', contender.driver, '--protocol', contender.protocol,
            '--op', cell.op, '--window', str(cell.window), '--value', str(cell.value),
            '--keys', str(keys), '--ops', str(ops),
            *(word for option in contender.options for word in ('--option', option)),
            '--ports', ','.join(map(str, ports)), '--pids', ','.join(map(str, pids))]


class Runner:
    def __init__(self, build, scale):
        self.program = os.path.join(build, 'bench')
        self.counter = os.path.join(build, 'bench_calls.so')
        self.scale = scale
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.cores = cores[-1], cores
        self.rows = []
        self.absent = {row['driver']: row['absent'] for row in self.run(['drivers'])
                       if row['absent']}

    def run(self, options, core=None, prefix=(), environment=None):
        """The JSON lines that a command prints."""
        pinned = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
        try:
            done = subprocess.run(
                [*prefix, self.program, *options], capture_output=True, text=True, check=False,
                timeout=PATIENCE_S, env={**os.environ, **(environment or {})}, preexec_fn=pinned)
        except subprocess.TimeoutExpired:
            raise Failure(f'no end after {PATIENCE_S} s: bench {" ".join(options)}') from None
        if done.returncode != 0:
            raise Failure(f'{done.stderr.strip()} (bench {" ".join(options)})')
        return [json.loads(line) for line in done.stdout.splitlines()]

    def client_core(self, cell):
        return self.server_core if cell.cores == 'one' else self.cores[0]

    def keep(self, cell, contender, row):
        self.rows.append({**row, 'cell': str(cell), 'contender': str(contender),
                          'cores': cell.cores})

    def compare(self, cell, servers):
        """All contenders in turn, so that whatever else the machine does meets them all."""
        rivals = contenders(cell, self.absent, servers.proxy is not None)
        for _ in range(self.scale['repeats']):
            for contender in rivals:
                self.keep(cell, contender, self.run(
                    arguments(cell, contender, servers, self.scale), self.client_core(cell))[0])
        if cell.counted and cell.cores == 'one':
            self.count_calls(cell, servers, rivals)
        say(report.cell_table(self.rows, str(cell)))

    def count_calls(self, cell, servers, rivals):
        for contender in rivals:
            options = arguments(cell, contender, servers, self.scale, ops=COUNTED_OPS)
            row = self.run(options, self.client_core(cell),
                           environment={'LD_PRELOAD': self.counter})[0]
            self.keep(cell, contender, {'calls': row['calls']})

    def count_instructions(self, cell, servers):
        """User instructions, by the difference of two runs, in which all but the loads cancels."""
        chosen = [c for c in contenders(cell, self.absent, False) if c.driver != 'floor_epoll']

        def total(contender, number, times):
            options = arguments(cell, contender, servers, self.scale, ops=times * CALLGRIND_OPS,
                                keys=CALLGRIND_KEYS)
            profile = f'callgrind-{cell}-{number}-{times}'
            self.run(options, prefix=['valgrind', '-q', '--tool=callgrind',
                                      f'--callgrind-out-file={profile}'])
            with open(profile, encoding='utf-8') as file:
                found = [line.split()[1] for line in file if line.startswith('totals:')]
            os.remove(profile)
            return int(found[0])

        with concurrent.futures.ThreadPoolExecutor(len(self.cores)) as pool:
            totals = [[pool.submit(total, contender, number, times) for times in (1, 2)]
                      for number, contender in enumerate(chosen)]
            for contender, (once, twice) in zip(chosen, totals):
                difference = twice.result() - once.result()
                self.keep(cell, contender, {'instructions': difference / CALLGRIND_OPS})


# ---- all of it ----

def by_servers(cells):
    """Cells that the same servers can do, together."""
    groups = {}
    for cell in cells:
        groups.setdefault((cell.backend, cell.servers), []).append(cell)
    return groups.items()


def run_cells(runner, cells):
    for (backend, count), group in by_servers(cells):
        if not shutil.which('redis-server' if backend == 'redis' else 'memcached'):
            say(f'skipped: {backend} is not installed')
            continue
        servers = Servers(backend, count, runner.server_core,
                          runner.scale['proxied'] and shutil.which('nutcracker') is not None)
        try:
            for cell in group:
                if cell.cores == 'two' and len(runner.cores) < 2:
                    say(f'skipped: {cell}: there is one core')
                else:
                    runner.compare(cell, servers)
        finally:
            servers.stop()


def run_instructions(runner, wanted):
    if not shutil.which('valgrind'):
        say('skipped: instructions: valgrind is not installed')
        return
    for backend in ('memcached', 'redis'):
        cells = [cell for cell in (Cell(backend, 'get', 64), Cell(backend, 'set', 64))
                 if wanted('instructions') or wanted(f'instructions-{cell}')]
        if cells:
            # On every core: what is counted is the same wherever it runs.
            servers = Servers(backend, 4, runner.server_core)
            try:
                for cell in cells:
                    runner.count_instructions(cell, servers)
            finally:
                servers.stop()
    tell(report.instruction_table(runner.rows))


def run_rest(runner, wanted):
    """What needs no traffic."""
    core = runner.server_core
    if wanted('lookup'):
        runner.rows += [{**row, 'cell': 'lookup'} for row in runner.run(['lookup'], core)]
    if wanted('join'):
        runner.rows += [{**row, 'cell': 'join'} for row in runner.run(['join'], core)]
    if wanted('memory'):
        runner.rows += [{**row, 'cell': 'memory'} for row in runner.run(['points'], core)]
        for backend, protocol in (('memcached', 'meta'), ('redis', 'redis')):
            servers = Servers(backend, 4, core)
            try:
                runner.rows += [{**row, 'cell': 'memory'} for row in runner.run(
                    ['memory', '--driver', 'ringcache', '--protocol', protocol, '--ports',
                     ','.join(map(str, servers.ports)), '--pids',
                     ','.join(map(str, servers.pids()[:4]))], core)]
            finally:
                servers.stop()
    tell(report.rest_table(runner.rows))


def announce(runner):
    say(report.machine())
    for driver, why in runner.absent.items():
        say(f'skipped: {driver}: {why}')
    if not runner.scale['proxied']:
        say('left out: twemproxy, which --full has')
    elif not shutil.which('nutcracker'):
        say('skipped: twemproxy (nutcracker) is not installed')
    if not shutil.which('gnuplot'):
        say('skipped: plots: gnuplot is not installed')


def parse():
    parser = argparse.ArgumentParser(
        prog='bench.sh', usage=__doc__.split('usage: ')[1], allow_abbrev=False)
    parser.add_argument('build')
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--full', action='store_true')
    parser.add_argument('--json')
    parser.add_argument('--docs')
    parser.add_argument('cells', nargs='*')
    return parser.parse_intermixed_args()


def main():
    options = parse()
    # An end that runs what is to be run at an end: the servers are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    patterns = options.cells or ['*']
    unused = set(patterns)

    def wanted(name):
        found = {pattern for pattern in patterns if fnmatch.fnmatch(name, pattern)}
        unused.difference_update(found)
        return bool(found)

    made = {name: cell for name in patterns if (cell := cell_called(name))}
    for problem in filter(None, map(problem_of, made.values())):
        print(f'bench: {problem}', file=sys.stderr)
        return 2
    runner = Runner(options.build, FULL if options.full else QUICK)
    announce(runner)
    cells = {str(cell): cell for cell in (full_cells() if options.full else quick_cells())}
    try:
        run_cells(runner, [cell for name, cell in {**made, **cells}.items() if wanted(name)])
        run_instructions(runner, wanted)
        run_rest(runner, wanted)
    except Failure as failure:
        print(f'bench: {failure}', file=sys.stderr)
        return 1
    for pattern in unused:
        print(f'bench: no cell is called {pattern}', file=sys.stderr)
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as file:
            file.writelines(json.dumps(row) + '\n' for row in runner.rows)
    for table in report.sweep_tables(runner.rows):
        say(table)
    tell(report.target_table(runner.rows))
    if options.docs and options.full and not options.cells:
        report.write_docs(options.docs, runner.rows)
    return 2 if unused else 0


if __name__ == '__main__':
    sys.exit(main())
