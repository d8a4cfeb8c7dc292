/* SPDX-License-Identifier: MIT */
/* Every decision recorded in tests/data/placement, and the figures that decide them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "ring/points.h"
#include "ring/snapshot.h"
#include "vectors.h"

/* One placement of a file: options, servers, owners. */
struct placement {
    char title[64];
    struct fleet fleet;
    char name_space[64];
    size_t width;
    size_t at;               /* owners read */
    int owners[VECTOR_KEYS]; /* -1: not decided */
    struct vector_key keys[VECTOR_KEYS];
    int key_owners[VECTOR_KEYS];
    size_t key_count;
};

static enum rc_distribution distribution_named(const char *name)
{
    static const char *const names[] = {
        "ring", "ketama", "consistent", "spy", "modula", "twemproxy", "twemproxy_modula"};
    size_t i = 0;
    while (strcmp(names[i], name) != 0) {
        i++;
        assert_true(i < sizeof names / sizeof names[0]);
    }
    return (enum rc_distribution)i;
}

static void read_server(struct placement *p, const char *text)
{
    char host[64];
    char name[64];
    unsigned port;
    unsigned weight;
    int fields = sscanf(text, "%63s %u %u %63s", host, &port, &weight, name);
    assert_in_range(fields, 3, 4);
    fleet_add(&p->fleet, host, (uint16_t)port, weight, fields == 4 ? name : NULL);
}

static void read_owners(struct placement *p, const char *text)
{
    for (; *text != '\0'; text += p->width) {
        char number[8] = "";
        memcpy(number, text, p->width);
        assert_true(p->at < VECTOR_KEYS);
        p->owners[p->at++] = number[0] == '.' ? -1 : atoi(number);
    }
}

static void read_key(struct placement *p, const char *text)
{
    assert_true(p->key_count < VECTOR_KEYS);
    p->keys[p->key_count] = vector_key(text);
    p->key_owners[p->key_count++] = atoi(strchr(text, ' '));
}

static void read_option(struct placement *p, const char *option, const char *value)
{
    struct rc_topology *t = &p->fleet.topology;
    if (strcmp(option, "distribution") == 0) {
        t->distribution = distribution_named(value);
    } else if (strcmp(option, "hash") == 0) {
        assert_true(rc_hash_by_name(value, strlen(value), &t->hash));
    } else if (strcmp(option, "namespace") == 0) {
        snprintf(p->name_space, sizeof p->name_space, "%s", value);
        t->name_space = rc_slice_text(p->name_space);
    } else if (strcmp(option, "hash_namespace") == 0) {
        t->hash_namespace = strcmp(value, "yes") == 0;
    } else if (strcmp(option, "hash_tag") == 0) {
        t->tagged = true;
        memcpy(t->tag, value, 2);
    } else if (strcmp(option, "width") == 0) {
        p->width = (size_t)atoi(value);
    } else {
        fail_msg("unknown line: %s", option);
    }
}

static void read_line(struct placement *p, char *line)
{
    char *value = strchr(line, ' ');
    assert_non_null(value);
    *value++ = '\0';
    if (strcmp(line, "server") == 0) {
        read_server(p, value);
    } else if (strcmp(line, "owners") == 0) {
        read_owners(p, value);
    } else if (strcmp(line, "key") == 0) {
        read_key(p, value);
    } else if (strcmp(line, "servers") != 0) {
        read_option(p, line, value);
    }
}

static void assert_owner(const struct placement *p, const ringcache_ring *ring,
    const struct vector_key *key, int expected)
{
    size_t owner = ringcache_ring_locate(ring, key->bytes, key->len);
    if (owner != (size_t)expected) {
        fail_msg("%s: a key belongs to server %d, not %zu", p->title, expected, owner);
    }
}

static size_t check(struct placement *p, const struct vector_keys *keys)
{
    ringcache_ring *ring = fleet_ring(&p->fleet);
    size_t checked = p->key_count;
    for (size_t i = 0; i < p->at; i++) {
        if (p->owners[i] >= 0) {
            assert_owner(p, ring, &keys->keys[i], p->owners[i]);
            checked++;
        }
    }
    for (size_t i = 0; i < p->key_count; i++) {
        assert_owner(p, ring, &p->keys[i], p->key_owners[i]);
    }
    ringcache_ring_unref(ring);
    return checked;
}

/* Forget everything but the servers, which the next placement may share. */
static void begin(struct placement *p, const char *title)
{
    struct fleet fleet = p->fleet;
    memset(p, 0, sizeof *p);
    p->fleet = fleet;
    p->fleet.topology = (struct rc_topology){
        .points = RC_POINTS_DEFAULT, .members = fleet.members, .count = fleet.topology.count};
    snprintf(p->title, sizeof p->title, "%.*s", (int)sizeof p->title - 1, title);
}

