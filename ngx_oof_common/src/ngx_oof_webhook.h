
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_WEBHOOK_H_INCLUDED_
#define _NGX_OOF_WEBHOOK_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Webhooks of third parties (spec 4), and the bank's own.  An event becomes a
 * row of oof_webhook for each URI of the client, in the process that holds the
 * relay's lease; the process that holds the lease "webhooks" makes the calls:
 * each attempt is written before it is made, and its outcome after.  So there
 * are never more than three, whatever happens in between.
 *
 *     GET /oof/v1/webhooks/{consentId}    calls and attempts of a consent
 */

#define NGX_OOF_WEBHOOK_RETRIES   2
#define NGX_OOF_WEBHOOK_ATTEMPTS  (NGX_OOF_WEBHOOK_RETRIES + 1)


/*
 * What a third party is told of: a row of a table that ends with an empty type.
 * The path is "path", the major version of the API that made the resource,
 * "resource" and the member "id" of the event's data.
 */

typedef struct {
    ngx_str_t                type;       /* of the event */
    ngx_str_t                previous;   /* status before; empty: any */
    const char              *path;       /* "/payments/v" */
    const char              *resource;   /* "/consents/" */
    const char              *id;         /* "consentId" */
    const char              *change;     /* eventType; NULL: has none */
} ngx_oof_webhook_rule_t;

/* what the bank is told of, where it has said that it wants to be */

typedef struct {
    ngx_str_t                type;       /* of the event */
    ngx_str_t                code;       /* of its reason */
    const char              *event;      /* eventType */
    const char              *message;
} ngx_oof_webhook_notice_t;


/* "oof_webhooks NAME { … }" */

struct ngx_oof_webhooks_s {
    ngx_str_t                name;

    ngx_str_t                cert;       /* PEM texts */
    ngx_str_t                key;
    ngx_str_t                ca;
    ngx_array_t             *allowed;    /* of ngx_cidr_t */

    ngx_msec_t               timeout;
    ngx_msec_t               connect_timeout;
    ngx_msec_t               retry[NGX_OOF_WEBHOOK_RETRIES];
    ngx_uint_t               retries;

    ngx_uint_t               calls;      /* at once */
    ngx_uint_t               host_calls;
    ngx_msec_t               queue_time;
    time_t                   keep;       /* s */

    ngx_str_t                bank_url;   /* empty: the bank has none */
    ngx_str_t                bank_addrs;
    ngx_str_t                bank_ca;
    time_t                   expiry_notice;      /* s */
};


/* "oof_webhooks NAME { … }" and what server{} says by name */
char *ngx_oof_webhooks_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_oof_webhooks_t *ngx_oof_webhooks_find(ngx_conf_t *cf, ngx_str_t *name);

/* a location says whose brand's webhooks are called, and how */
char *ngx_oof_webhooks_use(ngx_conf_t *cf, ngx_oof_loc_conf_t *olcf);

/*
 * Adds tables of rules and notices, either may be NULL, in preconfiguration;
 * they are static.
 */
ngx_int_t ngx_oof_webhook_add(ngx_conf_t *cf, ngx_oof_webhook_rule_t *rules,
    ngx_oof_webhook_notice_t *notices);

/*
 * A statement that, once a minute, finds what the bank is to be told of because
 * its time comes, and adds it.  Its parameters, and what it returns, are those
 * of consent_expiring.
 */
void ngx_oof_webhook_add_due(ngx_conf_t *cf, ngx_oof_sql_t *sql);

/* configuration, and the life of a worker */
ngx_int_t ngx_oof_webhook_preconf(ngx_conf_t *cf);
ngx_int_t ngx_oof_webhook_init(ngx_conf_t *cf);
void ngx_oof_webhook_exit_process(ngx_cycle_t *cycle);


#endif /* _NGX_OOF_WEBHOOK_H_INCLUDED_ */
