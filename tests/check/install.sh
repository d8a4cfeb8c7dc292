#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What an installation offers to somebody else's program. Prints TAP.
# usage: install.sh PREFIX   (an installation just made into an empty folder; libraries in lib)
set -u
prefix=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lib=$prefix/lib
include=$prefix/include
export PKG_CONFIG_PATH=$lib/pkgconfig LC_ALL=C
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
count=0 failures=0

# One result: the command's status, and its output where it failed.
prove() {
    local name=$1 said verdict=ok
    shift
    said=$("$@" 2>&1) || verdict='not ok' failures=$((failures + 1))
    count=$((count + 1))
    echo "$verdict $count - $name"
    [ "$verdict" = ok ] || printf '%s\n' "$said" | sed 's/^/#   /'
}

exported() { # LIBRARY
    nm -D --defined-only "$lib/lib$1.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u
}

declared() { # HEADER…
    (cd "$include/ringcache" && cat "$@") | tr '\n' ' ' |
        grep -oE 'RINGCACHE_API [^;{(]*ringcache_\w+ ?\(' | grep -oE 'ringcache_\w+ ?\($' |
        tr -d ' (' | sort -u
}

only_exports() { # LIBRARY PREFIX
    [ -n "$(exported "$1")" ] && ! exported "$1" | grep -v "^$2"
}

headers_of_the_library() {
    (cd "$include/ringcache" && ls | grep -vx mock.h)
}

exports_are_the_headers() { # LIBRARY HEADER…
    diff <(declared "${@:2}") <(exported "$1")
}

# What is linked from an archive shares its names with the whole program.
archive_shows_no_other_name() {
    nm -g --defined-only "$lib/libringcache-mock.a" | awk 'NF == 3 { print $3 }' | sort |
        diff <(declared mock.h) -
}

soname() { # LIBRARY
    readelf -d "$lib/lib$1.so" | grep -F "Library soname: [lib$1.so.0]" && [ -e "$lib/lib$1.so.0" ]
}

# A thread of it may still be in the resolver when a program closes it.
stays_mapped() {
    readelf -d "$lib/libringcache.so" | grep -qw NODELETE
}

