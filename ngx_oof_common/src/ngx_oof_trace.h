
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_TRACE_H_INCLUDED_
#define _NGX_OOF_TRACE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Distributed traces (W3C Trace Context 1).  A request's "traceparent" goes on
 * to what the request causes, and one of ours where it has none that is valid:
 * to the bank's core, to the systems behind a gate, to webhooks, and, where the
 * caller records the trace (the flag "sampled"), into events.  No span is
 * recorded here, so the parent's id stays; nginx's module "otel", where it is
 * loaded, records one and sets the header that is read here.
 */

#define NGX_OOF_TRACE_ID      32
#define NGX_OOF_TRACE_PARENT  55         /* "00-TRACE-SPAN-FLAGS" */


/*
 * What the request's own calls carry as traceparent.  Lives as long as the
 * request; NULL when there is no randomness.
 */
ngx_str_t *ngx_oof_trace(ngx_oof_request_t *o);

/* the trace's id within it */
#define ngx_oof_trace_id(trace)  ((trace)->data + 3)

/*
 * The same for what outlives the request: a copy in "pool", empty when memory
 * or randomness is short.
 */
void ngx_oof_trace_copy(ngx_oof_request_t *o, ngx_pool_t *pool,
    ngx_str_t *trace);

/*
 * A call of ours within "trace", whose parent is a span of its own: the same
 * with another span, in "child" of NGX_OOF_TRACE_PARENT bytes.  NGX_DECLINED:
 * that is no traceparent, or there is no randomness.
 */
ngx_int_t ngx_oof_trace_child(ngx_str_t *trace, u_char *child);

/* the caller records its trace, as far as it says so */
ngx_uint_t ngx_oof_trace_sampled(ngx_oof_request_t *o);


#endif /* _NGX_OOF_TRACE_H_INCLUDED_ */
