/* SPDX-License-Identifier: MIT */
/* The Redis engine's framing, as 7.0 does it: arrays of bulk strings, and inline commands (without
 * the unquoting of their arguments). */
#include "engine/redis.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_INLINE = 64 * 1024, MAX_BULK = 512 * 1024 * 1024 };
enum { UNPROVEN_WORDS = 10, UNPROVEN_BULK = 16384 };

enum framed { FRAMED_MORE, FRAMED_WHOLE, FRAMED_BAD };

struct frame {
    struct rc_slice input;
    bool proven; /* authenticated, or nobody has to be */
    size_t used;
    int64_t words;
    const char *error;
    char got; /* behind `error`, when it ends with "got '" */
};

bool redis_integer(struct rc_slice word, int64_t *value)
{
    bool negative = word.len > 1 && word.data[0] == '-';
    size_t first = negative ? 1 : 0;
    uint64_t sum;
    if (!engine_digits(word, first, &sum) || (word.data[first] == '0' && word.len > 1)) {
        return false;
    }
    uint64_t most = (uint64_t)INT64_MAX + negative;
    if (sum > most) {
        return false;
    }
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

static enum framed bad(struct frame *f, const char *error)
{
    f->error = error;
    return FRAMED_BAD;
}

/* The line at f->used, without its end; FRAMED_BAD(too_big) when none ends in 64 KiB. */
static enum framed next_line(struct frame *f, const char *too_big, struct rc_slice *line)
{
    const unsigned char *from = f->input.data + f->used;
    size_t left = f->input.len - f->used;
    const unsigned char *cr = memchr(from, '\r', left);
    if (cr == NULL || (size_t)(cr - from) + 2 > left) {
        return cr == NULL && left > MAX_INLINE ? bad(f, too_big) : FRAMED_MORE;
    }
    *line = rc_slice(from, (size_t)(cr - from));
    f->used += line->len + 2;
    return FRAMED_WHOLE;
}

static enum framed next_count(struct frame *f)
{
    struct rc_slice line;
    enum framed framed = next_line(f, "too big mbulk count string", &line);
    if (framed != FRAMED_WHOLE) {
        return framed;
    }
    if (!redis_integer(rc_slice(line.data + 1, line.len - 1), &f->words) || f->words > INT32_MAX) {
        return bad(f, "invalid multibulk length");
    }
    if (!f->proven && f->words > UNPROVEN_WORDS) {
        return bad(f, "unauthenticated multibulk length");
    }
    return FRAMED_WHOLE;
}

/* The two bytes behind a bulk are skipped unseen, as the server does. */
static enum framed next_bulk(struct frame *f, struct rc_slice *bulk)
{
    struct rc_slice line;
    int64_t len;
    enum framed framed = next_line(f, "too big bulk count string", &line);
    if (framed != FRAMED_WHOLE) {
        return framed;
    }
    if (line.len == 0 || line.data[0] != '$') {
        bool shown = line.len > 0 && line.data[0] != '\n'; /* an error stays one line */
        f->got = (char)(shown ? line.data[0] : ' ');
        return bad(f, "expected '$', got '");
    }
    if (!redis_integer(rc_slice(line.data + 1, line.len - 1), &len) || len < 0 || len > MAX_BULK) {
        return bad(f, "invalid bulk length");
    }
    if (!f->proven && len > UNPROVEN_BULK) {
        return bad(f, "unauthenticated bulk length");
    }
    if (f->input.len - f->used < (size_t)len + 2) {
        return FRAMED_MORE;
    }
    *bulk = rc_slice(f->input.data + f->used, (size_t)len);
    f->used += (size_t)len + 2;
    return FRAMED_WHOLE;
}

/* First to see whether all is there: an announced count alone costs no memory. */
static enum framed frame_array(struct frame *f, struct rc_slice **argv)
{
    enum framed framed = next_count(f);
    size_t body = f->used;
    struct rc_slice bulk;
    for (int64_t i = 0; i < f->words && framed == FRAMED_WHOLE; i++) {
        framed = next_bulk(f, &bulk);
    }
    if (framed != FRAMED_WHOLE || f->words <= 0) {
        f->words = 0;
        return framed;
    }
    *argv = sim_alloc((size_t)f->words * sizeof **argv);
    f->used = body;
    for (int64_t i = 0; i < f->words; i++) {
        next_bulk(f, &(*argv)[i]);
    }
    return FRAMED_WHOLE;
}

static size_t next_word(struct rc_slice line, size_t at, struct rc_slice *word)
{
    while (at < line.len && line.data[at] == ' ') {
        at++;
    }
    size_t from = at;
    while (at < line.len && line.data[at] != ' ') {
        at++;
    }
    *word = rc_slice(line.data + from, at - from);
    return at;
}

static bool quotes_match(struct rc_slice line)
{
    size_t quotes = 0;
    for (size_t i = 0; i < line.len; i++) {
        quotes += line.data[i] == '"' || line.data[i] == '\'';
    }
    return quotes % 2 == 0;
}

static enum framed frame_inline(struct frame *f, struct rc_slice **argv)
{
    const unsigned char *lf = memchr(f->input.data, '\n', f->input.len);
    if (lf == NULL) {
        return f->input.len > MAX_INLINE ? bad(f, "too big inline request") : FRAMED_MORE;
    }
    size_t len = (size_t)(lf - f->input.data);
    f->used = len + 1;
    struct rc_slice line = rc_slice(f->input.data, len > 0 && lf[-1] == '\r' ? len - 1 : len);
    if (!quotes_match(line)) {
        return bad(f, "unbalanced quotes in request");
    }
    *argv = sim_alloc((line.len / 2 + 1) * sizeof **argv);
    struct rc_slice word;
    for (size_t at = next_word(line, 0, &word); word.len > 0; at = next_word(line, at, &word)) {
        (*argv)[f->words++] = word;
    }
    return FRAMED_WHOLE;
}

static void say_protocol_error(const struct frame *f, struct sim_bytes *reply)
{
    sim_bytes_text(reply, "-ERR Protocol error: ");
    sim_bytes_text(reply, f->error);
    if (f->got != 0) {
        sim_bytes_append(reply, &f->got, 1);
        sim_bytes_text(reply, "'");
    }
    sim_bytes_text(reply, "\r\n");
}

static enum engine_step run(
    struct engine_session *s, struct frame *f, struct rc_slice *argv, struct sim_bytes *reply)
{
    struct redis_call call = {
        .session = s, .engine = s->engine, .reply = reply, .argv = argv, .argc = (size_t)f->words};
    if (call.argc > 0) {
        redis_run(&call);
    }
    sim_bytes_consume(&s->input, f->used);
    return call.quit || s->killed ? ENGINE_ENDED : ENGINE_RAN;
}

static enum engine_step redis_step(struct engine_session *s, struct sim_bytes *reply)
{
    struct frame f = {.input = sim_bytes_view(&s->input),
        .proven = s->authenticated || s->engine->password == NULL};
    struct rc_slice *argv = NULL;
    bool array = f.input.data[0] == '*';
    enum framed framed = array ? frame_array(&f, &argv) : frame_inline(&f, &argv);
    enum engine_step step = ENGINE_STARVED;
    if (framed == FRAMED_WHOLE) {
        step = run(s, &f, argv, reply);
    }
    if (framed == FRAMED_BAD) {
        say_protocol_error(&f, reply);
        step = ENGINE_ENDED;
    }
    free(argv);
    return step;
}

const struct engine_protocol engine_redis = {
    .version = "7.0.15",
    .full = "-ERR max number of clients reached\r\n",
    .step = redis_step,
};
