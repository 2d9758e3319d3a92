
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_block.h>
#include <ngx_oof_expiry.h>


#define NGX_OOF_CORE_TIMEOUT     5000
#define NGX_OOF_CORE_CONNECT     1000
#define NGX_OOF_CORE_MAX_ANSWER  (1024 * 1024)
#define NGX_OOF_CORE_TOKEN       8192    /* bytes of a token's file */
#define NGX_OOF_CORE_BREAKER     20
#define NGX_OOF_CORE_OPEN        5000
#define NGX_OOF_CORE_CODES       65536   /* bytes of the table of codes */


static char *ngx_oof_core_check(ngx_conf_t *cf, ngx_oof_core_t *core);
static ngx_int_t ngx_oof_core_series(ngx_conf_t *cf, ngx_oof_core_t *core);

static char *ngx_oof_core_url(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);
static char *ngx_oof_core_certificate(ngx_conf_t *cf,
    ngx_oof_block_line_t *line, void *conf);
static char *ngx_oof_core_token_file(ngx_conf_t *cf,
    ngx_oof_block_line_t *line, void *conf);
static char *ngx_oof_core_codes(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);
static char *ngx_oof_core_codes_line(ngx_conf_t *cf, ngx_oof_core_t *core,
    u_char *p, u_char *last);
static char *ngx_oof_core_breaker(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf);

static void ngx_oof_core_judge(ngx_oof_core_t *core, ngx_uint_t failed);
static ngx_int_t ngx_oof_core_request(ngx_oof_core_call_t *call);
static void ngx_oof_core_done(ngx_oof_fetch_t *f);


static ngx_oof_block_line_t  ngx_oof_core_lines[] = {

    { ngx_string("url"), 1, 1, ngx_oof_core_url,
      offsetof(ngx_oof_core_t, url), 0, 0, NULL },

    { ngx_string("timeout"), 1, 1, ngx_oof_block_msec,
      offsetof(ngx_oof_core_t, timeout), 1, 60000,
      "must be a time of 1ms to 60s" },

    { ngx_string("connect_timeout"), 1, 1, ngx_oof_block_msec,
      offsetof(ngx_oof_core_t, connect_timeout), 1, 60000,
      "must be a time of 1ms to 60s" },

    { ngx_string("max_answer"), 1, 1, ngx_oof_block_size,
      offsetof(ngx_oof_core_t, max_answer), 1024, 64 * 1024 * 1024,
      "must be a size of 1k to 64m" },

    { ngx_string("token_file"), 1, 1, ngx_oof_core_token_file, 0, 0, 0, NULL },

    { ngx_string("ca"), 1, 1, ngx_oof_block_pem,
      offsetof(ngx_oof_core_t, ca), 0, 0, NULL },

    { ngx_string("certificate"), 1, 1, ngx_oof_core_certificate,
      offsetof(ngx_oof_core_t, cert), 0, 0, NULL },

    { ngx_string("key"), 1, 1, ngx_oof_block_pem,
      offsetof(ngx_oof_core_t, key), 0, 0, NULL },

    { ngx_string("idempotent"), 1, 1, ngx_oof_block_flag,
      offsetof(ngx_oof_core_t, idempotent), 0, 0, NULL },

    { ngx_string("codes"), 1, 1, ngx_oof_core_codes, 0, 0, 0, NULL },

    { ngx_string("breaker"), 1, 2, ngx_oof_core_breaker, 0, 0, 0, NULL },

    ngx_oof_block_end
};


/* series of a core, from core->series on */

#define NGX_OOF_CORE_OK      0
#define NGX_OOF_CORE_STATUS  1
#define NGX_OOF_CORE_ERROR   2
#define NGX_OOF_CORE_OPEN_RESULT  3

static const char *ngx_oof_core_results[] = {
    "ok",                                  /* 2xx */
    "status",                              /* another status */
    "error",                               /* no whole answer */
    "open",                                /* not called */
    NULL
};


static ngx_oof_metric_t  ngx_oof_core_total;
static ngx_oof_metric_t  ngx_oof_core_seconds;
static ngx_oof_metric_t  ngx_oof_core_open;


