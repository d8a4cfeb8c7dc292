/* SPDX-License-Identifier: MIT */
#include "talk.h"

struct engine *engine_of(enum engine_kind kind)
{
    struct engine *e = engine_new(kind, 1);
    engine_set_time(e, START_MS, WALL_S);
    return e;
}

static void run_all(struct engine_session *s, struct talk *t)
{
    enum engine_step step;
    while ((step = engine_step(s, &t->reply)) == ENGINE_RAN) {
    }
    t->ended = step == ENGINE_ENDED;
}

struct talk talk_to(struct engine *e, struct rc_slice bytes, size_t piece)
{
    struct talk t = {0};
    struct engine_session *s = engine_accept(e, 1, "10.0.0.9:5000", &t.reply);
    assert_non_null(s);
    for (size_t i = 0; i < bytes.len && !t.ended; i += piece) {
        size_t left = bytes.len - i;
        engine_receive(s, rc_slice(bytes.data + i, left < piece ? left : piece));
        run_all(s, &t);
    }
    engine_session_free(s);
    return t;
}

void assert_reply(struct talk *t, struct rc_slice reply, const char *send)
{
    struct rc_slice got = sim_bytes_view(&t->reply);
    if (!rc_slice_equal(got, reply)) {
        fail_msg("to %s came %.*s", send, (int)got.len, (const char *)got.data);
    }
    sim_bytes_deinit(&t->reply);
}

void expect(struct engine *e, const char *send, const char *reply)
{
    struct talk t = talk_to(e, rc_slice_text(send), SIZE_MAX / 2);
    assert_reply(&t, rc_slice_text(reply), send);
}

void check_table(struct engine *e, const struct exchange_table *table, size_t piece)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct exchange *x = &table->entries[i];
        struct talk t = talk_to(e, rc_slice(x->send, x->send_len), piece);
        assert_reply(&t, rc_slice(x->reply, x->reply_len), x->send);
        assert_int_equal(t.ended, x->closes);
    }
    engine_free(e);
}
