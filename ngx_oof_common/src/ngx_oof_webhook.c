
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_webhook_int.h>
#include <ngx_oof_common_sql.h>


/* who is told of an event, and in which words */


#define NGX_OOF_WEBHOOK_BASE  "/open-banking/webhook/v1"


static ngx_oof_webhook_sender_t *ngx_oof_webhook_sender_make(ngx_conf_t *cf,
    ngx_oof_database_t *db);
static ngx_int_t ngx_oof_webhook_serve(ngx_conf_t *cf,
    ngx_oof_webhook_sender_t *s, ngx_oof_webhook_use_t *use);

static ngx_oof_webhook_rule_t *ngx_oof_webhook_rule(ngx_str_t *type,
    json_t *data);
static ngx_oof_webhook_notice_t *ngx_oof_webhook_notice(ngx_str_t *type,
    json_t *data);
static ngx_uint_t ngx_oof_webhook_is(ngx_str_t *a, ngx_str_t *b);
static ngx_int_t ngx_oof_webhook_tell(ngx_oof_json_t *w,
    ngx_oof_relay_event_t *ev, ngx_oof_webhook_rule_t *rule, json_t *data);
static ngx_int_t ngx_oof_webhook_tell_bank(ngx_oof_json_t *w,
    ngx_oof_relay_event_t *ev, ngx_oof_webhook_notice_t *notice,
    ngx_oof_webhooks_t *conf, json_t *data);
static void ngx_oof_webhook_row(ngx_oof_json_t *w,
    ngx_oof_relay_event_t *ev);


ngx_int_t
ngx_oof_webhook_add(ngx_conf_t *cf, ngx_oof_webhook_rule_t *rules,
    ngx_oof_webhook_notice_t *notices)
{
    ngx_oof_main_conf_t        *omcf;
    ngx_oof_webhook_rule_t    **rule;
    ngx_oof_webhook_notice_t  **notice;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    for ( /* void */ ; rules && rules->type.len; rules++) {

        rule = ngx_array_push(&omcf->webhook_rules);
        if (rule == NULL) {
            return NGX_ERROR;
        }

        *rule = rules;
    }

    for ( /* void */ ; notices && notices->type.len; notices++) {

        notice = ngx_array_push(&omcf->webhook_notices);
        if (notice == NULL) {
            return NGX_ERROR;
        }

        *notice = notices;
    }

    return NGX_OK;
}


void
ngx_oof_webhook_add_due(ngx_conf_t *cf, ngx_oof_sql_t *sql)
{
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    omcf->webhook_due = sql;
}


ngx_int_t
ngx_oof_webhook_preconf(ngx_conf_t *cf)
{
    return ngx_oof_webhook_list_preconf(cf);
}


