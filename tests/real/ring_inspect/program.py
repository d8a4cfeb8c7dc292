# SPDX-License-Identifier: MIT
"""Running ring-inspect from a test, and telling the results as TAP."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv[1])
SECONDS = 120


class Run:
    """One finished run: its exit status, and what it wrote as bytes."""

    def __init__(self, *arguments, stdin=b'', password=None, wrapper=(), environment=None):
        variables = {**os.environ, **(environment or {})}
        variables.pop('RINGCACHE_PASSWORD', None)
        if password is not None:
            variables['RINGCACHE_PASSWORD'] = password
        ran = subprocess.run([*wrapper, PROGRAM, *arguments], input=stdin, env=variables,
                             capture_output=True, timeout=SECONDS, check=False)
        self.status, self.out, self.err = ran.returncode, ran.stdout, ran.stderr

    def json(self):
        return json.loads(self.out)

    def json_lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Case(unittest.TestCase):
    """A test in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def done(self, *arguments, **how):
        """A run that succeeds and has nothing to complain about."""
        run = Run(*arguments, **how)
        self.assertEqual((run.status, run.err), (0, b''))
        return run

    def refused(self, status, message, *arguments, **how):
        """A run that fails with one line that holds `message`."""
        run = Run(*arguments, **how)
        self.assertEqual(run.status, status, run.err)
        self.assertRegex(run.err, rb'\Aring-inspect: [^\n]*\n\Z')
        self.assertIn(message.encode(), run.err)
        return run


class Tap(unittest.TestResult):
    """One line for each test, its failures told behind a '#'."""

    count = 0

    def startTest(self, test):
        super().startTest(test)
        self.known = len(self.failures + self.errors)
        self.note = ''

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note = f' # SKIP {reason}'

    def stopTest(self, test):
        super().stopTest(test)
        self.count += 1
        passed = len(self.failures + self.errors) == self.known
        name = test.id().rpartition('.')[2].removeprefix('test_')
        print(f'{"ok" if passed else "not ok"} {self.count} - {name}{self.note}', flush=True)
        for blamed, story in self.failures + self.errors:
            if not passed and name in str(blamed):
                print('#', story.replace('\n', '\n# '), flush=True)


def main():
    tests = unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__'])
    print(f'1..{tests.countTestCases()}')
    result = Tap()
    tests.run(result)
    if not result.wasSuccessful() or result.count != tests.countTestCases():
        for blamed, story in result.errors[:1]:
            print('#', blamed, story.replace('\n', '\n# '))
        sys.exit(1)
