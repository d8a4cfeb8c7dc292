/* SPDX-License-Identifier: MIT */
/* Look-ups of the libuv transport. The system's resolver is replaced for this program: it answers
 * from the test, hangs while the test wants it to, and is asked itself for one name alone. */
#include "uv_world.h"
#include "uv_faults.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>

#include "transport/names.h"

enum { FOUND_MAX = 40 };

typedef int (*getaddrinfo_fn)(
    const char *, const char *, const struct addrinfo *, struct addrinfo **);
typedef void (*freeaddrinfo_fn)(struct addrinfo *);

/* The replaced resolver. Written by the test before it asks; read by the threads. */
static struct {
    struct addrinfo found[FOUND_MAX];
    struct sockaddr_storage names[FOUND_MAX];
    size_t count;
    int status, error; /* and errno */
    struct addrinfo hints;
    bool hangs;
    uv_sem_t release;
} resolver;

static pthread_mutex_t resolver_lock = PTHREAD_MUTEX_INITIALIZER; /* two threads may answer */

static bool is_real(const char *host)
{
    return strcmp(host, "localhost") == 0;
}

int getaddrinfo(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **results)
{
    if (is_real(host)) {
        void *real = dlsym(RTLD_NEXT, "getaddrinfo");
        getaddrinfo_fn ask;
        memcpy(&ask, &real, sizeof ask);
        return ask(host, service, hints, results);
    }
    if (resolver.hangs) {
        uv_sem_wait(&resolver.release);
    }
    pthread_mutex_lock(&resolver_lock);
    resolver.hints = *hints;
    for (size_t i = 0; i < resolver.count; i++) {
        resolver.found[i].ai_next = i + 1 < resolver.count ? &resolver.found[i + 1] : NULL;
    }
    *results = resolver.status == 0 && resolver.count > 0 ? resolver.found : NULL;
    pthread_mutex_unlock(&resolver_lock);
    errno = resolver.error;
    return resolver.status;
}

void freeaddrinfo(struct addrinfo *results)
{
    if (results == NULL || results == resolver.found) {
        return;
    }
    void *real = dlsym(RTLD_NEXT, "freeaddrinfo");
    freeaddrinfo_fn release;
    memcpy(&release, &real, sizeof release);
    release(results);
}

/* What one look-up was told. */
struct answer {
    struct world w;
    struct rc_lookup *lookup;
    int answers, status;
    size_t count;
    struct rc_address addresses[FOUND_MAX];
    bool forgets;
};

static void note_answer(void *owner, int status, const struct rc_address *addresses, size_t count)
{
    struct answer *a = owner;
    a->answers++;
    a->status = status;
    a->count = count;
    for (size_t i = 0; i < count; i++) {
        a->addresses[i] = addresses[i];
    }
    if (a->forgets) {
        rc_lookup_forget(a->lookup);
    }
}

static int ask(struct answer *a, const char *host, uint16_t port, bool is_path)
{
    const struct rc_endpoint endpoint = {host, port, is_path};
    return a->w.t->ops->resolve(a->w.t, &endpoint, note_answer, a, &a->lookup);
}

/* Ask, and wait for the answer, which must not come inside the call. */
static void resolve(struct answer *a, const char *host, uint16_t port, bool is_path)
{
    a->answers = 0;
    assert_int_equal(ask(a, host, port, is_path), 0);
    assert_int_equal(a->answers, 0);
    run_until(&a->w, &a->answers, 1);
    run_for(&a->w, 2);
    assert_int_equal(a->answers, 1);
}

static void assert_ip4(const struct rc_address *address, const char *text, uint16_t port)
{
    struct sockaddr_in in;
    char shown[INET_ADDRSTRLEN];
    assert_int_equal(address->len, sizeof in);
    memcpy(&in, address->bytes, sizeof in);
    assert_int_equal(in.sin_family, AF_INET);
    assert_int_equal(ntohs(in.sin_port), port);
    assert_string_equal(inet_ntop(AF_INET, &in.sin_addr, shown, sizeof shown), text);
}

static void assert_ip6(const struct rc_address *address, const char *text, uint16_t port)
{
    struct sockaddr_in6 in6;
    char shown[INET6_ADDRSTRLEN];
    assert_int_equal(address->len, sizeof in6);
    memcpy(&in6, address->bytes, sizeof in6);
    assert_int_equal(in6.sin6_family, AF_INET6);
    assert_int_equal(ntohs(in6.sin6_port), port);
    assert_string_equal(inet_ntop(AF_INET6, &in6.sin6_addr, shown, sizeof shown), text);
}

