#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps docs/ring-inspect.1 true: writes the list of configuration options from the library's own
table, and the output of the examples from the program itself.

usage: manual.py RING-INSPECT PAGE            rewrites the page
       manual.py --check RING-INSPECT PAGE    exits with 1 when that would change it"""

import json
import os
import re
import subprocess
import sys
import tempfile

BEGIN = '.\\" From the library\'s own table, by tools/ring-inspect/manual.py: begin\n'
END = '.\\" end\n'
FILE = re.compile(r'The file\n\.IR (\S+) :\n\.PP\n\.EX\n(.*?)\.EE\n', re.S)
EXAMPLE = re.compile(r'(\.EX\n\$ \\fB(.*?)\\fP\n)(.*?)(\.EE\n)', re.S)
# These ask servers; what they print was not computed here.
LIVE = re.compile(r' (set|get) ')


def roff(text):
    """Text as roff shows it verbatim."""
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return '\\&' + text if text.startswith(('.', "'")) else text


def plain(text):
    """The command that an example shows."""
    return text.replace('\\-', '-').replace('\\e', '\\')


def option_entry(option):
    facts = []
    if option['range']:
        choices = option['range'].replace('|', ', ').replace('..', ' to ')
        facts.append(f'{choices} {option["unit"]}'.strip())
    if option['default']:
        facts.append(f'default {option["default"]}')
    entry = f'.TP\n.B {roff(option["name"])}\n{roff(option["summary"])}\n'
    return entry + (f'({roff("; ".join(facts))})\n' if facts else '')


def with_options(page, program):
    table = json.loads(subprocess.run([program, 'options', '--json'], check=True, timeout=60,
                                      capture_output=True, encoding='utf-8').stdout)
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END, 1)
    return head + BEGIN + ''.join(map(option_entry, table)) + END + tail


def with_examples(page, program):
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.abspath(program), os.path.join(folder, 'ring-inspect'))
        for name, text in FILE.findall(page):
            with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
                file.write(plain(text))

        def shown(example):
            command = plain(example.group(2))
            if LIVE.search(command):
                return example.group(0)
            ran = subprocess.run(['sh', '-c', command], cwd=folder, timeout=60, check=True,
                                 env={**os.environ, 'PATH': folder + ':' + os.environ['PATH']},
                                 stdout=subprocess.PIPE, encoding='utf-8')
            lines = [roff(line) + '\n' for line in ran.stdout.splitlines()]
            return example.group(1) + ''.join(lines) + example.group(4)

        return EXAMPLE.sub(shown, page)


def main():
    check = sys.argv[1] == '--check'
    program, path = sys.argv[-2:]
    with open(path, encoding='utf-8') as file:
        page = file.read()
    truth = with_examples(with_options(page, program), program)
    if check and truth != page:
        print('the page is out of date: run tools/ring-inspect/manual.py', file=sys.stderr)
        return 1
    if not check:
        with open(path, 'w', encoding='utf-8') as file:
            file.write(truth)
    return 0


if __name__ == '__main__':
    sys.exit(main())
