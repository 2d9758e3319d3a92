
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_pg_lane.h>


#define NGX_OOF_PG_MAX_PASSWORD  4096

#define NGX_OOF_PG_CONF_TEXT     0
#define NGX_OOF_PG_CONF_NUMBER   1
#define NGX_OOF_PG_CONF_SIZE     2
#define NGX_OOF_PG_CONF_TIME     3
#define NGX_OOF_PG_CONF_FLAG     4


typedef struct {
    ngx_str_t                name;
    ngx_uint_t               type;
    size_t                   offset;     /* of an ngx_uint_t, or the like */
    ngx_int_t                value;      /* by default */
    ngx_int_t                min;
    ngx_int_t                max;
} ngx_oof_pg_conf_command_t;


typedef struct {
    ngx_oof_database_t      *db;
    ngx_uint_t               given;      /* bits of the commands */
    ngx_str_t                text[2];    /* connect, password_file */
} ngx_oof_pg_conf_ctx_t;


static char *ngx_oof_pg_conf_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_oof_pg_conf_value(ngx_conf_t *cf, ngx_oof_pg_conf_ctx_t *ctx,
    ngx_uint_t n);
static char *ngx_oof_pg_conf_end(ngx_conf_t *cf, ngx_oof_pg_conf_ctx_t *ctx);
static ngx_int_t ngx_oof_pg_conf_connect(ngx_conf_t *cf,
    ngx_oof_pg_conf_ctx_t *ctx);
static ngx_int_t ngx_oof_pg_conf_options(ngx_conf_t *cf,
    ngx_oof_pg_conf_ctx_t *ctx, PQconninfoOption *options);
static ngx_int_t ngx_oof_pg_conf_option(ngx_conf_t *cf,
    ngx_oof_database_t *db, const char *keyword, const char *value);
static ngx_int_t ngx_oof_pg_conf_password(ngx_conf_t *cf,
    ngx_oof_pg_conf_ctx_t *ctx);
static ngx_int_t ngx_oof_pg_conf_list(ngx_conf_t *cf, ngx_oof_database_t *db,
    const char *host, const char *addr, const char *port);
static ngx_uint_t ngx_oof_pg_conf_count(const char *list);
static ngx_int_t ngx_oof_pg_conf_item(ngx_conf_t *cf, const char *list,
    ngx_uint_t n, ngx_str_t *item);
static ngx_uint_t ngx_oof_pg_conf_is_name(ngx_oof_pg_host_t *host);
static ngx_int_t ngx_oof_pg_conf_resolve(ngx_conf_t *cf,
    ngx_oof_database_t *db, ngx_array_t *hosts, ngx_oof_pg_host_t *host);


#define ngx_oof_pg_conf_field(name)  offsetof(ngx_oof_database_t, name)


/* "connect" and "password_file" come first: text[] has their places */

static ngx_oof_pg_conf_command_t  ngx_oof_pg_conf_commands[] = {

    { ngx_string("connect"), NGX_OOF_PG_CONF_TEXT, 0, 0, 0, 0 },

    { ngx_string("password_file"), NGX_OOF_PG_CONF_TEXT, 0, 0, 0, 0 },

    { ngx_string("read_lanes"), NGX_OOF_PG_CONF_NUMBER,
      ngx_oof_pg_conf_field(read_lanes), 1, 1, NGX_OOF_PG_MAX_LANES },

    { ngx_string("queue"), NGX_OOF_PG_CONF_NUMBER,
      ngx_oof_pg_conf_field(queue), 4096, 1, 1000000 },

    { ngx_string("segment_units"), NGX_OOF_PG_CONF_NUMBER,
      ngx_oof_pg_conf_field(segment_units), 128, 1, 1024 },

    { ngx_string("segment_size"), NGX_OOF_PG_CONF_SIZE,
      ngx_oof_pg_conf_field(segment_size), 262144, 4096, 16777216 },

    { ngx_string("statement_timeout"), NGX_OOF_PG_CONF_TIME,
      ngx_oof_pg_conf_field(statement_timeout), 2000, 10, 60000 },

    { ngx_string("lock_timeout"), NGX_OOF_PG_CONF_TIME,
      ngx_oof_pg_conf_field(lock_timeout), 20, 1, 1000 },

    { ngx_string("solo_lock_timeout"), NGX_OOF_PG_CONF_TIME,
      ngx_oof_pg_conf_field(solo_lock_timeout), 1000, 1, 60000 },

    { ngx_string("connect_timeout"), NGX_OOF_PG_CONF_TIME,
      ngx_oof_pg_conf_field(connect_timeout), 3000, 100, 60000 },

    { ngx_string("lease"), NGX_OOF_PG_CONF_FLAG,
      ngx_oof_pg_conf_field(lease), 1, 0, 0 },

    { ngx_null_string, 0, 0, 0, 0, 0 }
};


