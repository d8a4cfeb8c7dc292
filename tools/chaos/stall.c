/* SPDX-License-Identifier: MIT */
#include "stall.h"

#include <sys/resource.h>

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

static void note(struct stall *stall)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    stall->cpu_ns = 1000 * (microseconds(usage.ru_utime) + microseconds(usage.ru_stime));
    stall->preempted = usage.ru_nivcsw;
    stall->wall_ns = uv_hrtime();
    stall->idle_ns = uv_metrics_idle_time(stall->prepare.loop);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct stall *stall = prepare->data;
    const struct stall before = *stall;
    note(stall);
    uint64_t wall_ns = stall->wall_ns - before.wall_ns;
    uint64_t idle_ns = stall->idle_ns - before.idle_ns;
    uint64_t busy_ns = wall_ns > idle_ns ? wall_ns - idle_ns : 0;
    if (stall->preempted != before.preempted)
        busy_ns = stall->cpu_ns - before.cpu_ns;
    if (busy_ns > *stall->longest_ns)
        *stall->longest_ns = busy_ns;
}

int stall_watch(struct stall *stall, uv_loop_t *loop, _Atomic uint64_t *longest_ns)
{
    stall->longest_ns = longest_ns;
    uv_prepare_init(loop, &stall->prepare);
    stall->prepare.data = stall;
    uv_unref((uv_handle_t *)&stall->prepare);
    int status = uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
    if (status == 0)
        status = uv_prepare_start(&stall->prepare, on_prepare);
    note(stall);
    return status;
}

void stall_close(struct stall *stall)
{
    uv_close((uv_handle_t *)&stall->prepare, NULL);
}
