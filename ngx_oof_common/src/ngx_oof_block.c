
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_block.h>


/* a block that is being read */

typedef struct {
    ngx_str_t               *command;
    ngx_str_t               *name;
    ngx_oof_block_line_t    *lines;
    void                    *conf;
} ngx_oof_block_ctx_t;


static char *ngx_oof_block_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_oof_block_integer(ngx_oof_block_line_t *line, void *conf,
    ngx_int_t n);


/* they have one size, as nginx's own setters take for granted */

#define ngx_oof_block_field(line, conf)                                       \
    ((ngx_int_t *) ((u_char *) (conf) + (line)->offset))
#define ngx_oof_block_string(line, conf)                                      \
    ((ngx_str_t *) ((u_char *) (conf) + (line)->offset))
#define ngx_oof_block_value(cf)                                               \
    (&((ngx_str_t *) (cf)->args->elts)[1])


void *
ngx_oof_block_new(ngx_conf_t *cf, ngx_command_t *cmd, ngx_array_t *blocks,
    size_t size)
{
    void       *conf, **slot;
    ngx_str_t  *name;

    name = ngx_oof_block_value(cf);

    if (ngx_oof_block_name(cf, cmd) != NGX_CONF_OK) {
        return NULL;
    }

    if (ngx_oof_block_find(blocks, name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" directive of this name exists already",
                           &cmd->name);
        return NULL;
    }

    conf = ngx_pcalloc(cf->pool, size);
    slot = ngx_array_push(blocks);

    if (conf == NULL || slot == NULL) {
        return NULL;
    }

    *slot = conf;
    *(ngx_str_t *) conf = *name;

    return conf;
}


void *
ngx_oof_block_find(ngx_array_t *blocks, ngx_str_t *name)
{
    ngx_str_t   **block;
    ngx_uint_t    i;

    block = blocks->elts;

    for (i = 0; i < blocks->nelts; i++) {
        if (block[i]->len == name->len
            && ngx_strncmp(block[i]->data, name->data, name->len) == 0)
        {
            return block[i];
        }
    }

    return NULL;
}


char *
ngx_oof_block_read(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_oof_block_line_t *lines, void *conf)
{
    char                 *rv;
    ngx_conf_t            save;
    ngx_oof_block_ctx_t   ctx;

    ctx.command = &cmd->name;
    ctx.name = conf;
    ctx.lines = lines;
    ctx.conf = conf;

    save = *cf;
    cf->handler = ngx_oof_block_line;
    cf->handler_conf = (char *) &ctx;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static char *
ngx_oof_block_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_oof_block_ctx_t *ctx = (ngx_oof_block_ctx_t *) conf;

    char                  *rv;
    ngx_str_t             *value;
    ngx_uint_t             n;
    ngx_oof_block_line_t  *line;

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    for (line = ctx->lines; line->name.len; line++) {

        if (value[0].len != line->name.len
            || ngx_strcmp(value[0].data, line->name.data) != 0)
        {
            continue;
        }

        if (n < line->min || n > line->max) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments of \"%V\" in "
                               "\"%V %V\"", &value[0], ctx->command,
                               ctx->name);
            return NGX_CONF_ERROR;
        }

        rv = line->set(cf, line, ctx->conf);

        if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" in \"%V %V\" %s",
                               &value[0], ctx->command, ctx->name, rv);
            return NGX_CONF_ERROR;
        }

        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown option \"%V\" in \"%V %V\"", &value[0],
                       ctx->command, ctx->name);

    return NGX_CONF_ERROR;
}


char *
ngx_oof_block_flag(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_int_t  *field;
    ngx_str_t  *value;

    value = ngx_oof_block_value(cf);
    field = ngx_oof_block_field(line, conf);

    if (*field != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_strcmp(value->data, "on") == 0) {
        *field = 1;

    } else if (ngx_strcmp(value->data, "off") == 0) {
        *field = 0;

    } else {
        return "must be \"on\" or \"off\"";
    }

    return NGX_CONF_OK;
}


char *
ngx_oof_block_number(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_str_t  *value;

    value = ngx_oof_block_value(cf);

    return ngx_oof_block_integer(line, conf,
                                 ngx_atoi(value->data, value->len));
}


char *
ngx_oof_block_msec(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    return ngx_oof_block_integer(line, conf,
                                 ngx_parse_time(ngx_oof_block_value(cf), 0));
}


char *
ngx_oof_block_sec(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    return ngx_oof_block_integer(line, conf,
                                 ngx_parse_time(ngx_oof_block_value(cf), 1));
}


char *
ngx_oof_block_size(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    return ngx_oof_block_integer(line, conf,
                                 ngx_parse_size(ngx_oof_block_value(cf)));
}


/* NGX_ERROR is below whatever is the least */

static char *
ngx_oof_block_integer(ngx_oof_block_line_t *line, void *conf, ngx_int_t n)
{
    ngx_int_t  *field;

    field = ngx_oof_block_field(line, conf);

    if (*field != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (n < line->least || n > line->most) {
        return line->why;
    }

    *field = n;

    return NGX_CONF_OK;
}


char *
ngx_oof_block_text(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_str_t  *field, *value;

    value = ngx_oof_block_value(cf);
    field = ngx_oof_block_string(line, conf);

    if (field->len) {
        return "is duplicate";
    }

    if (value->len == 0) {
        return "must not be empty";
    }

    *field = *value;

    return NGX_CONF_OK;
}


char *
ngx_oof_block_url(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_str_t  *value;

    value = ngx_oof_block_value(cf);

    if (ngx_strncmp(value->data, "https://", 8) != 0
        && ngx_strncmp(value->data, "http://", 7) != 0)
    {
        return "must begin with \"https://\" or \"http://\"";
    }

    return ngx_oof_block_text(cf, line, conf);
}


char *
ngx_oof_block_pem(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_str_t  *field;

    field = ngx_oof_block_string(line, conf);

    if (field->len) {
        return "is duplicate";
    }

    return (ngx_oof_fetch_pem(cf, ngx_oof_block_value(cf), field) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}
