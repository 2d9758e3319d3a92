
/*
 * Copyright (C) oof authors
 */


#ifndef _NGX_OOF_MAINTENANCE_H_INCLUDED_
#define _NGX_OOF_MAINTENANCE_H_INCLUDED_


#include <ngx_oof.h>


/*
 * What the database needs from time to time, done by the holder of the lease
 * "maintenance" of each database: partitions of the logs of events and of calls
 * are kept 14 days ahead.  The metrics oof_event_partition_days_left and
 * oof_call_partition_days_left tell how many days after today have one, where
 * that is known; rows that no partition was there for are told in the error log
 * until somebody has moved them.
 *
 * To be called when all databases are configured.
 */
ngx_int_t ngx_oof_maintenance_init(ngx_conf_t *cf);


#endif /* _NGX_OOF_MAINTENANCE_H_INCLUDED_ */
