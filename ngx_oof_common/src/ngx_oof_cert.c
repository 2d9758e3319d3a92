
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


#define NGX_OOF_CERT_PREFIX    "OFBBR-"

/* what FAPI asks of keys and signatures: RSA 2048, SHA-256 */
#define NGX_OOF_CERT_STRENGTH  112

/* of a header's text, by which it is found: less than a signature's */
#define NGX_OOF_CERT_END       256


/* why a certificate does not serve; 0: it does */

#define NGX_OOF_CERT_ABSENT        1
#define NGX_OOF_CERT_UNVERIFIED    2
#define NGX_OOF_CERT_RESUMED       3
#define NGX_OOF_CERT_UNREADABLE    4
#define NGX_OOF_CERT_ISSUER        5
#define NGX_OOF_CERT_WEAK          6
#define NGX_OOF_CERT_PURPOSE       7
#define NGX_OOF_CERT_ORGANISATION  8
#define NGX_OOF_CERT_EARLY         9
#define NGX_OOF_CERT_EXPIRED       10
#define NGX_OOF_CERT_REVOKED       11
#define NGX_OOF_CERT_UNDECIDED     12

/* why a header is not believed */

#define NGX_OOF_CERT_IGNORED_TLS       0
#define NGX_OOF_CERT_IGNORED_ADDRESS   1
#define NGX_OOF_CERT_IGNORED_REPEATED  2


typedef struct {
    ngx_str_t                label;
    const char              *log;
    const char              *detail;
} ngx_oof_cert_refusal_t;


/* issuing CAs; "id" tells lists apart after the memory of one was used again */

typedef struct {
    ngx_array_t              certs;      /* of X509 * */
    ngx_uint_t               id;
} ngx_oof_cert_list_t;


/*
 * A certificate as it was read, and how the list of issuing CAs that was asked
 * last judged it.
 */

typedef struct {
    ngx_oof_cert_t           cert;
    u_char                   organisation[NGX_OOF_UUID_TEXT];
    u_char                   software[NGX_OOF_UUID_TEXT];
    ngx_uint_t               refused;    /* whatever the issuer is */

    ngx_uint_t               list;
    ngx_uint_t               judgement;
    time_t                   until;      /* end of the chain's validity */
    ngx_oof_ocsp_name_t      ocsp;
} ngx_oof_cert_state_t;


typedef struct {
    ngx_rbtree_node_t        node;       /* key: a hash of the text's end */
    ngx_queue_t              queue;      /* the last used one is the first */
    ngx_str_t                text;       /* as it is in the header */
    X509                    *x509;
    ngx_oof_cert_state_t     state;
} ngx_oof_cert_entry_t;


typedef struct {
    ngx_rbtree_t             rbtree;
    ngx_rbtree_node_t        sentinel;
    ngx_queue_t              queue;
    ngx_uint_t               count;
} ngx_oof_cert_cache_t;


static ngx_uint_t ngx_oof_cert_revoked(ngx_oof_request_t *o, ngx_uint_t mode,
    ngx_oof_cert_state_t *state);

static ngx_int_t ngx_oof_cert_header_handler(ngx_http_request_t *r);
static ngx_int_t ngx_oof_cert_header_remove(ngx_http_request_t *r,
    ngx_str_t *name, ngx_uint_t total);

static ngx_uint_t ngx_oof_cert_from_tls(ngx_oof_request_t *o,
    ngx_oof_cert_list_t *list, ngx_oof_cert_state_t **state);
static ngx_uint_t ngx_oof_cert_judge_chain(ngx_oof_cert_list_t *list,
    SSL *ssl, ngx_oof_cert_state_t *state);
static void ngx_oof_cert_free_state(void *parent, void *ptr,
    CRYPTO_EX_DATA *ad, int index, long argl, void *argp);

static ngx_uint_t ngx_oof_cert_from_header(ngx_oof_request_t *o,
    ngx_oof_cert_list_t *list, ngx_uint_t limit,
    ngx_oof_cert_state_t **state);
static ngx_oof_cert_entry_t *ngx_oof_cert_new(ngx_oof_request_t *o);
static ngx_rbtree_key_t ngx_oof_cert_key(ngx_str_t *text);
static ngx_oof_cert_entry_t *ngx_oof_cert_lookup(ngx_str_t *text);
static ngx_int_t ngx_oof_cert_compare(ngx_str_t *one, ngx_str_t *two);
static void ngx_oof_cert_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static void ngx_oof_cert_insert(ngx_oof_cert_entry_t *entry,
    ngx_uint_t limit);
