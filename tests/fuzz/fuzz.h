/* SPDX-License-Identifier: MIT
 * What every fuzz target shares.  A target is one file fuzz_<name>.c with LLVMFuzzerTestOneInput();
 * built with -Dfuzz=true (clang) it is a libFuzzer program, else driver.c replays files with it.  A
 * property that does not hold ends the program.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what)                                                                                 \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what);              \
            __builtin_trap();                                                                      \
        }                                                                                          \
    } while (0)

/* Takes numbers and pieces from the front of the input; zeros when it is used up. */
typedef struct input {
    const uint8_t *p;
    size_t n;
} input;

static inline uint8_t take(input *in)
{
    if (!in->n)
        return 0;
    in->n--;
    return *in->p++;
}

static inline uint64_t take_number(input *in, int bytes)
{
    uint64_t v = 0;

    while (bytes-- > 0)
        v = v << 8 | take(in);
    return v;
}

/* At most n bytes, in an allocation of just that size, so that a read behind them is seen. */
static inline uint8_t *take_copy(input *in, size_t n, size_t *got)
{
    uint8_t *copy;

    *got = n < in->n ? n : in->n;
    copy = malloc(*got ? *got : 1);
    MUST(copy);
    if (*got)
        memcpy(copy, in->p, *got);
    in->p += *got;
    in->n -= *got;
    return copy;
}

/* A folder for a database, made once; removed with what the library puts in it when the program
 * ends.  The process id keeps parallel workers apart. */
static char fuzz_dir[4096];

static inline void fuzz_remove(void)
{
    static const char *const FILES[] = {"data.mdb", "lock.mdb", "crm.lock"};
    char path[4200];

    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        if ((size_t)snprintf(path, sizeof path, "%s/%s", fuzz_dir, FILES[i]) < sizeof path)
            unlink(path);
    }
    rmdir(fuzz_dir);
}

static inline const char *fuzz_folder(void)
{
    const char *tmp = getenv("TMPDIR");

    if (!fuzz_dir[0]) {
        snprintf(fuzz_dir, sizeof fuzz_dir, "%s/crm-fuzz-XXXXXX", tmp && *tmp ? tmp : "/tmp");
        MUST(mkdtemp(fuzz_dir));
        atexit(fuzz_remove);
    }
    return fuzz_dir;
}

#endif
