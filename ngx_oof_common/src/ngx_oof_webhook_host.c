
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_webhook_int.h>


/* how many calls at once each host may have */


static ngx_oof_webhook_host_t *ngx_oof_webhook_host(
    ngx_oof_webhook_hosts_t *hosts, ngx_str_t *name, ngx_log_t *log);
static void ngx_oof_webhook_host_forget(ngx_oof_webhook_hosts_t *hosts);


void
ngx_oof_webhook_hosts_init(ngx_oof_webhook_hosts_t *hosts, ngx_uint_t max,
    ngx_uint_t host_max)
{
    ngx_memzero(hosts, sizeof(ngx_oof_webhook_hosts_t));

    ngx_rbtree_init(&hosts->tree, &hosts->sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_queue_init(&hosts->queue);

    hosts->max = max;
    hosts->host_max = host_max;
}


ngx_oof_webhook_host_t *
ngx_oof_webhook_host_begin(ngx_oof_webhook_hosts_t *hosts, ngx_str_t *name,
    ngx_log_t *log)
{
    ngx_oof_webhook_host_t  *host;

    host = ngx_oof_webhook_host(hosts, name, log);
    if (host == NULL) {
        return NULL;
    }

    ngx_queue_remove(&host->queue);
    ngx_queue_insert_head(&hosts->queue, &host->queue);

    host->running++;
    hosts->running++;
    hosts->doubtful += host->bad;

    return host;
}


static ngx_oof_webhook_host_t *
ngx_oof_webhook_host(ngx_oof_webhook_hosts_t *hosts, ngx_str_t *name,
    ngx_log_t *log)
{
    uint32_t                 hash;
    ngx_str_node_t          *sn;
    ngx_oof_webhook_host_t  *host;

    hash = ngx_crc32_short(name->data, name->len);
    sn = ngx_str_rbtree_lookup(&hosts->tree, name, hash);

    if (sn) {
        return (ngx_oof_webhook_host_t *) sn;
    }

    if (hosts->n >= NGX_OOF_WEBHOOK_HOSTS) {
        ngx_oof_webhook_host_forget(hosts);
    }

    host = ngx_alloc(sizeof(ngx_oof_webhook_host_t) + name->len, log);
    if (host == NULL) {
        return NULL;
    }

    ngx_memzero(host, sizeof(ngx_oof_webhook_host_t));

    host->sn.node.key = hash;
    host->sn.str.len = name->len;
    host->sn.str.data = (u_char *) (host + 1);
    ngx_memcpy(host->sn.str.data, name->data, name->len);

    host->may = 1;

    ngx_rbtree_insert(&hosts->tree, &host->sn.node);
    ngx_queue_insert_head(&hosts->queue, &host->queue);
    hosts->n++;

    return host;
}


/* the one that has been idle longest */

static void
ngx_oof_webhook_host_forget(ngx_oof_webhook_hosts_t *hosts)
{
    ngx_queue_t             *q;
    ngx_oof_webhook_host_t  *host;

    for (q = ngx_queue_last(&hosts->queue);
         q != ngx_queue_sentinel(&hosts->queue);
         q = ngx_queue_prev(q))
    {
        host = ngx_queue_data(q, ngx_oof_webhook_host_t, queue);

        if (host->running == 0) {
            ngx_queue_remove(q);
            ngx_rbtree_delete(&hosts->tree, &host->sn.node);
            ngx_free(host);
            hosts->n--;
            return;
        }
    }
}


void
ngx_oof_webhook_hosts_free(ngx_oof_webhook_hosts_t *hosts)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&hosts->queue)) {
        q = ngx_queue_head(&hosts->queue);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_oof_webhook_host_t, queue));
    }

    ngx_oof_webhook_hosts_init(hosts, hosts->max, hosts->host_max);
}


void
ngx_oof_webhook_host_slow(ngx_oof_webhook_hosts_t *hosts,
    ngx_oof_webhook_host_t *host)
{
    if (!host->bad) {
        host->bad = 1;
        hosts->doubtful += host->running;
    }

    host->may = 1;
}


void
ngx_oof_webhook_host_end(ngx_oof_webhook_hosts_t *hosts,
    ngx_oof_webhook_host_t *host, ngx_uint_t good)
{
    if (!good) {
        ngx_oof_webhook_host_slow(hosts, host);

    } else {
        if (host->bad) {
            host->bad = 0;
            hosts->doubtful -= host->running;
        }

        host->may = ngx_min(host->may + 1, hosts->host_max);
    }

    hosts->doubtful -= host->bad;
    hosts->running--;
    host->running--;
}


void
ngx_oof_webhook_hosts_write(ngx_oof_webhook_hosts_t *hosts, ngx_oof_json_t *w)
{
    ngx_queue_t             *q;
    ngx_oof_webhook_host_t  *host;

    ngx_oof_json_begin(w, '{');

    for (q = ngx_queue_head(&hosts->queue);
         q != ngx_queue_sentinel(&hosts->queue);
         q = ngx_queue_next(q))
    {
        host = ngx_queue_data(q, ngx_oof_webhook_host_t, queue);

        ngx_oof_json_key(w, &host->sn.str);

        if (host->may <= host->running) {
            ngx_oof_json_int(w, 0);

        } else if (host->bad) {
            ngx_oof_json_int(w, -1);

        } else {
            ngx_oof_json_int(w, host->may - host->running);
        }
    }

    ngx_oof_json_end(w, '}');
}


ngx_uint_t
ngx_oof_webhook_hosts_doubtful(ngx_oof_webhook_hosts_t *hosts)
{
    ngx_uint_t  half;

    half = ngx_max(hosts->max / 2, 1);

    return half > hosts->doubtful ? half - hosts->doubtful : 0;
}
