/* SPDX-License-Identifier: MIT */
#ifndef CLIENT_STORM_H
#define CLIENT_STORM_H

/* A seeded storm over several clients of the same servers: random requests of every operation,
 * random changes of the ring, random faults, and a history of every key against which each answer
 * is judged, whoever of them wrote.
 *
 *     storm.c            the world: its servers, who owns what, what they hold
 *     storm_run.c        its moves in rounds, the calm behind them
 *     storm_shrink.c     which of them a failure needs
 *     storm_client.c     one client: the one way in and out of all its requests
 *     storm_moves.c      what is asked at random, and what changes the ring
 *     storm_history.c    keys whose values tell which writes they are made of
 *     storm_counters.c   counters whose sum tells which steps were applied
 *     storm_many.c       many of them in one call
 *     storm_slow.c       updates and fetches of them, which take several requests
 *     storm_locks.c      locks, which only one may hold
 *     storm_words.c      questions to one server and flushes of it, and Redis' own commands
 *     storm_faults.c     what goes wrong
 *     storm_memory.c     memory that runs out
 *
 * An `epoch` of a key is a stretch in which its owner neither changed nor lost its items; nothing
 * is claimed across two of them. All clients change their rings at the same moment. */

#include "ringcache/shared.h"
#include "world.h"

enum {
    STORM_CLIENTS = 4,
    STORM_SERVERS = 5,
    STORM_KEYS = 16,
    STORM_LOADED = 4, /* of the keys */
    STORM_COUNTERS = 4,
    STORM_LOCKS = 3,
    STORM_LOADS = 64,     /* at a time */
    STORM_STEPS = 30,     /* per life of a counter */
    STORM_WRITES = 256,   /* per key; a key that was written so often is only read from there on */
    STORM_PENDING = 1024, /* requests at a time */
    STORM_DEPARTED = 256,
    STORM_MANYS = 4, /* ringcache_get_many at a time */
    STORM_VALUE_MAX = 30000,
    STORM_MOVES = 12288, /* at most */
};

/* A server with a name has two. */
#define STORM_ADDRESS "10.0.0.1"
#define STORM_SECOND_ADDRESS "10.0.0.2"

enum storm_fate {
    STORM_PENDING_WRITE,
    STORM_DONE,
    STORM_DENIED, /* had no effect: its condition did not hold, or it failed and was not applied */
    STORM_DOUBTFUL, /* failed, and may have been applied */
};

struct storm_write {
    ringcache_op op;
    enum storm_fate fate;
    unsigned by; /* which client */
    uint32_t epoch;
    uint32_t len;      /* of its piece of the value */
    uint64_t asked_at; /* by storm->ticks */
    uint64_t acked_at; /* by storm->ticks; 0: never */
    uint64_t lost_at;  /* … its server could not be told, or did not answer; 0: not so */
    uint64_t ended_at; /* … its callback ran; 0: it has not */
    bool told;         /* … and those who share were told of it by then */
    bool swept;        /* the journal may delete what is there on its behalf, at any time */
    bool fleeting;     /* the item may expire before the storm is over */
    bool slow;         /* it takes several requests: a later one may overtake it */
    bool loaded;       /* made by a loader */
};

/* What was certain of a key when somebody asked. */
struct storm_past {
    /* Of each client the newest acknowledged write that replaced or removed all; 0: none. */
    uint32_t floors[STORM_CLIENTS];
    uint64_t settled_from; /* of all those writes, the latest moment that one was submitted */
    uint64_t at;           /* by storm->ticks */
};

struct storm_key {
    char name[16];
    bool loaded;  /* by those who fetch it */
    size_t owner; /* STORM_SERVERS: none */
    uint32_t epoch;
    struct storm_past past; /* but for `at` */
    uint32_t changed;       /* the newest acknowledged write that changed the value; 0: none */
    uint32_t written;       /* how many there are */
    struct storm_write writes[STORM_WRITES + 1];
    /* The last CAS token that was read. */
    uint64_t cas;
    uint32_t cas_epoch; /* in which; 0: there is none */
    uint32_t cas_as_of; /* writes up to here were submitted before it was told */
};

struct storm_step {
    enum storm_fate fate;
    uint64_t acked_at;
    uint64_t denied_at; /* taken back by then, by storm->ticks; 0: never done */
    bool down;
};

