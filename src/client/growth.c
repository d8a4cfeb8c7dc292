/* SPDX-License-Identifier: MIT */
#include "client/client.h"

#include "base/alloc.h"

/* Points of a ring that is built in the call: about 2 ms. */
enum { POINTS_IN_CALL = 1 << 16 };

/* A ring that is being built. Until that is done its thread has what stands here to itself, but for
 * the configuration, which neither changes; at last it is the thread's again, which frees the rings
 * that were in force. */
struct rc_build {
    struct rc_work work;
    ringcache_client *client; /* for the loop's thread, as is what follows `status` */
    ringcache_config *config;
    struct rc_rings before; /* in force */
    struct rc_rings rings;
    int status;
    bool done;
    struct rc_recruits recruits;
    struct rc_list events;
    struct rc_member_server *recruited[]; /* … its members */
};

static void drop_events(struct rc_list *events)
{
    for (struct rc_list *first; (first = rc_list_first(events)) != NULL;) {
        rc_list_remove(first);
        rc_free(rc_container(first, struct rc_event_node, link));
    }
}

static void build_free(struct rc_build *build)
{
    rc_rings_unref(&build->before);
    rc_rings_unref(&build->rings);
    ringcache_config_free(build->config);
    drop_events(&build->events);
    rc_free(build);
}

static struct rc_rings rings_in_force(const ringcache_client *client)
{
    const struct rc_table *table = client->table;
    return (struct rc_rings){table->owners.ring, table->spares.ring};
}

static void tell(ringcache_client *client, struct rc_list *events, int rc)
{
    for (struct rc_list *first; (first = rc_list_first(events)) != NULL;) {
        struct rc_event_node *node = rc_container(first, struct rc_event_node, link);
        rc_list_remove(first);
        if (rc < 0) {
            node->event.type = RINGCACHE_EVENT_RING_KEPT;
            node->event.reason = rc;
            node->event.text = ringcache_strerror(rc);
        }
        rc_event_queue(client, node);
    }
}

/* ---- in the loop's thread ---- */

/* Takes over `config`. */
static int change_now(ringcache_client *client, ringcache_config *config)
{
    const struct rc_rings before = rings_in_force(client);
    struct rc_recruits nobody = {.count = 0};
    struct rc_rings rings;
    int rc = rc_rings_new(&rings, config, &before);
    if (rc < 0) {
        ringcache_config_free(config);
        return rc;
    }
    return rc_members_install(client, config, &rings, &nobody);
}

static int install(struct rc_build *build)
{
    ringcache_config *config = build->config;
    struct rc_rings rings = build->rings;
    build->config = NULL;
    build->rings = (struct rc_rings){.owners = NULL};
    return rc_members_install(build->client, config, &rings, &build->recruits);
}

/* It is its thread's from here on. */
static void let_go(ringcache_client *client)
{
    struct rc_transport *transport = client->env.transport;
    rc_recruits_free(&client->growth.build->recruits);
    client->growth.build = NULL;
    transport->ops->drop_work(transport);
}

/* What came to nothing is part of what is next, and in force with it. */
static void conclude(ringcache_client *client, struct rc_list *events, int rc)
{
    struct rc_growth *growth = &client->growth;
    if (rc < 0 && growth->next != NULL) {
        rc_list_splice(events, &growth->events);
        rc_list_splice(&growth->events, events);
    } else {
        tell(client, events, rc);
    }
}

/* What was built is in force, or a step nearer to it. */
static void go_up(ringcache_client *client)
{
    struct rc_build *build = client->growth.build;
    int rc = build->status;
    if (rc == 0 && !rc_recruits_complete(&build->recruits)) {
        rc = rc_members_recruit(client, build->config, &build->recruits);
        if (rc == 0) {
            rc_env_defer(&client->env);
            return;
        }
    }
    rc = rc == 0 ? install(build) : rc;
    conclude(client, &build->events, rc);
    let_go(client);
}

