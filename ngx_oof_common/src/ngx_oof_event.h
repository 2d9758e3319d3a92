
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_EVENT_H_INCLUDED_
#define _NGX_OOF_EVENT_H_INCLUDED_


#include <ngx_oof.h>


/*
 * The event log's rows (table oof_event) are written by the same statement as
 * the change they tell of.  This room makes what such a statement needs.
 *
 * A row has, beside the event's id, type and data: the brand; the key, which
 * is the id of what has changed; the version that the change made (1, 2, ...,
 * also the sequence that consumers see); the time when it happened, by the
 * rule clock; and the stamp, which orders the events of a key whatever the
 * clocks of the hosts say.  The statement makes the stamp under the lock of
 * the row that it changes, and stores it there too:
 *
 *     greatest($now, row.stamp + interval '1 microsecond')
 */

#define NGX_OOF_EVENT_TYPE_MAX  64

/* a consent was created, awaiting authorisation; version 1 */
#define NGX_OOF_EVENT_CONSENT_CREATED     "oof.consent.created"

/* the customer has authorised it */
#define NGX_OOF_EVENT_CONSENT_AUTHORISED  "oof.consent.authorised"

/*
 * it is over, whoever ended it: refused, revoked, past its time to be
 * authorised or past its expiration; data tells by whom and why
 */
#define NGX_OOF_EVENT_CONSENT_REJECTED    "oof.consent.rejected"

/* its expiration was changed without a redirect; the status stays */
#define NGX_OOF_EVENT_CONSENT_EXTENDED    "oof.consent.extended"

/* what it shares has changed: one who must agree has agreed or refused */
#define NGX_OOF_EVENT_CONSENT_RESOURCES   "oof.consent.resources"

/*
 * A consent to pay was created; was authorised; awaits the agreement of
 * others; is over (refused, or past its time); has had its payment.
 */
#define NGX_OOF_EVENT_PAYMENT_CONSENT_CREATED     "oof.payment_consent.created"
#define NGX_OOF_EVENT_PAYMENT_CONSENT_AUTHORISED                              \
    "oof.payment_consent.authorised"
#define NGX_OOF_EVENT_PAYMENT_CONSENT_PARTIAL                                 \
    "oof.payment_consent.partially_accepted"
#define NGX_OOF_EVENT_PAYMENT_CONSENT_REJECTED                                \
    "oof.payment_consent.rejected"
#define NGX_OOF_EVENT_PAYMENT_CONSENT_CONSUMED                                \
    "oof.payment_consent.consumed"


typedef struct {
    u_char                   id[NGX_OOF_UUID_LEN];   /* UUIDv7: also the
                                                      * unit's id */
    ngx_str_t                type;       /* "oof.consent.created" */
    ngx_str_t                data;       /* JSON, no personal data */
    ngx_str_t                trace;      /* traceparent; empty: none */
} ngx_oof_event_t;


/*
 * A new event of "type", which must be a literal of at most
 * NGX_OOF_EVENT_TYPE_MAX characters; "data" is an empty object until the
 * caller sets it.  Returns NGX_ERROR when there is no randomness for the id.
 */
ngx_int_t ngx_oof_event_init(ngx_oof_event_t *event, const char *type);

/*
 * The event is of this request's trace, where the caller records that: the
 * member "traceparent" of its data.  To be called before the event is given.
 */
void ngx_oof_event_trace(ngx_oof_event_t *event, ngx_oof_request_t *o);

/*
 * Gives the event's id, type and data to the unit as uuid, text, text; or its
 * data alone.
 */
void ngx_oof_pg_event(ngx_oof_pg_unit_t *u, ngx_oof_event_t *event);
void ngx_oof_pg_event_data(ngx_oof_pg_unit_t *u, ngx_oof_event_t *event);

/*
 * Gives the unit what a statement that writes the data itself has as their last
 * member "traceparent": text, or null where the caller records no trace.
 */
void ngx_oof_pg_event_trace(ngx_oof_pg_unit_t *u, ngx_oof_request_t *o);


#endif /* _NGX_OOF_EVENT_H_INCLUDED_ */
