#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The core is pure state: its objects ask the system for no socket, clock, exit or output.

usage: core_symbols.py ARCHIVE   (the objects of base, hash, ring, config, codec, server, route; or
those of the engines)"""

import re
import subprocess
import sys

sys.dont_write_bytecode = True
import sources  # noqa: E402

# The `_chk` forms are what a fortified build calls instead.
FORBIDDEN = {
    'libuv': r'uv_\w+',
    'sockets': r'socket(pair)?|connect|accept4?|bind|listen|shutdown|send(to|m?msg)?|'
               r'(__)?recv(from|m?msg)?(_chk)?|(get|set)sockopt|get(addr|name)info|'
               r'gethostby\w+|res_\w+|(__)?p?poll(_chk)?|p?select|epoll_\w+',
    'clocks': r'time|times|clock|gettimeofday|clock_\w+|timespec_get|(local|gm)time(_r)?|mktime|'
              r'strftime|(nano|u)?sleep|timer_\w+|alarm',
    'ways out': r'abort|_?_?exit|_Exit|quick_exit|atexit|__assert\w*|raise|kill',
    'chance': r's?rand(om)?(_r)?|[delmn]rand48|get(random|entropy)|arc4random\w*',
    'output': r'(__)?v?(printf|dprintf)(_chk)?|puts|putchar|perror|stdout|stderr|v?syslog',
    'processes': r'fork|vfork|system|popen|exec[lv]\w*|posix_spawn\w*|pthread_create|'
                 r'signal|sigaction|setlocale',
}
UNDEFINED = re.compile(r'(\S+\.o):\s+[Uw] (\w+)')


def main():
    listed = subprocess.run(['nm', '-A', '--undefined-only', sys.argv[1]], capture_output=True,
                            text=True, check=True).stdout
    wanted = UNDEFINED.findall(listed)
    tap = sources.Tap()
    tap.note(f'{len({o for o, _ in wanted})} objects want {len({s for _, s in wanted})} symbols')
    tap.result('the objects could be read', [] if wanted else ['no undefined symbol at all'])
    for what, pattern in FORBIDDEN.items():
        tap.result(f'the core reaches for none of: {what}',
                   sorted(f'{o.split(":")[-1]}: {s}' for o, s in wanted
                          if re.fullmatch(pattern, s)))
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
