/* SPDX-License-Identifier: MIT */
/* Commands of any content, written by the codecs and heard by the servers of the injection test,
 * which were written from the protocols' descriptions: each is that one command and no other, in
 * pieces too; and what such a server answers is understood as what it meant.
 *
 *     input:   protocol ── then commands, until it is over
 */
#include "../unit/codec/batch_encode.h"
#include "base/key_run.h"
#include "fuzz.h"
#include "injection.h"

enum { KEYS = 4, KEY_BYTES = 40, RUN_BYTES = 64, VALUE_BYTES = 300, GREETED = 9 };

/* A server without a client. */
struct stage {
    struct trial trial;
    struct peer peer;
    const struct rc_codec *codec;
    struct rc_decoder decoder;
    struct rc_slice *input;
    uint64_t token;
    unsigned char keys[KEYS][KEY_BYTES];
    unsigned char value[VALUE_BYTES];
};

static const enum rc_verb verbs[] = {
    [RINGCACHE_GET] = RC_VERB_GET,
    [RINGCACHE_SET] = RC_VERB_SET,
    [RINGCACHE_ADD] = RC_VERB_ADD,
    [RINGCACHE_REPLACE] = RC_VERB_REPLACE,
    [RINGCACHE_APPEND] = RC_VERB_APPEND,
    [RINGCACHE_PREPEND] = RC_VERB_PREPEND,
    [RINGCACHE_CAS] = RC_VERB_CAS,
    [RINGCACHE_DELETE] = RC_VERB_DELETE,
    [RINGCACHE_TOUCH] = RC_VERB_TOUCH,
    [RINGCACHE_GET_AND_TOUCH] = RC_VERB_GET_AND_TOUCH,
    [RINGCACHE_INCREMENT] = RC_VERB_INCREMENT,
    [RINGCACHE_DECREMENT] = RC_VERB_DECREMENT,
};

/* ---- what is asked ---- */

/* Each key begins with a letter of its own, and has what its protocol permits. */
static void choose_key(struct stage *stage, size_t number)
{
    unsigned char *key = stage->keys[number];
    struct rc_slice bytes = fuzz_take(stage->input, (size_t)fuzz_draw(stage->input, KEY_BYTES - 1));
    key[0] = (unsigned char)('a' + number);
    for (size_t i = 0; i < bytes.len; i++) {
        bool plain = bytes.data[i] > 0x20 && bytes.data[i] != 0x7f;
        key[1 + i] = plain || stage->codec->binary_keys ? bytes.data[i] : '_';
    }
    slot_take_key(&stage->trial.slots[number], rc_slice(key, 1 + bytes.len));
}

static uint64_t draw_counter(struct stage *stage)
{
    uint64_t bits = fuzz_draw(stage->input, 256);
    return bits < 128 ? bits : UINT64_MAX >> (1 + bits % 63);
}

static bool stores(ringcache_op op)
{
    return op >= RINGCACHE_SET && op <= RINGCACHE_CAS;
}

/* What the client would let through. */
static ringcache_request draw_request(struct stage *stage)
{
    struct rc_slice *input = stage->input;
    bool redis = stage->peer.speech->redis, classic = stage->peer.speech == &speech_classic;
    ringcache_request r = {.op = (ringcache_op)fuzz_draw(input, RINGCACHE_DECREMENT + 1)};
    bool reads = r.op == RINGCACHE_GET || r.op == RINGCACHE_GET_AND_TOUCH;
    bool counts = r.op == RINGCACHE_INCREMENT || r.op == RINGCACHE_DECREMENT;
    bool extends = r.op == RINGCACHE_APPEND || r.op == RINGCACHE_PREPEND;
    uint64_t bits = fuzz_draw(input, 256);
    if (reads) {
        r.options |= (bits & 1) != 0 ? RINGCACHE_WANT_CAS : 0;
        r.options |= (bits & 2) != 0 && !classic ? RINGCACHE_WANT_TTL : 0;
    }
    if (counts) {
        r.options |= (bits & 1) != 0 && !classic ? RINGCACHE_WITH_INITIAL : 0;
        r.delta = draw_counter(stage);
        r.initial = r.options != 0 ? draw_counter(stage) : 0;
    }
    if ((stores(r.op) && !extends) || r.op == RINGCACHE_TOUCH || r.op == RINGCACHE_GET_AND_TOUCH ||
        r.options == RINGCACHE_WITH_INITIAL) {
        r.ttl_ms = (bits & 4) != 0 ? 1 + (int64_t)fuzz_draw(input, 1 << 24) : 0;
    }
    if (stores(r.op) && !extends && !redis) {
        r.flags = (bits & 8) != 0 ? (uint32_t)fuzz_draw(input, (uint64_t)1 << 32) : 0;
    }
    if (r.op == RINGCACHE_CAS || (r.op == RINGCACHE_DELETE && (bits & 16) != 0)) {
        r.cas = 1 + draw_counter(stage);
    }
    return r;
}

