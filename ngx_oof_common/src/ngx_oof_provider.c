
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


/* a new one is a file and a row here */

#if (NGX_OOF_KAFKA)
extern ngx_oof_provider_t  ngx_oof_provider_kafka;
#endif
extern ngx_oof_provider_t  ngx_oof_provider_log;
extern ngx_oof_provider_t  ngx_oof_provider_pubsub;
extern ngx_oof_provider_t  ngx_oof_provider_sns;
extern ngx_oof_provider_t  ngx_oof_provider_sqs;


static ngx_oof_provider_t  *ngx_oof_providers[] = {
#if (NGX_OOF_KAFKA)
    &ngx_oof_provider_kafka,
#endif
    &ngx_oof_provider_log,
    &ngx_oof_provider_pubsub,
    &ngx_oof_provider_sns,
    &ngx_oof_provider_sqs,
    NULL
};


ngx_oof_provider_t *
ngx_oof_provider_find(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; ngx_oof_providers[i]; i++) {
        if (ngx_oof_providers[i]->name.len == name->len
            && ngx_strncmp(ngx_oof_providers[i]->name.data, name->data,
                           name->len)
               == 0)
        {
            return ngx_oof_providers[i];
        }
    }

    return NULL;
}
