/* SPDX-License-Identifier: MIT */
/* One client and the other end of its connections, both led by the input: requests, cancellations,
 * replies that fit or that are any bytes, writes that are taken in part, silence, ends. Each
 * callback runs once and never inside a call, and after the close nothing is held.
 *
 *     input:   options ── turns: what is asked, how long it takes, what the other end does
 */
#include "fuzz.h"

#include <errno.h>

#include "client/client.h"
#include "line.h"

enum { ASKS = 256, MANY = 20, TURNS = 400, PATIENCE_MS = 400, LENT_BYTES = 20000 };

enum speech { META, CLASSIC, REDIS };

struct talk;

struct ask {
    struct talk *talk;
    bool pending;
    ringcache_id id;
};

struct talk {
    struct line line;
    struct rc_slice input;
    ringcache_client *client;
    enum speech speech;
    struct ask asks[ASKS];
    size_t asked;
    uint64_t accepted, answered, lent, returned;
    ringcache_slice keys[MANY];
    size_t untold; /* of the many that is under way */
    bool many, in_call, closing, closed;
};

static const char key_letters[] = "abcdefghijklmnopqrst";
static const unsigned char lent_bytes[LENT_BYTES];

static uint64_t draw(struct talk *talk, uint64_t below)
{
    return fuzz_draw(&talk->input, below);
}

/* ---- what is asked ---- */

static void ask(struct talk *talk);

/* What a program does in a callback. */
static void act(struct talk *talk)
{
    if (draw(talk, 8) == 7) {
        ask(talk);
    }
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct ask *ask = user;
    struct talk *talk = ask->talk;
    FUZZ_MUST(client == talk->client && !talk->in_call && !talk->closed && ask->pending);
    FUZZ_MUST(reply->value.len == 0 || reply->status >= 0);
    FUZZ_MUST(reply->attempts > 0 || !reply->maybe_applied);
    ask->pending = false;
    talk->answered++;
    act(talk);
}

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct talk *talk = user;
    FUZZ_MUST(client == talk->client && !talk->in_call && !talk->closed && talk->untold > 0);
    FUZZ_MUST(reply->index < MANY);
    talk->untold--;
    act(talk);
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct talk *talk = user;
    FUZZ_MUST(client == talk->client && !talk->in_call && !talk->closed && talk->many);
    FUZZ_MUST(ok + missed + failed > 0 && talk->untold == 0);
    talk->many = false;
    talk->answered++;
    act(talk);
}

static void on_release(void *user, const void *bytes, size_t len)
{
    struct talk *talk = user;
    FUZZ_MUST(bytes == lent_bytes && len == LENT_BYTES && !talk->in_call && !talk->closed);
    talk->returned++;
}

static ringcache_request draw_request(struct talk *talk)
{
    ringcache_request r = {.op = (ringcache_op)draw(talk, RINGCACHE_DECREMENT + 1)};
    uint64_t bits = draw(talk, 256);
    r.key = (ringcache_slice){key_letters + bits % 3, 1};
    bool stores = r.op >= RINGCACHE_SET && r.op <= RINGCACHE_CAS;
    bool reads = r.op == RINGCACHE_GET || r.op == RINGCACHE_GET_AND_TOUCH;
    if (stores && (bits & 4) != 0) {
        r.options = RINGCACHE_LEND_VALUE;
        r.value = (ringcache_slice){lent_bytes, LENT_BYTES};
        r.release = on_release;
        r.release_user = talk;
    } else if (stores) {
        r.value = (ringcache_slice){key_letters, (size_t)(bits >> 3)};
        r.value.len = r.value.len < sizeof key_letters ? r.value.len : 1;
    }
    r.options |= reads && (bits & 8) != 0 ? RINGCACHE_WANT_CAS : 0;
    r.cas = r.op == RINGCACHE_CAS ? 7 : 0;
    r.delta = r.op == RINGCACHE_INCREMENT ? bits : 0;
    r.timeout_ms = (bits & 16) != 0 ? 1 + (uint32_t)(bits & 127) : 0;
    return r;
}

static int submit(struct talk *talk, struct ask *a, uint64_t dice)
{
    static const ringcache_slice words[] = {{"LRANGE", 6}, {"a", 1}, {"0", 1}, {"-1", 2}};
    if (dice == 0) {
        return ringcache_ping(talk->client, "10.0.0.1:7000", on_reply, a);
    }
    if (dice == 1) {
        return ringcache_command(talk->client, words, 4, NULL, on_reply, a);
    }
    const ringcache_request r = draw_request(talk);
    int rc = ringcache_submit(talk->client, &r, on_reply, a, &a->id);
    talk->lent += rc == 0 && r.release != NULL;
    return rc;
}