/* ---- aside ---- */

static struct rc_build *build_of(struct rc_work *work)
{
    return rc_container(work, struct rc_build, work);
}

static void run(struct rc_work *work)
{
    struct rc_build *build = build_of(work);
    build->status = rc_rings_new(&build->rings, build->config, &build->before);
}

static void over(struct rc_work *work)
{
    build_free(build_of(work));
}

/* What is next is begun by the drain. */
static void done(struct rc_work *work)
{
    struct rc_build *build = build_of(work);
    ringcache_client *client = build->client;
    rc_env_enter(&client->env);
    build->done = true;
    go_up(client);
    rc_env_leave(&client->env);
}

/* Takes over `config` and `events`, unless it is false: there is no memory, or no thread. */
static bool begin(ringcache_client *client, ringcache_config *config, struct rc_list *events)
{
    struct rc_transport *transport = client->env.transport;
    size_t servers = rc_config_server_count(config);
    struct rc_build *build = rc_alloc_zeroed(1, sizeof *build + servers * sizeof *build->recruited);
    if (build == NULL) {
        return false;
    }
    const struct rc_rings before = rings_in_force(client);
    build->work = (struct rc_work){.run = run, .done = done, .over = over};
    build->client = client;
    build->config = config;
    build->before =
        (struct rc_rings){ringcache_ring_ref(before.owners), ringcache_ring_ref(before.spares)};
    build->recruits = (struct rc_recruits){.members = build->recruited, .count = servers};
    rc_list_init(&build->events);
    if (transport->ops->begin_work(transport, &build->work) < 0) {
        build->config = NULL;
        build_free(build);
        return false;
    }
    rc_list_splice(&build->events, events);
    client->growth.build = build;
    return true;
}

/* ---- what members.c asks for ---- */

void rc_growth_init(struct rc_growth *growth)
{
    *growth = (struct rc_growth){.build = NULL};
    rc_list_init(&growth->events);
}

const ringcache_config *rc_growth_newest(const ringcache_client *client)
{
    const struct rc_growth *growth = &client->growth;
    const ringcache_config *built = growth->build != NULL ? growth->build->config : client->config;
    return growth->next != NULL ? growth->next : built;
}

/* What is taken over of a large ring takes its time, too. */
static bool is_large(const ringcache_client *client, const ringcache_config *config)
{
    return rc_config_points(config) > POINTS_IN_CALL ||
           rc_config_points(client->config) > POINTS_IN_CALL;
}

int rc_growth_change(
    ringcache_client *client, ringcache_config *config, struct rc_event_node *event)
{
    struct rc_growth *growth = &client->growth;
    rc_list_append(&growth->events, &event->link);
    if (rc_growth_is_under_way(growth)) {
        ringcache_config_free(growth->next);
        growth->next = config;
        return 0;
    }
    if (is_large(client, config) && begin(client, config, &growth->events)) {
        rc_client_update_hold(client);
        return 0;
    }
    int rc = change_now(client, config);
    if (rc < 0) {
        drop_events(&growth->events);
        return rc;
    }
    tell(client, &growth->events, 0);
    rc_env_defer(&client->env); /* those that left may be free to go */
    return 0;
}

void rc_growth_go_on(ringcache_client *client)
{
    struct rc_growth *growth = &client->growth;
    if (growth->build != NULL && growth->build->done) {
        go_up(client);
    }
    ringcache_config *config = growth->next;
    if (config == NULL || growth->build != NULL) {
        return;
    }
    growth->next = NULL;
    if (!begin(client, config, &growth->events)) {
        tell(client, &growth->events, change_now(client, config));
    }
}

void rc_growth_close(ringcache_client *client)
{
    struct rc_growth *growth = &client->growth;
    if (growth->build != NULL) {
        let_go(client);
    }
    ringcache_config_free(growth->next);
    drop_events(&growth->events);
    rc_growth_init(growth);
}