struct storm_counter {
    char name[24];
    size_t owner;
    uint32_t life; /* a new one, under a new name, begins where an epoch of a key would */
    uint32_t step_count;
    struct storm_step steps[STORM_STEPS];
    uint64_t known_at;     /* by storm->ticks: it exists; 0: nobody said so */
    bool beyond;           /* a sum beyond the range may not have been taken back yet */
    uint64_t beyond_until; /* … until then, by storm->ticks */
    bool was_beyond;       /* … at any time of this life */
    bool swept;            /* a step failed: the journal is going to delete it */
};

struct storm_lock {
    char name[16];
    size_t owner;
    uint32_t epoch;
    bool held;
    unsigned by; /* which client */
    uint64_t token;
};

struct storm_load {
    struct storm_client *client;
    struct storm_key *key;
    uint32_t number; /* of what it makes */
    ringcache_load *load;
};

struct storm_server {
    struct storm *storm;
    struct sim_server *sim;
    char name[32];
    char uri[64], turned_uri[64]; /* as it is, and a spare as an owner or the other way round */
    char host[16];                /* "": the URI has an address */
    bool redis, classic, dead, stopped;
    uint64_t flushes; /* commands to flush that reached it */
    uint64_t left_at; /* … all rings, last; by storm->ticks; 0: never */
};

struct storm;
struct storm_client;
struct storm_many;

/* A value that is lent. */
struct storm_loan {
    struct storm_client *client;
    size_t len;
    char bytes[];
};

struct storm_request {
    struct storm *storm;
    struct storm_client *client;
    struct storm_key *key;         /* or NULL */
    struct storm_counter *counter; /* or NULL */
    struct storm_lock *lock;       /* or NULL */
    struct storm_many *many;       /* of which it is one key; or NULL */
    /* How it is asked; NULL: by ringcache_submit. */
    int (*call)(struct storm_request *r, const ringcache_request *request);
    struct storm_loan *loan;      /* until it is accepted */
    ringcache_op op;              /* or the one whose answers it may have */
    bool slow;                    /* an update or a fetch: several requests */
    bool doubted;                 /* sent although its key was in doubt to its client */
    struct storm_server *flushed; /* or NULL */
    uint64_t flushes;             /* that had reached it when this one was submitted */
    uint64_t token;               /* of a lock */
    uint32_t options;
    size_t owner; /* when it was submitted */
    ringcache_id id;
    uint32_t number;        /* of a write; of a counter's step, from 1 on */
    uint32_t epoch;         /* of the key when it was submitted; of a counter the life */
    uint32_t changed;       /* of the key */
    struct storm_past past; /* of the key; of a counter and a ping the moment alone */
    uint32_t cas_epoch;     /* of the token that a CAS carries; 0: a made-up one */
    uint32_t cas_as_of;     /* of that token */
    uint64_t deadline_ms;
    uint64_t blocked_before_ms; /* storm->blocked_ms when its turn began */
    size_t place;               /* in client->pending */
};

/* What a seed draws from. */
struct storm_rules {
    uint64_t fury; /* faults in a hundred moves */
    bool corrupt;  /* replies are lost, doubled, replaced */
    bool strict;   /* integrity=strict */
    bool unproven; /* our own kernel gives connections up: a minute's wait follows */
    bool lawless;  /* faults that break what a server promises: the history is not judged */
    bool blocks;   /* the loop is late now and then */
    bool members;  /* servers come and go */
    bool early;    /* closed in the middle */
    bool shares;   /* equal gets are one */
    bool merges;   /* gets that leave together are one command */
    bool few;      /* … however few they are */
    bool leases;
    bool starves; /* allocations fail */
    bool journal; /* what was written in vain is deleted later */
    bool doubts;  /* … and an old connection that does not answer is soon waited for no more */
    bool joint;   /* the clients tell each other what they lose */
    bool narrow;  /* the journal holds three keys */
    bool diverts; /* failover=remap, or with spares gutter */
    unsigned spares;
    unsigned clients;
};

