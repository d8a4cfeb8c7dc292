# SPDX-License-Identifier: MIT
"""The live commands while no name can be resolved. usage: test_names.py RING-INSPECT MODULE"""

import os
import sys
import time

sys.dont_write_bytecode = True
from program import Case, main  # noqa: E402

MODULE = os.path.abspath(sys.argv[2])
HANGING = {'LD_PRELOAD': MODULE,
           'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'}
NAMES = [word for i in range(12) for word in ('-s', f'memcached://cache{i}.example')]


class Names(Case):

    def prompt(self, status, message, *arguments):
        begun = time.monotonic()
        run = self.refused(status, message, *arguments, environment=HANGING)
        self.assertLess(time.monotonic() - begun, 4)
        return run

    def test_a_request_ends_at_its_deadline_and_the_program_with_it(self):
        self.prompt(1, 'the deadline passed', 'get', *NAMES, '-o', 'timeout_ms=100', 'key')

    def test_a_connection_is_given_up_at_its_deadline(self):
        self.prompt(1, 'no connection within the deadline', 'get', *NAMES[:2],
                    '-o', 'timeout_ms=3000', '-o', 'connect_timeout_ms=100', 'key')


if __name__ == '__main__':
    main()