/*
 * What libpq is given unless the configuration says otherwise: a dead peer is
 * found within seconds, and after a failover the new primary is looked for.
 */

static const char  *ngx_oof_pg_conf_defaults[][2] = {
    { "fallback_application_name", "oof" },
    { "target_session_attrs", "read-write" },
    { "keepalives_idle", "10" },
    { "keepalives_interval", "5" },
    { "keepalives_count", "3" },
    { "tcp_user_timeout", "5000" },
    { NULL, NULL }
};


char *
ngx_oof_database_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_main_conf_t *omcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_conf_t                  save;
    ngx_oof_database_t         *db, **pdb;
    ngx_oof_pg_conf_ctx_t       ctx;
    ngx_oof_pg_conf_command_t  *c;

    value = cf->args->elts;

    if (ngx_oof_block_name(cf, cmd) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_oof_database_find(cf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there are two \"oof_database %V { }\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    db = ngx_pcalloc(cf->pool, sizeof(ngx_oof_database_t));
    if (db == NULL) {
        return NGX_CONF_ERROR;
    }

    db->name = value[1];
    db->number = omcf->databases.nelts;
    db->statements = &omcf->statements;

    for (c = ngx_oof_pg_conf_commands; c->name.len; c++) {
        if (c->type != NGX_OOF_PG_CONF_TEXT) {
            *(ngx_int_t *) ((char *) db + c->offset) = c->value;
        }
    }

    if (ngx_array_init(&db->keywords, cf->pool, 16, sizeof(char *)) != NGX_OK
        || ngx_array_init(&db->values, cf->pool, 16, sizeof(char *)) != NGX_OK
        || ngx_array_init(&db->hosts, cf->pool, 2, sizeof(ngx_oof_pg_host_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ctx, sizeof(ngx_oof_pg_conf_ctx_t));
    ctx.db = db;

    save = *cf;
    cf->handler = ngx_oof_pg_conf_line;
    cf->handler_conf = (char *) &ctx;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_oof_pg_conf_end(cf, &ctx);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    pdb = ngx_array_push(&omcf->databases);
    if (pdb == NULL) {
        return NGX_CONF_ERROR;
    }

    *pdb = db;

    if (ngx_oof_pg_metrics(cf, db) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_oof_database_t *
ngx_oof_database_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t            i;
    ngx_oof_database_t  **dbs;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    dbs = omcf->databases.elts;

    for (i = 0; i < omcf->databases.nelts; i++) {
        if (dbs[i]->name.len == name->len
            && ngx_strncmp(dbs[i]->name.data, name->data, name->len) == 0)
        {
            return dbs[i];
        }
    }

    return NULL;
}


ngx_str_t *
ngx_oof_database_name(ngx_oof_database_t *db)
{
    return &db->name;
}


ngx_uint_t
ngx_oof_database_leases(ngx_oof_database_t *db)
{
    return db->lease;
}


static char *
ngx_oof_pg_conf_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_oof_pg_conf_ctx_t *ctx = (ngx_oof_pg_conf_ctx_t *) conf;

    ngx_str_t                  *value;
    ngx_uint_t                  n;
    ngx_oof_pg_conf_command_t  *c;

    value = cf->args->elts;

    for (n = 0; ngx_oof_pg_conf_commands[n].name.len; n++) {
        c = &ngx_oof_pg_conf_commands[n];

        if (c->name.len != value[0].len
            || ngx_strncmp(c->name.data, value[0].data, c->name.len) != 0)
        {
            continue;
        }

        if (cf->args->nelts != 2) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in \"oof_database %V { }\" takes one "
                               "value", &value[0], &ctx->db->name);
            return NGX_CONF_ERROR;
        }

        if (ctx->given & ((ngx_uint_t) 1 << n)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is duplicate in \"oof_database %V { }\"",
                               &value[0], &ctx->db->name);
            return NGX_CONF_ERROR;
        }

        ctx->given |= (ngx_uint_t) 1 << n;

        return ngx_oof_pg_conf_value(cf, ctx, n);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in \"oof_database %V { }\"",
                       &value[0], &ctx->db->name);

    return NGX_CONF_ERROR;
}


