
/*
 * Copyright (C) oof authors
 */


#include "tap.h"

#include <ngx_oof_jwks_zone.h>


#define SIZE  (16 * 4096)


/* a zone as nginx makes it, of one process */

static ngx_int_t
zone_init(ngx_shm_zone_t *zone)
{
    ngx_conf_t        cf;
    ngx_str_t         url = ngx_string("http://k");
    ngx_cycle_t       cycle;
    ngx_slab_pool_t  *pool;
    ngx_shm_zone_t   *z;

    ngx_memzero(&cf, sizeof(ngx_conf_t));
    ngx_memzero(&cycle, sizeof(ngx_cycle_t));

    cf.pool = tap_pool;
    cf.log = tap_log;
    cf.cycle = &cycle;

    if (ngx_list_init(&cycle.shared_memory, tap_pool, 1,
                      sizeof(ngx_shm_zone_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    z = ngx_oof_jwks_zone(&cf, "oof_test", &url, SIZE);

    is_str(&z->shm.name, "oof_test:http://k", "the zone's name");
    ok(ngx_oof_jwks_zone(&cf, "oof_test", &url, SIZE) == z, "there is one");

    *zone = *z;

    zone->shm.addr = mmap(NULL, SIZE, PROT_READ|PROT_WRITE,
                          MAP_ANON|MAP_SHARED, -1, 0);

    pool = (ngx_slab_pool_t *) zone->shm.addr;
    pool->end = zone->shm.addr + SIZE;
    pool->min_shift = 3;
    pool->addr = pool;

    if (ngx_shmtx_create(&pool->mutex, &pool->lock, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_slab_init(pool);

    return zone->init(zone, NULL);
}


static ngx_uint_t
put(ngx_shm_zone_t *zone, const char *name, size_t len, int c)
{
    ngx_str_t          n, text;
    static u_char      data[2 * SIZE];

    n.data = (u_char *) name;
    n.len = ngx_strlen(name);

    text.data = data;
    text.len = len;
    ngx_memset(data, c, len);

    return ngx_oof_jwks_zone_put(zone, &n, &text, 1000 + c);
}


/* the text's first character, or the answer */

static int
get(ngx_shm_zone_t *zone, const char *name, ngx_uint_t *version, size_t len)
{
    int         c;
    ngx_str_t   n, text;
    ngx_msec_t  put, due;

    n.data = (u_char *) name;
    n.len = ngx_strlen(name);

    if (ngx_oof_jwks_zone_get(zone, &n, version, &text, &put, &due)
        != NGX_OK)
    {
        return 0;
    }

    c = text.data[0];

    is_int(text.len, len, "%s: its length", name);
    ok(text.data[len - 1] == c, "%s: its end", name);
    is_int(due, 1000 + c, "%s: due", name);

    ngx_free(text.data);

    return c;
}


int
main(int argc, char *const *argv)
{
    ngx_uint_t        v, w, first, last;
    ngx_shm_zone_t    zone;
    ngx_slab_pool_t  *pool;

    tap_start(argc, argv);

    ngx_cycle->log = tap_log;

    ok(zone_init(&zone) == NGX_OK, "a zone");
    pool = (ngx_slab_pool_t *) zone.shm.addr;

    v = 0;
    is_int(get(&zone, "a", &v, 0), 0, "empty");

    first = put(&zone, "a", 100, 'a');
    ok(first != 0, "put");
    is_int(get(&zone, "a", &v, 100), 'a', "what was put");
    is_int(v, first, "its version");
    is_int(get(&zone, "a", &v, 100), 0, "it is known");
    is_int(get(&zone, "b", &v, 100), 0, "another name");

    last = put(&zone, "a", 200, 'A');
    ok(last > first, "another version");
    is_int(get(&zone, "a", &v, 200), 'A', "which is told");
    is_int(put(&zone, "a", 2 * SIZE, 'x'), 0, "too large");
    v = 0;
    is_int(get(&zone, "a", &v, 200), 0, "no older one is left behind");

    /* the one that was used longest ago goes */

    (void) put(&zone, "a", 15000, 'a');
    (void) put(&zone, "b", 15000, 'b');
    v = 0;
    is_int(get(&zone, "a", &v, 15000), 'a', "a");
    (void) put(&zone, "c", 15000, 'c');
    (void) put(&zone, "d", 15000, 'd');
    v = w = 0;
    is_int(get(&zone, "b", &v, 15000), 0, "b had to go");
    is_int(get(&zone, "a", &w, 15000), 'a', "a was used since");
    v = 0;
    is_int(get(&zone, "d", &v, 15000), 'd', "d");

    /* a process has died inside, and has left the memory in a mess */

    last = put(&zone, "e", 10, 'e');
    *(ngx_uint_t *) pool->data = 1;
    pool->free.next = NULL;
    ngx_memzero(pool->pages, sizeof(ngx_slab_page_t));

    v = 0;
    is_int(get(&zone, "e", &v, 10), 0, "died inside: it starts anew");
    ok(put(&zone, "e", 10, 'E') > last, "died inside: no version again");
    is_int(get(&zone, "e", &v, 10), 'E', "died inside: it goes on");

    *(ngx_uint_t *) pool->data = 1;
    (void) put(&zone, "f", 15000, 'f');
    v = 0;
    is_int(get(&zone, "f", &v, 15000), 'f', "died inside: a put goes on");

    return tap_done();
}