static struct rc_command command_of(struct stage *stage, const struct slot *slot)
{
    const ringcache_request *r = &slot->request;
    return (struct rc_command){
        .verb = verbs[r->op],
        .strict = stage->trial.rules.strict,
        .token = stage->token++,
        .prefix = rc_slice(stage->trial.prefix, stage->trial.rules.prefix_len),
        .key = rc_slice(slot->key, slot->key_len),
        .value = sim_bytes_view(&slot->sent),
        .flags = r->flags,
        .ttl_ms = r->ttl_ms,
        .exptime_s = slot->exptime,
        .cas = r->cas,
        .delta = r->delta,
        .initial = r->initial,
        .with_initial = (r->options & RINGCACHE_WITH_INITIAL) != 0,
        .want_cas = (r->options & RINGCACHE_WANT_CAS) != 0,
        .want_ttl = (r->options & RINGCACHE_WANT_TTL) != 0,
    };
}

static void begin(struct stage *stage, struct slot *slot, const ringcache_request *request)
{
    slot->request = *request;
    slot->state = SLOT_PENDING;
    slot->many = false;
    slot->heard = slot->goes_back = slot->went_back = false;
    slot->goes_alone = slot->went_alone = slot->named = false;
    slot->order = ++stage->trial.orders;
    slot->exptime = (request->ttl_ms + 999) / 1000;
    sim_bytes_clear(&slot->sent);
    if (stores(request->op)) {
        size_t len = (size_t)fuzz_draw(stage->input, VALUE_BYTES);
        struct rc_slice value = fuzz_take(stage->input, len);
        sim_bytes_append(&slot->sent, value.data, value.len);
    }
}

/* ---- what is heard ---- */

/* All of it arrives, in two pieces. */
static void arrive(struct stage *stage, const struct rc_buf *out)
{
    size_t cut = out->len > 0 ? (size_t)fuzz_draw(stage->input, 256) % out->len : 0;
    peer_receive(&stage->peer, rc_slice(out->data, cut));
    peer_receive(&stage->peer, rc_slice(out->data + cut, out->len - cut));
    if (stage->trial.failure[0] != '\0') {
        fprintf(stderr, "%s\n", stage->trial.failure);
    }
    FUZZ_MUST(stage->trial.failure[0] == '\0');
    FUZZ_MUST(stage->peer.in.len == 0 && !stage->peer.owes_echo && !stage->peer.unproven);
}

static struct rc_expect expect_of(const struct rc_command *command, uint32_t due, bool first)
{
    return (struct rc_expect){
        .verb = command->verb,
        .strict = command->strict,
        .token = command->token,
        .prefix = command->prefix,
        .key = command->key,
        .want_cas = command->want_cas,
        .want_ttl = command->want_ttl,
        .again = command->again,
        .due = due,
        .first = first,
    };
}

/* The next reply, which is whole. */
static struct rc_answer understand(
    struct stage *stage, const struct slot *slot, const struct rc_expect *expect)
{
    struct rc_answer answer = {0};
    size_t consumed = 0;
    struct rc_slice input = sim_bytes_view(&stage->peer.out);
    FUZZ_MUST(
        stage->codec->decode(&stage->decoder, input, expect, &answer, &consumed) == RC_DECODED_ONE);
    bool reads = expect->verb == RC_VERB_GET || expect->verb == RC_VERB_GET_AND_TOUCH;
    if (answer.status == RINGCACHE_OK && reads) {
        FUZZ_MUST(rc_slice_equal(answer.value, sim_bytes_view(&slot->item->value)));
        FUZZ_MUST(!expect->want_cas || answer.cas == slot->item->cas);
    }
    if (answer.status == RINGCACHE_OK && expect->verb == RC_VERB_INCREMENT) {
        FUZZ_MUST(answer.number == slot->answer.number);
    }
    sim_bytes_consume(&stage->peer.out, consumed);
    return answer;
}

/* ---- */

static struct rc_answer exchange(
    struct stage *stage, const struct slot *slot, const struct rc_command *command)
{
    struct rc_buf out = {0};
    FUZZ_MUST(stage->codec->encode(&out, command) == 0);
    FUZZ_MUST(out.len <= stage->codec->bound(command));
    arrive(stage, &out);
    rc_buf_deinit(&out);
    FUZZ_MUST(slot->heard);
    const struct rc_expect expect = expect_of(command, 0, true);
    struct rc_answer answer = understand(stage, slot, &expect);
    FUZZ_MUST(stage->peer.out.len == 0);
    return answer;
}