static char *
ngx_oof_pg_conf_value(ngx_conf_t *cf, ngx_oof_pg_conf_ctx_t *ctx,
    ngx_uint_t n)
{
    char                       *unit;
    ngx_int_t                   v;
    ngx_str_t                  *value;
    ngx_oof_pg_conf_command_t  *c;

    value = cf->args->elts;
    c = &ngx_oof_pg_conf_commands[n];
    unit = "";

    switch (c->type) {

    case NGX_OOF_PG_CONF_TEXT:
        ctx->text[n] = value[1];
        return NGX_CONF_OK;

    case NGX_OOF_PG_CONF_FLAG:

        if (ngx_strcasecmp(value[1].data, (u_char *) "on") == 0) {
            v = 1;

        } else if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
            v = 0;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" must be \"on\" or \"off\", not \"%V\"",
                               &value[0], &value[1]);
            return NGX_CONF_ERROR;
        }

        break;

    case NGX_OOF_PG_CONF_SIZE:
        v = ngx_parse_size(&value[1]);
        unit = " bytes";
        break;

    case NGX_OOF_PG_CONF_TIME:
        v = ngx_parse_time(&value[1], 0);
        unit = " ms";
        break;

    default:
        v = ngx_atoi(value[1].data, value[1].len);
    }

    if (v == NGX_ERROR
        || (c->type != NGX_OOF_PG_CONF_FLAG && (v < c->min || v > c->max)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V %V\": give it %i to %i%s",
                           &value[0], &value[1], c->min, c->max, unit);
        return NGX_CONF_ERROR;
    }

    *(ngx_int_t *) ((char *) ctx->db + c->offset) = v;

    return NGX_CONF_OK;
}


static char *
ngx_oof_pg_conf_end(ngx_conf_t *cf, ngx_oof_pg_conf_ctx_t *ctx)
{
    ngx_oof_database_t  *db;

    db = ctx->db;

    if (ctx->text[0].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_database %V { }\" needs \"connect\": "
                           "connect \"host=... dbname=... user=...\";",
                           &db->name);
        return NGX_CONF_ERROR;
    }

    if (db->lock_timeout >= db->statement_timeout
        || db->solo_lock_timeout >= db->statement_timeout)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"statement_timeout\" of \"oof_database %V { }\" "
                           "must be longer than \"lock_timeout\" and "
                           "\"solo_lock_timeout\"", &db->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_oof_pg_conf_connect(cf, ctx) != NGX_OK
        || ngx_oof_pg_conf_password(cf, ctx) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_oof_pg_conf_connect(ngx_conf_t *cf, ngx_oof_pg_conf_ctx_t *ctx)
{
    char              *error;
    ngx_int_t          rc;
    PQconninfoOption  *options;

    error = NULL;

    /* words of the configuration end with a zero byte */

    options = PQconninfoParse((char *) ctx->text[0].data, &error);

    if (options == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "bad \"connect\" of \"oof_database %V { }\": %V",
                           &ctx->db->name, ngx_oof_pg_message(error));
        PQfreemem(error);
        return NGX_ERROR;
    }

    rc = ngx_oof_pg_conf_options(cf, ctx, options);

    PQconninfoFree(options);

    return rc;
}


