/* SPDX-License-Identifier: MIT */
/* A memcached of the meta protocol, from the text of its documentation. */
#include "injection.h"

#include <inttypes.h>

/* The flags of a command by their letters. */
struct flags {
    uint64_t seen;
    struct rc_slice argument[64];
};

static uint64_t bit(char letter)
{
    return UINT64_C(1) << (letter - 'A');
}

static bool has(const struct flags *flags, char letter)
{
    return (flags->seen & bit(letter)) != 0;
}

/* No flag twice, none but `known`, and an argument where one belongs. */
static bool read_flags(
    const struct words *words, size_t first, const char *known, struct flags *flags)
{
    flags->seen = 0;
    for (size_t i = first; i < words->count; i++) {
        struct rc_slice word = words->word[i];
        char letter = (char)word.data[0];
        bool argues = strchr("OCFTNJDM", letter) != NULL;
        if (strchr(known, letter) == NULL || has(flags, letter) || argues != (word.len > 1)) {
            return false;
        }
        flags->seen |= bit(letter);
        flags->argument[letter - 'A'] = rc_slice(word.data + 1, word.len - 1);
    }
    return true;
}

/* A flag that is not there leaves the number as it is. */
static bool read_number(const struct flags *flags, char letter, uint64_t most, uint64_t *number)
{
    return !has(flags, letter) || text_number(flags->argument[letter - 'A'], most, number);
}

static bool read_time(const struct flags *flags, char letter, int64_t *time)
{
    return !has(flags, letter) || text_time(flags->argument[letter - 'A'], time);
}

static bool read_token(const struct flags *flags, struct command *c)
{
    c->has_token = has(flags, 'O');
    c->key_back = has(flags, 'k');
    return !c->has_token || text_hex(flags->argument['O' - 'A'], 8, &c->token);
}

static bool read_mg(const struct words *words, struct flags *flags, struct command *c)
{
    if (!read_flags(words, 2, "vfctTOk", flags) || has(flags, 'v') != has(flags, 'f') ||
        (!has(flags, 'v') && !has(flags, 'T'))) {
        return false;
    }
    bool touches = has(flags, 'T');
    c->op = !has(flags, 'v') ? RINGCACHE_TOUCH : touches ? RINGCACHE_GET_AND_TOUCH : RINGCACHE_GET;
    c->want_cas = has(flags, 'c');
    c->want_ttl = has(flags, 't');
    return read_time(flags, 'T', &c->time);
}

static bool read_mode(const struct flags *flags, struct command *c)
{
    static const char letters[] = "EAPRS";
    static const ringcache_op ops[] = {
        RINGCACHE_ADD, RINGCACHE_APPEND, RINGCACHE_PREPEND, RINGCACHE_REPLACE, RINGCACHE_SET};
    c->op = has(flags, 'C') ? RINGCACHE_CAS : RINGCACHE_SET;
    if (!has(flags, 'M')) {
        return true;
    }
    struct rc_slice mode = flags->argument['M' - 'A'];
    const char *letter = mode.len == 1 ? memchr(letters, mode.data[0], 5) : NULL;
    if (letter == NULL || has(flags, 'C')) {
        return false;
    }
    c->op = ops[letter - letters];
    return true;
}

static bool read_ms(const struct words *words, struct flags *flags, struct command *c)
{
    uint64_t client_flags = 0;
    bool good = read_flags(words, 3, "MCFTOk", flags) && read_mode(flags, c) &&
                read_number(flags, 'F', UINT32_MAX, &client_flags) &&
                read_number(flags, 'C', UINT64_MAX, &c->cas) && read_time(flags, 'T', &c->time);
    c->flags = (uint32_t)client_flags;
    return good;
}

static bool read_ma(const struct words *words, struct flags *flags, struct command *c)
{
    if (!read_flags(words, 2, "MDNJvOk", flags) || !has(flags, 'M') || !has(flags, 'D') ||
        !has(flags, 'v') || has(flags, 'N') != has(flags, 'J')) {
        return false;
    }
    struct rc_slice mode = flags->argument['M' - 'A'];
    bool up = text_is(mode, "I");
    c->op = up ? RINGCACHE_INCREMENT : RINGCACHE_DECREMENT;
    c->with_initial = has(flags, 'N');
    return (up || text_is(mode, "D")) && read_number(flags, 'D', UINT64_MAX, &c->delta) &&
           read_number(flags, 'J', UINT64_MAX, &c->initial) && read_time(flags, 'N', &c->time);
}

static bool read_command(const struct words *words, struct flags *flags, struct command *c)
{
    struct rc_slice name = words->word[0];
    bool good;
    if (words->count < 2 || !text_is_key(words->word[1])) {
        return false;
    }
    c->key = words->word[1];
    if (text_is(name, "mg")) {
        good = read_mg(words, flags, c);
    } else if (text_is(name, "ms")) {
        good = words->count > 2 && read_ms(words, flags, c);
    } else if (text_is(name, "ma")) {
        good = read_ma(words, flags, c);
    } else {
        c->op = RINGCACHE_DELETE;
        good = text_is(name, "md") && read_flags(words, 2, "COk", flags) &&
               read_number(flags, 'C', UINT64_MAX, &c->cas);
    }
    return good && read_token(flags, c);
}

