#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runner of the mutants can fail: a small tree of its own, and each kind of mutant in it."""

import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import sources  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
RUNNER = os.path.join(os.path.dirname(HERE), 'mutants', 'run.py')

TREE = {
    'meson.build':
        "project('small', 'c')\n"
        "cmocka = dependency('cmocka')\n"
        "test('sum', executable('sum', 'tests/test_sum.c', 'src/sum.c', dependencies: cmocka),\n"
        "    suite: 'unit')\n"
        "test('more', executable('more', 'tests/test_more.c', 'src/sum.c', dependencies: cmocka),\n"
        "    suite: 'unit')\n",
    'src/sum.c': 'int sum(int a, int b);\nint sum(int a, int b)\n{\n    return a + b;\n}\n',
    'tests/test_sum.c': '''
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
int sum(int a, int b);
static void nothing_is_added(void **state) { (void)state; assert_int_equal(sum(1, 0), 1); }
static void two_are_added(void **state) { (void)state; assert_int_equal(sum(1, 2), 3); }
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_added), cmocka_unit_test(two_are_added)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
''',
}
TREE['tests/test_more.c'] = TREE['tests/test_sum.c']

# (name, what stands in place of the sum, which case is said to kill it, what is told of it)
BUGS = (
    ('wrong', 'return a - b;', 'two_are_added', r'test_sum\.c: two_are_added$'),
    ('dead', 'return *(volatile int *)0 + a / b;', 'nothing_is_added',
     r'test_sum\.c: nothing_is_added$'),
    ('endless', 'while (b > 1) { __asm__(""); } return a + b;', 'two_are_added',
     r'test_sum\.c: two_are_added$'),
    ('harmless', 'return b + a;', 'two_are_added', r'NOT KILLED: survives$'),
    ('another', 'return a - b;', 'nothing_is_added',
     r'NOT KILLED: is not killed by nothing_is_added, but by two_are_added$'),
    ('broken', 'return a +;', 'two_are_added', r'NOT KILLED: does not compile'),
)


def mutant_of(line, case, old='return a + b;'):
    return (f'bug: a wrong sum\nseen in: nobody\nkilled by: tests/test_sum.c: {case}\n\n'
            f'@@ src/sum.c\n {{\n-    {old}\n+    {line}\n }}\n')


def plant(root, texts):
    for name, text in texts.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)


def run(root, folder, *arguments):
    return subprocess.run([sys.executable, RUNNER, '--folder', folder, root, *arguments],
                          capture_output=True, text=True, check=False)


def main():
    tap = sources.Tap()
    with tempfile.TemporaryDirectory() as base:
        root, folder = os.path.join(base, 'root'), os.path.join(base, 'folder')
        plant(root, TREE)
        plant(root, {f'tests/mutants/{name}.mutant': mutant_of(line, case)
                     for name, line, case, _ in BUGS})
        plant(root, {'tests/mutants/stale.mutant':
                     mutant_of('return a;', 'two_are_added', 'return a ^ b;')})
        said = run(root, folder)
        told = {line.split()[0]: line for line in said.stdout.splitlines() if line.strip()}
        stale = ('stale', '', '', r'NOT KILLED: its lines stand 0 times')
        for name, _, _, wanted in (*BUGS, stale):
            line = told.get(name, '')
            tap.result(f'a mutant that is {name} is told as such',
                       [] if re.search(wanted, line) else [line, said.stderr])
        tap.result('one that lives is a failure', [] if said.returncode == 1 and
                   '7 mutants, 3 killed' in said.stdout else [said.stdout])
        said = run(root, folder, '--all', 'wrong')
        tap.result('all tests are asked who else notices', [] if said.returncode == 0 and
                   'two_are_added and 1 more\n' in said.stdout else [said.stdout, said.stderr])
        plant(root, {'tests/mutants/wrong.mutant': mutant_of('return a;', 'three_are_added')})
        said = run(root, folder, 'wrong')
        tap.result('a case that is not there is a failure',
                   [] if said.returncode == 1 and 'no case three_are_added' in said.stderr
                   else [said.stderr])
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
