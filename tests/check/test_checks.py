#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checks themselves can fail: each fault, put into a clean tree, is found by name."""

import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import sources  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
LICENCE = '/* SPDX-License-Identifier: MIT */\n'
MUTANT = ('bug: one is two\nseen in: nobody\nkilled by: tests/test_one.c: one_is_one\n\n'
          '@@ src/base/one.c\n-    return 1;\n+    return 2;\n')
PAPER = ''.join(f'| {letter}{number} | a fault | what is right | `test_one.c: one_is_one` |\n'
                for letter in 'TPL' for number in range(1, 21))
SHOWN = '| T7 | a fault | what is right | `test_one.c: one_is_one` |\n'
PROMISE = '| `test_one.c: one_is_one`, `tools/chaos.sh: all dead` |\n'
PROMISES = '| claim | shown by |\n|---|---|\n| one is one ' + PROMISE
CLEAN = {
    'docs/reliability.md': PAPER,
    'docs/failover.md': PROMISES,
    'tools/chaos/faults.c': LICENCE + 'static const char *const names[] = {"all dead"};\n',
    'src/base/one.c': LICENCE + 'int rc_one(void)\n{\n    return 1;\n}\n',
    'include/ringcache/ring.h': LICENCE + '/** One. */\nRINGCACHE_API int ringcache_one(void);\n',
    'tests/fuzz/corpus/one/input': '\0 ',
    'tests/one.c': LICENCE + 'int main(void)\n{\n' + '    /* */ ;\n' * 30 + '}\n',
    'tests/test_one.c': LICENCE + 'cmocka_unit_test(one_is_one);\n',
    'tests/meson.build': "executable('test_one', 'test_one.c')\n",
    'tests/mutants/two.mutant': MUTANT,
}
LONG = 'int rc_long(void)\n{\n' + '    ;\n' * 100 + '}\n'
# (checker, path, content after the licence, what must be found)
FAULTS = (
    ('layers', 'src/base/up.c', '#include "ring/ring.h"\n', 'each folder below src'),
    ('layers', 'src/ring/net.c', '#include <uv.h>\n', 'each folder below src'),
    ('layers', 'src/codec/net.c', '#include <sys/socket.h>\n', 'each folder below src'),
    ('layers', 'src/codec/meta.c', '#include <hiredis/hiredis.h>\n', 'each folder below src'),
    ('layers', 'src/attic/old.c', '#include <stdio.h>\n', 'each folder below src'),
    ('layers', 'include/ringcache/status.h', '#include <uv.h>\n', 'public headers include'),
    ('layers', 'tools/peek.c', '#include "base/one.c"\n', 'tools and examples'),
    ('layers', 'src/base/self.h', '#include "base/self.h"\n', 'no include leads back'),
    ('style', 'src/base/long.c', LONG, 'no function has more'),
    ('style', 'src/base/wide.c',
     'int rc_wide(int a, int b, int c, int d, int (*e)(int, int), int f)\n{\n    return a;\n}\n',
     'no internal function takes'),
    ('style', 'src/base/pile.c', '\n' * 1000, 'no file has more'),
    ('style', 'include/ringcache/bare.h', 'RINGCACHE_API int ringcache_bare(void);\n',
     'every public function is documented'),
    ('style', 'src/base/number.c', 'int rc_n(char *s)\n{\n    return atoi(s);\n}\n',
     'no unbounded'),
    ('style', 'src/base/fold.c', 'int rc_n(int c)\n{\n    return tolower(c);\n}\n',
     'no call whose'),
    ('style', 'src/ring/clock.c', 'long rc_n(void)\n{\n    return time(0);\n}\n', 'no clock'),
    ('style', 'src/ring/heap.c', 'void *rc_n(void)\n{\n    return malloc(9);\n}\n', 'the heap'),
    ('style', 'src/ring/maybe.c', '#if MAYBE\nint rc_maybe;\n#endif\n', 'conditionals per'),
    ('style', 'src/base/later.c', '/* TO' 'DO: more */\n', 'nothing is left for later'),
    ('style', 'src/base/blank.c', 'int rc_blank; \n', 'no line ends in blanks'),
    ('style', 'src/base/image.txt', '\0', 'no binary'),
    ('style', 'docs/dead.md', '[see](nowhere.md)\n', 'links between'),
    ('style', 'src/base/untested.c', 'int rc_x;\n' * 40, 'as much test code'),
    ('mutants', 'tests/mutants/gone.mutant', MUTANT.replace('1', '7'), 'gone fits'),
    ('mutants', 'tests/mutants/far.mutant', MUTANT.replace('one.c\n-', 'two.c\n-'), 'far fits'),
    ('mutants', 'tests/mutants/same.mutant', MUTANT.replace('2;', '1;'), 'same fits'),
    ('mutants', 'tests/mutants/lone.mutant', MUTANT.replace('one_is_one', 'one'), 'lone fits'),
    ('mutants', 'tests/mutants/who.mutant', MUTANT.replace('nobody', ''), 'who fits'),
    ('faults', 'docs/reliability.md', PAPER.replace(SHOWN, ''), 'the faults are'),
    ('faults', 'docs/reliability.md', PAPER + SHOWN, 'the faults are'),
    ('faults', 'docs/reliability.md', PAPER.replace(SHOWN, SHOWN.replace(': one', ': two')),
     'T7 is'),
    ('faults', 'docs/reliability.md', PAPER.replace(SHOWN, SHOWN.replace('test_one', 'test_two')),
     'T7 is'),
    ('faults', 'docs/reliability.md', PAPER.replace(SHOWN, SHOWN.replace('`', '')), 'T7 is'),
    ('faults', 'docs/reliability.md', PAPER.replace(SHOWN, '| T7 | a | b | waits for TLS |\n'),
     'T7 is'),
    ('faults', 'docs/reliability.md', PAPER.replace(SHOWN, '| T7 | a | | not applicable: to us |\n'),
     'T7 is'),
    ('faults', 'tests/meson.build', '', 'T1 is'),
    ('faults', 'docs/failover.md', PROMISES.replace(': one', ': two'), 'each claim'),
    ('faults', 'docs/failover.md', PROMISES.replace('all dead', 'all well'), 'each claim'),
    ('faults', 'docs/failover.md', PROMISES.replace(PROMISE, '| everybody knows |\n'),
     'each claim'),
    ('faults', 'docs/failover.md', PROMISES.replace('shown by', 'seen in'), 'each claim'),
)

