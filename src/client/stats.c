/* SPDX-License-Identifier: MIT */
/* How things stand, in one of three formats from one table of figures. */
#include "client/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One figure of the client. */
struct sum {
    const char *name;
    const char *help;
    const char *type; /* of Prometheus: a counter only ever grows */
    uint64_t (*read)(const ringcache_client *client);
};

static uint64_t read_pending(const ringcache_client *client)
{
    return client->pending;
}

static uint64_t read_queued_bytes(const ringcache_client *client)
{
    return client->env.budget.used;
}

static uint64_t read_departed(const ringcache_client *client)
{
    return client->departures.count;
}

static uint64_t read_departed_entries(const ringcache_client *client)
{
    return client->departures.entries;
}

static uint64_t read_forgotten(const ringcache_client *client)
{
    return client->departures.forgotten;
}

static const struct sum sums[] = {
    {"pending", "requests accepted and not answered", "gauge", read_pending},
    {"queued_bytes", "bytes held for requests", "gauge", read_queued_bytes},
    {"departed", "servers that left the ring and are known when they join again", "gauge",
        read_departed},
    {"departed_journal_entries", "keys written in vain that are to be deleted there then", "gauge",
        read_departed_entries},
    {"departed_forgotten_total", "servers that left, and others since, so that they are not known",
        "counter", read_forgotten},
};

enum { SUMS = sizeof sums / sizeof *sums };

/* One figure of a server. */
struct figure {
    const char *name;
    const char *help;
    const char *type;
    uint64_t (*read)(const struct rc_server *server);
};

static uint64_t read_up(const struct rc_server *server)
{
    return rc_server_available(server);
}

static uint64_t read_in_flight(const struct rc_server *server)
{
    return server->live;
}

static uint64_t read_connections(const struct rc_server *server)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < server->lane_count; i++) {
        const struct rc_conn *conn = server->lanes[i].conn;
        count += conn != NULL && conn->state == RC_CONN_READY;
    }
    return count;
}

#define COUNTED(field)                                                                             \
    static uint64_t read_##field(const struct rc_server *server)                                   \
    {                                                                                              \
        return server->counts.field;                                                               \
    }
COUNTED(hits)
COUNTED(misses)
COUNTED(refusals)
COUNTED(timeouts)
COUNTED(unavailable)
COUNTED(failures)
COUNTED(connects)
COUNTED(outages)
COUNTED(retries)
#undef COUNTED

#define OF_JOURNAL(field)                                                                          \
    static uint64_t read_journal_##field(const struct rc_server *server)                           \
    {                                                                                              \
        return server->journal.field;                                                              \
    }
OF_JOURNAL(count)
OF_JOURNAL(noted)
OF_JOURNAL(missed)
OF_JOURNAL(deleted)
#undef OF_JOURNAL

static uint64_t read_held(const struct rc_server *server)
{
    return rc_server_is_held(server);
}

static uint64_t read_spare(const struct rc_server *server)
{
    return rc_member_of(server)->spare;
}

static const struct figure figures[] = {
    {"up", "1 while the server is in service", "gauge", read_up},
    {"spare", "1 of a spare server, which owns no key", "gauge", read_spare},
    {"in_flight", "requests accepted and not answered", "gauge", read_in_flight},
    {"connections", "connections that stand", "gauge", read_connections},
    {"done_total", "requests done", "counter", read_hits},
    {"missed_total", "requests whose key was not there", "counter", read_misses},
    {"not_stored_total", "requests whose condition did not hold", "counter", read_refusals},
    {"timeouts_total", "requests that passed their deadline", "counter", read_timeouts},
    {"unavailable_total", "requests refused while the server was out of service", "counter",
        read_unavailable},
    {"failed_total", "requests that failed otherwise", "counter", read_failures},
    {"connects_total", "connections begun", "counter", read_connects},
    {"outages_total", "times that the server went out of service", "counter", read_outages},
    {"retries_total", "requests sent once more, on another connection", "counter", read_retries},
    {"held", "1 while it waits for ringcache_server_readmit", "gauge", read_held},
    {"journal_entries", "keys written in vain that are to be deleted there", "gauge",
        read_journal_count},
    {"journal_noted_total", "writes in vain, or in doubt", "counter", read_journal_noted},
    {"journal_missed_total", "of these, those that the journal had no room for", "counter",
        read_journal_missed},
    {"journal_deleted_total", "keys of the journal that were deleted", "counter",
        read_journal_deleted},
};

enum { FIGURES = sizeof figures / sizeof *figures };

/* Where the text goes, until the sink refuses. */
struct writer {
    ringcache_sink sink;
    void *user;
    int status;
};

static void write_bytes(struct writer *w, const char *bytes, size_t len)
{
    if (w->status == 0 && len > 0) {
        w->status = w->sink(w->user, bytes, len);
    }
}

static void write_text(struct writer *w, const char *text)
{
    write_bytes(w, text, strlen(text));
}

static void write_number(struct writer *w, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    write_text(w, text);
}

static void write_digest(struct writer *w, uint64_t digest)
{
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, digest);
    write_text(w, text);
}

/* Quote and backslash as JSON and Prometheus both read them. A name may hold any byte from 0x20 on,
 * and a reason what is printable of it; what is not ASCII is shown by its number, since it may be
 * no UTF-8, and in text so is a blank. */
