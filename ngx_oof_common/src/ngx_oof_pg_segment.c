
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_pg_lane.h>


#define NGX_OOF_PG_INT4_OID      23
#define NGX_OOF_PG_ARRAY_HEAD    20      /* bytes before its elements */


/* what an error means for the unit that raised it, and for its segment */

#define NGX_OOF_PG_REFUSED       0       /* its own fault, as far as is known */
#define NGX_OOF_PG_RACE          1       /* another transaction was there */
#define NGX_OOF_PG_LOCKED        2       /* a lock was not got in time */
#define NGX_OOF_PG_CANCELLED     3       /* it took too long */
#define NGX_OOF_PG_EXHAUSTED     4       /* the server lacks something */
#define NGX_OOF_PG_STALE         5       /* another connection may do it */
#define NGX_OOF_PG_GONE          6       /* the connection ends */


typedef struct {
    char                    *prefix;     /* of an SQLSTATE */
    ngx_uint_t               fate;
} ngx_oof_pg_fate_t;


static ngx_uint_t ngx_oof_pg_segment_may(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_pg_segment_make(ngx_oof_pg_lane_t *lane);
static ngx_int_t ngx_oof_pg_segment_many(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_segment_t *seg, ngx_oof_pg_unit_t *first, ngx_uint_t most);
static ngx_uint_t ngx_oof_pg_segment_joins(ngx_oof_pg_class_t *class,
    ngx_oof_pg_unit_t *first, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_pg_segment_arrays(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_unit_t *first, ngx_uint_t n);
static char *ngx_oof_pg_segment_array(char *p, ngx_oof_pg_unit_t *first,
    ngx_uint_t n, ngx_uint_t param);
static char *ngx_oof_pg_segment_word(char *p, uint32_t n);
static void ngx_oof_pg_segment_take(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_segment_t *seg, ngx_oof_pg_unit_t *u);
static ngx_int_t ngx_oof_pg_segment_share(ngx_oof_pg_unit_t *first);
static ngx_int_t ngx_oof_pg_segment_unit(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_segment_t *seg, ngx_oof_pg_unit_t *u);
static ngx_uint_t ngx_oof_pg_segment_stale(ngx_oof_pg_unit_t *u);
static void ngx_oof_pg_segment_count(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_segment_t *seg);
static ngx_int_t ngx_oof_pg_segment_result(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_segment_t *seg, PGresult *res);
static void ngx_oof_pg_segment_next(ngx_oof_pg_segment_t *seg);
static ngx_int_t ngx_oof_pg_segment_end(ngx_oof_pg_lane_t *lane);
static void ngx_oof_pg_segment_good(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_segment_t *seg);
static void ngx_oof_pg_segment_failed(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_segment_t *seg, ngx_uint_t fate);
static void ngx_oof_pg_segment_neighbour(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_unit_t *u, ngx_uint_t fate, ngx_queue_t *again);
static void ngx_oof_pg_segment_culprit(ngx_oof_pg_lane_t *lane,
    ngx_oof_pg_segment_t *seg, ngx_oof_pg_unit_t *u, ngx_uint_t fate,
    ngx_queue_t *again);
static void ngx_oof_pg_segment_halve(ngx_queue_t *units);
static ngx_uint_t ngx_oof_pg_segment_busy(ngx_oof_pg_unit_t *u);
static void ngx_oof_pg_segment_solo(ngx_oof_pg_unit_t *u);
static ngx_uint_t ngx_oof_pg_fate(const char *sqlstate);
static void ngx_oof_pg_count_again(ngx_oof_pg_unit_t *u, ngx_uint_t why);


/* the first that fits */

static ngx_oof_pg_fate_t  ngx_oof_pg_fates[] = {
    { "23505", NGX_OOF_PG_RACE },          /* unique_violation */
    { "40", NGX_OOF_PG_RACE },             /* transaction rollback */
    { "55P03", NGX_OOF_PG_LOCKED },        /* lock_not_available */
    { "57014", NGX_OOF_PG_CANCELLED },     /* query_canceled */
    { "25006", NGX_OOF_PG_STALE },         /* read_only_sql_transaction */
    { "26000", NGX_OOF_PG_STALE },         /* no such prepared statement */
    { "0A000", NGX_OOF_PG_STALE },         /* a cached plan is too old */
    { "53", NGX_OOF_PG_EXHAUSTED },        /* insufficient resources */
    { "57", NGX_OOF_PG_GONE },             /* operator intervention */
    { "08", NGX_OOF_PG_GONE },             /* connection exception */
    { "", NGX_OOF_PG_REFUSED }
};


/*
 * Sends what waits for this lane.  A read lane has some segments on their way;
 * the others have one, and a new one is made of all that has queued meanwhile,
 * unless that fills a segment of a write lane before.
 */

void
ngx_oof_pg_segment_send(ngx_oof_pg_lane_t *lane)
{
    ngx_queue_t         *q;
    ngx_uint_t           sent;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_pg_class_t  *class;

    if (lane->state != NGX_OOF_PG_LANE_UP) {
        return;
    }

    class = lane->class;
    sent = 0;

    while (!ngx_queue_empty(&class->waiting)) {

        q = ngx_queue_head(&class->waiting);
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);

        if (ngx_oof_pg_segment_stale(u)) {
            continue;
        }

        if (!ngx_oof_pg_segment_may(lane, u)) {
            break;
        }

        if (ngx_oof_pg_segment_make(lane) != NGX_OK) {
            ngx_oof_pg_lane_lost(lane, PQerrorMessage(lane->conn));
            return;
        }

        sent = 1;
    }

    if (!sent) {
        return;
    }

    lane->heard = ngx_current_msec;
    lane->connection->idle = 0;

    if (lane->timer.timer_set) {
        ngx_del_timer(&lane->timer);
    }

    if (ngx_oof_pg_lane_flush(lane) != NGX_OK) {
        ngx_oof_pg_lane_lost(lane, PQerrorMessage(lane->conn));
    }
}


/* may a segment that begins with "u" be sent now? */

static ngx_uint_t
ngx_oof_pg_segment_may(ngx_oof_pg_lane_t *lane, ngx_oof_pg_unit_t *u)
{
    switch (lane->class->class) {

    case NGX_OOF_PG_READ:
        return lane->nsegments < NGX_OOF_PG_READ_AHEAD;

    case NGX_OOF_PG_WRITE:

        /* the parts of a segment that has failed go together */

        if (u->runs + u->aborts) {
            return lane->nsegments < NGX_OOF_PG_MAX_SEGMENTS;
        }

        /*
         * A full segment gains nothing by waiting: it stands behind the one
         * that is on its way, so that the server has work while answers and
         * new units are made here.
         */

        if (lane->class->nwaiting >= lane->class->db->segment_units) {
            return lane->nsegments < NGX_OOF_PG_WRITE_AHEAD;
        }

        /* fall through */

    default:
        return lane->nsegments == 0;
    }
}


/* a unit that is too late, or that nobody awaits, is not sent at all */

static ngx_uint_t
ngx_oof_pg_segment_stale(ngx_oof_pg_unit_t *u)
{
    ngx_uint_t  rc;

    if (u->class == NGX_OOF_PG_READ && u->handler == NULL) {
        rc = NGX_OOF_PG_LEFT;

    } else if ((ngx_msec_int_t) (u->deadline - ngx_current_msec) <= 0) {
        rc = NGX_OOF_PG_TIMEOUT;

    } else {
        return 0;
    }

    ngx_oof_pg_dequeue(u);
    ngx_oof_pg_end(u, rc);

    return 1;
}


static ngx_int_t
ngx_oof_pg_segment_make(ngx_oof_pg_lane_t *lane)
{
    ngx_uint_t             n, most;
    ngx_queue_t           *q;
    ngx_oof_pg_unit_t     *u;
    ngx_oof_pg_class_t    *class;
    ngx_oof_database_t    *db;
    ngx_oof_pg_segment_t  *seg;

    class = lane->class;
    db = class->db;

    n = (lane->first + lane->nsegments++) % NGX_OOF_PG_MAX_SEGMENTS;
    seg = &lane->segments[n];

    seg->nunits = 0;
    seg->size = 0;
    seg->culprit = NULL;
    seg->many = 0;
    seg->sqlstate[0] = '\0';
    seg->got = 0;
    seg->error = 0;

    most = (class->class == NGX_OOF_PG_READ
            || class->class == NGX_OOF_PG_WRITE) ? db->segment_units : 1;

    while (!ngx_queue_empty(&class->waiting)) {

        q = ngx_queue_head(&class->waiting);
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);

        if (seg->nunits
            && (u->alone || seg->nunits == most
                || seg->size + u->size > db->segment_size))
        {
            break;
        }

        if (seg->nunits && ngx_oof_pg_segment_stale(u)) {
            continue;
        }

        if (ngx_oof_pg_segment_many(lane, seg, u, most) != NGX_OK) {
            return NGX_ERROR;
        }

        if (u->alone || u->cut) {
            u->cut = 0;
            break;
        }
    }

    q = ngx_queue_head(&seg->units);
    seg->unit = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);
    seg->statement = 0;

    ngx_oof_pg_segment_count(lane, seg);

