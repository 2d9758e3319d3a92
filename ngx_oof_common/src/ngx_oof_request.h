
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_REQUEST_H_INCLUDED_
#define _NGX_OOF_REQUEST_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The state of a request.  It hangs on a pool cleanup, because r->ctx does
 * not survive internal redirects, and is found again by
 * ngx_oof_request_get(); subrequests share their parent's.
 */

/* headers of the caller that nginx does not look up itself */

#define NGX_OOF_HEADER_ACCEPT           0
#define NGX_OOF_HEADER_INTERACTION_ID   1
#define NGX_OOF_HEADER_AUTH_DATE        2
#define NGX_OOF_HEADER_CUSTOMER_IP      3
#define NGX_OOF_HEADER_USER_AGENT       4
#define NGX_OOF_HEADER_IDEMPOTENCY_KEY  5
#define NGX_OOF_HEADERS                 6


struct ngx_oof_request_s {
    ngx_http_request_t      *r;          /* the main request */
    ngx_oof_api_t           *api;
    ngx_oof_route_t         *route;
    ngx_str_t                params[NGX_OOF_MAX_PARAMS];  /* of the path */
    ngx_str_t                uri;        /* that was admitted */
    ngx_oof_loc_conf_t      *location;   /* that has the API */
    ngx_str_t                version;    /* x-v; empty: none */
    void                    *gate;       /* of a guarded or open API, its
                                          * own */

    /* the first of each name, NULL when absent */
    ngx_table_elt_t         *headers[NGX_OOF_HEADERS];
    ngx_uint_t               repeated;   /* bits: sent more than once */

    u_char                   interaction_id[NGX_OOF_UUID_TEXT];
    u_char                   trace_text[NGX_OOF_TRACE_PARENT];
    ngx_str_t                trace;      /* by ngx_oof_trace() */

    ngx_str_t                cert_header;  /* believed, and taken away */
    ngx_oof_cert_t          *cert;
    ngx_oof_token_t         *token;
    ngx_oof_client_t        *client;

    ngx_str_t                body;       /* in one piece; empty without */
    size_t                   room;       /* allocated for it */
    json_t                  *json;       /* by ngx_oof_request_json() */
    ngx_oof_message_t       *message;    /* signed, of the request */

    ngx_str_t                consent_id; /* for the log line, when known */
    u_char                  *limit_key;  /* of its endpoint and organisation */
    ngx_oof_limit_row_t     *month;      /* to be counted in, when it ends */

    /* the answer, prepared by ngx_oof_answer() or ngx_oof_error() */
    ngx_uint_t               status;
    ngx_str_t                answer;
    ngx_str_t                media;      /* content type; empty: JSON */
    ngx_str_t                error_code;
    ngx_str_t                error_title;
    ngx_str_t                error_detail;
    ngx_uint_t               retry_after;  /* s; 0: none */
    ngx_uint_t               allow;      /* methods of the path, with 405 */

    /* the one operation that is awaited */
    ngx_oof_pg_unit_t       *unit;
    ngx_int_t              (*result)(ngx_oof_request_t *o,
                                     ngx_oof_pg_unit_t *u);
    void                   (*forget)(ngx_oof_request_t *o);
    void                    *waiting;    /* of "forget" */

    void                    *kept;       /* of the bank's side, its own */

    ngx_event_t              deadline;
    ngx_msec_t               expires;    /* ngx_current_msec of the deadline */
    ngx_msec_t               began;      /* to read the body */
    ngx_msec_t               db_time;    /* ms spent waiting for lanes */
    ngx_msec_t               core_time;  /* ms, for the bank's core */
    ngx_msec_t               asked;      /* it, since then; 0: nothing */
    uint64_t                 sign_time;  /* us */
    ngx_uint_t               step;       /* of the access phase */