static void ngx_oof_cert_evict(ngx_oof_cert_entry_t *entry);
static void ngx_oof_cert_forget(void *data);
static X509 *ngx_oof_cert_decode(ngx_pool_t *pool, ngx_str_t *value);
static int ngx_oof_cert_no_password(char *buf, int size, int rwflag,
    void *data);
static ngx_uint_t ngx_oof_cert_judge_issuer(ngx_oof_cert_list_t *list,
    X509 *x509, ngx_oof_cert_state_t *state);

static ngx_uint_t ngx_oof_cert_read(X509 *x509, ngx_oof_cert_state_t *state);
static ngx_uint_t ngx_oof_cert_is_weak(X509 *x509);
static ngx_int_t ngx_oof_cert_read_subject(X509 *x509,
    ngx_oof_cert_state_t *state);
static ngx_int_t ngx_oof_cert_read_name(X509_NAME *name, int nid,
    const char *prefix, ngx_uint_t others, u_char *uuid);
static time_t ngx_oof_cert_time(const ASN1_TIME *time);

static ngx_int_t ngx_oof_cert_load_file(ngx_conf_t *cf, ngx_str_t *file,
    ngx_oof_cert_list_t *list);
static void ngx_oof_cert_free_list(void *data);


static ngx_oof_cert_refusal_t  ngx_oof_cert_refusals[] = {
    { ngx_null_string, NULL, NULL },
    { ngx_string("reason=\"absent\""),
      "there is none",
      "Certificado de cliente não apresentado." },
    { ngx_string("reason=\"unverified\""),
      "its verification failed",
      "Certificado de cliente não confiável." },
    { ngx_string("reason=\"resumed\""),
      "the session was resumed: set \"ssl_session_cache off\" and "
      "\"ssl_session_tickets off\"",
      "Certificado de cliente não apresentado." },
    { ngx_string("reason=\"unreadable\""),
      "it cannot be read",
      "Certificado de cliente ilegível." },
    { ngx_string("reason=\"issuer\""),
      "its issuer is none of \"oof_issuing_ca\"",
      "Certificado de cliente de emissor não aceito." },
    { ngx_string("reason=\"weak\""),
      "its key or its signature is weak",
      "Certificado de cliente com chave ou assinatura fraca." },
    { ngx_string("reason=\"purpose\""),
      "its extended key usage is not clientAuth",
      "Certificado sem uso para autenticação de cliente." },
    { ngx_string("reason=\"organisation\""),
      "it names no organisation",
      "Certificado de cliente sem organização." },
    { ngx_string("reason=\"early\""),
      "it is not valid yet",
      "Certificado de cliente ainda não válido." },
    { ngx_string("reason=\"expired\""),
      "it has expired",
      "Certificado de cliente vencido." },
    { ngx_string("reason=\"revoked\""),
      "it was revoked",
      "Certificado de cliente revogado." },
    { ngx_string("reason=\"undecided\""),
      "no OCSP responder has answered yet",
      NULL },
    { ngx_null_string, NULL, NULL }
};


static ngx_str_t  ngx_oof_cert_ignored_labels[] = {
    ngx_string("reason=\"tls\""),
    ngx_string("reason=\"address\""),
    ngx_string("reason=\"repeated\""),
    ngx_null_string
};


static ngx_oof_metric_t      ngx_oof_cert_refused_metric;
static ngx_oof_metric_t      ngx_oof_cert_ignored_metric;
static ngx_oof_metric_t      ngx_oof_cert_cached_metric;
static ngx_oof_cert_cache_t  ngx_oof_cert_cache;
static ngx_uint_t            ngx_oof_cert_lists;
static int                   ngx_oof_cert_index = -1;


