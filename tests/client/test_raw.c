/* SPDX-License-Identifier: MIT */
/* Redis commands in the caller's own words. */
#include "world.h"

#include <stdio.h>

struct told {
    struct world *world;
    int status;
    unsigned calls;
    uint64_t number;
    char shape[512]; /* the reply's data, written out */
    char value[64];
    char message[128];
};

static void write_out(char *at, size_t room, const ringcache_data *data)
{
    size_t used = strlen(at);
    ringcache_slice text = ringcache_data_text(data);
    switch (ringcache_data_kind(data)) {
    case RINGCACHE_DATA_NIL:
        snprintf(at + used, room - used, "nil ");
        return;
    case RINGCACHE_DATA_STATUS:
    case RINGCACHE_DATA_ERROR:
    case RINGCACHE_DATA_TEXT:
        snprintf(at + used, room - used, "%.*s ", (int)text.len, (const char *)text.data);
        return;
    case RINGCACHE_DATA_NUMBER:
        snprintf(at + used, room - used, "%lld ", (long long)ringcache_data_number(data));
        return;
    case RINGCACHE_DATA_ARRAY:
        snprintf(at + used, room - used, "[ ");
        for (size_t i = 0; i < ringcache_data_count(data); i++) {
            write_out(at, room, ringcache_data_at(data, i));
        }
        assert_null(ringcache_data_at(data, ringcache_data_count(data)));
        snprintf(at + strlen(at), room - strlen(at), "] ");
        return;
    }
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct told *told = user;
    assert_ptr_equal(client, told->world->client);
    told->calls++;
    told->status = reply->status;
    told->number = reply->number;
    told->shape[0] = '\0';
    if (reply->data != NULL) {
        write_out(told->shape, sizeof told->shape, reply->data);
    }
    snprintf(told->value, sizeof told->value, "%.*s", (int)reply->value.len,
        reply->value.len > 0 ? (const char *)reply->value.data : "");
    snprintf(told->message, sizeof told->message, "%s", reply->message);
}

static struct world *begin(const char *integrity)
{
    struct world *world = world_new(81);
    world_redis(world, "10.0.0.1", 6379);
    world_option(world, "integrity", integrity);
    world_begin(world);
    return world;
}

/* Words separated by blanks, as one command, to its end. */
static struct told run(struct world *world, const char *words)
{
    static char copy[512];
    ringcache_slice args[16];
    size_t count = 0;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        args[count++] = (ringcache_slice){word, strlen(word)};
    }
    struct told told = {.world = world};
    assert_int_equal(ringcache_command(world->client, args, count, NULL, on_reply, &told), 0);
    memset(copy, 'x', sizeof copy); /* it was copied */
    for (int i = 0; i < 1000 && told.calls == 0; i++) {
        world_run_for(world, 1);
    }
    assert_int_equal(told.calls, 1);
    return told;
}

static void a_reply_of_any_shape_is_shown(void **state)
{
    (void)state;
    static const char *const integrities[] = {"auto", "strict"};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = begin(integrities[i]);
        assert_string_equal(run(world, "set k hello").shape, "OK ");
        struct told get = run(world, "GET k");
        assert_string_equal(get.shape, "hello ");
        assert_string_equal(get.value, "hello");
        struct told len = run(world, "strlen k");
        assert_string_equal(len.shape, "5 ");
        assert_int_equal(len.number, 5);
        assert_string_equal(run(world, "mget k absent k").shape, "[ hello nil hello ] ");
        assert_string_equal(run(world, "get absent").shape, "nil ");
        struct told wrong = run(world, "nonsense k");
        assert_int_equal(wrong.status, RINGCACHE_ESERVER);
        assert_non_null(strstr(wrong.message, "unknown command"));
        assert_string_equal(run(world, "get k").shape, "hello ");
        world_end(world);
    }
}

static void commands_that_others_would_feel_are_refused(void **state)
{
    (void)state;
    static const char *const words[] = {"SUBSCRIBE", "multi", "Select", "BLPOP", "client", "AUTH",
        "monitor", "RESET", "quit", "xread", "WATCH", "HELLO", "shutdown"};
    struct world *world = begin("auto");
    struct told told = {.world = world};
    ringcache_slice args[2] = {{NULL, 0}, {"k", 1}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        args[0] = (ringcache_slice){words[i], strlen(words[i])};
        assert_int_equal(
            ringcache_command(world->client, args, 2, NULL, on_reply, &told), RINGCACHE_ENOTSUP);
    }
    args[0] = (ringcache_slice){"GET", 3};
    ringcache_client *client = world->client;
    assert_int_equal(ringcache_command(client, args, 1, NULL, on_reply, &told), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_command(client, args, 0, NULL, on_reply, &told), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_command(client, NULL, 2, NULL, on_reply, &told), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_command(client, args, 2, NULL, NULL, &told), RINGCACHE_EINVAL);
    args[1] = (ringcache_slice){NULL, 3};
    assert_int_equal(ringcache_command(client, args, 2, NULL, on_reply, &told), RINGCACHE_EINVAL);
    world_end(world);
}

