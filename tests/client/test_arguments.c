/* SPDX-License-Identifier: MIT */
/* What is handed to public calls, and what they hand back, at its limits. */
#include "world.h"

#include <stdio.h>

#include "ringcache/fetch.h"
#include "ringcache/stats.h"
#include "ringcache/update.h"

static struct world *begin(uint64_t seed)
{
    struct world *world = world_new(seed);
    world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    return world;
}

static void load(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client;
    (void)user;
    assert_int_equal(ringcache_load_key(load).len, 1);
    ringcache_load_done(load, "made", 4, 0);
}

static void store(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    (void)client;
    (void)now;
    (void)user;
    assert_int_equal(ringcache_change_store(change, "made", 4, 0), 0);
}

/* The three calls that take a structure of `size` bytes, each a request for the key "k". */
enum { CALLS = 3 };

static int submit_sized(struct world *world, size_t which, const void *given, size_t size,
    const struct world_call *call)
{
    ringcache_client *client = world->client;
    if (which == 0) {
        return ringcache_submit_sized(client, given, size, call->cb, call->user, NULL);
    }
    return which == 1
               ? ringcache_fetch_sized(client, given, size, call->cb, call->user, NULL)
               : ringcache_update_sized(client, given, size, store, call->cb, call->user, NULL);
}

/* What a program of a later version hands in: the fields that are known, and `later`. */
struct later {
    union {
        ringcache_request request;
        ringcache_fetch_request fetch;
    };
    unsigned char later[16];
};

static size_t known_size(size_t which)
{
    return which == 1 ? sizeof(ringcache_fetch_request) : sizeof(ringcache_request);
}

static struct later request_of(size_t which)
{
    struct later given = {.request = {0}};
    if (which == 1) {
        given.fetch = (ringcache_fetch_request){.key = {"k", 1}, .loader = load};
    } else {
        given.request = (ringcache_request){.op = RINGCACHE_GET, .key = {"k", 1}};
    }
    return given;
}

static void a_request_of_a_later_version_is_taken_if_what_is_new_in_it_is_zero(void **state)
{
    (void)state;
    for (size_t which = 0; which < CALLS; which++) {
        struct world *world = begin(221);
        struct later given = request_of(which);
        unsigned char *bytes = (unsigned char *)&given;
        size_t known = known_size(which), size = known + 8;
        struct world_call call = world_call(world);
        bytes[size] = 1; /* behind its end */
        struct world_reply *reply =
            world_called(world, &call, submit_sized(world, which, bytes, size, &call));
        world_settle(world, 100);
        assert_reply(reply, which == 0 ? RINGCACHE_MISS : RINGCACHE_OK);
        const size_t unknown[] = {known, size - 1};
        for (size_t i = 0; i < 2; i++) {
            bytes[unknown[i]] = 1;
            call = world_call(world);
            world_refused(
                world, &call, submit_sized(world, which, bytes, size, &call), RINGCACHE_ENOTSUP);
            assert_string_equal(
                ringcache_client_error(world->client), "a field that this version does not know");
            bytes[unknown[i]] = 0;
        }
        world_end(world);
    }
}

