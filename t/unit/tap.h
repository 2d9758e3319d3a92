
/*
 * Copyright (C) oof authors
 */


#ifndef _TAP_H_INCLUDED_
#define _TAP_H_INCLUDED_


/*
 * Unit tests of pure C.  Each t/unit/NAME.c is a program that is linked with
 * the objects of the built nginx and prints TAP; t/unit/run.t builds and runs
 * them all.  A test looks like this:
 *
 *     #include "tap.h"
 *
 *     int
 *     main(int argc, char *const *argv)
 *     {
 *         tap_start(argc, argv);
 *
 *         ok(1 + 1 == 2, "arithmetic works");
 *         is_int(ngx_atoi((u_char *) "12", 2), 12, "ngx_atoi()");
 *
 *         return tap_done();
 *     }
 *
 * A line "link: FLAGS" anywhere in a comment adds flags to the link, for
 * example "link: -Wl,--wrap=RAND_bytes".
 */


#include <ngx_oof.h>


#define TAP  __attribute__((unused)) static


static ngx_uint_t   tap_count;
static ngx_uint_t   tap_failed;
static ngx_log_t   *tap_log;
static ngx_pool_t  *tap_pool;      /* freed by tap_done() */
static ngx_cycle_t  tap_cycle;


#define ok(cond, ...)                                                         \
    tap_ok((cond) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

/* integers of any kind */
#define is_int(got, want, ...)                                                \
    tap_is_int((long long) (got), (long long) (want), __FILE__, __LINE__,     \
               __VA_ARGS__)

/* an ngx_str_t * and a C string; a NULL pointer is never equal */
#define is_str(got, want, ...)                                                \
    tap_is_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)

/* bytes */
#define is_mem(got, want, len, ...)                                           \
    tap_ok(ngx_memcmp((got), (want), (len)) == 0, __FILE__, __LINE__,         \
           __VA_ARGS__)


TAP ngx_uint_t  tap_ok(ngx_uint_t good, const char *file, int line,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
TAP ngx_uint_t  tap_is_int(long long got, long long want, const char *file,
    int line, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
TAP ngx_uint_t  tap_is_str(ngx_str_t *got, const char *want, const char *file,
    int line, const char *fmt, ...) __attribute__((format(printf, 5, 6)));


TAP ngx_uint_t
tap_vok(ngx_uint_t good, const char *file, int line, const char *fmt,
    va_list args)
{
    tap_count++;

    printf("%sok %lu - ", good ? "" : "not ", (unsigned long) tap_count);
    vprintf(fmt, args);
    printf("\n");

    if (!good) {
        tap_failed++;
        printf("#   failed at %s line %d\n", file, line);
    }

    fflush(stdout);

    return good;
}


TAP ngx_uint_t
tap_ok(ngx_uint_t good, const char *file, int line, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_vok(good, file, line, fmt, args);
    va_end(args);

    return good;
}


TAP ngx_uint_t
tap_is_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_vok(got == want, file, line, fmt, args);
    va_end(args);

    if (got != want) {
        printf("#        got: %lld\n#   expected: %lld\n", got, want);
        fflush(stdout);
    }

    return got == want;
}


TAP ngx_uint_t
tap_is_str(ngx_str_t *got, const char *want, const char *file, int line,
    const char *fmt, ...)
{
    va_list     args;
    ngx_uint_t  good;

    good = got != NULL && got->len == strlen(want)
           && ngx_memcmp(got->data, want, got->len) == 0;

    va_start(args, fmt);
    tap_vok(good, file, line, fmt, args);
    va_end(args);

    if (!good) {
        if (got == NULL) {
            printf("#        got: NULL\n");

        } else {
            printf("#        got: \"%.*s\"\n", (int) got->len, got->data);
        }

        printf("#   expected: \"%s\"\n", want);
        fflush(stdout);
    }

    return good;
}


/* an ngx_str_t of a C string, which must outlive it */

TAP ngx_str_t
str(const char *s)
{
    ngx_str_t  value;

    value.len = strlen(s);
    value.data = (u_char *) s;

    return value;
}


TAP void
diag(const char *fmt, ...)
{
    va_list  args;

    printf("# ");
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
}


TAP void
tap_bail(const char *why)
{
    printf("Bail out! %s\n", why);
    exit(255);
}


/*
 * What nginx's main() does before it reads a configuration: time, log (to
 * stderr), OpenSSL, page size, CRC tables; and a pool.
 */

TAP void
tap_start(int argc, char *const *argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);

    ngx_debug_init();

    if (ngx_strerror_init() != NGX_OK) {
        tap_bail("ngx_strerror_init() failed");
    }

    ngx_max_sockets = -1;
    ngx_time_init();

#if (NGX_PCRE)
    ngx_regex_init();
#endif

    ngx_pid = ngx_getpid();
    ngx_parent = ngx_getppid();
    ngx_argc = argc;
    ngx_argv = (char **) argv;
    ngx_os_argv = (char **) argv;

    tap_log = ngx_log_init((u_char *) "", (u_char *) "");
    if (tap_log == NULL) {
        tap_bail("ngx_log_init() failed");
    }

    ngx_ssl_init(tap_log);

    tap_cycle.log = tap_log;
    ngx_cycle = &tap_cycle;

    tap_pool = ngx_create_pool(16384, tap_log);
    tap_cycle.pool = ngx_create_pool(1024, tap_log);

    if (tap_pool == NULL || tap_cycle.pool == NULL) {
        tap_bail("no memory");
    }

    if (ngx_os_init(tap_log) != NGX_OK || ngx_crc32_table_init() != NGX_OK) {
        tap_bail("ngx_os_init() failed");
    }

    ngx_slab_sizes_init();
}


/*
 * Reads a configuration as "nginx -c FILE" does, with shared zones and
 * listening sockets.  "prefix" is a folder that ends with "/" and has logs/.
 * Returns NULL when nginx would not start; after tap_start(), once a program.
 */

TAP ngx_cycle_t *
tap_configure(const char *prefix, const char *file)
{
    ngx_cycle_t  *cycle;

    tap_cycle.prefix = str(prefix);
    tap_cycle.conf_prefix = str(prefix);
    tap_cycle.conf_file = str(file);
    ngx_str_set(&tap_cycle.conf_param, "");
    tap_cycle.error_log = str("stderr");

    if (ngx_preinit_modules() != NGX_OK) {
        return NULL;
    }

    cycle = ngx_init_cycle(&tap_cycle);

    if (cycle != NULL) {
        ngx_cycle = cycle;
    }

    return cycle;
}


/* prints the plan and returns what main() returns */

TAP int
tap_done(void)
{
    printf("1..%lu\n", (unsigned long) tap_count);
    fflush(stdout);

    ngx_destroy_pool(tap_pool);

    if (ngx_cycle == &tap_cycle) {
        ngx_destroy_pool(tap_cycle.pool);
    }

    return tap_failed ? 1 : 0;
}


#endif /* _TAP_H_INCLUDED_ */
