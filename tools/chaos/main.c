/* SPDX-License-Identifier: MIT */
/* Real servers, scripted faults, and what a client makes of them, counted.
 *
 *     ringcache-chaos [--json] [--quick] [--runs N] [--own-network] FOLDER
 *
 * --quick: what the tests look at. --own-network: this process may do as it likes with the network,
 * /etc/hosts and port 53, as tools/chaos.sh arranges it. FOLDER: for what servers keep. Exit status
 * 0 when every figure is within its bound, 1 when not, 77 when the servers are not installed. */
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ringcache/ringcache.h>

#include "player.h"
#include "scenes.h"

enum { DNS_PORT = 53, RUNS = 3 };

static const char *const policies[] = {"none", "remap", "gutter"};
enum { POLICIES = sizeof policies / sizeof *policies };

/* Does this version take the policy? */
static bool is_offered(const char *policy)
{
    ringcache_config *config = NULL;
    if (ringcache_config_new(&config) != 0)
        return false;
    bool offered = ringcache_config_set(config, "failover", policy) == 0;
    ringcache_config_free(config);
    return offered;
}

/* The names of this machine are not to be written over: tools/chaos.sh has laid this wire. */
static bool is_private(void)
{
    if (if_nametoindex("wire0") != 0)
        return true;
    fputs("chaos: --own-network is for tools/chaos.sh, which makes that network\n", stderr);
    return false;
}

/* A name server that never answers; -1 where there can be none. */
static int open_dumb_name_server(void)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(DNS_PORT),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    perror("chaos: the name server");
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool take_arguments(struct stage *stage, char **arguments)
{
    stage->runs = RUNS;
    for (; *arguments != NULL && **arguments == '-'; arguments++) {
        if (strcmp(*arguments, "--json") == 0)
            stage->report.json = true;
        else if (strcmp(*arguments, "--own-network") == 0)
            stage->own_network = true;
        else if (strcmp(*arguments, "--quick") == 0)
            stage->quick = true;
        else if (strcmp(*arguments, "--runs") == 0 && arguments[1] != NULL)
            stage->runs = (unsigned)(*++arguments)[0] - '0';
        else
            return false;
    }
    if (stage->quick)
        stage->runs = 1;
    stage->folder = *arguments;
    return stage->folder != NULL && stage->runs >= 1 && stage->runs <= 9;
}

static bool play(struct stage *stage)
{
    bool fine = true;
    for (unsigned i = 0; fine && i < POLICIES; i++) {
        if (is_offered(policies[i]))
            fine = scene_faults(stage, policies[i]) && scene_missed_writes(stage, policies[i]) &&
                   scene_two_processes(stage, policies[i]);
    }
    return fine;
}

int main(int argc, char **argv)
{
    struct stage stage = {0};
    if (argc > 6 && strcmp(argv[1], "--player") == 0)
        return player_play(argv + 2);
    if (!take_arguments(&stage, argv + 1)) {
        fputs("usage: ringcache-chaos [--json] [--quick] [--runs 1..9] [--own-network] FOLDER\n",
            stderr);
        return 2;
    }
    if (!servers_available())
        return 77;
    signal(SIGPIPE, SIG_IGN);
    int dumb = stage.own_network && is_private() ? open_dumb_name_server() : -1;
    mkdir(stage.folder, 0700);
    bool fine = (!stage.own_network || dumb >= 0) && play(&stage);
    if (dumb >= 0)
        close(dumb);
    rmdir(stage.folder);
    if (!stage.report.json)
        printf("\n%u rows beyond a bound\n", stage.report.missed);
    return fine && stage.report.missed == 0 ? 0 : 1;
}
