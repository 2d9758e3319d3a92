
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_expiry.h>
#include <ngx_oof_issuer.h>

#include <openssl/pem.h>
#include <openssl/x509.h>


#define NGX_OOF_EXPIRY_INTERVAL  10000   /* ms */
#define NGX_OOF_EXPIRY_DAY       86400


typedef struct {
    const char              *use;
    ngx_str_t                file;
    int64_t                  ends;       /* s since 1970 */
    ngx_uint_t               series;
} ngx_oof_expiry_t;


static ngx_int_t ngx_oof_expiry_read(ngx_conf_t *cf, ngx_oof_expiry_t *expiry,
    ngx_uint_t kind);
static const ASN1_TIME *ngx_oof_expiry_next(BIO *bio, ngx_uint_t kind,
    X509 **x509, X509_CRL **crl);
static ngx_int_t ngx_oof_expiry_time(const ASN1_TIME *time, int64_t *sec);

static ngx_int_t ngx_oof_expiry_servers(ngx_conf_t *cf);
static ngx_int_t ngx_oof_expiry_metrics(ngx_conf_t *cf,
    ngx_oof_main_conf_t *omcf);
static ngx_int_t ngx_oof_expiry_sets(ngx_conf_t *cf,
    ngx_oof_main_conf_t *omcf);
static ngx_int_t ngx_oof_expiry_series(ngx_conf_t *cf,
    ngx_oof_metric_t *metric, const char *one, const char *first,
    const char *other, ngx_str_t *second);

static void ngx_oof_expiry_timer(ngx_event_t *ev);
static void ngx_oof_expiry_show(ngx_cycle_t *cycle);
static void ngx_oof_expiry_ages(ngx_oof_main_conf_t *omcf);


static ngx_oof_metric_t  ngx_oof_expiry_days;
static ngx_oof_metric_t  ngx_oof_expiry_age;

static ngx_event_t       ngx_oof_expiry_event;


ngx_int_t
ngx_oof_expiry_add(ngx_conf_t *cf, const char *use, ngx_str_t *file,
    ngx_uint_t kind)
{
    ngx_int_t              rc;
    ngx_str_t              name;
    ngx_uint_t             i;
    ngx_oof_expiry_t      *expiry, **all;
    ngx_oof_main_conf_t   *omcf;

    name = *file;

    if (name.len == 0 || ngx_strchr(name.data, '$')
        || ngx_strncmp(name.data, "data:", 5) == 0)
    {
        return NGX_OK;
    }

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);
    all = omcf->expiries.elts;

    for (i = 0; i < omcf->expiries.nelts; i++) {

        if (ngx_strcmp(all[i]->use, use) == 0
            && all[i]->file.len == name.len
            && ngx_memcmp(all[i]->file.data, name.data, name.len) == 0)
        {
            return NGX_OK;
        }
    }

    expiry = ngx_pcalloc(cf->pool, sizeof(ngx_oof_expiry_t));
    if (expiry == NULL) {
        return NGX_ERROR;
    }

    expiry->use = use;
    expiry->file = name;

    rc = ngx_oof_expiry_read(cf, expiry, kind);

    ERR_clear_error();

    if (rc != NGX_OK) {
        return NGX_OK;
    }

    all = ngx_array_push(&omcf->expiries);
    if (all == NULL) {
        return NGX_ERROR;
    }

    *all = expiry;

    return NGX_OK;
}


/*
 * Lists of roots have some that ended long ago, which is nobody's alarm: they
 * are left out, unless there is nothing else.
 */

static ngx_int_t
ngx_oof_expiry_read(ngx_conf_t *cf, ngx_oof_expiry_t *expiry, ngx_uint_t kind)
{
    BIO              *bio;
    X509             *x509;
    int64_t           ends;
    X509_CRL         *crl;
    ngx_int_t         rc;
    ngx_uint_t        over;
    const ASN1_TIME  *time;

    bio = BIO_new_file((char *) expiry->file.data, "r");
    if (bio == NULL) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    for ( ;; ) {
        x509 = NULL;
        crl = NULL;

        time = ngx_oof_expiry_next(bio, kind, &x509, &crl);

        if (time == NULL) {
            break;
        }

        if (ngx_oof_expiry_time(time, &ends) == NGX_OK) {

            over = (kind == NGX_OOF_EXPIRY_CA
                    && rc == NGX_OK && ends <= ngx_time());

            if (rc != NGX_OK
                || (!over && ends < expiry->ends)
                || (kind == NGX_OOF_EXPIRY_CA && expiry->ends <= ngx_time()
                    && ends > expiry->ends))
            {
                expiry->ends = ends;
            }

            rc = NGX_OK;
        }

        X509_free(x509);
        X509_CRL_free(crl);
    }

    X509_free(x509);
    X509_CRL_free(crl);
    BIO_free(bio);

    return rc;
}


