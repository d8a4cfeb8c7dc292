/* SPDX-License-Identifier: MIT */
/* A talk reads, does the whole lines there are, writes their answers, and reads on when these are
 * written: who does not read the answers is not read either. */
#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"

struct talk {
    union stream stream; /* first: a handle is its talk */
    struct control *control;
    struct talk *next, **back;
    uv_read_cb on_bytes;
    bool answers; /* on the stream; else only problems are told, on stderr */
    bool too_long, ended;
    unsigned line;
    uv_write_t write;
    char *answer;
    size_t len;
    char bytes[LINE_BYTES_MAX];
};

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void talk_close(struct talk *talk)
{
    if (uv_is_closing(&talk->stream.handle))
        return;
    *talk->back = talk->next;
    if (talk->next != NULL)
        talk->next->back = talk->back;
    uv_close(&talk->stream.handle, on_closed);
}

static void refuse(const struct talk *talk, FILE *answer, const struct problem *problem)
{
    if (talk->answers)
        fprintf(answer, "error %u:%u: %s\n", talk->line, problem->column, problem->text);
    else
        complain("stdin:%u:%u: %s", talk->line, problem->column, problem->text);
}

static void do_line(struct talk *talk, const char *line, size_t len, FILE *answer)
{
    struct command *command = NULL;
    struct problem problem = {.column = 1, .text = "the line is too long"};
    bool done = false;
    talk->line++;
    if (!talk->too_long) {
        switch (command_parse(line, len, &command, &problem)) {
        case PARSED_NOTHING:
            return;
        case PARSED_COMMAND:
            done = agenda_take(talk->control->agenda, command, &problem);
            break;
        case PARSED_PROBLEM:
            break;
        }
    }
    talk->too_long = false;
    command_release(command);
    if (!done)
        refuse(talk, answer, &problem);
    else if (talk->answers)
        fputs("ok\n", answer);
}

/* Of a line without an end that fills all the room, the rest is left out. */
static void do_lines(struct talk *talk, FILE *answer)
{
    char *start = talk->bytes, *end;
    size_t left = talk->len;
    while ((end = memchr(start, '\n', left)) != NULL) {
        do_line(talk, start, (size_t)(end - start), answer);
        left -= (size_t)(end + 1 - start);
        start = end + 1;
    }
    memmove(talk->bytes, start, left);
    talk->len = left;
    if (left == sizeof talk->bytes) {
        talk->too_long = true;
        talk->len = 0;
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct talk *talk = (struct talk *)handle;
    (void)suggested;
    *buf = uv_buf_init(talk->bytes + talk->len, (unsigned)(sizeof talk->bytes - talk->len));
}

static void read_on(struct talk *talk)
{
    if (talk->ended || uv_read_start(&talk->stream.stream, on_room, talk->on_bytes) != 0)
        talk_close(talk);
}

static void on_answered(uv_write_t *write, int status)
{
    struct talk *talk = write->data;
    free(talk->answer);
    talk->answer = NULL;
    if (status != 0)
        talk_close(talk);
    else if (!uv_is_closing(&talk->stream.handle))
        read_on(talk);
}

static void send_answer(struct talk *talk, size_t len)
{
    uv_buf_t bytes = uv_buf_init(talk->answer, (unsigned)len);
    talk->write.data = talk;
    if (len != 0 && uv_write(&talk->write, &talk->stream.stream, &bytes, 1, on_answered) == 0)
        return;
    free(talk->answer);
    talk->answer = NULL;
    if (len != 0)
        talk_close(talk);
    else
        read_on(talk);
}

static void on_bytes(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct talk *talk = (struct talk *)stream;
    size_t answer_len = 0;
    (void)buf;
    if (count == 0)
        return;
    uv_read_stop(stream);
    talk->ended = count < 0;
    talk->len += count > 0 ? (size_t)count : 0;
    FILE *answer = open_memstream(&talk->answer, &answer_len);
    if (answer == NULL) {
        talk_close(talk);
        return;
    }
    do_lines(talk, answer);
    if (talk->ended && talk->len != 0)
        do_line(talk, talk->bytes, talk->len, answer);
    if (fclose(answer) != 0)
        talk_close(talk);
    else
        send_answer(talk, answer_len);
}

static struct talk *talk_new(struct control *control, bool answers)
{
    struct talk *talk = calloc(1, sizeof *talk);
    if (talk == NULL)
        return NULL;
    talk->control = control;
    talk->answers = answers;
    talk->on_bytes = on_bytes;
    talk->next = control->talks;
    talk->back = &control->talks;
    if (talk->next != NULL)
        talk->next->back = &talk->next;
    control->talks = talk;
    return talk;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct control *control = listener->data;
    struct talk *talk = status == 0 ? talk_new(control, true) : NULL;
    if (talk == NULL)
        return;
    endpoint_init(&control->place, control->loop, &talk->stream);
    if (uv_accept(listener, &talk->stream.stream) != 0)
        talk_close(talk);
    else
        read_on(talk);
}

void control_init(struct control *control, struct agenda *agenda)
{
    *control = (struct control){.agenda = agenda, .loop = agenda->timer.loop};
}

int control_listen(struct control *control, const struct endpoint *place)
{
    char text[ENDPOINT_TEXT_SIZE];
    control->place = *place;
    endpoint_init(place, control->loop, &control->listener);
    control->listener.handle.data = control;
    control->listening = true;
    int status = endpoint_listen(&control->place, &control->listener, on_connection);
    if (status == 0)
        journal_write(control->agenda->journal,
            &(struct note){.what = "control", .text = endpoint_text(&control->place, text)});
    return status;
}

int control_read_stdin(struct control *control)
{
    struct talk *talk = talk_new(control, false);
    if (talk == NULL)
        return UV_ENOMEM;
    uv_pipe_init(control->loop, &talk->stream.pipe, 0);
    int status = uv_pipe_open(&talk->stream.pipe, STDIN_FILENO);
    if (status != 0)
        talk_close(talk);
    else
        read_on(talk);
    return status;
}

void control_close(struct control *control)
{
    while (control->talks != NULL)
        talk_close(control->talks);
    if (control->listening)
        uv_close(&control->listener.handle, NULL);
    control->listening = false;
}
