
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_pg_lane.h>


/* a backend that holds locks for a worker that has frozen ends itself */
#define NGX_OOF_PG_IDLE_TIMEOUT  "5000"

/* somebody has ended the backend: there is a server, and it lets us in */
#define NGX_OOF_PG_ADMIN_SHUTDOWN  "57P01"


static void ngx_oof_pg_resolve(ngx_oof_pg_lane_t *lane);
static ngx_int_t ngx_oof_pg_resolve_name(ngx_oof_pg_lane_t *lane,
    ngx_str_t *name);
static void ngx_oof_pg_resolve_handler(ngx_resolver_ctx_t *ctx);
static ngx_int_t ngx_oof_pg_resolve_add(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_host_t *host, ngx_resolver_addr_t *addr);
static void ngx_oof_pg_connect_now(ngx_oof_pg_lane_t *lane);
static char *ngx_oof_pg_connect_list(ngx_array_t *hosts, ngx_uint_t first,
    size_t offset, ngx_pool_t *pool);
static void ngx_oof_pg_connect_notice(void *arg, const PGresult *res);
static void ngx_oof_pg_prepare(ngx_oof_pg_lane_t *lane);
static ngx_int_t ngx_oof_pg_prepare_settings(PGconn *conn,
    ngx_oof_database_t *db, ngx_msec_t timeout);
static ngx_int_t ngx_oof_pg_prepare_results(ngx_oof_pg_lane_t *lane);
static void ngx_oof_pg_prepare_refused(ngx_oof_pg_lane_t *lane,
    PGresult *res);


/* begins an attempt; lane->timer is its limit */

void
ngx_oof_pg_connect(ngx_oof_pg_lane_t *lane)
{
    ngx_oof_database_t  *db;

    db = lane->class->db;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "oof pg lane %p class:%ui connect",
                   lane, lane->class->class);

    lane->pool = ngx_create_pool(1024, ngx_cycle->log);
    if (lane->pool == NULL) {
        ngx_oof_pg_lane_failed(lane, "no memory", NGX_OOF_PG_STRIKE_OUT);
        return;
    }

    ngx_add_timer(&lane->timer, db->connect_timeout);

    if (db->resolver == NULL) {
        lane->hosts = &db->hosts;
        ngx_oof_pg_connect_now(lane);
        return;
    }

    lane->hosts = ngx_array_create(lane->pool, 4, sizeof(ngx_oof_pg_host_t));
    if (lane->hosts == NULL) {
        ngx_oof_pg_lane_failed(lane, "no memory", NGX_OOF_PG_STRIKE_OUT);
        return;
    }

    lane->state = NGX_OOF_PG_LANE_RESOLVING;
    lane->nhost = 0;

    ngx_oof_pg_resolve(lane);
}


/* gives back all that belongs to an attempt only */

void
ngx_oof_pg_connect_abort(ngx_oof_pg_lane_t *lane)
{
    if (lane->resolve) {
        ngx_resolve_name_done(lane->resolve);
        lane->resolve = NULL;
    }

    if (lane->pool) {
        ngx_destroy_pool(lane->pool);
        lane->pool = NULL;
        lane->hosts = NULL;
    }
}


/* goes on with the host that is next */

static void
ngx_oof_pg_resolve(ngx_oof_pg_lane_t *lane)
{
    ngx_oof_pg_host_t   *h, *host;
    ngx_oof_database_t  *db;

    db = lane->class->db;
    h = db->hosts.elts;

    for ( /* void */ ; lane->nhost < db->hosts.nelts; lane->nhost++) {

        if (lane->hosts->nelts == NGX_OOF_PG_MAX_HOSTS) {
            break;
        }

        if (h[lane->nhost].name) {
            if (ngx_oof_pg_resolve_name(lane, &h[lane->nhost].host)
                != NGX_OK)
            {
                ngx_oof_pg_lane_failed(lane, "resolver failed",
                                       NGX_OOF_PG_STRIKE_OUT);
            }

            return;
        }

        host = ngx_array_push(lane->hosts);
        if (host == NULL) {
            ngx_oof_pg_lane_failed(lane, "no memory", NGX_OOF_PG_STRIKE_OUT);
            return;
        }

        *host = h[lane->nhost];
    }

    if (lane->hosts->nelts == 0) {
        ngx_oof_pg_lane_failed(lane, "host not found", NGX_OOF_PG_STRIKE_OUT);
        return;
    }

    ngx_oof_pg_connect_now(lane);
}


