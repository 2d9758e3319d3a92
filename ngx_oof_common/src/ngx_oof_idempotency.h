
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_IDEMPOTENCY_H_INCLUDED_
#define _NGX_OOF_IDEMPOTENCY_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What tells a repeated request from a new one (spec 2.2, 2.3): the jti of a
 * message, which is good once in 24 hours for a client, and x-idempotency-key,
 * which names the outcome of a request for 24 hours, per client and endpoint.
 *
 * Both are rows (oof_jti, oof_idempotency) whose primary key is a digest, and
 * are taken by the statement that does the request's work, in this order.  A
 * statement gets them as its first parameters:
 *
 *     $1 bytea: digest of the jti
 *     $2 bytea: digest of the key
 *     $3 bytea: HMAC of what was asked for
 *     $4 uuid: id of the unit
 *     $5 timestamptz: rule clock
 *     $6 timestamptz: until when both are remembered
 *
 * and begins with
 *
 *     WITH j AS (
 *         INSERT INTO oof_jti AS t (hash, unit, until)
 *              VALUES ($1, $4, $6)
 *         ON CONFLICT (hash) DO UPDATE
 *                 SET unit = excluded.unit,
 *                     until = excluded.until
 *               WHERE t.until <= $5
 *                  OR t.unit = excluded.unit
 *           RETURNING hash
 *     )
 *
 * so that nothing follows when the jti is not its own.  Who has lost is told by
 * a second statement, which sees what was committed meanwhile.
 */

#define NGX_OOF_IDEMPOTENCY_LEN   32
#define NGX_OOF_IDEMPOTENCY_KEEP  (24 * 60 * 60)     /* s, at least */
#define NGX_OOF_IDEMPOTENCY_MAX   40                 /* of a key (spec 0.3) */


typedef struct {
    u_char                   jti[NGX_OOF_IDEMPOTENCY_LEN];
    u_char                   hash[NGX_OOF_IDEMPOTENCY_LEN];
    u_char                   print[NGX_OOF_IDEMPOTENCY_LEN];
    u_char                   unit[NGX_OOF_UUID_LEN];
    int64_t                  now;
    int64_t                  until;
    ngx_str_t                canonical;  /* what was asked for: personal */
} ngx_oof_idempotency_t;


/*
 * Takes x-idempotency-key and the jti of o->message.  "canonical" is a text
 * that is the same for equal requests only; "unit" is the id of the unit's
 * event.  NGX_OK; NGX_DECLINED with a 400 prepared when there is no key or one
 * that has not the form; NGX_ERROR.
 */
ngx_int_t ngx_oof_idempotency_init(ngx_oof_request_t *o,
    ngx_oof_idempotency_t *idem, ngx_str_t *canonical, u_char *unit);

/* gives the six parameters to the unit */
void ngx_oof_pg_idempotency(ngx_oof_pg_unit_t *u,
    ngx_oof_idempotency_t *idem);

/* whether a stored print is this request's, under whatever look-up key */
ngx_uint_t ngx_oof_idempotency_same(ngx_oof_request_t *o,
    ngx_oof_idempotency_t *idem, ngx_str_t *print);

/*
 * Takes away what is past its time, in batches; called by the holder of the
 * lease "maintenance" each second.
 */
void ngx_oof_idempotency_purge(ngx_oof_lease_t *lease, ngx_msec_t *next,
    ngx_uint_t *asking);


#endif /* _NGX_OOF_IDEMPOTENCY_H_INCLUDED_ */
