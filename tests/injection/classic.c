/* SPDX-License-Identifier: MIT */
/* An older memcached: classic text, from its documentation. */
#include "injection.h"

#include <inttypes.h>

static bool read_store(const struct words *words, struct command *c, uint64_t *data_len)
{
    static const struct {
        const char *name;
        ringcache_op op;
    } stores[] = {
        {"set", RINGCACHE_SET},
        {"add", RINGCACHE_ADD},
        {"replace", RINGCACHE_REPLACE},
        {"append", RINGCACHE_APPEND},
        {"prepend", RINGCACHE_PREPEND},
        {"cas", RINGCACHE_CAS},
    };
    uint64_t client_flags;
    size_t i = 0, count = sizeof stores / sizeof *stores;
    while (i < count && !text_is(words->word[0], stores[i].name)) {
        i++;
    }
    bool compares = i < count && stores[i].op == RINGCACHE_CAS;
    if (i == count || words->count != (compares ? 6 : 5) ||
        !text_number(words->word[2], UINT32_MAX, &client_flags) ||
        !text_time(words->word[3], &c->time) ||
        !text_number(words->word[4], UINT32_MAX, data_len) ||
        (compares && !text_number(words->word[5], UINT64_MAX, &c->cas))) {
        return false;
    }
    c->op = stores[i].op;
    if (compares && c->time < 0) { /* expired before it is there: how to delete under a token */
        c->op = RINGCACHE_DELETE;
        c->time = 0;
    }
    c->flags = (uint32_t)client_flags;
    c->key = words->word[1];
    return text_is_key(c->key);
}

/* Commands of one key and no data; false when it is none. */
static bool read_line(const struct words *words, struct command *c)
{
    struct rc_slice name = words->word[0];
    bool timed = text_is(name, "gat") || text_is(name, "gats");
    size_t place = timed ? 2 : 1;
    if (words->count <= place || !text_is_key(words->word[place])) {
        return false;
    }
    c->key = words->word[place];
    c->want_cas = text_is(name, "gets") || text_is(name, "gats");
    if (timed) {
        c->op = RINGCACHE_GET_AND_TOUCH;
        return words->count == 3 && text_time(words->word[1], &c->time);
    }
    if (text_is(name, "touch")) {
        c->op = RINGCACHE_TOUCH;
        return words->count == 3 && text_time(words->word[2], &c->time);
    }
    if (text_is(name, "incr") || text_is(name, "decr")) {
        c->op = text_is(name, "incr") ? RINGCACHE_INCREMENT : RINGCACHE_DECREMENT;
        return words->count == 3 && text_number(words->word[2], UINT64_MAX, &c->delta);
    }
    c->op = text_is(name, "delete") ? RINGCACHE_DELETE : RINGCACHE_GET;
    return words->count == 2 && (c->want_cas || text_is(name, "get") || text_is(name, "delete"));
}

/* ---- answers ---- */

static void say_value(struct peer *peer, const struct command *c, const struct item *item)
{
    struct rc_slice value = sim_bytes_view(&item->value);
    text_say(peer, "VALUE %.*s %" PRIu32 " %zu", (int)c->key.len, (const char *)c->key.data,
        item->flags, value.len);
    if (c->want_cas) {
        text_say(peer, " %" PRIu64, item->cas);
    }
    text_say(peer, "\r\n");
    sim_bytes_append(&peer->out, value.data, value.len);
    text_say(peer, "\r\n");
}

static const char *words_of(const struct command *c, int status)
{
    bool reads = c->op == RINGCACHE_GET || c->op == RINGCACHE_GET_AND_TOUCH;
    switch (status) {
    case RINGCACHE_MISS:
        return reads ? "END" : "NOT_FOUND";
    case RINGCACHE_NOT_STORED:
        return "NOT_STORED";
    case RINGCACHE_EXISTS:
        return "EXISTS";
    default:
        break;
    }
    if (c->op == RINGCACHE_TOUCH) {
        return "TOUCHED";
    }
    return c->op == RINGCACHE_DELETE && c->cas == 0 ? "DELETED" : "STORED";
}

static void answer(struct peer *peer, const struct command *c, const struct slot *slot)
{
    bool counts = c->op == RINGCACHE_INCREMENT || c->op == RINGCACHE_DECREMENT;
    bool reads = c->op == RINGCACHE_GET || c->op == RINGCACHE_GET_AND_TOUCH;
    int status = slot->answer.status;
    if (status < 0) {
        text_say(peer, "%s\r\n", slot->answer.words);
    } else if (status == RINGCACHE_OK && reads) {
        say_value(peer, c, slot->item);
        text_say(peer, "END\r\n");
    } else if (status == RINGCACHE_OK && counts) {
        text_say(peer, "%" PRIu64 "\r\n", slot->answer.number);
    } else {
        text_say(peer, "%s\r\n", words_of(c, status));
    }
}

/* ---- hearing ---- */

void hear_gets(struct peer *peer, const struct words *words)
{
    for (size_t i = 1; i < words->count; i++) {
        struct command c = {.op = RINGCACHE_GET, .key = words->word[i], .batched = true};
        const struct slot *slot = hear(peer, &c);
        if (slot != NULL && slot->answer.status == RINGCACHE_OK) {
            say_value(peer, &c, slot->item);
        }
    }
    text_say(peer, "END\r\n");
}

/* The question a connection begins with, and later the ping. */
static void hear_version(struct peer *peer)
{
    if (peer->greeted > 0) {
        hear_ping(peer);
    }
    peer->greeted += peer->greeted == 0;
    text_say(peer, "VERSION 1.4.39\r\n");
}

static size_t classic_hear(struct peer *peer, struct rc_slice bytes)
{
    struct words words;
    struct command c = {0};
    uint64_t data_len = 0;
    size_t len = text_line(peer, bytes, &words);
    if (len == 0) {
        return 0;
    }
    if (words.count == 1 && text_is(words.word[0], "version")) {
        hear_version(peer);
        return len;
    }
    if (text_settings(peer, &words)) {
        return len;
    }
    if (peer->greeted > 0 && words.count > 2 && text_is(words.word[0], "get")) {
        hear_gets(peer, &words);
        return len;
    }
    if (peer->greeted > 0 && words.count > 4 && read_store(&words, &c, &data_len)) {
        if (!text_data(peer, bytes, len, data_len)) {
            return 0;
        }
        c.value = rc_slice(bytes.data + len, (size_t)data_len);
        len += (size_t)data_len + 2;
    } else if (peer->greeted == 0 || !read_line(&words, &c)) {
        trial_fail(peer->trial, "no command of the classic protocol", bytes);
        return 0;
    }
    const struct slot *slot = hear(peer, &c);
    if (slot != NULL) {
        answer(peer, &c, slot);
    }
    return len;
}

const struct speech speech_classic = {.number = CLASSIC, .hear = classic_hear};
