/* SPDX-License-Identifier: MIT */
#include "storm.h"

#include <errno.h>

#include "sim_inside.h"

enum {
    CONNECTIONS_MAX = 64,
    LEAP_MAX_S = 3 * 24 * 3600, /* weeks still outlast every storm */
};

/* ---- connections that stand ---- */

static size_t standing(const struct storm_server *server, uint64_t numbers[CONNECTIONS_MAX])
{
    size_t count = 0;
    const struct rc_list *peers = &server->sim->peers;
    for (struct rc_list *n = peers->next; n != peers && count < CONNECTIONS_MAX; n = n->next) {
        numbers[count++] = rc_container(n, struct sim_peer, node)->end->connection->number;
    }
    return count;
}

/* One of them, or 0. */
static uint64_t any_connection(struct storm *storm, const struct storm_server *server)
{
    uint64_t numbers[CONNECTIONS_MAX];
    size_t count = standing(server, numbers);
    return count > 0 ? numbers[storm_draw(storm, count)] : 0;
}

/* ---- faults ---- */

/* No error line: a server that says one has carried nothing out, and is believed. */
static struct rc_slice nonsense(struct storm *storm)
{
    static const char *const texts[] = {"HD O00000000\r\n", "VA 3 O00000007 f0\r\nabc\r\n",
        "EN\r\n", "\r\n", "$3\r\nabc\r\n", "+OK\r\n$-1\r\n", ":1\r\n", "$9999\r\nab", "NF O1\r\n",
        "?"};
    return rc_slice_text(texts[storm_draw(storm, sizeof texts / sizeof *texts)]);
}

/* Where in its first line a reply has that text; NULL: nowhere. */
static unsigned char *find_in_line(struct sim_bytes *reply, const char *text)
{
    unsigned char *line = reply->base + reply->start;
    unsigned char *end = memchr(line, '\n', reply->len);
    return end != NULL ? memmem(line, (size_t)(end - line), text, strlen(text)) : NULL;
}

/* The number at `at` by one more or less, with as many digits. */
static void change_number(unsigned char *at, const unsigned char *end)
{
    while (at + 1 < end && at[1] >= '0' && at[1] <= '9') {
        at++;
    }
    if (at < end && *at >= '0' && *at <= '9') {
        *at = (unsigned char)(*at == '9' ? '8' : *at + 1);
    }
}

/* A value that is said to be one byte longer or shorter than it is. */
static void misstate_length(struct sim_bytes *reply)
{
    unsigned char *first = reply->base + reply->start, *end = find_in_line(reply, "\r");
    if (end == NULL) {
        return;
    }
    if (*first == '$') {
        change_number(first + 1, end);
    } else if (find_in_line(reply, "VA ") == first) {
        change_number(first + 3, end);
    } else if (find_in_line(reply, "VALUE ") == first) {
        unsigned char *flags = memchr(first + 6, ' ', (size_t)(end - first) - 6);
        change_number(flags + 3, end); /* they are always 0 */
    }
}

/* A value under a key that nobody asked for. */
static void misstate_key(struct sim_bytes *reply)
{
    static const char *const before[] = {"VALUE key", "VALUE count", " kkey", " kcount"};
    static const size_t at[] = {6, 6, 2, 2};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        unsigned char *found = find_in_line(reply, before[i]);
        if (found != NULL) {
            found[at[i]] = '~';
        }
    }
}

/* What shows by itself, whatever the protocol: what is no reply, in place of one or on top, a wrong
 * length, a wrong key where there is any. */
static void corrupt_plainly(
    struct storm *storm, const struct storm_server *server, uint64_t connection)
{
    struct rc_slice garbage = rc_slice_text("?\r\n");
    switch (storm_draw(storm, 4)) {
    case 0:
        sim_inject(server->sim, connection, garbage);
        break;
    case 1:
        sim_alter_reply(server->sim, connection, misstate_length);
        break;
    case 2:
        sim_alter_reply(server->sim, connection, misstate_key);
        break;
    default:
        sim_replace_reply(server->sim, connection, garbage);
        break;
    }
}

