
/*
 * Copyright (C) oof authors
 */


/*
 * What drives a fuzz target where there is no libFuzzer: it alters the inputs
 * of the folders that are named, from a fixed seed, for as long as
 * -max_total_time says, and keeps the one that does harm.  It learns nothing.
 */


#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define INPUTS   4096
#define LONGEST  65536
#define SLOWEST  20               /* seconds */


int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void __sanitizer_set_death_callback(void (*callback)(void));


typedef struct {
    uint8_t      *data;
    size_t        size;
} input_t;


static void keep(void);
static void harm(int signo);
static void read_folder(const char *name);
static void add(const uint8_t *data, size_t size);
static uint32_t dice(uint32_t n);
static void alter(void);


static input_t      inputs[INPUTS];
static size_t       ninputs;

static uint8_t      now[LONGEST];
static size_t       nnow;

static const char  *prefix = "";
static uint64_t     state = 0x9e3779b97f4a7c15ULL;


int
main(int argc, char **argv)
{
    int            i;
    long           seconds;
    time_t         end;
    unsigned long  runs;

    seconds = 600;

    for (i = 1; i < argc; i++) {

        if (strncmp(argv[i], "-max_total_time=", 16) == 0) {
            seconds = atol(argv[i] + 16);

        } else if (strncmp(argv[i], "-artifact_prefix=", 17) == 0) {
            prefix = argv[i] + 17;

        } else if (argv[i][0] != '-') {
            read_folder(argv[i]);
        }
    }

    (void) LLVMFuzzerInitialize(&argc, &argv);

    __sanitizer_set_death_callback(keep);
    signal(SIGABRT, harm);
    signal(SIGALRM, harm);

    add((const uint8_t *) "", 0);

    end = time(NULL) + seconds;

    for (runs = 0; (runs & 0xff) || time(NULL) < end; runs++) {

        if (runs < ninputs) {
            nnow = inputs[runs].size;
            memcpy(now, inputs[runs].data, nnow);

        } else {
            alter();
        }

        alarm(SLOWEST);
        (void) LLVMFuzzerTestOneInput(now, nnow);
    }

    fprintf(stderr, "Done %lu runs in %ld second(s)\n", runs, seconds);

    return 0;
}


/* the input that did it */

static void
keep(void)
{
    char   name[4096];
    FILE  *f;

    snprintf(name, sizeof(name), "%scrash-%ld", prefix, (long) getpid());

    f = fopen(name, "wb");

    if (f) {
        fwrite(now, 1, nnow, f);
        fclose(f);
        fprintf(stderr, "the input is in %s\n", name);
    }
}


static void
harm(int signo)
{
    fprintf(stderr, signo == SIGALRM ? "too slow\n" : "aborted\n");
    keep();
    _exit(77);
}


static void
read_folder(const char *name)
{
    DIR            *dir;
    FILE           *f;
    char            path[4096];
    size_t          n;
    struct dirent  *entry;

    dir = opendir(name);

    if (dir == NULL) {
        return;
    }

    while ((entry = readdir(dir))) {

        if (entry->d_name[0] == '.') {
            continue;
        }

        snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
        f = fopen(path, "rb");

        if (f) {
            n = fread(now, 1, sizeof(now), f);
            fclose(f);
            add(now, n);
        }
    }

    closedir(dir);
}


static void
add(const uint8_t *data, size_t size)
{
    input_t  *input;

    if (ninputs == INPUTS) {
        return;
    }

    input = &inputs[ninputs];
    input->data = malloc(size ? size : 1);

    if (input->data == NULL) {
        return;
    }

    memcpy(input->data, data, size);
    input->size = size;
    ninputs++;
}


static uint32_t
dice(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return (state >> 16) % n;
}


/* one of the inputs, altered in up to eight places */

static void
alter(void)
{
    size_t    at, n;
    input_t  *input;
    uint32_t  times;

    static const char  special[] = "\0\"\\{}[]:,.-+0123456789eE=TZ\x80\xff";

    input = &inputs[dice(ninputs)];
    nnow = input->size;
    memcpy(now, input->data, nnow);

    for (times = 1 + dice(8); times; times--) {
        at = dice(nnow + 1);

        switch (dice(6)) {

        case 0:
            if (at < nnow) {
                now[at] ^= 1 << dice(8);
            }

            break;

        case 1:
            if (at < nnow) {
                now[at] = special[dice(sizeof(special) - 1)];
            }

            break;

        case 2:
            if (at < nnow) {
                now[at] = dice(256);
            }

            break;

        case 3:
            if (nnow < LONGEST) {
                memmove(now + at + 1, now + at, nnow - at);
                now[at] = special[dice(sizeof(special) - 1)];
                nnow++;
            }

            break;

        case 4:
            n = dice(16);

            if (at + n <= nnow) {
                memmove(now + at, now + at + n, nnow - at - n);
                nnow -= n;
            }

            break;

        default:
            input = &inputs[dice(ninputs)];
            n = dice(32);

            if (n <= input->size && at + n <= LONGEST) {
                memcpy(now + at, input->data + dice(input->size - n + 1), n);
                nnow = at + n > nnow ? at + n : nnow;
            }

            break;
        }
    }
}
