# SPDX-License-Identifier: MIT
"""faultd between a client and real servers. usage: test_caches.py FAULTD RING-INSPECT"""

import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
from daemon import Case, Faultd, main, servers  # noqa: E402

RING_INSPECT = sys.argv[2]
VALUE = bytes(range(256)) * 400


@unittest.skipUnless(servers.MEMCACHED and servers.REDIS, 'memcached or redis-server is missing')
class Caches(Case):

    def setUp(self):
        super().setUp()
        self.servers = {'memcached': servers.memcached(), 'redis': servers.redis()}
        for server in self.servers.values():
            self.addCleanup(server.stop)
        self.faultd = Faultd(self, *(f'{kind}=127.0.0.1:0,127.0.0.1:{server.port}'
                                     for kind, server in self.servers.items()))

    def inspect(self, kind, *arguments, stdin=b'', timeout_ms=20000):
        return subprocess.run(
            [RING_INSPECT, '-s', f'{kind}://{self.faultd.ports[kind]}', '-o',
             f'timeout_ms={timeout_ms}', *arguments], input=stdin, capture_output=True,
            timeout=120, check=False)

    def assert_kept(self, kind):
        self.assertEqual(self.inspect(kind, 'set', 'key', '-', stdin=VALUE).returncode, 0)
        self.assertEqual(self.inspect(kind, 'get', 'key').stdout, VALUE)

    def test_values_survive_what_only_delays(self):
        for lines in (('latency 5ms jitter 5ms',), ('slice 997 gap 0ms',),
                      ('bandwidth 1MiB', 'slice 100KiB')):
            self.faultd.do(*lines)
            for kind in self.servers:
                with self.subTest(lines=lines, kind=kind):
                    self.assert_kept(kind)
            self.faultd.do('heal')

    def test_cut_values_are_no_values(self):
        for kind in self.servers:
            self.assert_kept(kind)
            for line in ('reset', 'close', 'drop 1', 'duplicate 700', 'insert "\\r\\n"',
                         'half-close'):
                with self.subTest(line=line, kind=kind):
                    self.faultd.do(f'after 40000 bytes down {line}')
                    ran = self.inspect(kind, 'get', 'key', timeout_ms=500)
                    self.assertNotEqual(ran.returncode, 0)
                    self.assertEqual(ran.stdout, b'')
                    self.assertEqual(self.faultd.next('fault')['offset'], 40000)
                    self.faultd.do('heal')
                    self.faultd.next('fault')
                    self.faultd.next('fault')
            self.assert_kept(kind)

    def test_servers_that_do_not_answer_are_waited_for_in_vain_no_longer_than_asked(self):
        for line in ('blackhole', 'stall down', 'discard down', 'pause', 'refuse'):
            self.faultd.do(line)
            for kind in self.servers:
                with self.subTest(line=line, kind=kind):
                    ran = self.inspect(kind, 'get', 'key', timeout_ms=200)
                    self.assertNotEqual(ran.returncode, 0)
                    self.assertEqual(ran.stdout, b'')
            self.faultd.do('heal')
        for kind in self.servers:
            self.assert_kept(kind)


if __name__ == '__main__':
    main()