static ngx_int_t
ngx_oof_pg_resolve_name(ngx_oof_pg_lane_t *lane, ngx_str_t *name)
{
    ngx_resolver_ctx_t  *ctx;
    ngx_oof_database_t  *db;

    db = lane->class->db;

    ctx = ngx_resolve_start(db->resolver, NULL);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        return NGX_ERROR;
    }

    ctx->name = *name;
    ctx->handler = ngx_oof_pg_resolve_handler;
    ctx->data = lane;
    ctx->timeout = db->connect_timeout;
    ctx->cancelable = 1;

    lane->resolve = ctx;

    if (ngx_resolve_name(ctx) != NGX_OK) {

        /* it has freed the context */

        lane->resolve = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_oof_pg_resolve_handler(ngx_resolver_ctx_t *ctx)
{
    ngx_uint_t           i;
    ngx_oof_pg_host_t   *h;
    ngx_oof_pg_lane_t   *lane;
    ngx_oof_database_t  *db;

    lane = ctx->data;
    db = lane->class->db;
    h = db->hosts.elts;
    h += lane->nhost;

    if (ctx->state) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "host \"%V\" of database \"%V\" could not be resolved "
                      "(%i: %s)", &ctx->name, &db->name, ctx->state,
                      ngx_resolver_strerror(ctx->state));
    }

    for (i = 0; ctx->state == 0 && i < ctx->naddrs; i++) {
        if (ngx_oof_pg_resolve_add(lane, h, &ctx->addrs[i]) != NGX_OK) {
            ngx_oof_pg_lane_failed(lane, "no memory", NGX_OOF_PG_STRIKE_OUT);
            return;
        }
    }

    ngx_resolve_name_done(ctx);
    lane->resolve = NULL;

    lane->nhost++;

    ngx_oof_pg_resolve(lane);
}


static ngx_int_t
ngx_oof_pg_resolve_add(ngx_oof_pg_lane_t *lane, ngx_oof_pg_host_t *host,
    ngx_resolver_addr_t *addr)
{
    ngx_oof_pg_host_t  *h;

    if (lane->hosts->nelts == NGX_OOF_PG_MAX_HOSTS) {
        return NGX_OK;
    }

    h = ngx_array_push(lane->hosts);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = *host;

    h->addr.data = ngx_pnalloc(lane->pool, NGX_SOCKADDR_STRLEN + 1);
    if (h->addr.data == NULL) {
        return NGX_ERROR;
    }

    h->addr.len = ngx_sock_ntop(addr->sockaddr, addr->socklen, h->addr.data,
                                NGX_SOCKADDR_STRLEN, 0);
    h->addr.data[h->addr.len] = '\0';

    return NGX_OK;
}


static void
ngx_oof_pg_connect_now(ngx_oof_pg_lane_t *lane)
{
    ngx_oof_database_t  *db;

    db = lane->class->db;

    lane->state = NGX_OOF_PG_LANE_CONNECTING;

    lane->conn = ngx_oof_pg_connect_start(db, lane->hosts, lane->rotate,
                                          lane->pool);
    if (lane->conn == NULL) {
        ngx_oof_pg_lane_failed(lane, "no memory", NGX_OOF_PG_STRIKE_OUT);
        return;
    }

    if (PQstatus(lane->conn) == CONNECTION_BAD) {
        ngx_oof_pg_lane_failed(lane, PQerrorMessage(lane->conn),
                               NGX_OOF_PG_STRIKE_OUT);
        return;
    }

    (void) PQsetNoticeReceiver(lane->conn, ngx_oof_pg_connect_notice, db);

    /* messages with their SQLSTATE, which libpq does not tell otherwise */

    (void) PQsetErrorVerbosity(lane->conn, PQERRORS_VERBOSE);

    /* PQconnectPoll() has to be called when the socket may be written */

    if (ngx_oof_pg_lane_attach(lane, 1) != NGX_OK) {
        ngx_oof_pg_lane_failed(lane, "no connection of nginx is free",
                               NGX_OOF_PG_STRIKE_OUT);
    }
}


PGconn *
ngx_oof_pg_connect_start(ngx_oof_database_t *db, ngx_array_t *hosts,
    ngx_uint_t first, ngx_pool_t *pool)
{
    char         *list, **k, **v;
    ngx_uint_t    i, n;
    ngx_array_t   keywords, values;

    static struct {
        char     *keyword;
        size_t    offset;
    } lists[] = {
        { "host", offsetof(ngx_oof_pg_host_t, host) },
        { "hostaddr", offsetof(ngx_oof_pg_host_t, addr) },
        { "port", offsetof(ngx_oof_pg_host_t, port) }
    };

    n = db->keywords.nelts + 4;

    if (ngx_array_init(&keywords, pool, n, sizeof(char *)) != NGX_OK
        || ngx_array_init(&values, pool, n, sizeof(char *)) != NGX_OK)
    {
        return NULL;
    }

    for (i = 0; i < n; i++) {

        k = ngx_array_push(&keywords);
        v = ngx_array_push(&values);

        if (k == NULL || v == NULL) {
            return NULL;
        }

        *k = NULL;
        *v = NULL;

        if (i < db->keywords.nelts) {
            *k = ((char **) db->keywords.elts)[i];
            *v = ((char **) db->values.elts)[i];
            continue;
        }

        if (i == n - 1) {
            break;
        }

        list = ngx_oof_pg_connect_list(hosts, first,
                                lists[i - db->keywords.nelts].offset, pool);
        if (list == NULL) {
            return NULL;
        }

        /* an empty value is as none */

        *k = lists[i - db->keywords.nelts].keyword;
        *v = list;
    }

    return PQconnectStartParams((const char **) keywords.elts,
                                (const char **) values.elts, 0);
}