static void a_command_has_a_verb_and_is_within_bounds(void **state)
{
    (void)state;
    struct world *world = world_new(84);
    world_redis(world, "10.0.0.1", 6379);
    world_option(world, "max_value_bytes", "1024");
    world_begin(world);
    ringcache_client *client = world->client;
    struct told told = {.world = world};
    static char value[1024];
    ringcache_slice args[3] = {{"SET", 3}, {"k", 1}, {value, sizeof value - 3}};
    assert_int_equal(ringcache_command(client, args, 3, NULL, on_reply, &told), RINGCACHE_ETOOBIG);
    args[2].len--;
    assert_int_equal(ringcache_command(client, args, 3, NULL, on_reply, &told), 0);
    world_run_for(world, 10);
    assert_string_equal(told.shape, "OK ");
    args[2].len = SIZE_MAX;
    assert_int_equal(ringcache_command(client, args, 3, NULL, on_reply, &told), RINGCACHE_EINVAL);
    args[0] = (ringcache_slice){"", 0};
    assert_int_equal(ringcache_command(client, args, 2, NULL, on_reply, &told), RINGCACHE_EINVAL);
    args[0] = (ringcache_slice){"GET", 3};
    size_t too_many = (1 << 20) + 1;
    assert_int_equal(
        ringcache_command(client, args, too_many, NULL, on_reply, &told), RINGCACHE_EINVAL);
    assert_int_equal(told.calls, 1);
    world_end(world);
}

static void an_empty_ring_has_nobody_to_run_it(void **state)
{
    (void)state;
    const ringcache_slice args[2] = {{"GET", 3}, {"k", 1}};
    struct world *world = world_new(85);
    struct told told = {.world = world};
    world_begin(world);
    assert_int_equal(
        ringcache_command(world->client, args, 2, NULL, on_reply, &told), RINGCACHE_ENOSERVER);
    world_end(world);
}

/* What one kind of reply has, the others have not. */
static void ask_for_all(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct told *told = user;
    const ringcache_data *data = reply->data;
    ringcache_data_type kind = ringcache_data_kind(data);
    bool text = kind == RINGCACHE_DATA_TEXT || kind == RINGCACHE_DATA_STATUS;
    assert_int_equal(ringcache_data_text(data).len > 0, text);
    assert_int_equal(ringcache_data_number(data) != 0, kind == RINGCACHE_DATA_NUMBER);
    assert_int_equal(ringcache_data_count(data) > 0, kind == RINGCACHE_DATA_ARRAY);
    assert_int_equal(ringcache_data_at(data, 0) != NULL, kind == RINGCACHE_DATA_ARRAY);
    on_reply(client, reply, told);
}

static void a_reply_is_of_one_kind_alone(void **state)
{
    (void)state;
    static const char *const verbs[] = {"set", "get", "strlen", "mget"};
    struct world *world = begin("auto");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const ringcache_slice args[3] = {{verbs[i], strlen(verbs[i])}, {"k", 1}, {"v", 1}};
        struct told told = {.world = world};
        assert_int_equal(
            ringcache_command(world->client, args, i == 0 ? 3 : 2, NULL, ask_for_all, &told), 0);
        world_run_for(world, 10);
        assert_int_equal(told.calls, 1);
    }
    world_end(world);
}

static void a_memcached_and_a_namespace_have_no_raw_commands(void **state)
{
    (void)state;
    ringcache_slice args[2] = {{"GET", 3}, {"k", 1}};
    struct world *world = world_new(82);
    struct told told = {.world = world};
    world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    assert_int_equal(
        ringcache_command(world->client, args, 2, NULL, on_reply, &told), RINGCACHE_ENOTSUP);
    world_end(world);
    world = world_new(83);
    world_redis(world, "10.0.0.1", 6379);
    world_option(world, "namespace", "app:");
    world_begin(world);
    assert_int_equal(
        ringcache_command(world->client, args, 2, NULL, on_reply, &told), RINGCACHE_ENOTSUP);
    world_end(world);
}

static void what_arrives_byte_by_byte_is_the_same(void **state)
{
    (void)state;
    struct world *world = begin("strict");
    sim_settings(world->sim)->segment_bytes = 1;
    run(world, "set k hello");
    assert_string_equal(run(world, "mget k absent k").shape, "[ hello nil hello ] ");
    assert_string_equal(run(world, "get k").shape, "hello ");
    world_end(world);
}

static void a_route_takes_the_keys_place(void **state)
{
    (void)state;
    struct world *world = begin("auto");
    struct told told = {.world = world};
    const ringcache_slice ping = {"DBSIZE", 6};
    const ringcache_request defaults = {.route = {"k", 1}, .timeout_ms = 50};
    assert_int_equal(ringcache_command(world->client, &ping, 1, &defaults, on_reply, &told), 0);
    world_run_for(world, 40);
    assert_string_equal(told.shape, "0 ");
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_of_any_shape_is_shown),
        cmocka_unit_test(commands_that_others_would_feel_are_refused),
        cmocka_unit_test(a_command_has_a_verb_and_is_within_bounds),
        cmocka_unit_test(an_empty_ring_has_nobody_to_run_it),
        cmocka_unit_test(a_reply_is_of_one_kind_alone),
        cmocka_unit_test(a_memcached_and_a_namespace_have_no_raw_commands),
        cmocka_unit_test(what_arrives_byte_by_byte_is_the_same),
        cmocka_unit_test(a_route_takes_the_keys_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
