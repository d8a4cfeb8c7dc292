/* SPDX-License-Identifier: MIT */
/* A Redis: arrays of bulks, from the protocol's description, and what the commands mean. */
#include "injection.h"

#include <inttypes.h>

#include "codec/scripts.h"

#define NO_TOKEN "0000000000000000"

enum { STEPS = 6, RUN_ID_DIGITS = 40 };

/* "*2\r\n": a mark, a number, the end; false: not whole, or not so, which fails. */
static bool take_head(
    struct peer *peer, struct rc_slice bytes, size_t *at, char mark, uint64_t *number)
{
    enum { HEAD_MAX_BYTES = 24 };
    size_t left = bytes.len - *at;
    const unsigned char *start = bytes.data + *at;
    size_t searched = left < HEAD_MAX_BYTES ? left : HEAD_MAX_BYTES;
    const unsigned char *lf = searched > 0 ? memchr(start, '\n', searched) : NULL;
    if (searched == 0 || (lf == NULL && searched < HEAD_MAX_BYTES && start[0] == mark)) {
        return false;
    }
    size_t len = lf != NULL ? (size_t)(lf - start) + 1 : 0;
    if (start[0] != mark || len < 4 || start[len - 2] != '\r' ||
        !text_number(rc_slice(start + 1, len - 3), UINT32_MAX, number)) {
        trial_fail(peer->trial, "neither an array of bulks nor a piece of one", bytes);
        return false;
    }
    *at += len;
    return true;
}

/* An array of bulks; its length, or 0. */
static size_t read_words(struct peer *peer, struct rc_slice bytes, struct words *words)
{
    uint64_t count, len;
    size_t at = 0;
    if (!take_head(peer, bytes, &at, '*', &count)) {
        return 0;
    }
    if (count == 0 || count > WORDS_MAX) {
        trial_fail(peer->trial, "a command of more words than was ever submitted", bytes);
        return 0;
    }
    for (words->count = 0; words->count < count; words->count++) {
        if (!take_head(peer, bytes, &at, '$', &len) || !text_data(peer, bytes, at, len)) {
            return 0;
        }
        words->word[words->count] = rc_slice(bytes.data + at, (size_t)len);
        at += (size_t)len + 2;
    }
    return at;
}

static void say_bulk(struct peer *peer, struct rc_slice bulk)
{
    text_say(peer, "$%zu\r\n", bulk.len);
    sim_bytes_append(&peer->out, bulk.data, bulk.len);
    text_say(peer, "\r\n");
}

/* ---- the library's own ---- */

static bool are(const struct words *words, size_t count, const char *first, const char *second)
{
    return words->count == count && text_is(words->word[0], first) &&
           (second == NULL || text_is(words->word[1], second));
}

static bool is_auth(const struct trial *trial, const struct words *words)
{
    size_t count = trial->user.data != NULL ? 3 : 2;
    return are(words, count, "AUTH", NULL) &&
           rc_slice_equal(words->word[count - 1], trial->password) &&
           (count == 2 || rc_slice_equal(words->word[1], trial->user));
}

static bool is_select(const struct trial *trial, const struct words *words)
{
    uint64_t database;
    return are(words, 2, "SELECT", NULL) && text_number(words->word[1], UINT32_MAX, &database) &&
           database == trial->database;
}

/* A question that an earlier connection asked in vain is left out. */
static void skip_questions(struct peer *peer, const struct words *words)
{
    peer->greeted += peer->greeted == 3 && !are(words, 2, "CLIENT", "ID");
    peer->greeted += peer->greeted == 4 && !are(words, 2, "INFO", "server");
    peer->greeted += peer->greeted == 5 && !are(words, 2, "ECHO", NO_TOKEN);
}