/* Lost, doubled, swapped or wrong replies show by their tokens: every one of memcached's meta, and
 * with `strict` those of Redis. Where there are none, only what is no reply at all can be
 * noticed. */
static void corrupt(struct storm *storm, struct storm_server *server, uint64_t connection)
{
    bool tokens = server->redis ? storm->rules.strict : !server->classic;
    if (!tokens && !storm->rules.lawless) {
        corrupt_plainly(storm, server, connection);
        return;
    }
    /* On Redis one kind for each connection: a reply lost in front of a doubled echo would pass. */
    uint64_t dice = server->redis ? connection % 6 : storm_draw(storm, 6);
    switch (dice) {
    case 0:
        sim_inject(server->sim, connection, nonsense(storm));
        break;
    case 1:
        sim_drop_replies(server->sim, connection, 1 + storm_draw(storm, 3));
        break;
    case 2:
        sim_double_replies(server->sim, connection, 1 + storm_draw(storm, 3));
        break;
    case 3:
        sim_swap_replies(server->sim, connection, true);
        break;
    case 4:
        corrupt_plainly(storm, server, connection);
        break;
    default:
        /* A well-formed reply in place of the right one is a lie, and on Redis nothing betrays
         * it. */
        sim_replace_reply(
            server->sim, connection, server->redis ? rc_slice_text("?\r\n") : nonsense(storm));
        break;
    }
}

/* A server that says an error has carried nothing out, and is believed. */
static void refuse_some(struct storm *storm, struct storm_server *server)
{
    static const struct {
        const char *verb, *reply;
    } refusals[3][8] = {
        {{"ms", "SERVER_ERROR out of memory\r\n"}, {"ma", "SERVER_ERROR out of memory\r\n"},
            {"mg", "SERVER_ERROR out of memory\r\n"}, {"md", "SERVER_ERROR busy\r\n"},
            {"ma", "SERVER_ERROR busy\r\n"}, {"ms", "SERVER_ERROR busy\r\n"},
            {"mg", "SERVER_ERROR busy\r\n"}, {"mn", "SERVER_ERROR busy\r\n"}},
        {{"set", "SERVER_ERROR out of memory\r\n"}, {"incr", "SERVER_ERROR out of memory\r\n"},
            {"get", "SERVER_ERROR out of memory\r\n"}, {"delete", "SERVER_ERROR busy\r\n"},
            {"add", "SERVER_ERROR busy\r\n"}, {"decr", "SERVER_ERROR busy\r\n"},
            {"append", "SERVER_ERROR busy\r\n"}, {"cas", "SERVER_ERROR busy\r\n"}},
        {{"set", "-OOM command not allowed\r\n"}, {"evalsha", "-OOM command not allowed\r\n"},
            {"evalsha", "-NOSCRIPT No matching script\r\n"},
            {"evalsha", "-NOSCRIPT No matching script\r\n"},
            {"eval", "-OOM command not allowed\r\n"}, {"mget", "-LOADING the dataset\r\n"},
            {"get", "-LOADING the dataset\r\n"}, {"pexpire", "-OOM command not allowed\r\n"}},
    };
    size_t kind = server->redis ? 2 : server->classic;
    size_t which = storm_draw(storm, 8);
    engine_answer_next(sim_server_engine(server->sim), refusals[kind][which].verb,
        1 + storm_draw(storm, 3), refusals[kind][which].reply);
}

/* For a while, all that a Redis in that state refuses. */
static void change_mood(struct storm *storm, struct storm_server *server)
{
    static const enum engine_mood moods[] = {ENGINE_LOADING, ENGINE_BUSY, ENGINE_MASTERDOWN,
        ENGINE_REPLICA, ENGINE_FULL, ENGINE_LONELY, ENGINE_UNSAVED, ENGINE_SLOTLESS};
    enum engine_mood mood = moods[storm_draw(storm, sizeof moods / sizeof *moods)];
    storm_tell(storm, server->name, "a mood", mood);
    engine_set_mood(sim_server_engine(server->sim), mood);
}