CMOCKA = '[==========] Running 2 test(s).\n[ RUN      ] one\n[       OK ] one\n[ RUN      ] two\n'
# (what a program left in meson's log, how many of its cases pass, how many fail)
RUNS = (
    ('two cmocka cases', {'stdout': CMOCKA + '[       OK ] two\n', 'result': 'OK'}, 2, 0),
    ('a failed cmocka case, told twice', {
        'stdout': CMOCKA, 'stderr': '[  FAILED  ] two\n[  FAILED  ] two\n', 'result': 'FAIL'},
     1, 1),
    ('a program that died in its second case', {'stdout': CMOCKA, 'result': 'FAIL'}, 1, 1),
    ('a leak after the last case',
     {'stdout': CMOCKA + '[       OK ] two\n', 'result': 'FAIL', 'returncode': 1}, 2, 1),
    ('lines of TAP', {'stdout': 'ok 1 - a\nnot ok 2 - b\n#   why\n1..2\n', 'result': 'ERROR'},
     1, 1),
    ('a silent program that passed', {'stdout': '', 'result': 'OK'}, 1, 0),
    ('a silent program that ran too long', {'stdout': '', 'result': 'TIMEOUT'}, 0, 1),
)


def plant(root, files):
    for name, text in files.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)


def findings(checker, files):
    """Names of the results that are not ok for a tree of `files`."""
    with tempfile.TemporaryDirectory() as root:
        plant(root, files)
        said = subprocess.run([sys.executable, os.path.join(HERE, checker + '.py'), root],
                              capture_output=True, text=True, check=False).stdout
    return [line.split(' - ')[1] for line in said.splitlines() if line.startswith('not ok')]


def counted(run):
    """How the counter of test programs counts one of them: (passed, failed)."""
    with tempfile.NamedTemporaryFile('w', encoding='utf-8') as log:
        json.dump({'name': 'suite / program', **run}, log)
        log.flush()
        said = subprocess.run([sys.executable, os.path.join(HERE, 'meson_tap.py'), log.name],
                              capture_output=True, text=True, check=False).stdout.splitlines()
    return (sum(line.startswith('ok ') for line in said),
            sum(line.startswith('not ok ') for line in said))


def unlaid(names):
    """Without those that judge the layout, which these small trees do not care for."""
    return [name for name in names if not name.startswith('the layout')]


def main():
    tap = sources.Tap()
    for checker in ('layers', 'style', 'mutants', 'faults'):
        tap.result(f'{checker}: a clean tree is clean', unlaid(findings(checker, CLEAN)))
    tap.result('style: a file without its licence is found', [] if any(
        name.startswith('every C file') for name in
        findings('style', {**CLEAN, 'src/base/bare.c': 'int rc_bare;\n'})) else ['not found'])
    for checker, path, text, wanted in FAULTS:
        content = text if path.endswith(('.md', '.txt', '.mutant', '.build')) else LICENCE + text
        found = unlaid(findings(checker, {**CLEAN, path: content}))
        tap.result(f'{checker}: the fault in {path} is found', [] if any(
            name.startswith(wanted) or wanted in name for name in found) else [f'found: {found}'])
    for name, run, passed, failed in RUNS:
        found = counted(run)
        tap.result(f'counting: {name}', [] if found == (passed, failed) else [f'found: {found}'])
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