    unsigned                 own_id:1;   /* the caller's was not usable */
    unsigned                 watched:1;  /* a cleanup forgets what is awaited */
    unsigned                 admitted:1; /* the access phase has decided */
    unsigned                 content:1;  /* the content handler has begun */
    unsigned                 reading:1;  /* the body */
    unsigned                 answered:1; /* the answer has been sent */
    unsigned                 counted:1;  /* metrics are done */
    unsigned                 suspended:1;
    unsigned                 sealed:1;   /* the answer is signed */
    unsigned                 paced:1;    /* is one of its second's calls */
    unsigned                 sampled:1;  /* the caller records its trace */
    unsigned                 page:2;     /* of nginx's own, see the filter */
    unsigned                 upstream:2; /* its error, see there */
};


/* found, or NULL */
ngx_oof_request_t *ngx_oof_request_get(ngx_http_request_t *r);

/* found, or made, with an interaction id: any phase, filters too */
ngx_oof_request_t *ngx_oof_request_make(ngx_http_request_t *r);

/* phase handlers, installed by the module */
ngx_int_t ngx_oof_access_handler(ngx_http_request_t *r);
ngx_int_t ngx_oof_content_handler(ngx_http_request_t *r);
ngx_int_t ngx_oof_log_server_handler(ngx_http_request_t *r);
ngx_int_t ngx_oof_log_handler(ngx_http_request_t *r);

/*
 * What an error log's line says of a request of the bank's side, whose path and
 * query may name a person: the route's pattern and the consent.
 */
u_char *ngx_oof_log_error_handler(ngx_http_request_t *r,
    ngx_http_request_t *sr, u_char *buf, size_t len);

/*
 * Runs the steps of the access phase that are left; "rc" is what the last one
 * has come to.  NGX_DECLINED: all have agreed, and o->admitted is set.
 */
ngx_int_t ngx_oof_access_steps(ngx_oof_request_t *o, ngx_int_t rc);

/*
 * Every step and handler returns one of
 *
 *     NGX_DECLINED   go on (access phase only)
 *     NGX_OK         an answer is prepared: send it
 *     NGX_AGAIN      something is awaited; it calls ngx_oof_request_resume()
 *                    with one of the other three when it has come
 *     NGX_ERROR      500
 *
 * ngx_oof_request_resume() sends, goes on, finalizes and runs posted requests;
 * "o" may be gone when it returns.
 */
void ngx_oof_request_resume(ngx_oof_request_t *o, ngx_int_t rc);

/*
 * Sends "u" for this request and awaits it: u->deadline is set to the
 * request's, "result" is called with rc NGX_OOF_PG_OK only and returns as a
 * handler does; other ends are answered with 503, 529, 504 or 500.  When the
 * client goes, a read is forgotten, a write runs to its end.  Takes the unit
 * over in every case.  Returns NGX_AGAIN, or NGX_ERROR.
 */
ngx_int_t ngx_oof_request_unit(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u,
    ngx_int_t (*result)(ngx_oof_request_t *o, ngx_oof_pg_unit_t *u));

/*
 * From here on, until the request is resumed, it waits for the bank's core: so
 * the log tells.
 */
#define ngx_oof_request_asks(o)  (o)->asked = ngx_current_msec | 1

/*
 * Parses o->body into o->json; NGX_OK, or NGX_DECLINED with a 400 prepared
 * (the caller returns NGX_OK then), or NGX_ERROR.
 */
ngx_int_t ngx_oof_request_json(ngx_oof_request_t *o);

/*
 * Adds bytes to o->body; NGX_OK, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE or
 * NGX_HTTP_INTERNAL_SERVER_ERROR.
 */
ngx_int_t ngx_oof_request_append(ngx_oof_request_t *o, u_char *data,
    size_t len);

/* a request header by its lower-case name, NULL when absent */
ngx_table_elt_t *ngx_oof_request_header(ngx_http_request_t *r,
    const char *name, size_t len);

ngx_int_t ngx_oof_request_preconf(ngx_conf_t *cf);  /* variables */
ngx_int_t ngx_oof_request_init(ngx_conf_t *cf);     /* metrics of routes */


#endif /* _NGX_OOF_REQUEST_H_INCLUDED_ */
