/* SPDX-License-Identifier: MIT */
#include "site.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { URI_SIZE = 128, ORDER_MS = 30 * 1000, STRAY = 100 };

/* ---- servers ---- */

/* A Redis saves as one does that nobody configured; a memcached keeps its memory in a file. */
static void let_it_keep(struct site *site, struct server *server)
{
    if (server->kind == SERVER_REDIS) {
        const char *const extra[6] = {"--save", "3600 1 300 100 60 10000", "--dir",
            site->plan.folder, "--dbfilename", "chaos.rdb"};
        memcpy(server->extra, extra, sizeof extra);
        snprintf(site->snapshot, sizeof site->snapshot, "%s/chaos.rdb", site->plan.folder);
    } else {
        snprintf(site->snapshot, sizeof site->snapshot, "%s/chaos.memory", site->plan.folder);
        server->extra[0] = "-e";
        server->extra[1] = site->snapshot;
    }
}

static bool start_servers(struct site *site)
{
    for (unsigned i = 0; i < site->plan.servers; i++) {
        struct server *server = &site->servers[i];
        const bool other = site->plan.mixed && i % 2 == 1;
        server->kind = other ? 1 - site->plan.kind : site->plan.kind;
        if (i == 0 && site->plan.keeps)
            let_it_keep(site, server);
        if (!server_start(server)) {
            fprintf(stderr, "chaos: a server did not start: %s\n", server->why);
            return false;
        }
    }
    return true;
}

/* ---- names and addresses ---- */

bool site_name(struct site *site, enum lead lead)
{
    FILE *hosts = fopen("/etc/hosts", "w");
    if (hosts == NULL)
        return false;
    fputs("127.0.0.1 localhost\n", hosts);
    for (unsigned i = 0; i < site->plan.servers; i++) {
        const unsigned host = i == 0 && lead == LEADS_ASTRAY ? STRAY : i + 2;
        if (i > 0 || lead != LEADS_NOWHERE)
            fprintf(hosts, "10.77.0.%u s%u.chaos\n", host, i);
    }
    return fclose(hosts) == 0;
}

/* Without the route home, packets go to a card of a machine that is not there. */
bool site_address(struct site *site, bool reachable)
{
    char command[128];
    (void)site;
    snprintf(command, sizeof command,
        "ip route %s local 10.77.0.2 dev lo table local src 10.77.0.1",
        reachable ? "replace" : "delete");
    return system(command) == 0;
}

/* ---- time ---- */

/* It may ring before the loop waits for anything: then it is not to wait. */
static void on_rang(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
    uv_stop(timer->loop);
}

void site_run(struct site *site, uint64_t ms)
{
    uv_timer_t alarm;
    bool rang = false;
    uv_update_time(&site->loop);
    uv_timer_init(&site->loop, &alarm);
    alarm.data = &rang;
    uv_timer_start(&alarm, on_rang, ms, 0);
    while (!rang)
        uv_run(&site->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&alarm, NULL);
    uv_run(&site->loop, UV_RUN_NOWAIT);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct gate_clock *clock = prepare->data;
    clock->since_ns = clock->poll_ns;
    clock->poll_ns = uv_hrtime();
}

static bool watch_time(struct site *site)
{
    site->prepare.data = &site->clock;
    return uv_loop_init(&site->loop) == 0 && uv_prepare_init(&site->loop, &site->prepare) == 0 &&
           uv_prepare_start(&site->prepare, on_prepare) == 0;
}

/* ---- gates ---- */

static bool open_gates(struct site *site, unsigned player)
{
    for (unsigned i = 0; i < site->plan.servers; i++) {
        struct gate *gate = &site->players[player].gates[i];
        char listen[32] = "127.0.0.1:0";
        gate->fate = &site->players[player].book->fates[i];
        gate->clock = &site->clock;
        if (site->plan.own_network)
            snprintf(listen, sizeof listen, "10.77.0.%u:0", i + 2);
        if (gate_open(gate, &site->loop, listen, site->servers[i].port) != 0)
            return false;
    }
    return true;
}

