#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may include whom: the table of layers, cycles, and depth. usage: layers.py ROOT"""

import os
import re
import sys

sys.dont_write_bytecode = True
import sources  # noqa: E402

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
MAX_DEPTH = 8

# What a folder below src may include beside itself: a folder, one header, or a public header.
LAYERS = {
    'base': (),
    'hash': ('base', '<xxhash.h>'),
    'ring': ('base', 'hash', 'ringcache/ring.h'),
    'config': ('base', 'hash', 'ring/topology.h', 'ringcache/config.h'),
    'codec': ('base',),
    'server': ('base', 'codec', 'transport/transport.h'),
    'route': ('base', 'hash', 'ring', 'codec', 'server'),
    'discover': ('base', 'ring/topology.h', 'codec', 'server'),
    'transport': ('base', '<uv.h>'),
    'client': ('base', 'hash', 'ring', 'config', 'codec', 'server', 'route', 'discover',
               'transport', 'ringcache', '<uv.h>'),
    'compat': ('ringcache',),
    'engine': ('base', 'codec/scripts.h'),
    'mock': ('base', 'engine', 'ringcache/mock.h', '<uv.h>'),
}
FREE_FOR_ALL = ('ringcache/status.h', 'ringcache/version.h')
# The only sources that may see hiredis: its reader builds the trees of nested replies.
HIREDIS_USERS = re.compile(r'src/codec/resp_tree\w*\.[ch]$')
ISO_C = set('''assert complex ctype errno fenv float inttypes limits locale math setjmp signal
    stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath
    wchar wctype'''.split())
# Beyond ISO C, what it takes to read a file and the text of an address; sockets, clocks and threads
# are the transport's.
POSIX_FILES = {'unistd.h', 'fcntl.h', 'strings.h', 'sys/stat.h', 'sys/types.h', 'arpa/inet.h'}
SYSTEM_LAYERS = ('transport', 'client', 'compat', 'mock')


def matches(target, allowed):
    return any(target == entry or target.startswith(entry + '/') for entry in allowed)


def system_header_allowed(layer, name, header):
    if header.startswith('hiredis/'):
        return bool(HIREDIS_USERS.match(name))
    if f'<{header}>' in LAYERS[layer]:
        return True
    if header in ('uv.h', 'xxhash.h'):
        return False
    return layer in SYSTEM_LAYERS or header[:-2] in ISO_C or header in POSIX_FILES


def library_problem(name, mark, header):
    """Why a source below src may not include `header`, or None."""
    layer = name.split('/')[1]
    if layer not in LAYERS:
        return f'{name}: the folder is not in the table of layers'
    if header.startswith('ringcache/') or mark == '"':
        allowed = (layer, *LAYERS[layer], *FREE_FOR_ALL)
        fine = matches(header, allowed)
    else:
        fine = system_header_allowed(layer, name, header)
    return None if fine else f'{name}: src/{layer} may not include {header}'


def public_problem(name, header, public):
    if header in public:
        return None
    if header == 'uv.h':
        fine = name in ('include/ringcache/client.h', 'include/ringcache/mock.h')
    else:
        fine = header[:-2] in ISO_C
    return None if fine else f'{name}: a public header may not include {header}'


def program_problem(root, name, header):
    """Programs see the public headers, their own folder, and the system."""
    if header.startswith('ringcache/'):
        return None
    inside = os.path.exists(os.path.join(root, 'src', header))
    beside = os.path.exists(os.path.join(root, os.path.dirname(name), header))
    return f'{name}: not a public header: {header}' if inside and not beside else None


def resolve(root, name, header):
    """The file of the tree that an include means, or None for a system header."""
    for base in (os.path.dirname(name), 'src', 'include'):
        path = os.path.normpath(os.path.join(base, header))
        if os.path.isfile(os.path.join(root, path)):
            return path
    return None


def graph_of(root, names):
    edges = {}
    for name in names:
        found = (resolve(root, name, header)
                 for _, header in INCLUDE.findall(sources.read(root, name)))
        edges[name] = sorted({target for target in found if target})
    return edges


def depths(edges):
    """Longest chain of includes below each file, and every cycle met on the way."""
    depth, cycles = {}, []

    def visit(name, path):
        if name in path:
            cycles.append(' -> '.join([*path[path.index(name):], name]))
            return 0
        if name not in depth:
            below = [visit(target, [*path, name]) + 1 for target in edges.get(name, ())]
            depth[name] = max(below, default=0)
        return depth[name]

    for name in edges:
        visit(name, [])
    return depth, cycles


def main():
    root = sys.argv[1]
    tap = sources.Tap()
    library = sources.c_files(root, 'src')
    headers = sources.c_files(root, 'include')
    programs = sources.c_files(root, 'tools', 'examples')
    public = {name.removeprefix('include/') for name in headers}

    def problems(names, judge):
        for name in names:
            for mark, header in INCLUDE.findall(sources.read(root, name)):
                problem = judge(name, mark, header)
                if problem:
                    yield problem

    tap.result('each folder below src includes only what its layer allows',
               problems(library, library_problem))
    tap.result('public headers include only each other, and uv.h only where a loop is named',
               problems(headers, lambda n, _, h: public_problem(n, h, public)))
    tap.result('tools and examples see the public headers alone',
               problems(programs, lambda n, _, h: program_problem(root, n, h)))
    depth, cycles = depths(graph_of(root, library + headers))
    tap.result('no include leads back to itself', cycles)
    tap.note(f'deepest include: {max(depth.values(), default=0)} (at most {MAX_DEPTH})')
    tap.result(f'no chain of includes is deeper than {MAX_DEPTH}',
               (f'{n}: {d}' for n, d in depth.items() if d > MAX_DEPTH))
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
