/* SPDX-License-Identifier: MIT */
#ifndef INJECTION_INJECTION_H
#define INJECTION_INJECTION_H

/* Nothing that a caller submits becomes another command. A trial drives one client through its
 * public calls with keys, values and numbers that were made to break out, over a transport of its
 * own; at the other end, servers written from the protocols' descriptions, without the library's
 * codecs, hear what arrives and compare each command, field by field, with what was submitted.
 *
 *     asks.c ──► client ──► wire.c ──► meta.c, classic.c, redis.c ──► hearing.c ──► cache.c
 *        ▲ judged: judge.c    │             commands, or a failure      compared      answered
 *        └────────────────────┴──────────────────── replies ◄─────────────────────────────┘
 *
 * A slot is a key of the trial with at most one request under way, so that what is heard under a
 * key can only be that request. The first failure is kept; from then on nothing is heard. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "engine/bytes.h"
#include "client/client.h"
#include "transport/transport.h"

enum {
    SLOTS = 64,
    SERVERS = 3,
    WORDS_MAX = 72, /* of one command */
    RAW_WORDS_MAX = 6,
    MANY_MAX = 48,
    MAX_VALUE_BYTES = 70000,
    PREFIX_MAX_BYTES = 200,
    KEY_MAX_BYTES = 65536,
    RELATIVE_MAX_S = 30 * 24 * 60 * 60, /* a later exptime is a time of the calendar */
};

struct trial;
struct peer;

/* One command of a user's, as a server understands it. */
struct command {
    ringcache_op op;
    struct rc_slice key; /* with the namespace */
    struct rc_slice value;
    uint32_t flags;
    int64_t time; /* as it stands there: memcached's exptime, Redis' milliseconds; 0: none */
    uint64_t cas, delta, initial;
    bool with_initial, want_cas, want_ttl;
    bool batched; /* asked for together with others */
    bool proves;  /* meta: … and the last of them, whose refusal would be theirs */
    bool key_back;
    bool has_token;
    uint64_t token;
};

/* What a server keeps under a key. Nothing expires. */
struct item {
    bool there;
    struct sim_bytes value;
    uint32_t flags;
    uint64_t cas;
    int64_t time; /* as it came */
};

struct answer {
    int status;
    uint64_t number;   /* of a counter */
    const char *words; /* of an error */
};

enum { META, CLASSIC, REDIS, SPEECHES };

/* A protocol. */
struct speech {
    size_t number; /* META … */
    bool redis;
    /* Hear one command from the front of `bytes`, answer it, and return its length; 0: it is not
     * whole yet. */
    size_t (*hear)(struct peer *peer, struct rc_slice bytes);
};

extern const struct speech speech_meta;
extern const struct speech speech_classic;
extern const struct speech speech_redis;

/* One connection, as its server sees it. */
struct peer {
    struct trial *trial;
    const struct speech *speech;
    size_t server;
    uint32_t number; /* of the connection, from 1 on */
    struct sim_bytes in, out;
    unsigned greeted;         /* steps of the greeting that were heard */
    bool mute;                /* the server is stopped: it neither hears nor answers */
    uint64_t last, last_many; /* slot.order of what was heard last, alone and as one of many */
    bool had_token;
    uint64_t last_token;
    bool owes_echo; /* Redis, strict: the token of the command before is due */
    bool may_prove; /* Redis, else: it may follow, unless that was a batch */
    bool unproven;  /* meta: a get of many keys that no mg followed yet */
};

enum slot_state {
    SLOT_IDLE,
    SLOT_PENDING, /* its callback is due */
    SLOT_LOST,    /* its callback ran; the command may still be heard */
};

