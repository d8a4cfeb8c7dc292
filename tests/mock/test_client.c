/* SPDX-License-Identifier: MIT */
/* A client and simulated servers on one loop, as a service's own tests have them. */
#include "talk.h"

#include <ringcache/ringcache.h>
#include <stdio.h>
#include <string.h>

struct service {
    struct stage *stage;
    ringcache_client *client;
    int status, maybe_applied;
    char value[64], message[64];
    bool answered, event[RINGCACHE_EVENT_RING_KEPT + 1];
};

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct service *service = user;
    (void)client;
    service->event[event->type] = true;
}

static struct service open_service(struct stage *stage, ringcache_mock_options options)
{
    struct service service = {.stage = stage};
    ringcache_config *config;
    assert_int_equal(ringcache_mock_start(&stage->mock, &stage->loop, &options), 0);
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_add_server(config, ringcache_mock_uri(stage->mock)), 0);
    assert_int_equal(ringcache_config_set(config, "timeout_ms", "200"), 0);
    assert_int_equal(ringcache_client_new(&service.client, &stage->loop, config), 0);
    ringcache_config_free(config);
    return service;
}

static void close_service(struct service *service)
{
    ringcache_client_close(service->client, NULL, NULL);
    stage_close_mock(service->stage);
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct service *service = user;
    (void)client;
    service->answered = true;
    service->status = reply->status;
    service->maybe_applied = reply->maybe_applied;
    snprintf(service->value, sizeof service->value, "%.*s", (int)reply->value.len,
        reply->value.len > 0 ? (const char *)reply->value.data : "");
    snprintf(service->message, sizeof service->message, "%s", reply->message);
}

static int await_reply(struct service *service, int accepted)
{
    assert_int_equal(accepted, 0);
    service->answered = false;
    assert_true(stage_await(service->stage, &service->answered));
    return service->status;
}

static int get(struct service *service)
{
    return await_reply(service, ringcache_get(service->client, "k", 1, on_reply, service));
}

static int set(struct service *service, const char *value)
{
    return await_reply(service,
        ringcache_set(service->client, "k", 1, value, strlen(value), 0, on_reply, service));
}

