/* SPDX-License-Identifier: MIT */
/* Whatever happens to a link ends in pump(), which the callbacks that it starts call again. It asks
 * both flows for their next step, writes at most one piece at a time to each side, reads from a
 * side while its flow has room, and sets the timer to the time that a flow waits for.
 *
 *   CONNECTING -> PASSING -> LINGERING -> CLOSING
 *
 * A lingering link has said FIN to both sides. It reads until theirs, since closing a socket with
 * unread bytes would be a RST that overtakes what was passed; but not for ever. */
#include "link.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "random.h"

enum { LINGER_MS = 1000 };

static struct side *peer_of(struct side *side)
{
    struct side *sides = side->link->sides;
    return side == &sides[UP] ? &sides[DOWN] : &sides[UP];
}

static enum direction direction_of(const struct side *side)
{
    return side == &side->link->sides[UP] ? UP : DOWN;
}

static void on_closed(uv_handle_t *handle)
{
    struct link *link = handle->data;
    if (--link->open != 0)
        return;
    struct link_owner *owner = link->owner;
    flow_deinit(&link->sides[UP].flow);
    flow_deinit(&link->sides[DOWN].flow);
    free(link);
    owner->freed(owner);
}

static void close_handle(struct link *link, uv_handle_t *handle)
{
    handle->data = link;
    uv_close(handle, on_closed);
}

static void link_close(struct link *link)
{
    if (link->state == LINK_CLOSING)
        return;
    link->state = LINK_CLOSING;
    link->owner->ended(link);
    close_handle(link, &link->sides[UP].stream.handle);
    close_handle(link, &link->sides[DOWN].stream.handle);
    close_handle(link, (uv_handle_t *)&link->timer);
}

void link_reset(struct link *link)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    uv_os_fd_t fd;
    for (unsigned i = 0; i < DIRECTIONS; i++)
        if (uv_fileno(&link->sides[i].stream.handle, &fd) == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    link_close(link);
}

static void fail(struct link *link, const char *what, int status)
{
    if (link->state == LINK_CLOSING)
        return;
    link->owner->trouble(link, what, status);
    link_reset(link);
}

static void on_linger_end(uv_timer_t *timer)
{
    link_close(timer->data);
}

static void close_when_both_ended(struct link *link)
{
    if (link->state == LINK_LINGERING && link->sides[UP].ended && link->sides[DOWN].ended)
        link_close(link);
}

static void on_shut(uv_shutdown_t *request, int status)
{
    (void)request, (void)status; /* a side that is gone says so when it is read */
}

static void shut(struct side *side)
{
    if (!side->shut && uv_shutdown(&side->shutdown, &side->stream.stream, on_shut) != 0)
        side->ended = true;
    side->shut = true;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    *buf = uv_buf_init(((struct side *)handle)->link->owner->chunk, CHUNK_BYTES);
}

static void take_in(struct side *side, uv_buf_t bytes)
{
    struct link *link = side->link;
    const enum direction direction = direction_of(side);
    const uint64_t now_ms = uv_now(link->owner->loop);
    link->owner->received(link, direction, bytes);
    bool good = link->spoke == direction || flow_turn(&side->flow, now_ms);
    link->spoke = direction;
    if (!good || !flow_receive(&side->flow, bytes.base, bytes.len, now_ms))
        fail(link, "out of memory", UV_ENOMEM);
}

static void take_end(struct side *side)
{
    side->ended = true;
    uv_read_stop(&side->stream.stream);
    side->reading = false;
    if (!flow_end(&side->flow, uv_now(side->link->owner->loop)))
        fail(side->link, "out of memory", UV_ENOMEM);
}

static void on_bytes(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct side *side = (struct side *)stream;
    struct link *link = side->link;
    if (count == 0)
        return;
    if (count < 0 && count != UV_EOF) {
        link_reset(link); /* what one side suffers, the other one does */
        return;
    }
    if (count == UV_EOF)
        take_end(side);
    else if (link->state == LINK_PASSING)
        take_in(side, uv_buf_init(buf->base, (unsigned)count));
    link->pump(link);
}

static void read_while_room(struct side *side)
{
    const bool wanted = side->link->state == LINK_LINGERING || flow_has_room(&side->flow);
    if (side->ended || wanted == side->reading)
        return;
    side->reading = wanted;
    if (!wanted)
        uv_read_stop(&side->stream.stream);
    else if (uv_read_start(&side->stream.stream, on_room, on_bytes) != 0)
        side->ended = true;
}

static void link_linger(struct link *link)
{
    if (link->state == LINK_CONNECTING) {
        link_close(link);
        return;
    }
    link->state = LINK_LINGERING;
    uv_timer_start(&link->timer, on_linger_end, LINGER_MS, 0);
    for (unsigned i = 0; i < DIRECTIONS; i++) {
        shut(&link->sides[i]);
        read_while_room(&link->sides[i]);
    }
    close_when_both_ended(link);
}

static void on_written(uv_write_t *write, int status)
{
    struct side *side = write->data;
    struct link *link = side->link;
    const size_t len = side->writing;
    side->writing = 0;
    if (link->state == LINK_CLOSING)
        return;
    if (status != 0) {
        link_reset(link);
        return;
    }
    flow_sent(&peer_of(side)->flow, len, uv_now(link->owner->loop));
    link->pump(link);
}

