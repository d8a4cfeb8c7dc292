/* SPDX-License-Identifier: MIT */
/* Servers that come and go, and come and go again: keys are where they were, and nothing piles up.
 * The linker puts the wrappers below in the place of the functions of src/base/alloc.c. */
#include "world.h"

#include <malloc.h>
#include <stdio.h>

enum { CHANGES = 10000, WARM = 400, KEYS = 200 };
/* An allocator may give a block some bytes more one time than another. */
enum { ROUNDING = 16 };

/* ---- what the library holds ---- */

static struct {
    int64_t blocks, bytes;
} held;

void *__real_rc_alloc(size_t size);
void *__real_rc_alloc_zeroed(size_t count, size_t size);
void *__real_rc_resize(void *old, size_t count, size_t size);
char *__real_rc_copy_text(const char *text, size_t len);
void __real_rc_free(void *memory);
void *__wrap_rc_alloc(size_t size);
void *__wrap_rc_alloc_zeroed(size_t count, size_t size);
void *__wrap_rc_resize(void *old, size_t count, size_t size);
char *__wrap_rc_copy_text(const char *text, size_t len);
void __wrap_rc_free(void *memory);

static void *counted(void *memory)
{
    held.blocks += memory != NULL;
    held.bytes += (int64_t)malloc_usable_size(memory);
    return memory;
}

static void *uncounted(void *memory)
{
    held.blocks -= memory != NULL;
    held.bytes -= (int64_t)malloc_usable_size(memory);
    return memory;
}

void *__wrap_rc_alloc(size_t size)
{
    return counted(__real_rc_alloc(size));
}

void *__wrap_rc_alloc_zeroed(size_t count, size_t size)
{
    return counted(__real_rc_alloc_zeroed(count, size));
}

void *__wrap_rc_resize(void *old, size_t count, size_t size)
{
    void *grown = __real_rc_resize(uncounted(old), count, size);
    assert_non_null(grown);
    return counted(grown);
}

char *__wrap_rc_copy_text(const char *text, size_t len)
{
    return counted(__real_rc_copy_text(text, len));
}

void __wrap_rc_free(void *memory)
{
    __real_rc_free(uncounted(memory));
}

/* ---- coming and going ---- */

static const char *const GUEST = "10.0.0.3:11000";

static uint64_t come_or_go(struct world *world, int change)
{
    int rc = change % 2 == 0 ? ringcache_server_add(world->client, "memcached://10.0.0.3:11000")
                             : ringcache_server_remove(world->client, GUEST);
    assert_int_equal(rc, 0);
    char key[16];
    snprintf(key, sizeof key, "key%d", change % KEYS);
    struct world_reply *get = world_get(world, key);
    world_settle(world, 10);
    assert_reply(get, RINGCACHE_MISS);
    world_run_for(world, 1);
    world->event_count = 0;
    return get->digest;
}

static void a_server_that_comes_and_goes_for_ever_leaves_nothing_behind(void **state)
{
    (void)state;
    int64_t blocks = 0, bytes = 0;
    uint64_t digests[2] = {0};
    struct world *world = world_new(99);
    world_memcached(world, "10.0.0.1", 11000);
    world_memcached(world, "10.0.0.2", 11000);
    sim_server_add(world->sim, "10.0.0.3", 11000, ENGINE_MEMCACHED);
    world_begin(world);
    for (int change = 0; change < CHANGES; change++) {
        uint64_t digest = come_or_go(world, change);
        assert_true(change < 2 || digest == digests[change % 2]);
        digests[change % 2] = digest;
        if (change == WARM + 1) {
            blocks = held.blocks;
            bytes = held.bytes;
        } else if (change > WARM && change % 2 == 1) {
            assert_int_equal(held.blocks, blocks);
            assert_true(held.bytes <= bytes + ROUNDING * blocks);
        }
    }
    assert_true(digests[0] != digests[1]);
    world->submitted = world->answered = 0; /* the places were used many times over */
    world_end(world);
    assert_int_equal(held.blocks, 0);
}

/* ---- names ---- */

static struct world *begin_named(struct sim_server *servers[4])
{
    struct world *world = world_new(98);
    for (int i = 0; i < 4; i++) {
        char host[16], uri[64];
        snprintf(host, sizeof host, "10.0.0.%d", i + 1);
        snprintf(uri, sizeof uri, "memcached://%s:11000?name=cache-%d", host, i + 1);
        servers[i] = sim_server_add(world->sim, host, 11000, ENGINE_MEMCACHED);
        if (i < 3) {
            world_option(world, "server", uri);
        }
    }
    world_begin(world);
    return world;
}

static void locate(struct world *world, char owners[KEYS][32])
{
    ringcache_ring *ring = ringcache_client_ring(world->client);
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        int len = snprintf(key, sizeof key, "key%d", i);
        size_t owner = ringcache_ring_locate(ring, key, (size_t)len);
        snprintf(owners[i], sizeof owners[i], "%s", ringcache_ring_server_name(ring, owner));
    }
    ringcache_ring_unref(ring);
}

static void a_server_that_moves_to_another_address_keeps_its_keys(void **state)
{
    (void)state;
    static char before[KEYS][32], after[KEYS][32];
    struct sim_server *servers[4];
    struct world *world = begin_named(servers);
    uint64_t digest = world->client->table->digest;
    locate(world, before);
    ringcache_config *moved;
    assert_int_equal(ringcache_config_new(&moved), 0);
    assert_int_equal(
        ringcache_config_add_server(moved, "memcached://10.0.0.1:11000?name=cache-1"), 0);
    assert_int_equal(
        ringcache_config_add_server(moved, "memcached://10.0.0.4:11000?name=cache-2"), 0);
    assert_int_equal(
        ringcache_config_add_server(moved, "memcached://10.0.0.3:11000?name=cache-3"), 0);
    assert_int_equal(ringcache_servers_replace(world->client, moved), 0);
    ringcache_config_free(moved);
    assert_true(world->client->table->digest == digest);
    locate(world, after);
    for (int i = 0; i < KEYS; i++) {
        assert_string_equal(after[i], before[i]);
    }
    char key[32];
    unsigned next = 0;
    world_key_of(world, "cache-2", "key", &next, key);
    struct world_reply *set = world_set(world, key, "v");
    world_settle(world, 20);
    assert_reply(set, RINGCACHE_OK);
    assert_non_null(engine_get(sim_server_engine(servers[3]), 0, key));
    assert_int_equal(sim_server_connects(servers[1]), 0);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_comes_and_goes_for_ever_leaves_nothing_behind),
        cmocka_unit_test(a_server_that_moves_to_another_address_keeps_its_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
