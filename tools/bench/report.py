# SPDX-License-Identifier: MIT
"""Medians, spreads, ratios and bounds of what bench.py measured."""

import os
import platform
import re
import shutil
import statistics
import subprocess

import plot

FIGURES = ('ops_per_s', 'cpu_ns', 'server_ns', 'calls', 'p50_us', 'p99_us', 'p999_us',
           'instructions')


def machine():
    model = 'processor unknown'
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        for line in file:
            if line.startswith('model name'):
                model = line.split(':', 1)[1].strip()
                break
    versions = []
    for command in (['memcached', '-V'], ['redis-server', '--version'], ['nutcracker', '-V']):
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            found = re.search(r'\d+\.\d+\.\d+', done.stdout + done.stderr)
            versions.append(f'{command[0]} {found.group(0) if found else "?"}')
    return f'{model}, {os.cpu_count()} cores, Linux {platform.release()}; {", ".join(versions)}'


class Summary:
    """Of one contender in one cell: the median of each figure, and how far its runs lie apart."""

    def __init__(self, rows):
        self.figures, self.spreads = {}, {}
        for name in FIGURES:
            values = [row[name] for row in rows if name in row]
            if values:
                middle = statistics.median(values)
                self.figures[name] = middle
                self.spreads[name] = (max(values) - min(values)) / middle if middle else 0

    def get(self, name):
        return self.figures.get(name)


def summaries(rows, cell):
    grouped = {}
    for row in rows:
        if row['cell'] == cell and 'contender' in row:
            grouped.setdefault(row['contender'], []).append(row)
    return {contender: Summary(found) for contender, found in grouped.items()}


def number(value, digits=0):
    return '' if value is None else f'{value:,.{digits}f}'


def ratio(value, base):
    return '' if value is None or not base else f'{value / base:.2f}'


def cell_lines(rows, cell):
    """A line of words for each contender."""
    found = summaries(rows, cell)
    floor = found.get('floor_uv')
    for contender, s in found.items():
        if s.get('cpu_ns') is None:
            continue
        yield [contender, number(s.get('ops_per_s') / 1e3),
               number(s.get('cpu_ns')), f'±{50 * s.spreads["cpu_ns"]:.0f} %',
               ratio(s.get('cpu_ns'), floor.get('cpu_ns') if floor else None),
               number(s.get('server_ns')), number(s.get('calls'), 2), number(s.get('p50_us')),
               number(s.get('p99_us')), number(s.get('p999_us'))]


HEAD = ['', 'k/s', 'CPU ns', 'spread', '× floor', 'server ns', 'calls', 'p50 µs', 'p99', 'p99.9']