static bool open_impostor(struct site *site)
{
    char listen[32];
    if (!site->plan.own_network || !site->plan.mixed)
        return true;
    snprintf(listen, sizeof listen, "10.77.0.%d:%u", STRAY, site->players[0].gates[0].port);
    site->impostor.fate = &site->players[0].book->fates[0];
    site->impostor.clock = &site->clock;
    return gate_open(&site->impostor, &site->loop, listen, site->servers[1].port) == 0;
}

bool site_gate(struct site *site, const char *line)
{
    return gate_do(&site->players[0].gates[0], line);
}

bool site_gates(struct site *site, const char *line)
{
    bool done = true;
    for (unsigned i = 0; i < site->plan.servers; i++)
        done &= gate_do(&site->players[0].gates[i], line);
    return done;
}

/* ---- players ---- */

static void uri_of(const struct site *site, unsigned player, unsigned server, char uri[URI_SIZE])
{
    char host[32] = "127.0.0.1";
    if (site->plan.own_network)
        snprintf(host, sizeof host, "s%u.chaos", server);
    const struct plan *plan = &site->plan;
    bool spare = strcmp(plan->policy, "gutter") == 0 && server + SPARES >= plan->servers;
    snprintf(uri, URI_SIZE, "%s://%s:%u?name=s%u%s",
        site->servers[server].kind == SERVER_MEMCACHED ? "memcached" : "redis", host,
        site->players[player].gates[server].port, server, spare ? "&pool=gutter" : "");
}

