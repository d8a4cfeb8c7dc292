/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_SITES_H
#define TORTURE_SITES_H

/* The places in the library's sources that call something which may fail. The library is compiled a
 * second time for these programs, with macros in the place of such calls; each macro leaves the
 * address of its site in a section of its own, so that a place is known before it is ever
 * reached. */

#include <stdbool.h>
#include <stdint.h>

struct torture_site {
    const char *file;
    int line;
    const char *call;
    uint64_t reached;
    uint64_t failed; /* how often it was made to fail */
};

/* Pointers, since the compiler may align the sites themselves as it likes. */
#define TORTURE_SITE(name)                                                                         \
    __extension__({                                                                                \
        static struct torture_site torture_site_ = {                                               \
            .file = __FILE__, .line = __LINE__, .call = #name};                                    \
        static struct torture_site *const torture_place_                                           \
            __attribute__((section("torture_sites"), used)) = &torture_site_;                      \
        &torture_site_;                                                                            \
    })

struct torture_site *const *torture_sites(uint64_t *count);

/* Its file, from src on. */
const char *torture_source(const struct torture_site *site);
/* Does the simulated world reach it? Not what binds the library to libuv and the system. */
bool torture_is_inner(const struct torture_site *site);

/* A place that nothing makes fail, and why. */
struct torture_excuse {
    const char *file;
    const char *call;
    const char *why;
};

/* Tell one line of figures about the sites that are inner, or those that are not, and each that
 * never failed; false when one has no excuse. The excuses end with one without a file. */
bool torture_tell(
    const char *program, uint64_t scenarios, bool inner, const struct torture_excuse *excuses);

/* Is TORTURE_ALL set, which asks for every failure instead of a sample? */
bool torture_all(void);

#endif
