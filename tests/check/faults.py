#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each fault of docs/reliability.md has its test: the case that is named runs, or the row says why
there is none. usage: faults.py ROOT"""

import os
import re
import sys

sys.dont_write_bytecode = True
import sources  # noqa: E402

PAPER = 'docs/reliability.md'
NAMES = [f'{letter}{number}' for letter in 'TPL' for number in range(1, 21)]
ROW = re.compile(r'^\| *([A-Z]\d+) *\|(.*)\|$', re.M)
CASE = re.compile(r'`([\w/]+\.c): (\w+)`')
# Instead of a test: what it waits for, or why nothing can be shown; in both cases, why.
EXCUSE = re.compile(r'(?:waits for [^:]+|not applicable): \S.{9,}$')


def is_built(root, test):
    """Does the folder's build file know the program, by its file or by its name without "test_"?"""
    folder, file = os.path.split(test)
    stem = re.escape(file.removesuffix('.c').removeprefix('test_'))
    build = os.path.join(folder, 'meson.build')
    return os.path.isfile(os.path.join(root, build)) and \
        re.search(rf"'(?:test_{stem}\.c|{stem})'", sources.read(root, build))


def problems_of(root, cells):
    if len(cells) != 3 or not all(cells):
        yield 'it is not: fault, what is right, what shows it'
        return
    cases = CASE.findall(cells[2])
    if not cases and not EXCUSE.match(cells[2]):
        yield 'it has neither a test nor a reason'
    for file, case in cases:
        test = 'tests/' + file
        if not sources.has_case(root, test, case):
            yield f'{test} has no case {case}'
        elif not is_built(root, test):
            yield f'{test} is not built'
    left = CASE.sub('', cells[2]).strip(' ,')
    if cases and left:
        yield f'this is no test: {left}'


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
    tested = sum(bool(CASE.search(row)) for _, row in rows)
    tap.note(f'{tested} of {len(rows)} faults have a test')
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