/* AUTH, SELECT, PING, CLIENT ID, INFO, ECHO: in that order, the first two where they are wanted. */
static bool greets(struct peer *peer, const struct words *words)
{
    const struct trial *trial = peer->trial;
    peer->greeted += peer->greeted == 0 && trial->password.data == NULL;
    peer->greeted += peer->greeted == 1 && trial->database == 0;
    switch (peer->greeted++) {
    case 0:
        text_say(peer, "+OK\r\n");
        return is_auth(trial, words);
    case 1:
        text_say(peer, "+OK\r\n");
        return is_select(trial, words);
    case 2:
        text_say(peer, "+PONG\r\n");
        return are(words, 1, "PING", NULL);
    case 3:
        text_say(peer, ":%" PRIu32 "\r\n", peer->number);
        return are(words, 2, "CLIENT", "ID");
    case 4:
        text_say(
            peer, "$%d\r\nrun_id:%0*zu\r\n\r\n", RUN_ID_DIGITS + 9, RUN_ID_DIGITS, peer->server);
        return are(words, 2, "INFO", "server");
    default:
        text_say(peer, "$16\r\n" NO_TOKEN "\r\n");
        return are(words, 2, "ECHO", NO_TOKEN);
    }
}

static bool kills(struct peer *peer, const struct words *words)
{
    uint64_t number;
    if (!are(words, 4, "CLIENT", "KILL") || !text_is(words->word[2], "ID") ||
        !text_number(words->word[3], UINT32_MAX, &number)) {
        return false;
    }
    text_say(peer, ":%d\r\n", wire_kill(peer->trial->wire, number));
    return true;
}

/* What stands alone behind the greeting. */
static bool hear_own(struct peer *peer, const struct words *words)
{
    if (are(words, 1, "PING", NULL)) {
        hear_ping(peer);
        text_say(peer, "+PONG\r\n");
        return true;
    }
    return kills(peer, words);
}

/* The token behind a command, of which it is the second half. */
static void hear_echo(struct peer *peer, const struct words *words)
{
    uint64_t token;
    bool good = are(words, 2, "ECHO", NULL) && text_hex(words->word[1], 16, &token);
    if (!good || (peer->had_token && (int64_t)(token - peer->last_token) <= 0)) {
        trial_fail(peer->trial, "no command's token behind it", words->word[0]);
        return;
    }
    peer->had_token = true;
    peer->last_token = token;
    peer->owes_echo = false;
    say_bulk(peer, words->word[1]);
}

/* ---- a user's ---- */

static bool read_ms(struct rc_slice word, int64_t *time)
{
    uint64_t ms;
    bool good = text_number(word, INT64_MAX, &ms) && ms > 0;
    *time = good ? (int64_t)ms : 0;
    return good;
}

/* SET key value [NX | XX] [PX ms] */
static bool read_set(const struct words *words, struct command *c)
{
    size_t at = 3;
    c->op = RINGCACHE_SET;
    if (words->count < 3) {
        return false;
    }
    c->value = words->word[2];
    if (words->count > at && (text_is(words->word[at], "NX") || text_is(words->word[at], "XX"))) {
        c->op = text_is(words->word[at], "NX") ? RINGCACHE_ADD : RINGCACHE_REPLACE;
        at++;
    }
    if (words->count == at) {
        return true;
    }
    return words->count == at + 2 && text_is(words->word[at], "PX") &&
           read_ms(words->word[at + 1], &c->time);
}

/* PERSIST, or PX ms, from word `at` to the end. */
static bool read_touch(const struct words *words, size_t at, struct command *c)
{
    c->op = RINGCACHE_GET_AND_TOUCH;
    if (words->count == at + 1) {
        return text_is(words->word[at], "PERSIST");
    }
    return words->count == at + 2 && text_is(words->word[at], "PX") &&
           read_ms(words->word[at + 1], &c->time);
}

static bool read_plain(const struct words *words, struct command *c)
{
    struct rc_slice name = words->word[0];
    if (words->count < 2) {
        return false;
    }
    c->key = words->word[1];
    if (text_is(name, "SET")) {
        return read_set(words, c);
    }
    if (text_is(name, "GETEX")) {
        return read_touch(words, 2, c);
    }
    if (text_is(name, "PEXPIRE")) {
        c->op = RINGCACHE_TOUCH;
        return words->count == 3 && read_ms(words->word[2], &c->time);
    }
    c->op = text_is(name, "DEL") ? RINGCACHE_DELETE : RINGCACHE_GET;
    return words->count == 2 && (text_is(name, "DEL") || text_is(name, "GET"));
}

