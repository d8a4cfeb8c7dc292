#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a run of `meson test` found, each case of each program as one line of TAP.

usage: meson_tap.py BUILD/meson-logs/testlog.json"""

import json
import re
import sys

sys.dont_write_bytecode = True
import sources  # noqa: E402

CMOCKA_OK = re.compile(r'^\[ +OK \] (\S+)$', re.M)
CMOCKA_FAILED = re.compile(r'^\[  FAILED  \] (\S+)$', re.M)
TAP_LINE = re.compile(r'^(ok|not ok)\b(?: \d+)?(?: - | )?(.*)$')
NOTE = re.compile(r'^# (?! )(.*)$')
FINE = ('OK', 'EXPECTEDFAIL')


def tap_cases(stdout):
    """[name, passed, what it said] of each TAP line, and the notes between them."""
    cases, notes = [], []
    for line in stdout.splitlines():
        found, note = TAP_LINE.match(line), NOTE.match(line)
        if found:
            cases.append([found.group(2), found.group(1) == 'ok', []])
        elif note:
            notes.append(note.group(1))
        elif cases and line.startswith('#'):
            cases[-1][2].append(line.lstrip('# '))
    return cases, notes


def cmocka_cases(stdout, output):
    """The same for cmocka, whose failures tell their story on the other stream."""
    failed = dict.fromkeys(CMOCKA_FAILED.findall(output))
    story = output.strip().splitlines()[-60:]
    return [[name, True, []] for name in CMOCKA_OK.findall(stdout)] + [
        [name, False, [] if index else story] for index, name in enumerate(failed)]


def report(tap, run):
    """One program: its cases, and itself where it says no case or fails outside of them."""
    program = run['name'].split(' / ')[-1]
    stdout = run.get('stdout') or ''
    output = stdout + '\n' + (run.get('stderr') or '')
    if run['result'] == 'SKIP':
        tap.note(f'skipped: {program}')
        return
    cases, notes = tap_cases(stdout)
    if not cases:
        cases = cmocka_cases(stdout, output)
    for name, passed, story in cases:
        tap.result(f'{program}: {name}', [] if passed else story or ['failed'])
    failed = run['result'] not in FINE
    if not cases or (failed and all(passed for _, passed, _ in cases)):
        why = f'{run["result"]}, exit {run.get("returncode")}'
        tap.result(program, [why, *output.strip().splitlines()[-60:]] if failed else [])
    for note in notes:
        tap.note(note)


def main():
    tap = sources.Tap()
    with open(sys.argv[1], encoding='utf-8') as file:
        for line in file:
            report(tap, json.loads(line))
    if tap.count == 0:
        tap.result('some test ran', ['none'])
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
