/* SPDX-License-Identifier: MIT */
/* Back-pressure: submit until RINGCACHE_EBUSY, go on at RINGCACHE_EVENT_ROOM.
 * Usage: in_flight URI… */
#include <stdio.h>

#include <ringcache/ringcache.h>
#include <uv.h>

enum { TOTAL = 20000 };
struct work {
    unsigned next, stored, failed, pauses;
};

static void on_set(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct work *work = user;
    *(reply->status == RINGCACHE_OK ? &work->stored : &work->failed) += 1;
    if (work->stored + work->failed == TOTAL)
        ringcache_client_close(client, NULL, NULL);
}

static void submit_more(ringcache_client *client, struct work *work)
{
    int status = 0;
    while (status == 0 && work->next < TOTAL) {
        char key[32];
        int len = snprintf(key, sizeof key, "item:%u", work->next);
        status = ringcache_set(client, key, (size_t)len, key, (size_t)len, 0, on_set, work);
        work->next += status == 0;
    }
    work->pauses += status == RINGCACHE_EBUSY;
    if (status != 0 && status != RINGCACHE_EBUSY)
        ringcache_client_close(client, NULL, NULL);
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    if (event->type == RINGCACHE_EVENT_ROOM)
        submit_more(client, user);
}

int main(int argc, char **argv)
{
    ringcache_config *config = NULL;
    ringcache_client *client = NULL;
    struct work work = {0};
    int status = ringcache_config_new(&config);
    for (int i = 1; status == 0 && i < argc; i++)
        status = ringcache_config_add_server(config, argv[i]);
    if (status == 0 && (status = ringcache_config_set(config, "max_inflight", "64")) == 0)
        status = ringcache_client_new(&client, uv_default_loop(), config);
    ringcache_config_free(config);
    if (status != 0)
        return 1;
    ringcache_client_on_event(client, on_event, &work);
    submit_more(client, &work);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    printf("%u stored, %u failed, %u pauses\n", work.stored, work.failed, work.pauses);
    return uv_loop_close(uv_default_loop()) != 0 || work.stored != TOTAL;
}
