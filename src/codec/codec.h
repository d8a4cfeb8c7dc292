/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_CODEC_H
#define RC_CODEC_CODEC_H

/* One wire protocol: commands to bytes, bytes to answers. Pure: no I/O, no clock, no allocation but
 * the output buffer's growth. The server layer speaks to a backend only through this table.
 *
 * Decoding is in place and agnostic of how the bytes were split: `decode` sees all bytes that were
 * received and not yet consumed, from the first byte of the oldest outstanding reply on, and says
 * what that reply is, that it needs more, or that no server of this protocol says such a thing. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loan.h"
#include "base/slice.h"
#include "codec/resp_scan.h"
#include "ringcache/status.h"

/* What a command asks. Those of the first group carry a user's key. */
enum rc_verb {
    RC_VERB_GET,
    RC_VERB_SET,
    RC_VERB_DELETE,
    RC_VERB_ADD,
    RC_VERB_REPLACE,
    RC_VERB_APPEND,
    RC_VERB_PREPEND,
    RC_VERB_CAS,
    RC_VERB_TOUCH,
    RC_VERB_GET_AND_TOUCH,
    RC_VERB_INCREMENT,
    RC_VERB_DECREMENT,
    /* Of leases: one caller is let to fill in a value that is absent or stale, on behalf of all. */
    RC_VERB_LEASE,   /* GET, and where there is nothing fresh: may this caller fill it in? */
    RC_VERB_FILL,    /* store what LEASE let the caller make, unless the key was written since */
    RC_VERB_UNLEASE, /* give the right to fill back */
    RC_VERB_RAW, /* redis: any command of the caller's, encoded in `value` (rc_resp_encode_raw) */
    /* to a server itself, and a caller's all the same */
    RC_VERB_FLUSH, /* memcached: flush_all; redis: FLUSHDB ASYNC */
    RC_VERB_STATS, /* memcached: stats [key]; redis: INFO [key]; rc_codec.next_figure reads it */
    /* memcached: lru_crawler metadump all, answered in many parts (rc_answer.more); redis: SCAN
     * number, of keys that begin with `prefix`, the answer's number being that of the next one or
     * 0. rc_codec.next_key reads it. */
    RC_VERB_KEYS,
    /* memcached: version; redis: INFO server; the answer's value is like "1.6.18" */
    RC_VERB_VERSION,
    /* the library's own */
    RC_VERB_SETTINGS,  /* memcached: stats settings; the answer's number is item_size_max, or 0 */
    RC_VERB_NOOP,      /* memcached: mn; redis: PING. The fence and the probe */
    RC_VERB_AUTH,      /* redis: AUTH [key=user] value=password; memcached: what -Y wants */
    RC_VERB_SELECT,    /* redis: SELECT number */
    RC_VERB_CLIENT_ID, /* redis: CLIENT ID */
    RC_VERB_INFO, /* redis: INFO server; the answer's value is run_id's, empty if there is none */
    RC_VERB_CLIENT_KILL, /* redis: CLIENT KILL ID number; the answer's number: 1 killed, 0 gone */
    RC_VERB_ECHO,        /* redis: ECHO token, as behind a command that is strict */
};

struct rc_batch;

