/* SPDX-License-Identifier: MIT */
#include "witness.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_inside.h"

static void tell(struct witness *w, const char *event, const char *text)
{
    size_t len = strlen(w->told);
    assert(!w->in_call);
    assert(len + strlen(text) + 2 < sizeof w->told);
    w->told_at_ms = sim_now_ms(w->sim);
    snprintf(w->told + len, sizeof w->told - len, "%s%s", len > 0 ? " " : "", text);
    if (w->act != NULL) {
        w->act(w, event);
    }
}

static void tell_number(struct witness *w, const char *event, long long number)
{
    char text[64];
    snprintf(text, sizeof text, "%s(%lld)", event, number);
    tell(w, event, text);
}

static void on_connected(void *owner, int status)
{
    tell_number(owner, "connected", status);
}

static void *on_reserve(void *owner, size_t *len)
{
    struct witness *w = owner;
    if (w->room == 0) {
        tell(w, "reserve", "full");
        return NULL;
    }
    *len = w->room;
    return w->buffer;
}

static void on_received(void *owner, size_t n)
{
    struct witness *w = owner;
    sim_bytes_append(&w->input, w->buffer, n);
    tell_number(w, "received", (long long)n);
}

static void on_ended(void *owner, int status)
{
    tell_number(owner, "ended", status);
}

static void on_writable(void *owner)
{
    tell(owner, "writable", "writable");
}

static void on_before_poll(void *owner)
{
    tell(owner, "before_poll", "before_poll");
}

static void on_after_poll(void *owner, uint64_t now_ms)
{
    tell_number(owner, "after_poll", (long long)now_ms);
}

const struct rc_stream_events witness_stream = {
    on_connected, on_reserve, on_received, on_ended, on_writable};
const struct rc_turn_events witness_turn = {on_before_poll, on_after_poll};

struct witness *witness_new(struct sim *sim, struct sim_client *client)
{
    struct witness *w = sim_alloc(sizeof *w);
    w->sim = sim;
    w->transport = sim_client_transport(client);
    w->room = sizeof w->buffer;
    if (w->transport->events == NULL) {
        w->transport->events = &witness_turn;
        w->transport->owner = w;
    }
    return w;
}

void witness_free(struct witness *w)
{
    sim_bytes_deinit(&w->input);
    free(w);
}

int witness_connect(struct witness *w, const char *host, uint16_t port)
{
    struct rc_address address;
    bool known = sim_address(host, port, port == 0, &address);
    assert(known);
    (void)known;
    w->in_call = true;
    int rc = w->transport->ops->connect(w->transport, &address, &witness_stream, w, &w->stream);
    w->in_call = false;
    return rc;
}

ptrdiff_t witness_write(struct witness *w, const char *text)
{
    struct rc_slice part = rc_slice_text(text);
    w->in_call = true;
    ptrdiff_t n = rc_stream_write(w->stream, &part, 1);
    w->in_call = false;
    return n;
}

void witness_resolved(void *owner, int status, const struct rc_address *addresses, size_t count)
{
    struct witness *w = owner;
    w->address_count = count;
    for (size_t i = 0; i < count; i++) {
        w->addresses[i] = addresses[i];
    }
    tell_number(w, "resolved", status);
}

void witness_closed(void *owner)
{
    tell(owner, "closed", "closed");
}

/* The text stands in the buffer behind a terminator until the next event. */
const char *witness_told(struct witness *w)
{
    size_t len = strlen(w->told);
    memcpy(w->buffer, w->told, len + 1);
    w->told[0] = '\0';
    return (const char *)w->buffer;
}

const char *witness_input(struct witness *w)
{
    sim_bytes_append(&w->input, "", 1);
    struct rc_slice view = sim_bytes_view(&w->input);
    memcpy(w->buffer, view.data, view.len);
    sim_bytes_clear(&w->input);
    return (const char *)w->buffer;
}

struct scene scene_open(enum engine_kind kind, struct sim_options options)
{
    struct scene s = {.sim = sim_new(&options)};
    s.server = sim_server_add(s.sim, "10.0.0.1", 11211, kind);
    s.client = sim_client_new(s.sim);
    s.w = witness_new(s.sim, s.client);
    return s;
}

void scene_connect(struct scene *s)
{
    int rc = witness_connect(s->w, "10.0.0.1", 11211);
    assert(rc == 0);
    (void)rc;
    sim_run_for(s->sim, 1);
    bool stands = strcmp(witness_told(s->w), "connected(0)") == 0;
    assert(stands);
    (void)stands;
}

void scene_close(struct scene *s)
{
    witness_free(s->w);
    sim_free(s->sim);
}
