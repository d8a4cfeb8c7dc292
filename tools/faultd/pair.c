/* SPDX-License-Identifier: MIT */
/* The listener is a handle of its own, since a refusing pair has none: its socket is closed, and
 * another one is opened in the same place afterwards. A pausing pair leaves the connection that
 * libuv offers it untouched, which stops the listener: the next ones wait in the system's backlog.
 */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "random.h"
#include "rules.h"

struct listener {
    union stream stream; /* first: a handle is its listener */
    struct pair *pair;
};

struct pair {
    struct link_owner owner; /* first: the owner of links is their pair */
    char name[NAME_SIZE];
    struct endpoint listen, server;
    struct listener *listener; /* NULL while it refuses */
    bool paused, offered;      /* a connection is offered that was left untouched */
    bool closing;
    unsigned open; /* links and listeners that are not freed yet */
    struct link *links;
    uint64_t accepted, seed;
    struct rules rules;
    const struct journal *journal;
    pair_look *look;
    void *user;
};

static struct pair *pair_of(const struct link *link)
{
    return (struct pair *)link->owner;
}

static void free_when_done(struct pair *pair)
{
    if (!pair->closing || pair->open != 0)
        return;
    rules_clear(&pair->rules);
    free(pair);
}

static void on_received(struct link *link, enum direction direction, uv_buf_t bytes)
{
    const struct pair *pair = pair_of(link);
    if (pair->look != NULL)
        pair->look(pair->user, direction, bytes.base, bytes.len, &link->memory[direction]);
}

static void on_fault(
    struct link *link, enum direction direction, const struct command *cause, uint64_t offset)
{
    const struct pair *pair = pair_of(link);
    const struct note note = {.what = "fault",
        .pair = pair->name,
        .connection = link->number,
        .direction = direction == UP ? "up" : "down",
        .offset = offset,
        .text = cause->line};
    journal_write(pair->journal, &note);
}

static void on_trouble(struct link *link, const char *what, int status)
{
    char text[128];
    const struct pair *pair = pair_of(link);
    snprintf(text, sizeof text, "%s: %s", what, uv_strerror(status));
    journal_write(pair->journal,
        &(struct note){
            .what = "trouble", .pair = pair->name, .connection = link->number, .text = text});
}

static void on_link_ended(struct link *link)
{
    *link->back = link->next;
    if (link->next != NULL)
        link->next->back = link->back;
}

static void on_link_freed(struct link_owner *owner)
{
    struct pair *pair = (struct pair *)owner;
    pair->open--;
    free_when_done(pair);
}

static void insert_link(struct pair *pair, struct link *link)
{
    link->number = ++pair->accepted;
    link->next = pair->links;
    link->back = &pair->links;
    if (link->next != NULL)
        link->next->back = &link->next;
    pair->links = link;
    pair->open++;
}

static bool concerns(const struct command *command, uint64_t connection)
{
    return command->connection == 0 || command->connection == connection;
}

static void accept_one(struct pair *pair)
{
    uint64_t seed = random_branch(pair->seed, pair->accepted + 1);
    struct link *link = link_new(&pair->owner, &pair->listen, &pair->server, seed);
    if (link == NULL) {
        pair->offered = true; /* until somebody says `accept`, and memory is there */
        journal_write(pair->journal,
            &(struct note){.what = "trouble", .pair = pair->name, .text = "out of memory"});
        return;
    }
    insert_link(pair, link);
    link_start(link, &pair->listener->stream.stream, &pair->server);
    for (size_t i = 0; i < pair->rules.count; i++)
        if (concerns(pair->rules.commands[i], link->number))
            link_command(link, pair->rules.commands[i]);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct pair *pair = ((struct listener *)stream)->pair;
    if (status != 0)
        return;
    if (pair->paused)
        pair->offered = true;
    else
        accept_one(pair);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct pair *pair = ((struct listener *)handle)->pair;
    free(handle);
    pair->open--;
    free_when_done(pair);
}

static void listener_close(struct pair *pair)
{
    if (pair->listener != NULL)
        uv_close(&pair->listener->stream.handle, on_listener_closed);
    pair->listener = NULL;
    pair->offered = false;
}