static void add_found(int family, const char *text)
{
    struct addrinfo *found = &resolver.found[resolver.count];
    struct sockaddr_storage *name = &resolver.names[resolver.count++];
    memset(name, 0, sizeof *name);
    name->ss_family = (sa_family_t)family;
    if (family == AF_INET) {
        inet_pton(family, text, &((struct sockaddr_in *)(void *)name)->sin_addr);
    } else if (family == AF_INET6) {
        inet_pton(family, text, &((struct sockaddr_in6 *)(void *)name)->sin6_addr);
    }
    *found = (struct addrinfo){.ai_family = family, .ai_addr = (struct sockaddr *)(void *)name};
}

static int open_resolver(void **state)
{
    static struct answer a;
    memset(&a, 0, sizeof a);
    memset(&resolver, 0, sizeof resolver);
    uv_sem_init(&resolver.release, 0);
    world_open(&a.w);
    *state = &a;
    return 0;
}

/* Let look-ups that hang return, and wait for their threads. */
static void end_threads(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    struct rc_resolver *names = rc_names();
    unsigned threads = 1;
    for (unsigned i = 0; i < 2; i++) {
        uv_sem_post(&resolver.release);
    }
    for (unsigned i = 0; i < PATIENCE_MS && threads > 0; i++) {
        nanosleep(&moment, NULL);
        rc_resolver_hold(names);
        threads = names->threads;
        rc_resolver_resume(names);
    }
    assert_int_equal(threads, 0);
}

static int close_resolver(void **state)
{
    struct answer *a = *state;
    world_close(&a->w);
    end_threads();
    uv_sem_destroy(&resolver.release);
    return 0;
}

static void an_ip4_literal_is_answered_later_without_the_system(void **state)
{
    struct answer *a = *state;
    resolver.hangs = true;
    resolve(a, "192.0.2.7", 11211, false);
    assert_int_equal(a->status, 0);
    assert_int_equal(a->count, 1);
    assert_ip4(&a->addresses[0], "192.0.2.7", 11211);
}

static void an_ip6_literal_is_answered_later_without_the_system(void **state)
{
    struct answer *a = *state;
    resolver.hangs = true;
    resolve(a, "2001:db8::1", 65535, false);
    assert_int_equal(a->status, 0);
    assert_int_equal(a->count, 1);
    assert_ip6(&a->addresses[0], "2001:db8::1", 65535);
}

static void a_path_is_answered_later_without_the_system(void **state)
{
    struct answer *a = *state;
    resolver.hangs = true;
    resolve(a, "/run/cache.socket", 0, true);
    assert_int_equal(a->count, 1);
    struct sockaddr_un un;
    assert_int_equal(a->addresses[0].len, sizeof un);
    memcpy(&un, a->addresses[0].bytes, sizeof un);
    assert_int_equal(un.sun_family, AF_UNIX);
    assert_string_equal(un.sun_path, "/run/cache.socket");
}

static void a_path_of_107_bytes_fits_and_one_of_108_does_not(void **state)
{
    struct answer *a = *state;
    char path[109];
    memset(path, 'p', sizeof path);
    path[108] = '\0';
    assert_int_equal(ask(a, path, 0, true), UV_ENAMETOOLONG);
    path[107] = '\0';
    resolve(a, path, 0, true);
    assert_int_equal(a->status, 0);
    assert_int_equal(ask(a, "", 0, true), UV_EINVAL);
}

static void a_name_gives_its_addresses_in_the_systems_order(void **state)
{
    struct answer *a = *state;
    add_found(AF_INET6, "2001:db8::2");
    add_found(AF_INET, "192.0.2.1");
    add_found(AF_INET, "192.0.2.2");
    resolve(a, "cache.example", 6379, false);
    assert_int_equal(a->status, 0);
    assert_int_equal(a->count, 3);
    assert_ip6(&a->addresses[0], "2001:db8::2", 6379);
    assert_ip4(&a->addresses[1], "192.0.2.1", 6379);
    assert_ip4(&a->addresses[2], "192.0.2.2", 6379);
}