static enum sim_end_kind any_end(struct storm *storm)
{
    return storm_draw(storm, 2) == 0 ? SIM_FIN : SIM_RST;
}

static void hurt_connection(struct storm *storm, struct storm_server *server)
{
    uint64_t connection = any_connection(storm, server);
    if (connection == 0) {
        return;
    }
    uint64_t dice = storm_draw(storm, 8);
    storm_tell(storm, server->name, "a fault of connection", (int64_t)connection);
    switch (dice) {
    case 0:
    case 1:
    case 2:
        sim_stall(server->sim, connection, storm_draw(storm, 3) > 0);
        break;
    case 3:
        sim_cut_after(server->sim, connection,
            storm_draw(storm, storm_draw(storm, 4) == 0 ? STORM_VALUE_MAX : 40), any_end(storm));
        break;
    case 4:
        sim_end(server->sim, connection, any_end(storm));
        break;
    case 5:
        if (storm->rules.lawless && storm_draw(storm, 2) == 0) {
            sim_half_close(server->sim, connection);
        } else if (storm->rules.unproven) {
            sim_local_error(server->sim, connection, -ETIMEDOUT);
        }
        break;
    default:
        if (storm->rules.corrupt) {
            corrupt(storm, server, connection);
        }
        break;
    }
}

static void hurt_process(struct storm *storm, struct storm_server *server)
{
    uint64_t dice = storm_draw(storm, 8);
    storm_tell(storm, server->name, "a fault of the process", (int64_t)dice);
    switch (dice) {
    case 0:
    case 1:
        sim_server_stop(server->sim);
        break;
    case 2:
        sim_server_kill(server->sim);
        server->dead = true;
        break;
    case 3:
        sim_server_restart(server->sim, false);
        server->dead = false;
        storm_note_loss(storm, server);
        break;
    case 4:
        sim_server_restart(server->sim, true);
        server->dead = false;
        break;
    default:
        /* An error line has no token: doubled, it would be taken for the next command's. */
        if (!storm->rules.corrupt && server->redis && dice > 5) {
            change_mood(storm, server);
        } else if (!storm->rules.corrupt) {
            refuse_some(storm, server);
        }
        break;
    }
}

/* The name of a server fails, hangs, or means something else: one more of its own addresses, alone
 * or behind one where nobody lives. */
static void hurt_name(struct storm *storm, const struct storm_server *server)
{
    static const int statuses[] = {SIM_EAI_NONAME, -EAGAIN};
    static const char *const meanings[] = {
        STORM_SECOND_ADDRESS, "10.0.0.9 10.0.0.1", "10.0.0.9", ""};
    switch (storm_draw(storm, 3)) {
    case 0:
        sim_dns_fail(storm->sim, server->host, statuses[storm_draw(storm, 2)]);
        break;
    case 1:
        sim_dns_delay(storm->sim, server->host,
            storm_draw(storm, 2) == 0 ? SIM_NEVER : storm_draw(storm, 300));
        break;
    default:
        sim_dns_set(storm->sim, server->host, meanings[storm_draw(storm, 4)]);
        break;
    }
}

static void hurt_network(struct storm *storm, struct storm_server *server)
{
    uint64_t dice = storm_draw(storm, 6);
    storm_tell(storm, server->name, "a fault of the network", (int64_t)dice);
    switch (dice) {
    case 0:
    case 1:
        sim_server_blackhole(server->sim, true);
        break;
    case 2:
        sim_server_slow(server->sim, storm_draw(storm, 60000));
        break;
    case 3:
        sim_server_pause_accept(server->sim, true);
        break;
    default:
        if (server->host[0] != '\0') {
            hurt_name(storm, server);
        }
        break;
    }
}

