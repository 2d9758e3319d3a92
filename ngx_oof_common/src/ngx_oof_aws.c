
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_aws_int.h>


/* credentials in a worker */


#define NGX_OOF_AWS_ROLES     "/latest/meta-data/iam/security-credentials/"

/* steps of the instance's metadata service */

#define NGX_OOF_AWS_SESSION   0
#define NGX_OOF_AWS_ROLE      1
#define NGX_OOF_AWS_KEYS      2


static ngx_int_t ngx_oof_aws_begin(ngx_oof_renew_t *renew, const char **why);
static ngx_int_t ngx_oof_aws_begin_web(ngx_oof_aws_t *aws, const char **why);
static ngx_int_t ngx_oof_aws_begin_container(ngx_oof_aws_t *aws,
    const char **why);
static ngx_int_t ngx_oof_aws_begin_instance(ngx_oof_aws_t *aws);
static ngx_int_t ngx_oof_aws_answer(ngx_oof_renew_t *renew, const char **why);
static ngx_int_t ngx_oof_aws_next(ngx_oof_aws_t *aws, const char **why);
static ngx_int_t ngx_oof_aws_json(ngx_oof_aws_t *aws, const char **why);
static ngx_int_t ngx_oof_aws_assumed(ngx_oof_aws_t *aws, const char **why);
static ngx_int_t ngx_oof_aws_take(ngx_oof_aws_t *aws,
    ngx_oof_aws_keys_t *keys, ngx_str_t *expiration, const char **why);
static ngx_int_t ngx_oof_aws_expiration(ngx_str_t *text, time_t *expires);
static void ngx_oof_aws_drop(ngx_oof_renew_t *renew);


void
ngx_oof_aws_start(ngx_oof_aws_t *aws)
{
    ngx_oof_renew_t  *renew;

    if (aws->fixed.id.len) {
        return;
    }

    renew = &aws->renew;

    renew->name = "credentials of AWS";
    renew->owner = aws;
    renew->begin = ngx_oof_aws_begin;
    renew->answer = ngx_oof_aws_answer;
    renew->drop = ngx_oof_aws_drop;
    renew->addrs = aws->addrs;

    ngx_oof_renew_start(renew);
}


void
ngx_oof_aws_stop(ngx_oof_aws_t *aws)
{
    if (aws->fixed.id.len == 0) {
        ngx_oof_renew_stop(&aws->renew);
    }
}


ngx_oof_aws_keys_t *
ngx_oof_aws_keys(ngx_oof_aws_t *aws)
{
    if (aws->fixed.id.len) {
        return &aws->fixed;
    }

    return ngx_oof_renew_good(&aws->renew) ? &aws->keys : NULL;
}


void
ngx_oof_aws_refused(ngx_oof_aws_t *aws)
{
    if (aws->fixed.id.len == 0) {
        ngx_oof_renew_refused(&aws->renew);
    }
}


static ngx_int_t
ngx_oof_aws_begin(ngx_oof_renew_t *renew, const char **why)
{
    ngx_oof_aws_t  *aws;

    aws = renew->owner;
    aws->step = NGX_OOF_AWS_SESSION;

    switch (aws->source) {

    case NGX_OOF_AWS_WEB:
        return ngx_oof_aws_begin_web(aws, why);

    case NGX_OOF_AWS_CONTAINER:
        return ngx_oof_aws_begin_container(aws, why);

    default:
        return ngx_oof_aws_begin_instance(aws);
    }
}


/* AssumeRoleWithWebIdentity, which needs no signature */