static void the_families_take_turns(void **state)
{
    struct answer *a = *state;
    add_found(AF_INET6, "2001:db8::1");
    add_found(AF_INET6, "2001:db8::2");
    add_found(AF_INET6, "2001:db8::3");
    add_found(AF_INET, "192.0.2.1");
    add_found(AF_INET, "192.0.2.2");
    resolve(a, "cache.example", 6379, false);
    assert_int_equal(a->count, 5);
    assert_ip6(&a->addresses[0], "2001:db8::1", 6379);
    assert_ip4(&a->addresses[1], "192.0.2.1", 6379);
    assert_ip6(&a->addresses[2], "2001:db8::2", 6379);
    assert_ip4(&a->addresses[3], "192.0.2.2", 6379);
    assert_ip6(&a->addresses[4], "2001:db8::3", 6379);
}

static void both_families_are_asked_for_whatever_this_machine_has(void **state)
{
    struct answer *a = *state;
    add_found(AF_INET, "192.0.2.1");
    resolve(a, "cache.example", 1, false);
    assert_int_equal(resolver.hints.ai_family, AF_UNSPEC);
    assert_int_equal(resolver.hints.ai_socktype, SOCK_STREAM);
    assert_int_equal(resolver.hints.ai_flags & AI_ADDRCONFIG, 0);
}

static void of_forty_addresses_the_first_32_are_passed_on(void **state)
{
    struct answer *a = *state;
    for (int i = 0; i < FOUND_MAX; i++) {
        add_found(AF_INET, "192.0.2.1");
    }
    resolve(a, "many.example", 1, false);
    assert_int_equal(a->count, 32);
}

static void an_address_that_is_no_ip_is_left_out(void **state)
{
    struct answer *a = *state;
    add_found(AF_APPLETALK, "");
    add_found(AF_INET, "192.0.2.1");
    resolve(a, "odd.example", 1, false);
    assert_int_equal(a->count, 1);
    resolver.count = 1;
    resolve(a, "odder.example", 1, false);
    assert_int_equal(a->status, UV_EAI_NONAME);
    assert_int_equal(a->count, 0);
}

static void a_name_that_does_not_exist_is_an_error(void **state)
{
    struct answer *a = *state;
    resolver.status = EAI_NONAME;
    resolve(a, "nowhere.example", 1, false);
    assert_int_equal(a->status, UV_EAI_NONAME);
    assert_int_equal(a->count, 0);
    resolver.status = EAI_MEMORY; /* this machine's trouble, and told as such */
    resolve(a, "any.example", 1, false);
    assert_int_equal(a->status, UV_ENOMEM);
    static const struct {
        int said, told;
    } failures[] = {{EAI_AGAIN, UV_EAI_AGAIN}, {EAI_NODATA, UV_EAI_NODATA},
        {EAI_FAMILY, UV_EAI_FAMILY}, {EAI_ADDRFAMILY, UV_EAI_ADDRFAMILY}, {EAI_FAIL, UV_EAI_FAIL},
        {EAI_SERVICE, UV_EAI_FAIL}, {EAI_SYSTEM, UV_EAI_FAIL}};
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        resolver.status = failures[i].said;
        resolve(a, "later.example", 1, false);
        assert_int_equal(a->status, failures[i].told);
    }
    resolver.error = EMFILE;
    resolve(a, "later.example", 1, false);
    assert_int_equal(a->status, -EMFILE);
}

static void localhost_is_on_the_loopback(void **state)
{
    struct answer *a = *state;
    resolve(a, "localhost", 7, false);
    assert_int_equal(a->status, 0);
    assert_true(a->count >= 1);
    for (size_t i = 0; i < a->count; i++) {
        if (a->addresses[i].len == sizeof(struct sockaddr_in6)) {
            assert_ip6(&a->addresses[i], "::1", 7);
        } else {
            assert_ip4(&a->addresses[i], "127.0.0.1", 7);
        }
    }
}

static void a_name_too_long_for_the_resolver_fails_in_the_call(void **state)
{
    struct answer *a = *state;
    char name[1024];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_true(ask(a, name, 1, false) < 0);
    run_for(&a->w, 5);
    assert_int_equal(a->answers, 0);
}

static void no_memory_for_a_look_up_fails_in_the_call(void **state)
{
    struct answer *a = *state;
    faults.alloc = fault(1, 0);
    assert_int_equal(ask(a, "cache.example", 1, false), UV_ENOMEM);
    run_for(&a->w, 5);
    assert_int_equal(a->answers, 0);
}

