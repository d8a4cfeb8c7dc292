/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One request under way. */
struct job {
    struct load *load;
    unsigned item;
    bool set, sweep;
    uint64_t submitted_ns;
};

void load_init(struct load *load, uv_loop_t *loop, ringcache_client *client,
    const struct texts *texts, uint64_t timeout_ms)
{
    memset(load, 0, sizeof *load);
    load->loop = loop;
    load->client = client;
    load->texts = texts;
    load->timeout_ms = timeout_ms;
    load->worst_late_us = INT64_MIN;
    load->random = 1;
    uv_timer_init(loop, &load->tick);
    load->tick.data = load;
}

void load_new_book(struct load *load)
{
    load->book = (struct book){0};
}

static void keep_time(struct load *load, const struct job *job)
{
    uint64_t deadline_ns = job->submitted_ns + load->timeout_ms * 1000000;
    int64_t late_us = ((int64_t)uv_hrtime() - (int64_t)deadline_ns) / 1000;
    if (late_us > load->worst_late_us)
        load->worst_late_us = late_us;
}

static void book_failure(struct load *load, const ringcache_reply *reply)
{
    struct book *book = &load->book;
    book->failed++;
    book->elsewhere += reply->server == NULL || strcmp(reply->server, load->suspect) != 0;
    if (reply->status != RINGCACHE_EDOWN)
        return;
    if (book->failed_fast++ == 0)
        book->first_fast_ns = uv_hrtime();
}

static void book_reply(struct load *load, const struct job *job, const ringcache_reply *reply)
{
    char value[ITEM_VALUE_SIZE];
    keep_time(load, job);
    load->pending--;
    load->total_answered++;
    load->book.answered++;
    if (reply->status < 0)
        book_failure(load, reply);
    if (job->sweep && reply->server != NULL)
        snprintf(load->owner[job->item], NAME_SIZE, "%s", reply->server);
    if (job->set || reply->status != RINGCACHE_OK)
        return;
    size_t len = texts_value(load->texts, job->item, value);
    load->book.wrong += reply->value.len != len || memcmp(reply->value.data, value, len) != 0;
}

static void submit(struct load *load, const struct job *wanted, ringcache_reply_cb cb)
{
    char key[ITEM_KEY_SIZE], value[ITEM_VALUE_SIZE];
    struct job *job = malloc(sizeof *job);
    int status = RINGCACHE_ENOMEM;
    if (job != NULL) {
        size_t key_len = texts_key(wanted->item, key);
        *job = *wanted;
        job->submitted_ns = uv_hrtime();
        if (job->set)
            status = ringcache_set(load->client, key, key_len, value,
                texts_value(load->texts, job->item, value), 0, cb, job);
        else
            status = ringcache_get(load->client, key, key_len, cb, job);
    }
    if (status != 0) {
        load->book.refused++;
        free(job);
        return;
    }
    load->pending++;
    load->total_accepted++;
    load->book.accepted++;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct job job = *(struct job *)user;
    struct load *load = job.load;
    (void)client;
    free(user);
    book_reply(load, &job, reply);
    if (!job.set && reply->status == RINGCACHE_MISS) {
        load->book.refilled++;
        submit(load, &(struct job){.load = load, .item = job.item, .set = true}, on_reply);
    }
    if (job.sweep && load->next < ITEMS) {
        job.item = load->next++;
        submit(load, &job, on_reply);
    }
}

static void sweep(struct load *load, bool set)
{
    struct job job = {.load = load, .set = set, .sweep = true};
    for (load->next = 0; load->next < SWEEP_WINDOW; load->next++) {
        job.item = load->next;
        submit(load, &job, on_reply);
    }
    while (load->pending > 0 && uv_run(load->loop, UV_RUN_ONCE) != 0)
        continue;
}

void load_store_all(struct load *load)
{
    sweep(load, true);
}

void load_get_all(struct load *load)
{
    sweep(load, false);
}

static void on_tick(uv_timer_t *tick)
{
    struct load *load = tick->data;
    uint64_t now_ns = uv_hrtime();
    int64_t lag_us = (int64_t)(now_ns - load->last_tick_ns) / 1000 - TICK_MS * 1000;
    if (lag_us > load->worst_lag_us)
        load->worst_lag_us = lag_us;
    load->last_tick_ns = now_ns;
    for (unsigned i = 0; i < PER_TICK; i++) {
        load->random = load->random * 1664525 + 1013904223;
        struct job job = {.load = load, .item = (load->random >> 8) % ITEMS, .set = i == 0};
        submit(load, &job, on_reply);
    }
}

void load_start(struct load *load)
{
    uv_update_time(load->loop);
    load->last_tick_ns = uv_hrtime();
    uv_timer_start(&load->tick, on_tick, TICK_MS, TICK_MS);
}

void load_stop(struct load *load)
{
    uv_timer_stop(&load->tick);
    while (load->pending > 0 && uv_run(load->loop, UV_RUN_ONCE) != 0)
        continue;
}