/* Forget the servers, but not the options. */
static void drop_servers(struct placement *p)
{
    struct rc_topology topology = p->fleet.topology;
    fleet_free(&p->fleet);
    p->fleet.topology = topology;
    p->fleet.topology.count = 0;
}

/* Check every placement of a file; returns how many decisions it holds. */
static size_t check_file(const char *name)
{
    static struct placement p;
    struct vector_keys keys = vector_keys_read();
    FILE *file = vector_open(name);
    char line[600];
    size_t checked = 0;
    bool own_servers = false;
    begin(&p, "");
    while (vector_line(file, line, sizeof line)) {
        if (strncmp(line, "placement ", 10) == 0) {
            checked += p.title[0] != '\0' ? check(&p, &keys) : 0;
            begin(&p, line + 10);
            own_servers = false;
            continue;
        }
        if (strncmp(line, "server ", 7) == 0 && !own_servers) {
            drop_servers(&p);
            own_servers = true;
        }
        read_line(&p, line);
    }
    checked += check(&p, &keys);
    fleet_free(&p.fleet);
    fclose(file);
    return checked;
}

static void every_key_is_where_libmemcached_puts_it(void **state)
{
    (void)state;
    assert_int_equal(check_file("libmemcached.txt"), 10788);
}

static void every_key_is_where_twemproxy_puts_it(void **state)
{
    (void)state;
    assert_int_equal(check_file("twemproxy.txt"), 3460);
}

static void every_key_is_where_the_native_ring_is_defined_to_put_it(void **state)
{
    (void)state;
    assert_int_equal(check_file("ring.txt"), 1260);
}

/* The pool that the next tests look at. */
static struct fleet five_on_loopback(enum rc_distribution distribution)
{
    struct fleet fleet = fleet_of(distribution, RC_HASH_MD5);
    static const uint16_t ports[] = {11211, 21001, 21002, 21003, 21004};
    for (size_t i = 0; i < 5; i++) {
        fleet_add(&fleet, "127.0.0.1", ports[i], 1, NULL);
    }
    return fleet;
}

