
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>
#include <ngx_oof_pg_lane.h>

#include <openssl/err.h>
#include <poll.h>


/*
 * "nginx -t", a start and a reload ask each server once, for a short time,
 * what would otherwise come out under load.  A server that cannot be reached
 * now is no fault of the configuration.
 */


/* older ones leave bytes in OpenSSL's buffer that no event tells of */
#define NGX_OOF_PG_MIN_LIBPQ_15  150019


/* what a limit is about: the server, a role, a database; in this order */

#define NGX_OOF_PG_LIMITS  3


typedef struct {
    ngx_str_t                name[NGX_OOF_PG_LIMITS];
    ngx_int_t                allowed[NGX_OOF_PG_LIMITS];  /* -1: no limit */
    ngx_int_t                needed;
    ngx_oof_database_t      *db;
} ngx_oof_pg_limit_t;


static ngx_int_t ngx_oof_pg_check_database(ngx_conf_t *cf,
    ngx_oof_database_t *db, ngx_array_t *limits);
static PGconn *ngx_oof_pg_check_connect(ngx_conf_t *cf, ngx_oof_database_t *db,
    int64_t end);
static ngx_uint_t ngx_oof_pg_check_refused(PGconn *conn);
static ngx_int_t ngx_oof_pg_check_wait(PGconn *conn, ngx_uint_t write,
    int64_t end);
static ngx_int_t ngx_oof_pg_check_limits(ngx_conf_t *cf,
    ngx_oof_database_t *db, PGconn *conn, int64_t end, ngx_array_t *limits);
static ngx_int_t ngx_oof_pg_check_limit(ngx_conf_t *cf,
    ngx_oof_database_t *db, PGresult *res, ngx_array_t *limits);
static ngx_int_t ngx_oof_pg_check_workers(ngx_conf_t *cf);
static ngx_int_t ngx_oof_pg_check_needed(ngx_conf_t *cf, ngx_array_t *limits,
    ngx_uint_t first);
static ngx_uint_t ngx_oof_pg_check_same(ngx_oof_pg_limit_t *a,
    ngx_oof_pg_limit_t *b, ngx_uint_t about);
static ngx_int_t ngx_oof_pg_check_sum(ngx_array_t *limits, ngx_uint_t first,
    ngx_uint_t about, u_char *names, size_t *len);
static void ngx_oof_pg_check_statements(ngx_conf_t *cf,
    ngx_oof_database_t *db, PGconn *conn, int64_t end);
static PGresult *ngx_oof_pg_check_result(PGconn *conn, int64_t end);
static int64_t ngx_oof_pg_check_now(void);


