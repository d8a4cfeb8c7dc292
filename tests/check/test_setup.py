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


def told_arguments(folder, script):
    """What the command that `script` tells hands to sudo."""
    for name, body in PROGRAMS.items():
        path = os.path.join(folder, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'#!/bin/sh\n{body}\n')
        os.chmod(path, 0o755)
    environment = {**os.environ, 'PATH': folder + ':' + os.environ['PATH']}

    def run(*command):
        return subprocess.run(['bash', *command], env=environment, capture_output=True, text=True,
                              timeout=60, check=False)

    told = run(script, 'demo')
    commands = [line for line in told.stderr.splitlines() if line.startswith(TOLD)]
    if told.returncode != 2 or len(commands) != 1:
        return told.stderr
    return run('-c', commands[0][len(TOLD):]).stdout.split('\0')[:-1]


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
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
