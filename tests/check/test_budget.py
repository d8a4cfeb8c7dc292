#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The check of what a request costs tells dearer from cheaper from equal, and one compiler's figures
from another's."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'budget'))
import budget  # noqa: E402
import sources  # noqa: E402

HEAD = '# what this is\n'
OLD, NEW = (dict(zip(budget.CELLS, figures, strict=True))
            for figures in ((1000.0, 1100.0, 1200.0, 1300.0), (900.5, 1001.0, 1101.5, 1202.0)))


def written(rows):
    """What is read of figures that were written."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'figures')
        budget.write_figures(path, [HEAD], rows)
        return budget.read_figures(path)


def main():
    tap = sources.Tap()
    for measured, fails in ((1031, True), (1029, False), (1000, False), (971, False), (969, True)):
        problem = budget.verdict(measured, 1000)
        tap.result(f'{measured} instructions instead of 1000 {"fail" if fails else "pass"}',
                   [str(problem)] if bool(problem) != fails else [])
    cheaper = budget.verdict(900, 1000)
    tap.result('who made it cheaper is told to write it down',
               [] if 'write the better figure down' in cheaper else [cheaper])
    rows = {'gcc-12-x86_64': OLD, 'gcc-14-x86_64': NEW}
    found = written(rows)
    tap.result('what is written is read', [] if found == ([HEAD], rows) else [str(found)])
    return tap.finish()


if __name__ == '__main__':
    sys.exit(main())