/* ---- answers ---- */

static const char *code_of(const struct command *c, int status)
{
    bool gets =
        c->op == RINGCACHE_GET || c->op == RINGCACHE_GET_AND_TOUCH || c->op == RINGCACHE_TOUCH;
    switch (status) {
    case RINGCACHE_MISS:
        return gets ? "EN" : "NF";
    case RINGCACHE_NOT_STORED:
        return "NS";
    case RINGCACHE_EXISTS:
        return "EX";
    default:
        return "HD";
    }
}

/* What was asked for, in the order in which it was asked. */
static void say_flags(struct peer *peer, const struct words *words, size_t first,
    const struct command *c, const struct item *item)
{
    for (size_t i = first; i < words->count; i++) {
        struct rc_slice word = words->word[i];
        if (word.data[0] == 'O') {
            text_say(peer, " %.*s", (int)word.len, (const char *)word.data);
        } else if (word.data[0] == 'k') {
            text_say(peer, " k%.*s", (int)c->key.len, (const char *)c->key.data);
        } else if (word.data[0] == 'f' && item != NULL) {
            text_say(peer, " f%" PRIu32, item->flags);
        } else if (word.data[0] == 'c' && item != NULL) {
            text_say(peer, " c%" PRIu64, item->cas);
        } else if (word.data[0] == 't' && item != NULL) {
            text_say(peer, " t%" PRId64, item->time == 0 ? -1 : item->time);
        }
    }
    text_say(peer, "\r\n");
}

static void answer(
    struct peer *peer, const struct words *words, const struct command *c, const struct slot *slot)
{
    const struct item *item = slot->item;
    int status = slot->answer.status;
    bool counts = c->op == RINGCACHE_INCREMENT || c->op == RINGCACHE_DECREMENT;
    bool reads = c->op == RINGCACHE_GET || c->op == RINGCACHE_GET_AND_TOUCH;
    if (status < 0) {
        text_say(peer, "%s\r\n", slot->answer.words);
    } else if (status == RINGCACHE_OK && (counts || reads)) {
        text_say(peer, "VA %zu", item->value.len);
        say_flags(peer, words, 2, c, counts ? NULL : item);
        struct rc_slice value = sim_bytes_view(&item->value);
        sim_bytes_append(&peer->out, value.data, value.len);
        text_say(peer, "\r\n");
    } else {
        text_say(peer, "%s", code_of(c, status));
        say_flags(peer, words, text_is(words->word[0], "ms") ? 3 : 2, c, NULL);
    }
}

/* ---- hearing ---- */

static bool hear_alone(struct peer *peer, const struct words *words)
{
    if (words->count != 1 || peer->greeted == 0) {
        bool version = words->count == 1 && text_is(words->word[0], "version");
        peer->greeted += version;
        text_say(peer, version ? "VERSION 1.6.38\r\n" : "");
        return version;
    }
    bool noop = text_is(words->word[0], "mn");
    if (noop) {
        hear_ping(peer);
        text_say(peer, "MN\r\n");
    }
    return noop;
}

static size_t meta_hear(struct peer *peer, struct rc_slice bytes)
{
    struct words words;
    struct flags flags;
    struct command c = {0};
    uint64_t data_len = 0;
    size_t len = text_line(peer, bytes, &words);
    if (len == 0) {
        return 0;
    }
    if (peer->greeted == 0 || words.count == 1) {
        if (!hear_alone(peer, &words)) {
            trial_fail(peer->trial, "not what a connection begins with, or no command", bytes);
        }
        return len;
    }
    if (text_settings(peer, &words)) {
        return len;
    }
    if (!peer->unproven && text_is(words.word[0], "get")) {
        hear_gets(peer, &words);
        peer->unproven = true;
        return len;
    }
    bool stores = text_is(words.word[0], "ms");
    if (!read_command(&words, &flags, &c) ||
        (stores && !text_number(words.word[2], UINT32_MAX, &data_len))) {
        trial_fail(peer->trial, "no command of the meta protocol", bytes);
        return 0;
    }
    if (stores) {
        if (!text_data(peer, bytes, len, data_len)) {
            return 0;
        }
        c.value = rc_slice(bytes.data + len, (size_t)data_len);
        len += (size_t)data_len + 2;
    }
    if (peer->unproven && c.op != RINGCACHE_GET) {
        trial_fail(peer->trial, "another command where a batch is to be proven", bytes);
        return 0;
    }
    c.proves = peer->unproven;
    peer->unproven = false;
    const struct slot *slot = hear(peer, &c);
    if (slot != NULL) {
        answer(peer, &words, &c, slot);
    }
    return len;
}

const struct speech speech_meta = {.number = META, .hear = meta_hear};
