/* SPDX-License-Identifier: MIT */
/* Delta debugging: leave out half of the moves, then quarters, and so on down to single ones; what
 * the failure can do without stays away. Single moves are tried again until none of them can be
 * missed: one may have been needed only because of another. */
#include "storm_shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct task {
    bool *out;
    size_t *made; /* the places of the moves that are made */
    size_t made_count;
    bool (*fails)(void *owner, const bool *out);
    void *owner;
};

static void list_made(struct task *task, size_t count)
{
    task->made_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!task->out[i]) {
            task->made[task->made_count++] = i;
        }
    }
}

static void leave_out(struct task *task, size_t from, size_t count, bool out)
{
    for (size_t i = from; i < from + count && i < task->made_count; i++) {
        task->out[task->made[i]] = out;
    }
}

/* Try to do without each run of `size` moves; true if any was left out. */
static bool pass(struct task *task, size_t size)
{
    bool any = false;
    for (size_t from = 0; from < task->made_count; from += size) {
        leave_out(task, from, size, true);
        if (task->fails(task->owner, task->out)) {
            any = true;
        } else {
            leave_out(task, from, size, false);
        }
    }
    return any;
}

void storm_shrink(bool *out, size_t count, bool (*fails)(void *owner, const bool *out), void *owner)
{
    struct task task = {out, calloc(count, sizeof *task.made), 0, fails, owner};
    if (task.made == NULL) {
        return;
    }
    list_made(&task, count);
    size_t size = (task.made_count + 1) / 2;
    while (task.made_count > 0) {
        bool any = pass(&task, size);
        list_made(&task, count);
        if (size == 1 && !any) {
            break;
        }
        size = (size + 1) / 2;
    }
    free(task.made);
}

/* ---- as text ---- */

static bool take_number(const char **at, size_t count, size_t *number)
{
    char *end;
    unsigned long value = strtoul(*at, &end, 10);
    bool is = **at >= '0' && **at <= '9' && value < count;
    *number = value;
    *at = end;
    return is;
}

bool storm_moves_parse(const char *text, bool *out, size_t count)
{
    memset(out, true, count * sizeof *out);
    for (bool more = *text != '\0'; more; more = *text++ == ',') {
        size_t first, last;
        if (!take_number(&text, count, &first)) {
            return false;
        }
        last = first;
        if (*text == '-' && (text++, !take_number(&text, count, &last))) {
            return false;
        }
        if (*text != ',' && *text != '\0') {
            return false;
        }
        for (size_t i = first; i <= last; i++) {
            out[i] = false;
        }
    }
    return true;
}

void storm_moves_write(const bool *out, size_t count, char *text, size_t size)
{
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && len < size; i++) {
        size_t last = i;
        if (out[i]) {
            continue;
        }
        while (last + 1 < count && !out[last + 1]) {
            last++;
        }
        const char *comma = len > 0 ? "," : "";
        len += (size_t)(last > i ? snprintf(text + len, size - len, "%s%zu-%zu", comma, i, last)
                                 : snprintf(text + len, size - len, "%s%zu", comma, i));
        i = last;
    }
}
