
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_ROUTE_H_INCLUDED_
#define _NGX_OOF_ROUTE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * An API is a table of routes.  Its module registers it in preconfiguration;
 * "oof_api NAME VERSION;" switches it on in a location.
 */

#define NGX_OOF_MEDIA_NONE   0           /* no body is read */
#define NGX_OOF_MEDIA_JSON   1
#define NGX_OOF_MEDIA_JWT    2

#define NGX_OOF_API_TPP      0x01        /* certificate, interaction id */
#define NGX_OOF_API_BANK     0x02        /* the management listener */
#define NGX_OOF_API_PUBLIC   0x04        /* interaction id, nothing else */
#define NGX_OOF_API_JWT      0x08        /* answers are application/jwt */

/*
 * Guards what another directive of the location serves ("proxy_pass"): the
 * route's handler is the last step of the access phase, and NGX_DECLINED lets
 * the request go on.
 */
#define NGX_OOF_API_GATE     0x10

#define NGX_OOF_API_ANY      0x20        /* its first route: every path */
#define NGX_OOF_API_OPEN     0x40        /* asks nobody for anything */

#define NGX_OOF_MAX_PARAMS   4


/* returns as described at ngx_oof_request_resume() */
typedef ngx_int_t (*ngx_oof_handler_pt)(ngx_oof_request_t *o);


struct ngx_oof_route_s {
    ngx_uint_t               method;     /* NGX_HTTP_POST, ... */
    ngx_str_t                path;       /* "/consents/{consentId}" */
    ngx_str_t                operation;  /* "consent_create": logs, metrics */
    ngx_uint_t               grant;      /* NGX_OOF_GRANT_... */
    ngx_str_t                scope;      /* static scope; empty: none */
    ngx_uint_t               media;      /* of the request's body */
    ngx_oof_handler_pt       handler;    /* body read, o->body set */
    ngx_uint_t               series;     /* of the metrics, set at start */
};

struct ngx_oof_api_s {
    ngx_str_t                name;       /* "consents" */
    ngx_str_t                major;      /* "v3" */
    ngx_str_t                version;    /* "3.3.1": x-v */
    ngx_str_t                base;       /* "/open-banking/consents/v3" */
    ngx_uint_t               flags;      /* NGX_OOF_API_... */
    size_t                   body_size;  /* default limit */
    ngx_oof_route_t         *routes;     /* ends with a null path */
};

#define ngx_oof_route_end                                                     \
    { 0, ngx_null_string, ngx_null_string, 0, ngx_null_string, 0, NULL, 0 }


/*
 * In preconfiguration: makes an API known, which is static; NGX_ERROR with a
 * message when there is one of its name and major version.  And that of a name
 * and version, or NULL.
 */
ngx_int_t ngx_oof_api_register(ngx_conf_t *cf, ngx_oof_api_t *api);
ngx_oof_api_t *ngx_oof_api_find(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *major);

/*
 * The API of a location, from "oof_api NAME VERSION" or from a directive of
 * another module.
 */
ngx_int_t ngx_oof_api_set(ngx_conf_t *cf, ngx_oof_api_t *api);

/* "oof_api NAME VERSION" */
char *ngx_oof_api_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * Matches r->uri and r->method against the location's API; sets o->route and
 * o->params.  NGX_DECLINED to go on, NGX_OK with 404 or 405 prepared.
 */
ngx_int_t ngx_oof_route_match(ngx_oof_request_t *o);

/*
 * For the handler of a route whose id is none of its own: gives the request to
 * the next route of the same method and path, and returns as that does; 404
 * when there is none.
 */
ngx_int_t ngx_oof_route_next(ngx_oof_request_t *o);


#endif /* _NGX_OOF_ROUTE_H_INCLUDED_ */