ngx_int_t
ngx_oof_cert_check(ngx_oof_request_t *o)
{
    ngx_uint_t               refused;
    ngx_oof_cert_list_t     *list;
    ngx_oof_loc_conf_t      *olcf;
    ngx_oof_cert_state_t    *state;
    ngx_oof_cert_refusal_t  *refusal;

    olcf = ngx_http_get_module_loc_conf(o->r, ngx_oof_module);

    list = (ngx_oof_cert_list_t *) olcf->issuing_ca;

    if (list == NULL) {
        return NGX_ERROR;
    }

    state = NULL;

    if (o->r->connection->ssl) {
        refused = ngx_oof_cert_from_tls(o, list, &state);

    } else {
        refused = ngx_oof_cert_from_header(o, list, olcf->cert_cache, &state);
    }

    /* what OpenSSL has to say of it must not surprise the next handshake */
    ERR_clear_error();

    if (refused == 0) {

        if (state == NULL) {
            return NGX_ERROR;
        }

        if (state->refused) {
            refused = state->refused;

        } else if (state->judgement) {
            refused = state->judgement;

        } else if (state->cert.not_before > ngx_time()) {
            refused = NGX_OOF_CERT_EARLY;

        } else if (state->until < ngx_time()) {
            refused = NGX_OOF_CERT_EXPIRED;

        } else {
            refused = ngx_oof_cert_revoked(o, olcf->ocsp, state);
        }

        if (refused == 0) {
            o->cert = &state->cert;
            return NGX_DECLINED;
        }
    }

    refusal = &ngx_oof_cert_refusals[refused];

    ngx_log_error(NGX_LOG_INFO, o->r->connection->log, 0,
                  "client certificate refused: %s", refusal->log);

    ngx_oof_metric_inc(&ngx_oof_cert_refused_metric, refused - 1, 1);

    if (refusal->detail == NULL) {
        return ngx_oof_error_status(o, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    return ngx_oof_error(o, NGX_HTTP_UNAUTHORIZED, "INVALID_CLIENT",
                         "Cliente não autenticado", refusal->detail);
}


static ngx_uint_t
ngx_oof_cert_revoked(ngx_oof_request_t *o, ngx_uint_t mode,
    ngx_oof_cert_state_t *state)
{
    ngx_int_t  rc;

    if (mode == NGX_OOF_OCSP_OFF) {
        return 0;
    }

    rc = ngx_oof_ocsp_check(mode, state->cert.thumbprint, &state->ocsp,
                            o->r->connection->log);

    if (rc == NGX_AGAIN) {
        return NGX_OOF_CERT_UNDECIDED;
    }

    return (rc == NGX_DECLINED) ? NGX_OOF_CERT_REVOKED : 0;
}


/*
 * The trusted header is taken out of the request before anything can pass it
 * on, wherever the request is served and whether it is believed or not.
 */

static ngx_int_t
ngx_oof_cert_header_handler(ngx_http_request_t *r)
{
    ngx_uint_t           i, n, total, ignored;
    ngx_str_t            value;
    ngx_list_part_t     *part;
    ngx_table_elt_t     *h;
    ngx_oof_request_t   *o;
    ngx_oof_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_oof_module);

    if (olcf->cert_header.len == 0 || r != r->main) {
        return NGX_DECLINED;
    }

    n = 0;
    total = 0;
    ngx_str_null(&value);

    part = &r->headers_in.headers.part;

    do {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            total++;

            if (h[i].key.len == olcf->cert_header.len
                && ngx_strncmp(h[i].lowcase_key, olcf->cert_header.data,
                               h[i].key.len)
                   == 0)
            {
                value = h[i].value;
                n++;
            }
        }

        part = part->next;

    } while (part);

    if (n == 0) {
        return NGX_DECLINED;
    }

    o = ngx_oof_request_make(r);

    if (o == NULL
        || ngx_oof_cert_header_remove(r, &olcf->cert_header, total) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->connection->ssl) {
        ignored = NGX_OOF_CERT_IGNORED_TLS;

    } else if (!ngx_oof_cert_trusted(r->connection, olcf->cert_from)) {
        ignored = NGX_OOF_CERT_IGNORED_ADDRESS;

    } else if (n > 1) {
        ignored = NGX_OOF_CERT_IGNORED_REPEATED;

    } else {
        o->cert_header = value;
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "header \"%V\" ignored, %V",
                  &olcf->cert_header, &ngx_oof_cert_ignored_labels[ignored]);

    ngx_oof_metric_inc(&ngx_oof_cert_ignored_metric, ignored, 1);

    return NGX_DECLINED;
}


/*
 * Others hold pointers into the list, so the elements stay where they are and
 * a new list takes its place.
 */

static ngx_int_t
ngx_oof_cert_header_remove(ngx_http_request_t *r, ngx_str_t *name,
    ngx_uint_t total)
{
    ngx_uint_t        i;
    ngx_list_t        old;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *copy;

    old = r->headers_in.headers;

    if (ngx_list_init(&r->headers_in.headers, r->pool, total,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    part = &old.part;

    do {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == name->len
                && ngx_strncmp(h[i].lowcase_key, name->data, name->len) == 0)
            {
                continue;
            }

            copy = ngx_list_push(&r->headers_in.headers);
            if (copy == NULL) {
                return NGX_ERROR;
            }

            *copy = h[i];
        }

        part = part->next;

    } while (part);

    return NGX_OK;
}


