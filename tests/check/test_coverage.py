#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Coverage is counted by line and by branch, and what does not count is told from what is missed."""

import contextlib
import io
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import coverage  # noqa: E402
import sources  # noqa: E402

NAME = 'src/ring/one.c'
SOURCE = """int rc_one(enum kind kind)
{
    switch (kind) {
    case KIND_A:
        return 1;
    case KIND_B:
        return 2;
    }
    switch (rc_byte(kind)) {
    case 'a':
        return 3;
    default:
        return 4;
    }
}
"""
STATES, BYTES = 3, 9  # the lines on which the two switches stand


def lines_of(counts, functions=((1, 'rc_one'),)):
    """The lines of SOURCE as a report tells them: number -> (runs, runs of each branch). Functions
    are told by the lines on which they begin."""
    records = [{'line_number': number, 'count': runs, 'branches': [{'count': n} for n in branches],
                'gcovr/noncode': False} for number, (runs, branches) in counts.items()]
    records.append({'line_number': 2, 'count': 0, 'branches': [], 'gcovr/noncode': True})
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.dirname(os.path.join(root, NAME)))
        with open(os.path.join(root, NAME), 'w', encoding='utf-8') as file:
            file.write(SOURCE)
        report = os.path.join(root, 'report.json')
        with open(report, 'w', encoding='utf-8') as file:
            json.dump({'files': [{'file': NAME, 'lines': records, 'functions': [
                {'lineno': at, 'name': name} for at, name in functions]}]}, file)
        return list(coverage.read_lines(root, report))


def judged(counts, *excuses):
    """(lines, of which run, branches, of which taken, excuses not needed, are the goals met)"""
    counted, idle = coverage.judge(lines_of(counts), excuses)
    with contextlib.redirect_stdout(io.StringIO()):
        met = coverage.tell(counted)
    figures = coverage.Figures(counted)
    return (figures.lines, figures.run, figures.branches, figures.taken, len(idle), met)


def parsed(counts, functions):
    """Is the goal of the parsers met, of which SOURCE is the only one?"""
    coverage.PARSERS = (NAME,)
    with contextlib.redirect_stdout(io.StringIO()):
        return coverage.tell_parsers(lines_of(counts, functions))


RETURN = (NAME, ('return 1;',), 'why')
SWITCH = (NAME, ('switch (kind) {',), 'why')
FUNCTION = (NAME, ('rc_one',), 'why')
ELSEWHERE = ('src/ring/two.c', ('return 1;',), 'why')
# (what is shown, what is counted, excuses, the figures)
CASES = (
    ('all that was run is counted', {STATES: (9, [4, 5]), 5: (4, [])}, (), (2, 2, 2, 2, 0, True)),
    ('a line that was never run is missed', {5: (0, [])}, (), (1, 0, 0, 0, 0, False)),
    ('the jump past all states is none', {STATES: (9, [4, 5, 0])}, (), (1, 1, 2, 2, 0, True)),
    ('a state that was not met is missed', {STATES: (9, [9, 0, 0])}, (), (1, 1, 2, 1, 0, False)),
    ('a default is a case', {BYTES: (9, [9, 0])}, (), (1, 1, 2, 1, 0, False)),
    ('a line that was never run may be excused', {5: (0, [])}, (RETURN,), (0, 0, 0, 0, 0, True)),
    ('of a line that was run, what was missed may be excused', {STATES: (9, [9, 0, 0])}, (SWITCH,),
     (1, 1, 1, 1, 0, True)),
    ('all of a function may be excused', {STATES: (9, [9, 0, 0]), 5: (0, [])}, (FUNCTION,),
     (1, 1, 1, 1, 0, True)),
    ('an excuse of what was run is not needed', {5: (1, [])}, (RETURN,), (1, 1, 0, 0, 1, True)),
    ('an excuse counts in its own file', {5: (0, [])}, (ELSEWHERE,), (1, 0, 0, 0, 1, False)),
)
READER, WRITER = (1, 'rc_one'), (BYTES, 'rc_put_one')
# (what is shown, what is counted, functions, is the goal met)
PARSER_CASES = (
    ('a parser is whole when inputs take its branches', {BYTES: (9, [4, 5])}, (READER,), True),
    ('a branch of a parser that no input takes is missed', {BYTES: (9, [9, 0])}, (READER,), False),
    ('what writes is no parser', {STATES: (9, [4, 5]), BYTES: (9, [9, 0])}, (READER, WRITER), True),
    ('a parser that no report tells of is missed', {BYTES: (9, [4, 5])}, (WRITER,), False),
)


def main():
    tap = sources.Tap()
    for name, counts, excuses, wanted in CASES:
        found = judged(counts, *excuses)
        tap.result(name, [] if found == wanted else [f'found: {found}'])
    for name, counts, functions, wanted in PARSER_CASES:
        tap.result(name, [] if parsed(counts, functions) == wanted else ['otherwise'])
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
