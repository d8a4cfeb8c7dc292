/* SPDX-License-Identifier: MIT */
/* ringcache inside GLib, and so inside GTK: a source that asks the client how long it may sleep.
 * Usage: glib URI… */
#include "open.h"
#include <glib.h>

struct source {
    GSource base;
    ringcache_client *client;
    GMainLoop *loop;
    int result;
};

static gboolean may_not_sleep(GSource *base, int *timeout_ms)
{
    *timeout_ms = ringcache_loop_timeout_ms(((struct source *)base)->client);
    return *timeout_ms == 0;
}

/* GLib itself looks at the descriptor; this is for the time. */
static gboolean is_due(GSource *base)
{
    return ringcache_loop_timeout_ms(((struct source *)base)->client) == 0;
}

static gboolean step(GSource *base, GSourceFunc unused, void *user)
{
    struct source *source = (struct source *)base;
    (void)unused, (void)user;
    int gone = ringcache_loop_step(source->client);
    if (gone)
        g_main_loop_quit(source->loop);
    return gone ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void on_set(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    ((struct source *)user)->result = reply->status != RINGCACHE_OK;
    g_print("set: %s\n", ringcache_strerror(reply->status));
    ringcache_client_close(client, NULL, NULL);
}

int main(int argc, char **argv)
{
    static GSourceFuncs kind = {.prepare = may_not_sleep, .check = is_due, .dispatch = step};
    ringcache_client *client = open_client(argc, argv, NULL);
    struct source *source = (struct source *)g_source_new(&kind, sizeof *source);
    source->client = client;
    source->loop = g_main_loop_new(NULL, FALSE);
    source->result = 1;
    g_source_add_unix_fd(&source->base, ringcache_loop_fd(client), G_IO_IN);
    g_source_attach(&source->base, NULL);
    if (ringcache_set(client, "greeting", 8, "hello, glib", 11, 0, on_set, source) != 0)
        ringcache_client_close(client, NULL, NULL);
    g_main_loop_run(source->loop);
    int result = source->result;
    g_main_loop_unref(source->loop);
    g_source_unref(&source->base);
    return result;
}