static ngx_int_t
ngx_oof_pg_conf_options(ngx_conf_t *cf, ngx_oof_pg_conf_ctx_t *ctx,
    PQconninfoOption *options)
{
    const char          *host, *addr, *port;
    ngx_uint_t           i;
    PQconninfoOption    *o, *d;
    ngx_oof_database_t  *db;

    db = ctx->db;
    host = "";
    addr = "";
    port = "";

    for (o = options; o->keyword; o++) {

        if (o->val == NULL) {
            continue;
        }

        if (ngx_strcmp(o->keyword, "host") == 0) {
            host = o->val;
            continue;
        }

        if (ngx_strcmp(o->keyword, "hostaddr") == 0) {
            addr = o->val;
            continue;
        }

        if (ngx_strcmp(o->keyword, "port") == 0) {
            port = o->val;
            continue;
        }

        if (ngx_strcmp(o->keyword, "connect_timeout") == 0) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"connect_timeout\" inside \"connect\" does "
                               "nothing: use the directive \"connect_timeout\" "
                               "of \"oof_database %V { }\"", &db->name);
            continue;
        }

        if (ngx_strcmp(o->keyword, "gssencmode") == 0
            || ngx_strcmp(o->keyword, "client_encoding") == 0)
        {
            continue;
        }

        if (ngx_strcmp(o->keyword, "password") == 0) {

            if (ctx->text[1].len) {
                continue;
            }

            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "the password of \"oof_database %V { }\" is in "
                               "the configuration: better use "
                               "\"password_file\"", &db->name);
        }

        if (ngx_oof_pg_conf_option(cf, db, o->keyword, o->val) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (i = 0; ngx_oof_pg_conf_defaults[i][0]; i++) {

        for (d = options; d->keyword; d++) {
            if (ngx_strcmp(d->keyword, ngx_oof_pg_conf_defaults[i][0]) == 0) {
                break;
            }
        }

        if (d->keyword == NULL || d->val) {
            continue;
        }

        if (ngx_oof_pg_conf_option(cf, db, ngx_oof_pg_conf_defaults[i][0],
                                   ngx_oof_pg_conf_defaults[i][1])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* Kerberos may look up names and read files; texts are UTF-8 */

    if (ngx_oof_pg_conf_option(cf, db, "gssencmode", "disable") != NGX_OK
        || ngx_oof_pg_conf_option(cf, db, "client_encoding", "UTF8") != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_pg_conf_list(cf, db, host, addr, port);
}


static ngx_int_t
ngx_oof_pg_conf_option(ngx_conf_t *cf, ngx_oof_database_t *db,
    const char *keyword, const char *value)
{
    char      **k, **v;
    ngx_str_t   s;

    k = ngx_array_push(&db->keywords);
    v = ngx_array_push(&db->values);

    if (k == NULL || v == NULL) {
        return NGX_ERROR;
    }

    s.data = (u_char *) keyword;
    s.len = ngx_strlen(keyword) + 1;
    *k = (char *) ngx_pstrdup(cf->pool, &s);

    s.data = (u_char *) value;
    s.len = ngx_strlen(value) + 1;
    *v = (char *) ngx_pstrdup(cf->pool, &s);

    return (*k && *v) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_oof_pg_conf_password(ngx_conf_t *cf, ngx_oof_pg_conf_ctx_t *ctx)
{
    u_char      password[NGX_OOF_PG_MAX_PASSWORD + 1];
    ssize_t     n;
    ngx_fd_t    fd;
    ngx_int_t   rc;
    ngx_str_t  *file;

    file = &ctx->text[1];

    if (file->len == 0) {
        return NGX_OK;
    }

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", file);
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, password, NGX_OOF_PG_MAX_PASSWORD);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", file);
        rc = NGX_ERROR;
        goto done;
    }

    while (n && (password[n - 1] == '\n' || password[n - 1] == '\r')) {
        n--;
    }

    password[n] = '\0';

    if (n == 0 || ngx_strlen(password) != (size_t) n) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have the password and nothing else",
                           file);
        rc = NGX_ERROR;
        goto done;
    }

    rc = ngx_oof_pg_conf_option(cf, ctx->db, "password", (char *) password);

done:

    ngx_explicit_memzero(password, sizeof(password));

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", file);
    }

    return rc;
}


/* libpq's rules: lists by comma, as many ports as hosts, or one, or none */