/* What one program knows of its client. */
struct storm_client {
    struct storm *storm;
    struct sim_client *host;
    ringcache_client *client;
    struct storm_request *pending[STORM_PENDING];
    size_t pending_count;
    /* The last reads that were given up; what they began may still answer later ones. */
    struct storm_request departed[STORM_DEPARTED];
    size_t departed_count; /* in all */
    struct storm_many *manys[STORM_MANYS];
    size_t many_count;
    uint64_t accepted, answered, succeeded, refused;
    uint64_t requests; /* accepted, each key of many */
    uint64_t posted, ran;
    uint64_t lent, returned;
    unsigned closed;
    bool closing;
    bool room_is_owed; /* RINGCACHE_EBUSY was said, RINGCACHE_EVENT_ROOM not yet */
};

/* Which moves are made: all, unless some are left out to find those that a failure needs. */
struct storm_plan {
    bool out[STORM_MOVES];
    bool calm_callbacks;    /* nothing is done in callbacks */
    struct rc_slice script; /* what is drawn first, before the seed's numbers; borrowed */
};

struct storm_result {
    uint64_t trace;    /* the world's hash of all that happened */
    uint64_t requests; /* each key of many is one */
};

struct storm {
    struct sim *sim;
    const struct storm_plan *plan;
    uint64_t seed, random;
    struct rc_slice script; /* what is left of it */
    size_t moves;           /* made or left out so far */
    struct storm_rules rules;
    uint32_t timeout_ms;
    struct storm_client clients[STORM_CLIENTS];
    ringcache_shared *shared; /* of all clients, or NULL */
    struct storm_server servers[STORM_SERVERS];
    size_t server_count;
    struct storm_key keys[STORM_KEYS];
    struct storm_counter counters[STORM_COUNTERS];
    struct storm_lock locks[STORM_LOCKS];
    struct storm_load loads[STORM_LOADS];
    size_t load_count;
    uint64_t ticks; /* 1, and one for every acknowledgement */
    uint64_t blocked_until_ms;
    uint64_t blocked_ms;         /* in all */
    uint64_t blocked_earlier_ms; /* … before the turn at blocked_at_ms */
    uint64_t blocked_at_ms;
    bool in_call, calm;
    bool tells; /* what happens, line by line */
    char value[STORM_VALUE_MAX + 64];
};

/* Begin, rage, calm down and end; fails the test. */
struct storm_result storm_run(uint64_t seed, const struct storm_plan *plan);
struct storm *storm_new(uint64_t seed, const struct storm_plan *plan);
void storm_free(struct storm *storm);
uint64_t storm_draw(struct storm *storm, uint64_t below);
/* Draw from that stream of the seed's from now on. */
void storm_draw_from(struct storm *storm, uint64_t stream);
/* Can a journal miss a write? Then any item may go. */
bool storm_may_overflow(const struct storm *storm);
/* … or is what one client wrote from before the server joined again to another one? */
bool storm_may_miss(const struct storm *storm, size_t owner);
/* Fails the test, and names the seed. */
void storm_fail(const struct storm *storm, const char *what, const char *of);

/* What happens, for the eyes of whoever reruns a seed. */
void storm_tell(const struct storm *storm, const char *who, const char *what, int64_t number);

/* One of those that are not being closed, or NULL. */
struct storm_client *storm_any_client(struct storm *storm);
size_t storm_owner_of(const struct storm *storm, const char *key);
bool storm_is_member(const struct storm *storm, const struct storm_server *server);

/* One client. */
void storm_client_begin(struct storm *storm, struct storm_client *c, ringcache_config *config);
void storm_client_close(struct storm_client *c);
/* Once the world is idle. */
void storm_client_check_end(const struct storm_client *c);
/* The way in: `r` is taken over. All zero but for its key or counter, which its file filled in. */
void storm_submit(struct storm_request *r, const ringcache_request *request);
/* Let a request lend a copy of its value. */
void storm_lend(struct storm_request *r, ringcache_request *request);
/* Note when a request is due, had it been submitted now. */
void storm_note_deadline(struct storm_request *r, uint32_t timeout_ms);
void storm_on_reply(ringcache_client *client, const ringcache_reply *reply, void *user);
/* Fails unless this is the moment for a callback of that client's. */
void storm_must_be_due(const struct storm_client *c, const ringcache_client *client, bool due);
/* Judge one answer by all that is known, but for whether it is the first. */
void storm_judge(struct storm_request *r, const ringcache_reply *reply);
/* What a program does in a callback besides. */
void storm_act(struct storm_client *c);
struct storm_request *storm_request_new(struct storm_client *c);
/* 0: the client's own. */
uint32_t storm_draw_timeout(struct storm *storm);
void storm_post(struct storm_client *c);
void storm_cancel(struct storm_client *c);

