
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>


/* how exactly a range names the type */

#define NGX_OOF_MEDIA_ANY      1         /* * / * */
#define NGX_OOF_MEDIA_ANY_OF   2         /* application / * */
#define NGX_OOF_MEDIA_EXACT    3
#define NGX_OOF_MEDIA_CHARSET  4


static ngx_uint_t ngx_oof_media_range(ngx_str_t *range, const char *subtype,
    ngx_uint_t *refused);
static ngx_uint_t ngx_oof_media_next(ngx_str_t *rest, u_char separator,
    ngx_str_t *part);
static void ngx_oof_media_trim(ngx_str_t *s);
static ngx_int_t ngx_oof_media_param(ngx_str_t *part, ngx_str_t *name,
    ngx_str_t *value);
static ngx_int_t ngx_oof_media_weight(ngx_str_t *value);
static ngx_uint_t ngx_oof_media_is(ngx_str_t *s, const char *text);
static ngx_uint_t ngx_oof_media_type(ngx_str_t *s, const char *subtype);
static ngx_uint_t ngx_oof_media_name(u_char *p, const char *names);


ngx_uint_t
ngx_oof_media_accepted(ngx_str_t *accept, const char *subtype)
{
    ngx_str_t   rest, range;
    ngx_uint_t  best, refused, match, no;

    if (accept->len == sizeof("application/json") - 1
        && ngx_memcmp(accept->data, "application/json", accept->len) == 0)
    {
        /* what nearly everybody says */

        return ngx_strcmp(subtype, "json") == 0;
    }

    best = 0;
    refused = 1;

    rest = *accept;
    ngx_oof_media_trim(&rest);

    if (rest.len == 0) {
        return 1;
    }

    while (ngx_oof_media_next(&rest, ',', &range)) {

        match = ngx_oof_media_range(&range, subtype, &no);

        if (match > best) {
            best = match;
            refused = no;

        } else if (match && match == best) {
            refused &= no;
        }
    }

    return !refused;
}


/* how well a range matches, 0 for not at all, and whether its weight is 0 */

static ngx_uint_t
ngx_oof_media_range(ngx_str_t *range, const char *subtype,
    ngx_uint_t *refused)
{
    ngx_int_t   weight;
    ngx_str_t   rest, part, name, value;
    ngx_uint_t  match;

    *refused = 0;

    rest = *range;

    if (!ngx_oof_media_next(&rest, ';', &part)) {
        return 0;
    }

    if (ngx_oof_media_type(&part, subtype)) {
        match = NGX_OOF_MEDIA_EXACT;

    } else if (ngx_oof_media_is(&part, "application/*")) {
        match = NGX_OOF_MEDIA_ANY_OF;

    } else if (ngx_oof_media_is(&part, "*/*")) {
        match = NGX_OOF_MEDIA_ANY;

    } else {
        return 0;
    }

    while (ngx_oof_media_next(&rest, ';', &part)) {

        if (ngx_oof_media_param(&part, &name, &value) != NGX_OK) {
            return 0;
        }

        if (ngx_oof_media_is(&name, "q")) {
            weight = ngx_oof_media_weight(&value);

            if (weight == NGX_ERROR) {
                return 0;
            }

            *refused = (weight == 0);

        } else if (ngx_oof_media_is(&name, "charset")) {

            if (!ngx_oof_media_is(&value, "utf-8")) {
                return 0;
            }

            match = NGX_OOF_MEDIA_CHARSET;
        }
    }

    return match;
}


ngx_int_t
ngx_oof_media_check(ngx_str_t *type, const char *subtype)
{
    ngx_str_t  rest, part, name, value;

    if (ngx_oof_media_type(type, subtype)) {
        return NGX_OK;
    }

    rest = *type;

    if (!ngx_oof_media_next(&rest, ';', &part)
        || !ngx_oof_media_type(&part, subtype))
    {
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }

    while (ngx_oof_media_next(&rest, ';', &part)) {

        if (part.len == 0) {
            continue;
        }

        if (ngx_oof_media_param(&part, &name, &value) != NGX_OK) {
            return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
        }

        if (ngx_oof_media_is(&name, "charset")
            && !ngx_oof_media_is(&value, "utf-8"))
        {
            return NGX_OOF_HTTP_NOT_ACCEPTABLE;
        }
    }

    return NGX_OK;
}


/*
 * Cuts the next part off "rest", up to a separator that is not inside quotes;
 * returns 0 when nothing is left.
 */

