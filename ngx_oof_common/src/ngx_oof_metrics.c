
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_metric_add(ngx_conf_t *cf, ngx_oof_metric_t *metric, const char *name, const char *help, ngx_uint_t type)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_metric_series(ngx_conf_t *cf, ngx_oof_metric_t *metric, ngx_str_t *labels)
{
    return NGX_OK;
}


void
ngx_oof_metric_inc(ngx_oof_metric_t *metric, ngx_uint_t series, ngx_int_t n)
{
}


void
ngx_oof_metric_set(ngx_oof_metric_t *metric, ngx_uint_t series, ngx_int_t value)
{
}


void
ngx_oof_metric_observe(ngx_oof_metric_t *metric, ngx_uint_t series, uint64_t us)
{
}


ngx_int_t
ngx_oof_metrics_handler(ngx_http_request_t *r)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_metrics_preconf(ngx_conf_t *cf)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_metrics_init(ngx_conf_t *cf)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_metrics_init_process(ngx_cycle_t *cycle)
{
    return NGX_OK;
}

