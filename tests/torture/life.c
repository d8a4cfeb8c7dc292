/* SPDX-License-Identifier: MIT */
#include "life.h"

#include <stdio.h>

enum { ANSWERS_MS = 500, END_MS = 5000 };

/* ---- requests ---- */

struct ticket {
    struct life *life;
    unsigned place;
};

void *life_ticket(struct life *life)
{
    static struct ticket tickets[LIFE_CALLS_MAX];
    assert_true(life->accepted < LIFE_CALLS_MAX);
    tickets[life->accepted] = (struct ticket){life, life->accepted};
    return &tickets[life->accepted];
}

static bool may_end_with(const struct life *life, int status)
{
    switch ((ringcache_status)status) {
    case RINGCACHE_OK:
    case RINGCACHE_MISS:
    case RINGCACHE_NOT_STORED:
    case RINGCACHE_EXISTS:
        return true;
    case RINGCACHE_ENOMEM:
    case RINGCACHE_ETIMEDOUT:
    case RINGCACHE_ECANCELED:
    case RINGCACHE_ETOOBIG:
    case RINGCACHE_ECONNECT:
        return !life->recovering;
    case RINGCACHE_EPROTOCOL:
    case RINGCACHE_EDOWN:
    case RINGCACHE_ESERVER: /* of a Redis that refuses */
        return !life->recovering && life->outages;
    case RINGCACHE_EINVAL:
    case RINGCACHE_ECLOSING:
    case RINGCACHE_EBUSY:
    case RINGCACHE_ENOSERVER:
    case RINGCACHE_EAUTH:
    case RINGCACHE_ETLS:
    case RINGCACHE_ENOTSUP:
    case RINGCACHE_ECONFIG:
        break;
    }
    return false;
}

void life_judge(const struct life *life, const ringcache_reply *reply)
{
    if (!may_end_with(life, reply->status)) {
        fail_msg("a request %s ended with %s: %s", life->recovering ? "of the recovery" : "",
            ringcache_err_name(reply->status), reply->message);
    }
    if (reply->status == RINGCACHE_OK) {
        ringcache_value_unref(ringcache_value_ref(reply));
    }
}

void life_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    const struct ticket *ticket = user;
    struct life *life = ticket->life;
    assert_ptr_equal(client, life->client);
    assert_int_equal(life->closed, 0);
    life->calls[ticket->place]++;
    life->answered++;
    life_judge(life, reply);
}

void life_asked(struct life *life, int rc)
{
    if (rc == 0) {
        life->accepted++;
        return;
    }
    const char *why = ringcache_client_error(life->client);
    if (life->recovering) {
        fail_msg("refused when nothing fails any more: %s", why);
    }
    if (rc == RINGCACHE_EBUSY) {
        life->wants_room = true;
    } else if (rc == RINGCACHE_ETOOBIG) {
        assert_string_equal(why, rc_server_too_big);
    } else {
        assert_int_equal(rc, RINGCACHE_ENOMEM);
        assert_string_equal(why, "out of memory");
    }
}

bool life_did(const struct life *life, int rc)
{
    if (rc != 0 && (rc != RINGCACHE_ENOMEM || life->recovering)) {
        fail_msg("%s: %s", ringcache_err_name(rc), ringcache_client_error(life->client));
    }
    return rc == 0;
}

void life_run(struct life *life, unsigned ms)
{
    sim_run_for(life->sim, ms);
}

/* ---- beginning ---- */

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct life *life = user;
    bool held = event->reason == RINGCACHE_EDOWN; /* there was no memory to note what was lost */
    bool blamed = event->type == RINGCACHE_EVENT_DOWN || event->type == RINGCACHE_EVENT_EJECTED;
    if (blamed && !held && (!life->outages || event->reason == RINGCACHE_ENOMEM)) {
        fail_msg("%s was blamed for trouble of our own: %s", event->server, event->text);
    }
    life->wants_room = life->wants_room && event->type != RINGCACHE_EVENT_ROOM;
    ringcache_ring_unref(ringcache_client_ring(client));
}

