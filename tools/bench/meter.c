/* SPDX-License-Identifier: MIT */
#include "meter.h"

#include <dirent.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

static uint64_t timeval_ns(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_usec * 1000U;
}

/* calls.c, where it was loaded in front of the C library. */
static uint64_t system_calls(void)
{
    void *symbol = dlsym(RTLD_DEFAULT, "bench_system_calls");
    return symbol != NULL ? *(const uint64_t *)symbol : UINT64_MAX;
}

struct cost cost_now(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (struct cost){
        .cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
        .user_ns = timeval_ns(usage.ru_utime),
        .system_ns = timeval_ns(usage.ru_stime),
        .calls = system_calls(),
    };
}

struct cost cost_between(const struct cost *from, const struct cost *to)
{
    return (struct cost){
        .cpu_ns = to->cpu_ns - from->cpu_ns,
        .user_ns = to->user_ns - from->user_ns,
        .system_ns = to->system_ns - from->system_ns,
        .calls = to->calls == UINT64_MAX ? UINT64_MAX : to->calls - from->calls,
    };
}

/* The first number of a thread's schedstat: nanoseconds on a processor. */
static uint64_t thread_ns(const char *folder, const char *thread)
{
    char path[320];
    uint64_t ns = 0;
    snprintf(path, sizeof path, "%s/%s/schedstat", folder, thread);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    for (int c = getc(file); c >= '0' && c <= '9'; c = getc(file)) {
        ns = ns * 10 + (uint64_t)(c - '0');
    }
    fclose(file);
    return ns;
}

uint64_t processes_ns(const uint32_t *pids, size_t count)
{
    uint64_t ns = 0;
    for (size_t i = 0; i < count; i++) {
        char path[48];
        snprintf(path, sizeof path, "/proc/%" PRIu32 "/task", pids[i]);
        DIR *folder = opendir(path);
        struct dirent *entry;
        while (folder != NULL && (entry = readdir(folder)) != NULL) {
            ns += entry->d_name[0] != '.' ? thread_ns(path, entry->d_name) : 0;
        }
        if (folder != NULL) {
            closedir(folder);
        }
    }
    return ns;
}

static double bucket_us(size_t bucket)
{
    size_t row = bucket >> BUCKET_BITS;
    size_t shift = row > 0 ? row - 1 : 0;
    size_t base = row > 0 ? bucket - (shift << BUCKET_BITS) : bucket;
    return ((double)base + 0.5) * (double)(UINT64_C(1) << shift) / 1e3;
}

double histogram_us(const struct histogram *h, double share)
{
    double due = share * (double)h->count, seen = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= due && seen > 0) {
            return bucket_us(i);
        }
    }
    return 0;
}