static void write_to(struct side *side, const struct step *step)
{
    uv_buf_t bytes = uv_buf_init((char *)step->bytes, (unsigned)step->len);
    side->write.data = side;
    side->writing = step->len;
    if (uv_write(&side->write, &side->stream.stream, &bytes, 1, on_written) != 0)
        link_reset(side->link);
}

/* Take the steps of the flow to this side up to one that has to be waited for; `*again_ms` is
 * lowered to its time. */
static void pump_to(struct side *side, uint64_t now_ms, uint64_t *again_ms)
{
    struct link *link = side->link;
    while (link->state == LINK_PASSING && side->writing == 0 && !side->shut) {
        const struct step step = flow_step(&peer_of(side)->flow, now_ms);
        switch (step.kind) {
        case STEP_IDLE:
            return;
        case STEP_LATER:
            if (step.at_ms < *again_ms)
                *again_ms = step.at_ms;
            return;
        case STEP_BYTES:
            write_to(side, &step);
            break;
        case STEP_END:
            shut(side);
            break;
        case STEP_CLOSE:
            link_linger(link);
            break;
        case STEP_RESET:
            link_reset(link);
            break;
        }
    }
}

static void on_time(uv_timer_t *timer)
{
    struct link *link = timer->data;
    link->pump(link);
}

static void pump(struct link *link)
{
    uint64_t now_ms = uv_now(link->owner->loop), again_ms = UINT64_MAX;
    pump_to(&link->sides[UP], now_ms, &again_ms);
    pump_to(&link->sides[DOWN], now_ms, &again_ms);
    if (link->state == LINK_PASSING && link->sides[UP].shut && link->sides[DOWN].shut)
        link_linger(link);
    close_when_both_ended(link);
    if (link->state != LINK_PASSING)
        return;
    read_while_room(&link->sides[UP]);
    read_while_room(&link->sides[DOWN]);
    uv_timer_stop(&link->timer);
    if (again_ms != UINT64_MAX)
        uv_timer_start(&link->timer, on_time, again_ms - now_ms, 0);
}

static void on_fault(void *owner, const struct command *cause, uint64_t offset)
{
    struct side *side = owner;
    side->link->owner->fault(side->link, direction_of(side), cause, offset);
}

/* Nothing is opened yet, so that neither kind of handle can fail. */
static void side_init(
    struct link *link, enum direction direction, const struct endpoint *endpoint, uint64_t seed)
{
    struct side *side = &link->sides[direction];
    side->link = link;
    flow_init(&side->flow, random_branch(seed, direction), on_fault, side);
    endpoint_init(endpoint, link->owner->loop, &side->stream);
    link->open++;
}

struct link *link_new(struct link_owner *owner, const struct endpoint *client,
    const struct endpoint *server, uint64_t seed)
{
    struct link *link = calloc(1, sizeof *link);
    if (link == NULL)
        return NULL;
    link->owner = owner;
    link->spoke = DOWN;
    link->pump = pump;
    side_init(link, UP, client, seed);
    side_init(link, DOWN, server, seed);
    uv_timer_init(owner->loop, &link->timer);
    link->timer.data = link;
    link->open++;
    return link;
}

/* Pieces shall leave as they are; a Unix socket never waits for more. */
static void send_at_once(struct side *side)
{
    if (side->stream.handle.type == UV_TCP)
        uv_tcp_nodelay(&side->stream.tcp, 1);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct link *link = connect->data;
    if (link->state == LINK_CLOSING)
        return;
    if (status != 0) {
        fail(link, "the server cannot be reached", status);
        return;
    }
    send_at_once(&link->sides[UP]);
    send_at_once(&link->sides[DOWN]);
    link->state = LINK_PASSING;
    pump(link);
}

void link_start(struct link *link, uv_stream_t *listener, const struct endpoint *server)
{
    struct side *sides = link->sides;
    link->connect.data = link;
    int status = uv_accept(listener, &sides[UP].stream.stream);
    if (status == 0)
        status = endpoint_connect(server, &sides[DOWN].stream, &link->connect, on_connected);
    if (status != 0)
        fail(link, "the server cannot be reached", status);
}

static void heal(struct link *link)
{
    if (!flow_heal(&link->sides[UP].flow) || !flow_heal(&link->sides[DOWN].flow))
        fail(link, "out of memory", UV_ENOMEM);
}

static void command_flows(struct link *link, struct command *command)
{
    const uint64_t now_ms = uv_now(link->owner->loop);
    for (unsigned i = 0; i < DIRECTIONS; i++)
        if (command->directions[i] && !flow_command(&link->sides[i].flow, command, now_ms))
            fail(link, "out of memory", UV_ENOMEM);
}

void link_command(struct link *link, struct command *command)
{
    const bool at_once = command->place == PLACE_ANY;
    if (link->state == LINK_CLOSING)
        return;
    if (at_once && command->fault == FAULT_RESET)
        link_reset(link);
    else if (at_once && command->fault == FAULT_CLOSE)
        link_linger(link);
    else if (command->fault == FAULT_HEAL)
        heal(link);
    else
        command_flows(link, command);
    if (link->state == LINK_PASSING)
        pump(link);
}
