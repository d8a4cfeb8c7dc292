/* SPDX-License-Identifier: MIT */
#include "replies.h"

#include "base/key_run.h"
#include "engine/bytes.h"

enum { PIECES = 3, QUESTIONS = 4, BATCH = 3, NAMES = 3, KEY_BYTES = 7 };

struct how {
    bool strict;
    uint64_t max_value_bytes;
    struct rc_slice pieces, questions;
};

/* One way through the stream. */
struct run {
    const struct fuzz_reader *reader;
    const struct how *how;
    struct rc_slice stream;
    size_t start, arrived; /* where the reply that is due begins, and how much there is */
    /* What was taken out of that reply and, in a batch, of those behind: where, without what was
     * taken out before, and how much. */
    struct hole {
        size_t at, len;
    } holes[BATCH];
    size_t hole_count;
    size_t most_needed; /* of it, as the decoder said */
    size_t asked;       /* questions before the one that is due */
    uint32_t due;       /* of the batch that was begun; 0: none was */
    uint64_t token;
    struct rc_decoder decoder;
    struct sim_bytes told;                           /* all answers, and the end */
    bool broken;                                     /* no server says that */
    unsigned char keys[(NAMES + BATCH) * KEY_BYTES]; /* "n:a", "n:b" … as a connection has them */
};

bool fuzz_contains(struct rc_slice whole, struct rc_slice part)
{
    return part.len == 0 ||
           (whole.len > 0 && memmem(whole.data, whole.len, part.data, part.len) != NULL);
}

/* ---- what is asked ---- */

static const char *const names[NAMES] = {"a", "b", "c"};

static void write_keys(struct run *run)
{
    unsigned char *at = run->keys;
    for (size_t i = 0; i < NAMES + BATCH; i++) {
        at = rc_key_run_put(at, rc_slice_text("n:"), rc_slice_text(names[i % NAMES]));
    }
}

/* A question is a verb and what is wanted besides; the bits of the latter are read as fits. */
static struct rc_expect expectation(const struct run *run)
{
    enum { VERB = 31, CAS = 32, TTL = 64, TOGETHER = 128 };
    const struct fuzz_reader *reader = run->reader;
    struct rc_slice questions = run->how->questions;
    unsigned question = questions.len > 0 ? questions.data[run->asked % questions.len] : 0;
    enum rc_verb verb = reader->verbs[(question & VERB) % reader->verb_count];
    bool together = verb == RC_VERB_GET && (question & TOGETHER) != 0;
    return (struct rc_expect){
        .verb = verb,
        .strict = run->how->strict && !together,
        .token = run->token,
        .prefix = rc_slice_text("n:"),
        .key = rc_slice_text(names[run->token % NAMES]),
        .want_cas = verb == RC_VERB_LEASE || ((question & CAS) != 0 && !together),
        .want_ttl = (question & TTL) != 0 && !together,
        .again = verb == RC_VERB_INCREMENT && (question & TOGETHER) != 0,
        .scripted = (question & TTL) != 0 && !together,
        .due = !together      ? 0
               : run->due > 0 ? run->due
                              : BATCH,
        .first = run->due == 0,
        .keys = run->keys + run->token % NAMES * KEY_BYTES,
    };
}

/* The reply is over, and so is its question, or with `all` every other of its batch. */
static void next_question(struct run *run, const struct rc_expect *expect, bool all)
{
    bool last = all || expect->due <= 1;
    run->token += all && expect->due > 0 ? expect->due : 1;
    run->due = last ? 0 : expect->due - 1;
    run->asked += last;
}

/* ---- what is told ---- */

static void tell(struct run *run, struct rc_slice bytes)
{
    sim_bytes_append(&run->told, bytes.data, bytes.len);
}

static void tell_answer(struct run *run, const struct rc_answer *answer)
{
    tell(run, answer->value);
    if (answer->more) { /* where a reply is cut into parts is no promise */
        return;
    }
    char line[200];
    int len = snprintf(line, sizeof line,
        "\n%d %d %d%d%d %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRId64 " @%zu ",
        answer->status, (int)answer->refusal, answer->again, answer->all, answer->close,
        answer->marks, answer->flags, answer->number, answer->cas, answer->ttl_ms, run->start);
    tell(run, rc_slice(line, (size_t)len));
    tell(run, answer->message);
}

/* ---- what must hold of each answer ---- */