/*
 * The peer that counts is the other end of the TCP connection: what realip or
 * the PROXY protocol say is only as good as that one.
 */

ngx_uint_t
ngx_oof_cert_trusted(ngx_connection_t *c, ngx_array_t *from)
{
    socklen_t       len;
    ngx_sockaddr_t  sa;

    if (from == NULL) {
        return 0;
    }

    len = sizeof(ngx_sockaddr_t);

    if (getpeername(c->fd, &sa.sockaddr, &len) == -1) {
        ngx_log_error(NGX_LOG_INFO, c->log, ngx_socket_errno,
                      "getpeername() failed");
        return 0;
    }

    return ngx_cidr_match(&sa.sockaddr, from) == NGX_OK;
}


/*
 * The certificate is read once a connection; streams of HTTP/2 share it, for
 * it hangs on the SSL object.
 */

static ngx_uint_t
ngx_oof_cert_from_tls(ngx_oof_request_t *o, ngx_oof_cert_list_t *list,
    ngx_oof_cert_state_t **state)
{
    SSL                   *ssl;
    X509                  *x509;
    ngx_oof_cert_state_t  *s;

    ssl = o->r->connection->ssl->connection;

    if (SSL_get_verify_result(ssl) != X509_V_OK) {
        return NGX_OOF_CERT_UNVERIFIED;
    }

    s = SSL_get_ex_data(ssl, ngx_oof_cert_index);

    if (s == NULL) {
        x509 = SSL_get0_peer_certificate(ssl);

        if (x509 == NULL) {
            return NGX_OOF_CERT_ABSENT;
        }

        s = ngx_calloc(sizeof(ngx_oof_cert_state_t), ngx_cycle->log);
        if (s == NULL) {
            return 0;
        }

        s->refused = ngx_oof_cert_read(x509, s);

        if (SSL_set_ex_data(ssl, ngx_oof_cert_index, s) == 0) {
            ngx_free(s);
            return 0;
        }
    }

    if (s->list != list->id) {
        s->judgement = ngx_oof_cert_judge_chain(list, ssl, s);
        s->list = list->id;
    }

    *state = s;

    return 0;
}


static ngx_uint_t
ngx_oof_cert_judge_chain(ngx_oof_cert_list_t *list, SSL *ssl,
    ngx_oof_cert_state_t *state)
{
    int              i, n;
    X509            *issuer, **cas;
    time_t           end;
    ngx_uint_t       k;
    STACK_OF(X509)  *chain;

    chain = SSL_get0_verified_chain(ssl);

    if (chain == NULL) {
        return NGX_OOF_CERT_RESUMED;
    }

    n = sk_X509_num(chain);

    if (n < 2) {
        return NGX_OOF_CERT_ISSUER;
    }

    issuer = sk_X509_value(chain, 1);
    cas = list->certs.elts;

    for (k = 0; k < list->certs.nelts; k++) {
        if (X509_cmp(issuer, cas[k]) == 0) {
            break;
        }
    }

    if (k == list->certs.nelts) {
        return NGX_OOF_CERT_ISSUER;
    }

    state->until = state->cert.not_after;

    for (i = 1; i < n; i++) {
        end = ngx_oof_cert_time(X509_get0_notAfter(sk_X509_value(chain, i)));

        if (end < state->until) {
            state->until = end;
        }
    }

    /* the list outlasts the connection */

    ngx_oof_ocsp_name(&state->ocsp, sk_X509_value(chain, 0), cas[k]);

    return 0;
}


static void
ngx_oof_cert_free_state(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index,
    long argl, void *argp)
{
    if (ptr) {
        ngx_free(ptr);
    }
}


/*
 * The certificate of the trusted header.  Its gateway has seen the private key
 * used and answers for revocation; issuer, signature and dates are judged here.
 */

