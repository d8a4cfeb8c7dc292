/* SPDX-License-Identifier: MIT */
/* A process is copied while its look-ups hang: the copy, which has none of the threads, resolves
 * names of its own. The system's resolver is replaced by one that hangs in this process alone. */
#include "uv_world.h"

#include <netdb.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transport/names.h"

static uv_sem_t asked, release;
static bool hangs = true;

int getaddrinfo(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **results)
{
    (void)host, (void)service, (void)hints, (void)results;
    uv_sem_post(&asked);
    if (hangs) {
        uv_sem_wait(&release);
    }
    return EAI_NONAME;
}

static int answers;

static void note_answer(void *owner, int status, const struct rc_address *addresses, size_t count)
{
    (void)owner, (void)addresses;
    answers += status == UV_EAI_NONAME && count == 0;
}

static void ask(struct world *w, const char *host)
{
    const struct rc_endpoint endpoint = {host, 11211, false};
    struct rc_lookup *lookup;
    assert_int_equal(w->t->ops->resolve(w->t, &endpoint, note_answer, w, &lookup), 0);
}

/* What the copy does: the exit status of its process. */
static int live(void)
{
    static struct world w;
    hangs = false;
    world_open(&w);
    ask(&w, "one.example"); /* under way in the parent for ever */
    ask(&w, "three.example");
    ask(&w, "four.example");
    run_until(&w, &answers, 3);
    world_close(&w);
    return answers == 3 ? 0 : 1;
}

static void a_copy_of_the_process_resolves_while_its_parent_hangs(void **state)
{
    static struct world w;
    (void)state;
    uv_sem_init(&asked, 0);
    uv_sem_init(&release, 0);
    world_open(&w);
    ask(&w, "one.example");
    ask(&w, "two.example");
    uv_sem_wait(&asked);
    uv_sem_wait(&asked);
    ask(&w, "three.example");
    pid_t child = fork();
    if (child == 0) {
        _exit(live());
    }
    int status;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(answers, 0);
    for (unsigned i = 0; i < 3; i++) {
        uv_sem_post(&release);
    }
    run_until(&w, &answers, 3);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_of_the_process_resolves_while_its_parent_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
