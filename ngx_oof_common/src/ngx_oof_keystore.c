
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_jwks_zone.h>


#define NGX_OOF_KEYSTORE_FILE     "/application.jwks"
#define NGX_OOF_KEYSTORE_REFRESH  (10 * 60 * 1000)


typedef struct {
    ngx_str_node_t           sn;
    ngx_queue_t              queue;
    ngx_oof_jwks_t          *jwks;
} ngx_oof_keystore_set_t;


static ngx_oof_keystore_t *ngx_oof_keystore_add(ngx_conf_t *cf,
    ngx_oof_keystore_t *wanted);
static ngx_oof_keystore_set_t *ngx_oof_keystore_open(
    ngx_oof_keystore_t *keystore, ngx_str_t *organisation_id, uint32_t hash);
static ngx_int_t ngx_oof_keystore_room(ngx_oof_keystore_t *keystore);
static void ngx_oof_keystore_close(ngx_oof_keystore_t *keystore,
    ngx_oof_keystore_set_t *set);


char *
ngx_oof_keystore(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_loc_conf_t *olcf = conf;

    ssize_t              size;
    ngx_str_t           *value, s;
    ngx_int_t            refresh;
    ngx_uint_t           i;
    ngx_oof_keystore_t   wanted;

    if (olcf->keystore) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ngx_memzero(&wanted, sizeof(ngx_oof_keystore_t));

    wanted.url = value[1];
    wanted.refresh = NGX_OOF_KEYSTORE_REFRESH;
    wanted.size = NGX_OOF_KEYSTORE_ZONE;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "refresh=", 8) == 0) {
            s.len = value[i].len - 8;
            s.data = value[i].data + 8;

            refresh = ngx_parse_time(&s, 0);

            if (refresh == (ngx_int_t) NGX_ERROR || refresh < 1000) {
                return "has an invalid \"refresh\": at least one second";
            }

            wanted.refresh = refresh;
            continue;
        }

        if (ngx_strncmp(value[i].data, "zone=", 5) == 0) {
            s.len = value[i].len - 5;
            s.data = value[i].data + 5;

            size = ngx_parse_size(&s);

            if (size < NGX_OOF_JWKS_ZONE_MIN) {
                return "has an invalid \"zone\": at least 32k";
            }

            wanted.size = size;
            continue;
        }

        if (ngx_strncmp(value[i].data, "ca=", 3) == 0) {
            s.len = value[i].len - 3;
            s.data = value[i].data + 3;

            if (ngx_oof_fetch_pem(cf, &s, &wanted.ca) != NGX_OK) {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"oof_keystore\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    if (wanted.url.data[wanted.url.len - 1] == '/') {
        return "must not end with \"/\"";
    }

    olcf->keystore = ngx_oof_keystore_add(cf, &wanted);

    return olcf->keystore ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* those of a URL share their sets */

static ngx_oof_keystore_t *
ngx_oof_keystore_add(ngx_conf_t *cf, ngx_oof_keystore_t *wanted)
{
    ngx_str_t             *url, *ca;
    ngx_uint_t             i;
    ngx_oof_keystore_t    *keystore, **all;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    all = omcf->keystores.elts;

    url = &wanted->url;
    ca = &wanted->ca;

    for (i = 0; i < omcf->keystores.nelts; i++) {

        if (all[i]->url.len != url->len
            || ngx_memcmp(all[i]->url.data, url->data, url->len) != 0)
        {
            continue;
        }

        if (all[i]->ca.len != ca->len
            || ngx_memcmp(all[i]->ca.data, ca->data, ca->len) != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "keystore \"%V\" is used with two \"ca\" "
                               "files: give it the same one everywhere", url);
            return NULL;
        }

        all[i]->refresh = ngx_min(all[i]->refresh, wanted->refresh);
        all[i]->size = ngx_max(all[i]->size, wanted->size);

        return all[i];
    }

    all = ngx_array_push(&omcf->keystores);
    keystore = ngx_pcalloc(cf->pool, sizeof(ngx_oof_keystore_t));

    if (all == NULL || keystore == NULL) {
        return NULL;
    }

    *all = keystore;
    *keystore = *wanted;

    return keystore;
}


ngx_int_t
ngx_oof_keystore_init(ngx_conf_t *cf)
{
    ngx_uint_t             i;
    ngx_oof_keystore_t   **all;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    all = omcf->keystores.elts;

    for (i = 0; i < omcf->keystores.nelts; i++) {

        if (ngx_oof_fetch_prepare(cf, &all[i]->url, &all[i]->addrs)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        all[i]->zone = ngx_oof_jwks_zone(cf, "oof_keystore", &all[i]->url,
                                         all[i]->size);
        if (all[i]->zone == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_keystore_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    ngx_oof_keystore_t   **all;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);
    all = omcf->keystores.elts;

    for (i = 0; i < omcf->keystores.nelts; i++) {
        ngx_rbtree_init(&all[i]->tree, &all[i]->sentinel,
                        ngx_str_rbtree_insert_value);
        ngx_queue_init(&all[i]->queue);
        all[i]->nsets = 0;
    }

    return NGX_OK;
}


void
ngx_oof_keystore_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    ngx_queue_t           *q;
    ngx_oof_keystore_t   **all;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);
    all = omcf->keystores.elts;

    for (i = 0; i < omcf->keystores.nelts; i++) {

        while (!ngx_queue_empty(&all[i]->queue)) {
            q = ngx_queue_head(&all[i]->queue);
            ngx_oof_keystore_close(all[i],
                                   ngx_queue_data(q, ngx_oof_keystore_set_t,
                                                  queue));
        }
    }
}


