/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <stdio.h>
#include <string.h>

enum { TICK_MS = 2, PER_TICK = 4, WRITES_OF = 4, WINDOW = 64, VALUE_SIZE = 32 };

void load_init(struct load *load, uv_loop_t *loop, ringcache_client *client)
{
    load->client = client;
    load->random = 1;
    uv_timer_init(loop, &load->tick);
    load->tick.data = load;
    for (unsigned i = 0; i < KEYS; i++)
        load->jobs[i] = (struct job){.load = load, .key = i};
}

static size_t value_of(unsigned key, uint32_t number, char value[VALUE_SIZE])
{
    return (size_t)snprintf(value, VALUE_SIZE, KEY_MARK "%04u %u", key, (unsigned)number);
}

/* What came back under a key, no other request for it being under way. */
static void judge(struct load *load, unsigned key, const ringcache_reply *reply)
{
    struct book *book = load->book;
    char value[VALUE_SIZE];
    size_t len = value_of(key, load->meant[key], value);
    book->checked++;
    if (reply->status == RINGCACHE_MISS)
        book->missed++;
    else if (reply->value.len < KEY_BYTES || memcmp(reply->value.data, value, KEY_BYTES) != 0)
        book->wrong++;
    else if (reply->value.len != len || memcmp(reply->value.data, value, len) != 0)
        book->stale++;
}

static void book_reply(const struct job *job, const ringcache_reply *reply)
{
    struct book *book = job->load->book;
    book->answered++;
    if (reply->status >= 0 && !job->set)
        judge(job->load, job->key, reply);
    if (reply->status >= 0)
        return;
    book->failed++;
    book->at_once += reply->status == RINGCACHE_EDOWN;
    if (reply->status != RINGCACHE_EDOWN)
        book->last_failure_ns = uv_hrtime();
}

/* One request; none where the last one for this key is still under way. */
static void submit(struct load *load, unsigned key, bool set, ringcache_reply_cb cb)
{
    struct job *job = &load->jobs[key];
    char value[VALUE_SIZE];
    size_t len = value_of(key, load->meant[key] + 1, value);
    int status;
    if (job->busy)
        return;
    if (set)
        status = ringcache_set(load->client, value, KEY_BYTES, value, len, 0, cb, job);
    else
        status = ringcache_get(load->client, value, KEY_BYTES, cb, job);
    job->set = set;
    job->busy = status == 0;
    load->pending += status == 0;
    load->meant[key] += set && status == 0;
    load->book->failed += status != 0;
}

static void end(struct load *load)
{
    load_done *done = load->done;
    load->sweeping = false;
    load->done = NULL;
    if (done != NULL)
        done(load);
}

static void go_on(struct load *load, ringcache_reply_cb cb)
{
    while (load->sweeping && load->next < KEYS && load->pending < WINDOW)
        submit(load, load->next++, load->setting, cb);
    if (load->pending == 0)
        end(load);
}

/* A value that is missing is stored again, but in a sweep. */
static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct job *job = user;
    struct load *load = job->load;
    (void)client;
    job->busy = false;
    load->pending--;
    book_reply(job, reply);
    if (!load->sweeping && !job->set && reply->status == RINGCACHE_MISS)
        submit(load, job->key, true, on_reply);
    go_on(load, on_reply);
}

static void on_tick(uv_timer_t *tick)
{
    struct load *load = tick->data;
    for (unsigned i = 0; i < PER_TICK; i++) {
        load->random = load->random * 1664525 + 1013904223;
        submit(load, (load->random >> 8) % KEYS, i % WRITES_OF == 0, on_reply);
    }
}

void load_traffic(struct load *load)
{
    uv_timer_start(&load->tick, on_tick, TICK_MS, TICK_MS);
}

void load_rest(struct load *load, load_done *done)
{
    uv_timer_stop(&load->tick);
    load->done = done;
    go_on(load, on_reply);
}

void load_sweep(struct load *load, bool set, load_done *done)
{
    load->sweeping = true;
    load->setting = set;
    load->next = 0;
    load->done = done;
    go_on(load, on_reply);
}

void load_close(struct load *load)
{
    uv_close((uv_handle_t *)&load->tick, NULL);
}
