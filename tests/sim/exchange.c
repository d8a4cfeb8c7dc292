/* SPDX-License-Identifier: MIT */
#include "exchange.h"

#include <string.h>

#include "codec/scripts.h"

static void add_head(struct sim_bytes *out, const char *mark, size_t number)
{
    sim_bytes_text(out, mark);
    sim_bytes_number(out, (long long)number);
    sim_bytes_text(out, "\r\n");
}

static void add_word(struct sim_bytes *out, const char *word)
{
    add_head(out, "$", strlen(word));
    sim_bytes_text(out, word);
    sim_bytes_text(out, "\r\n");
}

void exchange_script_bytes(
    const struct exchange_script *step, enum exchange_naming naming, struct sim_bytes *out)
{
    bool plain = step->script == EXCHANGE_PLAIN;
    size_t count = 0;
    while (count < EXCHANGE_WORDS && step->words[count] != NULL) {
        count++;
    }
    add_head(out, "*", plain ? count : count + 3);
    if (!plain) {
        const struct rc_script *script = &rc_scripts[step->script];
        add_word(out, naming == EXCHANGE_BY_TEXT ? "EVAL" : "EVALSHA");
        add_word(out, naming == EXCHANGE_BY_TEXT ? script->text : script->sha1);
        add_word(out, step->leased ? "2" : "1");
    }
    for (size_t i = 0; i < count; i++) {
        add_word(out, step->words[i]);
    }
}

void exchange_load_bytes(struct sim_bytes *out)
{
    for (size_t i = 0; i < RC_SCRIPTS_LEN; i++) {
        add_head(out, "*", 3);
        add_word(out, "SCRIPT");
        add_word(out, "LOAD");
        add_word(out, rc_scripts[i].text);
    }
}