static void the_points_of_a_known_twemproxy_pool_are_the_known_ones(void **state)
{
    (void)state;
    struct fleet fleet = five_on_loopback(RC_DISTRIBUTION_TWEMPROXY);
    ringcache_ring *ring = fleet_ring(&fleet);
    assert_int_equal(ring->size, 800);
    assert_int_equal(rc_ring_value(ring, 0), 0x001d5014);
    assert_int_equal(rc_ring_server(ring, 0), 1);
    assert_int_equal(rc_ring_value(ring, 1), 0x00b2c2d0);
    assert_int_equal(rc_ring_server(ring, 1), 1);
    assert_int_equal(rc_ring_value(ring, 2), 0x00fd272f);
    assert_int_equal(rc_ring_server(ring, 2), 0);
    assert_int_equal(rc_ring_value(ring, 799), 0xfffdb542);
    assert_int_equal(rc_ring_server(ring, 799), 2);
    assert_int_equal(ringcache_ring_locate(ring, "user:0", 6), 1);
    assert_int_equal(ringcache_ring_locate(ring, "user:1", 6), 1);
    assert_int_equal(ringcache_ring_locate(ring, "user:2", 6), 3);
    assert_int_equal(ringcache_ring_locate(ring, "foo", 3), 0);
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

static void ketama_and_twemproxy_agree_with_md5(void **state)
{
    (void)state;
    struct fleet one = five_on_loopback(RC_DISTRIBUTION_KETAMA);
    struct fleet other = five_on_loopback(RC_DISTRIBUTION_TWEMPROXY);
    ringcache_ring *a = fleet_ring(&one);
    ringcache_ring *b = fleet_ring(&other);
    uint64_t seed = 1;
    for (int i = 0; i < 10000; i++) {
        char key[32];
        size_t len = draw_key(&seed, key);
        assert_int_equal(ringcache_ring_locate(a, key, len), ringcache_ring_locate(b, key, len));
    }
    ringcache_ring_unref(a);
    ringcache_ring_unref(b);
    fleet_free(&one);
    fleet_free(&other);
}

static void equal_weights_lose_a_digest_to_rounding_at_the_known_counts(void **state)
{
    (void)state;
    static const unsigned known[] = {25, 47, 50, 55, 61, 71, 94, 100, 107};
    size_t next = 0;
    size_t lost = 0;
    for (unsigned n = 1; n <= 2000; n++) {
        uint32_t points = rc_ketama_points(1, n, n);
        assert_true(points == 160 || points == 156);
        lost += points == 156;
        if (n <= 107) {
            assert_int_equal(points == 156, n == known[next]);
            next += n == known[next];
        }
    }
    assert_int_equal(lost, 207);
}

static void a_very_light_ketama_server_gets_no_point_and_no_key(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_KETAMA, RC_HASH_MD5);
    fleet_add(&fleet, "light", 11211, 1, NULL);
    fleet_add(&fleet, "heavy", 11211, 1000, NULL);
    ringcache_ring *ring = fleet_ring(&fleet);
    assert_int_equal(ringcache_ring_points(ring, 0), 0);
    assert_true(ringcache_ring_share(ring, 0) == 0);
    assert_true(ringcache_ring_share(ring, 1) == 1);
    size_t owners[2];
    assert_int_equal(ringcache_ring_owners(ring, "k", 1, owners, 2), 1);
    assert_int_equal(owners[0], 1);
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

static void assert_text(
    enum rc_distribution distribution, const struct rc_member *member, const char *expected)
{
    struct rc_topology topology = {.distribution = distribution, .members = member, .count = 1};
    struct rc_text *texts = rc_texts_new(&topology);
    assert_non_null(texts);
    assert_int_equal(texts[0].len, strlen(expected));
    assert_memory_equal(texts[0].bytes, expected, texts[0].len);
    free(texts);
}

static void a_defaulted_name_is_hashed_by_the_dialects_own_rule(void **state)
{
    (void)state;
    const struct rc_member usual = {.name = "[::1]:11211", .host = "[::1]", .port = 11211};
    const struct rc_member other = {.name = "Host:11212", .host = "Host", .port = 11212};
    const struct rc_member path = {.name = "/run/a", .host = "/run/a", .is_path = true};
    assert_text(RC_DISTRIBUTION_RING, &usual, "[::1]:11211");
    assert_text(RC_DISTRIBUTION_RING, &path, "/run/a");
    static const enum rc_distribution libmemcached[] = {
        RC_DISTRIBUTION_KETAMA, RC_DISTRIBUTION_CONSISTENT};
    for (size_t i = 0; i < 2; i++) {
        assert_text(libmemcached[i], &usual, "[::1]");
        assert_text(libmemcached[i], &other, "Host:11212");
        assert_text(libmemcached[i], &path, "/run/a:0");
    }
    assert_text(RC_DISTRIBUTION_SPY, &usual, "/[::1]:11211");
    assert_text(RC_DISTRIBUTION_SPY, &path, "//run/a:0");
    static const enum rc_distribution twemproxy[] = {
        RC_DISTRIBUTION_TWEMPROXY, RC_DISTRIBUTION_TWEMPROXY_MODULA};
    for (size_t i = 0; i < 2; i++) {
        assert_text(twemproxy[i], &usual, "[::1]");
        assert_text(twemproxy[i], &other, "Host:11212");
        assert_text(twemproxy[i], &path, "/run/a:");
    }
}

static void an_explicit_name_is_hashed_verbatim_in_every_dialect(void **state)
{
    (void)state;
    const struct rc_member member = {
        .name = "cache:11211", .host = "10.0.0.1", .port = 11211, .named = true};
    for (int d = RC_DISTRIBUTION_RING; d <= RC_DISTRIBUTION_TWEMPROXY_MODULA; d++) {
        assert_text((enum rc_distribution)d, &member, "cache:11211");
    }
}

static void twemproxy_numbers_servers_by_length_then_bytes_of_their_names(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_TWEMPROXY_MODULA, RC_HASH_FNV1A_64);
    fleet_add(&fleet, "long.example", 11211, 1, NULL);
    fleet_add(&fleet, "b", 11211, 2, NULL);
    fleet_add(&fleet, "a", 11211, 1, NULL);
    ringcache_ring *ring = fleet_ring(&fleet);
    static const uint32_t slots[] = {2, 1, 1, 0};
    assert_int_equal(ring->size, 4);
    assert_memory_equal(ring->slots, slots, sizeof slots);
    assert_string_equal(ringcache_ring_server_name(ring, 0), "long.example:11211");
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

static void a_tag_is_what_stands_between_the_first_pair(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *hashed;
    } rows[] = {
        {"{a}b", "a"},
        {"x{a}{b}", "a"},
        {"{}a{b}", "{}a{b}"},
        {"{a", "{a"},
        {"}{a}", "a"},
        {"a}", "a}"},
        {"{{a}}", "{a"},
    };
    for (int d = RC_DISTRIBUTION_RING; d <= RC_DISTRIBUTION_TWEMPROXY_MODULA; d++) {
        struct fleet fleet = fleet_of((enum rc_distribution)d, RC_HASH_MD5);
        fleet.topology.tagged = true;
        memcpy(fleet.topology.tag, "{}", 2);
        fleet_add_many(&fleet, "h", 3);
        ringcache_ring *ring = fleet_ring(&fleet);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            uint32_t expected = rc_hash(RC_HASH_MD5, rows[i].hashed, strlen(rows[i].hashed));
            uint32_t hash = rc_ring_hash(ring, rows[i].key, strlen(rows[i].key));
            assert_int_equal(hash, expected);
        }
        ringcache_ring_unref(ring);
        fleet_free(&fleet);
    }
}