static const ringcache_mock_options kinds[] = {
    {.kind = RINGCACHE_MOCK_MEMCACHED, .user = "cart", .password = "se:s@me"},
    {.kind = RINGCACHE_MOCK_MEMCACHED, .version = "1.4.39"},
    {.kind = RINGCACHE_MOCK_REDIS, .password = "100%"},
    {.kind = RINGCACHE_MOCK_REDIS, .user = "cart", .password = "@:/"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void a_client_finds_it_by_its_uri_and_what_it_stored(void **state)
{
    struct stage *stage = *state;
    for (size_t i = 0; i < KINDS; i++) {
        struct service service = open_service(stage, kinds[i]);
        assert_int_equal(get(&service), RINGCACHE_MISS);
        assert_int_equal(set(&service, "hello"), RINGCACHE_OK);
        assert_int_equal(get(&service), RINGCACHE_OK);
        assert_string_equal(service.value, "hello");
        ringcache_mock_item item = {0};
        assert_int_equal(ringcache_mock_get(stage->mock, "k", 1, &item), 0);
        assert_memory_equal(item.value.data, "hello", item.value.len);
        assert_int_equal(ringcache_mock_connections(stage->mock), 1);
        close_service(&service);
    }
}

static void a_client_takes_back_one_that_was_killed_and_restarted(void **state)
{
    struct stage *stage = *state;
    for (size_t i = 0; i < KINDS; i++) {
        struct service service = open_service(stage, kinds[i]);
        ringcache_client_on_event(service.client, on_event, &service);
        assert_int_equal(set(&service, "hello"), RINGCACHE_OK);
        ringcache_mock_kill(stage->mock);
        ringcache_client_ref(service.client);
        assert_true(stage_await(stage, &service.event[RINGCACHE_EVENT_DOWN]));
        assert_int_equal(get(&service), RINGCACHE_EDOWN);
        service.event[RINGCACHE_EVENT_UP] = false;
        assert_int_equal(ringcache_mock_restart(stage->mock, i % 2 == 0), 0);
        assert_true(stage_await(stage, &service.event[RINGCACHE_EVENT_UP]));
        assert_int_equal(get(&service), i % 2 == 0 ? RINGCACHE_OK : RINGCACHE_MISS);
        close_service(&service);
    }
}

static void a_client_ejects_one_that_is_silent_and_readmits_it(void **state)
{
    struct stage *stage = *state;
    struct service service = open_service(stage, kinds[0]);
    ringcache_client_on_event(service.client, on_event, &service);
    assert_int_equal(get(&service), RINGCACHE_MISS);
    ringcache_mock_stop(stage->mock);
    assert_int_equal(get(&service), RINGCACHE_ETIMEDOUT);
    ringcache_client_ref(service.client);
    assert_true(stage_await(stage, &service.event[RINGCACHE_EVENT_EJECTED]));
    ringcache_mock_continue(stage->mock);
    assert_true(stage_await(stage, &service.event[RINGCACHE_EVENT_READMITTED]));
    assert_int_equal(get(&service), RINGCACHE_MISS);
    close_service(&service);
}

static void a_client_hears_what_was_scripted(void **state)
{
    struct stage *stage = *state;
    struct service service = open_service(stage, kinds[0]);
    assert_int_equal(get(&service), RINGCACHE_MISS);
    ringcache_mock_answer(stage->mock, "ms", 1, "SERVER_ERROR out of memory storing object");
    assert_int_equal(set(&service, "one"), RINGCACHE_ESERVER);
    assert_string_equal(service.message, "SERVER_ERROR out of memory storing object");
    assert_int_equal(service.maybe_applied, 0);
    ringcache_mock_delay(stage->mock, "mg", 50);
    uint64_t asked_ns = uv_hrtime();
    assert_int_equal(get(&service), RINGCACHE_MISS);
    assert_true(uv_hrtime() - asked_ns > 40 * UINT64_C(1000000));
    ringcache_mock_delay(stage->mock, "mg", 1000);
    assert_int_equal(get(&service), RINGCACHE_ETIMEDOUT);
    close_service(&service);
}

/* What a lost reply leaves open is told: neither was a success heard, and one was carried out. */
static void a_client_says_that_a_write_may_have_been_applied(void **state)
{
    struct stage *stage = *state;
    for (size_t i = 0; i < KINDS; i++) {
        struct service service = open_service(stage, kinds[i]);
        assert_int_equal(get(&service), RINGCACHE_MISS);
        ringcache_mock_disconnect_after(stage->mock, 0);
        assert_int_equal(set(&service, "one"), RINGCACHE_ECONNECT);
        assert_int_equal(service.maybe_applied, 1);
        assert_int_equal(ringcache_mock_items(stage->mock, 0), 1);
        assert_int_equal(ringcache_mock_remove(stage->mock, 0, "k", 1), 0);
        const char *verb = i == 0 ? "ms" : "set";
        assert_int_equal(get(&service), RINGCACHE_MISS);
        ringcache_mock_disconnect_at(stage->mock, verb, 1);
        assert_int_equal(set(&service, "two"), RINGCACHE_ECONNECT);
        assert_int_equal(service.maybe_applied, 1);
        assert_int_equal(ringcache_mock_items(stage->mock, 0), 0);
        close_service(&service);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_new, stage_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_finds_it_by_its_uri_and_what_it_stored),
        TEST(a_client_takes_back_one_that_was_killed_and_restarted),
        TEST(a_client_ejects_one_that_is_silent_and_readmits_it),
        TEST(a_client_hears_what_was_scripted),
        TEST(a_client_says_that_a_write_may_have_been_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
