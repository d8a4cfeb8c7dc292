/* SPDX-License-Identifier: MIT */
/* faultd: passes bytes between clients and servers, and does to them what a script says. */

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ringcache/version.h>

#include "agenda.h"
#include "arguments.h"
#include "control.h"
#include "journal.h"
#include "pair.h"
#include "random.h"
#include "script.h"

enum { SIGNALS = 2 };

struct program {
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    struct journal journal;
    struct agenda agenda;
    struct control control;
    struct pair **pairs;
    size_t pair_count;
};

static void print_help(void)
{
    puts("usage: faultd [OPTION...] NAME=LISTEN,SERVER...\n"
         "\n"
         "  -f, --script FILE     do what FILE says; - is the standard input, line by line\n"
         "      --control PLACE   listen for commands\n"
         "      --seed NUMBER     choose other jitters and other corrupt bytes\n"
         "      --json            log as JSON\n"
         "  -h, --help            print this\n"
         "      --version         print the version\n"
         "\n"
         "LISTEN, SERVER and PLACE are HOST:PORT, [IPv6]:PORT or unix:PATH.\n"
         "faultd(1) is the manual.");
}

/* End whatever runs; the loop then comes to its own end. */
static void stop(struct program *program)
{
    for (unsigned i = 0; i < SIGNALS; i++)
        if (!uv_is_closing((uv_handle_t *)&program->signals[i]))
            uv_close((uv_handle_t *)&program->signals[i], NULL);
    control_close(&program->control);
    agenda_close(&program->agenda);
    for (size_t i = 0; i < program->pair_count; i++)
        pair_close(program->pairs[i]);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    stop(signal->data);
}

static int start_signals(struct program *program)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT};
    int status = 0;
    for (unsigned i = 0; i < SIGNALS; i++) {
        uv_signal_init(&program->loop, &program->signals[i]);
        program->signals[i].data = program;
        if (status == 0)
            status = uv_signal_start(&program->signals[i], on_signal, numbers[i]);
    }
    return status;
}

static int open_pairs(struct program *program, const struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->pair_count; i++) {
        const struct pair_argument *pair = &arguments->pairs[i];
        const struct pair_options options = {.name = pair->name,
            .listen = pair->listen,
            .server = pair->server,
            .seed = random_branch(arguments->seed, i),
            .journal = &program->journal};
        int status = pair_open(&program->loop, &options, &program->pairs[i]);
        if (status != 0) {
            complain("%s cannot listen: %s", pair->name, uv_strerror(status));
            return EXIT_TROUBLE;
        }
        program->agenda.pair_count = ++program->pair_count;
    }
    return EXIT_DONE;
}

static int take_script(struct program *program, const struct script *script)
{
    struct problem problem;
    for (size_t i = 0; i < script->count; i++) {
        if (agenda_take(&program->agenda, script->commands[i], &problem))
            continue;
        complain("%s:%u:%u: %s", script->name, script->commands[i]->number, problem.column,
            problem.text);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

/* A file is read as a whole before the start; what comes from elsewhere is done as it comes. */
static bool comes_by_lines(const struct arguments *arguments)
{
    return arguments->script != NULL && strcmp(arguments->script, "-") == 0 &&
           uv_guess_handle(STDIN_FILENO) != UV_FILE;
}

static int start_control(struct program *program, const struct arguments *arguments)
{
    int status = start_signals(program);
    if (status == 0 && arguments->control != NULL)
        status = control_listen(&program->control, &arguments->control_place);
    if (status == 0 && comes_by_lines(arguments))
        status = control_read_stdin(&program->control);
    if (status == 0)
        return EXIT_DONE;
    complain("cannot be controlled: %s", uv_strerror(status));
    return EXIT_TROUBLE;
}

static int run(const struct arguments *arguments, const struct script *script)
{
    struct program program = {.pair_count = 0};
    program.pairs = calloc(arguments->pair_count, sizeof *program.pairs);
    if (program.pairs == NULL || uv_loop_init(&program.loop) != 0) {
        free(program.pairs);
        complain("out of memory");
        return EXIT_TROUBLE;
    }
    journal_open(&program.journal, &program.loop, arguments->json);
    agenda_open(&program.agenda, &program.journal, program.pairs, 0);
    control_init(&program.control, &program.agenda);
    int status = start_control(&program, arguments);
    if (status == EXIT_DONE)
        status = open_pairs(&program, arguments);
    if (status == EXIT_DONE)
        status = take_script(&program, script);
    if (status != EXIT_DONE)
        stop(&program);
    uv_run(&program.loop, UV_RUN_DEFAULT);
    uv_loop_close(&program.loop);
    free(program.pairs);
    return status;
}

static int read_script(const struct arguments *arguments, struct script *script)
{
    if (arguments->script == NULL || comes_by_lines(arguments))
        return EXIT_DONE;
    const bool standard = strcmp(arguments->script, "-") == 0;
    FILE *file = standard ? stdin : fopen(arguments->script, "r");
    if (file == NULL) {
        complain("%s: %s", arguments->script, strerror(errno));
        return EXIT_USAGE;
    }
    bool good = script_read(script, file, standard ? "stdin" : arguments->script);
    if (!standard)
        fclose(file);
    return good ? EXIT_DONE : EXIT_USAGE;
}

static int read_and_run(const struct arguments *arguments)
{
    struct script script = {0};
    int status = read_script(arguments, &script);
    if (status == EXIT_DONE)
        status = run(arguments, &script);
    script_free(&script);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    setlocale(LC_ALL, "C");
    /* A peer or a reader of the log that went away is no reason to die. */
    signal(SIGPIPE, SIG_IGN);
    int status = arguments_read(argc, argv, &arguments);
    if (status == EXIT_DONE && arguments.version)
        puts("faultd " RINGCACHE_VERSION);
    else if (status == EXIT_DONE && arguments.help)
        print_help();
    else if (status == EXIT_DONE)
        status = read_and_run(&arguments);
    arguments_free(&arguments);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    complain("standard output: write error");
    return EXIT_TROUBLE;
}