static void a_hashed_namespace_and_key_of_over_250_bytes_hash_as_0(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_KETAMA, RC_HASH_MD5);
    fleet.topology.name_space = rc_slice_text("app:");
    fleet.topology.hash_namespace = true;
    fleet_add_many(&fleet, "h", 3);
    ringcache_ring *ring = fleet_ring(&fleet);
    char key[251];
    memset(key, 'k', sizeof key);
    memcpy(key, "app:", 4);
    assert_int_equal(rc_ring_hash(ring, key + 4, 246), rc_hash(RC_HASH_MD5, key, 250));
    assert_int_equal(rc_ring_hash(ring, key + 4, 247), 0);
    assert_int_equal(rc_ring_hash(ring, NULL, 0), rc_hash(RC_HASH_MD5, "app:", 4));
    ringcache_ring_unref(ring);
    fleet.topology.hash_namespace = false;
    ring = fleet_ring(&fleet);
    assert_int_equal(rc_ring_hash(ring, key, 251), rc_hash(RC_HASH_MD5, key, 251));
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

static void twemproxy_hashes_the_empty_key_as_0(void **state)
{
    (void)state;
    struct fleet fleet = five_on_loopback(RC_DISTRIBUTION_TWEMPROXY);
    ringcache_ring *ring = fleet_ring(&fleet);
    assert_int_equal(rc_ring_hash(ring, "", 0), 0);
    assert_int_equal(ringcache_ring_locate(ring, "", 0), rc_ring_server(ring, 0));
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

/* Ties go to the server that comes first: in the list, or the other way round. */
static void assert_ties(struct fleet *fleet, bool in_order)
{
    fleet_add(fleet, "b", 1, 1, NULL);
    fleet_add(fleet, "a", 1, 1, NULL);
    ringcache_ring *ring = fleet_ring(fleet);
    size_t ties = 0;
    for (size_t i = 1; i < ring->size; i++) {
        uint32_t one = rc_ring_server(ring, i - 1);
        uint32_t next = rc_ring_server(ring, i);
        if (rc_ring_value(ring, i) == rc_ring_value(ring, i - 1) && one != next) {
            ties++;
            assert_int_equal(one < next, in_order);
        }
    }
    assert_true(ties > 0);
    ringcache_ring_unref(ring);
    fleet_free(fleet);
}

static void equal_points_go_by_name_on_the_native_ring(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    fleet.topology.points = 200000;
    assert_ties(&fleet, false);
}

static void equal_points_go_by_the_list_with_libmemcached(void **state)
{
    (void)state;
    /* with 15 bits, 10,000 points must meet */
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_CONSISTENT, RC_HASH_CRC);
    fleet_add_many(&fleet, "h", 98);
    assert_ties(&fleet, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_where_libmemcached_puts_it),
        cmocka_unit_test(every_key_is_where_twemproxy_puts_it),
        cmocka_unit_test(every_key_is_where_the_native_ring_is_defined_to_put_it),
        cmocka_unit_test(the_points_of_a_known_twemproxy_pool_are_the_known_ones),
        cmocka_unit_test(ketama_and_twemproxy_agree_with_md5),
        cmocka_unit_test(equal_weights_lose_a_digest_to_rounding_at_the_known_counts),
        cmocka_unit_test(a_very_light_ketama_server_gets_no_point_and_no_key),
        cmocka_unit_test(a_defaulted_name_is_hashed_by_the_dialects_own_rule),
        cmocka_unit_test(an_explicit_name_is_hashed_verbatim_in_every_dialect),
        cmocka_unit_test(twemproxy_numbers_servers_by_length_then_bytes_of_their_names),
        cmocka_unit_test(a_tag_is_what_stands_between_the_first_pair),
        cmocka_unit_test(a_hashed_namespace_and_key_of_over_250_bytes_hash_as_0),
        cmocka_unit_test(twemproxy_hashes_the_empty_key_as_0),
        cmocka_unit_test(equal_points_go_by_name_on_the_native_ring),
        cmocka_unit_test(equal_points_go_by_the_list_with_libmemcached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
