#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is asked of the comparison and cannot be done is refused before anything is run, by its name;
and what it writes lands where its caller said. usage: test_bench.py SOURCE-ROOT"""

import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, '..', '..', 'tools', 'bench'))
import bench  # noqa: E402
import sources  # noqa: E402

POSSIBLE = ('memcached-get-w1-v1-s1', 'redis-get_many-w100000-v1048576-s64',
            'redis-set-w64-v100-s4+integrity=strict')
IMPOSSIBLE = {
    'memcached-get-w0-v100-s4': 'w0',
    'memcached-get-w1000001-v100-s4': 'w1000001',
    'redis-set-w64-v0-s4': 'v0',
    'redis-set-w64-v1048577-s4': 'v1048577',
    'redis-get_many-w64-v100-s0': 's0',
    'memcached-get-w64-v100-s65+merge_gets=no': 's65',
}

# In the place of the programs that build and measure: the comparison's arguments are printed.
PROGRAMS = {'meson': ':', 'ninja': ':', 'python3': 'printf "%s\\n" "$@"',
            'apt-get': ':', 'dpkg-query': 'printf installed'}


def given(folder, *arguments):
    """What tools/bench.sh, started in `folder`, hands to the comparison."""
    programs = os.path.join(folder, 'programs')
    os.mkdir(programs)
    for name, body in PROGRAMS.items():
        path = os.path.join(programs, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'#!/bin/sh\n{body}\n')
        os.chmod(path, 0o755)
    environment = {**os.environ, 'PATH': programs + ':' + os.environ['PATH']}
    done = subprocess.run(['bash', os.path.join(os.path.abspath(sys.argv[1]), 'tools', 'bench.sh'), *arguments], cwd=folder,
                          env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.splitlines()


def main():
    tap = sources.Tap()
    for name in POSSIBLE:
        problem = bench.problem_of(bench.cell_called(name))
        tap.result(f'{name} can be run', [problem] if problem else [])
    for name, what in IMPOSSIBLE.items():
        problem = bench.problem_of(bench.cell_called(name))
        told = problem is not None and problem.startswith(f'{name}: {what} ')
        tap.result(f'{name} is refused for its {what}', [] if told else [str(problem)])
    for arguments in (('--json', 'rows'), ('--json=rows',)):
        with tempfile.TemporaryDirectory() as folder:
            folder = os.path.realpath(folder)
            words = given(folder, *arguments, 'lookup')
            named = {word.removeprefix('--json=') for word in words}
            tap.result(f'{" ".join(arguments)} names a file of the caller\'s folder',
                       [] if os.path.join(folder, 'rows') in named else [str(words)])
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
