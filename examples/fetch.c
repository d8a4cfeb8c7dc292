/* SPDX-License-Identifier: MIT */
/* Twenty ask for what the cache may not have, at most one loads it.  Usage: fetch URI… */
#include <stdio.h>
#include <string.h>

#include <ringcache/ringcache.h>
#include <uv.h>

enum { CALLERS = 20 };

static unsigned answered, loaded;

/* Here a database would be asked, and the load be done when it has answered. */
static void load(ringcache_client *client, ringcache_load *load, void *user)
{
    static const char page[] = "made by the loader";
    (void)client;
    (void)user;
    loaded++;
    ringcache_load_done(load, page, strlen(page), 60 * 1000);
}

static void on_page(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)user;
    if (reply->status != RINGCACHE_OK)
        fprintf(stderr, "fetch: %s %s\n", ringcache_strerror(reply->status), reply->message);
    if (++answered == CALLERS)
        ringcache_client_close(client, NULL, NULL);
}

int main(int argc, char **argv)
{
    ringcache_config *config = NULL;
    ringcache_client *client = NULL;
    int status = ringcache_config_new(&config);
    for (int i = 1; status == 0 && i < argc; i++)
        status = ringcache_config_add_server(config, argv[i]);
    if (status == 0)
        status = ringcache_config_set(config, "leases", "yes");
    if (status == 0)
        status = ringcache_client_new(&client, uv_default_loop(), config);
    if (status != 0)
        fprintf(stderr, "fetch: %s\n", config ? ringcache_config_error(config) : "out of memory");
    ringcache_config_free(config);
    if (client == NULL)
        return 1;

    /* A page is fresh for the minute that the loader says, and shown for ten more while another is
     * being made. */
    const ringcache_fetch_request page = {
        .key = {"page:front", 10}, .loader = load, .stale_ms = 10 * 60 * 1000};
    for (int i = 0; status == 0 && i < CALLERS; i++)
        status = ringcache_fetch(client, &page, on_page, NULL, NULL);
    if (status != 0)
        ringcache_client_close(client, NULL, NULL);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    printf("%u asked, %u loaded\n", answered, loaded);
    return uv_loop_close(uv_default_loop()) == 0 && loaded <= 1 ? 0 : 1;
}
