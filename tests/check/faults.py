#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each fault of docs/reliability.md, and each claim of docs/failover.md, has its test: the case that
is named runs, or the row says why there is none. usage: faults.py ROOT"""

import os
import re
import sys

sys.dont_write_bytecode = True
import sources  # noqa: E402

PAPER = 'docs/reliability.md'
NAMES = [f'{letter}{number}' for letter in 'TPL' for number in range(1, 21)]
ROW = re.compile(r'^\| *([A-Z]\d+) *\|(.*)\|$', re.M)
PROMISES = 'docs/failover.md'
PROMISES_HEAD = '| shown by |'
CASE = re.compile(r'`([\w/]+\.c): (\w+)`')
# A row that tools/chaos.sh prints.
OUTAGE = re.compile(r'`tools/chaos\.sh: ([\w ,]+)`')
# Instead of a test: what it waits for, or why nothing can be shown; in both cases, why.
EXCUSE = re.compile(r'(?:waits for [^:]+|not applicable): \S.{9,}$')


def is_built(root, test):
    """Does the folder's build file know the program, by its file or by its name without "test_"?"""
    folder, file = os.path.split(test)
    stem = re.escape(file.removesuffix('.c').removeprefix('test_'))
    build = os.path.join(folder, 'meson.build')
    return os.path.isfile(os.path.join(root, build)) and \
        re.search(rf"'(?:test_{stem}\.c|{stem})'", sources.read(root, build))


def plays(root, outage):
    """Is there such a row of tools/chaos.sh?"""
    return any(f'"{outage}"' in sources.read(root, name)
               for name in sources.c_files(root, 'tools/chaos'))


def evidence_problems(root, cell):
    """What is wrong with the names of tests in a cell that has nothing else."""
    for file, case in CASE.findall(cell):
        test = 'tests/' + file
        if not sources.has_case(root, test, case):
            yield f'{test} has no case {case}'
        elif not is_built(root, test):
            yield f'{test} is not built'
    for outage in OUTAGE.findall(cell):
        if not plays(root, outage):
            yield f'tools/chaos.sh does not play: {outage}'
    left = OUTAGE.sub('', CASE.sub('', cell)).strip(' ,')
    if left:
        yield f'this is no test: {left}'


def problems_of(root, cells):
    if len(cells) != 3 or not all(cells):
        yield 'it is not: fault, what is right, what shows it'
    elif not EXCUSE.match(cells[2]):
        if not CASE.search(cells[2]):
            yield 'it has neither a test nor a reason'
        yield from evidence_problems(root, cells[2])


def promises(root):
    """The rows of every table whose last column is headed "shown by": the claim and that cell."""
    rows, in_table = [], False
    for line in sources.read(root, PROMISES).splitlines():
        if line.startswith('|---'):
            continue
        if in_table and line.startswith('|'):
            cells = [cell.strip() for cell in line.strip('|').split('|')]
            rows.append((cells[0], cells[-1]))
        in_table = line.endswith(PROMISES_HEAD) or in_table and line.startswith('|')
    return rows


def promise_problems(root, rows):
    if not rows:
        yield 'there is none'
    for claim, cell in rows:
        if not CASE.search(cell) and not OUTAGE.search(cell):
            yield f'nothing shows: {claim}'
        yield from evidence_problems(root, cell)


def main():
    root = sys.argv[1]
    tap = sources.Tap()
    rows = ROW.findall(sources.read(root, PAPER))
    names = [name for name, _ in rows]
    tap.result(f'the faults are the {len(NAMES)}, each once and in order',
               [] if names == NAMES else
               [f'missing: {sorted(set(NAMES) - set(names))}, there: {" ".join(names)}'])
    for name, row in rows:
        cells = [cell.strip() for cell in row.split('|')]
        tap.result(f'{name} is shown or excused', problems_of(root, cells))
    tap.result(f'each claim of {PROMISES} is shown', promise_problems(root, promises(root)))
    tested = sum(bool(CASE.search(row)) for _, row in rows)
    tap.note(f'{tested} of {len(rows)} faults have a test')
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