static ngx_uint_t
ngx_oof_media_next(ngx_str_t *rest, u_char separator, ngx_str_t *part)
{
    u_char      *p, *last;
    ngx_uint_t   quoted;

    if (rest->data == NULL) {
        return 0;
    }

    quoted = 0;

    p = rest->data;
    last = p + rest->len;

    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            quoted = !quoted;

        } else if (quoted && *p == '\\' && p + 1 < last) {
            p++;

        } else if (!quoted && *p == separator) {
            break;
        }
    }

    part->data = rest->data;
    part->len = p - rest->data;

    ngx_oof_media_trim(part);

    if (p == last) {
        ngx_str_null(rest);

    } else {
        rest->data = p + 1;
        rest->len = last - rest->data;
    }

    return 1;
}


static void
ngx_oof_media_trim(ngx_str_t *s)
{
    while (s->len && (s->data[0] == ' ' || s->data[0] == '\t')) {
        s->data++;
        s->len--;
    }

    while (s->len
           && (s->data[s->len - 1] == ' ' || s->data[s->len - 1] == '\t'))
    {
        s->len--;
    }
}


/* "name=value" or "name=\"value\"" */

static ngx_int_t
ngx_oof_media_param(ngx_str_t *part, ngx_str_t *name, ngx_str_t *value)
{
    u_char  *p;

    p = ngx_strlchr(part->data, part->data + part->len, '=');

    if (p == NULL || p == part->data) {
        return NGX_DECLINED;
    }

    name->data = part->data;
    name->len = p - part->data;

    value->data = p + 1;
    value->len = part->data + part->len - value->data;

    if (value->len >= 2 && value->data[0] == '"'
        && value->data[value->len - 1] == '"')
    {
        value->data++;
        value->len -= 2;
    }

    return NGX_OK;
}


/* a weight in thousandths (RFC 9110, 12.4.2), or NGX_ERROR */

static ngx_int_t
ngx_oof_media_weight(ngx_str_t *value)
{
    u_char     *p;
    size_t      i;
    ngx_int_t   weight;

    p = value->data;

    if (value->len == 0 || value->len > 5 || (*p != '0' && *p != '1')
        || (value->len > 1 && p[1] != '.'))
    {
        return NGX_ERROR;
    }

    weight = *p - '0';

    for (i = 2; i < 5; i++) {

        weight *= 10;

        if (i < value->len) {

            if (p[i] < '0' || p[i] > '9') {
                return NGX_ERROR;
            }

            weight += p[i] - '0';
        }
    }

    return weight > 1000 ? NGX_ERROR : weight;
}


static ngx_uint_t
ngx_oof_media_is(ngx_str_t *s, const char *text)
{
    return s->len == ngx_strlen(text)
           && ngx_strncasecmp(s->data, (u_char *) text, s->len) == 0;
}


static ngx_uint_t
ngx_oof_media_type(ngx_str_t *s, const char *subtype)
{
    static u_char  type[] = "application/";

    ngx_str_t  rest;

    if (s->len < sizeof(type) - 1
        || ngx_strncasecmp(s->data, type, sizeof(type) - 1) != 0)
    {
        return 0;
    }

    rest.data = s->data + sizeof(type) - 1;
    rest.len = s->len - (sizeof(type) - 1);

    return ngx_oof_media_is(&rest, subtype);
}


ngx_int_t
ngx_oof_media_date(ngx_str_t *value)
{
    u_char      *p;
    ngx_uint_t   i;

    static u_char  form[] = "..., 00 ... 0000 00:00:00 ...";

    if (value->len != sizeof(form) - 1) {
        return NGX_DECLINED;
    }

    p = value->data;

    for (i = 0; i < sizeof(form) - 1; i++) {

        if (form[i] == '.') {
            continue;
        }

        if (form[i] == '0' ? (p[i] < '0' || p[i] > '9') : p[i] != form[i]) {
            return NGX_DECLINED;
        }
    }

    if (ngx_oof_media_name(p, "MonTueWedThuFriSatSun")
        && ngx_oof_media_name(p + 8, "JanFebMarAprMayJunJulAugSepOctNovDec")
        && ngx_oof_media_name(p + 26, "GMTUTC"))
    {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_oof_media_name(u_char *p, const char *names)
{
    for ( /* void */ ; *names; names += 3) {
        if (ngx_memcmp(p, names, 3) == 0) {
            return 1;
        }
    }

    return 0;
}