static ngx_uint_t
ngx_oof_cert_from_header(ngx_oof_request_t *o, ngx_oof_cert_list_t *list,
    ngx_uint_t limit, ngx_oof_cert_state_t **state)
{
    ngx_pool_cleanup_t    *cln;
    ngx_oof_cert_entry_t  *entry;
    ngx_oof_cert_state_t  *copy;

    if (o->cert_header.len == 0) {
        return NGX_OOF_CERT_ABSENT;
    }

    entry = ngx_oof_cert_lookup(&o->cert_header);

    if (entry == NULL) {
        entry = ngx_oof_cert_new(o);

        if (entry == NULL) {
            return 0;
        }

        if (entry->x509 == NULL) {
            ngx_oof_cert_forget(entry);
            return NGX_OOF_CERT_UNREADABLE;
        }

        if (limit) {
            ngx_oof_cert_insert(entry, limit);

        } else {
            cln = ngx_pool_cleanup_add(o->r->pool, 0);

            if (cln == NULL) {
                ngx_oof_cert_forget(entry);
                return 0;
            }

            cln->handler = ngx_oof_cert_forget;
            cln->data = entry;
        }
    }

    if (entry->state.list != list->id) {
        entry->state.judgement = ngx_oof_cert_judge_issuer(list, entry->x509,
                                                           &entry->state);
        entry->state.list = list->id;
    }

    /* the entry may have to go while the request waits for something */

    copy = ngx_palloc(o->r->pool, sizeof(ngx_oof_cert_state_t));
    if (copy == NULL) {
        return 0;
    }

    *copy = entry->state;

    if (copy->cert.organisation_id.len) {
        copy->cert.organisation_id.data = copy->organisation;
    }

    if (copy->cert.software_id.len) {
        copy->cert.software_id.data = copy->software;
    }

    *state = copy;

    return 0;
}


/* without x509 when the text has none; NULL: no memory */

static ngx_oof_cert_entry_t *
ngx_oof_cert_new(ngx_oof_request_t *o)
{
    ngx_str_t             *text;
    ngx_oof_cert_entry_t  *entry;

    text = &o->cert_header;

    entry = ngx_calloc(sizeof(ngx_oof_cert_entry_t) + text->len,
                       ngx_cycle->log);
    if (entry == NULL) {
        return NULL;
    }

    entry->text.len = text->len;
    entry->text.data = (u_char *) (entry + 1);

    ngx_memcpy(entry->text.data, text->data, text->len);

    entry->x509 = ngx_oof_cert_decode(o->r->pool, text);

    if (entry->x509) {
        entry->state.refused = ngx_oof_cert_read(entry->x509, &entry->state);
    }

    return entry;
}


/* certificates of one issuer differ at their end, which is the signature */

static ngx_rbtree_key_t
ngx_oof_cert_key(ngx_str_t *text)
{
    size_t  len;

    len = ngx_min(text->len, NGX_OOF_CERT_END);

    return ngx_murmur_hash2(text->data + text->len - len, len);
}


static ngx_oof_cert_entry_t *
ngx_oof_cert_lookup(ngx_str_t *text)
{
    ngx_int_t              rc;
    ngx_rbtree_key_t       key;
    ngx_rbtree_node_t     *node, *sentinel;
    ngx_oof_cert_entry_t  *entry;

    key = ngx_oof_cert_key(text);

    node = ngx_oof_cert_cache.rbtree.root;
    sentinel = ngx_oof_cert_cache.rbtree.sentinel;

    while (node != sentinel) {

        if (key != node->key) {
            node = (key < node->key) ? node->left : node->right;
            continue;
        }

        entry = (ngx_oof_cert_entry_t *) node;

        rc = ngx_oof_cert_compare(text, &entry->text);

        if (rc) {
            node = (rc < 0) ? node->left : node->right;
            continue;
        }

        ngx_queue_remove(&entry->queue);
        ngx_queue_insert_head(&ngx_oof_cert_cache.queue, &entry->queue);

        return entry;
    }

    return NULL;
}


static ngx_int_t
ngx_oof_cert_compare(ngx_str_t *one, ngx_str_t *two)
{
    if (one->len != two->len) {
        return (one->len < two->len) ? -1 : 1;
    }

    return ngx_memcmp(one->data, two->data, one->len);
}


/* callers may make keys meet: equal ones are ordered by their texts */