static ngx_int_t
ngx_oof_aws_begin_web(ngx_oof_aws_t *aws, const char **why)
{
    u_char     *p;
    ngx_str_t   token, body, type;

    if (ngx_oof_renew_read(&aws->renew, &aws->token_file, &token, why)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&type, "application/x-www-form-urlencoded");

    if (ngx_oof_renew_header(&aws->renew, "Content-Type: ", &type) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(aws->renew.work,
                    sizeof("Action=AssumeRoleWithWebIdentity"
                           "&Version=2011-06-15&RoleArn=&RoleSessionName="
                           "&WebIdentityToken=")
                    + 3 * (aws->role.len + aws->session.len + token.len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    body.data = p;

    p = ngx_sprintf(p, "Action=AssumeRoleWithWebIdentity"
                    "&Version=2011-06-15&RoleArn=");
    p = (u_char *) ngx_escape_uri(p, aws->role.data, aws->role.len,
                                  NGX_ESCAPE_URI_COMPONENT);
    p = ngx_sprintf(p, "&RoleSessionName=");
    p = (u_char *) ngx_escape_uri(p, aws->session.data, aws->session.len,
                                  NGX_ESCAPE_URI_COMPONENT);
    p = ngx_sprintf(p, "&WebIdentityToken=");
    p = (u_char *) ngx_escape_uri(p, token.data, token.len,
                                  NGX_ESCAPE_URI_COMPONENT);

    body.len = p - body.data;

    return ngx_oof_renew_call(&aws->renew, "POST", &aws->url, &body);
}


static ngx_int_t
ngx_oof_aws_begin_container(ngx_oof_aws_t *aws, const char **why)
{
    ngx_str_t  token;

    token = aws->token;

    if (aws->token_file.len
        && ngx_oof_renew_read(&aws->renew, &aws->token_file, &token, why)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_renew_header(&aws->renew, "Authorization: ", &token)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_oof_renew_call(&aws->renew, "GET", &aws->url, NULL);
}


/* IMDSv2: a session first, then the role's name, then its keys */

static ngx_int_t
ngx_oof_aws_begin_instance(ngx_oof_aws_t *aws)
{
    u_char     *p;
    ngx_str_t   ttl, url;

    ngx_str_set(&ttl, "300");

    if (ngx_oof_renew_header(&aws->renew,
                             "X-aws-ec2-metadata-token-ttl-seconds: ", &ttl)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(aws->renew.work,
                    aws->url.len + sizeof("/latest/api/token"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    url.data = p;
    url.len = ngx_sprintf(p, "%V/latest/api/token", &aws->url) - p;

    return ngx_oof_renew_call(&aws->renew, "PUT", &url, NULL);
}


static ngx_int_t
ngx_oof_aws_answer(ngx_oof_renew_t *renew, const char **why)
{
    ngx_oof_aws_t  *aws;

    aws = renew->owner;

    if (aws->source == NGX_OOF_AWS_WEB) {
        return ngx_oof_aws_assumed(aws, why);
    }

    if (aws->source == NGX_OOF_AWS_INSTANCE && aws->step != NGX_OOF_AWS_KEYS) {
        return ngx_oof_aws_next(aws, why);
    }

    return ngx_oof_aws_json(aws, why);
}


static ngx_int_t
ngx_oof_aws_next(ngx_oof_aws_t *aws, const char **why)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   text, url;
    ngx_uint_t  i;

    text = aws->renew.fetch.response;

    /* the first line: the session's token, or a role's name */

    for (i = 0; i < text.len && text.data[i] > ' ' && text.data[i] <= '~';
         i++)
    { /* void */ }

    text.len = i;

    if (text.len == 0) {
        *why = "the metadata service knows no role";
        return NGX_ERROR;
    }

    if (aws->step == NGX_OOF_AWS_SESSION) {
        aws->header = text;
        text.len = 0;
    }

    aws->step++;

    if (ngx_oof_renew_header(&aws->renew, "X-aws-ec2-metadata-token: ",
                             &aws->header)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(aws->renew.work, aws->url.len + sizeof(NGX_OOF_AWS_ROLES)
                               + 3 * text.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url.data = p;

    p = ngx_sprintf(p, "%V" NGX_OOF_AWS_ROLES, &aws->url);
    p = (u_char *) ngx_escape_uri(p, text.data, text.len,
                                  NGX_ESCAPE_URI_COMPONENT);
    url.len = p - url.data;

    rc = ngx_oof_renew_call(&aws->renew, "GET", &url, NULL);

    return rc == NGX_OK ? NGX_AGAIN : NGX_ERROR;
}


/* what the container's endpoint and the metadata service answer */

static ngx_int_t
ngx_oof_aws_json(ngx_oof_aws_t *aws, const char **why)
{
    json_t              *root;
    ngx_str_t            expiration;
    ngx_oof_aws_keys_t   keys;

    if (ngx_oof_json_parse(aws->renew.work, &aws->renew.fetch.response, &root,
                           why)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_oof_json_get_str(root, "AccessKeyId", &keys.id) != NGX_OK
        || ngx_oof_json_get_str(root, "SecretAccessKey", &keys.secret)
           != NGX_OK
        || ngx_oof_json_get_str(root, "Token", &keys.token) != NGX_OK
        || ngx_oof_json_get_str(root, "Expiration", &expiration) != NGX_OK)
    {
        *why = "there are no keys in the answer";
        return NGX_ERROR;
    }

    return ngx_oof_aws_take(aws, &keys, &expiration, why);
}


static ngx_int_t
ngx_oof_aws_assumed(ngx_oof_aws_t *aws, const char **why)
{
    ngx_str_t           xml, all, expiration;
    ngx_oof_aws_keys_t  keys;

    xml = aws->renew.fetch.response;

    if (ngx_oof_aws_xml(&xml, "Credentials", &all) != NGX_OK
        || (xml = all, ngx_oof_aws_xml(&xml, "AccessKeyId", &keys.id))
           != NGX_OK
        || (xml = all, ngx_oof_aws_xml(&xml, "SecretAccessKey", &keys.secret))
           != NGX_OK
        || (xml = all, ngx_oof_aws_xml(&xml, "SessionToken", &keys.token))
           != NGX_OK
        || (xml = all, ngx_oof_aws_xml(&xml, "Expiration", &expiration))
           != NGX_OK)
    {
        *why = "there are no keys in the answer";
        return NGX_ERROR;
    }

    return ngx_oof_aws_take(aws, &keys, &expiration, why);
}


static ngx_int_t
ngx_oof_aws_take(ngx_oof_aws_t *aws, ngx_oof_aws_keys_t *keys,
    ngx_str_t *expiration, const char **why)
{
    time_t            expires;
    ngx_oof_renew_t  *renew;

    renew = &aws->renew;

    if (!ngx_oof_renew_printable(&keys->id)
        || !ngx_oof_renew_printable(&keys->secret)
        || !ngx_oof_renew_printable(&keys->token)
        || ngx_oof_aws_expiration(expiration, &expires) != NGX_OK)
    {
        *why = "the keys in the answer have not their form";
        return NGX_ERROR;
    }

    renew->left = expires - ngx_time();

    if (ngx_oof_renew_keep(renew, &aws->keys.id, &keys->id) != NGX_OK
        || ngx_oof_renew_keep(renew, &aws->keys.secret, &keys->secret)
           != NGX_OK
        || ngx_oof_renew_keep(renew, &aws->keys.token, &keys->token)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* "2026-11-24T20:00:00Z", and some write a fraction */

static ngx_int_t
ngx_oof_aws_expiration(ngx_str_t *text, time_t *expires)
{
    int64_t    us;
    ngx_str_t  s;
    u_char     buf[NGX_OOF_TIME_LEN];

    s = *text;

    if (s.len > NGX_OOF_TIME_LEN && s.data[NGX_OOF_TIME_LEN - 1] == '.'
        && s.data[s.len - 1] == 'Z')
    {
        ngx_memcpy(buf, s.data, NGX_OOF_TIME_LEN);
        buf[NGX_OOF_TIME_LEN - 1] = 'Z';

        s.data = buf;
        s.len = NGX_OOF_TIME_LEN;
    }

    if (ngx_oof_clock_parse(&s, &us) != NGX_OK) {
        return NGX_DECLINED;
    }

    *expires = us / NGX_OOF_SECOND;

    return NGX_OK;
}


static void
ngx_oof_aws_drop(ngx_oof_renew_t *renew)
{
    ngx_oof_aws_t  *aws;

    aws = renew->owner;

    if (aws->keys.secret.len) {
        OPENSSL_cleanse(aws->keys.secret.data, aws->keys.secret.len);
    }

    ngx_memzero(&aws->keys, sizeof(ngx_oof_aws_keys_t));
}


ngx_int_t
ngx_oof_aws_xml(ngx_str_t *xml, const char *name, ngx_str_t *text)
{
    size_t   len;
    u_char  *p, *end, *last;

    len = ngx_strlen(name);
    end = xml->data + xml->len;

    text->data = NULL;

    for (p = xml->data; (p = ngx_strlchr(p, end, '<')) != NULL; p++) {

        if (text->data == NULL) {

            if ((size_t) (end - p) > len + 1
                && ngx_strncmp(p + 1, name, len) == 0 && p[len + 1] == '>')
            {
                text->data = p + len + 2;
            }

            continue;
        }

        last = p + len + 3;

        if (end >= last && p[1] == '/' && ngx_strncmp(p + 2, name, len) == 0
            && p[len + 2] == '>')
        {
            text->len = p - text->data;

            xml->data = last;
            xml->len = end - last;

            return NGX_OK;
        }
    }

    ngx_str_null(text);

    return NGX_DECLINED;
}
