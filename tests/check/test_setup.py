#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command that the set-up tells an ordinary user to run. usage: test_setup.py SOURCE-ROOT"""

import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import sources  # noqa: E402

# An ordinary user of a machine on which nothing is installed. sudo wants a password, which is then
# given: its arguments are printed, each ended by a NUL.
PROGRAMS = {
    'id': 'echo 1000',
    'sudo': '[ "$1" != -n ] || exit 1\nprintf "%s\\0" "$@"',
    'apt-get': 'exit 1',
    'apt-cache': 'exit 1',
    'dpkg-query': 'exit 1',
}
TOLD = 'set-up: run once: '
MISSING = 'set-up: missing: '


def run(folder, *command):
    """Of that user, with those programs in `folder`."""
    for name, body in PROGRAMS.items():
        path = os.path.join(folder, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'#!/bin/sh\n{body}\n')
        os.chmod(path, 0o755)
    environment = {**os.environ, 'PATH': folder + ':' + os.environ['PATH']}
    return subprocess.run(['bash', *command], env=environment, capture_output=True, text=True,
                          timeout=60, check=False)


def told_arguments(folder, script):
    """What the command that `script` tells hands to sudo."""
    told = run(folder, script, 'demo')
    commands = [line for line in told.stderr.splitlines() if line.startswith(TOLD)]
    if told.returncode != 2 or len(commands) != 1:
        return told.stderr
    return run(folder, '-c', commands[0][len(TOLD):]).stdout.split('\0')[:-1]


def wanted(folder, script, mode):
    """The packages that the set-up would install."""
    lines = [line for line in run(folder, script, mode).stderr.splitlines()
             if line.startswith(MISSING)]
    return set(lines[0][len(MISSING):].split()) if lines else set()


def main():
    tap = sources.Tap()
    script = os.path.join(sys.argv[1], 'tools', 'setup.sh')
    for name in ('plain', "with a blank, a 'quote' and $HOME"):
        with tempfile.TemporaryDirectory() as folder:
            folder = os.path.realpath(folder)
            programs, tree = os.path.join(folder, 'programs'), os.path.join(folder, name)
            os.mkdir(programs)
            os.mkdir(tree)
            copy = shutil.copy(script, tree)
            told = told_arguments(programs, copy)
            tap.result(f'the command that set-up tells is exact in a path that is {name}',
                       [told] if told != ['bash', copy, 'demo'] else [])
    with tempfile.TemporaryDirectory() as folder:
        embedded, demo, bench, test, coverage = (wanted(folder, script, mode) for mode in (
            'embedded', 'demo', 'bench', 'test', 'coverage'))
    tap.result('the embedded demo wants all that the other one does, but for the servers',
               [f'{embedded} {demo}']
               if not embedded or demo - embedded != {'memcached', 'redis-server'} else [])
    tap.result('the comparison wants all that the demo does, and what it compares with',
               sorted(demo - bench) or ([] if 'libmemcached-dev' in bench else sorted(bench)))
    tap.result('the tests want all that the comparison does, but for what draws',
               sorted(bench - test - {'gnuplot-nox'}) + sorted(test & {'gnuplot-nox'}))
    tap.result('coverage wants all that the tests do, and what counts it',
               [f'{test} {coverage}'] if not test or coverage - test != {'gcovr'} else [])
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