static void hurt_ourselves(struct storm *storm)
{
    static const int connects[] = {-EMFILE, -EADDRNOTAVAIL, -ENETUNREACH, -ECONNREFUSED};
    static const int writes[] = {-EHOSTUNREACH, -ENOBUFS, -ETIMEDOUT};
    struct sim_options *options = sim_settings(storm->sim);
    struct sim_client *host = storm->clients[storm_draw(storm, storm->rules.clients)].host;
    uint64_t dice = storm_draw(storm, 7);
    storm_tell(storm, "client", "a fault of our own", (int64_t)dice);
    switch (dice) {
    case 0:
        sim_client_fail_connects(host, connects[storm_draw(storm, 4)], 1 + storm_draw(storm, 6));
        break;
    case 1:
        if (storm->rules.unproven) {
            sim_client_fail_writes(host, writes[storm_draw(storm, 3)], 1);
        }
        break;
    case 2:
        options->segment_bytes = 1 + storm_draw(storm, storm_draw(storm, 2) == 0 ? 1 : 40);
        options->segment_gap_us = storm_draw(storm, 30);
        break;
    case 3:
        options->write_bytes = storm_draw(storm, 2) == 0 ? 0 : 1 + storm_draw(storm, 3000);
        break;
    case 4:
        sim_client_leap(host, (int64_t)storm_draw(storm, 2 * LEAP_MAX_S) - LEAP_MAX_S);
        break;
    case 5:
        if (storm->rules.starves) {
            storm_starve(storm, storm_draw(storm, 3) == 0 ? 0 : 10 + storm_draw(storm, 300));
        }
        break;
    default:
        options->jitter_us = storm_draw(storm, 5000);
        break;
    }
}

/* One connection hangs while others pass: it is soon given up. */
static void hold_up(struct storm *storm, struct storm_server *server)
{
    uint64_t connection = any_connection(storm, server);
    if (connection != 0) {
        storm_tell(storm, server->name, "held up, connection", (int64_t)connection);
        sim_stall(server->sim, connection, true);
    }
}

void storm_fault(struct storm *storm)
{
    struct storm_server *server = &storm->servers[storm_draw(storm, storm->server_count)];
    if (storm->rules.doubts && storm_draw(storm, 3) > 0) {
        hold_up(storm, server);
        return;
    }
    switch (storm_draw(storm, 6)) {
    case 0:
        hurt_process(storm, server);
        break;
    case 1:
        hurt_network(storm, server);
        break;
    case 2:
        hurt_ourselves(storm);
        break;
    default:
        hurt_connection(storm, server);
        break;
    }
}

/* ---- and their end ---- */

void storm_heal(struct storm *storm, struct storm_server *server)
{
    uint64_t numbers[CONNECTIONS_MAX];
    storm_tell(storm, server->name, "healed", 0);
    sim_server_continue(server->sim);
    sim_server_blackhole(server->sim, false);
    sim_server_slow(server->sim, 0);
    sim_server_pause_accept(server->sim, false);
    engine_answer_next(sim_server_engine(server->sim), "", 0, NULL);
    engine_set_mood(sim_server_engine(server->sim), ENGINE_SERVES);
    for (size_t i = standing(server, numbers); i-- > 0;) {
        sim_stall(server->sim, numbers[i], false);
        sim_drop_replies(server->sim, numbers[i], 0);
        sim_swap_replies(server->sim, numbers[i], false);
        sim_cut_after(server->sim, numbers[i], SIZE_MAX, SIM_FIN);
    }
    if (server->host[0] != '\0') {
        sim_dns_set(storm->sim, server->host, STORM_ADDRESS);
        sim_dns_fail(storm->sim, server->host, 0);
        sim_dns_delay(storm->sim, server->host, 0);
    }
    if (server->dead) {
        sim_server_restart(server->sim, true);
        server->dead = false;
    }
}

void storm_heal_all(struct storm *storm)
{
    struct sim_options *options = sim_settings(storm->sim);
    for (size_t i = 0; i < storm->server_count; i++) {
        storm_heal(storm, &storm->servers[i]);
    }
    for (size_t i = 0; i < storm->rules.clients; i++) {
        sim_client_fail_connects(storm->clients[i].host, 0, 0);
        sim_client_fail_writes(storm->clients[i].host, 0, 0);
    }
    storm_starve(storm, 0);
    options->segment_bytes = 0;
    options->write_bytes = 0;
    options->jitter_us = 0;
}
