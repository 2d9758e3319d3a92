
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


int64_t
ngx_oof_clock_rule(void)
{
    return 0;
}


int64_t
ngx_oof_clock_real(void)
{
    return 0;
}


u_char *
ngx_oof_clock_format(u_char *p, int64_t us)
{
    return NULL;
}


ngx_int_t
ngx_oof_clock_parse(ngx_str_t *text, int64_t *us)
{
    return NGX_ERROR;
}


ngx_int_t
ngx_oof_clock_parse_date(ngx_str_t *text, ngx_oof_date_t *date)
{
    return NGX_ERROR;
}


void
ngx_oof_clock_brasilia(int64_t us, ngx_oof_date_t *date)
{
}


int64_t
ngx_oof_clock_brasilia_start(ngx_oof_date_t *date)
{
    return 0;
}


ngx_int_t
ngx_oof_clock_init(ngx_conf_t *cf)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_clock_init_process(ngx_cycle_t *cycle)
{
    return NGX_OK;
}


ngx_int_t
ngx_oof_clock_set_offset(int64_t seconds)
{
    return NGX_ERROR;
}


int64_t
ngx_oof_clock_offset(void)
{
    return 0;
}

