
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


ngx_int_t
ngx_oof_sql_register(ngx_conf_t *cf, ngx_oof_sql_t **statements)
{
    ngx_uint_t            i, j;
    ngx_oof_sql_t       **sql, **known;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    for (i = 0; statements[i]; i++) {

        known = omcf->statements.elts;

        for (j = 0; j < omcf->statements.nelts; j++) {
            if (ngx_strcmp(known[j]->name, statements[i]->name) == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "two modules bring a statement \"%s\"",
                                   statements[i]->name);
                return NGX_ERROR;
            }
        }

        sql = ngx_array_push(&omcf->statements);
        if (sql == NULL) {
            return NGX_ERROR;
        }

        *sql = statements[i];
    }

    return NGX_OK;
}
