/* SPDX-License-Identifier: MIT */
#ifndef METER_H
#define METER_H

/* Clocks, processor time, system calls, and a histogram of latencies. */

#include <stddef.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static inline uint64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* What this process used, or the difference of two such. */
struct cost {
    uint64_t cpu_ns, user_ns, system_ns;
    uint64_t calls; /* system calls; UINT64_MAX: nobody counts them */
};

struct cost cost_now(void);
struct cost cost_between(const struct cost *from, const struct cost *to);

/* Processor time of all threads of these processes. */
uint64_t processes_ns(const uint32_t *pids, size_t count);

/* 32 buckets in every power of two: a bucket is at most 3 % wide. */
enum { BUCKET_BITS = 5, BUCKETS = (40 - BUCKET_BITS) << BUCKET_BITS };

struct histogram {
    uint64_t count;
    uint32_t buckets[BUCKETS];
};

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
    unsigned bits = 63U - (unsigned)__builtin_clzll(ns | 1U << BUCKET_BITS);
    size_t bucket = (size_t)(bits - BUCKET_BITS) << BUCKET_BITS;
    bucket += (size_t)(ns >> (bits - BUCKET_BITS));
    h->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    h->count++;
}

/* Below or at which `share` of the latencies lie, in microseconds. */
double histogram_us(const struct histogram *h, double share);

#endif