static void
ngx_oof_cert_insert_value(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t     **p;
    ngx_oof_cert_entry_t   *entry, *other;

    entry = (ngx_oof_cert_entry_t *) node;

    for ( ;; ) {

        other = (ngx_oof_cert_entry_t *) temp;

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            p = (ngx_oof_cert_compare(&entry->text, &other->text) < 0)
                ? &temp->left : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;

    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;

    ngx_rbt_red(node);
}


static void
ngx_oof_cert_insert(ngx_oof_cert_entry_t *entry, ngx_uint_t limit)
{
    ngx_queue_t           *q;
    ngx_oof_cert_cache_t  *cache;

    cache = &ngx_oof_cert_cache;

    while (cache->count >= limit) {
        q = ngx_queue_last(&cache->queue);
        ngx_oof_cert_evict(ngx_queue_data(q, ngx_oof_cert_entry_t, queue));
    }

    entry->node.key = ngx_oof_cert_key(&entry->text);

    ngx_rbtree_insert(&cache->rbtree, &entry->node);
    ngx_queue_insert_head(&cache->queue, &entry->queue);

    cache->count++;

    ngx_oof_metric_set(&ngx_oof_cert_cached_metric, 0, cache->count);
}


static void
ngx_oof_cert_evict(ngx_oof_cert_entry_t *entry)
{
    ngx_rbtree_delete(&ngx_oof_cert_cache.rbtree, &entry->node);
    ngx_queue_remove(&entry->queue);

    ngx_oof_cert_cache.count--;

    ngx_oof_cert_forget(entry);
}


static void
ngx_oof_cert_forget(void *data)
{
    ngx_oof_cert_entry_t *entry = data;

    X509_free(entry->x509);
    ngx_free(entry);
}


/* the first certificate of a URL-encoded PEM text ("+" stands for itself) */

static X509 *
ngx_oof_cert_decode(ngx_pool_t *pool, ngx_str_t *value)
{
    BIO     *bio;
    X509    *x509;
    u_char  *text, *dst, *src;

    text = ngx_pnalloc(pool, value->len);
    if (text == NULL) {
        return NULL;
    }

    dst = text;
    src = value->data;

    ngx_unescape_uri(&dst, &src, value->len, 0);

    bio = BIO_new_mem_buf(text, dst - text);
    if (bio == NULL) {
        return NULL;
    }

    x509 = PEM_read_bio_X509(bio, NULL, ngx_oof_cert_no_password, NULL);

    BIO_free(bio);

    return x509;
}


/* OpenSSL's own would ask at the terminal */

static int
ngx_oof_cert_no_password(char *buf, int size, int rwflag, void *data)
{
    return -1;
}


static ngx_uint_t
ngx_oof_cert_judge_issuer(ngx_oof_cert_list_t *list, X509 *x509,
    ngx_oof_cert_state_t *state)
{
    X509        **cas;
    time_t        end;
    EVP_PKEY     *key;
    ngx_uint_t    i;

    cas = list->certs.elts;

    for (i = 0; i < list->certs.nelts; i++) {

        if (X509_check_issued(cas[i], x509) != X509_V_OK) {
            continue;
        }

        key = X509_get0_pubkey(cas[i]);

        if (key == NULL || X509_verify(x509, key) != 1) {
            continue;
        }

        state->until = state->cert.not_after;

        end = ngx_oof_cert_time(X509_get0_notAfter(cas[i]));

        if (end < state->until) {
            state->until = end;
        }

        ngx_oof_ocsp_name(&state->ocsp, x509, cas[i]);

        return 0;
    }

    return NGX_OOF_CERT_ISSUER;
}


/* all that does not depend on configuration or time */

static ngx_uint_t
ngx_oof_cert_read(X509 *x509, ngx_oof_cert_state_t *state)
{
    unsigned int     len;
    ngx_str_t        digest, text;
    ngx_oof_cert_t  *cert;
    u_char           buf[ngx_base64_encoded_length(SHA256_DIGEST_LENGTH)];

    cert = &state->cert;

    if (!X509_digest(x509, EVP_sha256(), cert->thumbprint, &len)
        || len != sizeof(cert->thumbprint))
    {
        return NGX_OOF_CERT_UNREADABLE;
    }

    digest.len = sizeof(cert->thumbprint);
    digest.data = cert->thumbprint;
    text.data = buf;

    ngx_encode_base64url(&text, &digest);
    ngx_memcpy(cert->x5t, text.data, sizeof(cert->x5t));

    cert->not_before = ngx_oof_cert_time(X509_get0_notBefore(x509));
    cert->not_after = ngx_oof_cert_time(X509_get0_notAfter(x509));

    if (cert->not_before == (time_t) -1 || cert->not_after == (time_t) -1) {
        return NGX_OOF_CERT_UNREADABLE;
    }

    if (ngx_oof_cert_is_weak(x509)) {
        return NGX_OOF_CERT_WEAK;
    }

    if (!(X509_get_extension_flags(x509) & EXFLAG_XKUSAGE)
        || !(X509_get_extended_key_usage(x509) & XKU_SSL_CLIENT)
        || X509_check_purpose(x509, X509_PURPOSE_SSL_CLIENT, 0) != 1)
    {
        return NGX_OOF_CERT_PURPOSE;
    }

    if (ngx_oof_cert_read_subject(x509, state) != NGX_OK) {
        return NGX_OOF_CERT_ORGANISATION;
    }

    return 0;
}


static ngx_uint_t
ngx_oof_cert_is_weak(X509 *x509)
{
    int        bits;
    EVP_PKEY  *key;

    key = X509_get0_pubkey(x509);

    if (key == NULL || EVP_PKEY_get_security_bits(key) < NGX_OOF_CERT_STRENGTH)
    {
        return 1;
    }

    if (!X509_get_signature_info(x509, NULL, NULL, &bits, NULL)) {
        return 1;
    }

    return bits < NGX_OOF_CERT_STRENGTH;
}


/*
 * The organisation (spec 5.1): organizationIdentifier "OFBBR-<uuid>", or in
 * certificates made before September 2022, which have none, OU "<uuid>" among
 * other OUs.  The software: UID.
 */

static ngx_int_t
ngx_oof_cert_read_subject(X509 *x509, ngx_oof_cert_state_t *state)
{
    ngx_int_t         rc;
    X509_NAME        *name;
    ngx_oof_cert_t   *cert;

    cert = &state->cert;
    name = X509_get_subject_name(x509);

    rc = ngx_oof_cert_read_name(name, NID_organizationIdentifier,
                                NGX_OOF_CERT_PREFIX, 0, state->organisation);

    if (rc == NGX_DONE) {
        rc = ngx_oof_cert_read_name(name, NID_organizationalUnitName, "", 1,
                                    state->organisation);
    }

    if (rc != NGX_OK) {
        return NGX_DECLINED;
    }

    cert->organisation_id.len = NGX_OOF_UUID_TEXT;
    cert->organisation_id.data = state->organisation;

    if (ngx_oof_cert_read_name(name, NID_userId, "", 0, state->software)
        == NGX_OK)
    {
        cert->software_id.len = NGX_OOF_UUID_TEXT;
        cert->software_id.data = state->software;
    }

    return NGX_OK;
}


/*
 * Finds the one value of an attribute that is "prefix" and a UUID, whatever
 * its string type.  With "others" values of another form are passed over.
 * Returns NGX_OK with the UUID in lower case, NGX_DONE when the name has no
 * such attribute, NGX_DECLINED when it is malformed or there are two.
 */

static ngx_int_t
ngx_oof_cert_read_name(X509_NAME *name, int nid, const char *prefix,
    ngx_uint_t others, u_char *uuid)
{
    int         i, len;
    u_char     *value;
    size_t      size;
    ngx_int_t   rc;
    ngx_str_t   text;

    rc = NGX_DONE;
    size = ngx_strlen(prefix);

    for (i = X509_NAME_get_index_by_NID(name, nid, -1);
         i >= 0;
         i = X509_NAME_get_index_by_NID(name, nid, i))
    {
        if (rc != NGX_DONE && !others) {
            return NGX_DECLINED;
        }

        len = ASN1_STRING_to_UTF8(&value,
                  X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));

        if (len < 0) {
            return NGX_DECLINED;
        }

        if ((size_t) len == size + NGX_OOF_UUID_TEXT
            && ngx_strncasecmp(value, (u_char *) prefix, size) == 0)
        {
            text.len = NGX_OOF_UUID_TEXT;
            text.data = value + size;

            if (ngx_oof_uuid_parse(&text, NULL) == NGX_OK) {

                if (rc == NGX_OK) {
                    OPENSSL_free(value);
                    return NGX_DECLINED;
                }

                ngx_strlow(uuid, text.data, NGX_OOF_UUID_TEXT);
                rc = NGX_OK;
            }
        }

        OPENSSL_free(value);

        if (rc != NGX_OK) {
            rc = NGX_DECLINED;
        }
    }

    return rc;
}