struct rc_command {
    enum rc_verb verb;
    bool strict; /* integrity=strict: meta echoes the key, RESP is followed by ECHO token */
    bool want_cas, want_ttl; /* GET, GET_AND_TOUCH: in the answer; LEASE: want_cas is set */
    bool program;            /* RAW: it runs code, which may fail after it changed something */
    bool
        fleeting; /* of a lock, which ends by itself: nothing makes it good, nothing makes it old */
    uint64_t token;         /* meta: its low 32 bits are the opaque; RESP: sent with `strict` */
    struct rc_slice prefix; /* the namespace, sent in front of a user's key */
    struct rc_slice key;
    struct rc_slice value;
    struct rc_loan *loan; /* of a value that is lent, not to be copied; else NULL */
    uint32_t flags;       /* memcached client flags of what is stored */
    uint64_t number;      /* argument of SELECT, CLIENT_KILL, and of KEYS: where to go on */
    int64_t ttl_ms;       /* of what is stored, touched or made: 0 never expires, else > 0 */
    int64_t exptime_s;    /* memcached: what T() says, made from ttl_ms by the caller; 0 never */
    /* CAS, FILL, UNLEASE: the token that must still hold; DELETE: the same, or 0. A FILL of what
     * was absent has 0 on Redis. */
    uint64_t cas;
    uint64_t delta;   /* INCREMENT, DECREMENT: 0..2^63-1 */
    uint64_t initial; /* with `with_initial`: what an absent counter becomes; 0..2^63-1 too */
    bool with_initial;
    uint64_t lease;    /* redis: LEASE, FILL, UNLEASE: names the holder */
    uint32_t lease_ms; /* LEASE: for how long one may fill, > 0 */
    uint32_t stale_ms; /* LEASE: with less than that left to live, a value is stale */
    bool leases;       /* redis: DELETE takes the key's lease with it */
    /* What an answer asked for (rc_answer.again). memcached: take an INCREMENT back whose sum left
     * the range. Redis: send the script's text, not its digest. */
    bool again;
};

/* What else an answer says of a value or of its absence; of the public marks. */
enum {
    RC_MARK_STALE = 1 << 0,      /* older than it should be: somebody is to make it anew */
    RC_MARK_WON = 1 << 1,        /* this caller is the one to fill it in */
    RC_MARK_FILLING = 1 << 2,    /* another caller is */
    RC_MARK_SUBSTITUTE = 1 << 3, /* no codec's: another server than the owner was asked */
};

/* What is known of the command whose reply is due. */
struct rc_expect {
    enum rc_verb verb;
    bool strict;
    uint64_t token;
    struct rc_slice prefix, key; /* where the codec compares them (keeps_key) */
    bool want_cas, want_ttl;
    bool again;    /* the command was a second try */
    bool scripted; /* it was a script of the library's (rc_codec.scripted) */
    /* One of a batch of GETs: how many of its replies are still due, this one included; 0: no
     * batch. `first`: it is the batch's first. `keys`: theirs, as key_run.h has them, this one's
     * first; there may be others behind. */
    uint32_t due;
    bool first;
    const unsigned char *keys;
};

/* What an error says beyond its words. Whichever it is but NONE, the command was not run. */
enum rc_refusal {
    RC_REFUSAL_NONE, /* no error, or one from which nothing follows */
    RC_REFUSAL_UNRUN,
    RC_REFUSAL_NOT_NOW, /* the server serves nobody for now: it loads, waits for its master … */
    RC_REFUSAL_REPLICA, /* … serves no writes: it is a replica */
    RC_REFUSAL_CLUSTER, /* … is part of a cluster, and the key is another one's */
};

/* One reply. Slices point into the input, but for messages of our own: those with a status >= 0,
 * and that of a value which is too long. */
struct rc_answer {
    int status; /* RINGCACHE_OK, _MISS, _NOT_STORED, _EXISTS, _ESERVER, _ETOOBIG, _EAUTH */
    /* memcached: not an answer yet, the same command is to be sent once more with `again` set; one
     * of a batch by itself, since together with others it cannot be told, or not be held.
     * Redis: it failed, the server does not have the script; to be set from the next one on. A
     * batch was refused (`all`), and each of its keys by itself may not be.
     * Of KEYS: the server is busy, later it may not be. */
    bool again;
    enum rc_refusal refusal;
    bool more;               /* a part of the reply, whose rest follows */
    struct rc_slice value;   /* of RAW: the whole reply, as it came */
    struct rc_slice message; /* the server's own words, for a failure; else empty */
    uint32_t marks;          /* RC_MARK_STALE … */
    uint32_t flags;
    uint64_t number; /* of a counter, after it was changed; of KEYS: see there */
    uint64_t cas;    /* 0: not asked for */
    int64_t ttl_ms;  /* remaining; -1: it never expires; 0: not asked for */
    bool all;        /* it holds for every reply of the batch that is still due: no other comes */
    bool close; /* delivered, but the stream cannot be trusted behind it (CLIENT_ERROR, ERROR) */
};

