/* SPDX-License-Identifier: MIT */
/* Somebody else's program, on the public headers alone: sets 100,000 keys and gets them back, 256
 * requests at a time, values of 1 to 70,000 bytes, every byte checked; then closes.
 *
 *     cc consumer.c $(pkg-config --cflags --libs ringcache) && ./a.out URI…
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>
#include <ringcache/ringcache.h>

enum { KEYS = 100000, WINDOW = 256, LARGEST = 70000 };

typedef struct Run Run;

typedef struct Slot { /* one of the WINDOW requests under way */
    Run *run;
    uint32_t number;
    int busy;
} Slot;

struct Run {
    ringcache_client *client;
    Slot slots[WINDOW];
    int getting;
    uint32_t next, done;
    uint64_t bytes;
    unsigned wrong, closed;
    unsigned char set_value[LARGEST], want[LARGEST];
};

/* The value of key `number`: its length, and bytes that no other key's value has. */
static size_t make_value(uint32_t number, unsigned char *out)
{
    uint64_t x = (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
    size_t len = 1 + x % 1000;
    if (number % 100 == 0)
        len = number == 0 ? 1 : number == 100 ? LARGEST : 1 + x % LARGEST;
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out[i] = (unsigned char)x;
    }
    return len;
}

static void fail(Run *run, uint32_t number, const char *what, const char *why)
{
    if (run->wrong++ < 10)
        fprintf(stderr, "key %u: %s: %s\n", number, what, why);
}

static void on_closed(ringcache_client *client, void *user)
{
    (void)client;
    ((Run *)user)->closed++;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user);

static void submit(Slot *slot)
{
    Run *run = slot->run;
    char key[32];
    int rc;
    slot->number = run->next++;
    slot->busy = 1;
    int len = snprintf(key, sizeof key, "consumer:%u", slot->number);
    if (run->getting) {
        rc = ringcache_get(run->client, key, (size_t)len, on_reply, slot);
    } else {
        size_t size = make_value(slot->number, run->set_value);
        run->bytes += size;
        rc = ringcache_set(run->client, key, (size_t)len, run->set_value, size, 0, on_reply, slot);
    }
    if (rc != 0) {
        fail(run, slot->number, "refused", ringcache_client_error(run->client));
        ringcache_client_close(run->client, on_closed, run);
    }
}

static void check(Run *run, uint32_t number, const ringcache_reply *reply)
{
    if (reply->status != RINGCACHE_OK) {
        fail(run, number, ringcache_strerror(reply->status), reply->message);
        return;
    }
    if (!run->getting)
        return;
    size_t size = make_value(number, run->want);
    if (reply->value.len != size || memcmp(reply->value.data, run->want, size) != 0)
        fail(run, number, "not the bytes that were set", reply->server);
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    Slot *slot = user;
    Run *run = slot->run;
    if (!slot->busy)
        fail(run, slot->number, "a second callback", "");
    slot->busy = 0;
    check(run, slot->number, reply);
    run->done++;
    if (run->next < KEYS) {
        submit(slot);
        return;
    }
    if (run->done < KEYS)
        return;
    if (run->getting) {
        ringcache_client_close(client, on_closed, run);
        return;
    }
    run->getting = 1;
    run->next = run->done = 0;
    for (int i = 0; i < WINDOW; i++)
        submit(&run->slots[i]);
}

static int open_client(Run *run, uv_loop_t *loop, char **uris)
{
    ringcache_config *config;
    int rc = ringcache_config_new(&config);
    if (rc != 0)
        return rc;
    rc = ringcache_config_set(config, "timeout_ms", "10000");
    while (rc == 0 && *uris != NULL)
        rc = ringcache_config_add_server(config, *uris++);
    if (rc == 0)
        rc = ringcache_client_new(&run->client, loop, config);
    if (rc != 0)
        fprintf(stderr, "consumer: %s\n", ringcache_config_error(config));
    ringcache_config_free(config);
    return rc;
}

int main(int argc, char **argv)
{
    uv_loop_t loop;
    Run *run = calloc(1, sizeof *run);
    if (argc < 2 || run == NULL || uv_loop_init(&loop) != 0)
        return 2;
    if (open_client(run, &loop, argv + 1) != 0)
        return 2;
    for (int i = 0; i < WINDOW; i++) {
        run->slots[i].run = run;
        submit(&run->slots[i]);
    }
    uv_run(&loop, UV_RUN_DEFAULT);

    int left = uv_loop_close(&loop);
    int fine =
        run->wrong == 0 && run->closed == 1 && run->getting && run->done == KEYS && left == 0;
    printf("%d keys, %llu bytes, %u wrong, %u close callback, uv_loop_close %d: %s\n", KEYS,
        (unsigned long long)run->bytes, run->wrong, run->closed, left, fine ? "fine" : "FAILED");
    free(run);
    return fine ? 0 : 1;
}
