
/*
 * Copyright (C) oof authors
 */


/*
 * What a loadable module tells nginx of itself.  The names are nginx's own
 * too, so that this file is compiled without sanitizers.
 */


#include <ngx_config.h>
#include <ngx_core.h>


extern ngx_module_t  ngx_oof_lab_module;


ngx_module_t  *ngx_modules[] = {
    &ngx_oof_lab_module,
    NULL
};


char  *ngx_module_names[] = {
    "ngx_oof_lab_module",
    NULL
};


char  *ngx_module_order[] = {
    NULL
};
