# SPDX-License-Identifier: MIT
"""The manual page. usage: test_manual.py RING-INSPECT SOURCE-ROOT"""

import os
import re
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
from program import Case, main  # noqa: E402

ROOT = sys.argv[2]
PAGE = os.path.join(ROOT, 'docs', 'ring-inspect.1')
WRITER = os.path.join(ROOT, 'tools', 'ring-inspect', 'manual.py')


def tagged(page, section):
    """What the tagged paragraphs of a section are about, without its markup."""
    text = page.split(f'.SH {section}\n', 1)[1].split('\n.SH ')[0]
    tags = re.findall(r'^\.TP\n\.\w+ (.*)$', text, re.M)
    return [re.sub(r'\\f.|"', '', tag).replace('\\-', '-') for tag in tags]


class Manual(Case):

    def setUp(self):
        super().setUp()
        with open(PAGE, encoding='utf-8') as file:
            self.page = file.read()

    def test_options_and_examples_are_what_the_program_prints(self):
        ran = subprocess.run([sys.executable, '-B', WRITER, '--check', sys.argv[1], PAGE],
                             capture_output=True, check=False, timeout=120)
        self.assertEqual((ran.returncode, ran.stderr), (0, b''))

    def test_every_configuration_option_is_listed_once(self):
        table = self.done('options', '--json').json()
        self.assertGreater(len(table), 10)
        self.assertEqual(tagged(self.page, 'CONFIGURATION OPTIONS'), [row['name'] for row in table])

    def test_every_command_of_the_help_is_described_in_its_order(self):
        text = self.done('--help').out.decode()
        commands = re.findall(r'^  (\w+)', text, re.M)
        self.assertGreater(len(commands), 10)
        described = [tag.split()[0] for tag in tagged(self.page, 'COMMANDS')]
        self.assertEqual(described, commands)

    def test_every_option_of_the_help_is_described(self):
        text = self.done('--help').out.decode()
        for option in re.findall(r'--[a-z]+', text):
            self.assertIn(option, self.page.replace('\\-', '-'))

    @unittest.skipUnless(shutil.which('man') and shutil.which('groff'), 'man is not installed')
    def test_formatter_has_no_warning(self):
        # The formatter is not what a preloaded library is meant for.
        environment = {**os.environ, 'LD_PRELOAD': '', 'MANWIDTH': '80', 'LC_ALL': 'C.UTF-8'}
        ran = subprocess.run(['man', '--warnings', '-l', PAGE], capture_output=True, check=False,
                             timeout=60, env=environment)
        self.assertEqual((ran.returncode, ran.stderr), (0, b''))
        self.assertIn(b'RINGCACHE_PASSWORD', ran.stdout)


if __name__ == '__main__':
    main()
