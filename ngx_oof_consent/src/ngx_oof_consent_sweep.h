
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_CONSENT_SWEEP_H_INCLUDED_
#define _NGX_OOF_CONSENT_SWEEP_H_INCLUDED_


#include <ngx_oof.h>


/*
 * Time ends consents (spec 1.5): one that is not authorised within an hour, one
 * whose term is over.  Whoever judges a consent sees that from the due instant
 * on; the sweeper writes it down, with history and event, which carry that
 * instant.
 *
 * One process of the installation does, the holder of the lease "sweeper" of
 * each database that a consents API stands on.  It wakes when the next consent
 * is due, looks twice a second for what was not known to be, and takes what is
 * due in batches, whose size follows from what they take, so that no row is
 * locked for longer than a tenth of a second.
 */

/*
 * Remembers a location that serves the consents API; while locations are
 * merged.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_oof_consent_sweep_location(ngx_conf_t *cf);

/* declares leases and metrics, when all locations are merged */
ngx_int_t ngx_oof_consent_sweep_init(ngx_conf_t *cf);

/* the tables with personal data, see ngx_oof_rotation.h; likewise */
ngx_int_t ngx_oof_consent_rotation_init(ngx_conf_t *cf);

/* what is held of a customer, see ngx_oof_export.h; in preconfiguration */
ngx_int_t ngx_oof_consent_export_preconf(ngx_conf_t *cf);


#endif /* _NGX_OOF_CONSENT_SWEEP_H_INCLUDED_ */
