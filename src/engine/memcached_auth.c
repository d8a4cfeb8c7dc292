/* SPDX-License-Identifier: MIT */
/* A memcached with -Y, until it knows whom it speaks to: "set <any> <any> <any> <length>" and user
 * and password as the value, which is stored nowhere. Everything else is refused. Left out: of what
 * is refused in one packet, the real one tells the last alone. */
#include "engine/memcached.h"

#include <string.h>

enum { WORDS_OF_A_SET = 4 };

static bool is_known(const struct engine *e, struct rc_slice value)
{
    struct rc_slice user = mc_next_word(&value);
    struct rc_slice password = mc_next_word(&value);
    return e->user != NULL && engine_text_is(user, e->user) &&
           engine_text_is(password, e->password);
}

static void judge(struct mc_call *c, struct rc_slice value)
{
    struct rc_slice rest = value;
    mc_next_word(&rest);
    if (mc_next_word(&rest).len == 0) {
        mc_say(c, "CLIENT_ERROR bad authentication token format");
        return;
    }
    if (engine_arrives(c->session, "auth", rc_slice(NULL, 0), c->reply)) {
        return;
    }
    c->session->authenticated = is_known(c->engine, value);
    mc_say(c, c->session->authenticated ? "STORED" : "CLIENT_ERROR authentication failure");
}

void mc_authenticate(struct mc_call *c)
{
    uint64_t length = 0;
    struct rc_slice words[WORDS_OF_A_SET];
    bool set = engine_text_is(mc_next_word(&c->line), "set");
    for (size_t i = 0; i < WORDS_OF_A_SET; i++) {
        words[i] = mc_next_word(&c->line);
    }
    if (!set || !engine_digits(words[WORDS_OF_A_SET - 1], 0, &length) || length > UINT32_MAX - 2) {
        mc_say(c, "CLIENT_ERROR unauthenticated");
        return;
    }
    if (c->body.len < length + 2) {
        c->starved = true;
        return;
    }
    c->body_used = length + 2;
    if (memcmp(c->body.data + length, "\r\n", 2) != 0) {
        mc_say(c, "CLIENT_ERROR bad command line termination");
        return;
    }
    judge(c, rc_slice(c->body.data, length));
}