needed() {
    readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

needs_only() { # LIBRARY NEEDED
    ! needed "$lib/lib$1.so" | grep -vE "^($2|libc|libm|ld-linux[^.]*)\.so"
}

hardened() { # LIBRARY
    local shared=$lib/lib$1.so
    readelf -ld "$shared" | grep -q GNU_RELRO &&
        readelf -d "$shared" | grep -qE 'BIND_NOW|\bNOW\b' &&
        ! readelf -lW "$shared" | grep -E 'GNU_STACK.*E +0x'
}

describes_itself() {
    local version
    version=$(sed -n 's/#define RINGCACHE_VERSION "\(.*\)"/\1/p' "$include/ringcache/version.h")
    echo "header $version, pkg-config $(pkg-config --modversion ringcache)"
    [ "$(pkg-config --modversion ringcache)" = "$version" ] &&
        pkg-config --print-requires ringcache | grep -q '^libuv' &&
        pkg-config --print-requires-private ringcache | grep -q '^hiredis' &&
        pkg-config --print-requires-private ringcache | grep -q '^libxxhash' &&
        [ "$(pkg-config --modversion ringcache-mock)" = "$version" ] &&
        [ "$(pkg-config --print-requires ringcache-mock | cut -d' ' -f1)" = libuv ]
}

# A header that includes it twice: it stands alone, and a second time costs nothing.
compiles() {
    local header=$1 suffix=$2
    shift 2
    printf '#include "ringcache/%s"\n#include "ringcache/%s"\nint only;\n' "$header" "$header" \
        >"$work/unit.$suffix"
    "$@" -Wall -Wextra -Werror -pedantic-errors -fsyntax-only -I"$include" \
        $(pkg-config --cflags libuv) "$work/unit.$suffix"
}

# An uv.h that refuses to be read stands before the system's.
compiles_without_uv() {
    mkdir -p "$work/no-uv"
    echo '#error "this header may not need uv.h"' >"$work/no-uv/uv.h"
    compiles "$1" c gcc -std=c11 -I"$work/no-uv"
}

# The linker gets no help of the compiler that built the library: what it takes is plain code.
consumer() {
    local flags
    flags=$(pkg-config --cflags --libs "$@" ringcache) || return 1
    gcc -fno-use-linker-plugin -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror "$here/consumer.c" \
        -o "$work/consumer" $flags -Wl,-rpath,"$lib" && "$work/consumer"
}

shared_consumer() {
    consumer && needed "$work/consumer" | grep -qx libringcache.so.0
}

# More of the API than the small consumer uses; without servers it has nothing to run against.
traffic_program() {
    gcc -Wall -Wextra -Werror "$here/../real/consumer.c" -o "$work/traffic" \
        $(pkg-config --cflags --libs ringcache) -Wl,-rpath,"$lib" || return 1
    "$work/traffic"
    [ $? = 2 ]
}

# Without the shared libraries at hand, -lringcache means the archive.
static_alone() { # CONSUMER
    mkdir "$work/aside" && mv "$lib"/libringcache*.so* "$work/aside/" || return 1
    local status=0
    "$1" --static && ! needed "$work/consumer" | grep ringcache || status=1
    mv "$work/aside"/* "$lib/" && rmdir "$work/aside"
    return $status
}

# A test of somebody's own, by one library or by both.
mock_consumer() {
    local flags
    flags=$(pkg-config --cflags --libs "$@" ringcache ringcache-mock) || return 1
    gcc -Wall -Wextra -Werror "$here/../../examples/mock.c" -o "$work/consumer" $flags \
        -Wl,-rpath,"$lib" && "$work/consumer"
}

shared_mock_consumer() {
    mock_consumer && needed "$work/consumer" | grep -qx libringcache-mock.so.0
}

mock_consumer_of_one_library() {
    gcc -Wall -Wextra -Werror "$here/mock_consumer.c" -o "$work/consumer" \
        $(pkg-config --cflags --libs ringcache-mock) -Wl,-rpath,"$lib" && "$work/consumer" &&
        ! needed "$work/consumer" | grep -x libringcache.so.0
}

ring_inspect() {
    local tab=$'\t' said
    said=$(LD_LIBRARY_PATH=$lib "$prefix/bin/ring-inspect" \
        -s 'memcached://192.0.2.1:11211?name=one' locate some-key) || return 1
    echo "said: $said"
    [ "$said" = "some-key${tab}one" ]
}

faultd() {
    local version
    version=$(pkg-config --modversion ringcache)
    [ "$("$prefix/bin/faultd" --version)" = "faultd $version" ] &&
        ! needed "$prefix/bin/faultd" | grep ringcache
}

manual_is_clean() {
    local page said
    for page in "$prefix"/share/man/man*/*; do
        said=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null)
        [ -f "$page" ] && [ -z "$said" ] || { echo "$page: $said"; return 1; }
    done
}

prove 'the shared library exports ringcache_* alone' only_exports ringcache ringcache_
prove 'what the headers declare and what is exported are the same' exports_are_the_headers \
    ringcache $(headers_of_the_library)
prove 'the SONAME is libringcache.so.0' soname ringcache
prove 'the library stays mapped when it is closed' stays_mapped
prove 'the library needs libuv, hiredis and libc alone' needs_only ringcache 'libuv|libhiredis'
prove 'the library is linked read-only and at once, without an executable stack' hardened ringcache
prove 'the mocks export what mock.h declares' exports_are_the_headers ringcache-mock mock.h
prove 'the archive of the mocks shows no other name' archive_shows_no_other_name
prove 'the SONAME of the mocks is libringcache-mock.so.0' soname ringcache-mock
prove 'the mocks need libuv and libc alone' needs_only ringcache-mock libuv
prove 'the mocks are linked read-only and at once, without an executable stack' \
    hardened ringcache-mock
prove 'pkg-config knows the version and what is required' describes_itself
for path in "$include"/ringcache/*.h; do
    header=${path##*/}
    prove "$header compiles alone as C11" compiles "$header" c gcc -std=c11
    prove "$header compiles alone as C++17" compiles "$header" cpp g++ -std=c++17
done
for header in status.h config.h ring.h; do
    prove "$header needs no uv.h" compiles_without_uv "$header"
done
prove 'a program links the shared library by pkg-config and runs' shared_consumer
prove 'a program links the archive by pkg-config and runs' static_alone consumer
prove 'a test links both libraries by pkg-config and runs' shared_mock_consumer
prove 'a test links both archives by pkg-config and runs' static_alone mock_consumer
prove 'a test of any client links the mocks alone' mock_consumer_of_one_library
prove 'a program that moves real traffic links by pkg-config' traffic_program
prove 'the installed ring-inspect finds an owner' ring_inspect
prove 'the installed faultd stands alone' faultd
prove 'the manual pages have no warning' manual_is_clean
echo "1..$count"
[ "$failures" = 0 ]