#if (LIBPQ_HAS_SEND_PIPELINE_SYNC)
    return PQsendPipelineSync(lane->conn) ? NGX_OK : NGX_ERROR;
#else
    return PQpipelineSync(lane->conn) ? NGX_OK : NGX_ERROR;
#endif
}


/*
 * Units that wait one behind the other for the same statement go as one, when
 * there is one for many: the server then starts and ends it once for all.
 * Those that run again go by themselves, so that a culprit is found.
 */

static ngx_int_t
ngx_oof_pg_segment_many(ngx_oof_pg_lane_t *lane, ngx_oof_pg_segment_t *seg,
    ngx_oof_pg_unit_t *first, ngx_uint_t most)
{
    size_t               size;
    ngx_int_t            rc;
    ngx_uint_t           i, n;
    ngx_queue_t         *q;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_pg_class_t  *class;

    class = lane->class;
    size = seg->size;
    n = 0;

    for (q = &first->queue;
         q != ngx_queue_sentinel(&class->waiting) && seg->nunits + n < most;
         q = ngx_queue_next(q))
    {
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);
        size += u->size;

        if (!ngx_oof_pg_segment_joins(class, first, u)
            || (n && size > class->db->segment_size))
        {
            break;
        }

        n++;
    }

    if (n < 2) {
        return ngx_oof_pg_segment_unit(lane, seg, first);
    }

    rc = ngx_oof_pg_segment_arrays(lane, first, n);

    u = first;

    for (i = 0; i < n; i++) {
        q = ngx_queue_next(&u->queue);

        ngx_oof_pg_segment_take(lane, seg, u);

        u->many = (i == 0) ? n : 0;
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);
    }

    return rc;
}