/* COUNT: INCRBY|DECRBY delta [initial [ms]] */
static bool read_count(const struct words *words, struct command *c)
{
    bool up = words->count > 4 && text_is(words->word[4], "INCRBY");
    c->op = up ? RINGCACHE_INCREMENT : RINGCACHE_DECREMENT;
    c->with_initial = words->count > 6;
    return words->count >= 6 && words->count <= 8 && (up || text_is(words->word[4], "DECRBY")) &&
           text_number(words->word[5], INT64_MAX, &c->delta) &&
           (words->count < 7 || text_number(words->word[6], INT64_MAX, &c->initial)) &&
           (words->count < 8 || read_ms(words->word[7], &c->time));
}

/* CAS: value digest [ms] */
static bool read_cas(const struct words *words, struct command *c)
{
    c->op = RINGCACHE_CAS;
    if (words->count < 6 || words->count > 7) {
        return false;
    }
    c->value = words->word[4];
    return text_hex(words->word[5], 16, &c->cas) &&
           (words->count == 6 || read_ms(words->word[6], &c->time));
}

/* READ: 0|1 [PERSIST | PX ms]. The time that is left comes with every answer. */
static bool read_extras(const struct words *words, struct command *c)
{
    c->op = RINGCACHE_GET;
    if (words->count < 5) {
        return false;
    }
    c->want_cas = text_is(words->word[4], "1");
    c->want_ttl = true;
    return (c->want_cas || text_is(words->word[4], "0")) &&
           (words->count == 5 || read_touch(words, 5, c));
}

/* DELETE: digest, empty for none */
static bool read_delete(const struct words *words, struct command *c)
{
    c->op = RINGCACHE_DELETE;
    return words->count == 5 &&
           (words->word[4].len == 0 || (text_hex(words->word[4], 16, &c->cas) && c->cas != 0));
}

static bool read_piece(const struct words *words, ringcache_op op, struct command *c)
{
    c->op = op;
    c->value = words->count == 5 ? words->word[4] : rc_slice(NULL, 0);
    return words->count == 5;
}

static bool read_arguments(enum rc_script_name script, const struct words *words, struct command *c)
{
    switch (script) {
    case RC_SCRIPT_APPEND:
        return read_piece(words, RINGCACHE_APPEND, c);
    case RC_SCRIPT_PREPEND:
        return read_piece(words, RINGCACHE_PREPEND, c);
    case RC_SCRIPT_CAS:
        return read_cas(words, c);
    case RC_SCRIPT_PERSIST:
        c->op = RINGCACHE_TOUCH;
        return words->count == 4;
    case RC_SCRIPT_COUNT:
        return read_count(words, c);
    case RC_SCRIPT_READ:
        return read_extras(words, c);
    case RC_SCRIPT_DELETE:
        return read_delete(words, c);
    case RC_SCRIPT_LEASE:
    case RC_SCRIPT_FILL:
    case RC_SCRIPT_UNLEASE:
    case RC_SCRIPTS_LEN:
        break; /* nobody fetches here */
    }
    return false;
}

/* A script of one key, by its text or its digest. */
static bool read_script(const struct words *words, struct command *c)
{
    bool whole = text_is(words->word[0], "EVAL");
    if (words->count < 4 || !text_is(words->word[2], "1")) {
        return false;
    }
    c->key = words->word[3];
    for (int i = 0; i < RC_SCRIPTS_LEN; i++) {
        if (text_is(words->word[1], whole ? rc_scripts[i].text : rc_scripts[i].sha1)) {
            return read_arguments((enum rc_script_name)i, words, c);
        }
    }
    return false;
}

/* ---- answers ---- */

static void say_read(struct peer *peer, const struct command *c, const struct item *item)
{
    if (!c->want_ttl) {
        say_bulk(peer, sim_bytes_view(&item->value));
        return;
    }
    text_say(peer, "*3\r\n");
    say_bulk(peer, sim_bytes_view(&item->value));
    if (c->want_cas) {
        text_say(peer, "$16\r\n%016" PRIx64 "\r\n", item->cas);
    } else {
        text_say(peer, "$0\r\n\r\n");
    }
    text_say(peer, ":%" PRId64 "\r\n", item->time == 0 ? -1 : item->time);
}

