/* SPDX-License-Identifier: MIT */
/* Memory that is short for a moment, in the midst of a request's way. */
#include "world.h"

enum { LARGE = 20000 };

static bool short_of_memory;

void *__real_rc_alloc(size_t size);
void *__wrap_rc_alloc(size_t size);

/* There is none for what holds a large value, and enough for all else. */
void *__wrap_rc_alloc(size_t size)
{
    bool fails = short_of_memory && size >= LARGE && size < 3 * LARGE;
    return fails ? NULL : __real_rc_alloc(size);
}

/* A write waits for a connection, and there is no memory to encode it when that is there. */
static void what_cannot_be_encoded_leaves_no_old_value(void **state)
{
    static const char large[LARGE];
    static const world_add adds[] = {world_memcached, world_redis};
    (void)state;
    for (size_t i = 0; i < sizeof adds / sizeof *adds; i++) {
        struct world *world = world_new(9);
        struct sim_server *server = adds[i](world, "10.0.0.1", 11000);
        engine_put(sim_server_engine(server), 0, "k", rc_slice_text("old"), 0);
        world_begin(world);
        struct world_reply *set = world_submit(world,
            &(ringcache_request){.op = RINGCACHE_SET, .key = {"k", 1}, .value = {large, LARGE}},
            NULL);
        short_of_memory = true;
        struct world_reply *behind = world_get(world, "k");
        world_settle(world, 100);
        short_of_memory = false;
        assert_reply(set, RINGCACHE_ENOMEM);
        assert_int_equal(set->maybe_applied, 0);
        assert_reply(behind, RINGCACHE_MISS);
        world_run_for(world, 1);
        assert_null(engine_get(sim_server_engine(server), 0, "k"));
        world_end(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_encoded_leaves_no_old_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
