#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a request costs the library in user instructions, against the figures that are written down:
more than 3 % more is a failure, and so is more than 3 % less, so that what was won is kept.
usage: budget.py PROGRAM FIGURES [--write]

PROGRAM is tests/budget/budget of a release build. With --write the row of FIGURES that is this
compiler's is written anew. Without such a row there is nothing to compare with: that is told, with
what was measured."""

import concurrent.futures
import math
import os
import platform
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'check'))
import sources  # noqa: E402

CELLS = ('memcached-get', 'memcached-set', 'redis-get', 'redis-set')
REQUESTS = 8192
TOLERANCE = 0.03
PATIENCE_S = 120
# Where the library begins and ends: boundary.h.
COLLECT = ('--toggle-collect=inside_*', '--toggle-collect=outside_*')
# The C library's plainest functions, which every processor has. Nothing else is in the
# environment: its size moves the stack.
ENVIRONMENT = {'GLIBC_TUNABLES': 'glibc.cpu.hwcaps=-AVX2,-AVX,-BMI2,-ERMS,-FSRM,-MOVBE,-SSE4_1,'
                                 '-SSE4_2,-SSSE3,-AVX_Fast_Unaligned_Load,-Fast_Unaligned_Copy'}


def run(command):
    """What it prints; a failure ends the check."""
    try:
        done = subprocess.run(command, env={**ENVIRONMENT, 'PATH': os.environ['PATH']}, text=True,
                              capture_output=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as why:
        sys.exit(f'{" ".join(command)}: {why}')
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}: exit {done.returncode}\n{done.stderr}')
    return done.stdout


def total_of(profile):
    """What callgrind counted; that it counted nothing ends the check."""
    try:
        with open(profile, encoding='utf-8') as file:
            total = next((int(line.split()[1]) for line in file if line.startswith('totals:')), 0)
    except OSError as why:
        sys.exit(f'callgrind left no profile: {why}')
    return total or sys.exit('callgrind counted no instruction of the library')


def instructions(program, cell, requests):
    """Of the library, in a whole run."""
    with tempfile.TemporaryDirectory() as folder:
        profile = os.path.join(folder, 'profile')
        run(['valgrind', '-q', '--tool=callgrind', f'--callgrind-out-file={profile}', *COLLECT,
             program, *cell.split('-'), str(requests)])
        return total_of(profile)


def measure(program):
    """Of one request, by cell: the difference of two runs, in which all else cancels."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {(cell, times): pool.submit(instructions, program, cell, times * REQUESTS)
                for cell in CELLS for times in (1, 2)}
        totals = {key: done.result() for key, done in runs.items()}
    return {cell: (totals[cell, 2] - totals[cell, 1]) / REQUESTS for cell in CELLS}


def read_row(words):
    """The figures of CELLS; ValueError where they are not that."""
    row = dict(zip(CELLS, map(float, words), strict=True))
    if not all(0 < figure < math.inf for figure in row.values()):
        raise ValueError('a figure is not above 0')
    return row


def read_figures(path):
    """The lines in front of the rows, and by compiler the figures of CELLS. What cannot be read ends
    the check."""
    head, rows = [], {}
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            words = line.split()
            if line.startswith('#') or not words:
                head.append(line)
                continue
            if words[0] in rows:
                sys.exit(f'{path}:{number}: a second row of {words[0]}')
            try:
                rows[words[0]] = read_row(words[1:])
            except ValueError:
                sys.exit(f'{path}:{number}: this is no row of {len(CELLS)} figures above 0')
    return head, rows


def write_figures(path, head, rows):
    with open(path, 'w', encoding='utf-8') as file:
        file.writelines(head)
        for compiler in sorted(rows):
            figures = ''.join(f'{rows[compiler][cell]:15.1f}' for cell in CELLS)
            file.write(f'{compiler:15}{figures}\n')


def verdict(measured, recorded):
    """What is wrong with it, or None."""
    change = measured / recorded - 1
    if abs(change) <= TOLERANCE:
        return None
    told = f'{measured:.1f} instructions, {recorded:.1f} written down: {100 * change:+.1f} %'
    return told if change > 0 else f'{told}; write the better figure down'


def results(measured, rows, compiler):
    """Names of what was compared, each with its problems."""
    if not rows:
        return [('there are figures to compare with', ['none of any compiler is written down'])]
    if compiler not in rows:
        return [(f'no figures of {compiler} are written down # SKIP', [])]
    verdicts = {cell: verdict(figure, rows[compiler][cell]) for cell, figure in measured.items()}
    return [(f'{cell} costs what it did', [problem] if problem else [])
            for cell, problem in verdicts.items()]


def main():
    program, path = sys.argv[1:3]
    compiler = f'{run([program, "compiler"]).strip()}-{platform.machine()}'
    head, rows = read_figures(path)
    measured = measure(program)
    tap = sources.Tap()
    for cell, figure in measured.items():
        tap.note(f'{compiler}: {cell}: {figure:.1f} user instructions')
    if sys.argv[3:] == ['--write']:
        write_figures(path, head, {**rows, compiler: measured})
        return tap.finish()
    if compiler not in rows:
        tap.note(f'{compiler}: there is nothing to compare with')
    for name, problems in results(measured, rows, compiler):
        tap.result(name, problems)
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
