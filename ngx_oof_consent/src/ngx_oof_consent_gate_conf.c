
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_consent_gate.h>


/* directives of a location that no table knows: "oof_permission" and others */


static ngx_oof_gate_own_t *ngx_oof_gate_own(ngx_conf_t *cf, void *conf);
static char *ngx_oof_gate_about(ngx_conf_t *cf, ngx_oof_gate_own_t *own,
    ngx_uint_t about, ngx_str_t *type);
static char *ngx_oof_gate_settle(ngx_conf_t *cf, ngx_oof_gate_own_t *own);


static ngx_oof_gate_own_t *
ngx_oof_gate_own(ngx_conf_t *cf, void *conf)
{
    ngx_oof_consent_loc_conf_t *oclcf = conf;

    if (oclcf->gate == NULL) {
        oclcf->gate = ngx_pcalloc(cf->pool, sizeof(ngx_oof_gate_own_t));
    }

    return oclcf->gate;
}


char *
ngx_oof_gate_permission(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t            bit;
    ngx_str_t           *value;
    ngx_uint_t           i;
    ngx_oof_gate_own_t  *own;
    ngx_oof_loc_conf_t  *olcf;

    own = ngx_oof_gate_own(cf, conf);
    if (own == NULL) {
        return NGX_CONF_ERROR;
    }

    if (own->rule.permissions) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        bit = ngx_oof_consent_permission(&value[i]);

        if (bit == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there is no permission \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        own->rule.permissions |= (uint64_t) 1 << bit;
    }

    olcf = ngx_http_conf_get_module_loc_conf(cf, ngx_oof_module);

    if (olcf->api) {
        return "and \"oof_api\" are not for the same location";
    }

    return (ngx_oof_api_set(cf, &ngx_oof_gate_own_api) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* "oof_resource [TYPE] VALUE" */

char *
ngx_oof_gate_resource(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                              *rv;
    ngx_str_t                         *value;
    ngx_oof_gate_own_t                *own;
    ngx_http_compile_complex_value_t   ccv;

    own = ngx_oof_gate_own(cf, conf);
    if (own == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    rv = ngx_oof_gate_about(cf, own, NGX_OOF_GATE_RESOURCE,
                            cf->args->nelts == 3 ? &value[1] : NULL);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    own->resource = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (own->resource == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[cf->args->nelts - 1];
    ccv.complex_value = own->resource;

    return (ngx_http_compile_complex_value(&ccv) == NGX_OK) ? NGX_CONF_OK
                                                            : NGX_CONF_ERROR;
}


/* "oof_resources [TYPE]" */

char *
ngx_oof_gate_list(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t           *value;
    ngx_oof_gate_own_t  *own;

    own = ngx_oof_gate_own(cf, conf);
    if (own == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    return ngx_oof_gate_about(cf, own, NGX_OOF_GATE_LIST,
                              cf->args->nelts == 2 ? &value[1] : NULL);
}


static char *
ngx_oof_gate_about(ngx_conf_t *cf, ngx_oof_gate_own_t *own, ngx_uint_t about,
    ngx_str_t *type)
{
    if (own->rule.about != NGX_OOF_GATE_CUSTOMER) {
        return "is duplicate, or with the other of \"oof_resource\" and "
               "\"oof_resources\"";
    }

    own->rule.about = about;

    if (type == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_oof_consent_type(type) == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there is no type \"%V\" of resources", type);
        return NGX_CONF_ERROR;
    }

    own->type = *type;

    return NGX_CONF_OK;
}


char *
ngx_oof_gate_scope(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t           *value;
    ngx_oof_gate_own_t  *own;

    own = ngx_oof_gate_own(cf, conf);
    if (own == NULL) {
        return NGX_CONF_ERROR;
    }

    if (own->scope.len) {
        return "is duplicate";
    }

    value = cf->args->elts;
    own->scope = value[1];

    return NGX_CONF_OK;
}


char *
ngx_oof_gate_merge(ngx_conf_t *cf, ngx_oof_consent_loc_conf_t *prev,
    ngx_oof_consent_loc_conf_t *conf)
{
    /* what is inside a guarded location is guarded as it is */

    if (conf->gate == NULL) {
        conf->gate = prev->gate;
        return NGX_CONF_OK;
    }

    if (conf->gate->rule.permissions == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_resource\", \"oof_resources\" and "
                           "\"oof_scope\" need \"oof_permission\"");
        return NGX_CONF_ERROR;
    }

    return ngx_oof_gate_settle(cf, conf->gate);
}


/* scope and type are those of the API that has the permission */

static char *
ngx_oof_gate_settle(ngx_conf_t *cf, ngx_oof_gate_own_t *own)
{
    ngx_oof_gate_api_t  *api;

    ngx_str_set(&own->rule.operation, "gate");

    api = ngx_oof_gate_api(own->rule.permissions);

    if (api) {
        if (own->scope.len == 0) {
            own->scope = api->scope;
        }

        if (own->type.len == 0) {
            own->type = api->type;
        }
    }

    if (own->scope.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no API has the permission: set \"oof_scope\"");
        return NGX_CONF_ERROR;
    }

    if (own->type.len == 0 && own->rule.about != NGX_OOF_GATE_CUSTOMER) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no resources have the permission: give "
                           "\"oof_resource\" and \"oof_resources\" a type");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