static void say_done(struct peer *peer, const struct command *c, const struct slot *slot)
{
    switch (c->op) {
    case RINGCACHE_GET:
    case RINGCACHE_GET_AND_TOUCH:
        say_read(peer, c, slot->item);
        return;
    case RINGCACHE_INCREMENT:
    case RINGCACHE_DECREMENT:
        say_bulk(peer, sim_bytes_view(&slot->item->value));
        return;
    case RINGCACHE_DELETE:
    case RINGCACHE_TOUCH:
        text_say(peer, ":1\r\n");
        return;
    case RINGCACHE_SET:
    case RINGCACHE_ADD:
    case RINGCACHE_REPLACE:
    case RINGCACHE_APPEND:
    case RINGCACHE_PREPEND:
    case RINGCACHE_CAS:
        text_say(peer, "+OK\r\n");
        return;
    }
}

static void answer(struct peer *peer, const struct command *c, const struct slot *slot)
{
    int status = slot->answer.status;
    bool counts = c->op == RINGCACHE_INCREMENT || c->op == RINGCACHE_DECREMENT;
    if (status < 0) {
        text_say(peer, "-%s\r\n", slot->answer.words);
    } else if (status == RINGCACHE_OK) {
        say_done(peer, c, slot);
    } else if (status == RINGCACHE_EXISTS) {
        text_say(peer, "+EXISTS\r\n");
    } else if (c->op == RINGCACHE_DELETE || c->op == RINGCACHE_TOUCH) {
        text_say(peer, ":0\r\n");
    } else if (status == RINGCACHE_NOT_STORED && counts) {
        text_say(peer, "+NOT_STORED\r\n");
    } else {
        text_say(peer, "$-1\r\n");
    }
}

/* ---- hearing ---- */

static void hear_mget(struct peer *peer, const struct words *words)
{
    text_say(peer, "*%zu\r\n", words->count - 1);
    peer->may_prove = false;
    for (size_t i = 1; i < words->count; i++) {
        struct command c = {.op = RINGCACHE_GET, .key = words->word[i], .batched = true};
        const struct slot *slot = hear(peer, &c);
        if (slot != NULL) {
            answer(peer, &c, slot);
        }
    }
}

static void hear_user(struct peer *peer, const struct words *words, struct rc_slice bytes)
{
    struct command c = {0};
    bool scripted = text_is(words->word[0], "EVAL") || text_is(words->word[0], "EVALSHA");
    bool may_prove = peer->may_prove;
    peer->owes_echo = peer->trial->rules.strict;
    peer->may_prove = !peer->owes_echo;
    if (hear_raw(peer, words) != NULL) {
        say_bulk(peer, words->word[words->count - 1]);
    } else if (text_is(words->word[0], "MGET") && words->count > 1) {
        hear_mget(peer, words);
    } else if (scripted ? read_script(words, &c) : read_plain(words, &c)) {
        const struct slot *slot = hear(peer, &c);
        if (slot != NULL) {
            answer(peer, &c, slot);
        }
    } else if (may_prove) {
        peer->may_prove = false;
        hear_echo(peer, words);
    } else {
        trial_fail(peer->trial, "no command that was submitted", bytes);
    }
}

static size_t redis_hear(struct peer *peer, struct rc_slice bytes)
{
    struct words words;
    size_t len = read_words(peer, bytes, &words);
    if (len == 0) {
        return 0;
    }
    skip_questions(peer, &words);
    if (peer->greeted < STEPS) {
        if (!greets(peer, &words)) {
            trial_fail(peer->trial, "not the next step of the greeting", bytes);
        }
    } else if (peer->owes_echo) {
        hear_echo(peer, &words);
    } else if (!hear_own(peer, &words)) {
        hear_user(peer, &words, bytes);
    }
    return len;
}

const struct speech speech_redis = {.number = REDIS, .redis = true, .hear = redis_hear};
