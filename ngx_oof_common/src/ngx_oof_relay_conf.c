
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_relay_int.h>


/* the lines of a block that are the same for all providers */

#define NGX_OOF_EVENTS_DATABASE  1
#define NGX_OOF_EVENTS_ATTEMPTS  2
#define NGX_OOF_EVENTS_BACKOFF   4
#define NGX_OOF_EVENTS_TYPES     8
#define NGX_OOF_EVENTS_PERSONAL  16


typedef struct {
    ngx_oof_consumer_t      *consumer;
    ngx_uint_t               given;
} ngx_oof_events_ctx_t;


static ngx_oof_consumer_t *ngx_oof_events_consumer(ngx_conf_t *cf);
static char *ngx_oof_events_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static ngx_int_t ngx_oof_events_own(ngx_conf_t *cf,
    ngx_oof_events_ctx_t *ctx, char **rv);
static char *ngx_oof_events_value(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_uint_t which);
static char *ngx_oof_events_types(ngx_conf_t *cf, ngx_oof_consumer_t *c);
static ngx_int_t ngx_oof_events_provider(ngx_conf_t *cf,
    ngx_oof_consumer_t *c);


typedef struct {
    ngx_str_t                name;
    ngx_uint_t               which;
} ngx_oof_events_word_t;


static ngx_oof_events_word_t  ngx_oof_events_words[] = {
    { ngx_string("database"), NGX_OOF_EVENTS_DATABASE },
    { ngx_string("attempts"), NGX_OOF_EVENTS_ATTEMPTS },
    { ngx_string("backoff"), NGX_OOF_EVENTS_BACKOFF },
    { ngx_string("types"), NGX_OOF_EVENTS_TYPES },
    { ngx_string("personal"), NGX_OOF_EVENTS_PERSONAL },
    { ngx_null_string, 0 }
};


char *
ngx_oof_events_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                  *rv;
    ngx_conf_t             save;
    ngx_oof_consumer_t    *c;
    ngx_oof_events_ctx_t   ctx;

    c = ngx_oof_events_consumer(cf);
    if (c == NULL) {
        return NGX_CONF_ERROR;
    }

    if (c->provider->create) {
        rv = c->provider->create(cf, c);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    ngx_memzero(&ctx, sizeof(ngx_oof_events_ctx_t));
    ctx.consumer = c;

    save = *cf;
    cf->handler = ngx_oof_events_line;
    cf->handler_conf = (char *) &ctx;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static ngx_oof_consumer_t *
ngx_oof_events_consumer(ngx_conf_t *cf)
{
    ngx_str_t             *value;
    ngx_oof_consumer_t    *c, **cp;
    ngx_oof_provider_t    *provider;
    ngx_oof_main_conf_t   *omcf;

    value = cf->args->elts;

    provider = ngx_oof_provider_find(&value[1]);

    if (provider == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there is no provider \"%V\" of events in this "
                           "binary", &value[1]);
        return NULL;
    }

    c = ngx_pcalloc(cf->pool, sizeof(ngx_oof_consumer_t));
    if (c == NULL) {
        return NULL;
    }

    c->name = value[cf->args->nelts - 1];
    c->provider = provider;
    c->attempts = NGX_OOF_RELAY_ATTEMPTS;
    c->backoff = NGX_OOF_RELAY_BACKOFF;

    if (!ngx_oof_is_word(&c->name, NGX_OOF_NAME_MAX, "-_.")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the name in \"oof_events PROVIDER NAME { }\" must "
                           "have 1 to 64 letters, digits, \"-\", \"_\" and "
                           "\".\", which are not the first: \"%V\"", &c->name);
        return NULL;
    }

    /* databases may be configured later: see ngx_oof_relay_init() */

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    cp = ngx_array_push(&omcf->consumers);
    if (cp == NULL) {
        return NULL;
    }

    *cp = c;

    return c;
}


