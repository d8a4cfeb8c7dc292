/* SPDX-License-Identifier: MIT */
/* A target without a fuzzer: every file of the folders that are named is an input, run once. It
 * ends at the first promise that is broken, having said which file breaks it. */
#include "fuzz.h"

#include <dirent.h>

static struct rc_slice read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    FUZZ_MUST(file != NULL && fseek(file, 0, SEEK_END) == 0);
    long len = ftell(file);
    FUZZ_MUST(len >= 0 && fseek(file, 0, SEEK_SET) == 0);
    unsigned char *bytes = fuzz_copy(rc_slice(NULL, 0), (size_t)len);
    FUZZ_MUST(fread(bytes, 1, (size_t)len, file) == (size_t)len && fclose(file) == 0);
    return rc_slice(bytes, (size_t)len);
}

static void replay_file(const char *path)
{
    struct rc_slice input = read_whole(path);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(input.data, input.len);
    free((void *)(uintptr_t)input.data);
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static size_t replay_folder(const char *folder)
{
    char path[4096];
    struct dirent **entries;
    int count = scandir(folder, &entries, is_input, alphasort);
    FUZZ_MUST(count >= 0);
    for (int i = 0; i < count; i++) {
        FUZZ_MUST(
            (size_t)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name) < sizeof path);
        replay_file(path);
        free(entries[i]);
    }
    free(entries);
    return (size_t)count;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        count += replay_folder(argv[i]);
    }
    printf("%s - %zu inputs break no promise\n1..1\n", count > 0 ? "ok 1" : "not ok 1", count);
    return count > 0 ? 0 : 1;
}