/* "a,b,c" of one of the strings of each host; "" when all are empty */

static char *
ngx_oof_pg_connect_list(ngx_array_t *hosts, ngx_uint_t first, size_t offset,
    ngx_pool_t *pool)
{
    u_char             *p, *list;
    size_t              len;
    ngx_str_t          *s;
    ngx_uint_t          i, n, some;
    ngx_oof_pg_host_t  *h;

    h = hosts->elts;
    n = hosts->nelts;
    len = 1;
    some = 0;

    for (i = 0; i < n; i++) {
        s = (ngx_str_t *) ((char *) &h[i] + offset);
        len += s->len + 1;
        some |= s->len;
    }

    list = ngx_pnalloc(pool, len);
    if (list == NULL) {
        return NULL;
    }

    p = list;

    for (i = 0; some && i < n; i++) {
        s = (ngx_str_t *) ((char *) &h[(first + i) % n] + offset);

        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, s->data, s->len);
    }

    *p = '\0';

    return (char *) list;
}


/* libpq's own receiver writes to stderr; the texts may hold data */

static void
ngx_oof_pg_connect_notice(void *arg, const PGresult *res)
{
    ngx_oof_database_t *db = arg;

    char  *severity, *sqlstate;

    severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "database \"%V\" sent %s %s", &db->name,
                  severity ? severity : "a notice", sqlstate ? sqlstate : "");
}


/* an event of a socket while connecting: libpq may change it at each step */

void
ngx_oof_pg_connect_event(ngx_oof_pg_lane_t *lane)
{
    const char                 *message;
    PostgresPollingStatusType   status;

    ngx_oof_pg_lane_detach(lane);

    status = PQconnectPoll(lane->conn);

    switch (status) {

    case PGRES_POLLING_OK:
        ngx_oof_pg_prepare(lane);
        return;

    case PGRES_POLLING_READING:
    case PGRES_POLLING_WRITING:

        if (ngx_oof_pg_lane_attach(lane, status == PGRES_POLLING_WRITING)
            != NGX_OK)
        {
            ngx_oof_pg_lane_failed(lane, "no connection of nginx is free",
                                   NGX_OOF_PG_STRIKE_OUT);
        }

        return;

    default:
        message = PQerrorMessage(lane->conn);

        ngx_oof_pg_lane_failed(lane, message,
                       ngx_strstr(message, " " NGX_OOF_PG_ADMIN_SHUTDOWN ": ")
                       ? NGX_OOF_PG_STRIKE_ENDED : NGX_OOF_PG_STRIKE_OUT);
    }
}


static void
ngx_oof_pg_prepare(ngx_oof_pg_lane_t *lane)
{
    ngx_oof_pg_class_t  *class;

    class = lane->class;

    ngx_oof_pg_connect_abort(lane);

    lane->state = NGX_OOF_PG_LANE_PREPARING;
    lane->prepared = 0;
    lane->got = 0;
    lane->refused = 0;
    lane->ended = 0;

    /* from here on messages may hold data, and they are logged */

    (void) PQsetErrorVerbosity(lane->conn, PQERRORS_SQLSTATE);

    if (ngx_oof_pg_prepare_send(lane->conn, class->db, class->class)
        != NGX_OK)
    {
        ngx_oof_pg_lane_failed(lane, PQerrorMessage(lane->conn),
                               NGX_OOF_PG_STRIKE_OUT);
        return;
    }

    if (ngx_oof_pg_lane_attach(lane, 0) != NGX_OK) {
        ngx_oof_pg_lane_failed(lane, "no connection of nginx is free",
                               NGX_OOF_PG_STRIKE_OUT);
        return;
    }

    if (ngx_oof_pg_lane_flush(lane) != NGX_OK) {
        ngx_oof_pg_lane_failed(lane, PQerrorMessage(lane->conn),
                               NGX_OOF_PG_STRIKE_OUT);
    }
}


/*
 * The settings are no start-up options, so that poolers need not know them.
 * While statements are prepared locks are waited for longer: a table that a
 * migration holds for a moment is no reason to take the server for down.
 */

