# SPDX-License-Identifier: MIT
"""One mutant: a bug that another client shipped, as a change of this library's sources.

A file NAME.mutant is three lines, and behind a blank one the places that change:

    bug: what goes wrong, in one sentence
    seen in: who shipped it, and where that is told
    killed by: tests/client/test_x.c: the_case_that_fails

    @@ src/server/request.c
     a line that stays
    -a line that goes
    +a line that comes

A place is found by its lines that stay and go, which must stand there, one behind the other, exactly
once; there are no line numbers, so that changes elsewhere in the file do no harm."""

import os

HEADER = ('bug', 'seen in', 'killed by')
MARK = '@@ '


class Unfit(Exception):
    """The mutant cannot be read, or does not apply."""


class Mutant:
    def __init__(self, name, header, places):
        self.name = name
        self.bug, self.seen_in, killer = (header[key] for key in HEADER)
        self.test, _, self.case = killer.partition(': ')
        self.places = places  # (file, lines before, lines after)


def read_header(lines):
    header = {}
    for key, line in zip(HEADER, lines):
        start = key + ': '
        if not line.startswith(start) or not line[len(start):].strip():
            raise Unfit(f'a line "{start}…" is missing')
        header[key] = line[len(start):]
    if len(header) < len(HEADER) or ': ' not in header['killed by']:
        raise Unfit('its header is "bug: …", "seen in: …" and "killed by: file: case"')
    return header


def read_places(lines):
    places = []
    for line in lines:
        if line.startswith(MARK):
            places.append((line[len(MARK):], [], []))
        elif not places or (line and line[0] not in ' -+'):
            raise Unfit(f'no line of a change: "{line}"')
        else:
            _, before, after = places[-1]
            if not line.startswith('+'):
                before.append(line[1:])
            if not line.startswith('-'):
                after.append(line[1:])
    if not places or any(before == after for _, before, after in places):
        raise Unfit('it changes nothing')
    return places


def load(path):
    with open(path, encoding='utf-8') as file:
        lines = file.read().splitlines()
    header = read_header(lines)
    if lines[len(HEADER)] != '':
        raise Unfit('no blank line behind its header')
    name = os.path.basename(path).removesuffix('.mutant')
    return Mutant(name, header, read_places(lines[len(HEADER) + 1:]))


def paths(root):
    folder = os.path.join(root, 'tests', 'mutants')
    found = os.listdir(folder) if os.path.isdir(folder) else []
    return [os.path.join(folder, name) for name in sorted(found) if name.endswith('.mutant')]


def mutated(root, mutant):
    """{file: its whole text with the bug in it}."""
    texts = {}
    for name, before, after in mutant.places:
        if name not in texts:
            try:
                with open(os.path.join(root, name), encoding='utf-8') as file:
                    texts[name] = '\n' + file.read()
            except OSError:
                raise Unfit(f'there is no {name}') from None
        old, new = ('\n' + ''.join(line + '\n' for line in part) for part in (before, after))
        count = texts[name].count(old)
        if count != 1:
            raise Unfit(f'its lines stand {count} times in {name}, not once')
        texts[name] = texts[name].replace(old, new)
    return {name: text[1:] for name, text in texts.items()}