ngx_int_t
ngx_oof_pg_check(ngx_conf_t *cf, ngx_array_t *databases)
{
    ngx_uint_t            i;
    ngx_array_t           limits;
    ngx_oof_database_t  **dbs;

    if (ngx_process == NGX_PROCESS_SIGNALLER) {
        return NGX_OK;
    }

    if (ngx_array_init(&limits, cf->temp_pool, 4, sizeof(ngx_oof_pg_limit_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    dbs = databases->elts;

    for (i = 0; i < databases->nelts; i++) {
        if (ngx_oof_pg_check_database(cf, dbs[i], &limits) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < limits.nelts; i++) {
        if (ngx_oof_pg_check_needed(cf, &limits, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_pg_check_database(ngx_conf_t *cf, ngx_oof_database_t *db,
    ngx_array_t *limits)
{
    int64_t    end;
    PGconn    *conn;
    ngx_int_t  rc;

    end = ngx_oof_pg_check_now()
          + ngx_min(db->connect_timeout, NGX_OOF_PG_CHECK);

    conn = ngx_oof_pg_check_connect(cf, db, end);

    if (conn == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    if (PQstatus(conn) == CONNECTION_OK) {

        if (PQsslInUse(conn) && PQlibVersion() / 10000 == 15
            && PQlibVersion() < NGX_OOF_PG_MIN_LIBPQ_15)
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "libpq %d may hang over TLS: install 15.19 or "
                               "later", PQlibVersion());
        }

        rc = ngx_oof_pg_check_limits(cf, db, conn, end, limits);

        if (rc == NGX_OK) {
            ngx_oof_pg_check_statements(cf, db, conn, end);
        }
    }

    PQfinish(conn);
    ERR_clear_error();

    return rc;
}


/* NULL: the connection string cannot be right, or no memory */

static PGconn *
ngx_oof_pg_check_connect(ngx_conf_t *cf, ngx_oof_database_t *db, int64_t end)
{
    PGconn                     *conn;
    PostgresPollingStatusType   status;

    conn = ngx_oof_pg_connect_start(db, &db->hosts, 0, cf->temp_pool);
    if (conn == NULL) {
        return NULL;
    }

    if (ngx_oof_pg_check_refused(conn)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "bad \"connect\" of \"oof_database %V { }\": %V",
                           &db->name,
                           ngx_oof_pg_message(PQerrorMessage(conn)));
        PQfinish(conn);
        return NULL;
    }

    status = (PQstatus(conn) == CONNECTION_BAD) ? PGRES_POLLING_FAILED
                                                : PGRES_POLLING_WRITING;

    while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING)
    {
        if (ngx_oof_pg_check_wait(conn, status == PGRES_POLLING_WRITING, end)
            != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "database \"%V\" does not answer now: it is "
                               "not checked", &db->name);
            return conn;
        }

        status = PQconnectPoll(conn);
    }

    if (status != PGRES_POLLING_OK) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "database \"%V\" cannot be reached now, it is not "
                           "checked: %V", &db->name,
                           ngx_oof_pg_message(PQerrorMessage(conn)));
    }

    return conn;
}


/* libpq refuses values before it tries the first host */

static ngx_uint_t
ngx_oof_pg_check_refused(PGconn *conn)
{
    ngx_uint_t    i;
    const char   *message;

    static char  *tried[] = {
        "connection to server", "could not translate host name"
    };

    if (PQstatus(conn) != CONNECTION_BAD) {
        return 0;
    }

    message = PQerrorMessage(conn);

    for (i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
        if (ngx_strncmp(message, tried[i], ngx_strlen(tried[i])) == 0) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_oof_pg_check_wait(PGconn *conn, ngx_uint_t write, int64_t end)
{
    int            n;
    int64_t        left;
    struct pollfd  pfd;

    for ( ;; ) {

        left = end - ngx_oof_pg_check_now();

        if (left <= 0) {
            return NGX_DECLINED;
        }

        pfd.fd = PQsocket(conn);
        pfd.events = write ? POLLOUT : POLLIN;
        pfd.revents = 0;

        n = poll(&pfd, 1, (int) left);

        if (n > 0) {
            return NGX_OK;
        }

        if (n == -1 && ngx_errno != NGX_EINTR) {
            return NGX_DECLINED;
        }
    }
}


static ngx_int_t
ngx_oof_pg_check_limits(ngx_conf_t *cf, ngx_oof_database_t *db, PGconn *conn,
    int64_t end, ngx_array_t *limits)
{
    PGresult   *res;
    ngx_int_t   rc;

    if (PQsetnonblocking(conn, 1) != 0
        || !PQsendQueryParams(conn, ngx_oof_sql_lane_limits.text, 0, NULL,
                              NULL, NULL, NULL, 0))
    {
        return NGX_OK;
    }

    res = ngx_oof_pg_check_result(conn, end);

    if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "database \"%V\" does not tell its limits: %V",
                           &db->name,
                           ngx_oof_pg_message(PQerrorMessage(conn)));
        PQclear(res);
        return NGX_OK;
    }

    rc = ngx_oof_pg_check_limit(cf, db, res, limits);

    PQclear(res);

    while ((res = ngx_oof_pg_check_result(conn, end)) != NULL) {
        PQclear(res);
    }

    return rc;
}


static ngx_int_t
ngx_oof_pg_check_limit(ngx_conf_t *cf, ngx_oof_database_t *db, PGresult *res,
    ngx_array_t *limits)
{
    ngx_int_t            n;
    ngx_str_t            name;
    ngx_oof_pg_limit_t  *limit;

    limit = ngx_array_push(limits);
    if (limit == NULL) {
        return NGX_ERROR;
    }

    for (n = 0; n < NGX_OOF_PG_LIMITS; n++) {

        name.data = (u_char *) PQgetvalue(res, 0, n);
        name.len = PQgetlength(res, 0, n);

        limit->name[n].len = name.len;
        limit->name[n].data = ngx_pstrdup(cf->temp_pool, &name);

        if (limit->name[n].data == NULL) {
            return NGX_ERROR;
        }

        /* NULL is an empty text, which is no number */

        limit->allowed[n] = ngx_atoi((u_char *)
                                     PQgetvalue(res, 0, n + NGX_OOF_PG_LIMITS),
                                     PQgetlength(res, 0,
                                                 n + NGX_OOF_PG_LIMITS));
    }

    /* read lanes, write and solo lane; one worker has the leases' */

    limit->needed = ngx_oof_pg_check_workers(cf)
                    * (ngx_int_t) (db->read_lanes + 2) + (db->lease ? 1 : 0);
    limit->db = db;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_pg_check_workers(ngx_conf_t *cf)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    return (ccf->worker_processes == NGX_CONF_UNSET) ? 1
                                                     : ccf->worker_processes;
}


/*
 * Databases of one server, role or name share what is allowed.  Each such set
 * is judged with its first database, by the limit that leaves the least.
 */

static ngx_int_t
ngx_oof_pg_check_needed(ngx_conf_t *cf, ngx_array_t *limits, ngx_uint_t first)
{
    size_t               len;
    u_char              *names;
    ngx_int_t            needed, least, allowed;
    ngx_uint_t           i, n, about;
    ngx_oof_pg_limit_t  *limit;

    limit = limits->elts;
    about = NGX_OOF_PG_LIMITS;
    least = 0;

    for (n = 0; n < NGX_OOF_PG_LIMITS; n++) {

        for (i = 0; i < first; i++) {
            if (ngx_oof_pg_check_same(&limit[i], &limit[first], n)) {
                break;
            }
        }

        if (i < first || limit[first].allowed[n] < 0) {
            continue;
        }

        needed = ngx_oof_pg_check_sum(limits, first, n, NULL, &len);

        if (about == NGX_OOF_PG_LIMITS
            || limit[first].allowed[n] - needed < least)
        {
            least = limit[first].allowed[n] - needed;
            about = n;
        }
    }

    if (about == NGX_OOF_PG_LIMITS) {
        return NGX_OK;
    }

    allowed = limit[first].allowed[about];
    needed = ngx_oof_pg_check_sum(limits, first, about, NULL, &len);

    names = ngx_pnalloc(cf->temp_pool, len);
    if (names == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_oof_pg_check_sum(limits, first, about, names, &len);

    if (needed > allowed) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%i workers need %i connections to database "
                           "%*s, but PostgreSQL allows %i: lower "
                           "\"worker_processes\" or \"read_lanes\", or raise "
                           "max_connections", ngx_oof_pg_check_workers(cf),
                           needed, len, names, allowed);
        return NGX_ERROR;
    }

    if (2 * needed > allowed) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "%i workers need %i connections to database "
                           "%*s, and twice as many while nginx is reloaded, "
                           "but PostgreSQL allows %i",
                           ngx_oof_pg_check_workers(cf), needed, len, names,
                           allowed);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_oof_pg_check_same(ngx_oof_pg_limit_t *a, ngx_oof_pg_limit_t *b,
    ngx_uint_t about)
{
    return a->name[0].len == b->name[0].len
           && ngx_memcmp(a->name[0].data, b->name[0].data, a->name[0].len) == 0
           && a->name[about].len == b->name[about].len
           && ngx_memcmp(a->name[about].data, b->name[about].data,
                         a->name[about].len)
              == 0;
}


/* what a set needs together; its names, or their length when "names" is NULL */

static ngx_int_t
ngx_oof_pg_check_sum(ngx_array_t *limits, ngx_uint_t first, ngx_uint_t about,
    u_char *names, size_t *len)
{
    u_char              *p;
    ngx_int_t            needed;
    ngx_uint_t           i;
    ngx_oof_pg_limit_t  *limit;

    limit = limits->elts;
    needed = 0;
    p = names;
    *len = 0;

    for (i = first; i < limits->nelts; i++) {

        if (!ngx_oof_pg_check_same(&limit[i], &limit[first], about)) {
            continue;
        }

        needed += limit[i].needed;

        if (names == NULL) {
            *len += sizeof(", \"\"") - 1 + limit[i].db->name.len;
            continue;
        }

        p = ngx_sprintf(p, "%s\"%V\"", i == first ? "" : ", ",
                        &limit[i].db->name);
        *len = p - names;
    }

    return needed;
}


/* a schema that is too old, or not there at all */

static void
ngx_oof_pg_check_statements(ngx_conf_t *cf, ngx_oof_database_t *db,
    PGconn *conn, int64_t end)
{
    char            *error;
    PGresult        *res;
    ngx_uint_t       n;
    ExecStatusType   status;

    if (ngx_oof_pg_prepare_send(conn, db, NGX_OOF_PG_WRITE) != NGX_OK) {
        return;
    }

    /* after each result comes a NULL, and a NULL too when the time is over */

    for (n = 0; n <= db->statements->nelts; n++) {

        res = ngx_oof_pg_check_result(conn, end);
        status = PQresultStatus(res);

        if (res == NULL || status == PGRES_PIPELINE_SYNC) {
            PQclear(res);
            return;
        }

        if (status == PGRES_FATAL_ERROR) {
            error = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "statement \"%s\" does not fit the schema of "
                               "database \"%V\", migrate it: %V",
                               ngx_oof_pg_prepare_name(db, n), &db->name,
                               ngx_oof_pg_message(error));
            PQclear(res);
            return;
        }

        PQclear(res);
        PQclear(ngx_oof_pg_check_result(conn, end));
    }
}


/* the next result; NULL when there is none, or not in time */

static PGresult *
ngx_oof_pg_check_result(PGconn *conn, int64_t end)
{
    int  rc;

    while (PQisBusy(conn)) {

        rc = PQflush(conn);

        if (rc < 0
            || ngx_oof_pg_check_wait(conn, rc == 1, end) != NGX_OK
            || !PQconsumeInput(conn))
        {
            return NULL;
        }
    }

    return PQgetResult(conn);
}


static int64_t
ngx_oof_pg_check_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
