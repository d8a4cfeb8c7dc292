#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Bugs that other clients shipped, put into a copy of the tree one by one: each must be seen by the
# test that it names. Prints a table, and exits with 1 when one of them lives.
# usage: bash tools/mutants.sh [--all] [--folder FOLDER] [MUTANT…]
#
# Works in a temporary folder, or in FOLDER, whose build the next run goes on with. With --all every
# unit and simulation test judges each mutant, which takes an hour and more.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

bash "$root/tools/setup.sh" test || exit 2
exec python3 -B "$root/tests/mutants/run.py" "$root" "$@"
