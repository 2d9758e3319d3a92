
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_AWS_SERVICE_H_INCLUDED_
#define _NGX_OOF_AWS_SERVICE_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_aws.h>
#include <ngx_oof_publish.h>
#include <ngx_oof_renew.h>


/* what SQS and SNS have in common, as services that take batches of events */

#define NGX_OOF_AWS_BATCH    10
#define NGX_OOF_AWS_MOST     160                 /* events under way */
#define NGX_OOF_AWS_SIZE     (256 * 1024)        /* of a batch and an event */


typedef struct {
    ngx_oof_publish_t        publish;
    ngx_oof_aws_t           *aws;
    ngx_str_t                name;       /* "sqs" */
    ngx_str_t                target;     /* a queue's URL, a topic's ARN */
    ngx_str_t                endpoint;
    ngx_str_t                host;       /* as the header says it */
    ngx_str_t                path;
    ngx_uint_t               fifo;
} ngx_oof_aws_service_t;


/* a new one, as consumer->conf of a provider */
ngx_oof_aws_service_t *ngx_oof_aws_service_create(ngx_conf_t *cf,
    ngx_oof_consumer_t *c, const char *name);

/* lines that both know; "target" is the name of the one that says where to */
char *ngx_oof_aws_service_line(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *value, ngx_uint_t n, const char *target);

/*
 * In postconfiguration: "region" is what the target says, or empty, "variable"
 * the one of the environment that may have another endpoint; "url" is the
 * endpoint when nobody names one, or empty: the one of the region.
 */
char *ngx_oof_aws_service_init(ngx_conf_t *cf, ngx_oof_consumer_t *c,
    ngx_str_t *region, const char *variable, ngx_str_t *url);

/* of a provider: in the worker that holds the lease (ngx_oof_relay.h) */
ngx_int_t ngx_oof_aws_service_start(ngx_oof_consumer_t *c);
void ngx_oof_aws_service_send(ngx_oof_consumer_t *c,
    ngx_oof_delivery_t **deliveries, ngx_uint_t n);
void ngx_oof_aws_service_stop(ngx_oof_consumer_t *c);

/* signs the request, whose body and headers are set: as "write" of publish */
ngx_int_t ngx_oof_aws_service_sign(ngx_oof_aws_service_t *service,
    ngx_oof_post_t *post, const char **why);

/* the request was refused as a whole with this code */
void ngx_oof_aws_service_refused(ngx_oof_aws_service_t *service,
    ngx_oof_post_t *post, ngx_str_t *code);

/* the event of this Id was refused with this code */
void ngx_oof_aws_service_failed(ngx_oof_post_t *post, ngx_str_t *id,
    ngx_str_t *code, ngx_uint_t sender);

/* the event of this Id was taken */
void ngx_oof_aws_service_taken(ngx_oof_post_t *post, ngx_str_t *id);


#endif /* _NGX_OOF_AWS_SERVICE_H_INCLUDED_ */
