#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each mutant still fits the tree: it can be read, it applies, and the case that kills it is there.
Whether it does is seen by tools/mutants.sh alone, which takes minutes. usage: mutants.py ROOT"""

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), 'mutants'))
import mutant as mutants  # noqa: E402
import sources  # noqa: E402


def misfit(root, path):
    """Why the mutant does not fit, or None."""
    try:
        mutant = mutants.load(path)
        mutants.mutated(root, mutant)
    except mutants.Unfit as reason:
        return str(reason)
    if not sources.has_case(root, mutant.test, mutant.case):
        return f'{mutant.test} has no case {mutant.case}'
    return None


def main():
    root = sys.argv[1]
    tap = sources.Tap()
    for path in mutants.paths(root):
        name = os.path.basename(path).removesuffix('.mutant')
        reason = misfit(root, path)
        tap.result(f'{name} fits the tree', [reason] if reason else [])
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
