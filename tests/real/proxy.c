/* SPDX-License-Identifier: MIT */
/* Counts what passes; all else is faultd's. */
#include "proxy.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "command.h"
#include "pair.h"

/* A mark's first byte occurs in it once, so a mismatch may start anew at the byte that differed. */
static void count_marks(struct proxy *proxy, const char *bytes, size_t len, size_t *matched)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != proxy->mark[*matched])
            *matched = 0;
        *matched += bytes[i] == proxy->mark[*matched];
        if (proxy->mark[*matched] != '\0')
            continue;
        proxy->marks++;
        *matched = 0;
    }
}

static void look(
    void *user, enum direction direction, const char *bytes, size_t len, size_t *memory)
{
    struct proxy *proxy = user;
    if (direction != UP)
        return;
    proxy->bytes += len;
    count_marks(proxy, bytes, len, memory);
}

int proxy_open(struct proxy *proxy, uv_loop_t *loop, unsigned target_port, const char *mark)
{
    char server[32];
    struct pair_options options = {.name = "server", .look = look, .user = proxy};
    /* libuv's writes raise it where the other end is gone. */
    signal(SIGPIPE, SIG_IGN);
    memset(proxy, 0, sizeof *proxy);
    proxy->mark = mark;
    snprintf(server, sizeof server, "127.0.0.1:%u", target_port);
    int status = endpoint_parse("127.0.0.1:0", &options.listen);
    if (status == 0)
        status = endpoint_parse(server, &options.server);
    if (status == 0)
        status = pair_open(loop, &options, &proxy->pair);
    if (status == 0)
        proxy->port = pair_port(proxy->pair);
    return status;
}

void proxy_fault(struct proxy *proxy, const char *line)
{
    struct command *command = NULL;
    struct problem problem = {.text = "nothing"};
    if (command_parse(line, strlen(line), &command, &problem) != PARSED_COMMAND)
        fail_msg("%s: %s", line, problem.text);
    assert_int_equal(command->moment, MOMENT_NOW);
    assert_int_equal(pair_command(proxy->pair, command), 0);
    command_release(command);
}

uint64_t proxy_connections(const struct proxy *proxy)
{
    return pair_accepted(proxy->pair);
}

void proxy_close(struct proxy *proxy)
{
    pair_close(proxy->pair);
    proxy->pair = NULL;
}