static bool is_inside(struct rc_slice part, struct rc_slice whole)
{
    return part.len == 0 ||
           (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

/* Nothing that was let through is refused where it is looked into. */
static void look_into(const struct fuzz_reader *reader, const struct fuzz_reply *reply)
{
    enum rc_verb verb = reply->expect.verb;
    struct rc_slice value = reply->answer->value, rest = value;
    struct rc_figure figure;
    if (verb == RC_VERB_STATS) {
        while (reader->codec->next_figure(&rest, &figure)) {
            FUZZ_MUST(figure.name.len > 0 && is_inside(figure.name, value));
            FUZZ_MUST(is_inside(figure.value, value));
        }
        FUZZ_MUST(rest.len == 0);
    } else if (verb == RC_VERB_KEYS) {
        struct rc_listed listed;
        while (reader->codec->next_key(&rest, &listed)) {
            FUZZ_MUST(listed.exptime_s >= -1);
        }
        FUZZ_MUST(rest.len == 0);
    } else if (rc_slice_starts(reply->frame, "VERSION ")) {
        struct rc_slice line = rc_slice(reply->frame.data, reply->frame.len - 2);
        FUZZ_MUST(!rc_meta_version_ok(value) || !rc_meta_version_ok(line));
    }
}

/* One of a batch that the last key's reply proved, for which more was needed than its own part. */
static bool is_proven_later(const struct run *run, const struct fuzz_reply *reply)
{
    return reply->expect.due > 1 && run->reader->codec == &rc_codec_meta;
}

static void check_answer(struct run *run, const struct fuzz_reply *reply, struct rc_slice input)
{
    const struct rc_answer *answer = reply->answer;
    bool skipped =
        reply->expect.due > 1 && (answer->status == RINGCACHE_MISS || is_proven_later(run, reply));
    FUZZ_MUST(reply->frame.len > 0 || skipped);
    FUZZ_MUST(reply->frame.len == 0 || is_proven_later(run, reply) ||
              reply->frame.len >= run->most_needed);
    FUZZ_MUST(run->decoder.need == 0 && !run->decoder.excess.found);
    FUZZ_MUST(is_inside(answer->value, reply->frame));
    FUZZ_MUST(answer->status >= 0 || answer->status == RINGCACHE_ETOOBIG ||
              is_inside(answer->message, input));
    FUZZ_MUST(
        reply->expect.verb > RC_VERB_UNLEASE || answer->value.len <= run->how->max_value_bytes);
    FUZZ_MUST(!answer->more || reply->expect.verb == RC_VERB_KEYS);
    if (answer->status == RINGCACHE_OK) {
        look_into(run->reader, reply);
    }
    run->reader->judge(reply);
}

/* ---- the stream ---- */

static size_t taken_out(const struct run *run)
{
    size_t len = 0;
    for (size_t i = 0; i < run->hole_count; i++) {
        len += run->holes[i].len;
    }
    return len;
}

/* What is there of the reply that is due, without what was taken out. */
static struct rc_slice present(const struct run *run)
{
    const unsigned char *from = run->stream.data + run->start;
    size_t len = run->arrived - run->start - taken_out(run), at = 0;
    unsigned char *copy = fuzz_copy(rc_slice(from, len), 0);
    for (size_t i = 0; i < run->hole_count; i++) {
        from += run->holes[i].len;
        at = run->holes[i].at;
        memmove(copy + at, from + at, len - at);
    }
    return rc_slice(copy, len);
}

/* Take what has come of a value that is too long out; false while more of it is to come. */
static bool drop_excess(struct run *run)
{
    struct rc_excess *excess = &run->decoder.excess;
    if (excess->left == 0) {
        return true;
    }
    size_t came = run->arrived - run->start - taken_out(run) - excess->at;
    size_t n = came < excess->left ? came : excess->left;
    if (run->hole_count == 0 || run->holes[run->hole_count - 1].at != excess->at) {
        FUZZ_MUST(run->hole_count < BATCH);
        run->holes[run->hole_count++] = (struct hole){.at = excess->at};
    }
    run->holes[run->hole_count - 1].len += n;
    excess->left -= n;
    return excess->left == 0;
}

/* So many of the bytes that are present were taken. */
static void go_on(struct run *run, size_t consumed)
{
    size_t passed = 0;
    run->start += consumed;
    while (passed < run->hole_count && run->holes[passed].at < consumed) {
        run->start += run->holes[passed++].len;
    }
    run->hole_count -= passed;
    for (size_t i = 0; i < run->hole_count; i++) {
        run->holes[i] = run->holes[i + passed];
        run->holes[i].at -= consumed;
    }
    run->most_needed = consumed > 0 ? 0 : run->most_needed;
}

static void take(struct run *run, const struct fuzz_reply *reply)
{
    const struct rc_answer *answer = reply->answer;
    go_on(run, reply->frame.len);
    tell_answer(run, answer);
    if (!answer->more) {
        next_question(run, &reply->expect, answer->all);
    }
}

/* Is there another reply to look for in what has come? */
static bool decode(struct run *run, struct rc_slice input)
{
    const struct rc_expect expect = expectation(run);
    struct rc_decoder *decoder = &run->decoder;
    struct rc_answer answer = {0};
    size_t consumed = 0, need = decoder->need;
    enum rc_decoded got = run->reader->codec->decode(decoder, input, &expect, &answer, &consumed);
    FUZZ_MUST(got == RC_DECODED_MORE || input.len >= need);
    switch (got) {
    case RC_DECODED_MORE:
        FUZZ_MUST(decoder->excess.left > 0 || decoder->need > input.len);
        FUZZ_MUST(input.len >= need || decoder->need == need);
        run->most_needed = decoder->need > run->most_needed ? decoder->need : run->most_needed;
        return decoder->excess.left > 0;
    case RC_DECODED_BAD:
        FUZZ_MUST(answer.status == RINGCACHE_EPROTOCOL && answer.message.len > 0);
        FUZZ_MUST(decoder->need == 0);
        tell_answer(run, &answer);
        run->broken = true;
        return false;
    case RC_DECODED_ONE:
        break;
    }
    FUZZ_MUST(consumed <= input.len);
    const struct fuzz_reply reply = {expect, rc_slice(input.data, consumed), &answer};
    check_answer(run, &reply, input);
    take(run, &reply);
    return true;
}

static void understand(struct run *run)
{
    bool more = true;
    while (more && drop_excess(run)) {
        struct rc_slice input = present(run);
        more = decode(run, input);
        free((void *)(uintptr_t)input.data);
    }
}

/* All of it at once where there are no pieces. */
static size_t next_piece(const struct how *how, size_t number, size_t left)
{
    size_t piece = how->pieces.len > 0 ? how->pieces.data[number % how->pieces.len] + 1U : left;
    return piece < left ? piece : left;
}

static struct sim_bytes read_stream(
    const struct fuzz_reader *reader, const struct how *how, struct rc_slice stream)
{
    struct run run = {
        .reader = reader,
        .how = how,
        .stream = stream,
        .decoder.limits.max_value_bytes = how->max_value_bytes,
    };
    write_keys(&run);
    for (size_t i = 0; run.arrived < stream.len && !run.broken; i++) {
        run.arrived += next_piece(how, i, stream.len - run.arrived);
        understand(&run);
    }
    return run.told;
}

/* Lines that nobody has let through are looked into no further than they go. */
static void look_into_lines(const struct rc_codec *codec, struct rc_slice input)
{
    const unsigned char *end = input.len > 0 ? memrchr(input.data, '\n', input.len) : NULL;
    struct rc_slice lines = rc_slice(input.data, end != NULL ? (size_t)(end - input.data) + 1 : 0);
    struct rc_slice figures = lines, keys = lines;
    struct rc_figure figure;
    struct rc_listed listed;
    while (codec->next_figure(&figures, &figure)) {
        FUZZ_MUST(is_inside(figure.name, lines) && is_inside(figure.value, lines));
    }
    while (codec->next_key(&keys, &listed)) {
        FUZZ_MUST(listed.exptime_s >= -1);
    }
}

void fuzz_replies(const struct fuzz_reader *reader, struct rc_slice input)
{
    static const uint64_t bounds[] = {70000, 1, 8, 64};
    uint64_t bits = fuzz_draw(&input, 256);
    struct how how = {.strict = (bits & 1) != 0, .max_value_bytes = bounds[bits >> 1 & 3]};
    how.pieces = fuzz_take(&input, PIECES);
    how.questions = fuzz_take(&input, QUESTIONS);
    struct sim_bytes split = read_stream(reader, &how, input);
    how.pieces.len = 0;
    struct sim_bytes whole = read_stream(reader, &how, input);
    FUZZ_MUST(rc_slice_equal(sim_bytes_view(&split), sim_bytes_view(&whole)));
    sim_bytes_deinit(&split);
    sim_bytes_deinit(&whole);
    if (input.len > 0) {
        unsigned char *rest = fuzz_copy(input, 0);
        struct rc_slice said = reader->codec->unsolicited(rc_slice(rest, input.len));
        FUZZ_MUST(said.len <= 256);
        look_into_lines(reader->codec, rc_slice(rest, input.len));
        free(rest);
    }
}