static ngx_uint_t
ngx_oof_pg_segment_joins(ngx_oof_pg_class_t *class, ngx_oof_pg_unit_t *first,
    ngx_oof_pg_unit_t *u)
{
    return class->class == NGX_OOF_PG_WRITE
           && u->nstatements == 1
           && u->runs + u->aborts == 0
           && !u->doubt
           && u->statements[0].sql == first->statements[0].sql
           && u->statements[0].sql->many
           && (ngx_msec_int_t) (u->deadline - ngx_current_msec) > 0;
}


/*
 * Sends the parameters of "n" units as arrays in PostgreSQL's binary form: five
 * words of head (dimensions, nulls, type, length, first index), then each
 * element with its length.
 */

static ngx_int_t
ngx_oof_pg_segment_arrays(ngx_oof_pg_lane_t *lane, ngx_oof_pg_unit_t *first,
    ngx_uint_t n)
{
    int                *lengths, *formats;
    char               *p;
    size_t              size;
    ngx_int_t           rc;
    ngx_uint_t          i;
    const char        **values;
    ngx_queue_t        *q;
    ngx_oof_sql_t      *sql;
    ngx_oof_pg_unit_t  *u;

    sql = first->statements[0].sql;

    size = sql->nparams * (NGX_OOF_PG_ARRAY_HEAD + sizeof(char *)
                           + 2 * sizeof(int));
    q = &first->queue;

    for (i = 0; i < n; i++) {
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);
        size += u->size + 4 * sql->nparams;
        q = ngx_queue_next(q);
    }

    values = ngx_alloc(size, ngx_cycle->log);
    if (values == NULL) {
        return NGX_ERROR;
    }

    lengths = (int *) (values + sql->nparams);
    formats = lengths + sql->nparams;
    p = (char *) (formats + sql->nparams);

    for (i = 0; i < sql->nparams; i++) {
        values[i] = p;
        p = ngx_oof_pg_segment_array(p, first, n, i);
        lengths[i] = (int) (p - values[i]);
        formats[i] = 1;
    }

    rc = PQsendQueryPrepared(lane->conn, sql->many->name, (int) sql->nparams,
                             values, lengths, formats, 1)
         ? NGX_OK : NGX_ERROR;

    ngx_explicit_memzero(values, size);
    ngx_free(values);

    return rc;
}


