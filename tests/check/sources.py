# SPDX-License-Identifier: MIT
"""What the checks share: the tree's own files, C without comments, and results as TAP."""

import os
import re
import subprocess

COMMENT_OR_LITERAL = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
CASE_MACRO = re.compile(r'^#define (\w+)\(\w+\)\s+(?:\\\n\s*)?cmocka_unit_test', re.M)
C_SUFFIXES = ('.c', '.h')


def tree_files(root):
    """Paths of every file that belongs to the project, relative to its root, sorted."""
    names = git_files(root) if os.path.exists(os.path.join(root, '.git')) else None
    if names is None:
        names = walk(root)
    return sorted(name for name in names if os.path.isfile(os.path.join(root, name)))


def git_files(root):
    """What git knows or would add, or None where there is no git to ask."""
    try:
        listed = subprocess.run(
            ['git', '-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
            capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return {os.fsdecode(name) for name in listed.stdout.split(b'\0') if name}


def walk(root):
    """The same without git: everything but build folders and repositories."""
    for folder, below, files in os.walk(root):
        below[:] = [d for d in below if d not in ('.git', '__pycache__')
                    and not d.startswith('build')]
        for name in files:
            yield os.path.relpath(os.path.join(folder, name), root)


def c_files(root, *folders):
    """The C sources and headers below `folders`."""
    return [name for name in tree_files(root)
            if name.endswith(C_SUFFIXES) and name.startswith(tuple(f + '/' for f in folders))]


def read(root, name):
    with open(os.path.join(root, name), encoding='utf-8') as file:
        return file.read()


def bare_code(text):
    """C with comments and literals blanked out; every line keeps its number."""
    def blank(match):
        lines = '\n' * match.group().count('\n')
        return lines or ('""' if match.group()[0] in '"\'' else ' ')
    return COMMENT_OR_LITERAL.sub(blank, text)


def code_lines(text):
    """Lines that hold more than blanks and comments."""
    return sum(1 for line in bare_code(text).splitlines() if line.strip())


def has_case(root, test, case):
    """Does the program `test` run `case`, by cmocka's own macros or by one made of them?"""
    if not os.path.isfile(os.path.join(root, test)):
        return False
    text, folder = read(root, test), os.path.dirname(test)
    headers = [read(root, os.path.join(folder, name))
               for name in sorted(os.listdir(os.path.join(root, folder))) if name.endswith('.h')]
    macros = [r'cmocka_unit_test\w*', *CASE_MACRO.findall('\n'.join([text, *headers]))]
    return bool(re.search(rf'\b(?:{"|".join(macros)})\(\s*{re.escape(case)}\b', text))


class Tap:
    """Results one by one; `note` adds a figure, `finish` is the exit status."""

    def __init__(self):
        self.count = self.failed = 0

    def result(self, name, problems):
        problems = list(problems)
        self.count += 1
        self.failed += bool(problems)
        print(f'{"not ok" if problems else "ok"} {self.count} - {name}')
        for problem in problems[:60]:
            print(f'#   {problem}')
        if len(problems) > 60:
            print(f'#   and {len(problems) - 60} more')

    @staticmethod
    def note(text):
        print(f'# {text}')

    def finish(self):
        print(f'1..{self.count}')
        return 1 if self.failed else 0