enum rc_decoded { RC_DECODED_MORE, RC_DECODED_ONE, RC_DECODED_BAD };

enum { RC_BATCH_MAX = UINT8_MAX };

struct rc_limits {
    uint64_t max_value_bytes; /* at most RC_VALUE_MAX_BYTES */
};

/* No server has a longer value: such a length is a broken stream. */
enum { RC_VALUE_MAX_BYTES = 1 << 30 };

/* A value that is longer than max_value_bytes is not kept, nor are figures beyond a bound of their
 * own. `decode` finds that and says MORE: then `left` bytes of input, from `at` on, are to be taken
 * out as they come. Only when none is left is there another try, which `need` is about, and takes
 * the reply as one without what was left out. All zero again when the reply is complete. */
struct rc_excess {
    bool found;
    size_t at, left;
};

/* memcached meta: how far a batch's replies were looked at, of which nothing is believed before the
 * last key's own, with its token, has begun; and how far they were told since. All zero between
 * batches. */
struct rc_batch_look {
    size_t at;      /* bytes of input */
    size_t keys_at; /* … of rc_expect.keys, and how many that are */
    uint32_t keys;
    uint32_t values;      /* how many of these have one */
    uint32_t end_len;     /* of the line that ended the values, once it came */
    uint32_t told;        /* so many keys were told, … */
    uint32_t told_values; /* … and of the values so many, with … */
    size_t told_at;       /* … so much of the input, which is not there any more */
    bool proven;
};

/* A value that was looked at. */
struct rc_batch_value {
    uint32_t at; /* where in the input, as it was when nothing was told */
    uint32_t size, flags;
    uint8_t key;   /* its number in the batch */
    bool left_out; /* it was taken out of the input */
    uint64_t cas;
};

/* Per-connection decoding state; zero-initialised at connect, then given its limits. `need` is how
 * many bytes of input must be there before another try can succeed: after RC_DECODED_MORE more than
 * there were and never more than the reply has, else 0. A try before that costs nothing. */
struct rc_decoder {
    struct rc_limits limits;
    size_t need;
    struct rc_excess excess;
    struct rc_resp_scan scan; /* of a RAW or KEYS reply */
    size_t lines;             /* memcached: how many bytes of figures were understood */
    size_t left_out;          /* … and before these, being too many to be kept */
    struct rc_batch_look batch;
    struct rc_batch_value values[RC_BATCH_MAX]; /* … in the order of their keys */
    bool crowded; /* values of a batch were too many bytes to be held; for the caller to clear */
};

/* One line of a STATS answer. */
struct rc_figure {
    struct rc_slice name, value;
};

enum { RC_LISTED_BYTES = 250 };

/* One key of a KEYS answer. */
struct rc_listed {
    struct rc_slice key;                    /* in the answer, or in `decoded` */
    int64_t exptime_s;                      /* seconds since 1970; -1: never; 0: not said */
    unsigned char decoded[RC_LISTED_BYTES]; /* memcached writes keys as in a URI */
};

/* Does the answer to a NOOP say that commands are served? A Redis that could not save tells that to
 * PING too, and serves reads. */
static inline bool rc_answer_serves(const struct rc_answer *answer)
{
    return answer->status == RINGCACHE_OK || answer->refusal == RC_REFUSAL_UNRUN;
}

/* A plain GET or SET whose reply is due: neither strict nor a script, and wanting nothing beside
 * the value. */
struct rc_asked {
    enum rc_verb verb;
    uint32_t due; /* as in rc_expect */
    bool first;
    uint64_t token;
};

/* One of the replies that nearly all are: a value, a miss, a store that was done. */
struct rc_usual {
    int status; /* RINGCACHE_OK or _MISS */
    uint32_t flags;
    struct rc_slice value; /* in the input */
    size_t len;            /* of the reply; 0 of a miss that a batch says nothing of */
};

