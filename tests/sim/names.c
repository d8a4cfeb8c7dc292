/* SPDX-License-Identifier: MIT */
/* Addresses and names. An address in textual form is known everywhere; a name only once a test
 * said what it means. */
#include "sim_inside.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static bool path_address(const char *path, struct rc_address *address)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof un.sun_path) {
        return false;
    }
    memcpy(un.sun_path, path, strlen(path) + 1);
    memcpy(address->bytes, &un, sizeof un);
    address->len = sizeof un;
    return true;
}

bool sim_address(const char *host, uint16_t port, bool is_path, struct rc_address *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    *address = (struct rc_address){.len = 0};
    if (is_path) {
        return path_address(host, address);
    }
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        memcpy(address->bytes, &in, sizeof in);
        address->len = sizeof in;
    } else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
        memcpy(address->bytes, &in6, sizeof in6);
        address->len = sizeof in6;
    }
    return address->len > 0;
}

static struct sim_name *find_name(struct sim *sim, const char *name)
{
    for (struct rc_list *n = sim->names.next; n != &sim->names; n = n->next) {
        struct sim_name *known = rc_container(n, struct sim_name, node);
        if (strcmp(known->name, name) == 0) {
            return known;
        }
    }
    return NULL;
}

static struct sim_name *name_of(struct sim *sim, const char *name)
{
    struct sim_name *known = find_name(sim, name);
    if (known == NULL) {
        known = sim_alloc(sizeof *known);
        known->name = sim_copy(name, strlen(name));
        known->addresses = sim_copy("", 0);
        known->delay_ms = 1;
        rc_list_append(&sim->names, &known->node);
    }
    return known;
}

void sim_dns_set(struct sim *sim, const char *name, const char *addresses)
{
    struct sim_name *known = name_of(sim, name);
    free(known->addresses);
    known->addresses = sim_copy(addresses, strlen(addresses));
    known->status = 0;
}

void sim_dns_fail(struct sim *sim, const char *name, int status)
{
    name_of(sim, name)->status = status;
}

void sim_dns_delay(struct sim *sim, const char *name, uint64_t delay_ms)
{
    name_of(sim, name)->delay_ms = delay_ms;
}

uint64_t sim_name_delay_ms(struct sim *sim, const char *host, bool is_path)
{
    struct rc_address address;
    const struct sim_name *known = find_name(sim, host);
    if (sim_address(host, 0, is_path, &address)) {
        return 0;
    }
    return known != NULL ? known->delay_ms : 1;
}

static size_t answers_of(const struct sim_name *name, uint16_t port, struct rc_address *addresses)
{
    char *list = sim_copy(name->addresses, strlen(name->addresses));
    char *rest = list;
    size_t count = 0;
    for (char *word = strtok_r(list, " ", &rest); word != NULL && count < SIM_ANSWERS;
         word = strtok_r(NULL, " ", &rest)) {
        count += sim_address(word, port, false, &addresses[count]);
    }
    free(list);
    return count;
}

int sim_name_resolve(
    struct sim *sim, const struct sim_lookup *lookup, struct rc_address *addresses, size_t *count)
{
    if (sim_address(lookup->host, lookup->port, lookup->is_path, &addresses[0])) {
        *count = 1;
        return 0;
    }
    const struct sim_name *known = find_name(sim, lookup->host);
    if (known == NULL || lookup->is_path) {
        return SIM_EAI_NONAME;
    }
    if (known->status != 0) {
        return known->status;
    }
    size_t found = answers_of(known, lookup->port, addresses);
    if (found == 0) {
        return SIM_EAI_NONAME;
    }
    *count = found;
    return 0;
}

void sim_names_deinit(struct sim *sim)
{
    struct rc_list *node;
    while ((node = rc_list_first(&sim->names)) != NULL) {
        struct sim_name *name = rc_container(node, struct sim_name, node);
        rc_list_remove(node);
        free(name->name);
        free(name->addresses);
        free(name);
    }
}
