#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lines and branches of src that tests have run, against the goals.
usage: coverage.py SOURCE-ROOT REPORT     REPORT is what gcovr --json wrote"""

import json
import os
import sys

sys.dont_write_bytecode = True
import sources  # noqa: E402

# Percent of lines and of branches. What is not listed counts in the total alone.
TOTAL = (95, 90)
GOALS = {
    'base': (98, 95),
    'hash': (100, 100),
    'ring': (100, 100),
    'codec': (100, 100),
    'config': (98, 95),
}

# All that does not count: (file, its lines, why no test runs them). One that is not needed is a
# failure.
EXCUSES = (
    ('src/hash/hash.c', ('switch (kind) {', 'case RC_HASH_XXH3:', 'break;', 'return 0;'),
     'the default hash is computed where it costs no call, in front of this switch'),
    ('src/codec/resp_tree.c', ('if (level == READERS_MAX) {', 'return RINGCACHE_EPROTOCOL;'),
     'no scan lets so deep a frame through; a compiler that unrolls the recursion wants it said'),
)


def names_every_state(texts, at):
    """Does texts[at] begin a switch without a default? To one the compiler adds a jump past all
    cases, which only a value that is no state of its type could take."""
    blanks = texts[at][:len(texts[at]) - len(texts[at].lstrip())]
    if not texts[at].startswith(blanks + 'switch ('):
        return False
    for text in texts[at + 1:]:
        if text.startswith((blanks + '}', blanks + 'default:')):
            return text.startswith(blanks + '}')
    return False


class Line:
    """One line of code, and how many of its branches were taken."""

    def __init__(self, name, texts, record):
        at = record['line_number'] - 1
        taken = [branch['count'] > 0 for branch in record['branches']]
        if False in taken and names_every_state(texts, at):
            taken.remove(False)
        self.name, self.number, self.text = name, at + 1, texts[at].strip()
        self.run = record['count'] > 0
        self.branches, self.taken = len(taken), sum(taken)

    def is_whole(self):
        return self.run and self.taken == self.branches

    def is_excused_by(self, excuse):
        return self.name == excuse[0] and self.text in excuse[1]

    def __str__(self):
        how = f'{self.taken} of {self.branches} branches' if self.run else 'never run'
        return f'{self.name}:{self.number}: {how}: {self.text}'


class Figures:
    """Sums over lines."""

    def __init__(self, lines):
        self.lines, self.run = len(lines), sum(line.run for line in lines)
        self.branches = sum(line.branches for line in lines)
        self.taken = sum(line.taken for line in lines)

    def meets(self, goal):
        return (self.run * 100 >= goal[0] * self.lines
                and self.taken * 100 >= goal[1] * self.branches)

    def row(self, name, goal):
        def cell(part, whole):
            return f'{part:6} of {whole:6}{100 * part / whole if whole else 100:8.2f} %'
        aim = '' if goal is None else f'  goal {goal[0]} / {goal[1]}'
        below = '' if goal is None or self.meets(goal) else '  MISSED'
        return (f'{name:10}{cell(self.run, self.lines)}{cell(self.taken, self.branches)}'
                f'{aim}{below}')


def read_lines(root, report):
    """All lines of code of src."""
    with open(report, encoding='utf-8') as file:
        files = json.load(file)['files']
    for record in files:
        texts = sources.read(root, record['file']).splitlines()
        for line in record['lines']:
            if not line.get('gcovr/noncode'):
                yield Line(record['file'], texts, line)


def judge(lines, excuses):
    """The lines that count, what is excused of them left out, and the excuses that excuse
    nothing."""
    counted, needed = [], set()
    for line in lines:
        given = [] if line.is_whole() else [e for e in excuses if line.is_excused_by(e)]
        needed.update(given)
        if given:
            line.branches = line.taken
        if line.run or not given:
            counted.append(line)
    return counted, [excuse for excuse in excuses if excuse not in needed]


def tell(lines):
    """Print the table, and where a folder with a goal has gaps; whether all goals are met."""
    print(f'{"":10}{"lines":>27}{"branches":>25}')
    folders = sorted({line.name.split(os.sep)[1] for line in lines})
    met = True
    for folder in folders:
        own = Figures([line for line in lines if line.name.split(os.sep)[1] == folder])
        goal = GOALS.get(folder)
        print(own.row(folder, goal))
        met = met and (goal is None or own.meets(goal))
    whole = Figures(lines)
    print(whole.row('src', TOTAL))
    return met and whole.meets(TOTAL)


def main():
    counted, idle = judge(list(read_lines(sys.argv[1], sys.argv[2])), EXCUSES)
    for line in counted:
        if not line.is_whole():
            print(line)
    met = tell(counted)
    for name, texts, _ in idle:
        print(f'{name}: an excuse that is not needed: {texts[0]}')
    return 0 if met and not idle else 1


if __name__ == '__main__':
    sys.exit(main())