static void ask_one(struct talk *talk, uint64_t dice)
{
    if (talk->asked == ASKS) {
        return;
    }
    struct ask *a = &talk->asks[talk->asked++];
    a->talk = talk;
    a->pending = true;
    talk->in_call = true;
    int rc = submit(talk, a, dice);
    talk->in_call = false;
    a->pending = rc == 0;
    talk->accepted += rc == 0;
    FUZZ_MUST(!talk->closing || rc == RINGCACHE_ECLOSING);
}

static void ask_many(struct talk *talk)
{
    size_t count = 1 + (size_t)draw(talk, MANY);
    if (talk->many) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        talk->keys[i] = (ringcache_slice){key_letters + i, 1};
    }
    talk->untold = count;
    talk->in_call = true;
    int rc = ringcache_get_many(talk->client, talk->keys, count, NULL, on_each, on_done, talk);
    talk->in_call = false;
    talk->many = rc == 0;
    talk->accepted += rc == 0;
}

static void cancel(struct talk *talk)
{
    if (talk->asked > 0) {
        talk->in_call = true;
        (void)ringcache_cancel(talk->client, talk->asks[draw(talk, talk->asked)].id);
        talk->in_call = false;
    }
}

static void on_close(ringcache_client *client, void *user)
{
    struct talk *talk = user;
    FUZZ_MUST(!talk->in_call && !talk->closed && client->env.budget.used == 0);
    talk->closed = true;
}

static void close_client(struct talk *talk)
{
    if (!talk->closing) {
        talk->closing = true;
        talk->in_call = true;
        ringcache_client_close(talk->client, on_close, talk);
        talk->in_call = false;
    }
}

static void ask(struct talk *talk)
{
    uint64_t dice = draw(talk, 32);
    switch (dice) {
    case 2:
        ask_many(talk);
        return;
    case 3:
    case 4:
        cancel(talk);
        return;
    case 5:
        if (draw(talk, 8) == 7) {
            close_client(talk);
        }
        return;
    default:
        ask_one(talk, dice);
        return;
    }
}

/* ---- the other end ---- */

/* Take what was heard up to `mark` and the `len` bytes behind it, which are returned; 'z' where
 * nothing of that kind was heard. */
static void next_heard(struct line_stream *s, const char *mark, char *out, size_t len)
{
    struct rc_slice heard = sim_bytes_view(&s->heard);
    const unsigned char *at =
        heard.len > 0 ? memmem(heard.data, heard.len, mark, strlen(mark)) : NULL;
    size_t from = at != NULL ? (size_t)(at - heard.data) + strlen(mark) : heard.len;
    bool there = from + len <= heard.len;
    memset(out, 'z', len);
    out[len] = '\0';
    if (there) {
        memcpy(out, heard.data + from, len);
        sim_bytes_consume(&s->heard, from + len);
    }
}

/* A reply as servers give it; '#' stands for what tells it from others: meta's token, classic's
 * key, strict Redis' echo. */
static const char *const plausible[][12] = {
    [META] = {"VA 1 f0 O#\r\nx\r\n", "EN O#\r\n", "HD O#\r\n", "NF O#\r\n", "EX O#\r\n",
        "VA 2 O#\r\n42\r\n", "VA 1 f0 c7 t-1 O#\r\nx\r\n", "MN\r\n", "VERSION 1.6.38\r\n",
        "STAT item_size_max 9\r\nEND\r\n", "SERVER_ERROR busy\r\n",
        "VA 20 O#\r\n18446744073709551615\r\n"},
    [CLASSIC] = {"VALUE # 0 1\r\nx\r\nEND\r\n", "END\r\n", "STORED\r\n", "NOT_FOUND\r\n",
        "EXISTS\r\n", "42\r\n", "VALUE # 0 1 7\r\nx\r\nEND\r\n", "VERSION 1.5.6\r\n", "DELETED\r\n",
        "VALUE # 0 1\r\nx\r\n", "ERROR\r\n", "18446744073709551615\r\n"},
    [REDIS] = {"$1\r\nx\r\n#", "$-1\r\n#", "+OK\r\n#", ":1\r\n#", "+EXISTS\r\n#", "$2\r\n42\r\n#",
        "*3\r\n$1\r\nx\r\n$16\r\n00000000000000ff\r\n:-1\r\n#", "+PONG\r\n", ":5\r\n",
        "-NOSCRIPT x\r\n#", "-LOADING x\r\n#", "*2\r\n$1\r\na\r\n$-1\r\n#"},
};

