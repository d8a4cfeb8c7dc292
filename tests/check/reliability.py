#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/reliability.sh without the time that it takes: its parts and the tests that it names are
there, and on stand-ins it counts nothing as held that failed or was not reached.

usage: reliability.py SOURCE-ROOT BUILD-ROOT"""

import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import sources  # noqa: E402

# What it works with, once it has begun; `root` may be that of stand-ins.
BEGUN = 'tmp={tmp} log={tmp}/log root={tmp}/tree until=$((SECONDS + {seconds})) limit={seconds}\n'
TELL = '\nprintf "%s\\n" "$missed"; cat "$tmp/scoreboard"\n'

SEEDS = '''#!/bin/sh
case $SEED in 1) echo 7 requests in 2 storms ;; 3) exit 1 ;; *) sleep 60 ;; esac
'''
TAP = 'ok 1 - one: held\nnot ok 2 - one: failed\n'
MUTANTS = '''
echo 'a  nobody  0.1  tests/unit/test_a.c: one'
'''
FAULTS = ('| T1 | refused | told | `one: case` |\n' * 58 + '| P1 | late | told | waits for TLS |\n'
          '| L1 | never | told | not applicable: no such thing |\n')
# what is shown, what is run, files of the stand-ins, how many misses, what the row says
STAND_INS = (
    ('a piece of seeds counts where it held; failing is a miss, being cut short is neither',
     'seeds name 2 6 program SEED COUNT; storms_row measure 2 6',
     {'program': SEEDS}, 1, '**missed**: 1 pieces of 2 seeds; 2 of 6 storms and 7 '
     'requests hold'),
    ('a claim holds when each of its cases does', 'claim_row measure 0 test.c held 0',
     {'sanitized.tap': TAP}, 0, '| 1 of 1 cases hold |'),
    ('a claim with a case that failed is a miss', 'claim_row measure 0 test.c "held failed" 1',
     {'sanitized.tap': TAP}, 1, '**missed**: 1 of 2 cases hold'),
    ('a claim with a case that did not run is a miss', 'claim_row measure 0 test.c "held gone" 0',
     {'sanitized.tap': TAP}, 1, '**missed**: 1 of 2 cases hold'),
    ('a claim says which part of it had no time', 'claim_row measure 0 test.c "held gone" 124',
     {'sanitized.tap': TAP}, 0, '1 of 2 cases hold, the others had no time'),
    ('a matrix without a cell is a miss', 'cells_row 0', {'sanitized.tap': TAP}, 1, '**missed**'),
    ('mutants that time left alone are not counted', 'part_mutants',
     {'tree/tools/mutants.sh': MUTANTS + 'sleep 60', 'tree/tests/mutants/a.mutant': '',
      'tree/tests/mutants/b.mutant': ''}, 0, '| 0; 1 of 2 noticed; then time was up |'),
    ('a mutant that lives is a miss', 'part_mutants',
     {'tree/tools/mutants.sh': MUTANTS + 'echo "b  nobody  0.1  NOT KILLED: survives"; exit 1',
      'tree/tests/mutants/a.mutant': '', 'tree/tests/mutants/b.mutant': ''},
     1, '**missed**: 1; 1 of 2 noticed'),
    ('coverage below its goals is a miss', 'part_coverage',
     {'tree/tools/coverage.sh': 'echo "src 9 of 10 90 % 8 of 10 80 %  goal 95 / 90"; exit 1'}, 1,
     '**missed**: 90 % of lines, 80 % of branches'),
    ('coverage that time cut short has no figure', 'part_coverage',
     {'tree/tools/coverage.sh': 'sleep 60'}, 0, '| no total; then time was up |'),
    ('a finding of a fuzzer is a miss', 'part_fuzz',
     {'tree/tests/fuzz/corpus/uri/input': '',
      'tree/tools/fuzz.sh': 'echo "uri 1234567 executions 500 a second 9 edges"; exit 1'},
     1, '1,234,567 executions by 1 of 1 targets, a second: uri 500'),
    ('a row of the faults is counted with its test or its reason', 'part_faults',
     {'tree/docs/reliability.md': FAULTS}, 0, '| 58; 2 with a reason why not |'),
    ('a row of the faults that is lost is a miss', 'part_faults',
     {'tree/docs/reliability.md': FAULTS.partition('\n')[2]}, 1, '**missed**: 57;'),
    ('a part behind the end of the time had none', 'end=0; play "faults 1 none words"',
     {}, 0, '| had no time |'),
    ('a build that fails is a miss', 'end=9; build() { false; }; play "faults 1 release words"',
     {}, 1, '**missed**: does not'),
)


class Script:
    """tools/reliability.sh, begun or only read."""

    def __init__(self, root):
        self.path = os.path.join(root, 'tools', 'reliability.sh')

    def run(self, *arguments):
        return subprocess.run(['bash', self.path, *arguments], capture_output=True, text=True,
                              timeout=60, check=False)

    def ask(self, commands):
        """What `commands` print once the script was read."""
        done = subprocess.run(['bash', '-c', f'. {self.path!r}\n{commands}'], capture_output=True,
                              text=True, timeout=60, check=False)
        return done.stdout

    def array(self, name):
        return self.ask(f'printf "%s\\n" "${{{name}[@]}}"').splitlines()


def check_parts(tap, script):
    listed = [line.split()[0] for line in script.run('--list').stdout.splitlines()]
    functions = [line.split('part_')[1] for line in script.ask('declare -F').splitlines()
                 if ' part_' in line]
    tap.result('each part that is listed is there', set(listed) ^ set(functions))
    tap.result('what is no part or no time is refused',
               (words for words in (['0'], ['121'], ['5', 'nothing'], ['x'])
                if script.run(*words).returncode != 2))


def check_names(tap, script, root, build):
    with open(os.path.join(build, 'meson-info', 'intro-tests.json'), encoding='utf-8') as file:
        known = {test['name'] for test in json.load(file)}
    named = [name for array in ('msan_unfit', 'tsan_tests', 'memcheck_tests')
             for name in script.array(array)]
    tap.result('each test that is named is one', set(named) - known if named else ['none is'])
    claims = [line.split('|') for line in script.ask('printf "%s\\n" "$claims"').splitlines()
              if line]
    tap.result('each case that shows a measure is there',
               [f'{source}: {case}' for _, _, source, cases in claims for case in cases.split()
                if not sources.has_case(root, source, case)] if claims else ['no measure'])


def check_stand_in(tap, script, stand_in):
    name, commands, files, misses, words = stand_in
    with tempfile.TemporaryDirectory() as tmp:
        for path, text in files.items():
            path = os.path.join(tmp, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
            os.chmod(path, 0o755)
        told = script.ask(BEGUN.format(tmp=tmp, seconds=2) + commands + TELL)
    missed = told[:told.find('\n| ')].splitlines()[-1:]
    tap.result(name, [told] if missed != [str(misses)] or words not in told else [])


def main():
    tap = sources.Tap()
    script = Script(sys.argv[1])
    check_parts(tap, script)
    check_names(tap, script, *sys.argv[1:])
    for stand_in in STAND_INS:
        check_stand_in(tap, script, stand_in)
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
