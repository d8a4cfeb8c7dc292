#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The house's numbers and bans, held. usage: style.py ROOT"""

import collections
import os
import re
import shutil
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True
import sources  # noqa: E402

FILE_LINES, FILE_LINES_HARD = 600, 1000
FUNCTION_MEDIAN, FUNCTION_P90, FUNCTION_LINES = 12, 40, 100
PARAMETERS = 5
CONDITIONALS_PER_KLOC = 2
PUBLIC_FUNCTIONS = 120
CLANG_FORMAT = 14

UNBOUNDED = re.compile(
    r'\b(strcpy|strcat|v?sprintf|gets|alloca|strtok|ato[ifl]|atoll|strto[dfl]|strtoll?|strtould?|'
    r'strtoull|v?s?scanf|v?fscanf|setjmp|longjmp)\s*\(')
LOCALE = re.compile(r'\b(strn?casecmp|strcoll|to(?:lower|upper)|'
                    r'is(?:alpha|alnum|space|upper|lower|print|punct|graph|cntrl))\s*\(')
CLOCK = re.compile(r'(?<![.>])\b(time|gettimeofday|clock_gettime|(?:local|gm)time(?:_r)?)\s*\(')
HEAP = re.compile(
    r'(?<![.>])\b(malloc|calloc|realloc|reallocarray|free|strdup|strndup|v?asprintf)\s*\(')
MAX_COLUMNS = 100
FUZZ_INPUTS = 'tests/fuzz/corpus/'
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X)\b')
CONDITIONAL = re.compile(r'^[ \t]*#[ \t]*(?:if|ifdef|ifndef)\b[ \t]*(.*)$', re.M)
NOT_FEATURES = re.compile(r'\w+_H\b|(?:defined\W*)?__cplusplus')
PROTOTYPE = re.compile(r'^RINGCACHE_API\b[^;{]*?\b(ringcache_\w+)\s*\(', re.M)
LINK = re.compile(r'\]\((?!\w+:|#)([^)#\s]+)')
FORMAT_PLACE = re.compile(r'^(\S+?):\d+:\d+: error:', re.M)
TEXT_SUFFIXES = ('.c', '.h', '.py', '.sh', '.md', '.build', '.map', '.yml')


def texts(root, names):
    for name in names:
        yield name, sources.read(root, name)


def banned(root, names, pattern, excused=()):
    """Lines of code on which `pattern` stands."""
    for name, text in texts(root, names):
        if name.startswith(tuple(excused)):
            continue
        for number, line in enumerate(sources.bare_code(text).splitlines(), 1):
            found = pattern.search(line)
            if found:
                yield f'{name}:{number}: {found.group(1)}'


def check_files(tap, root):
    library = sources.c_files(root, 'src', 'include', 'tools')
    lines = {name: text.count('\n')
             for name, text in texts(root, [*library, *sources.c_files(root, 'tests', 'examples')])}
    for name in library:
        if lines[name] > FILE_LINES:
            tap.note(f'{name} has {lines[name]} lines, more than the usual {FILE_LINES}')
    tap.note(f'longest file: {max(lines.values(), default=0)} lines')
    tap.result(f'no file has more than {FILE_LINES_HARD} lines',
               (f'{n}: {count}' for n, count in lines.items() if count > FILE_LINES_HARD))
    tap.result('every C file names its licence first',
               (name for name, text in texts(root, lines)
                if not text.startswith('/* SPDX-License-Identifier: MIT */\n')))


