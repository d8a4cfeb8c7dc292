/* SPDX-License-Identifier: MIT */
/* Memory runs out in faultd's proxy, at every place where it can, while a client talks to an echo
 * server through it: a command says so or a connection ends, no byte is wrong, and in the end
 * nothing is left on the loop. The linker puts the functions below in the allocator's place; libuv
 * has its own. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pair.h"

enum { PATIENCE_MS = 20000 };

static const char wanted[] = "a1bcbcd2";

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* Allocations until one fails; 0: none does. */
static size_t until_failure;

static bool fails_now(void)
{
    return until_failure > 0 && --until_failure == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

/* A stream that keeps what it gets, and sends it back if it is the server's. */
struct talker {
    uv_tcp_t tcp; /* first: a handle is its talker */
    uv_connect_t connect;
    uv_write_t writes[16];
    size_t write_count, len;
    char bytes[64];
    bool echoes, open, ended;
};

struct scene {
    uv_loop_t loop;
    uv_timer_t patience;
    struct talker listener, server, client;
    struct pair *pair;
    bool short_of_memory, late;
    bool struck; /* an allocation failed */
};

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct talker *talker = (struct talker *)handle;
    (void)suggested;
    *buf = uv_buf_init(talker->bytes + talker->len, (unsigned)(sizeof talker->bytes - talker->len));
}

static void say(struct talker *talker, const char *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
    assert_true(talker->write_count < sizeof talker->writes / sizeof *talker->writes);
    uv_write(&talker->writes[talker->write_count++], (uv_stream_t *)&talker->tcp, &buf, 1, NULL);
}

static void on_bytes(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct talker *talker = (struct talker *)stream;
    if (count < 0) {
        talker->ended = true;
        uv_read_stop(stream);
        return;
    }
    talker->len += (size_t)count;
    if (talker->echoes)
        say(talker, buf->base, (size_t)count);
}

static void on_server(uv_stream_t *listener, int status)
{
    struct scene *scene = listener->data;
    assert_int_equal(status, 0);
    uv_tcp_init(&scene->loop, &scene->server.tcp);
    scene->server.open = scene->server.echoes = true;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&scene->server.tcp), 0);
    uv_read_start((uv_stream_t *)&scene->server.tcp, on_room, on_bytes);
}

static void on_client(uv_connect_t *connect, int status)
{
    struct talker *client = connect->data;
    if (status != 0) {
        client->ended = true;
        return;
    }
    uv_read_start((uv_stream_t *)&client->tcp, on_room, on_bytes);
    say(client, "abcd", 4);
}

static void on_late(uv_timer_t *timer)
{
    ((struct scene *)timer->data)->late = true;
}

static void order(struct scene *scene, const char *line)
{
    struct command *command = NULL;
    struct problem problem;
    if (command_parse(line, strlen(line), &command, &problem) != PARSED_COMMAND ||
        pair_command(scene->pair, command) == UV_ENOMEM)
        scene->short_of_memory = true;
    command_release(command);
}

static void connect_client(struct scene *scene)
{
    struct sockaddr_in here;
    uv_ip4_addr("127.0.0.1", (int)pair_port(scene->pair), &here);
    uv_tcp_init(&scene->loop, &scene->client.tcp);
    scene->client.open = true;
    scene->client.connect.data = &scene->client;
    assert_int_equal(uv_tcp_connect(&scene->client.connect, &scene->client.tcp,
                         (const struct sockaddr *)&here, on_client),
        0);
}

static void open_scene(struct scene *scene)
{
    struct pair_options options = {.name = "echo"};
    union stream *listener = (union stream *)&scene->listener.tcp;
    memset(scene, 0, sizeof *scene);
    assert_int_equal(uv_loop_init(&scene->loop), 0);
    uv_timer_init(&scene->loop, &scene->patience);
    scene->patience.data = scene;
    uv_timer_start(&scene->patience, on_late, PATIENCE_MS, 0);
    uv_tcp_init(&scene->loop, &scene->listener.tcp);
    scene->listener.tcp.data = scene;
    assert_int_equal(endpoint_parse("127.0.0.1:0", &options.listen), 0);
    options.server = options.listen;
    assert_int_equal(endpoint_listen(&options.server, listener, on_server), 0);
    if (pair_open(&scene->loop, &options, &scene->pair) != 0)
        scene->short_of_memory = true;
}

static void close_scene(struct scene *scene)
{
    pair_close(scene->pair);
    uv_close((uv_handle_t *)&scene->patience, NULL);
    uv_close((uv_handle_t *)&scene->listener.tcp, NULL);
    if (scene->server.open)
        uv_close((uv_handle_t *)&scene->server.tcp, NULL);
    if (scene->client.open)
        uv_close((uv_handle_t *)&scene->client.tcp, NULL);
    uv_run(&scene->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
}

/* True when memory was enough for all of it. A connection that could not even be begun is accepted
 * when somebody says so. */
static bool play(struct scene *scene, size_t failing)
{
    static const char *const lines[] = {
        "latency 1ms",
        "after 1 bytes down insert \"1\"",
        "after 1 bytes up duplicate 2",
        "after 6 bytes down insert \"2\"",
    };
    until_failure = failing;
    open_scene(scene);
    for (size_t i = 0; i < sizeof lines / sizeof *lines && !scene->short_of_memory; i++)
        order(scene, lines[i]);
    if (!scene->short_of_memory) {
        connect_client(scene);
        while (!scene->late && !scene->client.ended && scene->client.len < sizeof wanted - 1) {
            uv_run(&scene->loop, UV_RUN_ONCE);
            if (failing != 0 && until_failure == 0)
                order(scene, "accept");
        }
        assert_false(scene->late);
    }
    scene->struck = until_failure == 0;
    until_failure = 0;
    close_scene(scene);
    return !scene->short_of_memory && !scene->client.ended;
}

static void connections_end_or_wait_where_memory_runs_out(void **state)
{
    static struct scene scene;
    size_t failing = 1;
    (void)state;
    assert_true(play(&scene, 0));
    assert_int_equal(scene.client.len, sizeof wanted - 1);
    for (; !play(&scene, failing) || scene.struck; failing++)
        assert_memory_equal(scene.client.bytes, wanted, scene.client.len);
    assert_int_equal(scene.client.len, sizeof wanted - 1);
    assert_true(failing > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_end_or_wait_where_memory_runs_out),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
