/* SPDX-License-Identifier: MIT */
/* options: the library's own table of options. The manual's list of them is made from it. */

#include <stdio.h>

#include <ringcache/config.h>

#include "command.h"
#include "json.h"
#include "table.h"

static int print_text(void)
{
    const ringcache_option *option;
    struct table table;

    table_init(&table, "lllll");
    table_text(&table, "option");
    table_text(&table, "default");
    table_text(&table, "range");
    table_text(&table, "unit");
    table_text(&table, "meaning");
    for (size_t i = 0; (option = ringcache_option_at(i)) != NULL; i++) {
        table_text(&table, option->name);
        table_text(&table, option->fallback);
        table_text(&table, option->range);
        table_text(&table, option->unit);
        table_text(&table, option->summary);
    }
    return table_print(&table);
}

static int print_json(void)
{
    json_t *rows = json_array();
    const ringcache_option *option;

    for (size_t i = 0; (option = ringcache_option_at(i)) != NULL; i++) {
        json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", option->name, "type",
            option->type, "unit", option->unit, "range", option->range, "default", option->fallback,
            "summary", option->summary);
        if (json_array_append_new(rows, row) != 0) {
            json_decref(rows);
            rows = NULL;
            break;
        }
    }
    return json_print(rows);
}

int run_options(const struct call *call)
{
    return call->json ? print_json() : print_text();
}
