/* SPDX-License-Identifier: MIT */
/* Every allocation of the library in turn fails, alone or with all that follow; and no block that
 * is given back still holds the password. */
#include "fixture.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static const char path[] = "memory.conf";
static const char secret[] = "n0-bl0ck-keeps-this";
static const char uri[] = "redis://user:n0-bl0ck-keeps-this@10.0.0.1:7000/3?name=r&weight=2";

/* What the linker puts in the allocator's place (--wrap), and its state. */
static struct {
    size_t calls, fail_at; /* 0: never */
    bool sticky;
    size_t live;
    size_t leaked_secrets;
} heap;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *block);

static bool must_fail(void)
{
    heap.calls++;
    return heap.fail_at > 0 &&
           (heap.sticky ? heap.calls >= heap.fail_at : heap.calls == heap.fail_at);
}

static void inspect(void *block)
{
    if (memmem(block, malloc_usable_size(block), secret, strlen(secret)) != NULL) {
        heap.leaked_secrets++;
    }
}

static void *count(void *block)
{
    heap.live += block != NULL;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t members, size_t size)
{
    return must_fail() ? NULL : count(__real_calloc(members, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (must_fail()) {
        return NULL;
    }
    if (old == NULL) {
        return count(__real_realloc(old, size));
    }
    inspect(old);
    return __real_realloc(old, size);
}

void __wrap_free(void *block)
{
    if (block != NULL) {
        inspect(block);
        heap.live--;
    }
    __real_free(block);
}

/* A configuration with something of every kind. */
static ringcache_config *make_config(void)
{
    ringcache_config *config = NULL;
    assert_int_equal(ringcache_config_new(&config), 0);
    must_set(config, "namespace", "before");
    must_set(config, "timeout_ms", "7");
    for (int i = 0; i < 8; i++) {
        char server[] = "redis://:n0-bl0ck-keeps-this@a?name=0";
        server[sizeof server - 2] = (char)('0' + i);
        must_set(config, "server", server);
    }
    return config;
}

static void must_be_as_made(const ringcache_config *config)
{
    struct rc_topology topology;
    struct rc_member members[8];
    assert_int_equal(rc_config_server_count(config), 8);
    rc_config_topology(config, RC_ROLE_ANY, &topology, members);
    assert_true(rc_slice_equal(topology.name_space, rc_slice_text("before")));
    assert_int_equal(topology.points, RC_POINTS_DEFAULT);
    assert_int_equal(rc_config_settings(config)->timeout_ms, 7);
    assert_string_equal(rc_config_server(config, 7)->password, secret);
}

typedef int (*scenario)(ringcache_config *config);

/* Run it with allocation 1, 2, 3 … failing until none fails any more. */
static void torture(scenario run, bool sticky)
{
    for (size_t n = 1;; n++) {
        heap.live = 0;
        heap.leaked_secrets = 0;
        ringcache_config *config = make_config();
        heap.calls = 0;
        heap.sticky = sticky;
        heap.fail_at = n;
        int rc = run(config);
        bool failed = heap.calls >= n;
        heap.fail_at = 0;
        assert_int_equal(rc, failed ? RINGCACHE_ENOMEM : 0);
        if (failed) {
            must_be_as_made(config);
        }
        ringcache_config_free(config);
        assert_int_equal(heap.live, 0);
        assert_int_equal(heap.leaked_secrets, 0);
        if (!failed) {
            assert_true(n > 1);
            return;
        }
    }
}

static void torture_both_ways(scenario run)
{
    torture(run, false);
    torture(run, true);
}

static void must_say_out_of_memory(const ringcache_config *config, int rc)
{
    if (rc == RINGCACHE_ENOMEM) {
        assert_non_null(strstr(ringcache_config_error(config), "out of memory"));
    }
}

static int make_another(ringcache_config *config)
{
    (void)config;
    ringcache_config *made = NULL;
    int rc = ringcache_config_new(&made);
    assert_true((rc == 0) == (made != NULL));
    ringcache_config_free(made);
    return rc;
}

static int set_namespace(ringcache_config *config)
{
    int rc = ringcache_config_set(config, "namespace", "after");
    must_say_out_of_memory(config, rc);
    return rc;
}

static int set_number(ringcache_config *config)
{
    int rc = ringcache_config_set(config, "timeout_ms", "8");
    must_say_out_of_memory(config, rc);
    return rc;
}

static int add_server(ringcache_config *config)
{
    int rc = ringcache_config_add_server(config, uri);
    must_say_out_of_memory(config, rc);
    return rc;
}

static int load_file(ringcache_config *config)
{
    int rc = ringcache_config_load_file(config, path);
    must_say_out_of_memory(config, rc);
    return rc;
}

static int copy(ringcache_config *config)
{
    ringcache_config *copied = NULL;
    int rc = rc_config_copy(&copied, config);
    assert_true((rc == 0) == (copied != NULL));
    ringcache_config_free(copied);
    return rc;
}

static int check(ringcache_config *config)
{
    int rc = ringcache_config_check(config);
    must_say_out_of_memory(config, rc);
    return rc;
}

/* Many warnings, each of which is kept: eight servers are all the same one, get no point, and get
 * their password unencrypted. */
static int warn_of_light_servers(ringcache_config *config)
{
    ringcache_config *light = NULL;
    int rc = rc_config_copy(&light, config);
    rc = rc == 0 ? ringcache_config_set(light, "distribution", "ketama") : rc;
    rc = rc == 0 ? ringcache_config_set(light, "server", "redis://heavy?weight=1000000") : rc;
    rc = rc == 0 ? ringcache_config_check(light) : rc;
    if (rc == 0) {
        assert_int_equal(ringcache_config_warning_count(light), 7 + 8 + 8);
    }
    ringcache_config_free(light);
    return rc;
}

static void ignore(int is_error, const char *text, void *user)
{
    (void)is_error;
    (void)user;
    assert_null(strstr(text, secret));
}

static int judge(ringcache_config *config)
{
    (void)config;
    size_t errors = 77;
    int rc = ringcache_config_judge_file(path, ignore, NULL, &errors);
    assert_int_equal(errors, rc == 0 ? 0 : 77);
    return rc;
}

static int parse_and_copy(ringcache_config *config)
{
    (void)config;
    char why[256];
    struct rc_server_uri server;
    struct rc_server_uri copied;
    int rc = rc_server_uri_parse(uri, &server, why, sizeof why);
    if (rc != 0) {
        return rc;
    }
    copied = rc_server_uri_copy(&server);
    rc_server_uri_deinit(&server);
    rc_server_uri_deinit(&copied);
    return rc;
}

static void every_call_survives_every_failed_allocation(void **state)
{
    static const scenario scenarios[] = {make_another, set_namespace, set_number, add_server, copy,
        check, warn_of_light_servers, parse_and_copy};
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        torture_both_ways(scenarios[i]);
    }
}

static void write_long_file(void)
{
    enum { LEN = 200 * 1024 };
    char *text = calloc(1, LEN + 256);
    assert_non_null(text);
    memset(text, '#', LEN);
    strcpy(text + LEN, "\nnamespace = after\nserver = ");
    strcat(text, uri);
    strcat(text, "\nserver = redis://:n0-bl0ck-keeps-this@b\n");
    write_text(path, text);
    free(text);
}

static void reading_a_file_survives_every_failed_allocation(void **state)
{
    (void)state;
    write_long_file();
    torture_both_ways(load_file);
    torture_both_ways(judge);
}

static void a_refused_password_is_not_left_in_memory(void **state)
{
    static const char *const refused[] = {
        "redis://u:n0-bl0ck-keeps-this@h:x",
        "redis://u:n0-bl0ck-keeps-this%zz@h",
        "redis://%zz:n0-bl0ck-keeps-this@h",
        "redis://u:n0-bl0ck-keeps-this@h?name=",
        "redis+unix://u:n0-bl0ck-keeps-this@/s?db=x",
    };
    (void)state;
    heap.leaked_secrets = 0;
    ringcache_config *config = make_config();
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char text[128] = "server = ";
        assert_int_equal(ringcache_config_add_server(config, refused[i]), RINGCACHE_ECONFIG);
        write_text(path, strcat(text, refused[i]));
        assert_int_equal(ringcache_config_load_file(config, path), RINGCACHE_ECONFIG);
    }
    ringcache_config_free(config);
    assert_int_equal(heap.leaked_secrets, 0);
}

static void the_inspection_of_blocks_sees_a_password(void **state)
{
    (void)state;
    heap.leaked_secrets = 0;
    rc_free(rc_copy_text(secret, strlen(secret)));
    assert_int_equal(heap.leaked_secrets, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_survives_every_failed_allocation),
        cmocka_unit_test(reading_a_file_survives_every_failed_allocation),
        cmocka_unit_test(a_refused_password_is_not_left_in_memory),
        cmocka_unit_test(the_inspection_of_blocks_sees_a_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