static void write_name(struct writer *w, const char *name, ringcache_format format)
{
    const char *plain = name; /* the first that was not written yet */
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;
        bool quoted = c == '"' || c == '\\';
        char text[8];
        if (!quoted && c < 0x80 && (c > 0x20 || format != RINGCACHE_TEXT)) {
            continue;
        }
        write_bytes(w, plain, (size_t)(name - plain));
        plain = name + 1;
        if (quoted) {
            snprintf(text, sizeof text, "\\%c", c);
        } else {
            snprintf(text, sizeof text, format == RINGCACHE_JSON ? "\\u00%02x" : "%%%02x", c);
        }
        write_text(w, text);
    }
    write_text(w, plain);
}

/* Why a server is in its state, in its own words where it spoke. */
static const char *reason_of(const struct rc_server *server)
{
    const char *reason = rc_text_bytes(server->reason);
    return reason[0] != '\0' ? reason : "none";
}

static void write_text_format(struct writer *w, const ringcache_client *client)
{
    const struct rc_table *table = client->table;
    write_text(w, "ring ");
    write_digest(w, table->digest);
    write_text(w, "\n");
    for (size_t i = 0; i < SUMS; i++) {
        write_text(w, sums[i].name);
        write_text(w, " ");
        write_number(w, sums[i].read(client));
        write_text(w, "\n");
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct rc_server *server = table->all[i];
        write_text(w, "server ");
        write_name(w, server->backend.name, RINGCACHE_TEXT);
        write_text(w, " state ");
        write_text(w, rc_server_state_name(server));
        for (size_t f = 0; f < FIGURES; f++) {
            write_text(w, " ");
            write_text(w, figures[f].name);
            write_text(w, " ");
            write_number(w, figures[f].read(server));
        }
        write_text(w, " reason ");
        write_name(w, reason_of(server), RINGCACHE_TEXT);
        write_text(w, "\n");
    }
}

static void write_json(struct writer *w, const ringcache_client *client)
{
    const struct rc_table *table = client->table;
    write_text(w, "{\"ring\":\"");
    write_digest(w, table->digest);
    write_text(w, "\"");
    for (size_t i = 0; i < SUMS; i++) {
        write_text(w, ",\"");
        write_text(w, sums[i].name);
        write_text(w, "\":");
        write_number(w, sums[i].read(client));
    }
    write_text(w, ",\"servers\":[");
    for (size_t i = 0; i < table->count; i++) {
        const struct rc_server *server = table->all[i];
        write_text(w, i > 0 ? ",{\"name\":\"" : "{\"name\":\"");
        write_name(w, server->backend.name, RINGCACHE_JSON);
        write_text(w, "\",\"state\":\"");
        write_text(w, rc_server_state_name(server));
        write_text(w, "\"");
        for (size_t f = 0; f < FIGURES; f++) {
            write_text(w, ",\"");
            write_text(w, figures[f].name);
            write_text(w, "\":");
            write_number(w, figures[f].read(server));
        }
        write_text(w, ",\"reason\":\"");
        write_name(w, reason_of(server), RINGCACHE_JSON);
        write_text(w, "\"}");
    }
    write_text(w, "]}\n");
}

static void write_prometheus_figure(
    struct writer *w, const ringcache_client *client, const struct figure *figure)
{
    char head[256];
    snprintf(head, sizeof head, "# HELP ringcache_server_%s %s\n# TYPE ringcache_server_%s %s\n",
        figure->name, figure->help, figure->name, figure->type);
    write_text(w, head);
    for (size_t i = 0; i < client->table->count; i++) {
        const struct rc_server *server = client->table->all[i];
        write_text(w, "ringcache_server_");
        write_text(w, figure->name);
        write_text(w, "{server=\"");
        write_name(w, server->backend.name, RINGCACHE_PROMETHEUS);
        write_text(w, "\"} ");
        write_number(w, figure->read(server));
        write_text(w, "\n");
    }
}

static void write_prometheus_sum(
    struct writer *w, const ringcache_client *client, const struct sum *sum)
{
    char head[256];
    snprintf(head, sizeof head, "# HELP ringcache_%s %s\n# TYPE ringcache_%s %s\nringcache_%s ",
        sum->name, sum->help, sum->name, sum->type, sum->name);
    write_text(w, head);
    write_number(w, sum->read(client));
    write_text(w, "\n");
}

static void write_prometheus(struct writer *w, const ringcache_client *client)
{
    for (size_t i = 0; i < SUMS; i++) {
        write_prometheus_sum(w, client, &sums[i]);
    }
    for (size_t f = 0; f < FIGURES; f++) {
        write_prometheus_figure(w, client, &figures[f]);
    }
}

int ringcache_stats_write(
    ringcache_client *client, ringcache_format format, ringcache_sink sink, void *user)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    if (sink == NULL) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "no sink");
    }
    struct writer w = {.sink = sink, .user = user};
    switch (format) {
    case RINGCACHE_TEXT:
        write_text_format(&w, client);
        return w.status;
    case RINGCACHE_JSON:
        write_json(&w, client);
        return w.status;
    case RINGCACHE_PROMETHEUS:
        write_prometheus(&w, client);
        return w.status;
    }
    return rc_client_refuse(client, RINGCACHE_EINVAL, "a format that this version does not know");
}
