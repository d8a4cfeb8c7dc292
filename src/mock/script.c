/* SPDX-License-Identifier: MIT */
/* What a test asked for: answers, delays and ends at certain commands; and what it hears of those
 * that arrived. */
#include "mock/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct delay {
    struct rc_list node;
    char verb[MOCK_VERB_BYTES]; /* "": all others */
    uint64_t ms;
};

struct arrival {
    struct rc_list node;
    char verb[MOCK_VERB_BYTES];
    char *key;
    size_t key_len;
    uint64_t connection;
};

/* In lower case, as the engine has it. False: no command is called that. */
static bool take_verb(const char *given, char verb[MOCK_VERB_BYTES])
{
    size_t len = given != NULL ? strlen(given) : 0;
    if (len >= MOCK_VERB_BYTES) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        bool upper = given[i] >= 'A' && given[i] <= 'Z';
        verb[i] = (char)(upper ? given[i] - 'A' + 'a' : given[i]);
    }
    verb[len] = '\0';
    return true;
}

int ringcache_mock_answer(ringcache_mock *mock, const char *verb, size_t count, const char *line)
{
    char known[MOCK_VERB_BYTES];
    struct sim_bytes reply = {0};
    if (!take_verb(verb, known) || (line == NULL && count > 0)) {
        return RINGCACHE_EINVAL;
    }
    sim_bytes_text(&reply, line != NULL ? line : "");
    sim_bytes_append(&reply, "\r\n", sizeof "\r\n");
    engine_answer_next(mock->engine, known, count, (const char *)sim_bytes_view(&reply).data);
    sim_bytes_deinit(&reply);
    return 0;
}

int ringcache_mock_disconnect_at(ringcache_mock *mock, const char *verb, size_t count)
{
    char known[MOCK_VERB_BYTES];
    if (!take_verb(verb, known)) {
        return RINGCACHE_EINVAL;
    }
    engine_answer_next(mock->engine, known, count, NULL);
    return 0;
}

void ringcache_mock_disconnect_after(ringcache_mock *mock, uint64_t bytes)
{
    mock->cut_left = bytes;
}

static struct delay *find_delay(const struct ringcache_mock *mock, const char *verb)
{
    for (struct rc_list *n = mock->delays.next; n != &mock->delays; n = n->next) {
        struct delay *delay = rc_container(n, struct delay, node);
        if (strcmp(delay->verb, verb) == 0) {
            return delay;
        }
    }
    return NULL;
}

int ringcache_mock_delay(ringcache_mock *mock, const char *verb, uint64_t delay_ms)
{
    char known[MOCK_VERB_BYTES];
    if (!take_verb(verb, known)) {
        return RINGCACHE_EINVAL;
    }
    struct delay *delay = find_delay(mock, known);
    if (delay == NULL) {
        delay = sim_alloc(sizeof *delay);
        memcpy(delay->verb, known, sizeof known);
        rc_list_append(&mock->delays, &delay->node);
    }
    delay->ms = delay_ms;
    return 0;
}

uint64_t mock_delay_ms(const struct ringcache_mock *mock)
{
    const struct delay *delay = find_delay(mock, mock->verb);
    delay = delay != NULL ? delay : find_delay(mock, "");
    return delay != NULL ? delay->ms : 0;
}

void mock_forget_delays(struct ringcache_mock *mock)
{
    struct rc_list *node;
    while ((node = rc_list_first(&mock->delays)) != NULL) {
        rc_list_remove(node);
        free(rc_container(node, struct delay, node));
    }
}

void mock_arrived(void *owner, const struct engine_command *command)
{
    struct ringcache_mock *mock = owner;
    snprintf(mock->verb, sizeof mock->verb, "%s", command->verb);
    if (mock->on_command == NULL) {
        return;
    }
    struct arrival *arrival = sim_alloc(sizeof *arrival);
    memcpy(arrival->verb, mock->verb, sizeof arrival->verb);
    arrival->key = sim_copy(command->key.data, command->key.len);
    arrival->key_len = command->key.len;
    arrival->connection = command->connection;
    rc_list_append(&mock->arrivals, &arrival->node);
}

void mock_tell(struct ringcache_mock *mock)
{
    struct rc_list *node;
    while ((node = rc_list_first(&mock->arrivals)) != NULL) {
        struct arrival *arrival = rc_container(node, struct arrival, node);
        rc_list_remove(node);
        if (mock->on_command != NULL && !mock->closing) {
            const ringcache_mock_command command = {
                arrival->verb, {arrival->key, arrival->key_len}, arrival->connection};
            mock->on_command(mock, &command, mock->on_command_user);
        }
        free(arrival->key);
        free(arrival);
    }
}

void ringcache_mock_on_command(ringcache_mock *mock, ringcache_mock_command_cb cb, void *user)
{
    mock->on_command = cb;
    mock->on_command_user = user;
}

uint64_t ringcache_mock_commands(const ringcache_mock *mock, const char *verb)
{
    char known[MOCK_VERB_BYTES];
    return take_verb(verb, known) ? engine_count(mock->engine, known) : 0;
}
