
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_AWS_INT_H_INCLUDED_
#define _NGX_OOF_AWS_INT_H_INCLUDED_


#include <ngx_oof.h>
#include <ngx_oof_aws.h>
#include <ngx_oof_publish.h>
#include <ngx_oof_renew.h>


/* what the parts of the credentials share */


/* in the order in which they are looked for */

#define NGX_OOF_AWS_AUTO       0
#define NGX_OOF_AWS_ENV        1
#define NGX_OOF_AWS_WEB        2
#define NGX_OOF_AWS_FILE       3
#define NGX_OOF_AWS_CONTAINER  4
#define NGX_OOF_AWS_INSTANCE   5


struct ngx_oof_aws_s {
    ngx_uint_t               source;
    ngx_str_t                wanted;     /* its name, as it is configured */
    ngx_str_t                region;
    ngx_str_t                profile;
    ngx_str_t                file;       /* the shared one */
    ngx_str_t                role;
    ngx_str_t                session;
    ngx_str_t                sts;        /* URLs */
    ngx_str_t                metadata;
    ngx_str_t                url;        /* whence keys come */
    ngx_str_t                addrs;
    ngx_str_t                token_file; /* read whenever keys are fetched */
    ngx_str_t                token;      /* when there is no such file */
    ngx_oof_aws_keys_t       fixed;      /* that do not end */

    /* of this process */
    ngx_oof_renew_t          renew;
    ngx_oof_aws_keys_t       keys;
    ngx_uint_t               step;
    ngx_str_t                header;     /* of the metadata service */
};


#endif /* _NGX_OOF_AWS_INT_H_INCLUDED_ */