static time_t
ngx_oof_cert_time(const ASN1_TIME *time)
{
    struct tm  tm;

    if (!ASN1_TIME_to_tm(time, &tm)) {
        return (time_t) -1;
    }

    return timegm(&tm);
}


ngx_array_t *
ngx_oof_cert_load(ngx_conf_t *cf, ngx_str_t *file)
{
    ngx_pool_cleanup_t   *cln;
    ngx_oof_cert_list_t  *list;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NULL;
    }

    list = ngx_pcalloc(cf->pool, sizeof(ngx_oof_cert_list_t));
    if (list == NULL) {
        return NULL;
    }

    if (ngx_array_init(&list->certs, cf->pool, 4, sizeof(X509 *)) != NGX_OK) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_oof_cert_free_list;
    cln->data = list;

    list->id = ++ngx_oof_cert_lists;

    if (ngx_oof_cert_load_file(cf, file, list) != NGX_OK) {
        return NULL;
    }

    return &list->certs;
}


static ngx_int_t
ngx_oof_cert_load_file(ngx_conf_t *cf, ngx_str_t *file,
    ngx_oof_cert_list_t *list)
{
    BIO            *bio;
    X509           *x509, **ca;
    ngx_int_t       rc;
    unsigned long   error;

    bio = BIO_new_file((char *) file->data, "r");

    if (bio == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open \"%V\" of \"oof_issuing_ca\"", file);
        ERR_clear_error();
        return NGX_ERROR;
    }

    rc = NGX_OK;

    for ( ;; ) {
        x509 = PEM_read_bio_X509(bio, NULL, ngx_oof_cert_no_password, NULL);

        if (x509 == NULL) {
            break;
        }

        ca = ngx_array_push(&list->certs);

        if (ca == NULL) {
            X509_free(x509);
            rc = NGX_ERROR;
            break;
        }

        *ca = x509;

        if (X509_check_ca(x509) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "certificate number %ui of \"%V\" in "
                               "\"oof_issuing_ca\" is not a CA's: give the "
                               "certificates of the CAs that issue the "
                               "clients' certificates",
                               list->certs.nelts, file);
            rc = NGX_ERROR;
            break;
        }

        if (X509_cmp_current_time(X509_get0_notAfter(x509)) < 0) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "certificate number %ui of \"%V\" in "
                               "\"oof_issuing_ca\" has expired: what it "
                               "issued is refused",
                               list->certs.nelts, file);
        }
    }

    BIO_free(bio);

    error = ERR_peek_last_error();

    if (rc == NGX_OK
        && (list->certs.nelts == 0
            || ERR_GET_LIB(error) != ERR_LIB_PEM
            || ERR_GET_REASON(error) != PEM_R_NO_START_LINE))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "cannot read certificate number %ui of \"%V\" in "
                           "\"oof_issuing_ca\": it must be a PEM file",
                           list->certs.nelts + 1, file);
        rc = NGX_ERROR;
    }

    ERR_clear_error();

    return rc;
}


