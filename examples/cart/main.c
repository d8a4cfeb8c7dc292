/* SPDX-License-Identifier: MIT */
/* A shopping cart in the cache, as a service on its own loop: ADD item quantity, DROP item, SHOW;
 * one command a connection, until SIGTERM. Usage: cart SOCKET URI… */
#include <signal.h>
#include <stdio.h>

#include "cart.h"

static void on_sigterm(uv_signal_t *signal, int number)
{
    struct cart *cart = signal->data;
    (void)number;
    uv_close((uv_handle_t *)signal, NULL);
    lines_close(&cart->lines);
    ringcache_client_close(cart->client, NULL, NULL);
}

static int open_client(ringcache_client **client, char **uris)
{
    ringcache_config *config = NULL;
    int status = ringcache_config_new(&config);
    while (status == 0 && *uris != NULL)
        status = ringcache_config_add_server(config, *uris++);
    if (status == 0)
        status = ringcache_client_new(client, uv_default_loop(), config);
    if (status != 0 && config != NULL)
        fprintf(stderr, "cart: %s\n", ringcache_config_error(config));
    ringcache_config_free(config);
    return status;
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct cart cart = {.lines.on_line = cart_obey};
    signal(SIGPIPE, SIG_IGN); /* to write to a visitor who has gone fails, and is not our end */
    if (argc < 3 || open_client(&cart.client, argv + 2) != 0)
        return 1;
    cart.lines.user = &cart;
    cart.sigterm.data = &cart;

    int status = lines_open(&cart.lines, loop, argv[1]);
    if (status == 0)
        status = uv_signal_init(loop, &cart.sigterm);
    if (status == 0)
        status = uv_signal_start(&cart.sigterm, on_sigterm, SIGTERM);
    if (status != 0) {
        fprintf(stderr, "cart: %s\n", uv_strerror(status));
        return 1;
    }
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) == 0 ? 0 : 1;
}
