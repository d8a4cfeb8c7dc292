/* SPDX-License-Identifier: MIT */
/* Trials, each from its seed, until so many commands were heard. One alone: INJECTION_SEED=n;
 * another number of commands: INJECTION_COMMANDS=n. */
#include "injection.h"

#include <inttypes.h>
#include <stdlib.h>

enum { COMMANDS = 150000, TWICE = 10, TAMPERED = 60, TAMPERED_BYTES = 1500 };

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

struct sums {
    uint64_t trials, submitted, refused, heard, answered;
    struct tally tally;
    uint64_t hash; /* of the last trial */
};

static void add(struct tally *to, const struct tally *from)
{
    for (size_t i = 0; i < SPEECHES; i++) {
        for (size_t op = 0; op <= RINGCACHE_DECREMENT; op++) {
            to->ops[i][op] += from->ops[i][op];
        }
        to->batched[i] += from->batched[i];
    }
    to->raw += from->raw;
    to->gone_back += from->gone_back;
    to->again += from->again;
    to->gone_alone += from->gone_alone;
    to->late += from->late;
    to->cut += from->cut;
}

static void run(uint64_t seed, struct sums *sums)
{
    char failure[sizeof((struct trial *)NULL)->failure];
    struct trial *trial = trial_new(seed);
    trial_run(trial);
    memcpy(failure, trial->failure, sizeof failure);
    sums->trials++;
    sums->submitted += trial->submitted;
    sums->refused += trial->refused;
    sums->heard += trial->heard;
    sums->answered += trial->answered;
    add(&sums->tally, &trial->tally);
    sums->hash = trial->hash;
    trial_free(trial);
    if (failure[0] != '\0') {
        fail_msg("%s", failure);
    }
}

/* Every operation in every protocol, and what goes with faults. */
static void assert_all_was_there(const struct tally *tally)
{
    for (size_t i = 0; i < SPEECHES; i++) {
        for (size_t op = 0; op <= RINGCACHE_DECREMENT; op++) {
            assert_true(tally->ops[i][op] > 0);
        }
        assert_true(tally->batched[i] > 0);
    }
    assert_true(tally->raw > 0 && tally->gone_back > 0 && tally->late > 0 && tally->cut > 0);
    assert_true(tally->again > 0 && tally->gone_alone > 0);
}

static void what_is_heard_is_what_was_submitted(void **state)
{
    (void)state;
    bool alone = getenv("INJECTION_SEED") != NULL;
    uint64_t seed = number_from("INJECTION_SEED", 1);
    uint64_t commands = number_from("INJECTION_COMMANDS", alone ? 1 : COMMANDS);
    struct sums sums = {0};
    while (sums.heard < commands) {
        run(seed++, &sums);
    }
    print_message("%" PRIu64 " trials, %" PRIu64 " submitted, %" PRIu64 " refused, %" PRIu64
                  " heard, %" PRIu64 " answered, next seed %" PRIu64 "\n",
        sums.trials, sums.submitted, sums.refused, sums.heard, sums.answered, seed);
    if (!alone) { /* much of it is permitted, and most of that arrives */
        assert_true(sums.heard > sums.submitted / 2 && sums.answered > sums.heard / 2);
        assert_true(sums.refused > sums.submitted / 20);
        assert_all_was_there(&sums.tally);
    }
}

static void the_same_seed_is_the_same_trial(void **state)
{
    (void)state;
    if (getenv("INJECTION_SEED") != NULL) {
        skip();
    }
    for (uint64_t seed = 1; seed <= TWICE; seed++) {
        struct sums first = {0}, second = {0};
        run(seed, &first);
        run(seed, &second);
        assert_int_equal(first.hash, second.hash);
    }
}

/* The proof that all of it is listened to: no byte of the greeting or of a command may differ. */
static void a_byte_that_changes_on_the_way_is_noticed(void **state)
{
    (void)state;
    if (getenv("INJECTION_SEED") != NULL) {
        skip();
    }
    for (uint64_t seed = 1; seed <= TAMPERED; seed++) {
        struct trial *trial = trial_new(seed);
        trial->rules.faults = false;
        trial->tamper = (enum tamper)(CHANGED + seed % 3);
        trial->tamper_at = draw(trial, TAMPERED_BYTES);
        if (trial_run(trial)) {
            fail_msg("seed %" PRIu64 ": a byte was tampered with, and nobody noticed", seed);
        }
        trial_free(trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_heard_is_what_was_submitted),
        cmocka_unit_test(the_same_seed_is_the_same_trial),
        cmocka_unit_test(a_byte_that_changes_on_the_way_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
