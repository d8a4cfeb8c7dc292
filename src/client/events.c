/* SPDX-License-Identifier: MIT */
#include "client/client.h"

#include <string.h>

#include "base/alloc.h"

const char *ringcache_event_name(ringcache_event_type type)
{
    switch (type) {
    case RINGCACHE_EVENT_CONNECTING:
        return "connecting";
    case RINGCACHE_EVENT_UP:
        return "up";
    case RINGCACHE_EVENT_DOWN:
        return "down";
    case RINGCACHE_EVENT_EJECTED:
        return "ejected";
    case RINGCACHE_EVENT_READMITTED:
        return "readmitted";
    case RINGCACHE_EVENT_REMOVED:
        return "removed";
    case RINGCACHE_EVENT_RING_CHANGED:
        return "ring_changed";
    case RINGCACHE_EVENT_ROOM:
        return "room";
    case RINGCACHE_EVENT_JOURNAL_HALF:
        return "journal_half";
    case RINGCACHE_EVENT_JOURNAL_FULL:
        return "journal_full";
    case RINGCACHE_EVENT_HELD:
        return "held";
    case RINGCACHE_EVENT_RING_KEPT:
        return "ring_kept";
    }
    return "unknown";
}

struct rc_event_node *rc_event_new(
    ringcache_event_type type, const char *server, int reason, const char *text)
{
    size_t server_size = strlen(server) + 1, text_size = strlen(text) + 1;
    struct rc_event_node *node = rc_alloc(sizeof *node + server_size + text_size);
    if (node == NULL) {
        return NULL;
    }
    memcpy(node->texts, server, server_size);
    memcpy(node->texts + server_size, text, text_size);
    node->event = (ringcache_event){
        .type = type,
        .server = node->texts,
        .reason = reason,
        .text = node->texts + server_size,
    };
    rc_list_init(&node->link);
    return node;
}

void rc_event_queue(ringcache_client *client, struct rc_event_node *node)
{
    if (node == NULL || client->on_event == NULL) {
        rc_free(node); /* without a listener, or without memory, an event is lost */
        return;
    }
    node->event.ring_digest = client->table->digest;
    rc_list_append(&client->events, &node->link);
    rc_client_update_hold(client);
    if (!client->env.in_event) {
        rc_env_defer(&client->env);
    }
}

void rc_events_deliver(ringcache_client *client)
{
    struct rc_list batch;
    rc_list_init(&batch);
    rc_list_splice(&batch, &client->events);
    for (struct rc_list *first; (first = rc_list_first(&batch)) != NULL;) {
        struct rc_event_node *node = rc_container(first, struct rc_event_node, link);
        rc_list_remove(first);
        if (client->on_event != NULL) {
            client->on_event(client, &node->event, client->event_user);
        }
        rc_free(node);
    }
}

void rc_events_drop(ringcache_client *client)
{
    for (struct rc_list *first; (first = rc_list_first(&client->events)) != NULL;) {
        rc_list_remove(first);
        rc_free(rc_container(first, struct rc_event_node, link));
    }
}

void ringcache_client_on_event(ringcache_client *client, ringcache_event_cb cb, void *user)
{
    client->on_event = cb;
    client->event_user = user;
}