/* Each is one move; what the client refuses is no failure. */
void storm_ask(struct storm_client *c);
void storm_change_members(struct storm *storm);

/* Keys. */
void storm_ask_key(struct storm_client *c, struct storm_key *key, ringcache_op op);
ringcache_op storm_draw_op(struct storm *storm, const struct storm_key *key);
/* The answer of a get may be that of an older, equal one: then less was certain. */
void storm_share_past(struct storm_request *r);
/* A read ended with that status. */
void storm_note_departed(const struct storm_request *r, int status);
/* `other`, if its answer may be that of `r`, and less was certain than for `oldest` (or NULL). A
 * key that was flushed meanwhile began a new epoch, and is the same key. */
const struct storm_request *storm_older_read(const struct storm_request *r,
    const struct storm_request *oldest, const struct storm_request *other);
/* What a read has to know, as of now. */
void storm_key_note(struct storm_request *r, struct storm_key *key);
void storm_key_begin_epoch(struct storm_key *key);
void storm_key_refused(const struct storm_request *r);
void storm_key_judge(struct storm_request *r, const ringcache_reply *reply);
/* A write of that client's, as of now, and the piece it puts into the value. */
uint32_t storm_key_begin_write(struct storm_client *c, struct storm_key *key, ringcache_op op);
void storm_key_draw_piece(struct storm *storm, struct storm_key *key, uint32_t number, bool large);
/* Valid until the next one is made. */
ringcache_slice storm_key_piece(struct storm *storm, const struct storm_key *key, uint32_t number);
/* What an update finds. */
void storm_key_judge_seen(const struct storm_request *r, const ringcache_reply *now);
/* What `value` says that it must not, or NULL. */
const char *storm_key_wrong(const struct storm_key *key, const char *value, size_t len);

/* What is asked in several requests, or in other words. */
void storm_update(struct storm_client *c, struct storm_key *key);
void storm_fetch(struct storm_client *c, struct storm_key *key);
void storm_end_load(struct storm *storm, size_t which);
void storm_ask_lock(struct storm_client *c, struct storm_lock *lock);
void storm_lock_judge(struct storm_request *r, const ringcache_reply *reply);
void storm_lock_begin_epoch(struct storm_lock *lock);
void storm_ask_server(struct storm_client *c);
void storm_flush_judge(const struct storm_request *r, const ringcache_reply *reply);
/* The log of a storm_server's engine. */
void storm_hear_command(void *owner, const struct engine_command *command);
/* On a Redis now and then by a command in the caller's own words. */
void storm_phrase(struct storm_request *r, const ringcache_request *request);

/* Counters. */
void storm_ask_counter(struct storm_client *c, struct storm_counter *counter);
void storm_read_counter(struct storm_client *c, struct storm_counter *counter);
void storm_counter_note(struct storm_request *r, struct storm_counter *counter);
void storm_counter_begin(struct storm *storm, struct storm_counter *counter);
void storm_counter_refused(const struct storm_request *r);
void storm_counter_judge(struct storm_request *r, const ringcache_reply *reply);
const char *storm_counter_wrong(const struct storm_counter *counter, const char *value);

/* Many at once; with `all`, every key and counter once. */
void storm_ask_many(struct storm_client *c, bool all);
/* The oldest read of that key and client in any of them; or NULL. */
const struct storm_request *storm_many_oldest_read(const struct storm_request *r);

/* One random fault; and the end of all faults of one server, or of everything. */
void storm_fault(struct storm *storm);
void storm_heal(struct storm *storm, struct storm_server *server);
void storm_heal_all(struct storm *storm);

/* From now on one allocation of the library in `every` fails, by chance; 0: none. */
void storm_starve(struct storm *storm, uint64_t every);
uint64_t storm_starving(void);

/* A new ring, or items lost: which keys begin a new epoch? */
void storm_note_owners(struct storm *storm);
void storm_note_loss(struct storm *storm, const struct storm_server *server);
/* No server holds what nobody wrote, or a write that had no effect. */
void storm_check_stores(struct storm *storm);

#endif
