/* SPDX-License-Identifier: MIT */
#include "sites.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Made by the linker around the section. */
extern struct torture_site *const __start_torture_sites[];
extern struct torture_site *const __stop_torture_sites[];

struct torture_site *const *torture_sites(uint64_t *count)
{
    *count = (uint64_t)(__stop_torture_sites - __start_torture_sites);
    return __start_torture_sites;
}

const char *torture_source(const struct torture_site *site)
{
    const char *source = site->file;
    for (const char *at = site->file; (at = strstr(at, "src/")) != NULL; at++) {
        if (at == site->file || at[-1] == '/') {
            source = at; /* the tree may stand in a folder that is called so, too */
        }
    }
    return source;
}

bool torture_is_inner(const struct torture_site *site)
{
    const char *source = torture_source(site);
    bool binding = strncmp(source, "src/transport/", strlen("src/transport/")) == 0 ||
                   strcmp(source, "src/client/loop.c") == 0;
    bool allocates = strncmp(site->call, "rc_", 3) == 0 || strncmp(site->call, "redis", 5) == 0;
    return allocates && !binding;
}

static const struct torture_excuse *find_excuse(
    const struct torture_site *site, const struct torture_excuse *excuses)
{
    const struct torture_excuse *excuse = excuses;
    while (excuse->file != NULL && (strcmp(torture_source(site), excuse->file) != 0 ||
                                       strcmp(site->call, excuse->call) != 0)) {
        excuse++;
    }
    return excuse->file != NULL ? excuse : NULL;
}

/* True when there was nothing to tell, or a reason. */
static bool tell_spared(const struct torture_site *site, const struct torture_excuse *excuses)
{
    const struct torture_excuse *excuse = find_excuse(site, excuses);
    printf("  %s:%d: %s never failed: %s\n", torture_source(site), site->line, site->call,
        excuse != NULL       ? excuse->why
        : site->reached == 0 ? "NEVER REACHED"
                             : "NO REASON");
    return excuse != NULL;
}

bool torture_tell(
    const char *program, uint64_t scenarios, bool inner, const struct torture_excuse *excuses)
{
    uint64_t all, count = 0, failures = 0, spared = 0;
    struct torture_site *const *sites = torture_sites(&all);
    for (uint64_t i = 0; i < all; i++) {
        bool judged = torture_is_inner(sites[i]) == inner;
        count += judged;
        failures += judged ? sites[i]->failed : 0;
        spared += judged && sites[i]->failed == 0;
    }
    printf("%s: %" PRIu64 " scenarios, %" PRIu64 " sites, %" PRIu64 " failures injected, %" PRIu64
           " sites never failed\n",
        program, scenarios, count, failures, spared);
    bool fine = true;
    for (uint64_t i = 0; i < all; i++) {
        bool told = torture_is_inner(sites[i]) == inner && sites[i]->failed == 0;
        fine = !(told && !tell_spared(sites[i], excuses)) && fine;
    }
    return fine;
}

bool torture_all(void)
{
    return getenv("TORTURE_ALL") != NULL;
}