static void a_literal_forgotten_is_not_told(void **state)
{
    struct answer *a = *state;
    assert_int_equal(ask(a, "192.0.2.7", 1, false), 0);
    rc_lookup_forget(a->lookup);
    run_for(&a->w, 5);
    assert_int_equal(a->answers, 0);
}

static void a_look_up_forgotten_while_it_hangs_is_never_told(void **state)
{
    struct answer *a = *state;
    resolver.hangs = true;
    assert_int_equal(ask(a, "slow.example", 1, false), 0);
    run_for(&a->w, 20);
    rc_lookup_forget(a->lookup);
    uv_sem_post(&resolver.release);
    run_for(&a->w, 20);
    assert_int_equal(a->answers, 0);
}

static void a_look_up_may_be_forgotten_in_its_answer(void **state)
{
    struct answer *a = *state;
    a->forgets = true;
    resolve(a, "192.0.2.7", 1, false);
    add_found(AF_INET, "192.0.2.1");
    resolve(a, "cache.example", 1, false);
    assert_int_equal(a->count, 1);
}

static void assert_prompt(uint64_t since_ns)
{
    assert_true(uv_hrtime() - since_ns < UINT64_C(100000000));
}

static void a_look_up_that_hangs_keeps_no_loop_running(void **state)
{
    struct answer *a = *state;
    resolver.hangs = true;
    assert_int_equal(ask(a, "slow.example", 1, false), 0);
    run_for(&a->w, 20);
    uint64_t start = uv_hrtime();
    assert_int_equal(uv_run(&a->w.loop, UV_RUN_DEFAULT), 0);
    assert_prompt(start);
    assert_int_equal(a->answers, 0);
}

static void the_end_is_prompt_while_look_ups_hang_and_others_wait(void **state)
{
    struct answer *a = *state;
    resolver.hangs = true;
    assert_int_equal(ask(a, "one.example", 1, false), 0);
    assert_int_equal(ask(a, "two.example", 1, false), 0);
    assert_int_equal(ask(a, "three.example", 1, false), 0);
    run_for(&a->w, 20);
    uint64_t start = uv_hrtime();
    world_close(&a->w);
    assert_prompt(start);
    assert_int_equal(a->answers, 0);
    world_open(&a->w);
}

static void two_ports_of_a_name_are_told_apart(void **state)
{
    struct answer *a = *state;
    static struct answer other;
    memset(&other, 0, sizeof other);
    world_open(&other.w);
    add_found(AF_INET, "192.0.2.1");
    resolver.hangs = true;
    assert_int_equal(ask(a, "cache.example", 11211, false), 0);
    assert_int_equal(ask(&other, "cache.example", 6379, false), 0);
    uv_sem_post(&resolver.release);
    run_until(&a->w, &a->answers, 1);
    run_until(&other.w, &other.answers, 1);
    assert_ip4(&a->addresses[0], "192.0.2.1", 11211);
    assert_ip4(&other.addresses[0], "192.0.2.1", 6379);
    world_close(&other.w);
}

#define lookup_test(f) cmocka_unit_test_setup_teardown(f, open_resolver, close_resolver)

int main(void)
{
    const struct CMUnitTest tests[] = {
        lookup_test(an_ip4_literal_is_answered_later_without_the_system),
        lookup_test(an_ip6_literal_is_answered_later_without_the_system),
        lookup_test(a_path_is_answered_later_without_the_system),
        lookup_test(a_path_of_107_bytes_fits_and_one_of_108_does_not),
        lookup_test(a_name_gives_its_addresses_in_the_systems_order),
        lookup_test(the_families_take_turns),
        lookup_test(both_families_are_asked_for_whatever_this_machine_has),
        lookup_test(of_forty_addresses_the_first_32_are_passed_on),
        lookup_test(an_address_that_is_no_ip_is_left_out),
        lookup_test(a_name_that_does_not_exist_is_an_error),
        lookup_test(localhost_is_on_the_loopback),
        lookup_test(a_name_too_long_for_the_resolver_fails_in_the_call),
        lookup_test(no_memory_for_a_look_up_fails_in_the_call),
        lookup_test(a_literal_forgotten_is_not_told),
        lookup_test(a_look_up_forgotten_while_it_hangs_is_never_told),
        lookup_test(a_look_up_may_be_forgotten_in_its_answer),
        lookup_test(a_look_up_that_hangs_keeps_no_loop_running),
        lookup_test(the_end_is_prompt_while_look_ups_hang_and_others_wait),
        lookup_test(two_ports_of_a_name_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