ngx_int_t
ngx_oof_webhook_init(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_oof_webhooks_t        **conf;
    ngx_oof_main_conf_t        *omcf;
    ngx_oof_webhook_use_t     **use;
    ngx_oof_webhook_sender_t   *s, **senders;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    conf = omcf->webhooks.elts;

    for (i = 0; i < omcf->webhooks.nelts; i++) {

        if (conf[i]->bank_url.len
            && ngx_oof_fetch_prepare(cf, &conf[i]->bank_url,
                                     &conf[i]->bank_addrs)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    use = omcf->webhook_uses.elts;

    for (i = 0; i < omcf->webhook_uses.nelts; i++) {

        if (!ngx_oof_database_leases(use[i]->db)) {
            continue;
        }

        s = ngx_oof_webhook_sender_make(cf, use[i]->db);

        if (s == NULL || ngx_oof_webhook_serve(cf, s, use[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    senders = omcf->webhook_senders.elts;

    for (i = 0; i < omcf->webhook_senders.nelts; i++) {
        if (ngx_oof_webhook_send_init(cf, senders[i]) != NGX_OK
            || ngx_oof_webhook_consumer(cf, senders[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_oof_webhook_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                  i;
    ngx_oof_main_conf_t        *omcf;
    ngx_oof_webhook_sender_t  **senders;

    omcf = ngx_oof_main_conf(cycle);
    senders = omcf->webhook_senders.elts;

    for (i = 0; i < omcf->webhook_senders.nelts; i++) {
        ngx_oof_webhook_send_exit(senders[i]);
    }
}


static ngx_oof_webhook_sender_t *
ngx_oof_webhook_sender_make(ngx_conf_t *cf, ngx_oof_database_t *db)
{
    ngx_uint_t                  i;
    ngx_oof_main_conf_t        *omcf;
    ngx_oof_webhook_sender_t   *s, **senders;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    senders = omcf->webhook_senders.elts;

    for (i = 0; i < omcf->webhook_senders.nelts; i++) {
        if (senders[i]->lease.db == db) {
            return senders[i];
        }
    }

    s = ngx_pcalloc(cf->pool, sizeof(ngx_oof_webhook_sender_t));
    senders = ngx_array_push(&omcf->webhook_senders);

    if (s == NULL || senders == NULL
        || ngx_array_init(&s->uses, cf->pool, 4, sizeof(void *)) != NGX_OK)
    {
        return NULL;
    }

    s->lease.db = db;
    s->find = omcf->webhook_due;

    ngx_oof_webhook_hosts_init(&s->hosts, 0, 0);

    *senders = s;

    return s;
}


/* what several blocks say of one queue: the largest counts */

static ngx_int_t
ngx_oof_webhook_serve(ngx_conf_t *cf, ngx_oof_webhook_sender_t *s,
    ngx_oof_webhook_use_t *use)
{
    ngx_oof_webhooks_t      *conf;
    ngx_oof_webhook_use_t  **slot;

    slot = ngx_array_push(&s->uses);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = use;
    conf = use->conf;

    s->finds |= (conf->bank_url.len && conf->expiry_notice);
    s->keep = ngx_max(s->keep, conf->keep);
    s->queue_time = ngx_max(s->queue_time, conf->queue_time);
    s->hosts.max = ngx_max(s->hosts.max, conf->calls);
    s->hosts.host_max = ngx_max(s->hosts.host_max, conf->host_calls);

    return NGX_OK;
}


ngx_oof_webhook_use_t *
ngx_oof_webhook_brand(ngx_oof_webhook_sender_t *s, ngx_str_t *brand)
{
    ngx_uint_t               i;
    ngx_oof_webhook_use_t  **use;

    use = s->uses.elts;

    for (i = 0; i < s->uses.nelts; i++) {
        if (ngx_oof_webhook_is(&use[i]->brand, brand)) {
            return use[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_oof_webhook_known(ngx_oof_webhook_sender_t *s, ngx_str_t *brand,
    ngx_str_t *type)
{
    ngx_uint_t                  i;
    ngx_oof_main_conf_t        *omcf;
    ngx_oof_webhook_use_t      *use;
    ngx_oof_webhook_rule_t    **rule;
    ngx_oof_webhook_notice_t  **notice;

    use = ngx_oof_webhook_brand(s, brand);

    if (use == NULL) {
        return 0;
    }

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);
    rule = omcf->webhook_rules.elts;

    for (i = 0; i < omcf->webhook_rules.nelts; i++) {
        if (ngx_oof_webhook_is(&rule[i]->type, type)) {
            return 1;
        }
    }

    notice = omcf->webhook_notices.elts;

    for (i = 0; use->conf->bank_url.len && i < omcf->webhook_notices.nelts;
         i++)
    {
        if (ngx_oof_webhook_is(&notice[i]->type, type)) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_oof_webhook_event(ngx_oof_webhook_sender_t *s, ngx_pool_t *pool,
    ngx_oof_relay_event_t *ev, ngx_oof_json_t *tpp, ngx_oof_json_t *bank)
{
    json_t                    *data;
    const char                *why;
    ngx_oof_webhook_use_t     *use;
    ngx_oof_webhook_rule_t    *rule;
    ngx_oof_webhook_notice_t  *notice;

    use = ngx_oof_webhook_brand(s, &ev->brand);

    if (use == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_oof_json_parse(pool, &ev->data, &data, &why) != NGX_OK) {
        return NGX_ERROR;
    }

    rule = ngx_oof_webhook_rule(&ev->type, data);
    notice = use->conf->bank_url.len
             ? ngx_oof_webhook_notice(&ev->type, data) : NULL;

    if (rule == NULL && notice == NULL) {
        return NGX_DECLINED;
    }

    if (rule && ngx_oof_webhook_tell(tpp, ev, rule, data) != NGX_OK) {
        return NGX_ERROR;
    }

    if (notice
        && ngx_oof_webhook_tell_bank(bank, ev, notice, use->conf, data)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_oof_webhook_rule_t *
ngx_oof_webhook_rule(ngx_str_t *type, json_t *data)
{
    ngx_str_t                 previous;
    ngx_uint_t                i;
    ngx_oof_main_conf_t      *omcf;
    ngx_oof_webhook_rule_t  **rule;

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);
    rule = omcf->webhook_rules.elts;

    for (i = 0; i < omcf->webhook_rules.nelts; i++) {

        if (!ngx_oof_webhook_is(&rule[i]->type, type)) {
            continue;
        }

        if (rule[i]->previous.len == 0
            || (ngx_oof_json_get_str(data, "previousStatus", &previous)
                == NGX_OK
                && ngx_oof_webhook_is(&rule[i]->previous, &previous)))
        {
            return rule[i];
        }
    }

    return NULL;
}


static ngx_oof_webhook_notice_t *
ngx_oof_webhook_notice(ngx_str_t *type, json_t *data)
{
    json_t                     *reason;
    ngx_str_t                   code;
    ngx_uint_t                  i;
    ngx_oof_main_conf_t        *omcf;
    ngx_oof_webhook_notice_t  **notice;

    reason = json_object_get(data, "rejectionReason");

    if (reason == NULL) {
        reason = json_object_get(json_object_get(data, "rejection"),
                                 "reason");
    }

    if (ngx_oof_json_get_str(reason, "code", &code) != NGX_OK) {
        return NULL;
    }

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);
    notice = omcf->webhook_notices.elts;

    for (i = 0; i < omcf->webhook_notices.nelts; i++) {

        if (ngx_oof_webhook_is(&notice[i]->type, type)
            && ngx_oof_webhook_is(&notice[i]->code, &code))
        {
            return notice[i];
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_oof_webhook_is(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}


/*
 * The body says when it happened, and nothing more (spec 4.1): the third party
 * asks.  An id has no character that a path's segment must not have.
 */

static ngx_int_t
ngx_oof_webhook_tell(ngx_oof_json_t *w, ngx_oof_relay_event_t *ev,
    ngx_oof_webhook_rule_t *rule, json_t *data)
{
    u_char      *p;
    ngx_str_t    id, text;
    u_char       body[sizeof("{\"data\":{\"timestamp\":\"\",\"eventType\":\"\""
                             "}}") + NGX_OOF_TIME_LEN + 32];

    if (ngx_oof_json_get_str(data, rule->id, &id) != NGX_OK) {
        return NGX_ERROR;
    }

    text.len = ngx_strlen(rule->resource) + id.len;
    text.data = ngx_pnalloc(w->pool, text.len);

    if (text.data == NULL) {
        return NGX_ERROR;
    }

    ngx_oof_webhook_row(w, ev);
    ngx_oof_json_name(w, "before");
    ngx_oof_json_literal(w, rule->path);

    ngx_sprintf(text.data, "%s%V", rule->resource, &id);
    ngx_oof_json_member(w, "after", &text);

    p = ngx_cpymem(body, "{\"data\":{\"timestamp\":\"",
                   sizeof("{\"data\":{\"timestamp\":\"") - 1);
    p = ngx_oof_clock_format(p, ev->time);
    *p++ = '"';

    if (rule->change) {
        p = ngx_sprintf(p, ",\"eventType\":\"%s\"", rule->change);
    }

    *p++ = '}';
    *p++ = '}';

    text.data = body;
    text.len = p - body;
    ngx_oof_json_member(w, "body", &text);

    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


/* what the bank's own gets: all members are required */

static ngx_int_t
ngx_oof_webhook_tell_bank(ngx_oof_json_t *w, ngx_oof_relay_event_t *ev,
    ngx_oof_webhook_notice_t *notice, ngx_oof_webhooks_t *conf, json_t *data)
{
    ngx_str_t       text, urn, status, before;
    ngx_oof_json_t  body;

    if (ngx_oof_json_get_str(data, "consentId", &urn) != NGX_OK
        || ngx_oof_json_get_str(data, "status", &status) != NGX_OK
        || ngx_oof_json_init(&body, w->pool, 512) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_oof_json_begin(&body, '{');
    ngx_oof_json_name(&body, "eventType");
    ngx_oof_json_literal(&body, notice->event);
    ngx_oof_json_name(&body, "message");
    ngx_oof_json_literal(&body, notice->message);
    ngx_oof_json_member(&body, "status", &status);
    ngx_oof_json_member_time(&body, "updateStatusTimestamp", ev->time);
    ngx_oof_json_member(&body, "consentId", &urn);
    ngx_oof_json_member(&body, "brandId", &ev->brand);
    ngx_oof_json_end(&body, '}');
    ngx_oof_json_end(&body, '}');

    if (ngx_oof_json_text(&body, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the version is what stands before the rest */

    text.data[0] = ',';

    ngx_str_set(&before, "{\"data\":{\"consentVersion\":");

    ngx_oof_webhook_row(w, ev);
    ngx_oof_json_member(w, "url", &conf->bank_url);
    ngx_oof_json_member(w, "before", &before);
    ngx_oof_json_member(w, "after", &text);
    ngx_oof_json_end(w, '}');

    return NGX_OK;
}


/* begins an object of what both have */

static void
ngx_oof_webhook_row(ngx_oof_json_t *w, ngx_oof_relay_event_t *ev)
{
    ngx_str_t  trace;

    ngx_oof_json_begin(w, '{');
    ngx_oof_json_name(w, "id");
    ngx_oof_json_uuid(w, ev->id);
    ngx_oof_json_name(w, "key");
    ngx_oof_json_uuid(w, ev->key);
    ngx_oof_json_member(w, "brand", &ev->brand);
    ngx_oof_json_member(w, "type", &ev->type);
    ngx_oof_json_name(w, "time");
    ngx_oof_json_int(w, ev->time);
    ngx_oof_json_name(w, "stamp");
    ngx_oof_json_int(w, ev->stamp);

    ngx_oof_relay_trace(ev, &trace);

    if (trace.len) {
        ngx_oof_json_member(w, "trace", &trace);
    }
}


/*
 * The endpoint of a call: the path that all third parties have, without their
 * own before it and with the name of its id instead of that.
 */

ngx_int_t
ngx_oof_webhook_endpoint(ngx_pool_t *pool, ngx_str_t *type, ngx_str_t *url,
    ngx_str_t *endpoint)
{
    u_char                   *p, *last;
    ngx_uint_t                i;
    ngx_oof_main_conf_t      *omcf;
    ngx_oof_webhook_rule_t  **rule;

    omcf = ngx_oof_main_conf((ngx_cycle_t *) ngx_cycle);
    rule = omcf->webhook_rules.elts;

    for (i = 0; i < omcf->webhook_rules.nelts; i++) {
        if (ngx_oof_webhook_is(&rule[i]->type, type)) {
            break;
        }
    }

    if (i == omcf->webhook_rules.nelts) {
        return NGX_DECLINED;
    }

    last = url->data + url->len;

    while (last > url->data && last[-1] != '/') {
        last--;
    }

    if ((size_t) (last - url->data) <= sizeof(NGX_OOF_WEBHOOK_BASE)) {
        return NGX_DECLINED;
    }

    for (p = last - sizeof(NGX_OOF_WEBHOOK_BASE); p > url->data; p--) {
        if (ngx_strncmp(p, NGX_OOF_WEBHOOK_BASE "/",
                        sizeof(NGX_OOF_WEBHOOK_BASE))
            == 0)
        {
            break;
        }
    }

    if (p == url->data) {
        return NGX_DECLINED;
    }

    endpoint->data = ngx_pnalloc(pool, last - p + ngx_strlen(rule[i]->id)
                                       + sizeof("{}"));
    if (endpoint->data == NULL) {
        return NGX_ERROR;
    }

    endpoint->len = ngx_sprintf(endpoint->data, "%*s{%s}", (size_t) (last - p),
                                p, rule[i]->id)
                    - endpoint->data;

    return NGX_OK;
}


ngx_int_t
ngx_oof_webhook_statements(ngx_oof_pg_unit_t *u, ngx_oof_json_t *tpp,
    ngx_oof_json_t *bank)
{
    ngx_str_t  tpps, banks, base;

    if (ngx_oof_json_text(tpp, &tpps) != NGX_OK
        || ngx_oof_json_text(bank, &banks) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&base, NGX_OOF_WEBHOOK_BASE);

    if (tpps.len > 2) {
        ngx_oof_pg_statement(u, &ngx_oof_sql_webhook_add);
        ngx_oof_pg_text(u, &tpps);
        ngx_oof_pg_text(u, &base);
    }

    if (banks.len > 2) {
        ngx_oof_pg_statement(u, &ngx_oof_sql_webhook_add_bank);
        ngx_oof_pg_text(u, &banks);
    }

    return u->nstatements ? NGX_OK : NGX_DECLINED;
}