struct slot {
    struct trial *trial;
    unsigned char *key; /* without the namespace */
    size_t key_len;
    uint64_t hash;
    struct item items[SERVERS];
    struct item *item; /* of the server that heard the last command */
    enum slot_state state;
    bool many, raw;
    bool heard;
    bool goes_back; /* a counter left its range: what takes it back is due */
    bool went_back;
    bool goes_alone; /* meta: one of a batch that is there and empty may be asked for by itself */
    bool went_alone;
    bool named;         /* it was heard with a token */
    unsigned hearings;  /* how often it was heard */
    bool not_permitted; /* of many: its key is none */
    bool canceled;
    uint64_t order;            /* of submission */
    uint32_t peers_then;       /* connections there were when it was lost */
    ringcache_request request; /* key and value point nowhere any more: */
    struct sim_bytes sent;     /* the value, or the words of a raw command */
    size_t word_lens[RAW_WORDS_MAX];
    size_t word_count;
    int64_t exptime;    /* what memcached is to be told */
    uint64_t token;     /* that it was heard with */
    uint32_t peer;      /* number of the connection that it was heard on */
    bool beyond_speech; /* an older memcached cannot do it */
    ringcache_id id;
    struct answer answer; /* what the server said */
};

/* What a seed draws from. */
struct rules {
    bool strict, faults;
    bool merges;            /* gets of their own are batched as well */
    bool heavy;             /* large values, many at a time */
    uint64_t moves_a_fault; /* so many, on average */
    bool all_redis, any_redis;
    size_t slice_bytes; /* bytes arrive in pieces of at most that */
    size_t prefix_len;
    unsigned connections;
    uint64_t burst; /* requests between two turns, at most */
};

/* What was there to be heard, so that a test can say that all of it was. */
struct tally {
    uint64_t ops[SPEECHES][RINGCACHE_DECREMENT + 1];
    uint64_t batched[SPEECHES];
    uint64_t raw, gone_back;
    uint64_t again;      /* reads that were heard on a second connection */
    uint64_t gone_alone; /* … or by themselves, since a batch did not tell enough */
    uint64_t late;       /* heard behind their callbacks */
    uint64_t cut;        /* connections that ended within a command */
};

/* One byte that is not as it was sent, for a trial that has to notice. */
enum tamper { NOTHING, CHANGED, DROPPED, DOUBLED };

struct trial_server {
    const struct speech *speech;
    char name[16];
};

struct wire;

struct trial {
    uint64_t seed, random;
    struct rules rules;
    struct wire *wire;
    ringcache_client *client;
    struct trial_server servers[SERVERS];
    size_t server_count;
    unsigned char prefix[PREFIX_MAX_BYTES];
    struct rc_slice user, password; /* of every Redis; no data: none */
    uint32_t database;
    struct slot slots[SLOTS];
    ringcache_slice many_keys[MANY_MAX];
    struct slot *many_slots[MANY_MAX];
    size_t many_count; /* of the one under way; 0: none */
    uint64_t orders;
    uint64_t pending; /* callbacks due */
    uint64_t lent;    /* values that were not given back */
    uint64_t heard, answered, refused, submitted, pings_heard, pongs;
    struct tally tally;
    uint64_t hash; /* of all that was heard */
    enum tamper tamper;
    uint64_t tamper_at; /* bytes from now on */
    bool in_call, closing, closed;
    unsigned char *scratch; /* what a request is made of; overwritten when the call returned */
    char failure[512];
};

/* ---- draw.c: chance, and what is made by it ---- */

uint64_t draw(struct trial *trial, uint64_t below);
static inline bool one_in(struct trial *trial, uint64_t n)
{
    return draw(trial, n) == 0;
}
/* A number that is likely to be a bound of some type. */
uint64_t draw_number(struct trial *trial);
int64_t draw_ttl_ms(struct trial *trial);
/* Bytes made to break out, most of them pieces of protocols; returns how many of at most `most`. */
size_t draw_bytes(struct trial *trial, unsigned char *out, size_t most);
/* Bytes that any key may have. */
size_t draw_clean(struct trial *trial, unsigned char *out, size_t len);
size_t draw_key(struct trial *trial, unsigned char *out);
size_t draw_value(struct trial *trial, unsigned char *out);