static int set_options(const struct life *life, ringcache_config *config)
{
    static const char memcached[] = "memcached://user:secret@10.0.0.1:11211";
    static const char redis[] = "redis://user:secret@10.0.0.2:6379/1";
    int rc = 0;
    for (const char *const *option = life->scenario->options; rc == 0 && *option != NULL;
         option += 2) {
        rc = ringcache_config_set(config, option[0], option[1]);
    }
    if (rc == 0 && life->memcached != NULL) {
        rc = ringcache_config_add_server(config, memcached);
    }
    return rc == 0 ? ringcache_config_add_server(config, redis) : rc;
}

int life_config(const struct life *life, ringcache_config **config)
{
    int rc = ringcache_config_new(config);
    if (rc == 0) {
        rc = set_options(life, *config);
        if (rc < 0) {
            ringcache_config_free(*config);
        }
    }
    if (rc != 0 && rc != RINGCACHE_ENOMEM) {
        fail_msg("%s", ringcache_err_name(rc));
    }
    return rc;
}

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

static bool begin(struct life *life)
{
    ringcache_config *config;
    int rc = life_config(life, &config);
    if (rc == 0) {
        struct rc_transport *transport = sim_client_transport(life->host);
        rc = rc_client_new(&life->client, transport, transport_stays, config);
        ringcache_config_free(config);
    }
    if (rc != 0) {
        assert_int_equal(rc, RINGCACHE_ENOMEM);
        return false;
    }
    ringcache_client_on_event(life->client, on_event, life);
    return true;
}

static void make_servers(struct life *life)
{
    const struct scenario *scenario = life->scenario;
    life->redis = sim_server_add(life->sim, "10.0.0.2", 6379, ENGINE_REDIS);
    engine_set_password(sim_server_engine(life->redis), "user", "secret");
    if (scenario->redis_alone) {
        return;
    }
    life->memcached = sim_server_add(life->sim, "10.0.0.1", 11211, ENGINE_MEMCACHED);
    struct engine *engine = sim_server_engine(life->memcached);
    engine_set_password(engine, "user", "secret");
    engine_set_max_item(engine, LIFE_ITEM_MAX_BYTES);
    if (scenario->memcached != NULL) {
        engine_set_version(engine, scenario->memcached);
    }
}

/* ---- end ---- */

static void check_all_answered(const struct life *life)
{
    assert_int_equal(life->answered, life->accepted);
    assert_int_equal(life->open, 0);
    assert_int_equal(life->returned, life->lent);
    assert_int_equal(life->ran, life->posted);
    for (unsigned i = 0; i < life->accepted; i++) {
        assert_int_equal(life->calls[i], 1);
    }
}

/* What was lost without memory to note it: nothing here is read for its value. */
static void readmit(struct life *life)
{
    (void)ringcache_server_readmit(life->client, "10.0.0.2:6379", RINGCACHE_READMIT_AS_IT_IS);
    life_run(life, 100);
}

/* With nothing failing any more, everything works. */
static void recover(struct life *life, unsigned ms)
{
    life_run(life, ms);
    check_all_answered(life);
    readmit(life);
    life->recovering = true;
    life->scenario->ask(life);
    life_run(life, ANSWERS_MS);
    check_all_answered(life);
    assert_false(life->wants_room);
    life->recovering = false;
}

static void on_close(ringcache_client *client, void *user)
{
    struct life *life = user;
    assert_ptr_equal(client, life->client);
    life->closed++;
}

static void finish(struct life *life)
{
    ringcache_client_close(life->client, on_close, life);
    assert_true(sim_run_idle(life->sim, END_MS));
    assert_int_equal(life->closed, 1);
    check_all_answered(life);
}

void life_lead(const struct scenario *scenario, const struct life_failures *failures, bool recovers)
{
    struct life life = {.scenario = scenario, .outages = scenario->outages || failures->outages};
    struct sim_options options = sim_options(1);
    life.sim = sim_new(&options);
    life.host = sim_client_new(life.sim);
    make_servers(&life);
    failures->begin(&life);
    if (begin(&life)) {
        if (scenario->go != NULL) {
            scenario->go(&life);
        } else {
            scenario->ask(&life);
            life_run(&life, 300);
        }
        if (recovers) {
            failures->end();
            recover(&life, failures->recovery_ms);
        }
        finish(&life);
    }
    failures->end();
    assert_int_equal(sim_client_streams(life.host), 0);
    sim_free(life.sim);
}