ngx_int_t
ngx_oof_core_preconf(ngx_conf_t *cf)
{
    if (ngx_oof_metric_add(cf, &ngx_oof_core_total, "oof_core_calls_total",
                           "Calls of the bank's core by outcome.",
                           NGX_OOF_METRIC_COUNTER)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_metric_add(cf, &ngx_oof_core_open, "oof_core_breaker_open",
                           "Processes that do not call the core, after it has "
                           "failed.",
                           NGX_OOF_METRIC_GAUGE)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_metric_add(cf, &ngx_oof_core_seconds,
                              "oof_core_duration_seconds",
                              "Duration of calls of the bank's core.",
                              NGX_OOF_METRIC_HISTOGRAM);
}


ngx_int_t
ngx_oof_core_init(ngx_conf_t *cf)
{
    ngx_uint_t             i;
    ngx_oof_core_t       **cores;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    cores = omcf->cores.elts;

    for (i = 0; i < omcf->cores.nelts; i++) {

        if (ngx_oof_fetch_prepare(cf, &cores[i]->url, &cores[i]->addrs)
            != NGX_OK
            || ngx_oof_core_series(cf, cores[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_core_series(ngx_conf_t *cf, ngx_oof_core_t *core)
{
    u_char        *last;
    ngx_int_t      series;
    ngx_str_t      labels;
    const char   **result;
    u_char         buf[NGX_MAX_ERROR_STR];

    labels.data = buf;

    for (result = ngx_oof_core_results; *result; result++) {
        last = ngx_slprintf(buf, buf + sizeof(buf),
                            "core=\"%V\",result=\"%s\"", &core->name,
                            *result);
        labels.len = last - buf;

        series = ngx_oof_metric_series(cf, &ngx_oof_core_total, &labels);

        if (series == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (result == ngx_oof_core_results) {
            core->series = series;
        }
    }

    last = ngx_slprintf(buf, buf + sizeof(buf), "core=\"%V\"", &core->name);
    labels.len = last - buf;

    series = ngx_oof_metric_series(cf, &ngx_oof_core_open, &labels);

    if (series == NGX_ERROR) {
        return NGX_ERROR;
    }

    core->open_series = series;

    return NGX_OK;
}


char *
ngx_oof_core_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_main_conf_t *omcf = conf;

    char            *rv;
    ngx_oof_core_t  *core;

    core = ngx_oof_block_new(cf, cmd, &omcf->cores, sizeof(ngx_oof_core_t));
    if (core == NULL) {
        return NGX_CONF_ERROR;
    }

    core->timeout = NGX_CONF_UNSET_MSEC;
    core->connect_timeout = NGX_CONF_UNSET_MSEC;
    core->max_answer = NGX_CONF_UNSET_SIZE;
    core->idempotent = NGX_CONF_UNSET;
    core->breaker = NGX_CONF_UNSET_UINT;
    core->open_time = NGX_CONF_UNSET_MSEC;

    rv = ngx_oof_block_read(cf, cmd, ngx_oof_core_lines, core);

    return (rv == NGX_CONF_OK) ? ngx_oof_core_check(cf, core) : rv;
}


static char *
ngx_oof_core_check(ngx_conf_t *cf, ngx_oof_core_t *core)
{
    char  *why;

    why = NULL;

    if (core->url.len == 0) {
        why = "needs \"url URL;\": where the bank's integration layer is";

    } else if ((core->cert.len == 0) != (core->key.len == 0)) {
        why = "needs \"certificate\" and \"key\" together";
    }

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"oof_core %V\" %s",
                           &core->name, why);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_msec_value(core->timeout, NGX_OOF_CORE_TIMEOUT);
    ngx_conf_init_msec_value(core->connect_timeout, NGX_OOF_CORE_CONNECT);
    ngx_conf_init_size_value(core->max_answer, NGX_OOF_CORE_MAX_ANSWER);
    ngx_conf_init_value(core->idempotent, 1);
    ngx_conf_init_uint_value(core->breaker, NGX_OOF_CORE_BREAKER);
    ngx_conf_init_msec_value(core->open_time, NGX_OOF_CORE_OPEN);

    return NGX_CONF_OK;
}


ngx_oof_core_t *
ngx_oof_core_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    return ngx_oof_block_find(&omcf->cores, name);
}


static char *
ngx_oof_core_url(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_oof_core_t *core = conf;

    char  *rv;

    rv = ngx_oof_block_url(cf, line, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    while (core->url.data[core->url.len - 1] == '/') {
        core->url.len--;
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_core_certificate(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_oof_expiry_add(cf, "core", &value[1], NGX_OOF_EXPIRY_CERTIFICATE)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_oof_block_pem(cf, line, conf);
}


static char *
ngx_oof_core_token_file(ngx_conf_t *cf, ngx_oof_block_line_t *line,
    void *conf)
{
    ngx_oof_core_t *core = conf;

    u_char      *p;
    ngx_str_t    token, *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (core->bearer.len) {
        return "is duplicate";
    }

    if (ngx_oof_fetch_file(cf, &value[1], NGX_OOF_CORE_TOKEN, &token)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    while (token.len && token.data[token.len - 1] <= ' ') {
        token.len--;
    }

    for (i = 0; i < token.len; i++) {
        if (token.data[i] <= ' ' || token.data[i] > '~') {
            break;
        }
    }

    if (token.len == 0 || i != token.len) {
        return "must name a file with a bearer token on one line";
    }

    p = ngx_pnalloc(cf->pool, sizeof("Authorization: Bearer ") - 1
                              + token.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    core->bearer.data = p;

    p = ngx_cpymem(p, "Authorization: Bearer ",
                   sizeof("Authorization: Bearer ") - 1);
    p = ngx_cpymem(p, token.data, token.len);

    core->bearer.len = p - core->bearer.data;

    return NGX_CONF_OK;
}


/* lines of two words: the core's code, and the regulation's; "#" ends one */

static char *
ngx_oof_core_codes(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_oof_core_t *core = conf;

    char       *rv;
    u_char     *p, *end, *last;
    ngx_str_t   text, *value;

    value = cf->args->elts;

    if (core->codes) {
        return "is duplicate";
    }

    if (ngx_oof_fetch_file(cf, &value[1], NGX_OOF_CORE_CODES, &text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    core->codes = ngx_array_create(cf->pool, 16, sizeof(ngx_keyval_t));
    if (core->codes == NULL) {
        return NGX_CONF_ERROR;
    }

    end = text.data + text.len;

    for (p = text.data; p < end; p = last + 1) {

        for (last = p; last < end && *last != '\n'; last++) { /* void */ }

        rv = ngx_oof_core_codes_line(cf, core, p, last);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_core_codes_line(ngx_conf_t *cf, ngx_oof_core_t *core, u_char *p,
    u_char *last)
{
    ngx_str_t      words[3];
    ngx_uint_t     n;
    ngx_keyval_t  *kv;

    for (n = 0; /* void */ ; n++) {

        while (p < last && *p <= ' ') {
            p++;
        }

        if (p == last || *p == '#' || n == 3) {
            break;
        }

        words[n].data = p;

        while (p < last && *p > ' ' && *p != '#') {
            p++;
        }

        words[n].len = p - words[n].data;
    }

    if (n == 0) {
        return NGX_CONF_OK;
    }

    if (n != 2) {
        return "must name a file of lines of two codes";
    }

    kv = ngx_array_push(core->codes);
    if (kv == NULL) {
        return NGX_CONF_ERROR;
    }

    kv->key = words[0];
    kv->value = words[1];

    return NGX_CONF_OK;
}


/* "off", or how many failures, and for how long it is left alone then */

static char *
ngx_oof_core_breaker(ngx_conf_t *cf, ngx_oof_block_line_t *line, void *conf)
{
    ngx_oof_core_t *core = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (core->breaker != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        core->breaker = 0;
        return NGX_CONF_OK;
    }

    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || n < 1 || n > 100000) {
        return "must be \"off\" or a number of 1 to 100000";
    }

    core->breaker = n;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    n = ngx_parse_time(&value[2], 0);

    if (n == NGX_ERROR || n < 1 || n > 60000) {
        return "must be a time of 1ms to 60s";
    }

    core->open_time = n;

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_oof_core_ready(ngx_oof_core_t *core)
{
    if (core->open_until == 0) {
        return 1;
    }

    return !core->probing
           && (ngx_msec_int_t) (ngx_current_msec - core->open_until) >= 0;
}


/* after an answer, or none */

static void
ngx_oof_core_judge(ngx_oof_core_t *core, ngx_uint_t failed)
{
    core->probing = 0;

    if (!failed) {

        if (core->open_until) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "core \"%V\" answers again", &core->name);
            ngx_oof_metric_set(&ngx_oof_core_open, core->open_series, 0);
        }

        core->failures = 0;
        core->open_until = 0;
        return;
    }

    core->failures++;

    if (core->breaker == 0 || core->failures < core->breaker) {
        return;
    }

    if (core->open_until == 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "core \"%V\" has failed %ui times and is left alone",
                      &core->name, core->failures);
        ngx_oof_metric_set(&ngx_oof_core_open, core->open_series, 1);
    }

    /* never 0, which is closed */

    core->open_until = (ngx_current_msec + core->open_time) | 1;
}


ngx_int_t
ngx_oof_core_post(ngx_oof_core_call_t *call)
{
    call->status = 0;
    call->json = NULL;
    call->start = ngx_current_msec;

    if (!ngx_oof_core_ready(call->core)) {
        ngx_oof_metric_inc(&ngx_oof_core_total,
                           call->core->series + NGX_OOF_CORE_OPEN_RESULT, 1);
        return NGX_ERROR;
    }

    if (ngx_oof_core_request(call) != NGX_OK
        || ngx_oof_fetch(&call->fetch) != NGX_OK)
    {
        ngx_oof_metric_inc(&ngx_oof_core_total,
                           call->core->series + NGX_OOF_CORE_ERROR, 1);
        return NGX_ERROR;
    }

    call->core->probing = (call->core->open_until != 0);

    return NGX_OK;
}


static ngx_int_t
ngx_oof_core_request(ngx_oof_core_call_t *call)
{
    size_t            len;
    u_char           *p;
    ngx_str_t        *header;
    ngx_oof_core_t   *core;
    ngx_oof_fetch_t  *f;

    f = &call->fetch;
    core = call->core;

    ngx_memzero(f, sizeof(ngx_oof_fetch_t));

    f->pool = call->pool;
    f->log = call->log;
    ngx_str_set(&f->method, "POST");
    f->addrs = core->addrs;
    f->ca = core->ca;
    f->cert = core->cert;
    f->key = core->key;
    f->timeout = core->timeout;
    f->connect_timeout = core->connect_timeout;
    f->max_size = core->max_answer;
    f->body = call->body;
    f->handler = ngx_oof_core_done;
    f->data = call;
    f->background = call->background;
    f->once = call->once;

    len = ngx_strlen(call->path);

    f->url.len = core->url.len + len;
    f->url.data = ngx_pnalloc(call->pool, f->url.len);

    if (f->url.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(f->url.data, core->url.data, core->url.len),
               call->path, len);

    if (ngx_array_init(&f->headers, call->pool, 4, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    header = ngx_array_push_n(&f->headers, 2);

    ngx_str_set(&header[0], "Accept: application/json");
    ngx_str_set(&header[1], "Content-Type: application/json");

    if (core->bearer.len) {
        header = ngx_array_push(&f->headers);
        *header = core->bearer;
    }

    if (call->trace.len) {
        len = sizeof("traceparent: ") - 1 + call->trace.len;

        p = ngx_pnalloc(call->pool, len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        header = ngx_array_push(&f->headers);
        header->data = p;
        header->len = len;

        (void) ngx_sprintf(p, "traceparent: %V", &call->trace);
    }

    return NGX_OK;
}


void
ngx_oof_core_cancel(ngx_oof_core_call_t *call)
{
    ngx_oof_fetch_cancel(&call->fetch);

    call->core->probing = 0;
}


static void
ngx_oof_core_done(ngx_oof_fetch_t *f)
{
    const char           *why;
    ngx_uint_t            result;
    ngx_oof_core_call_t  *call;

    call = f->data;
    why = f->error;

    call->status = f->status;

    if (f->status == 0) {
        result = NGX_OOF_CORE_ERROR;

    } else if (f->status / 100 == 2) {
        result = NGX_OOF_CORE_OK;

    } else {
        result = NGX_OOF_CORE_STATUS;
    }

    if (f->response.len
        && ngx_oof_json_parse(call->pool, &f->response, &call->json, &why)
           != NGX_OK)
    {
        call->json = NULL;
        result = NGX_OOF_CORE_ERROR;

        /* what is no JSON is no answer */

        call->status = 0;
    }

    if (result == NGX_OOF_CORE_ERROR || f->status >= 500) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "core \"%V\" failed at \"%s\": status %ui, %s",
                      &call->core->name, call->path, f->status,
                      why ? why : "no reason");
    }

    ngx_oof_metric_inc(&ngx_oof_core_total, call->core->series + result, 1);
    ngx_oof_metric_observe(&ngx_oof_core_seconds, 0,
                           (uint64_t) (ngx_current_msec - call->start) * 1000);

    ngx_oof_core_judge(call->core, call->status == 0 || call->status >= 500);

    call->handler(call);
}
