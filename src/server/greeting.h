/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_GREETING_H
#define RC_SERVER_GREETING_H

/* The handshake of one connection, step by step, one reply awaited at a time; nothing of a user's
 * is sent before it ended. Pure.
 *
 *   memcached   [user and password] ─ version ─ stats settings
 *   redis       [AUTH] ─ [SELECT] ─ PING ─ CLIENT ID ─ INFO server ─ ECHO
 *
 * From version 1.6.18 on meta is spoken, to older ones classic text, unless told otherwise. The
 * last of each, stats settings, CLIENT ID, INFO and ECHO, are questions of our own that a server
 * may refuse: then its item size or its identity stays unknown, or nothing is echoed unless
 * integrity=strict demands it. Everything else refused ends the connection. */

#include <stdbool.h>
#include <stdint.h>

#include "codec/codec.h"

/* What is spoken to a memcached. */
enum rc_speech { RC_SPEECH_BY_VERSION, RC_SPEECH_META, RC_SPEECH_CLASSIC };

struct rc_credentials {
    bool redis;
    enum rc_speech speech;
    const char *user;     /* NULL: none */
    const char *password; /* NULL: none; a memcached's comes with a user */
    uint32_t database;
    uint32_t unasked; /* bit `verb`: a question of our own that this server is spared for now */
};

/* Its strings are copied, and wiped in the end. 0, or RINGCACHE_ENOMEM with nothing in `to`. */
int rc_credentials_copy(struct rc_credentials *to, const struct rc_credentials *from);
void rc_credentials_deinit(struct rc_credentials *who);

enum { RC_RUN_ID_BYTES = 40 };

struct rc_greeting {
    bool classic; /* speak classic text from here on */
    unsigned step;
    const struct rc_credentials *who; /* that of the last step */
    uint32_t vain; /* bit `verb`: a question of our own that has no answer, or a refusal */
    uint64_t item_max_bytes;          /* of a memcached: what key and value may take; 0: unknown */
    uint64_t client_id;               /* 0: unknown */
    char run_id[RC_RUN_ID_BYTES + 1]; /* "": unknown */
    bool echoes;                      /* redis: it knows ECHO */
    bool not_now;                     /* refused, because the server serves nobody for now */
};

/* The next command to send, or false when the greeting is over. */
bool rc_greeting_next(
    struct rc_greeting *g, const struct rc_credentials *who, struct rc_command *command);

/* The answer to the last command: 0, or the negative status that ends the connection with a text in
 * `why`. */
int rc_greeting_answer(struct rc_greeting *g, enum rc_verb verb, const struct rc_answer *answer,
    char *why, size_t why_size);

#endif
