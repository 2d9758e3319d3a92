
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


/* what the bank's side asks for in a query */


#define NGX_OOF_BANK_KINDS     (NGX_OOF_BANK_DATA|NGX_OOF_BANK_PAYMENT        \
                               |NGX_OOF_BANK_ENROLLMENT)

#define NGX_OOF_BANK_ARGS      64        /* parameters of a query */
#define NGX_OOF_BANK_PAIRS     10        /* of "consentOwner" */
#define NGX_OOF_BANK_ORG_MIN   3         /* characters */
#define NGX_OOF_BANK_PAGE_MAX  2147483647
#define NGX_OOF_BANK_TERM_MAX  1200      /* months */

/* the last microsecond of year 9999 */
#define NGX_OOF_BANK_FOREVER   253402300799999999LL


typedef struct {
    const char              *name;
    ngx_int_t              (*handler)(ngx_oof_request_t *o,
                                      ngx_oof_bank_query_t *q,
                                      ngx_str_t *value, const char *name);
} ngx_oof_bank_param_t;


typedef struct {
    ngx_str_t                name;
    ngx_uint_t               mask;
} ngx_oof_bank_word_t;


static ngx_int_t ngx_oof_bank_params(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_oof_bank_param_t *param);
static ngx_int_t ngx_oof_bank_exclusive(ngx_oof_request_t *o,
    ngx_array_t *args);
static ngx_int_t ngx_oof_bank_types(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q);
static ngx_int_t ngx_oof_bank_decode(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_str_t *value);
static ngx_int_t ngx_oof_bank_number(ngx_str_t *value, ngx_int_t max);
static ngx_int_t ngx_oof_bank_time(ngx_str_t *value, int64_t *us,
    int64_t *unit);
static ngx_int_t ngx_oof_bank_words(ngx_str_t *list,
    ngx_oof_bank_word_t *words, ngx_uint_t *mask);