static int listener_open(struct pair *pair)
{
    if (pair->listener != NULL)
        return 0;
    pair->listener = calloc(1, sizeof *pair->listener);
    if (pair->listener == NULL)
        return UV_ENOMEM;
    pair->listener->pair = pair;
    pair->open++;
    endpoint_init(&pair->listen, pair->owner.loop, &pair->listener->stream);
    int status = endpoint_listen(&pair->listen, &pair->listener->stream, on_connection);
    if (status != 0)
        listener_close(pair);
    return status;
}

static int accept_again(struct pair *pair)
{
    int status = listener_open(pair);
    pair->paused = false;
    if (status == 0 && pair->offered) {
        pair->offered = false;
        accept_one(pair);
    }
    return status;
}

static void tell_place(const struct pair *pair)
{
    char listen[ENDPOINT_TEXT_SIZE], server[ENDPOINT_TEXT_SIZE], text[2 * ENDPOINT_TEXT_SIZE + 4];
    snprintf(text, sizeof text, "%s -> %s", endpoint_text(&pair->listen, listen),
        endpoint_text(&pair->server, server));
    journal_write(
        pair->journal, &(struct note){.what = "listening", .pair = pair->name, .text = text});
}

int pair_open(uv_loop_t *loop, const struct pair_options *options, struct pair **out)
{
    struct pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL)
        return UV_ENOMEM;
    pair->owner.loop = loop;
    pair->owner.received = on_received;
    pair->owner.fault = on_fault;
    pair->owner.trouble = on_trouble;
    pair->owner.ended = on_link_ended;
    pair->owner.freed = on_link_freed;
    snprintf(pair->name, sizeof pair->name, "%s", options->name);
    pair->listen = options->listen;
    pair->server = options->server;
    pair->seed = options->seed;
    pair->journal = options->journal;
    pair->look = options->look;
    pair->user = options->user;
    int status = listener_open(pair);
    if (status != 0) {
        pair_close(pair);
        return status;
    }
    tell_place(pair);
    *out = pair;
    return 0;
}

void pair_close(struct pair *pair)
{
    if (pair == NULL)
        return;
    pair->closing = true;
    pair->open++; /* held until the end of this function */
    while (pair->links != NULL)
        link_reset(pair->links);
    listener_close(pair);
    pair->open--;
    free_when_done(pair);
}

/* A link that is reset leaves the list, so the next one is looked up before. */
static bool command_links(struct pair *pair, struct command *command)
{
    bool met = false;
    struct link *next;
    for (struct link *link = pair->links; link != NULL; link = next) {
        next = link->next;
        if (!concerns(command, link->number))
            continue;
        link_command(link, command);
        met = true;
    }
    return met;
}

static int command_connections(struct pair *pair, struct command *command)
{
    const bool met = command_links(pair, command);
    const bool past = command->connection != 0 && command->connection <= pair->accepted;
    if (command_stays(command) && !past)
        return rules_add(&pair->rules, command) ? 0 : UV_ENOMEM;
    return met || command->connection == 0 ? 0 : UV_ENOTCONN;
}

static int heal(struct pair *pair, struct command *command)
{
    rules_heal(&pair->rules, command);
    if (command->connection != 0)
        return command_connections(pair, command);
    command_links(pair, command);
    return accept_again(pair);
}

static int do_command(struct pair *pair, struct command *command)
{
    if (command->fault == FAULT_REFUSE) {
        listener_close(pair);
        return 0;
    }
    if (command->fault == FAULT_PAUSE) {
        pair->paused = true;
        return listener_open(pair);
    }
    if (command->fault == FAULT_ACCEPT)
        return accept_again(pair);
    if (command->fault == FAULT_HEAL)
        return heal(pair, command);
    return command_connections(pair, command);
}

/* What has its effect at a byte is told when it has it. */
static bool told_at_its_byte(const struct command *command)
{
    const struct fault_form *form = &fault_forms[command->fault];
    return command->place != PLACE_ANY ||
           ((form->traits & TAKES_DIRECTION) != 0 && (form->traits & STAYS) == 0);
}

int pair_command(struct pair *pair, struct command *command)
{
    int status = do_command(pair, command);
    if (status == 0 && !told_at_its_byte(command))
        journal_write(pair->journal,
            &(struct note){.what = "fault", .pair = pair->name, .text = command->line});
    return status;
}

const char *pair_name(const struct pair *pair)
{
    return pair->name;
}

unsigned pair_port(const struct pair *pair)
{
    return endpoint_port(&pair->listen);
}

uint64_t pair_accepted(const struct pair *pair)
{
    return pair->accepted;
}