ngx_oof_jwks_t *
ngx_oof_keystore_set(ngx_oof_keystore_t *keystore, ngx_str_t *organisation_id)
{
    uint32_t                 hash;
    ngx_oof_keystore_set_t  *set;

    hash = ngx_crc32_short(organisation_id->data, organisation_id->len);

    set = (ngx_oof_keystore_set_t *)
              ngx_str_rbtree_lookup(&keystore->tree, organisation_id, hash);

    if (set) {
        ngx_queue_remove(&set->queue);
        ngx_queue_insert_head(&keystore->queue, &set->queue);

        return set->jwks;
    }

    if (ngx_oof_keystore_room(keystore) != NGX_OK) {
        return NULL;
    }

    set = ngx_oof_keystore_open(keystore, organisation_id, hash);

    return set ? set->jwks : NULL;
}


/* the set's own name is the end of its URL */

static ngx_oof_keystore_set_t *
ngx_oof_keystore_open(ngx_oof_keystore_t *keystore,
    ngx_str_t *organisation_id, uint32_t hash)
{
    u_char                  *p;
    ngx_str_t                url;
    ngx_oof_keystore_set_t  *set;

    url.len = keystore->url.len + 1 + organisation_id->len
              + sizeof(NGX_OOF_KEYSTORE_FILE) - 1;

    set = ngx_calloc(sizeof(ngx_oof_keystore_set_t) + url.len,
                     ngx_cycle->log);
    if (set == NULL) {
        return NULL;
    }

    url.data = (u_char *) set + sizeof(ngx_oof_keystore_set_t);

    p = ngx_cpymem(url.data, keystore->url.data, keystore->url.len);
    *p++ = '/';

    set->sn.str.data = p;
    set->sn.str.len = organisation_id->len;
    set->sn.node.key = hash;

    p = ngx_cpymem(p, organisation_id->data, organisation_id->len);
    ngx_memcpy(p, NGX_OOF_KEYSTORE_FILE, sizeof(NGX_OOF_KEYSTORE_FILE) - 1);

    set->jwks = ngx_oof_jwks_open(&url, &keystore->addrs, &keystore->ca,
                                  keystore->refresh, keystore->zone);
    if (set->jwks == NULL) {
        ngx_free(set);
        return NULL;
    }

    ngx_rbtree_insert(&keystore->tree, &set->sn.node);
    ngx_queue_insert_head(&keystore->queue, &set->queue);
    keystore->nsets++;

    return set;
}


/* one that never came may be of an organisation that is none */

ngx_int_t
ngx_oof_keystore_oldest(ngx_oof_keystore_t *keystore, ngx_msec_t *age)
{
    ngx_int_t                rc;
    ngx_queue_t             *q;
    ngx_oof_keystore_set_t  *set;

    rc = NGX_DECLINED;
    *age = 0;

    for (q = ngx_queue_head(&keystore->queue);
         q != ngx_queue_sentinel(&keystore->queue);
         q = ngx_queue_next(q))
    {
        set = ngx_queue_data(q, ngx_oof_keystore_set_t, queue);

        if (set->jwks->loaded) {
            *age = ngx_max(*age, ngx_current_msec - set->jwks->fetched);
            rc = NGX_OK;
        }
    }

    return rc;
}


/* what is waited for stays */

static ngx_int_t
ngx_oof_keystore_room(ngx_oof_keystore_t *keystore)
{
    ngx_queue_t             *q;
    ngx_oof_keystore_set_t  *set;

    if (keystore->nsets < NGX_OOF_KEYSTORE_SETS) {
        return NGX_OK;
    }

    for (q = ngx_queue_last(&keystore->queue);
         q != ngx_queue_sentinel(&keystore->queue);
         q = ngx_queue_prev(q))
    {
        set = ngx_queue_data(q, ngx_oof_keystore_set_t, queue);

        if (set->jwks->nwaiters == 0) {
            ngx_oof_keystore_close(keystore, set);
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static void
ngx_oof_keystore_close(ngx_oof_keystore_t *keystore,
    ngx_oof_keystore_set_t *set)
{
    ngx_rbtree_delete(&keystore->tree, &set->sn.node);
    ngx_queue_remove(&set->queue);
    keystore->nsets--;

    ngx_oof_jwks_close(set->jwks);

    ngx_free(set);
}