struct rc_codec {
    const char *name; /* "memcached meta", "RESP2" */
    bool binary_keys; /* any byte is allowed in a key */
    size_t max_key_bytes;
    /* Does a batch betray a displaced reply as well as single GETs do, so that those may leave as
     * one? Classic text tells misses before it has seen whose values came. */
    bool merges;
    /* Does `decode` compare the key of such a command (rc_expect.key), or may the command be asked
     * for once more? Then the caller keeps a copy of it until the reply came. That of a GET
     * is remembered in any case. */
    bool (*keeps_key)(const struct rc_command *command);
    /* Is the command a script, to be sent whole until the server has it? NULL: none ever is. */
    bool (*scripted)(const struct rc_command *command);
    /* Replies of this protocol show their command by their place alone. Is this one that with
     * `strict` shows whether they are still in step? NULL: every reply shows it. */
    bool (*proves)(enum rc_verb verb);
    /* An upper bound on what `encode` appends; SIZE_MAX when no such sum exists. */
    size_t (*bound)(const struct rc_command *command);
    /* Append the command; 0, RINGCACHE_ENOMEM, or RINGCACHE_ENOTSUP for a verb that this protocol
     * does not have. On failure nothing was appended. The key was validated before. The bytes of a
     * value that is lent are left out: loan->gap says where they belong. */
    int (*encode)(struct rc_buf *out, const struct rc_command *command);
    /* Append the head of a script's command with the text in the place of the digest that `encoded`
     * has there, and set `*instead` to how many of its bytes that stands for: 0, with nothing
     * appended, if it has the text. 0 or RINGCACHE_ENOMEM. NULL: there are no scripts. */
    int (*spell_out)(
        struct rc_buf *out, enum rc_verb verb, struct rc_slice encoded, size_t *instead);
    /* Does a batch not tell what only a command of its own does, the marks of leases? */
    bool batch_hides_marks;
    /* From how many keys on a batch is worth being one command (rc_batch.least). */
    uint32_t batch_least;
    /* batch.h: append the key of a GET to a batch that is open at the end of `out`: 0, or
     * RINGCACHE_ENOMEM with nothing appended. A key may come twice. Then close it, for which there
     * is room: true if it is one command, where no key's value can be taken for another's; else
     * each key is a command of its own. It never has more bytes than its keys' bounds together. */
    int (*batch_extend)(
        struct rc_buf *out, struct rc_batch *batch, struct rc_slice prefix, struct rc_slice key);
    bool (*batch_close)(struct rc_buf *out, const struct rc_batch *batch);
    /* With RC_DECODED_ONE, `*answer` and `*consumed` are set; with RC_DECODED_BAD, answer->message
     * is a static sentence that says what was wrong. `*consumed` is above 0, but for what a batch
     * says nothing of but that it has nothing to say: a miss, or a failure that ends it. */
    enum rc_decoded (*decode)(struct rc_decoder *decoder, struct rc_slice input,
        const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed);
    /* Understand such a reply at one look; false where it is not whole or not of that kind, and
     * `decode` is to see it. That would take it for the same. NULL: there is no such look. */
    bool (*usual)(struct rc_decoder *decoder, struct rc_slice input, const struct rc_asked *asked,
        struct rc_usual *reply);
    /* Bytes came though nothing was asked: what to say of them. The first line, cut to what is
     * printable, when it is an error line of this protocol; else a static sentence. */
    struct rc_slice (*unsolicited)(struct rc_slice input);
    /* Take the next figure from the value of a STATS answer, or the next key from that of a KEYS
     * answer; false at its end. What `decode` let through has nothing that they do not know. */
    bool (*next_figure)(struct rc_slice *rest, struct rc_figure *figure);
    bool (*next_key)(struct rc_slice *rest, struct rc_listed *listed);
};

/* A command of the caller's words as a RAW command's `value`. 0 or RINGCACHE_ENOMEM. */
int rc_resp_encode_raw(struct rc_buf *out, const struct rc_slice *words, size_t count);

extern const struct rc_codec rc_codec_meta;
extern const struct rc_codec rc_codec_classic;
extern const struct rc_codec rc_codec_resp;

/* Is this the version of a server that can be spoken to in meta (1.6.18 or later)? `version` is the
 * value of a VERSION answer. */
bool rc_meta_version_ok(struct rc_slice version);

#endif