def columns(lines):
    lines = list(lines)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return '\n'.join('  '.join(
        word.ljust(width) if i == 0 else word.rjust(width)
        for i, (word, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


def cell_table(rows, cell):
    return '\n' + columns([[cell, *HEAD[1:]], *cell_lines(rows, cell)])


def instruction_lines(rows):
    cells = list(dict.fromkeys(row['cell'] for row in rows if 'instructions' in row))
    for cell in cells:
        for contender, s in summaries(rows, cell).items():
            if s.get('instructions') is not None:
                yield [cell, contender, number(s.get('instructions'))]


def instruction_table(rows):
    lines = list(instruction_lines(rows))
    return '\n' + columns([['user instructions per key', '', ''], *lines]) if lines else ''


def rest_lines(rows):
    for row in rows:
        if row['cell'] == 'lookup':
            yield [f'{row["driver"]}, {row["servers"]} servers: lookup, dependent, building',
                   f'{row["lookup_ns"]:.1f} ns, {row["dependent_ns"]:.1f} ns, '
                   f'{row["build_ms"]:.2f} ms']
        elif row['cell'] == 'join':
            yield [f'{row["servers"]} servers, {row["change"]}: until in force, longest turn of the loop',
                   f'{row["join_ms"]:.2f} ms, {row["longest_turn_ms"]:.2f} ms']
        elif row['cell'] == 'memory' and 'client_bytes' in row:
            yield [f'{row["protocol"]}, {row["servers"]} servers: a client, an idle connection, '
                   'a request under way',
                   f'{row["client_bytes"]:,.0f}, {row["connection_bytes"]:,.0f}, '
                   f'{row["request_bytes"]:,.0f} bytes']
        elif 'point_bytes' in row:
            yield ['a point of the ring, with the index', f'{row["point_bytes"]:.2f} bytes']


def rest_table(rows):
    lines = list(rest_lines(rows))
    return '\n' + columns(lines) if lines else ''


# ---- how flat it is ----

WINDOWS, SERVERS = (1, 8, 64, 1024, 100000), (1, 4, 16, 64)


class Sweep:
    """Cells that differ in one number alone."""

    def __init__(self, backend, op, of_what, cells):
        self.backend, self.op, self.of_what, self.cells = backend, op, of_what, cells

    def title(self):
        return f'{self.backend}, {self.op}: client + servers, CPU ns, by {self.of_what}'

    def lines(self, rows):
        """A line of words for each contender; none, where less than two cells were measured."""
        found = {x: summaries(rows, cell) for x, cell in self.cells.items()}
        found = {x: by_contender for x, by_contender in found.items() if by_contender}
        if len(found) < 2:
            return
        yield [self.title(), *(f'{x:,}' for x in found)]
        for contender in dict.fromkeys(name for s in found.values() for name in s):
            yield [contender, *(self.words(s.get(contender)) for s in found.values())]

    @staticmethod
    def words(summary):
        if summary is None or summary.get('cpu_ns') is None:
            return ''
        return f'{number(summary.get("cpu_ns"))} + {number(summary.get("server_ns"))}'

    def curves(self, rows):
        """By contender the client's time, as plots have it."""
        found = {}
        for x, cell in self.cells.items():
            for contender, s in summaries(rows, cell).items():
                if contender in plot.COLOURS and s.get('cpu_ns') is not None:
                    found.setdefault(contender, []).append((x, s.get('cpu_ns')))
        return found


def window_sweep(backend, op):
    return Sweep(backend, op, 'requests under way (4 servers)',
                 {window: f'{backend}-{op}-w{window}-v100-s4' for window in WINDOWS})


def server_sweep(backend, window):
    return Sweep(backend, 'get', f'servers ({window:,} under way)',
                 {count: f'{backend}-get-w{window}-v100-s{count}' for count in SERVERS})


def sweeps():
    for backend in ('memcached', 'redis'):
        yield from (window_sweep(backend, op) for op in ('get', 'set'))
        yield from (server_sweep(backend, window) for window in (64, 1024))


def sweep_tables(rows):
    for sweep in sweeps():
        lines = list(sweep.lines(rows))
        if lines:
            yield '\n' + columns(lines)


PLOTS = {'cost-by-window.svg': lambda backend: window_sweep(backend, 'get'),
         'cost-by-servers.svg': lambda backend: server_sweep(backend, 1024)}


def draw_plots(folder, rows):
    """The pictures of docs/performance.md: the names of their files; none without gnuplot."""
    if not shutil.which('gnuplot'):
        return []
    for name, sweep_of in PLOTS.items():
        chosen = [sweep_of(backend) for backend in ('memcached', 'redis')]
        plot.draw(os.path.join(folder, name), [
            (f'{sweep.backend}: CPU of the client for a get', sweep.of_what, sweep.curves(rows))
            for sweep in chosen])
    return list(PLOTS)


# ---- bounds ----

class Bound:
    """`figure` of ringcache, over that of `base` where there is one, against `most` (or `least`)."""

    def __init__(self, cell, figure, most=None, base=None, **more):
        self.cell, self.figure, self.base, self.most = cell, figure, base, most
        self.least, self.contender = more.get('least'), more.get('contender', 'ringcache')
        self.base_cell = more.get('base_cell', cell)

    def measure(self, rows):
        own = summaries(rows, self.cell).get(self.contender)
        value = own.get(self.figure) if own else None
        if value is None or self.base is None:
            return value
        base = summaries(rows, self.base_cell).get(self.base)
        base = base.get(self.figure) if base else None
        return value / base if base else None

    def line(self, rows):
        value = self.measure(rows)
        if value is None:
            return None
        holds = value <= self.most if self.most is not None else value >= self.least
        wanted = f'≤ {self.most:g}' if self.most is not None else f'≥ {self.least:g}'
        against = f' over {self.base}' if self.base else ''
        against += f' in {self.base_cell}' if self.base_cell != self.cell else ''
        what = f'{self.cell}{"" if self.contender == "ringcache" else " " + self.contender}'
        return [f'{what}: {self.figure}{against}', f'{value:,.2f}', wanted,
                'holds' if holds else 'MISSED']


def cpu_bounds():
    for backend in ('memcached', 'redis'):
        yield Bound(f'{backend}-get-w1-v100-s4', 'cpu_ns', 1.05, 'floor_uv')
        yield Bound(f'{backend}-get-w64-v100-s4', 'cpu_ns', 1.20, 'floor_uv')
        yield Bound(f'{backend}-set-w64-v100-s4', 'cpu_ns', 1.30, 'floor_uv')
        yield Bound(f'{backend}-get_many-w100-v100-s4', 'cpu_ns', 1.35, 'floor_uv')
        yield Bound(f'{backend}-get-w64-v100-s4', 'calls', 0.45)
        yield Bound(f'{backend}-get-w1-v100-s4', 'calls', 3)
    yield Bound('memcached-get_many-w100-v100-s4', 'cpu_ns', 1.35, 'floor_uv classic',
                contender='ringcache classic')
    yield Bound('redis-get-w64-v100-s4', 'cpu_ns', 0.45, 'hiredis_async')
    yield Bound('memcached-get-w64-v100-s4', 'cpu_ns', 0.85, 'libmemcached')
    yield Bound('redis-get-w1024-v100-s4', 'cpu_ns', 2.0, 'floor_uv')
    yield Bound('redis-get-w1024-v100-s4', 'cpu_ns', 0.35, 'hiredis_async')
    yield Bound('memcached-get-w1024-v100-s4', 'cpu_ns', 1.35, 'floor_uv')
    yield Bound('memcached-get-w1024-v100-s4', 'cpu_ns', 0.70, 'libmemcached')
    yield Bound('memcached-get_many-w100-v100-s4', 'cpu_ns', 0.70, 'libmemcached')
    yield Bound('redis-get-w64-v100-s4+integrity=strict', 'cpu_ns', 1.6, 'ringcache',
                contender='ringcache integrity=strict')
    for backend in ('memcached', 'redis'):
        yield Bound(f'{backend}-get-w100000-v100-s4', 'cpu_ns', 1.5, 'ringcache',
                    base_cell=f'{backend}-get-w1024-v100-s4')


def two_core_bounds():
    for window in (64, 1024):
        cell = f'memcached-get-w{window}-v100-s4-two'
        yield Bound(cell, 'ops_per_s', base='libmemcached', least=1.2)
        yield Bound(cell, 'p99_us', 1.1, 'floor_uv')
        cell = f'redis-get-w{window}-v100-s4-two'
        yield Bound(cell, 'ops_per_s', base='hiredis_async', least=1.2)
        yield Bound(cell, 'ops_per_s', base='hiredis_sync', least=1.2)
        yield Bound(cell, 'p99_us', 1, 'hiredis_async')
        yield Bound(cell, 'p99_us', 1.1, 'floor_uv')


def bounds():
    yield Bound('memcached-get-w64-v100-s4', 'instructions', 650)
    yield Bound('redis-get-w64-v100-s4', 'instructions', 700)
    yield Bound('memcached-set-w64-v100-s4', 'instructions', 800)
    yield Bound('redis-set-w64-v100-s4', 'instructions', 800)
    yield from cpu_bounds()
    yield from two_core_bounds()


# Of what is measured without traffic: which figure of which rows, what it is, and its bound.
FREE_KEY_BYTES = 20
REST_BOUNDS = (
    ('lookup_ns', lambda row: row.get('driver') == 'ringcache' and row.get('servers') == 100,
     'a lookup among 100 servers, ns', 5),
    ('request_bytes', lambda row: True, 'a request under way, bytes with its key of 20',
     128 + FREE_KEY_BYTES),
    ('connection_bytes', lambda row: True, 'an idle connection, bytes', 100 * 1024),
    # A point's 8, and the index: a number of 4 bytes for each bucket, as many as points or twice.
    ('point_bytes', lambda row: True, 'a point of the ring and its index, bytes', 16),
)


def target_lines(rows):
    for bound in bounds():
        line = bound.line(rows)
        if line:
            yield line
    for figure, chosen, what, most in REST_BOUNDS:
        values = [row[figure] for row in rows if figure in row and chosen(row)]
        if values:
            value = max(values)
            yield [what, f'{value:,.2f}', f'≤ {most:g}', 'holds' if value <= most else 'MISSED']


def target_table(rows):
    lines = list(target_lines(rows))
    return '\n' + columns([['against the goals', 'measured', 'goal', ''], *lines]) if lines else ''


# ---- docs/performance.md ----

def markdown(head, lines):
    lines = list(lines)
    if not lines:
        return ''
    rule = ['---', *['---:'] * (len(head) - 1)]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in [head, rule, *lines]) + '\n'


def cells_of(rows, *parts):
    names = dict.fromkeys(row['cell'] for row in rows if 'cpu_ns' in row)
    return [name for name in names if all(part in name for part in parts)]


def sections(rows, pictures):
    yield f'Measured on: {machine()}.\n'
    yield '### Against the goals\n'
    yield markdown(['', 'measured', 'goal', ''], target_lines(rows))
    yield '### User instructions of one key, window 64\n'
    yield markdown(['cell', 'contender', 'instructions'], instruction_lines(rows))
    yield '### How flat it is\n'
    yield from (f'![{name.removesuffix(".svg").replace("-", " ")}]({name})\n' for name in pictures)
    for sweep in sweeps():
        lines = list(sweep.lines(rows))
        if lines:
            yield markdown(lines[0], lines[1:])
    yield '### Rings and memory\n'
    yield markdown(['', 'measured'], rest_lines(rows))
    for cell in cells_of(rows):
        yield f'### {cell}\n'
        yield markdown(HEAD, cell_lines(rows, cell))


def write_docs(path, rows):
    """The tables, between the two lines of `path` that mark their place, and the pictures beside
    it."""
    begin, end = '<!-- tables: tools/bench.sh --full -->\n', '<!-- end of tables -->\n'
    with open(path, encoding='utf-8') as file:
        text = file.read()
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    pictures = draw_plots(os.path.dirname(path), rows)
    tables = '\n'.join(part for part in sections(rows, pictures) if part)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'{before}{begin}\n{tables}\n{end}{after}')
