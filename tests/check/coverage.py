#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Lines and branches of src that tests have run, and the branches of its parsers that the inputs of
the fuzzers have run, against the goals.
usage: coverage.py SOURCE-ROOT INPUTS-REPORT REPORT     what gcovr --json wrote of the inputs alone,
                                                        and of all tests"""

import json
import os
import re
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

# All that does not count: (file, its lines, or functions, why no test runs them). One that is not
# needed is a failure.
EXCUSES = (
    ('src/hash/hash.c', ('switch (kind) {', 'case RC_HASH_XXH3:', 'break;', 'return 0;'),
     'the default hash is computed where it costs no call, in front of this switch'),
    ('src/codec/resp_tree.c', ('if (level == READERS_MAX) {', 'return RINGCACHE_EPROTOCOL;'),
     'no scan lets so deep a frame through; a compiler that unrolls the recursion wants it said'),
)

# Percent of the branches of each parser that the inputs of the fuzzers take, by themselves.
PARSER_GOAL = 98
PARSERS = (
    'src/base/percent.c',
    'src/codec/classic.c',
    'src/codec/memcached.c',
    'src/codec/memcached_server.c',
    'src/codec/meta.c',
    'src/codec/resp.c',
    'src/codec/resp_error.c',
    'src/codec/resp_frame.c',
    'src/codec/resp_server.c',
    'src/codec/resp_tree.c',
    'src/codec/wire.c',
    'src/config/file.c',
    'src/config/lines.c',
    'src/config/option.c',
    'src/config/uri.c',
)
# What stands beside them in their files and reads nothing: functions of the codecs that write
# commands, or say how long they become and what they keep.
WRITERS = re.compile(r'(rc_)?([a-z]+_)*(put|encode|bound|keeps)(_[a-z]+)*|asks_too_much')
# What no input of a fuzzer can come to.
PARSER_EXCUSES = (
    ('src/codec/memcached_server.c',
     ('leave_out_figures', 'settle_figures', 'if (decoder->lines > STATS_MAX_BYTES) {',
      'bool first = decoder->lines == 0 && decoder->left_out == 0;'),
     'figures beyond a mebibyte: no small input'),
    ('src/codec/resp_tree.c',
     ('if (index >= parent->children.count) {', 'if (node == NULL) {', 'if (node != NULL) {',
      'return NULL;', 'if (len > tree->text_left) {',
      'if (len > tree->nodes_len - tree->nodes_used) {',
      'return graft->reader->err == REDIS_ERR_OOM ? RINGCACHE_ENOMEM : RINGCACHE_EPROTOCOL;',
      'return rc == 0 && !graft->complete ? RINGCACHE_EPROTOCOL : rc;'),
     'a reader of hiredis that finds something else than the scan before it found'),
    *(excuse for excuse in EXCUSES if excuse[0] == 'src/codec/resp_tree.c'),
    ('src/config/file.c',
     ('if (config == NULL) {', 'if (path == NULL) {', 'return RINGCACHE_EINVAL;',
      'rc_config_set_error(config, "the path must not be NULL");',
      'if (path == NULL || cb == NULL || errors == NULL) {'),
     'a mistake of the program, not in the file'),
    ('src/config/option.c', ('switch (option->kind) {', 'case RC_OPTION_SERVER:', 'break;',
                             'return RINGCACHE_EINVAL;'),
     'a server is no value: its callers apply it elsewhere'),
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

    def __init__(self, name, texts, record, function=''):
        at = record['line_number'] - 1
        taken = [branch['count'] > 0 for branch in record['branches']]
        if False in taken and names_every_state(texts, at):
            taken.remove(False)
        self.name, self.number, self.text = name, at + 1, texts[at].strip()
        self.function = function
        self.run = record['count'] > 0
        self.branches, self.taken = len(taken), sum(taken)

    def is_whole(self):
        return self.run and self.taken == self.branches

    def is_excused_by(self, excuse):
        return self.name == excuse[0] and (self.text in excuse[1] or self.function in excuse[1])

    def __str__(self):
        how = f'{self.taken} of {self.branches} branches' if self.run else 'never run'
        return f'{self.name}:{self.number}: {how}: {self.text}'


class Figures:
    """Sums over lines."""

    def __init__(self, lines):
        self.lines, self.run = len(lines), sum(line.run for line in lines)
        self.branches = sum(line.branches for line in lines)
        self.taken = sum(line.taken for line in lines)

    def share_taken(self):
        return 100 * self.taken / self.branches if self.branches else 100

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
        starts = sorted((f['lineno'], f['name']) for f in record.get('functions', ()))
        for line in record['lines']:
            if not line.get('gcovr/noncode'):
                above = [name for start, name in starts if start <= line['line_number']]
                yield Line(record['file'], texts, line, above[-1] if above else '')


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


def tell_parsers(lines):
    """Print the table of the parsers, and the gaps of those that miss their goal; whether none
    does."""
    print(f'{"parsers, by the inputs of the fuzzers":40}{"branches":>25}')
    met = True
    for name in PARSERS:
        own = [line for line in lines if line.name == name and not WRITERS.fullmatch(line.function)]
        figures = Figures(own)
        good = figures.branches > 0 and figures.share_taken() >= PARSER_GOAL
        print(f'{name:40}{figures.taken:6} of {figures.branches:6}{figures.share_taken():8.2f} %'
              f'  goal {PARSER_GOAL}{"" if good else "  MISSED"}')
        for line in own:
            if not good and line.taken < line.branches:
                print(line)
        met = met and good
    return met


def tell_idle(excuses):
    for name, texts, _ in excuses:
        print(f'{name}: an excuse that is not needed: {texts[0]}')
    return not excuses


def main():
    root, inputs_report, report = sys.argv[1:]
    counted, idle_of_parsers = judge(list(read_lines(root, inputs_report)), PARSER_EXCUSES)
    met = tell_parsers(counted)
    counted, idle = judge(list(read_lines(root, report)), EXCUSES)
    for line in counted:
        if not line.is_whole():
            print(line)
    met = tell(counted) and met
    return 0 if tell_idle(idle_of_parsers + idle) and met else 1


if __name__ == '__main__':
    sys.exit(main())
