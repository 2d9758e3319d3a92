
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_PUBLISH_H_INCLUDED_
#define _NGX_OOF_PUBLISH_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What providers have in common that send events in batches by HTTP: requests
 * of a bounded size side by side, an answer for each event, and what becomes of
 * an event when none came.
 */

/* events of a request, at most */
#define NGX_OOF_PUBLISH_BATCH  100

/* of an answer */
#define NGX_OOF_PUBLISH_ANSWER  (256 * 1024)


typedef struct ngx_oof_publish_s  ngx_oof_publish_t;
typedef struct ngx_oof_post_s     ngx_oof_post_t;


struct ngx_oof_publish_s {
    void                    *owner;
    ngx_str_t                url;
    ngx_str_t                addrs;
    ngx_str_t                ca;         /* PEM, or empty */
    ngx_msec_t               timeout;
    size_t                   most;       /* bytes of a request's events */

    /* the bytes that an event counts for */
    size_t                 (*size)(ngx_oof_publish_t *publish,
                                   ngx_oof_relay_event_t *event);

    /*
     * Writes fetch.body and fetch.headers, which are empty, in post->pool:
     * NGX_OK, NGX_BUSY with a reason when that is not possible now, NGX_ERROR
     * without memory.
     */
    ngx_int_t              (*write)(ngx_oof_publish_t *publish,
                                    ngx_oof_post_t *post, const char **why);

    /*
     * An answer came: fetch.status is not 0.  Tells what became of each event,
     * by the functions below; those that it does not mention are sent again.
     */
    void                   (*judge)(ngx_oof_publish_t *publish,
                                    ngx_oof_post_t *post);

    ngx_queue_t              posts;      /* private: under way */
};


/* a request; "deliveries" that are answered are NULL */

struct ngx_oof_post_s {
    ngx_pool_t              *pool;
    ngx_oof_publish_t       *publish;
    ngx_oof_fetch_t          fetch;
    ngx_uint_t               n;
    ngx_oof_delivery_t     **deliveries;

    ngx_queue_t              queue;      /* private */
};


/* for "start", "send" and "stop" of a provider */
void ngx_oof_publish_start(ngx_oof_publish_t *publish);
void ngx_oof_publish_send(ngx_oof_publish_t *publish,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n);
void ngx_oof_publish_stop(ngx_oof_publish_t *publish);

/* the outcome of the i-th event, and of all that have none, as in the relay */
void ngx_oof_publish_done(ngx_oof_post_t *post, ngx_uint_t i, ngx_int_t rc,
    const char *why);
void ngx_oof_publish_all(ngx_oof_post_t *post, ngx_int_t rc,
    const char *why);

/*
 * The request was refused for what is in it: its events are sent again, each by
 * itself, so that only the one at fault is dead.  One that was by itself is.
 */
void ngx_oof_publish_apart(ngx_oof_post_t *post, const char *why);

/* a reason, "status 403, AccessDenied", in the post's pool */
const char *ngx_oof_publish_why(ngx_oof_post_t *post, ngx_str_t *code);

/*
 * At configuration time, of a line of a block: "timeout" and "ca".  NGX_OK with
 * what "line" of a provider returns in "rv", or NGX_DECLINED when it is another
 */
ngx_int_t ngx_oof_publish_line(ngx_conf_t *cf, ngx_oof_publish_t *publish,
    ngx_str_t *value, ngx_uint_t n, char **rv);

/* a line with one value, which goes to "field" */
char *ngx_oof_publish_value(ngx_str_t *field, ngx_str_t *value,
    ngx_uint_t n);


#endif /* _NGX_OOF_PUBLISH_H_INCLUDED_ */