def functions_of(root, names):
    """(file, name, lines, parameters) of every function defined in `names`, by Universal Ctags."""
    listed = subprocess.run(
        ['ctags', '--options=NONE', '-x', '--kinds-C=f', '--languages=C', '--langmap=C:+.h',
         '--_xformat=%{input}\t%{name}\t%{line}\t%{end}\t%{signature}', *names],
        cwd=root, capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        name, function, first, last, signature = line.split('\t')
        yield name, function, int(last) - int(first) + 1, parameter_count(signature)


def parameter_count(signature):
    """Commas outside inner parentheses, plus one; `(void)` is none."""
    if signature in ('()', '(void)'):
        return 0
    count, level = 1, 0
    for char in signature:
        level += (char == '(') - (char == ')')
        count += char == ',' and level == 1
    return count


def check_functions(tap, root):
    if not shutil.which('ctags'):
        tap.result('functions are measured: ctags is missing', ['install universal-ctags'])
        return
    functions = list(functions_of(root, sources.c_files(root, 'src')))
    lengths = sorted(length for _, _, length, _ in functions)
    median = statistics.median(lengths)
    p90 = lengths[(len(lengths) * 9 - 1) // 10]
    tap.note(f'{len(lengths)} functions: median {median:g} lines, p90 {p90}, longest {lengths[-1]}')
    tap.result(f'no function has more than {FUNCTION_LINES} lines',
               (f'{n}: {f}: {size}' for n, f, size, _ in functions if size > FUNCTION_LINES))
    tap.result(f'the median function has at most {FUNCTION_MEDIAN} lines',
               [f'median {median:g}'] if median > FUNCTION_MEDIAN else [])
    tap.result(f'nine functions of ten have at most {FUNCTION_P90} lines',
               [f'p90 {p90}'] if p90 > FUNCTION_P90 else [])
    tap.result(f'no internal function takes more than {PARAMETERS} parameters',
               (f'{n}: {f}: {count}' for n, f, _, count in functions
                if count > PARAMETERS and not f.startswith('ringcache_')))


def check_public(tap, root):
    """Directly above each prototype stands a comment of the /** kind."""
    libraries, bare = {'ringcache': 0, 'ringcache-mock': 0}, []
    for name, text in texts(root, sources.c_files(root, 'include')):
        for found in PROTOTYPE.finditer(text):
            mock = found.group(1).startswith('ringcache_mock_')
            libraries['ringcache-mock' if mock else 'ringcache'] += 1
            above = text[:found.start()]
            if not above.endswith('*/\n') or not above[above.rfind('/*'):].startswith('/**'):
                bare.append(f'{name}: {found.group(1)}')
    for library, count in libraries.items():
        tap.note(f'{library}: {count} public functions (at most {PUBLIC_FUNCTIONS})')
    tap.result('every public function is documented above its prototype', bare)
    tap.result(f'no library has more than {PUBLIC_FUNCTIONS} public functions',
               (f'{library}: {count}' for library, count in libraries.items()
                if count > PUBLIC_FUNCTIONS))


def check_bans(tap, root):
    library = sources.c_files(root, 'src', 'include')
    programs = sources.c_files(root, 'tools', 'examples')
    tap.result('no unbounded call', banned(root, library + programs, UNBOUNDED))
    tap.result('no call whose answer depends on the locale',
               banned(root, library + programs, LOCALE))
    tap.result('no clock is read outside the transport',
               banned(root, library, CLOCK, ['src/transport/']))
    # Simulated servers live on when a test lets the library's allocator fail.
    tap.result('the heap is reached through base/alloc.h alone',
               banned(root, library, HEAP, ['src/base/alloc.c', 'src/engine/', 'src/mock/']))


def check_conditionals(tap, root):
    """Features are files chosen by the build, not branches of the preprocessor."""
    found, lines = [], 0
    for name, text in texts(root, sources.c_files(root, 'src')):
        if name.startswith(('src/base/', 'src/transport/')):
            continue
        lines += text.count('\n')
        found += [f'{name}: #if {condition}' for condition in CONDITIONAL.findall(text)
                  if not NOT_FEATURES.match(condition)]
    allowed = CONDITIONALS_PER_KLOC * lines / 1000
    tap.note(f'{len(found)} conditionals in {lines} lines outside base and transport')
    tap.result(f'at most {CONDITIONALS_PER_KLOC} conditionals per 1,000 lines',
               found if len(found) > allowed else [])


def check_texts(tap, root):
    files = sources.tree_files(root)
    binary, blanks, unfinished, wide = [], [], [], []
    for name in files:
        with open(os.path.join(root, name), 'rb') as file:
            content = file.read()
        if b'\0' in content and not name.startswith(FUZZ_INPUTS):
            binary.append(name)
        if not name.endswith(TEXT_SUFFIXES):
            continue
        if content and not content.endswith(b'\n'):
            blanks.append(f'{name}: no newline at its end')
        for number, line in enumerate(content.decode().split('\n'), 1):
            if line != line.rstrip():
                blanks.append(f'{name}:{number}')
            if name.endswith(('.c', '.h')) and len(line) > MAX_COLUMNS:
                wide.append(f'{name}:{number}: {len(line)} columns')
            if UNFINISHED.search(line):
                unfinished.append(f'{name}:{number}: {line.strip()}')
    tap.result('no binary is kept in the tree', binary)
    tap.result('no line ends in blanks, every file ends in a newline', blanks)
    tap.result('nothing is left for later', unfinished)
    tap.result(f'no line of C is wider than {MAX_COLUMNS} columns', wide)
    tap.result('links between the papers lead somewhere', dead_links(root, files))


def dead_links(root, files):
    for name, text in texts(root, [n for n in files if n.endswith('.md')]):
        for target in LINK.findall(text):
            if not os.path.exists(os.path.join(root, os.path.dirname(name), target)):
                yield f'{name}: {target}'


def check_proportion(tap, root):
    library, tests = (sum(sources.code_lines(text) for _, text in texts(root, names))
                      for names in (sources.c_files(root, 'src', 'include'),
                                    sources.c_files(root, 'tests')))
    tap.note(f'lines of code: library {library}, tests {tests}')
    tap.result('there is at least as much test code as library code',
               [f'library {library}, tests {tests}'] if tests < library else [])


def check_format(tap, root):
    """Other versions lay out a few lines differently, so only one of them judges."""
    program = shutil.which(f'clang-format-{CLANG_FORMAT}') or shutil.which('clang-format')
    version = program and subprocess.run([program, '--version'], capture_output=True, text=True,
                                         check=False).stdout
    if not version or f'version {CLANG_FORMAT}.' not in version:
        tap.note(f'layout not checked: clang-format {CLANG_FORMAT} is not here')
        return
    names = sources.c_files(root, 'src', 'include', 'tools', 'examples', 'tests')
    judged = subprocess.run([program, '--dry-run', '-Werror', '--style=file', *names], cwd=root,
                            capture_output=True, text=True, check=False)
    places = collections.Counter(FORMAT_PLACE.findall(judged.stderr))
    problems = [f'{name}: {count} places' for name, count in sorted(places.items())]
    if judged.returncode and not problems:
        problems = judged.stderr.splitlines()
    tap.result('the layout is clang-format\'s', problems)


def main():
    root = sys.argv[1]
    tap = sources.Tap()
    for check in (check_files, check_functions, check_public, check_bans, check_conditionals,
                  check_texts, check_proportion, check_format):
        check(tap, root)
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