static ngx_int_t
ngx_oof_pg_conf_list(ngx_conf_t *cf, ngx_oof_database_t *db, const char *host,
    const char *addr, const char *port)
{
    ngx_uint_t          i, n, nhosts, naddrs, nports;
    ngx_oof_pg_host_t  *h;

    nhosts = ngx_oof_pg_conf_count(host);
    naddrs = ngx_oof_pg_conf_count(addr);
    nports = ngx_oof_pg_conf_count(port);

    n = naddrs ? naddrs : (nhosts ? nhosts : 1);

    if ((nhosts && naddrs && nhosts != naddrs)
        || (nports > 1 && nports != n))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"connect\" of \"oof_database %V { }\" has %ui "
                           "hosts, %ui addresses and %ui ports: give as many "
                           "of each, or one port",
                           &db->name, nhosts, naddrs, nports);
        return NGX_ERROR;
    }

    if (n > NGX_OOF_PG_MAX_HOSTS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"connect\" of \"oof_database %V { }\" has more "
                           "than %d hosts", &db->name, NGX_OOF_PG_MAX_HOSTS);
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        h = ngx_array_push(&db->hosts);
        if (h == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(h, sizeof(ngx_oof_pg_host_t));

        if (ngx_oof_pg_conf_item(cf, host, i, &h->host) != NGX_OK
            || ngx_oof_pg_conf_item(cf, addr, i, &h->addr) != NGX_OK
            || ngx_oof_pg_conf_item(cf, port, nports == 1 ? 0 : i, &h->port)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        h->name = ngx_oof_pg_conf_is_name(h);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_oof_pg_conf_count(const char *list)
{
    ngx_uint_t  n;

    if (*list == '\0') {
        return 0;
    }

    for (n = 1; *list; list++) {
        n += (*list == ',');
    }

    return n;
}


static ngx_int_t
ngx_oof_pg_conf_item(ngx_conf_t *cf, const char *list, ngx_uint_t n,
    ngx_str_t *item)
{
    while (n && *list) {
        n -= (*list++ == ',');
    }

    item->len = strcspn(list, ",");
    item->data = ngx_pnalloc(cf->pool, item->len + 1);

    if (item->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(item->data, list, item->len);
    item->data[item->len] = '\0';

    return NGX_OK;
}


/* neither a socket's directory nor an address */

static ngx_uint_t
ngx_oof_pg_conf_is_name(ngx_oof_pg_host_t *host)
{
    u_char  addr[sizeof(struct in6_addr)];

    if (host->addr.len || host->host.len == 0
        || host->host.data[0] == '/' || host->host.data[0] == '@')
    {
        return 0;
    }

    return inet_pton(AF_INET, (char *) host->host.data, addr) != 1
           && inet_pton(AF_INET6, (char *) host->host.data, addr) != 1;
}


/*
 * A worker never calls getaddrinfo(): names are looked up by nginx's resolver
 * at each attempt, or, when there is none, once, here.
 */

ngx_int_t
ngx_oof_pg_conf_hosts(ngx_conf_t *cf, ngx_oof_database_t *db)
{
    ngx_uint_t                 i, names;
    ngx_array_t                hosts;
    ngx_oof_pg_host_t         *h, *host;
    ngx_http_core_loc_conf_t  *clcf;

    h = db->hosts.elts;
    names = 0;

    for (i = 0; i < db->hosts.nelts; i++) {
        names += h[i].name;
    }

    if (names == 0) {
        return NGX_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->resolver && clcf->resolver->connections.nelts) {
        db->resolver = clcf->resolver;
        return NGX_OK;
    }

    if (ngx_array_init(&hosts, cf->pool, 4, sizeof(ngx_oof_pg_host_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < db->hosts.nelts; i++) {

        if (h[i].name) {
            if (ngx_oof_pg_conf_resolve(cf, db, &hosts, &h[i]) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        host = ngx_array_push(&hosts);
        if (host == NULL) {
            return NGX_ERROR;
        }

        *host = h[i];
    }

    db->hosts = hosts;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_pg_conf_resolve(ngx_conf_t *cf, ngx_oof_database_t *db,
    ngx_array_t *hosts, ngx_oof_pg_host_t *host)
{
    u_char              text[NGX_SOCKADDR_STRLEN];
    size_t              len;
    ngx_url_t           url;
    ngx_uint_t          i;
    ngx_oof_pg_host_t  *h;

    ngx_memzero(&url, sizeof(ngx_url_t));

    url.url = host->host;
    url.default_port = 5432;

    if (ngx_parse_url(cf->pool, &url) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "host \"%V\" of \"oof_database %V { }\": %s; set "
                           "\"resolver\" in http{} and it is looked up when "
                           "it is needed",
                           &host->host, &db->name,
                           url.err ? url.err : "cannot be looked up");
        return NGX_ERROR;
    }

    if (ngx_strcmp(host->host.data, "localhost") != 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "host \"%V\" of \"oof_database %V { }\" is looked "
                           "up only now: set \"resolver\" in http{} so that "
                           "changes of its addresses are seen",
                           &host->host, &db->name);
    }

    for (i = 0; i < url.naddrs && hosts->nelts < NGX_OOF_PG_MAX_HOSTS; i++) {
        h = ngx_array_push(hosts);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = *host;
        h->name = 0;

        len = ngx_sock_ntop(url.addrs[i].sockaddr, url.addrs[i].socklen, text,
                            NGX_SOCKADDR_STRLEN, 0);

        h->addr.data = ngx_pnalloc(cf->pool, len + 1);
        if (h->addr.data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(h->addr.data, text, len);
        h->addr.data[len] = '\0';
        h->addr.len = len;
    }

    return NGX_OK;
}
