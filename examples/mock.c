/* SPDX-License-Identifier: MIT */
/* A test that needs no server installed: what does a cache tell when its server fails? A read whose
 * connection ends is asked once more. */
#include <stdio.h>

#include <ringcache/mock.h>
#include <ringcache/ringcache.h>
#include <uv.h>

static ringcache_mock *mock;
static unsigned asked;

static void on_get(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    int *failed = user;
    static const int expected[] = {RINGCACHE_OK, RINGCACHE_ESERVER, RINGCACHE_OK};
    printf("%s %s\n", ringcache_err_name(reply->status), reply->message);
    *failed |= reply->status != expected[asked] || reply->attempts != (asked == 2 ? 2 : 1);
    asked++;
    if (asked == 1)
        ringcache_mock_answer(mock, "mg", 1, "SERVER_ERROR out of memory");
    else if (asked == 2)
        ringcache_mock_disconnect_at(mock, "mg", 1);
    if (asked < 3 && ringcache_get(client, "greeting", 8, on_get, user) == 0)
        return;
    *failed |= asked < 3;
    ringcache_client_close(client, NULL, NULL);
    ringcache_mock_close(mock, NULL, NULL);
}

static ringcache_client *open_client(const char *uri)
{
    ringcache_config *config = NULL;
    ringcache_client *client = NULL;
    if (ringcache_config_new(&config) == 0 && ringcache_config_add_server(config, uri) == 0)
        ringcache_client_new(&client, uv_default_loop(), config);
    ringcache_config_free(config);
    return client;
}

int main(void)
{
    int failed = 0;
    const ringcache_mock_options options = {.kind = RINGCACHE_MOCK_MEMCACHED};
    const ringcache_mock_item greeting = {.value = {"hello", 5}};
    if (ringcache_mock_start(&mock, uv_default_loop(), &options) != 0)
        return 1;
    ringcache_client *client = open_client(ringcache_mock_uri(mock));
    if (client == NULL || ringcache_mock_put(mock, "greeting", 8, &greeting) != 0 ||
        ringcache_get(client, "greeting", 8, on_get, &failed) != 0)
        return 1;
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return uv_loop_close(uv_default_loop()) == 0 ? failed : 1;
}
