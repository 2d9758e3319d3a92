
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_AWS_H_INCLUDED_
#define _NGX_OOF_AWS_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What calls of AWS services need: Signature Version 4, and credentials that
 * are looked for where the AWS SDKs look for them, in their order: the
 * environment, the pod's web identity (AssumeRoleWithWebIdentity), the shared
 * file, the container's endpoint (ECS, EKS pod identity), the instance's
 * metadata service (IMDSv2).  Which of them it is is settled when the
 * configuration is read.  Keys that end are renewed before, in the background;
 * nothing of a key goes into a log.
 */


/* the longest names of a region, as of a host's label */
#define NGX_OOF_AWS_REGION  63


typedef struct ngx_oof_aws_s  ngx_oof_aws_t;

typedef struct {
    ngx_str_t                id;
    ngx_str_t                secret;
    ngx_str_t                token;      /* of a session, or empty */
} ngx_oof_aws_keys_t;


/* a call to be signed */

typedef struct {
    ngx_str_t                method;
    ngx_str_t                host;       /* as the header says it */
    ngx_str_t                path;       /* encoded, "/" at least */
    ngx_str_t                query;      /* encoded and sorted, or empty */
    ngx_str_t                body;
    ngx_str_t                region;
    ngx_str_t                service;    /* "sqs" */
    time_t                   time;       /* of the real clock */
} ngx_oof_aws_call_t;


/*
 * Signs a call: all of "headers" (of ngx_str_t "Name: value", without spaces
 * that would have to be folded, without "Host") and the host are signed, and
 * X-Amz-Date, X-Amz-Security-Token and Authorization are added to them, in
 * "pool".  NGX_ERROR without memory.
 */
ngx_int_t ngx_oof_aws_sign(ngx_pool_t *pool, ngx_oof_aws_call_t *call,
    ngx_oof_aws_keys_t *keys, ngx_array_t *headers);


/*
 * At configuration time: a new source of credentials; then each line of a
 * block that it knows (region, credentials, credentials_file, profile, role,
 * sts, metadata): NGX_OK with what "line" of a provider returns in "rv", or
 * NGX_DECLINED when it is another.  Then, in postconfiguration, the check of
 * the whole, where "region" is what the service's own name says, or empty:
 * NGX_OK, or NGX_ERROR with a message.
 */
ngx_oof_aws_t *ngx_oof_aws_create(ngx_conf_t *cf);
ngx_int_t ngx_oof_aws_line(ngx_oof_aws_t *aws, ngx_str_t *value,
    ngx_uint_t n, char **rv);
ngx_int_t ngx_oof_aws_init(ngx_conf_t *cf, ngx_oof_aws_t *aws,
    ngx_str_t *region);

/* the region, when all is checked */
ngx_str_t *ngx_oof_aws_region(ngx_oof_aws_t *aws);

/* in a worker: begins to fetch what is not fixed, and forgets it */
void ngx_oof_aws_start(ngx_oof_aws_t *aws);
void ngx_oof_aws_stop(ngx_oof_aws_t *aws);

/*
 * The keys, to be used at once: they may be gone in the next turn of the event
 * loop.  NULL when there are none.
 */
ngx_oof_aws_keys_t *ngx_oof_aws_keys(ngx_oof_aws_t *aws);

/* a service has refused the keys as past their time: new ones are fetched */
void ngx_oof_aws_refused(ngx_oof_aws_t *aws);

/*
 * The text of the first element "name" in "xml", as AWS writes answers of its
 * query protocol; "xml" goes on after it.  NGX_OK or NGX_DECLINED.
 */
ngx_int_t ngx_oof_aws_xml(ngx_str_t *xml, const char *name, ngx_str_t *text);


#endif /* _NGX_OOF_AWS_H_INCLUDED_ */