static void become_player(const struct site *site, unsigned player, int director, pid_t parent)
{
    char number[12], orders[12], memory[12], uris[SERVERS][URI_SIZE];
    char *arguments[SERVERS + 7] = {
        "ringcache-chaos", "--player", number, (char *)site->plan.policy, orders, memory};
    snprintf(number, sizeof number, "%u", player);
    snprintf(orders, sizeof orders, "%d", director);
    snprintf(memory, sizeof memory, "%d", site->memory);
    for (unsigned i = 0; i < site->plan.servers; i++) {
        uri_of(site, player, i, uris[i]);
        arguments[6 + i] = uris[i];
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fcntl(director, F_SETFD, 0);
    fcntl(site->memory, F_SETFD, 0);
    if (getppid() == parent)
        execv("/proc/self/exe", arguments);
    _exit(127);
}

static bool start_player(struct site *site, unsigned player)
{
    struct player_process *process = &site->players[player];
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_player(site, player, ends[1], parent);
    close(ends[1]);
    process->orders = ends[0];
    process->pid = pid > 0 ? pid : 0;
    return pid > 0 && site_order(site, player, ORDER_GREET);
}

bool site_order(struct site *site, unsigned player, enum order order)
{
    struct player_process *process = &site->players[player];
    const char byte = (char)order;
    char answer = 0;
    if (send(process->orders, &byte, 1, MSG_NOSIGNAL) != 1)
        return false;
    for (unsigned waited = 0; answer != byte && waited < ORDER_MS; waited++) {
        site_run(site, 1);
        if (recv(process->orders, &answer, 1, MSG_DONTWAIT) == 0)
            break;
    }
    if (answer != byte)
        fprintf(stderr, "chaos: player %u does not do what it is told (%c)\n", player, byte);
    return answer == byte;
}

void site_kill_player(struct site *site, unsigned player)
{
    struct player_process *process = &site->players[player];
    if (process->pid == 0)
        return;
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    close(process->orders);
    process->pid = 0;
}

/* A client that is closed leaves nothing on its loop, and nothing that leaks. */
static bool end_player(struct site *site, unsigned player)
{
    struct player_process *process = &site->players[player];
    const char byte = ORDER_END;
    int status = -1;
    if (process->pid == 0)
        return true;
    if (send(process->orders, &byte, 1, MSG_NOSIGNAL) == 1)
        waitpid(process->pid, &status, 0);
    process->pid = status != -1 ? 0 : process->pid;
    site_kill_player(site, player);
    if (status != 0)
        fprintf(stderr, "chaos: player %u did not end as it should\n", player);
    return status == 0;
}

/* ---- a server that ends and starts, while the gates go on ---- */

struct restart {
    uv_work_t work;
    struct server *server;
    bool ended;
};

static void start(uv_work_t *work)
{
    struct restart *restart = work->data;
    server_start(restart->server);
}

static void on_started(uv_work_t *work, int status)
{
    struct restart *restart = work->data;
    (void)status;
    restart->ended = true;
}

bool site_start_server(struct site *site)
{
    struct restart restart = {.server = &site->servers[0]};
    restart.work.data = &restart;
    if (uv_queue_work(&site->loop, &restart.work, start, on_started) != 0)
        return false;
    while (!restart.ended)
        uv_run(&site->loop, UV_RUN_ONCE);
    if (restart.server->pid == 0)
        fprintf(stderr, "chaos: a server did not start again: %s\n", restart.server->why);
    return restart.server->pid != 0;
}

bool site_end_server(struct site *site, int signal)
{
    struct server *server = &site->servers[0];
    unsigned waited = 0;
    kill(server->pid, signal);
    while (waitpid(server->pid, NULL, WNOHANG) == 0 && waited++ < ORDER_MS)
        site_run(site, 1);
    server->pid = waited <= ORDER_MS ? 0 : server->pid;
    return server->pid == 0;
}

/* ---- the whole ---- */

static bool is_so(const struct site *site, bool out, bool all)
{
    const struct fate *fates = site->players[0].book->fates;
    for (unsigned i = 0; i < (all ? site->plan.servers : 1); i++)
        if (fates[i].out != out)
            return false;
    return true;
}

bool site_awaits(struct site *site, bool out, bool all, uint64_t ms)
{
    const uint64_t end_ns = uv_hrtime() + ms * 1000000;
    while (!is_so(site, out, all) && uv_hrtime() < end_ns)
        site_run(site, 1);
    return is_so(site, out, all);
}

static bool share_memory(struct site *site)
{
    site->memory = memfd_create("chaos", MFD_CLOEXEC);
    if (site->memory < 0 || ftruncate(site->memory, sizeof *site->shared) != 0)
        return false;
    void *memory =
        mmap(NULL, sizeof *site->shared, PROT_READ | PROT_WRITE, MAP_SHARED, site->memory, 0);
    if (memory == MAP_FAILED)
        return false;
    site->shared = memory;
    for (unsigned i = 0; i < PLAYERS; i++)
        site->players[i].book = &site->shared->books[i];
    return true;
}

bool site_open(struct site *site, const struct plan *plan)
{
    memset(site, 0, sizeof *site);
    site->plan = *plan;
    bool open = watch_time(site) && share_memory(site) && start_servers(site);
    for (unsigned i = 0; open && i < plan->players; i++)
        open = open_gates(site, i);
    open = open && open_impostor(site);
    if (open && plan->own_network)
        open = site_name(site, LEADS_HOME);
    for (unsigned i = 0; open && i < plan->players; i++)
        open = start_player(site, i);
    if (!open)
        fputs("chaos: the servers and the client could not be set up\n", stderr);
    return open;
}

static void forget_what_was_kept(struct site *site)
{
    char more[sizeof site->snapshot + 8];
    if (site->snapshot[0] == '\0')
        return;
    snprintf(more, sizeof more, "%s.meta", site->snapshot);
    unlink(more);
    unlink(site->snapshot);
}

bool site_close(struct site *site)
{
    bool ended = true;
    for (unsigned i = 0; i < PLAYERS; i++)
        ended &= end_player(site, i);
    gate_close(&site->impostor);
    for (unsigned i = 0; i < PLAYERS; i++)
        for (unsigned j = 0; j < SERVERS; j++)
            gate_close(&site->players[i].gates[j]);
    for (unsigned i = 0; i < SERVERS; i++)
        server_discard(&site->servers[i]);
    forget_what_was_kept(site);
    uv_close((uv_handle_t *)&site->prepare, NULL);
    uv_run(&site->loop, UV_RUN_DEFAULT);
    uv_loop_close(&site->loop);
    if (site->shared != NULL)
        munmap(site->shared, sizeof *site->shared);
    close(site->memory);
    return ended;
}