static const ASN1_TIME *
ngx_oof_expiry_next(BIO *bio, ngx_uint_t kind, X509 **x509, X509_CRL **crl)
{
    if (kind == NGX_OOF_EXPIRY_CRL) {
        *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
        return *crl ? X509_CRL_get0_nextUpdate(*crl) : NULL;
    }

    *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    return *x509 ? X509_get0_notAfter(*x509) : NULL;
}


static ngx_int_t
ngx_oof_expiry_time(const ASN1_TIME *time, int64_t *sec)
{
    struct tm  tm;

    if (!ASN1_TIME_to_tm(time, &tm)) {
        return NGX_DECLINED;
    }

    *sec = timegm(&tm);

    return NGX_OK;
}


ngx_int_t
ngx_oof_expiry_init(ngx_conf_t *cf)
{
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    if (ngx_oof_expiry_servers(cf) != NGX_OK
        || ngx_oof_expiry_metrics(cf, omcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_expiry_sets(cf, omcf);
}


static ngx_int_t
ngx_oof_expiry_servers(ngx_conf_t *cf)
{
#if (NGX_HTTP_SSL)

    ngx_str_t                   *file;
    ngx_uint_t                   i, k;
    ngx_http_ssl_srv_conf_t     *sscf;
    ngx_http_core_srv_conf_t   **cscf;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        sscf = cscf[i]->ctx->srv_conf[ngx_http_ssl_module.ctx_index];

        if (sscf->ssl.ctx == NULL) {
            continue;
        }

        file = sscf->certificates ? sscf->certificates->elts : NULL;

        for (k = 0; file && k < sscf->certificates->nelts; k++) {

            if (ngx_oof_expiry_add(cf, "server", &file[k],
                                   NGX_OOF_EXPIRY_CERTIFICATE)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if (ngx_oof_expiry_add(cf, "client_ca", &sscf->client_certificate,
                               NGX_OOF_EXPIRY_CA)
            != NGX_OK
            || ngx_oof_expiry_add(cf, "client_ca", &sscf->trusted_certificate,
                                  NGX_OOF_EXPIRY_CA)
               != NGX_OK
            || ngx_oof_expiry_add(cf, "crl", &sscf->crl, NGX_OOF_EXPIRY_CRL)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

#endif

    return NGX_OK;
}


static ngx_int_t
ngx_oof_expiry_metrics(ngx_conf_t *cf, ngx_oof_main_conf_t *omcf)
{
    ngx_int_t           series;
    ngx_uint_t          i;
    ngx_oof_expiry_t  **all;

    if (omcf->expiries.nelts == 0) {
        return NGX_OK;
    }

    if (ngx_oof_metric_add(cf, &ngx_oof_expiry_days,
                           "oof_certificate_expiry_days",
                           "Whole days until what is in a file ends.",
                           NGX_OOF_METRIC_MOST)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    all = omcf->expiries.elts;

    for (i = 0; i < omcf->expiries.nelts; i++) {

        series = ngx_oof_expiry_series(cf, &ngx_oof_expiry_days, "use",
                                       all[i]->use, "file", &all[i]->file);

        if (series == NGX_ERROR) {
            return NGX_ERROR;
        }

        all[i]->series = series;
    }

    return NGX_OK;
}


/* series: the issuers that have a fetched set, then the keystores */

static ngx_int_t
ngx_oof_expiry_sets(ngx_conf_t *cf, ngx_oof_main_conf_t *omcf)
{
    ngx_uint_t             i;
    ngx_oof_issuer_t     **issuers;
    ngx_oof_keystore_t   **keystores;

    if (omcf->issuers.nelts + omcf->keystores.nelts == 0) {
        return NGX_OK;
    }

    if (ngx_oof_metric_add(cf, &ngx_oof_expiry_age, "oof_key_set_age_seconds",
                           "Time since a key set was fetched, of a keystore "
                           "the oldest.",
                           NGX_OOF_METRIC_MOST)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    issuers = omcf->issuers.elts;

    for (i = 0; i < omcf->issuers.nelts; i++) {

        if (ngx_oof_expiry_series(cf, &ngx_oof_expiry_age, "kind", "issuer",
                                  "name", &issuers[i]->name)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }
    }

    keystores = omcf->keystores.elts;

    for (i = 0; i < omcf->keystores.nelts; i++) {

        if (ngx_oof_expiry_series(cf, &ngx_oof_expiry_age, "kind", "keystore",
                                  "name", &keystores[i]->url)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_expiry_series(ngx_conf_t *cf, ngx_oof_metric_t *metric,
    const char *one, const char *first, const char *other, ngx_str_t *second)
{
    u_char      *p, c;
    ngx_str_t    label;
    ngx_uint_t   i;

    label.data = ngx_pnalloc(cf->pool, sizeof("=\"\",=\"\"") - 1
                                       + ngx_strlen(one) + ngx_strlen(first)
                                       + ngx_strlen(other) + 2 * second->len);
    if (label.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(label.data, "%s=\"%s\",%s=\"", one, first, other);

    for (i = 0; i < second->len; i++) {
        c = second->data[i];

        if (c == '"' || c == '\\') {
            *p++ = '\\';
        }

        *p++ = (c == LF) ? ' ' : c;
    }

    *p++ = '"';

    label.len = p - label.data;

    return ngx_oof_metric_series(cf, metric, &label);
}


ngx_int_t
ngx_oof_expiry_init_process(ngx_cycle_t *cycle)
{
    ngx_oof_expiry_event.handler = ngx_oof_expiry_timer;
    ngx_oof_expiry_event.log = cycle->log;
    ngx_oof_expiry_event.data = cycle;
    ngx_oof_expiry_event.cancelable = 1;

    ngx_oof_expiry_show(cycle);

    ngx_add_timer(&ngx_oof_expiry_event, NGX_OOF_EXPIRY_INTERVAL);

    return NGX_OK;
}


static void
ngx_oof_expiry_timer(ngx_event_t *ev)
{
    if (ngx_exiting) {
        return;
    }

    ngx_oof_expiry_show(ev->data);

    ngx_add_timer(ev, NGX_OOF_EXPIRY_INTERVAL);
}


/* certificates are judged by the real clock, and so are these */

static void
ngx_oof_expiry_show(ngx_cycle_t *cycle)
{
    int64_t                days, left;
    ngx_uint_t             i;
    ngx_oof_expiry_t     **all;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);
    all = omcf->expiries.elts;

    for (i = 0; i < omcf->expiries.nelts; i++) {

        left = all[i]->ends - ngx_time();
        days = left / NGX_OOF_EXPIRY_DAY;

        if (left < 0 && left % NGX_OOF_EXPIRY_DAY) {
            days--;
        }

        ngx_oof_metric_set(&ngx_oof_expiry_days, all[i]->series, days);
    }

    ngx_oof_expiry_ages(omcf);
}


static void
ngx_oof_expiry_ages(ngx_oof_main_conf_t *omcf)
{
    ngx_msec_t             age;
    ngx_uint_t             i, n;
    ngx_oof_issuer_t     **issuers;
    ngx_oof_keystore_t   **keystores;

    issuers = omcf->issuers.elts;
    n = omcf->issuers.nelts;

    for (i = 0; i < n; i++) {

        if (issuers[i]->jwks == NULL || issuers[i]->jwks->file) {
            continue;
        }

        age = ngx_current_msec - issuers[i]->jwks->fetched;

        ngx_oof_metric_set(&ngx_oof_expiry_age, i, age / 1000);
    }

    keystores = omcf->keystores.elts;

    for (i = 0; i < omcf->keystores.nelts; i++) {

        if (ngx_oof_keystore_oldest(keystores[i], &age) == NGX_OK) {
            ngx_oof_metric_set(&ngx_oof_expiry_age, n + i, age / 1000);

        } else {
            ngx_oof_metric_unset(&ngx_oof_expiry_age, n + i);
        }
    }
}