static char *
ngx_oof_pg_segment_array(char *p, ngx_oof_pg_unit_t *first, ngx_uint_t n,
    ngx_uint_t param)
{
    char                    *nulls;
    ngx_uint_t               i;
    ngx_queue_t             *q;
    ngx_oof_pg_unit_t       *u;
    ngx_oof_pg_statement_t  *s;

    p = ngx_oof_pg_segment_word(p, 1);
    nulls = p;
    p = ngx_oof_pg_segment_word(p, 0);
    p = ngx_oof_pg_segment_word(p, first->statements[0].sql->types[param]);
    p = ngx_oof_pg_segment_word(p, n);
    p = ngx_oof_pg_segment_word(p, 1);

    q = &first->queue;

    for (i = 0; i < n; i++) {
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);
        s = &u->statements[0];
        q = ngx_queue_next(q);

        if (s->values[param] == NULL) {
            p = ngx_oof_pg_segment_word(p, (uint32_t) -1);
            (void) ngx_oof_pg_segment_word(nulls, 1);
            continue;
        }

        p = ngx_oof_pg_segment_word(p, (uint32_t) s->lengths[param]);
        p = (char *) ngx_cpymem(p, s->values[param], s->lengths[param]);
    }

    return p;
}


static char *
ngx_oof_pg_segment_word(char *p, uint32_t n)
{
    n = htonl(n);

    return (char *) ngx_cpymem(p, &n, 4);
}


static void
ngx_oof_pg_segment_take(ngx_oof_pg_lane_t *lane, ngx_oof_pg_segment_t *seg,
    ngx_oof_pg_unit_t *u)
{
    ngx_oof_pg_class_t  *class;

    class = lane->class;

    ngx_oof_pg_dequeue(u);
    ngx_queue_insert_tail(&seg->units, &u->queue);

    u->state = NGX_OOF_PG_UNIT_SENT;

    seg->nunits++;
    seg->size += u->size;

    if (u->runs++ == 0) {
        ngx_oof_metric_observe(&ngx_oof_pg_wait_seconds,
                               ngx_oof_pg_series(class->db, class->class),
                               (uint64_t) (ngx_current_msec - u->queued)
                               * 1000);
    }
}


