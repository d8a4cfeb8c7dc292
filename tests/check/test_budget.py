#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The check of what a request costs tells dearer from cheaper from equal, and one compiler's figures
from another's."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'budget'))
import budget  # noqa: E402
import sources  # noqa: E402

HEAD = '# what this is\n'
OLD, NEW = (dict(zip(budget.CELLS, figures, strict=True))
            for figures in ((1000.0, 1100.0, 1200.0, 1300.0), (900.5, 1001.0, 1101.5, 1202.0)))


ROW = 'gcc-12-x86_64 1000.0 1100.0 1200.0 1300.0\n'
UNREADABLE = (
    ('a row that lacks a figure', HEAD + 'gcc-12-x86_64 1000.0 1100.0 1200.0\n', 2),
    ('a row with one too many', HEAD + ROW.replace('\n', ' 1400.0\n'), 2),
    ('a figure that is no number', ROW.replace('1100.0', 'few'), 1),
    ('a figure that nothing can be compared with', ROW.replace('1100.0', '0.0'), 1),
    ('a figure that all is less than', ROW.replace('1100.0', 'inf'), 1),
    ('a figure that is like none', ROW.replace('1100.0', 'nan'), 1),
    ('a second row of one compiler', ROW + '\n' + ROW, 3),
)


def written(rows):
    """What is read of figures that were written."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'figures')
        budget.write_figures(path, [HEAD], rows)
        return budget.read_figures(path)


def refusal(text):
    """Why figures of that text are refused, in which `path` stands for their file; or None."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'figures')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        try:
            budget.read_figures(path)
        except SystemExit as why:
            return str(why).replace(path, 'path')
    return None


def counted(profile):
    """What is counted by a callgrind that leaves this behind; or why that is none."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'profile')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(profile)
        try:
            return budget.total_of(path)
        except SystemExit as why:
            return str(why)


def test_figures(tap):
    for what, text, line in UNREADABLE:
        why = refusal(text)
        named = why is not None and why.startswith(f'path:{line}: ')
        tap.result(f'{what} is refused, and said where', [] if named else [str(why)])
    for rows, compiler, fails in (({}, 'gcc-12-x86_64', True),
                                  ({'gcc-12-x86_64': OLD}, 'gcc-99-x86_64', False),
                                  ({'gcc-12-x86_64': OLD}, 'gcc-12-x86_64', False),
                                  ({'gcc-12-x86_64': NEW}, 'gcc-12-x86_64', True)):
        problems = [problem for _, found in budget.results(OLD, rows, compiler)
                    for problem in found]
        tap.result(f'{len(rows)} rows and {compiler}: {"fail" if fails else "pass"}',
                   [str(problems)] if bool(problems) != fails else [])


def test_totals(tap):
    for profile, total in (('events: Ir\ntotals: 4711\n', 4711), ('events: Ir\n', None), ('', None),
                           ('totals: 0\n', None)):
        found = counted(profile)
        right = found == total if total else isinstance(found, str)
        tap.result(f'callgrind counted {total or "nothing"}: {profile!r}',
                   [] if right else [str(found)])


def main():
    tap = sources.Tap()
    for measured, fails in ((1031, True), (1029, False), (1000, False), (971, False), (969, True)):
        problem = budget.verdict(measured, 1000)
        tap.result(f'{measured} instructions instead of 1000 {"fail" if fails else "pass"}',
                   [str(problem)] if bool(problem) != fails else [])
    cheaper = budget.verdict(900, 1000)
    tap.result('who made it cheaper is told to write it down',
               [] if 'write the better figure down' in cheaper else [cheaper])
    rows = {'gcc-12-x86_64': OLD, 'gcc-14-x86_64': NEW}
    found = written(rows)
    tap.result('what is written is read', [] if found == ([HEAD], rows) else [str(found)])
    test_figures(tap)
    test_totals(tap)
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