ngx_int_t
ngx_oof_pg_prepare_send(PGconn *conn, ngx_oof_database_t *db,
    ngx_uint_t class)
{
    ngx_uint_t       i;
    ngx_msec_t       timeout;
    ngx_oof_sql_t  **sql;

    timeout = (class == NGX_OOF_PG_SOLO || class == NGX_OOF_PG_LEASE)
              ? db->solo_lock_timeout : db->lock_timeout;

    if (PQsetnonblocking(conn, 1) != 0
        || !PQenterPipelineMode(conn)
        || ngx_oof_pg_prepare_settings(conn, db, db->connect_timeout / 2)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    sql = db->statements->elts;

    for (i = 0; i < db->statements->nelts; i++) {

        if (class == NGX_OOF_PG_SOLO && sql[i]->solo_name) {
            if (!PQsendPrepare(conn, sql[i]->solo_name, sql[i]->solo_text,
                               (int) sql[i]->nparams, sql[i]->types))
            {
                return NGX_ERROR;
            }

            continue;
        }

        if (!PQsendPrepare(conn, sql[i]->name, sql[i]->text,
                           (int) sql[i]->nparams, sql[i]->types))
        {
            return NGX_ERROR;
        }
    }

    if (ngx_oof_pg_prepare_settings(conn, db, timeout) != NGX_OK) {
        return NGX_ERROR;
    }

    return PQpipelineSync(conn) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_oof_pg_prepare_settings(PGconn *conn, ngx_oof_database_t *db,
    ngx_msec_t timeout)
{
    u_char       statement[NGX_INT_T_LEN + 1], lock[NGX_INT_T_LEN + 1];
    const char  *values[3];

    ngx_sprintf(statement, "%M%Z", db->statement_timeout);
    ngx_sprintf(lock, "%M%Z", timeout);

    values[0] = (char *) statement;
    values[1] = (char *) lock;
    values[2] = NGX_OOF_PG_IDLE_TIMEOUT;

    return PQsendQueryParams(conn, ngx_oof_sql_lane_settings.text, 3,
                             ngx_oof_sql_lane_settings.types, values, NULL,
                             NULL, 1)
           ? NGX_OK : NGX_ERROR;
}


const char *
ngx_oof_pg_prepare_name(ngx_oof_database_t *db, ngx_uint_t n)
{
    ngx_oof_sql_t  **sql;

    if (n == 0 || n > db->statements->nelts) {
        return ngx_oof_sql_lane_settings.name;
    }

    sql = db->statements->elts;

    return sql[n - 1]->name;
}


void
ngx_oof_pg_prepare_event(ngx_oof_pg_lane_t *lane)
{
    switch (ngx_oof_pg_prepare_results(lane)) {

    case NGX_OK:
        ngx_oof_pg_lane_ready(lane);
        return;

    case NGX_AGAIN:
        return;

    case NGX_DECLINED:
        ngx_oof_pg_lane_failed(lane, "a statement cannot be prepared",
                               NGX_OOF_PG_STRIKE_OUT);
        return;

    default:
        ngx_oof_pg_lane_failed(lane, PQerrorMessage(lane->conn),
                               lane->ended ? NGX_OOF_PG_STRIKE_ENDED
                                           : NGX_OOF_PG_STRIKE_LOST);
    }
}


static ngx_int_t
ngx_oof_pg_prepare_results(ngx_oof_pg_lane_t *lane)
{
    char      *sqlstate;
    PGresult  *res;

    while (!PQisBusy(lane->conn)) {

        res = PQgetResult(lane->conn);

        if (res == NULL) {

            if (!lane->got) {
                return NGX_ERROR;
            }

            lane->got = 0;
            lane->prepared++;
            continue;
        }

        lane->got = 1;

        switch (PQresultStatus(res)) {

        case PGRES_PIPELINE_SYNC:
            PQclear(res);
            return lane->refused ? NGX_DECLINED : NGX_OK;

        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
        case PGRES_PIPELINE_ABORTED:
            break;

        default:

            if (ngx_oof_pg_is_fatal(res)) {
                sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
                lane->ended = (sqlstate
                               && ngx_strcmp(sqlstate,
                                             NGX_OOF_PG_ADMIN_SHUTDOWN)
                                  == 0);
                PQclear(res);
                return NGX_ERROR;
            }

            ngx_oof_pg_prepare_refused(lane, res);
            lane->refused = 1;
        }

        PQclear(res);
    }

    return NGX_AGAIN;
}


/* said once, not at each attempt */

static void
ngx_oof_pg_prepare_refused(ngx_oof_pg_lane_t *lane, PGresult *res)
{
    ngx_uint_t           level;
    ngx_oof_database_t  *db;

    db = lane->class->db;
    level = lane->failures ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_oof_pg_log_error(level, db,
                         ngx_oof_pg_prepare_name(db, lane->prepared), res);
}