static char *
ngx_oof_events_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_oof_events_ctx_t *ctx = (ngx_oof_events_ctx_t *) conf;

    char                *rv;
    ngx_str_t           *value;
    ngx_oof_consumer_t  *c;

    c = ctx->consumer;
    value = cf->args->elts;

    if (ngx_oof_events_own(cf, ctx, &rv) != NGX_OK) {
        rv = c->provider->line
             ? c->provider->line(cf, c, value, cf->args->nelts)
             : NGX_OOF_EVENTS_UNKNOWN;
    }

    if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" in \"oof_events %V %V { }\" %s",
                       &value[0], &c->provider->name, &c->name, rv);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_oof_events_own(ngx_conf_t *cf, ngx_oof_events_ctx_t *ctx, char **rv)
{
    ngx_str_t              *value;
    ngx_oof_events_word_t  *w;

    value = cf->args->elts;

    for (w = ngx_oof_events_words; w->name.len; w++) {

        if (w->name.len != value[0].len
            || ngx_strncmp(w->name.data, value[0].data, w->name.len) != 0)
        {
            continue;
        }

        if (ctx->given & w->which) {
            *rv = "is duplicate";

        } else if (cf->args->nelts != 2
                   && (w->which != NGX_OOF_EVENTS_TYPES
                       || cf->args->nelts < 2))
        {
            *rv = "takes one value";

        } else {
            ctx->given |= w->which;
            *rv = ngx_oof_events_value(cf, ctx->consumer, w->which);
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


static char *
ngx_oof_events_value(ngx_conf_t *cf, ngx_oof_consumer_t *c, ngx_uint_t which)
{
    ngx_int_t   n;
    ngx_str_t  *value;

    value = cf->args->elts;

    switch (which) {

    case NGX_OOF_EVENTS_DATABASE:
        c->database = value[1];
        return NGX_CONF_OK;

    case NGX_OOF_EVENTS_ATTEMPTS:
        n = ngx_atoi(value[1].data, value[1].len);

        if (n == NGX_ERROR || n > 1000000) {
            return "must be a number of 0 (without end) to 1000000";
        }

        c->attempts = n;
        return NGX_CONF_OK;

    case NGX_OOF_EVENTS_BACKOFF:
        n = ngx_parse_time(&value[1], 0);

        if (n == NGX_ERROR || n < 1000 || n > 86400000) {
            return "must be a time of 1s to 1d";
        }

        c->backoff = n;
        return NGX_CONF_OK;

    case NGX_OOF_EVENTS_PERSONAL:

        if (ngx_strcmp(value[1].data, "on") == 0) {
            c->personal = 1;

        } else if (ngx_strcmp(value[1].data, "off") != 0) {
            return "must be \"on\" or \"off\"";
        }

        return NGX_CONF_OK;

    default: /* NGX_OOF_EVENTS_TYPES */
        return ngx_oof_events_types(cf, c);
    }
}


/* whole types, or the begin of some: "oof.consent.*" */

static char *
ngx_oof_events_types(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    ngx_str_t   *value, *type;
    ngx_uint_t   i;

    value = cf->args->elts;

    c->types = ngx_array_create(cf->pool, cf->args->nelts, sizeof(ngx_str_t));
    if (c->types == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "oof.", 4) != 0) {
            return "must have types as \"oof.consent.created\" or "
                   "\"oof.consent.*\"";
        }

        type = ngx_array_push(c->types);
        if (type == NULL) {
            return NGX_CONF_ERROR;
        }

        *type = value[i];
    }

    return NGX_CONF_OK;
}


ngx_oof_consumer_t *
ngx_oof_consumer_add(ngx_conf_t *cf, ngx_oof_database_t *db, ngx_str_t *name,
    ngx_oof_provider_t *provider)
{
    ngx_oof_consumer_t  *c;

    c = ngx_pcalloc(cf->pool, sizeof(ngx_oof_consumer_t));
    if (c == NULL) {
        return NULL;
    }

    c->name = *name;
    c->db = db;
    c->provider = provider;
    c->attempts = NGX_OOF_RELAY_ATTEMPTS;
    c->backoff = NGX_OOF_RELAY_BACKOFF;

    return ngx_oof_relay_consumer(cf, c) == NGX_OK ? c : NULL;
}


ngx_int_t
ngx_oof_events_init(ngx_conf_t *cf)
{
    ngx_uint_t             i;
    ngx_oof_consumer_t   **c;
    ngx_oof_main_conf_t   *omcf;
    ngx_oof_database_t   **databases;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    databases = omcf->databases.elts;
    c = omcf->consumers.elts;

    for (i = 0; i < omcf->consumers.nelts; i++) {

        if (c[i]->database.len) {
            c[i]->db = ngx_oof_database_find(cf, &c[i]->database);

            if (c[i]->db == NULL) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "there is no \"oof_database %V { }\" in "
                                   "http{}", &c[i]->database);
                return NGX_ERROR;
            }

        } else if (omcf->databases.nelts == 1) {
            c[i]->db = databases[0];

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"oof_events %V %V { }\" needs \"database\", "
                               "the name of an \"oof_database\"",
                               &c[i]->provider->name, &c[i]->name);
            return NGX_ERROR;
        }

        if (ngx_oof_events_provider(cf, c[i]) != NGX_OK
            || ngx_oof_relay_consumer(cf, c[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* not at the block's end: hosts need the "resolver", which may come later */

static ngx_int_t
ngx_oof_events_provider(ngx_conf_t *cf, ngx_oof_consumer_t *c)
{
    char  *rv;

    rv = c->provider->init ? c->provider->init(cf, c) : NGX_CONF_OK;

    if (rv == NGX_CONF_OK) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"oof_events %V %V { }\" %s",
                       &c->provider->name, &c->name,
                       rv == NGX_CONF_ERROR ? "cannot be used" : rv);

    return NGX_ERROR;
}
