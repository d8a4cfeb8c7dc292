/* SPDX-License-Identifier: MIT */
/* Servers join and leave at run time: starts with the first, adds the others one by one, then
 * removes the first, and prints what it hears.  Usage: membership URI URI… */
#include <inttypes.h>
#include <stdio.h>

#include <ringcache/ringcache.h>
#include <uv.h>

struct plan {
    char **next; /* URIs still to add */
    int leaving, result;
};

/* The next step: one more server joins, or the first one leaves. */
static void step(ringcache_client *client, struct plan *plan)
{
    int status;
    ringcache_ring *ring = ringcache_client_ring(client);
    plan->leaving = *plan->next == NULL;
    if (plan->leaving)
        status = ringcache_server_remove(client, ringcache_ring_server_name(ring, 0));
    else
        status = ringcache_server_add(client, *plan->next++);
    ringcache_ring_unref(ring);
    if (status != 0)
        ringcache_client_close(client, NULL, NULL);
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct plan *plan = user;
    printf("%s %s %016" PRIx64 "\n", ringcache_event_name(event->type), event->server,
        event->ring_digest);
    if (event->type == RINGCACHE_EVENT_RING_CHANGED && !plan->leaving) {
        step(client, plan);
    } else if (event->type == RINGCACHE_EVENT_REMOVED) {
        plan->result = 0;
        ringcache_client_close(client, NULL, NULL);
    }
}
int main(int argc, char **argv)
{
    ringcache_config *config = NULL;
    ringcache_client *client = NULL;
    struct plan plan = {.next = argv + 2, .result = 1};
    int status = argc < 3 ? RINGCACHE_EINVAL : ringcache_config_new(&config);
    if (status == 0)
        status = ringcache_config_add_server(config, argv[1]);
    if (status == 0)
        status = ringcache_client_new(&client, uv_default_loop(), config);
    ringcache_config_free(config);
    if (status != 0)
        return 1;
    ringcache_client_on_event(client, on_event, &plan);
    ringcache_client_ref(client); /* events alone do not keep the loop running */
    step(client, &plan);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return uv_loop_close(uv_default_loop()) == 0 ? plan.result : 1;
}
