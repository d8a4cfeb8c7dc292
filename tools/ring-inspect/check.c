/* SPDX-License-Identifier: MIT */
/* check: every error and every warning of a configuration file. They are this command's result and
 * go to stdout; an error among them makes the exit status 2. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringcache/config.h>

#include "command.h"
#include "json.h"
#include "report.h"

struct verdict {
    json_t *findings; /* NULL: print text */
    size_t errors;
    size_t warnings;
    bool failed;
};

static bool keep(json_t *findings, const char *kind, const char *text)
{
    json_t *row = json_joined(json_pack("{s:s}", "kind", kind), json_text("text", text));

    return json_array_append_new(findings, row) == 0;
}

static bool print_finding(const char *kind, const char *text)
{
    char *shown = escape(text, strlen(text));

    if (shown == NULL)
        return false;
    printf("%s: %s\n", kind, shown);
    free(shown);
    return true;
}

static void find(int is_error, const char *text, void *user)
{
    struct verdict *verdict = user;
    const char *kind = is_error ? "error" : "warning";

    verdict->errors += is_error != 0;
    verdict->warnings += is_error == 0;
    bool kept =
        verdict->findings != NULL ? keep(verdict->findings, kind, text) : print_finding(kind, text);
    verdict->failed = verdict->failed || !kept;
}

static int print_sum(const struct verdict *verdict, const char *path)
{
    if (verdict->findings != NULL)
        return json_print(json_joined(json_text("file", path),
            json_pack("{s:I, s:I, s:O}", "errors", (json_int_t)verdict->errors, "warnings",
                (json_int_t)verdict->warnings, "findings", verdict->findings)));
    printf("%zu error%s, %zu warning%s\n", verdict->errors, verdict->errors == 1 ? "" : "s",
        verdict->warnings, verdict->warnings == 1 ? "" : "s");
    return EXIT_DONE;
}

static int judge(struct verdict *verdict, const char *path)
{
    size_t errors = 0;
    int status = ringcache_config_judge_file(path, find, verdict, &errors);

    if (status == RINGCACHE_ENOMEM || verdict->failed)
        return complain_memory();
    if (status != 0) {
        complain("%s: %s", path, ringcache_strerror(status));
        return EXIT_USAGE;
    }
    status = print_sum(verdict, path);
    return status == EXIT_DONE && errors > 0 ? EXIT_USAGE : status;
}

int run_check(const struct call *call)
{
    struct verdict verdict = {0};

    if (call->json && (verdict.findings = json_array()) == NULL)
        return complain_memory();
    int status = judge(&verdict, call->operands[0]);
    json_decref(verdict.findings);
    return status;
}
