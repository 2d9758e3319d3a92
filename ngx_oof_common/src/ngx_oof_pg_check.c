
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


static PGconn *ngx_oof_pg_check_connect(ngx_conf_t *cf, ngx_oof_database_t *db,
    int64_t end);
static ngx_uint_t ngx_oof_pg_check_refused(PGconn *conn);
static ngx_int_t ngx_oof_pg_check_wait(PGconn *conn, ngx_uint_t write,
    int64_t end);
static ngx_int_t ngx_oof_pg_check_limits(ngx_conf_t *cf,
    ngx_oof_database_t *db, PGconn *conn, int64_t end);
static ngx_int_t ngx_oof_pg_check_needed(ngx_conf_t *cf,
    ngx_oof_database_t *db, ngx_int_t allowed);
static void ngx_oof_pg_check_statements(ngx_conf_t *cf,
    ngx_oof_database_t *db, PGconn *conn, int64_t end);
static PGresult *ngx_oof_pg_check_result(PGconn *conn, int64_t end);
static int64_t ngx_oof_pg_check_now(void);


ngx_int_t
ngx_oof_pg_check(ngx_conf_t *cf, ngx_oof_database_t *db)
{
    int64_t    end;
    PGconn    *conn;
    ngx_int_t  rc;

    if (ngx_process == NGX_PROCESS_SIGNALLER) {
        return NGX_OK;
    }

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

        rc = ngx_oof_pg_check_limits(cf, db, conn, end);

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
    int64_t end)
{
    PGresult   *res;
    ngx_int_t   allowed;

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

    allowed = ngx_atoi((u_char *) PQgetvalue(res, 0, 0),
                       PQgetlength(res, 0, 0));

    PQclear(res);

    while ((res = ngx_oof_pg_check_result(conn, end)) != NULL) {
        PQclear(res);
    }

    if (allowed == NGX_ERROR) {
        return NGX_OK;
    }

    return ngx_oof_pg_check_needed(cf, db, allowed);
}


static ngx_int_t
ngx_oof_pg_check_needed(ngx_conf_t *cf, ngx_oof_database_t *db,
    ngx_int_t allowed)
{
    ngx_int_t         workers, needed;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    workers = (ccf->worker_processes == NGX_CONF_UNSET) ? 1
                                                    : ccf->worker_processes;

    /* read lanes, write and solo lane; one worker has the leases' */

    needed = workers * (ngx_int_t) (db->read_lanes + 2) + (db->lease ? 1 : 0);

    if (needed > allowed) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%i workers need %i connections to database "
                           "\"%V\", but PostgreSQL allows %i: lower "
                           "\"worker_processes\" or \"read_lanes\", or raise "
                           "max_connections",
                           workers, needed, &db->name, allowed);
        return NGX_ERROR;
    }

    if (2 * needed > allowed) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "%i workers need %i connections to database "
                           "\"%V\", and twice as many while nginx is "
                           "reloaded, but PostgreSQL allows %i",
                           workers, needed, &db->name, allowed);
    }

    return NGX_OK;
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