static void
ngx_oof_cert_free_list(void *data)
{
    ngx_oof_cert_list_t *list = data;

    X509        **cas;
    ngx_uint_t    i;

    cas = list->certs.elts;

    for (i = 0; i < list->certs.nelts; i++) {
        X509_free(cas[i]);
    }
}


ngx_int_t
ngx_oof_cert_init(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    if (ngx_oof_cert_index == -1) {
        ngx_oof_cert_index = SSL_get_ex_new_index(0, NULL, NULL, NULL,
                                                  ngx_oof_cert_free_state);

        if (ngx_oof_cert_index == -1) {
            ngx_ssl_error(NGX_LOG_ALERT, cf->log, 0,
                          "SSL_get_ex_new_index() failed");
            return NGX_ERROR;
        }
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_oof_cert_header_handler;

    if (ngx_oof_metric_add(cf, &ngx_oof_cert_refused_metric,
                           "oof_certificates_refused_total",
                           "Requests refused for their client certificate",
                           NGX_OOF_METRIC_COUNTER)
        != NGX_OK
        || ngx_oof_metric_add_list(cf, &ngx_oof_cert_ignored_metric,
                                   "oof_certificate_header_ignored_total",
                                   "Certificate headers that were not "
                                   "believed",
                                   NGX_OOF_METRIC_COUNTER,
                                   ngx_oof_cert_ignored_labels)
           != NGX_OK
        || ngx_oof_metric_add(cf, &ngx_oof_cert_cached_metric,
                              "oof_certificates_cached",
                              "Certificates from headers kept parsed",
                              NGX_OOF_METRIC_GAUGE)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 1; ngx_oof_cert_refusals[i].label.len; i++) {
        if (ngx_oof_metric_series(cf, &ngx_oof_cert_refused_metric,
                                  &ngx_oof_cert_refusals[i].label)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_cert_init_process(ngx_cycle_t *cycle)
{
    ngx_rbtree_init(&ngx_oof_cert_cache.rbtree, &ngx_oof_cert_cache.sentinel,
                    ngx_oof_cert_insert_value);

    ngx_queue_init(&ngx_oof_cert_cache.queue);

    ngx_oof_cert_cache.count = 0;

    return NGX_OK;
}


void
ngx_oof_cert_exit_process(ngx_cycle_t *cycle)
{
    ngx_queue_t  *q;

    /* nothing was set up when this process has not come that far */

    if (ngx_oof_cert_cache.rbtree.root == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_oof_cert_cache.queue)) {
        q = ngx_queue_last(&ngx_oof_cert_cache.queue);
        ngx_oof_cert_evict(ngx_queue_data(q, ngx_oof_cert_entry_t, queue));
    }
}
