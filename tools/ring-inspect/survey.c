/* SPDX-License-Identifier: MIT */
#include "survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "report.h"

/* So many servers are asked at a time. */
enum { BATCH = 64 };

void survey_answered(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct answer *answer = user;

    (void)client;
    answer->session->pending--;
    answer->status = reply->status;
    answer->maybe_applied = reply->maybe_applied;
    answer->message = strdup(reply->message);
    answer->len = reply->value.len;
    answer->value = malloc(reply->value.len + 1);
    if (answer->message == NULL || answer->value == NULL)
        answer->status = RINGCACHE_ENOMEM;
    else if (reply->value.len > 0)
        memcpy(answer->value, reply->value.data, reply->value.len);
}

const char *survey_name(const struct session *session, const struct call *call, size_t index)
{
    if (call->operand_count > 0)
        return index < call->operand_count ? call->operands[index] : NULL;
    return setup_server_name(&session->setup, index);
}

int survey_check_names(const struct session *session, const struct call *call)
{
    for (size_t i = 0; i < call->operand_count; i++)
        if (setup_find(&session->setup, call->operands[i]) == RINGCACHE_NONE)
            return EXIT_USAGE;
    return EXIT_DONE;
}

static void complain_answer(const struct call *call, const struct answer *answer)
{
    const char *message = answer->message != NULL ? answer->message : "";

    complain("%s: %s: %s%s%s%s", call->command->name, answer->name,
        ringcache_err_name(answer->status), *message != '\0' ? ": " : "", message,
        answer->maybe_applied ? " (it may have been applied)" : "");
}

static json_t *document(const struct survey *survey, const struct answer *answer)
{
    json_t *row = json_joined(json_text("name", answer->name),
        json_pack("{s:s}", "status", ringcache_err_name(answer->status)));

    if (answer->status != RINGCACHE_OK)
        return json_joined(json_joined(row, json_text("message", answer->message)),
            json_pack("{s:b}", "maybe_applied", answer->maybe_applied != 0));
    return survey->json != NULL ? json_joined(row, survey->json(answer)) : row;
}

static int print(const struct call *call, const struct survey *survey, const struct answer *answer)
{
    bool good = answer->status == RINGCACHE_OK;

    if (!good) {
        complain_answer(call, answer);
        session_note(answer->session, EXIT_LIVE);
    }
    if (call->json)
        return json_print_line(document(survey, answer));
    int status = good && survey->print != NULL ? survey->print(answer) : EXIT_DONE;
    return status == EXIT_DONE && ferror(stdout) ? EXIT_LIVE : status;
}

/* Ask up to a batch of them from the server at `first` on; their number in `*count`. */
static int ask_some(struct session *session, const struct call *call, const struct survey *survey,
    size_t first, struct answer answers[BATCH])
{
    const char *name;

    for (size_t i = 0; i < BATCH && (name = survey_name(session, call, first + i)) != NULL; i++) {
        answers[i] = (struct answer){.session = session, .name = name};
        int status = survey->ask(session->client, call, &answers[i]);
        if (status != 0)
            return session_refused(session, status);
        session->pending++;
    }
    return EXIT_DONE;
}

static int ask_all(struct session *session, const struct call *call, const struct survey *survey)
{
    int status = EXIT_DONE;

    for (size_t first = 0; status == EXIT_DONE && survey_name(session, call, first) != NULL;
         first += BATCH) {
        struct answer answers[BATCH] = {0};
        status = ask_some(session, call, survey, first, answers);
        session_wait(session);
        for (size_t i = 0; i < BATCH && answers[i].name != NULL; i++) {
            if (status == EXIT_DONE)
                status = print(call, survey, &answers[i]);
            free(answers[i].message);
            free(answers[i].value);
        }
    }
    return status;
}

int survey_run(const struct call *call, const struct survey *survey)
{
    struct session session;
    int status = session_open(&session, call);

    if (status == EXIT_DONE)
        status = survey_check_names(&session, call);
    if (status == EXIT_DONE)
        status = ask_all(&session, call, survey);
    return session_close(&session, status);
}
