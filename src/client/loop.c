/* SPDX-License-Identifier: MIT */
/* The loop that a client owns, for a program that runs another one: its descriptor is watched
 * there, and a step takes the turns that are due.
 *
 * The client ends within a turn of this loop, so neither can be freed there: the turn notes that
 * the client has stopped, and the step that finds nothing left on the loop frees both. */
#include "client/client.h"

#include "base/alloc.h"

/* What a turn's callbacks submit is written by the one behind it. */
enum { TURNS = 2 };

int rc_loop_new(uv_loop_t **loop)
{
    uv_loop_t *l = rc_alloc(sizeof *l);
    if (l == NULL) {
        return RINGCACHE_ENOMEM;
    }
    int rc = uv_loop_init(l);
    if (rc < 0) {
        rc_free(l);
        return rc;
    }
    *loop = l;
    return 0;
}

void rc_loop_free(uv_loop_t *loop)
{
    if (loop != NULL) {
        uv_run(loop, UV_RUN_DEFAULT); /* lets handles go whose closing has begun */
        uv_loop_close(loop);
        rc_free(loop);
    }
}

static int refuse_lent(ringcache_client *client)
{
    return rc_client_refuse(client, RINGCACHE_EINVAL, "the client is on a loop of the program's");
}

int ringcache_loop_fd(ringcache_client *client)
{
    return client->own_loop != NULL ? uv_backend_fd(client->own_loop) : refuse_lent(client);
}

/* What the timer was set for may have been disarmed since; a sleep for nothing is not for long
 * where the loop is libuv's alone, but here a program is told about it. */
static void forget_disarmed(struct rc_env *env)
{
    env->wake_ms = rc_wheel_next(&env->wheel);
    env->transport->ops->wake_at(env->transport, env->wake_ms);
}

/* libuv counts from the loop's time, which stood still since the last step. */
int ringcache_loop_timeout_ms(ringcache_client *client)
{
    if (client->own_loop == NULL) {
        return refuse_lent(client);
    }
    if (!client->stopped) {
        forget_disarmed(&client->env);
    }
    uv_update_time(client->own_loop);
    return uv_backend_timeout(client->own_loop);
}

int ringcache_loop_step(ringcache_client *client)
{
    uv_loop_t *loop = client->own_loop;
    if (loop == NULL) {
        return refuse_lent(client);
    }
    if (client->stepping) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "a step within a step");
    }
    client->stepping = true;
    int turns = 0;
    do {
        uv_update_time(loop); /* not every libuv does before it polls */
        uv_run(loop, UV_RUN_NOWAIT);
    } while (++turns < TURNS && uv_backend_timeout(loop) == 0);
    if (client->stopped && !uv_loop_alive(loop)) {
        rc_client_end(client);
        return 1;
    }
    client->stepping = false;
    return 0;
}
