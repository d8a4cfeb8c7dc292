/* SPDX-License-Identifier: MIT */
/* A program of somebody else, which has simulated servers and another client. */
#include <ringcache/mock.h>
#include <uv.h>

#include <stdio.h>

static void closed(ringcache_mock *mock, void *user)
{
    (void)mock;
    *(int *)user = 1;
}

int main(void)
{
    uv_loop_t loop;
    ringcache_mock *mock;
    const ringcache_mock_options options = {.kind = RINGCACHE_MOCK_REDIS};
    int seen = 0;
    if (uv_loop_init(&loop) != 0 || ringcache_mock_start(&mock, &loop, &options) != 0)
        return 1;
    puts(ringcache_mock_uri(mock));
    ringcache_mock_close(mock, closed, &seen);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) != 0 || !seen;
}