static void ask_one(struct stage *stage)
{
    struct slot *slot = &stage->trial.slots[fuzz_draw(stage->input, KEYS)];
    const ringcache_request request = draw_request(stage);
    begin(stage, slot, &request);
    struct rc_command command = command_of(stage, slot);
    struct rc_answer answer = exchange(stage, slot, &command);
    FUZZ_MUST((answer.again && !stage->peer.speech->redis) == slot->goes_back);
    if (slot->goes_back) {
        command.again = true;
        answer = exchange(stage, slot, &command);
        FUZZ_MUST(slot->went_back && answer.status == RINGCACHE_NOT_STORED);
        return;
    }
    FUZZ_MUST(answer.status == slot->answer.status);
}

static void understand_many(struct stage *stage, const struct rc_command *commands, size_t count)
{
    unsigned char run[KEYS * RUN_BYTES], *end = run;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        FUZZ_MUST(rc_key_run_size(commands[i].prefix, commands[i].key) <= RUN_BYTES);
        end = rc_key_run_put(end, commands[i].prefix, commands[i].key);
    }
    for (size_t i = 0; i < count; i++) {
        const struct slot *slot = &stage->trial.slots[i];
        struct rc_expect expect = expect_of(&commands[i], (uint32_t)(count - i), i == 0);
        expect.keys = run + at;
        struct rc_answer answer = understand(stage, slot, &expect);
        FUZZ_MUST(slot->heard && answer.status == slot->answer.status);
        FUZZ_MUST(answer.again == slot->goes_alone);
        (void)rc_key_run_next(run, &at);
    }
    FUZZ_MUST(stage->peer.out.len == 0);
}

static void ask_the_empty_ones(struct stage *stage, const struct rc_command *commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct slot *slot = &stage->trial.slots[i];
        if (slot->goes_alone) {
            struct rc_answer answer = exchange(stage, slot, &commands[i]);
            FUZZ_MUST(answer.status == slot->answer.status && !slot->goes_alone);
        }
    }
}

static void ask_many(struct stage *stage)
{
    struct rc_command commands[KEYS];
    struct rc_buf out = {0};
    const ringcache_request get = {.op = RINGCACHE_GET};
    bool strict = stage->trial.rules.strict;
    stage->trial.rules.strict = false;
    for (size_t i = 0; i < KEYS; i++) {
        begin(stage, &stage->trial.slots[i], &get);
        stage->trial.slots[i].many = true;
        commands[i] = command_of(stage, &stage->trial.slots[i]);
    }
    size_t count = 2 + (size_t)fuzz_draw(stage->input, KEYS - 1);
    FUZZ_MUST(batch_encode(stage->codec, &out, commands, count, false) == 0);
    arrive(stage, &out);
    rc_buf_deinit(&out);
    understand_many(stage, commands, count);
    ask_the_empty_ones(stage, commands, count);
    stage->trial.rules.strict = strict;
}

static void set_stage(struct stage *stage, struct rc_slice *input)
{
    static const struct speech *const speeches[] = {&speech_meta, &speech_classic, &speech_redis};
    static const struct rc_codec *const codecs[] = {
        &rc_codec_meta, &rc_codec_classic, &rc_codec_resp};
    size_t protocol = (size_t)fuzz_draw(input, SPEECHES);
    *stage = (struct stage){
        .codec = codecs[protocol],
        .decoder.limits.max_value_bytes = MAX_VALUE_BYTES,
        .input = input,
        .peer = {.trial = &stage->trial, .speech = speeches[protocol], .greeted = GREETED},
    };
    uint64_t bits = fuzz_draw(input, 4);
    stage->trial.rules.strict = (bits & 1) != 0;
    stage->trial.rules.prefix_len = (bits & 2) != 0 ? 2 : 0;
    memcpy(stage->trial.prefix, "n:", 2);
    for (size_t i = 0; i < KEYS; i++) {
        stage->trial.slots[i].trial = &stage->trial;
        choose_key(stage, i);
    }
}

static void clear_stage(struct stage *stage)
{
    for (size_t i = 0; i < KEYS; i++) {
        free(stage->trial.slots[i].key);
        sim_bytes_deinit(&stage->trial.slots[i].sent);
        sim_bytes_deinit(&stage->trial.slots[i].items[0].value);
    }
    sim_bytes_deinit(&stage->peer.in);
    sim_bytes_deinit(&stage->peer.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct stage stage;
    struct rc_slice input = rc_slice(bytes, len);
    set_stage(&stage, &input);
    while (input.len > 0) {
        if (fuzz_draw(&input, 8) == 0) {
            ask_many(&stage);
        } else {
            ask_one(&stage);
        }
    }
    clear_stage(&stage);
    return 0;
}