static ngx_int_t
ngx_oof_pg_segment_unit(ngx_oof_pg_lane_t *lane, ngx_oof_pg_segment_t *seg,
    ngx_oof_pg_unit_t *u)
{
    const char              *name;
    ngx_uint_t               i;
    ngx_oof_pg_class_t      *class;
    ngx_oof_pg_statement_t  *s;

    class = lane->class;

    ngx_oof_pg_segment_take(lane, seg, u);

    u->many = 0;

    for (i = 0; i < u->nstatements; i++) {
        s = &u->statements[i];

        name = (class->class == NGX_OOF_PG_SOLO && s->sql->solo_name)
               ? s->sql->solo_name : s->sql->name;

        if (!PQsendQueryPrepared(lane->conn, name, (int) s->nparams,
                                 s->values, s->lengths, s->formats, 1))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_oof_pg_segment_count(ngx_oof_pg_lane_t *lane, ngx_oof_pg_segment_t *seg)
{
    ngx_uint_t  n, i;

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "oof pg lane %p class:%ui segment of %ui, %ui on their way",
                   lane, lane->class->class, seg->nunits, lane->nsegments);

    /* 1, 2 to 8, to 32, to 64, to 128, more */

    i = (seg->nunits > 1) + (seg->nunits > 8) + (seg->nunits > 32)
        + (seg->nunits > 64) + (seg->nunits > 128);

    n = ngx_oof_pg_series(lane->class->db, lane->class->class);

    ngx_oof_metric_inc(&ngx_oof_pg_segments_total, n * NGX_OOF_PG_SIZES + i,
                       1);
}


/* takes what has come: never calls PQgetResult() when it would wait */

ngx_int_t
ngx_oof_pg_segment_results(ngx_oof_pg_lane_t *lane)
{
    PGresult              *res;
    ngx_int_t              rc;
    ngx_oof_pg_segment_t  *seg;

    while (lane->nsegments && !PQisBusy(lane->conn)) {

        seg = &lane->segments[lane->first];

        res = PQgetResult(lane->conn);

        if (res == NULL) {

            /* the end of a statement's results */

            if (!seg->got) {

                if (PQstatus(lane->conn) == CONNECTION_OK) {
                    lane->why = "results are out of step";
                }

                return NGX_ERROR;
            }

            ngx_oof_pg_segment_next(seg);
            continue;
        }

        if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
            PQclear(res);

            if (ngx_oof_pg_segment_end(lane) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        rc = ngx_oof_pg_segment_result(lane, seg, res);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (lane->nsegments == 0) {

        /* notices and a FATAL error may come between segments */

        (void) PQisBusy(lane->conn);

        if (!lane->connection->idle) {
            ngx_oof_pg_lane_idle(lane);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_pg_segment_result(ngx_oof_pg_lane_t *lane, ngx_oof_pg_segment_t *seg,
    PGresult *res)
{
    const char              *sqlstate, *name;
    ngx_uint_t               fate;
    ngx_oof_pg_statement_t  *s;

    seg->got = 1;

    s = seg->unit ? &seg->unit->statements[seg->statement] : NULL;

    switch (PQresultStatus(res)) {

    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:

        if (s == NULL || s->result) {
            lane->why = "results are out of step";
            PQclear(res);
            return NGX_ERROR;
        }

        s->result = res;

        return seg->unit->many ? ngx_oof_pg_segment_share(seg->unit) : NGX_OK;

    case PGRES_PIPELINE_ABORTED:
        PQclear(res);
        return NGX_OK;

    default:
        break;
    }

    sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    if (ngx_oof_pg_is_fatal(res)) {

        /* somebody has ended the backend: that was no run of these units */

        lane->ended = (sqlstate
                       && ngx_oof_pg_fate(sqlstate) == NGX_OOF_PG_GONE);
        PQclear(res);
        return NGX_ERROR;
    }

    if (seg->error) {
        PQclear(res);
        return NGX_OK;
    }

    fate = ngx_oof_pg_fate(sqlstate);
    name = s ? s->sql->name : "commit";

    ngx_oof_pg_log_error((fate == NGX_OOF_PG_RACE || fate == NGX_OOF_PG_LOCKED)
                         ? NGX_LOG_INFO : NGX_LOG_ERR,
                         lane->class->db, name, res);

    seg->error = 1;
    seg->culprit = seg->unit;
    seg->many = 0;

    if (seg->unit && seg->unit->many) {

        /* which of them it was is not known: none has run */

        seg->many = seg->unit->many;
        seg->culprit = NULL;
    }

    ngx_cpystrn((u_char *) seg->sqlstate, (u_char *) sqlstate,
                sizeof(seg->sqlstate));

    PQclear(res);

    return (fate == NGX_OOF_PG_GONE) ? NGX_ERROR : NGX_OK;
}


/* a row for each of the units that the statement was for */

static ngx_int_t
ngx_oof_pg_segment_share(ngx_oof_pg_unit_t *first)
{
    PGresult                *res;
    ngx_uint_t               i, *sharers;
    ngx_queue_t             *q;
    ngx_oof_pg_unit_t       *u;
    ngx_oof_pg_statement_t  *s;

    res = first->statements[0].result;

    if ((ngx_uint_t) PQntuples(res) != first->many) {
        return NGX_ERROR;
    }

    sharers = ngx_alloc(sizeof(ngx_uint_t), ngx_cycle->log);
    if (sharers == NULL) {
        return NGX_ERROR;
    }

    *sharers = first->many;

    q = &first->queue;

    for (i = 0; i < first->many; i++) {
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);
        s = &u->statements[0];

        s->result = res;
        s->row = i;
        s->sharers = sharers;

        q = ngx_queue_next(q);
    }

    return NGX_OK;
}


/* after the last statement of the last unit only the commit can fail */

static void
ngx_oof_pg_segment_next(ngx_oof_pg_segment_t *seg)
{
    ngx_uint_t          i;
    ngx_queue_t        *q;
    ngx_oof_pg_unit_t  *u;

    seg->got = 0;

    u = seg->unit;

    if (u == NULL || ++seg->statement < u->nstatements) {
        return;
    }

    q = ngx_queue_next(&u->queue);

    for (i = 1; i < u->many; i++) {
        q = ngx_queue_next(q);
    }

    seg->statement = 0;
    seg->unit = (q == ngx_queue_sentinel(&seg->units))
                ? NULL : ngx_queue_data(q, ngx_oof_pg_unit_t, queue);
}


/* the Sync of the first segment has come: it is committed, or it is not */

static ngx_int_t
ngx_oof_pg_segment_end(ngx_oof_pg_lane_t *lane)
{
    ngx_uint_t             fate;
    ngx_oof_pg_segment_t  *seg;

    seg = &lane->segments[lane->first];

    if (seg->unit && !seg->error) {

        lane->why = "results are out of step";
        return NGX_ERROR;
    }

    lane->first = (lane->first + 1) % NGX_OOF_PG_MAX_SEGMENTS;
    lane->nsegments--;

    if (!seg->error) {
        ngx_oof_pg_segment_good(lane, seg);
        return NGX_OK;
    }

    fate = ngx_oof_pg_fate(seg->sqlstate);

    ngx_oof_pg_segment_failed(lane, seg, fate);

    if (fate == NGX_OOF_PG_STALE) {

        /* all later units would fail too */

        lane->why = "statements do not work any more";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_oof_pg_segment_good(ngx_oof_pg_lane_t *lane, ngx_oof_pg_segment_t *seg)
{
    ngx_queue_t        *q;
    ngx_oof_pg_unit_t  *u;

    while (!ngx_queue_empty(&seg->units)) {
        q = ngx_queue_head(&seg->units);
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);

        ngx_queue_remove(q);

        if (lane->class->class == NGX_OOF_PG_LEASE
            || !ngx_oof_pg_segment_busy(u))
        {
            ngx_oof_pg_end(u, NGX_OOF_PG_OK);

        } else if (lane->class->class == NGX_OOF_PG_WRITE) {
            ngx_oof_pg_segment_solo(u);

        } else {
            ngx_oof_pg_end(u, NGX_OOF_PG_TIMEOUT);
        }
    }
}


/* all of it is rolled back, and nothing of it is in doubt */

static void
ngx_oof_pg_segment_failed(ngx_oof_pg_lane_t *lane, ngx_oof_pg_segment_t *seg,
    ngx_uint_t fate)
{
    ngx_uint_t          ran;
    ngx_queue_t        *q, again;
    ngx_oof_pg_unit_t  *u, *culprit;

    ngx_queue_init(&again);

    culprit = seg->culprit;

    if (culprit == NULL && seg->nunits == 1 && !seg->many) {
        q = ngx_queue_head(&seg->units);
        culprit = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);
    }

    ran = 1;

    while (!ngx_queue_empty(&seg->units)) {
        q = ngx_queue_head(&seg->units);
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);

        ngx_queue_remove(q);

        if (seg->many && u == seg->unit) {
            ran = 0;
        }

        if (u == culprit) {
            ran = 0;
            ngx_cpystrn((u_char *) u->sqlstate, (u_char *) seg->sqlstate,
                        sizeof(u->sqlstate));
            ngx_oof_pg_unit_clear(u);
            ngx_oof_pg_segment_culprit(lane, seg, u, fate, &again);
            continue;
        }

        if (!ran) {
            u->runs--;
            u->aborts++;
        }

        ngx_oof_pg_segment_neighbour(lane, u, fate, &again);
    }

    if (culprit == NULL && !seg->many) {
        ngx_oof_pg_segment_halve(&again);
    }

    ngx_oof_pg_again(&again);
}


static void
ngx_oof_pg_segment_neighbour(ngx_oof_pg_lane_t *lane, ngx_oof_pg_unit_t *u,
    ngx_uint_t fate, ngx_queue_t *again)
{
    if (fate == NGX_OOF_PG_EXHAUSTED) {
        ngx_oof_pg_end(u, NGX_OOF_PG_DOWN);
        return;
    }

    if (lane->class->class == NGX_OOF_PG_WRITE && ngx_oof_pg_segment_busy(u)) {
        ngx_oof_pg_segment_solo(u);
        return;
    }

    ngx_oof_pg_unit_clear(u);

    if (u->runs >= NGX_OOF_PG_MAX_RUNS) {
        ngx_oof_pg_end(u, NGX_OOF_PG_DOWN);
        return;
    }

    /* a third time it suffers from no neighbour */

    if (u->runs + u->aborts >= NGX_OOF_PG_MAX_RUNS - 1) {
        u->alone = 1;
    }

    ngx_oof_pg_count_again(u, NGX_OOF_PG_AGAIN_SHARED);
    ngx_queue_insert_tail(again, &u->queue);
}


static void
ngx_oof_pg_segment_culprit(ngx_oof_pg_lane_t *lane, ngx_oof_pg_segment_t *seg,
    ngx_oof_pg_unit_t *u, ngx_uint_t fate, ngx_queue_t *again)
{
    ngx_uint_t  class;

    class = lane->class->class;

    switch (fate) {

    case NGX_OOF_PG_EXHAUSTED:
        ngx_oof_pg_end(u, NGX_OOF_PG_DOWN);
        return;

    case NGX_OOF_PG_CANCELLED:
        ngx_oof_pg_end(u, NGX_OOF_PG_TIMEOUT);
        return;
    }

    if (u->runs < NGX_OOF_PG_MAX_RUNS) {

        /* a read waits for nothing but a table that is being altered */

        if ((class == NGX_OOF_PG_WRITE && fate != NGX_OOF_PG_STALE)
            || (class == NGX_OOF_PG_READ && fate == NGX_OOF_PG_LOCKED))
        {
            ngx_oof_pg_count_again(u, NGX_OOF_PG_AGAIN_ERROR);
            ngx_oof_pg_solo(u);
            return;
        }

        if (fate == NGX_OOF_PG_RACE || fate == NGX_OOF_PG_STALE
            || (class == NGX_OOF_PG_READ && seg->nunits > 1))
        {
            if (class == NGX_OOF_PG_READ) {
                u->alone = 1;
            }

            ngx_oof_pg_count_again(u, NGX_OOF_PG_AGAIN_ERROR);
            ngx_queue_insert_tail(again, &u->queue);
            return;
        }
    }

    if (fate == NGX_OOF_PG_LOCKED) {
        ngx_oof_pg_end(u, NGX_OOF_PG_TIMEOUT);

    } else if (fate == NGX_OOF_PG_RACE && u->sqlstate[0] == '4') {
        ngx_oof_pg_end(u, NGX_OOF_PG_DOWN);

    } else {
        ngx_oof_pg_end(u, NGX_OOF_PG_ERROR);
    }
}


/* the commit has failed: whose fault it is, the halves tell */

static void
ngx_oof_pg_segment_halve(ngx_queue_t *units)
{
    ngx_queue_t        *q;
    ngx_oof_pg_unit_t  *u;

    for (q = ngx_queue_head(units);
         q != ngx_queue_sentinel(units);
         q = ngx_queue_next(q))
    {
        u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);
        u->cut = 0;
    }

    if (ngx_queue_empty(units)) {
        return;
    }

    u = ngx_queue_data(ngx_queue_prev(ngx_queue_middle(units)),
                       ngx_oof_pg_unit_t, queue);

    if (&u->queue != ngx_queue_sentinel(units)) {
        u->cut = 1;
    }

    u = ngx_queue_data(ngx_queue_last(units), ngx_oof_pg_unit_t, queue);
    u->cut = 1;
}


/*
 * The lane's end.  What has been sent may have been done or not: a write finds
 * its own trace when it runs again.
 */

void
ngx_oof_pg_segment_lost(ngx_oof_pg_lane_t *lane)
{
    ngx_queue_t           *q, again;
    ngx_oof_pg_unit_t     *u;
    ngx_oof_pg_segment_t  *seg;

    ngx_queue_init(&again);

    for ( /* void */ ; lane->nsegments; lane->nsegments--) {

        seg = &lane->segments[lane->first];
        lane->first = (lane->first + 1) % NGX_OOF_PG_MAX_SEGMENTS;

        while (!ngx_queue_empty(&seg->units)) {
            q = ngx_queue_head(&seg->units);
            u = ngx_queue_data(q, ngx_oof_pg_unit_t, queue);

            ngx_queue_remove(q);
            ngx_oof_pg_unit_clear(u);

            if (lane->ended) {
                u->runs--;
            }

            if (u->runs >= NGX_OOF_PG_MAX_RUNS) {
                ngx_oof_pg_end(u, NGX_OOF_PG_DOWN);
                continue;
            }

            u->doubt = (u->class != NGX_OOF_PG_READ);

            ngx_oof_pg_count_again(u, NGX_OOF_PG_AGAIN_LOST);
            ngx_queue_insert_tail(&again, &u->queue);
        }
    }

    ngx_oof_pg_again(&again);
}


/* the outcome that says: a row is held, nothing has been written */

static ngx_uint_t
ngx_oof_pg_segment_busy(ngx_oof_pg_unit_t *u)
{
    PGresult    *res;
    ngx_uint_t   last;

    if (u->class == NGX_OOF_PG_READ) {
        return 0;
    }

    last = u->nstatements - 1;
    res = u->statements[last].result;

    return res != NULL
           && PQnfields(res)
           && PQftype(res, 0) == NGX_OOF_PG_INT4_OID
           && ngx_oof_pg_get_int(u, last, 0, 0) == NGX_OOF_PG_BUSY_OUTCOME;
}


/* to where it may wait: it has done nothing, so this was no run */

static void
ngx_oof_pg_segment_solo(ngx_oof_pg_unit_t *u)
{
    u->runs--;

    ngx_oof_pg_unit_clear(u);
    ngx_oof_pg_count_again(u, NGX_OOF_PG_AGAIN_BUSY);
    ngx_oof_pg_solo(u);
}


static ngx_uint_t
ngx_oof_pg_fate(const char *sqlstate)
{
    ngx_oof_pg_fate_t  *f;

    for (f = ngx_oof_pg_fates; f->prefix[0]; f++) {
        if (ngx_strncmp(sqlstate, f->prefix, ngx_strlen(f->prefix)) == 0) {
            break;
        }
    }

    return f->fate;
}


static void
ngx_oof_pg_count_again(ngx_oof_pg_unit_t *u, ngx_uint_t why)
{
    ngx_uint_t  n;

    n = ngx_oof_pg_series(u->db, u->class);

    ngx_oof_metric_inc(&ngx_oof_pg_again_total, n * NGX_OOF_PG_AGAINS + why,
                       1);
}


ngx_uint_t
ngx_oof_pg_is_fatal(PGresult *res)
{
    char  *severity;

    /* none: it is libpq's own, the connection has ended */

    severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);

    return severity == NULL || ngx_strcmp(severity, "ERROR") != 0;
}


/*
 * Never the detail, which shows rows, nor the message of a data exception or
 * of a function's own error, which shows values.
 */

void
ngx_oof_pg_log_error(ngx_uint_t level, ngx_oof_database_t *db,
    const char *statement, PGresult *res)
{
    char  *sqlstate, *message, *constraint;

    sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);

    if (sqlstate == NULL) {
        sqlstate = "";
    }

    if (message == NULL || ngx_strncmp(sqlstate, "22", 2) == 0
        || ngx_strncmp(sqlstate, "P0", 2) == 0)
    {
        message = "(not shown)";
    }

    ngx_log_error(level, ngx_cycle->log, 0,
                  "statement \"%s\" of database \"%V\" failed: %s %V%s%s",
                  statement, &db->name, sqlstate, ngx_oof_pg_message(message),
                  constraint ? " of constraint " : "",
                  constraint ? constraint : "");
}
