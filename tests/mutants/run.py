#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Put each mutant into a copy of the tree, build it, and see the test die that it names.

usage: run.py [--all] [--folder FOLDER] ROOT [MUTANT…]

A mutant that does not apply, does not compile, or lets the case live that it names is a failure:
exit status 1. With --all every unit and simulation test judges each mutant, and their number is
told. The copy and its build are kept in FOLDER for the next run; without it they are temporary."""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), 'check'))
import mutant as mutants  # noqa: E402
import sources  # noqa: E402

OPTIONS = ('-Db_sanitize=address,undefined', '-Db_lundef=false', '-Doptimization=1')
CHECKED = {
    'ASAN_OPTIONS': 'detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:'
                    'hard_rss_limit_mb=4096',
    'UBSAN_OPTIONS': 'halt_on_error=1',
}
BEGUN = re.compile(r'^\[ RUN +\] (\S+)$', re.M)
PASSED = re.compile(r'^\[ +OK \] (\S+)$', re.M)
# A test that takes so much longer than without a mutant does not end.
PATIENCE, PATIENCE_MIN_S = 10, 10


class Failure(Exception):
    """The mutant was not killed as it says."""


class Run:
    """What a test program did."""

    def __init__(self, output, status, seconds):
        begun = set(BEGUN.findall(output))
        self.passed = begun & set(PASSED.findall(output))
        self.failed = begun - self.passed
        self.status, self.seconds = status, seconds

    @property
    def good(self):
        return self.status == 0 and not self.failed


def execute(command, folder, limit_s):
    """Output and status of `command`, which is ended as a whole when it takes too long."""
    child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, text=True,
                             errors='replace', stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env={**CHECKED, **os.environ}, start_new_session=True)
    try:
        output, _ = child.communicate(timeout=limit_s)
    except BaseException as reason:
        os.killpg(child.pid, signal.SIGKILL)
        output, _ = child.communicate()
        if not isinstance(reason, subprocess.TimeoutExpired):
            raise
    return output, child.returncode


class Copy:
    """A copy of the tree with a build of its own."""

    def __init__(self, root, folder):
        self.root, self.tree = root, os.path.join(folder, 'tree')
        self.build = os.path.join(folder, 'build')
        self.usual_s = {}  # of each program, without a mutant
        self.put({name: None for name in sources.tree_files(root)})
        if not os.path.exists(os.path.join(self.build, 'build.ninja')):
            self.make('meson', 'setup', self.build, self.tree, *OPTIONS)
        self.programs = {}
        for target in self.introspect('targets'):
            for part in target.get('target_sources', ()):
                for source in part.get('sources', ()):
                    if target['type'] == 'executable':
                        self.programs[os.path.relpath(source, self.tree)] = target['filename'][0]
        self.suites = {test['cmd'][0] for test in self.introspect('tests')
                       if test['cmd'][0] in self.programs.values() and
                       {'unit', 'sim'} & {name.split(':')[-1] for name in test['suite']}}

    def introspect(self, what):
        found = subprocess.run(['meson', 'introspect', '--' + what, self.build],
                               capture_output=True, text=True, check=True)
        return json.loads(found.stdout)

    def put(self, texts):
        """Write files that differ, so that nothing else is built anew. None: as in the tree."""
        for name, text in texts.items():
            path = os.path.join(self.tree, name)
            if text is None:
                with open(os.path.join(self.root, name), 'rb') as file:
                    content = file.read()
            else:
                content = text.encode()
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if os.path.isfile(path):
                with open(path, 'rb') as file:
                    if file.read() == content:
                        continue
            with open(path, 'wb') as file:
                file.write(content)

    def make(self, *command):
        output, status = execute(command, os.path.dirname(self.build), None)
        if status != 0:
            raise Failure('does not compile:\n' + '\n'.join(output.splitlines()[-30:]))

    def compile(self, programs):
        self.make('ninja', '-C', self.build, *(os.path.relpath(p, self.build) for p in programs))

    def run(self, program):
        limit_s = None
        if program in self.usual_s:
            limit_s = max(PATIENCE_MIN_S, PATIENCE * self.usual_s[program])
        start = time.monotonic()
        output, status = execute([program], os.path.dirname(program), limit_s)
        run = Run(output, status, time.monotonic() - start)
        self.usual_s.setdefault(program, run.seconds)
        return run


def program_of(copy, mutant):
    if mutant.test not in copy.programs:
        raise Failure(f'no test is built from {mutant.test}')
    return copy.programs[mutant.test]


def check_sound(copy, chosen, judges):
    """Without a mutant every judge is content, and the cases named are among them."""
    copy.compile(judges)
    runs = {program: copy.run(program) for program in sorted(judges)}
    for program, run in runs.items():
        if not run.good:
            raise Failure(f'{os.path.basename(program)} fails without a mutant')
    for mutant in chosen:
        if mutant.case not in runs[program_of(copy, mutant)].passed:
            raise Failure(f'{mutant.name}: {mutant.test} has no case {mutant.case}')


def kill(copy, mutant, others):
    """How many of `others` notice too; Failure where the case that is named does not."""
    changed = mutants.mutated(copy.root, mutant)
    copy.put(changed)
    try:
        program = program_of(copy, mutant)
        copy.compile([program])
        run = copy.run(program)
        if run.good:
            raise Failure('survives')
        if mutant.case not in run.failed:
            rest = ', '.join(sorted(run.failed)) or f'exit status {run.status}'
            raise Failure(f'is not killed by {mutant.case}, but by {rest}')
        others = others - {program}
        copy.compile(others)
        return sum(not copy.run(other).good for other in others)
    finally:
        copy.put(dict.fromkeys(changed))


def judge(copy, chosen, everything):
    killed = 0
    width = max(len(m.name) for m in chosen)
    seen = max(len(m.seen_in) for m in chosen)
    print(f'{"mutant":{width}}  {"seen in":{seen}}  {"s":>5}  killed by')
    for mutant in chosen:
        start = time.monotonic()
        try:
            more = kill(copy, mutant, copy.suites if everything else set())
            verdict = f'{mutant.test}: {mutant.case}' + (f' and {more} more' if everything else '')
            killed += 1
        except (Failure, mutants.Unfit) as reason:
            verdict = f'NOT KILLED: {reason}'
        seconds = time.monotonic() - start
        print(f'{mutant.name:{width}}  {mutant.seen_in:{seen}}  {seconds:5.1f}  {verdict}',
              flush=True)
    print(f'{len(chosen)} mutants, {killed} killed')
    return killed == len(chosen)


def choose(root, names):
    chosen = [mutants.load(path) for path in mutants.paths(root)]
    unknown = set(names) - {mutant.name for mutant in chosen}
    if unknown or not chosen:
        raise Failure('no mutant of this name: ' + ', '.join(sorted(unknown)))
    return [mutant for mutant in chosen if not names or mutant.name in names]


def main():
    arguments = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    arguments.add_argument('--all', action='store_true')
    arguments.add_argument('--folder')
    arguments.add_argument('root')
    arguments.add_argument('names', nargs='*')
    given = arguments.parse_intermixed_args()
    with tempfile.TemporaryDirectory(prefix='ringcache-mutants.') as temporary:
        try:
            chosen = choose(given.root, given.names)
            folder = os.path.abspath(given.folder or temporary)
            os.makedirs(folder, exist_ok=True)
            copy = Copy(os.path.abspath(given.root), folder)
            judges = {program_of(copy, mutant) for mutant in chosen}
            check_sound(copy, chosen, judges | copy.suites if given.all else judges)
        except (Failure, mutants.Unfit) as reason:
            print(f'mutants: {reason}', file=sys.stderr)
            return 1
        return 0 if judge(copy, chosen, given.all) else 1


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(143))
    sys.exit(main())
