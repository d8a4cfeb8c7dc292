#!/bin/sh
# SPDX-License-Identifier: MIT
# An archive of one object in which only the public names are left. usage: archive.sh TWIN ARCHIVE
set -eu
object=$2.o
trap 'rm -f "$object"' EXIT
${LD:-ld} -r --whole-archive "$1" -o "$object"
${OBJCOPY:-objcopy} --wildcard --keep-global-symbol='ringcache_mock_*' "$object"
rm -f "$2"
${AR:-ar} rcsD "$2" "$object"
