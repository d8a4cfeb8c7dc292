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

static const char *source_of(const struct torture_site *site)
{
    const char *inside = strstr(site->file, "src/");
    return inside != NULL ? inside : site->file;
}

static const struct torture_excuse *find_excuse(
    const struct torture_site *site, const struct torture_excuse *excuses)
{
    const struct torture_excuse *excuse = excuses;
    while (excuse->file != NULL &&
           (strcmp(source_of(site), excuse->file) != 0 || strcmp(site->call, excuse->call) != 0)) {
        excuse++;
    }
    return excuse->file != NULL ? excuse : NULL;
}

/* True when there was nothing to tell, or a reason. */
static bool tell_spared(const struct torture_site *site, const struct torture_excuse *excuses)
{
    const struct torture_excuse *excuse = find_excuse(site, excuses);
    printf("  %s:%d: %s never failed: %s\n", source_of(site), site->line, site->call,
        excuse != NULL       ? excuse->why
        : site->reached == 0 ? "NEVER REACHED"
                             : "NO REASON");
    return excuse != NULL;
}

bool torture_tell(const char *program, uint64_t scenarios, const struct torture_excuse *excuses)
{
    uint64_t count, failures = 0, spared = 0;
    struct torture_site *const *sites = torture_sites(&count);
    bool fine = true;
    for (uint64_t i = 0; i < count; i++) {
        failures += sites[i]->failed;
        spared += sites[i]->failed == 0;
    }
    printf("%s: %" PRIu64 " scenarios, %" PRIu64 " sites, %" PRIu64 " failures injected, %" PRIu64
           " sites never failed\n",
        program, scenarios, count, failures, spared);
    for (uint64_t i = 0; i < count; i++) {
        fine = (sites[i]->failed > 0 || tell_spared(sites[i], excuses)) && fine;
    }
    return fine;
}

bool torture_all(void)
{
    return getenv("TORTURE_ALL") != NULL;
}