/* ---- wire.c: a transport whose other end is peers, and whose time is virtual ---- */

struct wire *wire_new(struct trial *trial);
void wire_free(struct wire *wire);
struct rc_transport *wire_transport(struct wire *wire);
/* One turn of the loop; when nothing is to be told, time goes on to the next deadline. */
void wire_turn(struct wire *wire);
uint64_t wire_now_ms(const struct wire *wire);
int64_t wire_wall_s(const struct wire *wire);
/* One thing goes wrong. */
void wire_fault(struct wire *wire);
/* Nothing is wrong any more. */
void wire_heal(struct wire *wire);
/* The connection ends as if its server had ended it; false when there is none of that number. */
bool wire_kill(struct wire *wire, uint64_t number);
/* Connections so far, and the oldest that is open (UINT32_MAX: none). */
uint32_t wire_connects(const struct wire *wire);
uint32_t wire_oldest(const struct wire *wire);
size_t wire_links(const struct wire *wire);

/* ---- text.c: what text protocols are read and written with ---- */

struct words {
    struct rc_slice word[WORDS_MAX];
    size_t count;
};

/* A line of words, one blank between two of them, ended by CR LF; its length with its end, or 0:
 * it is not whole. Fails for anything else. */
size_t text_line(struct peer *peer, struct rc_slice bytes, struct words *words);
bool text_number(struct rc_slice text, uint64_t most, uint64_t *number);
/* memcached's time: a number with a sign. */
bool text_time(struct rc_slice text, int64_t *time);
/* So many hexadecimal digits, lower case. */
bool text_hex(struct rc_slice text, size_t digits, uint64_t *number);
bool text_is(struct rc_slice word, const char *text);
bool text_is_key(struct rc_slice word);
void text_say(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The data of a store behind its line: at `from`, `len` bytes and CR LF. False: not there yet, or
 * not so, which fails. */
bool text_data(struct peer *peer, struct rc_slice bytes, size_t from, uint64_t len);
/* The question that a greeting of memcached ends with: answered, if it is that. */
bool text_settings(struct peer *peer, const struct words *words);

/* ---- hearing.c: what arrived against what was submitted ---- */

/* Bytes arrive. */
void peer_receive(struct peer *peer, struct rc_slice bytes);
/* A whole command: compared, then carried out. NULL: it failed. */
const struct slot *hear(struct peer *peer, const struct command *command);
/* A raw command, if it is one; NULL: it is none, or failed. */
const struct slot *hear_raw(struct peer *peer, const struct words *words);
/* classic.c: a get of many keys. */
void hear_gets(struct peer *peer, const struct words *words);
/* PING, mn, version behind the greeting. */
void hear_ping(struct peer *peer);

/* ---- cache.c ---- */

/* Carry out what was heard. */
struct answer cache_run(
    struct trial *trial, bool redis, struct item *item, const struct command *command);

/* ---- asks.c: what is submitted ---- */

/* One request, or several in one call. */
void ask(struct trial *trial);
/* `key` is the slot's from here on. */
void slot_take_key(struct slot *slot, struct rc_slice key);
/* A slot that is idle gets another key. */
void slot_renew(struct trial *trial, struct slot *slot);
/* The slot of a key as it stands on the wire, or NULL. */
struct slot *slot_find(struct trial *trial, struct rc_slice key);

/* ---- judge.c: what is answered ---- */

void on_reply(ringcache_client *client, const ringcache_reply *reply, void *slot);
void on_each(ringcache_client *client, const ringcache_reply *reply, void *trial);
void on_many_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *trial);
void on_pong(ringcache_client *client, const ringcache_reply *reply, void *trial);

/* ---- trial.c ---- */

struct trial *trial_new(uint64_t seed);
/* All moves of a trial; true when nothing failed. */
bool trial_run(struct trial *trial);
void trial_free(struct trial *trial);
/* The first failure is the trial's. */
void trial_fail(struct trial *trial, const char *what, struct rc_slice of);

#endif
