/* SPDX-License-Identifier: MIT */
/* The script by which others were made to answer with what is out of date: one server of five is
 * stopped, its keys are overwritten, it returns and all is read; then the same once more. */
#include "failover_scene.h"

#include <stdio.h>

enum { KEYS = 3000 };

/* What was acknowledged, and what was written at all, of each key. */
static unsigned acknowledged[KEYS], written[KEYS];

static const char *numbered(unsigned n)
{
    static char key[16];
    snprintf(key, sizeof key, "key%u", n);
    return key;
}

static unsigned overwrite(struct scene *s)
{
    static struct world_reply *replies[KEYS];
    unsigned failed = 0;
    for (unsigned n = 0; n < KEYS; n++) {
        char value[16];
        snprintf(value, sizeof value, "%u", ++written[n]);
        replies[n] = world_set(s->world, numbered(n), value);
    }
    world_settle(s->world, 5000);
    for (unsigned n = 0; n < KEYS; n++) {
        bool done = replies[n]->status == RINGCACHE_OK;
        acknowledged[n] = done ? written[n] : acknowledged[n];
        failed += !done;
    }
    return failed;
}

struct tally {
    unsigned hits, stale, failed;
};

static struct tally read_all(struct scene *s)
{
    static struct world_reply *replies[KEYS];
    struct tally tally = {0};
    for (unsigned n = 0; n < KEYS; n++) {
        replies[n] = world_get(s->world, numbered(n));
    }
    world_settle(s->world, 5000);
    for (unsigned n = 0; n < KEYS; n++) {
        unsigned value = 0;
        bool hit = replies[n]->status == RINGCACHE_OK;
        tally.hits += hit;
        tally.stale += hit && (sscanf(replies[n]->value, "%u", &value) != 1 ||
                                  value < acknowledged[n] || value > written[n]);
        tally.failed += replies[n]->status < 0;
    }
    assert_int_equal(tally.stale, 0);
    return tally;
}

static void the_script(const struct kind *kind)
{
    struct scene s = plan_owners(kind, 3, FAILOVER_SERVERS);
    bool diverts = strcmp(kind->failover, "none") != 0;
    world_option(s.world, "max_inflight", "4096");
    begin_scene(&s);
    memset(acknowledged, 0, sizeof acknowledged);
    memset(written, 0, sizeof written);
    assert_int_equal(overwrite(&s), 0);
    for (unsigned outage = 0; outage < 2; outage++) {
        take_out(&s, 0);
        if (outage == 1) {
            struct tally before = read_all(&s);
            assert_int_equal(before.failed > 0, !diverts);
        }
        assert_int_equal(overwrite(&s) > 0, !diverts);
        struct tally during = read_all(&s);
        assert_int_equal(during.failed > 0, !diverts);
        assert_int_equal(during.hits == KEYS, diverts);
        take_back(&s, 0);
        struct tally after = read_all(&s);
        assert_int_equal(after.failed, 0);
        assert_true(after.hits < KEYS && after.hits > KEYS / 2);
        assert_int_equal(overwrite(&s), 0);
        assert_int_equal(read_all(&s).hits, KEYS);
    }
    world_end(s.world);
}

static void the_script_that_broke_others_reads_nothing_old(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        the_script(&kinds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_script_that_broke_others_reads_nothing_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