static ngx_int_t ngx_oof_bank_q_owner(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_pair(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *key, ngx_str_t *value,
    ngx_array_t *others);
static ngx_int_t ngx_oof_bank_q_others(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_array_t *others);
static int ngx_libc_cdecl ngx_oof_bank_q_order(const void *one,
    const void *two);
static ngx_int_t ngx_oof_bank_q_cpf(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_cnpj(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_begin(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_end(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_after(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_before(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_term(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_sort(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_key(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_keys(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_status(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_org(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);
static ngx_int_t ngx_oof_bank_q_mark(ngx_oof_request_t *o,
    ngx_oof_bank_query_t *q, ngx_str_t *value, const char *name);


static ngx_oof_bank_param_t  ngx_oof_bank_list_params[] = {
    { "consentOwner", ngx_oof_bank_q_owner },
    { "cpf", ngx_oof_bank_q_cpf },
    { "cnpj", ngx_oof_bank_q_cnpj },
    { "createdOnBegin", ngx_oof_bank_q_begin },
    { "createdOnEnd", ngx_oof_bank_q_end },
    { "consentTermPeriod", ngx_oof_bank_q_term },
    { "orderType", ngx_oof_bank_q_sort },
    { "searchKey", ngx_oof_bank_q_key },
    { "searchKeys", ngx_oof_bank_q_keys },
    { "status", ngx_oof_bank_q_status },
    { "statusList", ngx_oof_bank_q_status },
    { "orgName", ngx_oof_bank_q_org },
    { "pagination-key", ngx_oof_bank_q_mark },
    { NULL, NULL }
};


static ngx_oof_bank_param_t  ngx_oof_bank_active_params[] = {
    { "startDate", ngx_oof_bank_q_after },
    { "endDate", ngx_oof_bank_q_before },
    { "pagination-key", ngx_oof_bank_q_mark },
    { NULL, NULL }
};


/* what excludes what */

static const char  *ngx_oof_bank_pairs[][2] = {
    { "consentOwner", "cpf" },
    { "consentOwner", "cnpj" },
    { "consentOwner", "searchKey" },
    { "consentOwner", "searchKeys" },
    { "consentTermPeriod", "createdOnBegin" },
    { "consentTermPeriod", "createdOnEnd" },
    { "modalityType", "modalityTypeList" },
    { "searchKey", "searchKeys" },
    { "status", "statusList" },
    { "type", "typeList" },
    { NULL, NULL }
};


#define ngx_oof_bank_state(name, n)                                           \
    { ngx_string(name), ngx_oof_bank_bit(NGX_OOF_BANK_ ## n) }

/* those of enrollments fit no consent that is here */

static ngx_oof_bank_word_t  ngx_oof_bank_states[] = {
    ngx_oof_bank_state("AUTHORISED", AUTHORISED),
    ngx_oof_bank_state("AWAITING_AUTHORISATION", AWAITING),
    ngx_oof_bank_state("REJECTED", REJECTED),
    ngx_oof_bank_state("REVOKED", REVOKED),
    ngx_oof_bank_state("EXPIRED", EXPIRED),
    ngx_oof_bank_state("TIMEOUT_AUTHORISATION", TIMEOUT),
    ngx_oof_bank_state("CONSUMED", CONSUMED),
    ngx_oof_bank_state("TIMEOUT_PAYMENT", UNUSED),
    ngx_oof_bank_state("PARTIALLY_ACCEPTED", PARTIAL),
    { ngx_string("AWAITING_RISK_SIGNALS"), 0 },
    { ngx_string("AWAITING_ACCOUNT_HOLDER_VALIDATION"), 0 },
    { ngx_string("AWAITING_ENROLLMENT"), 0 },
    { ngx_null_string, 0 }
};


static ngx_oof_bank_word_t  ngx_oof_bank_kinds[] = {
    { ngx_string("DATA_SHARING"), NGX_OOF_BANK_DATA },
    { ngx_string("PAYMENT"), NGX_OOF_BANK_PAYMENT },
    { ngx_string("ENROLLMENT"), NGX_OOF_BANK_ENROLLMENT },
    { ngx_null_string, 0 }
};


static ngx_oof_bank_word_t  ngx_oof_bank_modalities[] = {
    { ngx_string("IMMEDIATE"), NGX_OOF_BANK_IMMEDIATE },
    { ngx_string("SCHEDULED"), NGX_OOF_BANK_SCHEDULED },
    { ngx_string("SWEEPING"), NGX_OOF_BANK_OTHERWISE },
    { ngx_string("VRP"), NGX_OOF_BANK_OTHERWISE },
    { ngx_string("AUTOMATIC"), NGX_OOF_BANK_OTHERWISE },
    { ngx_null_string, 0 }
};


static ngx_oof_bank_word_t  ngx_oof_bank_payments[] = {
    { ngx_string("PIX"), 0 },
    { ngx_null_string, 0 }
};


static ngx_oof_bank_word_t  ngx_oof_bank_orders[] = {
    { ngx_string("DESC"), NGX_OOF_BANK_DESC },
    { ngx_string("ASC"), NGX_OOF_BANK_ASC },
    { ngx_string("OPF"), NGX_OOF_BANK_OPF },
    { ngx_null_string, 0 }
};


ngx_int_t
ngx_oof_bank_query(ngx_oof_request_t *o, ngx_oof_bank_query_t *q)
{
    ngx_int_t  rc;

    q->to = NGX_OOF_BANK_FOREVER;
    q->standings = q->active ? ngx_oof_bank_bit(NGX_OOF_BANK_AUTHORISED)
                             : NGX_OOF_BANK_ANY_OF_ALL;
    q->kinds = q->active ? NGX_OOF_BANK_DATA : NGX_OOF_BANK_KINDS;
    q->modalities = NGX_OOF_BANK_IMMEDIATE|NGX_OOF_BANK_SCHEDULED;
    q->order = NGX_OOF_BANK_DESC;

    if (ngx_array_init(&q->keys, o->r->pool, 1, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_oof_bank_args(o, &q->args);

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_page(o, q->args, &q->page);
    }

    if (rc == NGX_OK && q->active) {
        return ngx_oof_bank_params(o, q, ngx_oof_bank_active_params);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_exclusive(o, q->args);
    }

    if (rc == NGX_OK) {
        rc = ngx_oof_bank_params(o, q, ngx_oof_bank_list_params);
    }

    return (rc == NGX_OK) ? ngx_oof_bank_types(o, q) : rc;
}


static ngx_int_t
ngx_oof_bank_params(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_oof_bank_param_t *param)
{
    ngx_int_t            rc;
    ngx_oof_bank_arg_t  *arg;

    for ( /* void */ ; param->name; param++) {

        arg = ngx_oof_bank_arg(q->args, param->name);

        if (arg == NULL) {
            continue;
        }

        rc = param->handler(o, q, &arg->value, param->name);

        if (rc == NGX_DECLINED) {
            return ngx_oof_bank_invalid(o, param->name);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_exclusive(ngx_oof_request_t *o, ngx_array_t *args)
{
    ngx_uint_t  i;

    for (i = 0; ngx_oof_bank_pairs[i][0]; i++) {

        if (ngx_oof_bank_arg(args, ngx_oof_bank_pairs[i][0])
            && ngx_oof_bank_arg(args, ngx_oof_bank_pairs[i][1]))
        {
            return ngx_oof_bank_combined(o, ngx_oof_bank_pairs[i][0],
                                         ngx_oof_bank_pairs[i][1]);
        }
    }

    return NGX_OK;
}


/* a modality is one of payments */

static ngx_int_t
ngx_oof_bank_types(ngx_oof_request_t *o, ngx_oof_bank_query_t *q)
{
    ngx_uint_t            i, mask;
    ngx_oof_bank_arg_t   *arg;

    static struct {
        const char            *name;
        ngx_oof_bank_word_t   *words;
        ngx_uint_t             payments;
    } params[] = {
        { "type", ngx_oof_bank_kinds, 0 },
        { "typeList", ngx_oof_bank_kinds, 0 },
        { "modalityType", ngx_oof_bank_modalities, 1 },
        { "modalityTypeList", ngx_oof_bank_modalities, 1 },
        { "paymentType", ngx_oof_bank_payments, 1 },
        { NULL, NULL, 0 }
    };

    for (i = 0; params[i].name; i++) {

        arg = ngx_oof_bank_arg(q->args, params[i].name);

        if (arg == NULL) {
            continue;
        }

        if (ngx_oof_bank_words(&arg->value, params[i].words, &mask) != NGX_OK
            || (params[i].payments && !(q->kinds & NGX_OOF_BANK_PAYMENT)))
        {
            return ngx_oof_bank_invalid(o, params[i].name);
        }

        if (params[i].words == ngx_oof_bank_modalities) {
            q->modalities = mask;
        }

        q->kinds = params[i].payments ? NGX_OOF_BANK_PAYMENT : mask;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_bank_args(ngx_oof_request_t *o, ngx_array_t **args)
{
    u_char              *p, *last, *end, *eq;
    ngx_int_t            rc;
    ngx_pool_t          *pool;
    ngx_oof_bank_arg_t  *arg;

    pool = o->r->pool;

    *args = ngx_array_create(pool, 8, sizeof(ngx_oof_bank_arg_t));
    if (*args == NULL) {
        return NGX_ERROR;
    }

    p = o->r->args.data;
    last = p + o->r->args.len;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');
        if (end == NULL) {
            end = last;
        }

        if (end == p) {
            continue;
        }

        arg = ngx_array_push(*args);
        if (arg == NULL) {
            return NGX_ERROR;
        }

        arg->raw.data = p;
        arg->raw.len = end - p;

        eq = ngx_strlchr(p, end, '=');

        rc = ngx_oof_bank_decode(pool, p, eq ? eq : end, &arg->name);

        if (rc == NGX_OK) {
            rc = ngx_oof_bank_decode(pool, eq ? eq + 1 : end, end,
                                     &arg->value);
        }

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK || (*args)->nelts > NGX_OOF_BANK_ARGS) {
            (void) ngx_oof_error(o, NGX_HTTP_BAD_REQUEST, "BAD_REQUEST",
                                 "Requisição inválida",
                                 "Os parâmetros da requisição estão "
                                 "malformados.");
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* as forms are encoded: "+" is a space, and the text is UTF-8 */

static ngx_int_t
ngx_oof_bank_decode(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_str_t *value)
{
    u_char     *dst;
    ngx_int_t   c;

    value->data = ngx_pnalloc(pool, last - p + 1);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    for (dst = value->data; p < last; p++) {

        if (*p == '+') {
            *dst++ = ' ';
            continue;
        }

        if (*p != '%') {
            *dst++ = *p;
            continue;
        }

        c = (last - p > 2) ? ngx_hextoi(p + 1, 2) : NGX_ERROR;

        if (c == NGX_ERROR) {
            return NGX_DECLINED;
        }

        *dst++ = (u_char) c;
        p += 2;
    }

    value->len = dst - value->data;

    return ngx_oof_json_is_text(value) ? NGX_OK : NGX_DECLINED;
}


ngx_oof_bank_arg_t *
ngx_oof_bank_arg(ngx_array_t *args, const char *name)
{
    size_t               len;
    ngx_uint_t           i;
    ngx_oof_bank_arg_t  *arg;

    arg = args->elts;
    len = ngx_strlen(name);

    for (i = 0; i < args->nelts; i++) {
        if (arg[i].name.len == len
            && ngx_memcmp(arg[i].name.data, name, len) == 0)
        {
            return &arg[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_oof_bank_page(ngx_oof_request_t *o, ngx_array_t *args,
    ngx_oof_page_t *page)
{
    ngx_int_t            n;
    ngx_oof_bank_arg_t  *arg;

    ngx_memzero(page, sizeof(ngx_oof_page_t));

    page->number = 1;
    page->size = NGX_OOF_PAGE_SIZE;

    arg = ngx_oof_bank_arg(args, "page");

    if (arg) {
        n = ngx_oof_bank_number(&arg->value, NGX_OOF_BANK_PAGE_MAX);

        if (n < 1) {
            return ngx_oof_bank_invalid(o, "page");
        }

        page->number = n;
    }

    arg = ngx_oof_bank_arg(args, "page-size");

    if (arg) {
        n = ngx_oof_bank_number(&arg->value, NGX_OOF_PAGE_SIZE_MAX);

        if (n < 1) {
            return ngx_oof_bank_invalid(o, "page-size");
        }

        page->size = n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_number(ngx_str_t *value, ngx_int_t max)
{
    ngx_int_t  n;

    if (value->len > sizeof("2147483647") - 1) {
        return NGX_ERROR;
    }

    n = ngx_atoi(value->data, value->len);

    return (n > max) ? NGX_ERROR : n;
}


/*
 * A time of RFC 3339, whose "+" of an offset may have come as a space; "unit"
 * is the smallest that it tells: a second, or a microsecond.
 */

static ngx_int_t
ngx_oof_bank_time(ngx_str_t *value, int64_t *us, int64_t *unit)
{
    u_char     *p, *last;
    size_t      len;
    int64_t     part;
    ngx_int_t   hour, minute;
    ngx_str_t   text;
    u_char      second[NGX_OOF_TIME_LEN];

    p = ngx_strlchr(value->data, value->data + value->len, 'T');
    last = value->data + value->len;

    if (p == NULL || last - p < (ssize_t) sizeof("T00:00:00Z") - 1) {
        return NGX_DECLINED;
    }

    p += sizeof("T00:00:00") - 1;
    len = p - value->data;

    if (len >= NGX_OOF_TIME_LEN) {
        return NGX_DECLINED;
    }

    ngx_memcpy(second, value->data, len);
    second[len] = 'Z';

    text.data = second;
    text.len = len + 1;

    if (ngx_oof_clock_parse(&text, us) != NGX_OK) {
        return NGX_DECLINED;
    }

    *unit = NGX_OOF_SECOND;

    if (*p == '.') {
        *unit = 1;

        for (part = NGX_OOF_SECOND / 10, p++;
             p < last && *p >= '0' && *p <= '9';
             part /= 10, p++)
        {
            *us += (*p - '0') * part;
        }

        if (p[-1] == '.') {
            return NGX_DECLINED;
        }
    }

    if (last - p == 1 && *p == 'Z') {
        return NGX_OK;
    }

    if (last - p != sizeof("+00:00") - 1
        || (*p != '+' && *p != '-' && *p != ' ') || p[3] != ':')
    {
        return NGX_DECLINED;
    }

    hour = ngx_atoi(p + 1, 2);
    minute = ngx_atoi(p + 4, 2);

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return NGX_DECLINED;
    }

    part = (hour * 3600 + minute * 60) * NGX_OOF_SECOND;

    *us += (*p == '-') ? part : -part;

    return NGX_OK;
}


/* one word, or several that commas separate */

static ngx_int_t
ngx_oof_bank_words(ngx_str_t *list, ngx_oof_bank_word_t *words,
    ngx_uint_t *mask)
{
    u_char               *p, *last, *end;
    ngx_oof_bank_word_t  *word;

    *mask = 0;

    p = list->data;
    last = p + list->len;

    do {
        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        for (word = words; word->name.len; word++) {
            if (word->name.len == (size_t) (end - p)
                && ngx_memcmp(word->name.data, p, word->name.len) == 0)
            {
                *mask |= word->mask;
                break;
            }
        }

        if (word->name.len == 0) {
            return NGX_DECLINED;
        }

        p = end + 1;

    } while (end < last);

    return NGX_OK;
}


ngx_uint_t
ngx_oof_bank_is_key(ngx_str_t *key)
{
    return key->len > 0
           && key->len <= NGX_OOF_BANK_TEXT
           && ngx_oof_json_is_text(key)
           && ngx_strlchr(key->data, key->data + key->len, ',') == NULL;
}


ngx_int_t
ngx_oof_bank_keys(ngx_array_t *keys, ngx_str_t *list)
{
    u_char     *p, *last, *end;
    ngx_str_t   key, *k;

    p = list->data;
    last = p + list->len;

    do {
        end = ngx_strlchr(p, last, ',');
        if (end == NULL) {
            end = last;
        }

        key.data = p;
        key.len = end - p;

        if (!ngx_oof_bank_is_key(&key) || keys->nelts == NGX_OOF_BANK_KEYS) {
            return NGX_DECLINED;
        }

        k = ngx_array_push(keys);
        if (k == NULL) {
            return NGX_ERROR;
        }

        *k = key;
        p = end + 1;

    } while (end < last);

    return NGX_OK;
}


/*
 * The owner as the bank identifies him: his CPF and CNPJ are looked up as such,
 * all the rest together is one search key, "agencia=0001;conta=12345", in the
 * order of its names.
 */

static ngx_int_t
ngx_oof_bank_q_owner(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    u_char       *p;
    size_t        i;
    json_t       *root, *list, *item;
    ngx_int_t     rc;
    ngx_str_t     text, key, val;
    const char   *why;
    ngx_array_t   others;

    /* the parser wants an object */

    text.len = sizeof("{\"a\":}") - 1 + value->len;
    text.data = ngx_pnalloc(o->r->pool, text.len);

    if (text.data == NULL
        || ngx_array_init(&others, o->r->pool, 4, 2 * sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text.data, "{\"a\":", sizeof("{\"a\":") - 1);
    p = ngx_cpymem(p, value->data, value->len);
    *p = '}';

    rc = ngx_oof_json_parse(o->r->pool, &text, &root, &why);

    if (rc != NGX_OK) {
        return rc;
    }

    list = json_object_get(root, "a");

    if (json_object_size(root) != 1 || !json_is_array(list)
        || json_array_size(list) == 0
        || json_array_size(list) > NGX_OOF_BANK_PAIRS)
    {
        return NGX_DECLINED;
    }

    json_array_foreach(list, i, item) {

        if (ngx_oof_json_get_str(item, "key", &key) != NGX_OK
            || ngx_oof_json_get_str(item, "value", &val) != NGX_OK)
        {
            return NGX_DECLINED;
        }

        rc = ngx_oof_bank_q_pair(o, q, &key, &val, &others);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return others.nelts ? ngx_oof_bank_q_others(o, q, &others) : NGX_OK;
}


static ngx_int_t
ngx_oof_bank_q_pair(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *key, ngx_str_t *value, ngx_array_t *others)
{
    ngx_str_t  *pair;

    if (key->len == 3 && ngx_strncasecmp(key->data, (u_char *) "cpf", 3) == 0)
    {
        return q->cpf.len ? NGX_DECLINED
                          : ngx_oof_bank_q_cpf(o, q, value, NULL);
    }

    if (key->len == 4
        && ngx_strncasecmp(key->data, (u_char *) "cnpj", 4) == 0)
    {
        return q->cnpj.len ? NGX_DECLINED
                           : ngx_oof_bank_q_cnpj(o, q, value, NULL);
    }

    if (!ngx_oof_bank_is_key(key) || !ngx_oof_bank_is_key(value)) {
        return NGX_DECLINED;
    }

    pair = ngx_array_push(others);
    if (pair == NULL) {
        return NGX_ERROR;
    }

    pair[0] = *key;
    pair[1] = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_q_others(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_array_t *others)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *pair, *key;
    ngx_uint_t   i;

    pair = others->elts;

    ngx_qsort(pair, others->nelts, 2 * sizeof(ngx_str_t),
              ngx_oof_bank_q_order);

    for (len = 0, i = 0; i < others->nelts; i++) {
        len += pair[2 * i].len + pair[2 * i + 1].len + 2;
    }

    p = ngx_pnalloc(o->r->pool, len);
    key = ngx_array_push(&q->keys);

    if (p == NULL || key == NULL) {
        return NGX_ERROR;
    }

    key->data = p;

    for (i = 0; i < others->nelts; i++) {
        p = ngx_sprintf(p, "%s%V=%V", i ? ";" : "", &pair[2 * i],
                        &pair[2 * i + 1]);
    }

    key->len = p - key->data;

    return ngx_oof_bank_is_key(key) ? NGX_OK : NGX_DECLINED;
}


static int ngx_libc_cdecl
ngx_oof_bank_q_order(const void *one, const void *two)
{
    const ngx_str_t  *first, *second;

    first = one;
    second = two;

    return (int) ngx_memn2cmp(first->data, second->data, first->len,
                              second->len);
}


static ngx_int_t
ngx_oof_bank_q_cpf(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    q->cpf = *value;

    return ngx_oof_scan_cpf(value);
}


static ngx_int_t
ngx_oof_bank_q_cnpj(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    q->cnpj = *value;

    return ngx_oof_scan_cnpj(value);
}


static ngx_int_t
ngx_oof_bank_q_begin(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    int64_t  unit;

    q->created = 1;

    return ngx_oof_bank_time(value, &q->from, &unit);
}


/* the whole of that second */

static ngx_int_t
ngx_oof_bank_q_end(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    int64_t  unit;

    q->created = 1;

    if (ngx_oof_bank_time(value, &q->to, &unit) != NGX_OK) {
        return NGX_DECLINED;
    }

    q->to += unit - 1;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_q_after(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    int64_t  unit;

    if (ngx_oof_bank_time(value, &q->from, &unit) != NGX_OK) {
        return NGX_DECLINED;
    }

    q->from += unit;

    return NGX_OK;
}


static ngx_int_t
ngx_oof_bank_q_before(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    int64_t  unit;

    return ngx_oof_bank_time(value, &q->before, &unit);
}


static ngx_int_t
ngx_oof_bank_q_term(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    q->has_term = 1;

    if (value->len == 2 && ngx_memcmp(value->data, "-1", 2) == 0) {
        q->term = -1;
        return NGX_OK;
    }

    q->term = ngx_oof_bank_number(value, NGX_OOF_BANK_TERM_MAX);

    return (q->term == NGX_ERROR) ? NGX_DECLINED : NGX_OK;
}


static ngx_int_t
ngx_oof_bank_q_sort(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    if (ngx_strlchr(value->data, value->data + value->len, ',')) {
        return NGX_DECLINED;
    }

    return ngx_oof_bank_words(value, ngx_oof_bank_orders, &q->order);
}


static ngx_int_t
ngx_oof_bank_q_key(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    return ngx_oof_bank_is_key(value) ? ngx_oof_bank_keys(&q->keys, value)
                                      : NGX_DECLINED;
}


static ngx_int_t
ngx_oof_bank_q_keys(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    return ngx_oof_bank_keys(&q->keys, value);
}


static ngx_int_t
ngx_oof_bank_q_status(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    if (name[sizeof("status") - 1] == '\0'
        && ngx_strlchr(value->data, value->data + value->len, ','))
    {
        return NGX_DECLINED;
    }

    return ngx_oof_bank_words(value, ngx_oof_bank_states, &q->standings);
}


static ngx_int_t
ngx_oof_bank_q_org(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    q->org = *value;

    return (ngx_utf8_length(value->data, value->len) >= NGX_OOF_BANK_ORG_MIN
            && value->len <= NGX_OOF_BANK_TEXT)
           ? NGX_OK : NGX_DECLINED;
}


/* "1-1764000000000000-01936000-0000-7000-8000-000000000000", of our links */

static ngx_int_t
ngx_oof_bank_q_mark(ngx_oof_request_t *o, ngx_oof_bank_query_t *q,
    ngx_str_t *value, const char *name)
{
    u_char     *p, *last;
    ngx_str_t   id;

    p = value->data;

    if (value->len < sizeof("0-0-") - 1 + NGX_OOF_UUID_TEXT
        || value->len > sizeof("0-253402300799999999-") - 1
                        + NGX_OOF_UUID_TEXT
        || *p < '0' || *p > '3' || p[1] != '-')
    {
        return NGX_DECLINED;
    }

    q->mark.set = 1;
    q->mark.rank = *p - '0';

    id.len = NGX_OOF_UUID_TEXT;
    id.data = p + value->len - NGX_OOF_UUID_TEXT;

    last = id.data - 1;
    p += 2;

    q->mark.creation = ngx_atoof(p, last - p);

    if (*last != '-' || q->mark.creation < 0
        || q->mark.creation > NGX_OOF_BANK_FOREVER)
    {
        return NGX_DECLINED;
    }

    return ngx_oof_uuid_parse(&id, q->mark.id);
}