static void say_plausible(struct talk *talk, struct line_stream *s)
{
    static const char *const marks[] = {[META] = " O", [CLASSIC] = "get ", [REDIS] = "ECHO\r\n"};
    static const size_t lens[] = {[META] = 8, [CLASSIC] = 1, [REDIS] = 23};
    char sign[24], reply[128];
    const char *form = plausible[talk->speech][draw(talk, 12)];
    size_t before = strcspn(form, "#");
    bool signs = form[before] == '#';
    if (signs) {
        next_heard(s, marks[talk->speech], sign, lens[talk->speech]);
    }
    bool unsigned_redis = talk->speech == REDIS && sign[0] == 'z';
    int len = snprintf(reply, sizeof reply, "%.*s%s%s", (int)before, form,
        signs && !unsigned_redis ? sign : "", signs ? form + before + 1 : "");
    line_say(s, rc_slice(reply, (size_t)len));
}

static void happen(struct talk *talk)
{
    struct line *line = &talk->line;
    struct line_stream *s = &line->streams[draw(talk, 4)];
    static const int ends[] = {0, -ECONNRESET, -ETIMEDOUT};
    switch (draw(talk, 16)) {
    case 0:
        line_say(s, fuzz_take(&talk->input, (size_t)draw(talk, 64)));
        return;
    case 1:
        line_take(s, (size_t)draw(talk, 256));
        return;
    case 2:
        line_take(s, SIZE_MAX);
        return;
    case 3:
        line_end(s, ends[draw(talk, 3)]);
        return;
    case 4:
        line_connect(s, -ECONNREFUSED);
        return;
    case 5:
    case 6:
        line_connect(s, 0);
        return;
    default:
        say_plausible(talk, s);
        return;
    }
}

static void happen_some(void *owner)
{
    struct talk *talk = owner;
    for (uint64_t n = draw(talk, 8); n > 0; n--) {
        happen(talk);
    }
}

/* ---- the course ---- */

static void turn(struct talk *talk)
{
    static const uint64_t pauses_ms[] = {0, 0, 1, 5, 60, 600};
    for (uint64_t n = draw(talk, 6); n > 0 && !talk->closed; n--) {
        ask(talk);
    }
    line_turn(&talk->line, pauses_ms[draw(talk, 6)], happen_some, talk);
}

/* Nobody answers any more: all of it has to end by itself. */
static void settle(struct talk *talk)
{
    close_client(talk);
    for (int i = 0; i < TURNS && !talk->closed; i++) {
        line_turn(&talk->line, PATIENCE_MS, NULL, NULL);
    }
    FUZZ_MUST(talk->closed && talk->accepted == talk->answered && !talk->many);
    FUZZ_MUST(talk->lent == talk->returned);
}

static void transport_stays(struct rc_transport *transport)
{
    (void)transport;
}

static void set(ringcache_config *config, const char *option, const char *value)
{
    FUZZ_MUST(ringcache_config_set(config, option, value) == 0);
}

static void begin(struct talk *talk, struct rc_slice input)
{
    static const char *const uris[] = {[META] = "memcached://10.0.0.1:7000",
        [CLASSIC] = "memcached://10.0.0.1:7000",
        [REDIS] = "redis://10.0.0.1:7000"};
    ringcache_config *config;
    *talk = (struct talk){.input = input};
    line_init(&talk->line);
    FUZZ_MUST(ringcache_config_new(&config) == 0);
    talk->speech = (enum speech)draw(talk, 3);
    uint64_t bits = draw(talk, 32);
    set(config, "server", uris[talk->speech]);
    set(config, "points", "4");
    set(config, "protocol", talk->speech == CLASSIC ? "classic" : "auto");
    set(config, "timeout_ms", "100");
    set(config, "max_value_bytes", (bits & 1) != 0 ? "20000" : "30000");
    set(config, "integrity", (bits & 2) != 0 ? "strict" : "auto");
    set(config, "connections", (bits & 4) != 0 ? "2" : "1");
    set(config, "max_inflight", (bits & 8) != 0 ? "3" : "1024");
    set(config, "single_flight", (bits & 16) != 0 ? "yes" : "no");
    FUZZ_MUST(rc_client_new(&talk->client, &talk->line.base, transport_stays, config) == 0);
    ringcache_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct talk talk;
    begin(&talk, rc_slice(bytes, len));
    while (talk.input.len > 0 && !talk.closed) {
        turn(&talk);
    }
    settle(&talk);
    line_deinit(&talk.line);
    return 0;
}
