/* SPDX-License-Identifier: MIT
 * Replays inputs with a fuzz target, in place of libFuzzer: each file named, each file of a folder
 * named, and without any name the target's corpus beside the sources.  A property that does not
 * hold ends the input's own process, so that the others are still run and counted.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <sys/stat.h>
#include <sys/wait.h>

static unsigned passed, failed;
static int apart = 1; /* each input in a process of its own */

static uint8_t *read_all(const char *path, size_t *n)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;

    if (f && !fstat(fileno(f), &st)) {
        bytes = malloc((size_t)st.st_size + 1);
        *n = bytes ? fread(bytes, 1, (size_t)st.st_size, f) : 0;
    }
    if (f)
        fclose(f);
    return bytes;
}

static int run_one(const char *path)
{
    size_t n = 0;
    uint8_t *bytes = read_all(path, &n), *exact;

    if (!bytes) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    exact = malloc(n ? n : 1); /* of just that size */
    if (!exact)
        return 1;
    memcpy(exact, bytes, n);
    free(bytes);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 0;
}

static void replay_file(const char *path)
{
    int status = 1;
    pid_t pid;

    if (!apart) {
        status = run_one(path);
    } else {
        pid = fork();
        if (pid == 0)
            exit(run_one(path));
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
            status = 1;
    }
    if (status)
        printf("FAILED %s\n", path);
    failed += status != 0;
    passed += status == 0;
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void replay(const char *path)
{
    struct dirent **list;
    struct stat st;
    int n;

    if (stat(path, &st)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        failed++;
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    n = scandir(path, &list, visible, alphasort);
    for (int i = 0; i < n; i++) {
        char name[4096];
        if ((size_t)snprintf(name, sizeof name, "%s/%s", path, list[i]->d_name) < sizeof name)
            replay(name);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

/* tests/fuzz/corpus/<name> for a program fuzz_<name>. */
static void replay_corpus(char *program)
{
    char sources[] = __FILE__, path[4096];
    const char *name = basename(program);

    if (strncmp(name, "fuzz_", 5) == 0)
        name += 5;
    snprintf(path, sizeof path, "%s/corpus/%s", dirname(sources), name);
    replay(path);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "--together") == 0) { /* for a debugger */
        apart = 0;
        argc--;
        argv++;
    }
    if (argc == 1)
        replay_corpus(argv[0]);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0 || passed == 0;
}
