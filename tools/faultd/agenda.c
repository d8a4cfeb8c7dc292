/* SPDX-License-Identifier: MIT */
/* A sorted list and one timer for its first entry. */
#include "agenda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct appointment {
    struct appointment *next;
    uint64_t due_ms;
    struct command *command;
};

static const char *explain(int status)
{
    return status == UV_ENOTCONN ? "there is no such connection" : uv_strerror(status);
}

static bool concerns(const struct command *command, const struct pair *pair)
{
    return command->pair[0] == '\0' || strcmp(command->pair, pair_name(pair)) == 0;
}

/* Every pair that it names does it, even if one could not: the first status that is not 0. */
static int do_now(struct agenda *agenda, struct command *command)
{
    int first = 0;
    for (size_t i = 0; i < agenda->pair_count; i++) {
        int status = 0;
        if (concerns(command, agenda->pairs[i]))
            status = pair_command(agenda->pairs[i], command);
        if (first == 0)
            first = status;
    }
    return first;
}

static void pop(struct agenda *agenda)
{
    struct appointment *first = agenda->first;
    agenda->first = first->next;
    command_release(first->command);
    free(first);
}

static void tell_failure(const struct agenda *agenda, const struct command *command, int status)
{
    char text[256];
    snprintf(text, sizeof text, "%s: %.150s", explain(status), command->line);
    journal_write(agenda->journal, &(struct note){.what = "trouble", .text = text});
}

static void on_time(uv_timer_t *timer)
{
    struct agenda *agenda = timer->data;
    const uint64_t now_ms = uv_now(timer->loop);
    while (agenda->first != NULL && agenda->first->due_ms <= now_ms) {
        int status = do_now(agenda, agenda->first->command);
        if (status != 0)
            tell_failure(agenda, agenda->first->command, status);
        pop(agenda);
    }
    if (agenda->first != NULL)
        uv_timer_start(timer, on_time, agenda->first->due_ms - now_ms, 0);
}

void agenda_open(
    struct agenda *agenda, const struct journal *journal, struct pair **pairs, size_t pair_count)
{
    *agenda = (struct agenda){.journal = journal, .pairs = pairs, .pair_count = pair_count};
    agenda->start_ms = journal->start_ms;
    uv_timer_init(journal->loop, &agenda->timer);
    agenda->timer.data = agenda;
}

static bool note_down(struct agenda *agenda, struct command *command, uint64_t due_ms)
{
    struct appointment *made = malloc(sizeof *made);
    if (made == NULL)
        return false;
    struct appointment **place = &agenda->first;
    while (*place != NULL && (*place)->due_ms <= due_ms)
        place = &(*place)->next;
    *made = (struct appointment){*place, due_ms, command_hold(command)};
    *place = made;
    const uint64_t now_ms = uv_now(agenda->timer.loop);
    const uint64_t first_ms = agenda->first->due_ms;
    uv_timer_start(&agenda->timer, on_time, first_ms > now_ms ? first_ms - now_ms : 0, 0);
    return true;
}

static bool fail(struct problem *problem, const char *why)
{
    problem->column = 1;
    snprintf(problem->text, sizeof problem->text, "%s", why);
    return false;
}

static bool knows_pair(const struct agenda *agenda, const struct command *command)
{
    for (size_t i = 0; i < agenda->pair_count; i++)
        if (concerns(command, agenda->pairs[i]))
            return true;
    return false;
}

bool agenda_take(struct agenda *agenda, struct command *command, struct problem *problem)
{
    const uint64_t now_ms = uv_now(agenda->timer.loop);
    uint64_t due_ms = command->moment_ms;
    if (!knows_pair(agenda, command))
        return fail(problem, "there is no pair of this name");
    if (command->moment == MOMENT_AT)
        due_ms += agenda->start_ms;
    else
        due_ms += now_ms;
    if (due_ms > now_ms)
        return note_down(agenda, command, due_ms) || fail(problem, "out of memory");
    int status = do_now(agenda, command);
    return status == 0 || fail(problem, explain(status));
}

void agenda_close(struct agenda *agenda)
{
    while (agenda->first != NULL)
        pop(agenda);
    uv_close((uv_handle_t *)&agenda->timer, NULL);
}
