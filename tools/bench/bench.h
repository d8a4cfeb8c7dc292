/* SPDX-License-Identifier: MIT */
#ifndef BENCH_H
#define BENCH_H

/* One run: a driver does the same work as every other one, and what it cost is told. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "meter.h"

enum { SERVERS_MAX = 64, PIDS_MAX = SERVERS_MAX + 1, KEY_SIZE = 20, OPTIONS_MAX = 4 };

enum protocol { PROTOCOL_META, PROTOCOL_CLASSIC, PROTOCOL_REDIS };
enum op { OP_GET, OP_SET, OP_GET_MANY };

struct driver;

/* What is asked for, and checked already. */
struct plan {
    const struct driver *driver;
    enum protocol protocol;
    enum op op;
    uint32_t window; /* requests under way; of get_many: keys in one call, one call at a time */
    uint32_t ops;    /* keys; a multiple of `window` for get_many */
    uint32_t value_bytes;
    uint32_t keys;                    /* a multiple of `window` for get_many */
    const char *options[OPTIONS_MAX]; /* the driver's: NAME=VALUE */
    size_t option_count;
    bool filled;       /* store all keys before; without, a get has to fail */
    bool verify;       /* compare every byte, and read back what was set */
    size_t port_count; /* servers, all of them on 127.0.0.1 */
    uint32_t ports[SERVERS_MAX];
    size_t pid_count;
    uint32_t pids[PIDS_MAX]; /* whose processor time is the servers' */
};

extern const char *const protocol_names[], *const op_names[];

/* The options of a run. False, and told on stderr, when they are none. */
bool plan_parse(struct plan *plan, int argc, char **argv);

/* The ports of "PORT,PORT" or at the ends of URIs; the number of them, 0 when one is none. */
size_t parse_list(const char *text, uint32_t *numbers, size_t most);

/* Decimal digits alone, at most a thousand million; false for anything else. */
bool parse_number(const char *text, uint32_t *number);

enum { URI_SIZE = 64 };
void plan_uri(const struct plan *plan, size_t server, char uri[URI_SIZE]);

/* The keys, who owns them, and their values: the same in every driver. */
struct work {
    const struct plan *plan;
    char (*keys)[KEY_SIZE + 4];
    /* Random bytes; the value of a key begins at its number, so that no two begin alike. */
    unsigned char *pool;
    uint32_t *owners; /* by ringcache's ring, for drivers that have none */
};

/* False, and told on stderr, without memory. */
bool work_init(struct work *work, const struct plan *plan);
void work_deinit(struct work *work);

/* The number in a key. */
uint32_t key_number(const char *key);

/* One request, or one get_many, under way. */
struct flight {
    uint64_t begun_ns; /* 0: not sampled */
    uint32_t key;      /* the first of a get_many's */
    uint32_t pending;  /* for the driver */
    struct load *load;
};

/* `ops` requests, `window` of them under way at any time. */
struct load {
    const struct plan *plan;
    const struct work *work;
    enum op op;       /* the plan's */
    uint32_t version; /* of the values that are set or expected */
    uint32_t window;  /* flights */
    uint32_t step;    /* keys in one of them */
    uint32_t ops, begun, ended, next;
    uint32_t sample_mask, sampled;
    bool verify;
    char why[160]; /* it failed: the first reason */
    struct flight *flights;
    void *self; /* for the driver */
    struct histogram latency;
};

bool load_init(struct load *load, const struct work *work, const struct plan *plan, uint32_t ops);
void load_deinit(struct load *load);

/* The first failure counts; from then on nothing begins. */
void load_fail(struct load *load, const char *why);

static inline bool load_over(const struct load *load)
{
    return load->ended == load->ops || load->why[0] != '\0';
}

/* Choose the next key; false when there is none left. */
static inline bool load_begin(struct load *load, struct flight *flight)
{
    if (load->begun == load->ops || load->why[0] != '\0') {
        return false;
    }
    flight->key = load->next;
    load->begun += load->step;
    load->next += load->step;
    if (load->next == load->plan->keys) {
        load->next = 0;
    }
    flight->begun_ns = (load->sampled++ & load->sample_mask) == 0 ? now_ns() : 0;
    return true;
}

static inline void load_end(struct load *load, const struct flight *flight)
{
    load->ended += load->step;
    if (flight->begun_ns != 0) {
        histogram_add(&load->latency, now_ns() - flight->begun_ns);
    }
}

static inline const unsigned char *load_value(const struct load *load, uint32_t key)
{
    return load->work->pool + key + (size_t)load->version * load->plan->keys;
}

/* Is this the value of `key`? Its length and its first bytes tell; with `verify` every byte. A
 * failure is the load's. */
void load_check(struct load *load, uint32_t key, const void *value, size_t len);

/* A contender. Functions return false when they failed, which load_fail was told. */
struct driver {
    const char *name;
    const char *absent; /* not NULL: why it cannot run here */
    /* It takes options; this is the one that is verified. NULL: it takes none. */
    const char *option;
    /* Can it do this at all? */
    bool (*serves)(enum protocol protocol, enum op op);
    /* Connected when it returns. `*self` is set even on failure. */
    bool (*open)(struct load *load, void **self);
    /* What a program would have done long before; NULL: nothing. */
    bool (*prepare)(void *self, struct load *load);
    bool (*run)(void *self, struct load *load);
    void (*close)(void *self);
    /* A lookup alone; 0: it has no ring. */
    size_t ring_most; /* servers */
    void *(*ring_new)(size_t servers);
    size_t (*ring_locate)(const void *ring, const char *key);
    void (*ring_free)(void *ring);
};

/* Ends with NULL. */
extern const struct driver *const drivers[];

extern const struct driver ringcache_driver, floor_uv_driver, floor_epoll_driver,
    hiredis_async_driver, hiredis_sync_driver, libmemcached_driver;

struct result {
    double seconds;
    struct cost client;
    uint64_t server_ns;
    struct histogram latency;
    char why[160]; /* it failed */
};

/* Open, fill, warm up, measure, and close. */
bool run_plan(const struct plan *plan, struct result *result);

/* The commands; each returns an exit status. */
int command_load(int argc, char **argv);
int command_drivers(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_lookup(int argc, char **argv);
int command_join(int argc, char **argv);
int command_memory(int argc, char **argv);
int command_points(int argc, char **argv);

#endif