static void a_call_without_its_client_or_its_request_is_refused(void **state)
{
    (void)state;
    struct world *world = begin(222);
    ringcache_client *client = world->client;
    struct world_call call = world_call(world);
    for (size_t which = 0; which < CALLS; which++) {
        struct later given = request_of(which);
        world->client = NULL;
        assert_int_equal(
            submit_sized(world, which, &given, known_size(which), &call), RINGCACHE_EINVAL);
        world->client = client;
        assert_int_equal(
            submit_sized(world, which, NULL, known_size(which), &call), RINGCACHE_EINVAL);
    }
    world_refused(world, &call, ringcache_client_new(NULL, NULL, world->config), RINGCACHE_EINVAL);
    ringcache_client *none = NULL;
    ringcache_ring *ring = NULL;
    assert_int_equal(ringcache_client_new(&none, NULL, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_ring_new(NULL, world->config), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_ring_new(&ring, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_ring_new_of_spares(NULL, world->config), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_ring_new_of_spares(&ring, NULL), RINGCACHE_EINVAL);
    assert_null(none);
    assert_null(ring);
    world_end(world);
}

/* What a loader may say that is no value. */
static int said;

static void load_nothing(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client;
    (void)user;
    switch (said) {
    case 0:
        ringcache_load_done(load, NULL, 5, 0);
        break;
    case 1:
        ringcache_load_done(load, "v", 1, -1);
        break;
    case 2:
        ringcache_load_failed(load, RINGCACHE_EXISTS, NULL);
        break;
    default:
        ringcache_load_failed(load, RINGCACHE_MISS, NULL);
    }
}

static void a_loader_that_gives_no_answer_is_a_failure_of_its_own(void **state)
{
    (void)state;
    static const int statuses[] = {
        RINGCACHE_EINVAL, RINGCACHE_EINVAL, RINGCACHE_ESERVER, RINGCACHE_MISS};
    struct world *world = begin(228);
    for (said = 0; said < 4; said++) {
        const ringcache_fetch_request request = {.key = {"k", 1}, .loader = load_nothing};
        struct world_call call = world_call(world);
        struct world_reply *reply = world_called(
            world, &call, ringcache_fetch(world->client, &request, call.cb, call.user, NULL));
        world_settle(world, 100);
        assert_reply(reply, statuses[said]);
        assert_int_equal(reply->value_len, 0);
        struct world_reply *get = world_get(world, "k");
        world_settle(world, 100);
        assert_reply(get, RINGCACHE_MISS);
    }
    world_end(world);
}

static void a_release_without_a_loan_is_refused(void **state)
{
    (void)state;
    struct world *world = begin(223);
    ringcache_request set = {.op = RINGCACHE_SET, .key = {"k", 1}, .value = {"v", 1}};
    struct world_reply *reply;
    set.release_user = world;
    assert_int_equal(world_try(world, &set, NULL, &reply), RINGCACHE_EINVAL);
    world_end(world);
}

static void never_done(
    ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    (void)client;
    (void)user;
    fail_msg("done with %zu, %zu and %zu keys", ok, missed, failed);
}

static void many_keys_are_at_most_what_32_bits_count(void **state)
{
    (void)state;
    struct world *world = begin(224);
    const ringcache_slice key = {"k", 1};
    assert_int_equal(
        ringcache_get_many(world->client, &key, UINT32_MAX, NULL, NULL, never_done, NULL),
        RINGCACHE_EINVAL);
    world_end(world);
}

/* An id that nobody has any more must not name a later request; 0 is none at all. */
static void ids_stay_different_when_their_count_begins_anew(void **state)
{
    (void)state;
    struct world *world = begin(225);
    world->client->generation = UINT32_MAX - 2;
    const ringcache_request get = {.op = RINGCACHE_GET, .key = {"k", 1}};
    ringcache_id ids[5] = {0};
    for (size_t i = 0; i < 5; i++) {
        struct world_reply *reply = world_submit(world, &get, &ids[i]);
        world_settle(world, 100);
        assert_reply(reply, RINGCACHE_MISS);
        assert_int_equal(ringcache_cancel(world->client, ids[i]), RINGCACHE_EINVAL);
        assert_true(world->client->generation != 0);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_true(ids[i] != 0);
        for (size_t j = 0; j < i; j++) {
            assert_true(ids[i] != ids[j]);
        }
    }
    world_end(world);
}

static void an_event_has_a_name_and_an_unknown_one_too(void **state)
{
    (void)state;
    static const char *const names[] = {
        "connecting", "up", "down", "ejected", "readmitted", "removed", "ring_changed", "room"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool found = false;
        for (int type = 0; type < 32; type++) {
            found =
                found || strcmp(ringcache_event_name((ringcache_event_type)type), names[i]) == 0;
        }
        assert_true(found);
    }
    assert_string_equal(ringcache_event_name((ringcache_event_type)99), "unknown");
}

static void an_explanation_knows_nothing_behind_its_last_server(void **state)
{
    (void)state;
    struct world *world = begin(226);
    ringcache_explanation *e;
    assert_int_equal(ringcache_explain(world->client, "k", 1, &e), 0);
    assert_int_equal(ringcache_explanation_count(e), 1);
    assert_string_equal(ringcache_explanation_reason(e, 0), "");
    assert_null(ringcache_explanation_server(e, 1));
    assert_null(ringcache_explanation_state(e, 1));
    assert_null(ringcache_explanation_reason(e, 1));
    ringcache_explanation_free(e);
    ringcache_explanation_free(NULL);
    world_end(world);
}

/* A log, a terminal: a message goes where a peer's control bytes must not. */
static void a_message_is_one_line_of_printable_bytes(void **state)
{
    (void)state;
    struct world *world = world_new(227);
    struct sim_server *server = world_redis(world, "10.0.0.1", 6379);
    world_begin(world);
    engine_answer_next(
        sim_server_engine(server), "get", 1, "-ERR \x1b[2J\x7f \t caf\xc3\xa9 ~ok\r\n");
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_reply(get, RINGCACHE_ESERVER);
    assert_string_equal(get->message, "ERR ?[2J? ? caf?? ~ok");
    world_end(world);
}

static void a_blank_or_control_byte_is_found_wherever_it_stands_in_a_key(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 7, 8, 9, 16, 23, 24};
    struct world *world = world_new(9);
    world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (size_t at = 0; at < lengths[i]; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                char key[24];
                ringcache_explanation *e = NULL;
                memset(key, 'k', sizeof key);
                key[at] = (char)byte;
                int expected = byte <= ' ' || byte == 0x7f ? RINGCACHE_EINVAL : 0;
                assert_int_equal(ringcache_explain(world->client, key, lengths[i], &e), expected);
                ringcache_explanation_free(e);
            }
        }
    }
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_of_a_later_version_is_taken_if_what_is_new_in_it_is_zero),
        cmocka_unit_test(a_call_without_its_client_or_its_request_is_refused),
        cmocka_unit_test(a_loader_that_gives_no_answer_is_a_failure_of_its_own),
        cmocka_unit_test(a_release_without_a_loan_is_refused),
        cmocka_unit_test(many_keys_are_at_most_what_32_bits_count),
        cmocka_unit_test(ids_stay_different_when_their_count_begins_anew),
        cmocka_unit_test(an_event_has_a_name_and_an_unknown_one_too),
        cmocka_unit_test(an_explanation_knows_nothing_behind_its_last_server),
        cmocka_unit_test(a_message_is_one_line_of_printable_bytes),
        cmocka_unit_test(a_blank_or_control_byte_is_found_wherever_it_stands_in_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
