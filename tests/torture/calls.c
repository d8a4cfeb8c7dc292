/* SPDX-License-Identifier: MIT */
#include "calls.h"

/* The transport's functions take no argument of ours, hence one variable of the program. */
static struct {
    const struct rc_transport_ops *real;
    struct rc_transport_ops failing;
    bool armed, on;
    enum transport_call call;
    uint64_t n, failed;
    int status;
    uint64_t made[TRANSPORT_CALLS];
} calls;

static bool fails(enum transport_call call)
{
    if (!calls.armed) {
        return false;
    }
    uint64_t made = ++calls.made[call];
    bool due = made == calls.n || (calls.on && made > calls.n);
    bool now = call == calls.call && calls.n != 0 && due;
    calls.failed += now;
    return now;
}

static int failing_resolve(struct rc_transport *t, const struct rc_endpoint *endpoint,
    rc_resolved_fn done, void *owner, struct rc_lookup **lookup)
{
    return fails(CALL_RESOLVE) ? calls.status
                               : calls.real->resolve(t, endpoint, done, owner, lookup);
}

static int failing_connect(struct rc_transport *t, const struct rc_address *address,
    const struct rc_stream_events *events, void *owner, struct rc_stream **stream)
{
    return fails(CALL_CONNECT) ? calls.status
                               : calls.real->connect(t, address, events, owner, stream);
}

static ptrdiff_t failing_write(struct rc_stream *s, const struct rc_slice *parts, size_t count)
{
    return fails(CALL_WRITE) ? calls.status : calls.real->write(s, parts, count);
}

void calls_fail(
    struct rc_transport *transport, enum transport_call call, uint64_t n, bool on, int status)
{
    calls.real = transport->ops;
    calls.failing = *transport->ops;
    calls.failing.resolve = failing_resolve;
    calls.failing.connect = failing_connect;
    calls.failing.write = failing_write;
    transport->ops = &calls.failing;
    calls.armed = true;
    calls.call = call;
    calls.n = n;
    calls.on = on;
    calls.status = status;
    calls.failed = 0;
    for (enum transport_call each = 0; each < TRANSPORT_CALLS; each++) {
        calls.made[each] = 0;
    }
}

void calls_relent(void)
{
    calls.armed = false;
}

uint64_t calls_made(enum transport_call call)
{
    return calls.made[call];
}

uint64_t calls_failed(void)
{
    return calls.failed;
}
