
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_aws_int.h>


/* where credentials are: parameters, the environment, the shared file */


#define NGX_OOF_AWS_ECS       "http://169.254.170.2"
#define NGX_OOF_AWS_METADATA  "http://169.254.169.254"


typedef struct {
    ngx_str_t                name;
    size_t                   offset;     /* of an ngx_str_t */
} ngx_oof_aws_param_t;


typedef ngx_int_t (*ngx_oof_aws_find_pt)(ngx_conf_t *cf, ngx_oof_aws_t *aws);


static char *ngx_oof_aws_source(ngx_oof_aws_t *aws);
static ngx_int_t ngx_oof_aws_find(ngx_conf_t *cf, ngx_oof_aws_t *aws);
static ngx_int_t ngx_oof_aws_found(ngx_conf_t *cf, ngx_oof_aws_t *aws,
    ngx_int_t rc);
static ngx_int_t ngx_oof_aws_find_env(ngx_conf_t *cf, ngx_oof_aws_t *aws);
static ngx_int_t ngx_oof_aws_find_web(ngx_conf_t *cf, ngx_oof_aws_t *aws);
static ngx_int_t ngx_oof_aws_find_file(ngx_conf_t *cf, ngx_oof_aws_t *aws);
static ngx_int_t ngx_oof_aws_find_container(ngx_conf_t *cf,
    ngx_oof_aws_t *aws);
static ngx_int_t ngx_oof_aws_find_instance(ngx_conf_t *cf,
    ngx_oof_aws_t *aws);
static ngx_int_t ngx_oof_aws_sts(ngx_conf_t *cf, ngx_oof_aws_t *aws);
static ngx_uint_t ngx_oof_aws_trusted(ngx_str_t *url);
static ngx_int_t ngx_oof_aws_shared(ngx_conf_t *cf, ngx_oof_aws_t *aws);
static void ngx_oof_aws_entry(ngx_oof_aws_t *aws, ngx_str_t *line,
    ngx_uint_t *ours);
static void ngx_oof_aws_trim(ngx_str_t *text);
static ngx_int_t ngx_oof_aws_join(ngx_conf_t *cf, ngx_str_t *to,
    const char *begin, ngx_str_t *middle, const char *end);


static ngx_oof_aws_param_t  ngx_oof_aws_params[] = {
    { ngx_string("region"), offsetof(ngx_oof_aws_t, region) },
    { ngx_string("credentials"), offsetof(ngx_oof_aws_t, wanted) },
    { ngx_string("profile"), offsetof(ngx_oof_aws_t, profile) },
    { ngx_string("credentials_file"), offsetof(ngx_oof_aws_t, file) },
    { ngx_string("role"), offsetof(ngx_oof_aws_t, role) },
    { ngx_string("sts"), offsetof(ngx_oof_aws_t, sts) },
    { ngx_string("metadata"), offsetof(ngx_oof_aws_t, metadata) },
    { ngx_null_string, 0 }
};


static ngx_str_t  ngx_oof_aws_sources[] = {
    ngx_string("auto"),
    ngx_string("environment"),
    ngx_string("web_identity"),
    ngx_string("file"),
    ngx_string("container"),
    ngx_string("instance"),
    ngx_null_string
};


/* NGX_DECLINED: there are none */

static ngx_oof_aws_find_pt  ngx_oof_aws_finds[] = {
    NULL,
    ngx_oof_aws_find_env,
    ngx_oof_aws_find_web,
    ngx_oof_aws_find_file,
    ngx_oof_aws_find_container,
    ngx_oof_aws_find_instance,
    NULL
};


ngx_oof_aws_t *
ngx_oof_aws_create(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_oof_aws_t));
}


ngx_int_t
ngx_oof_aws_line(ngx_oof_aws_t *aws, ngx_str_t *value, ngx_uint_t n,
    char **rv)
{
    ngx_str_t            *field;
    ngx_oof_aws_param_t  *known;

    for (known = ngx_oof_aws_params; known->name.len; known++) {

        if (value[0].len == known->name.len
            && ngx_strcmp(value[0].data, known->name.data) == 0)
        {
            break;
        }
    }

    if (known->name.len == 0) {
        return NGX_DECLINED;
    }

    field = (ngx_str_t *) ((u_char *) aws + known->offset);

    *rv = ngx_oof_publish_value(field, value, n);

    if (*rv == NGX_CONF_OK && field == &aws->wanted) {
        *rv = ngx_oof_aws_source(aws);
    }

    return NGX_OK;
}


static char *
ngx_oof_aws_source(ngx_oof_aws_t *aws)
{
    ngx_uint_t  i;

    for (i = 0; ngx_oof_aws_sources[i].len; i++) {

        if (ngx_oof_aws_sources[i].len == aws->wanted.len
            && ngx_strcmp(ngx_oof_aws_sources[i].data, aws->wanted.data) == 0)
        {
            aws->source = i;
            return NGX_CONF_OK;
        }
    }

    return "must be \"auto\", \"environment\", \"web_identity\", \"file\", "
           "\"container\" or \"instance\"";
}


ngx_int_t
ngx_oof_aws_init(ngx_conf_t *cf, ngx_oof_aws_t *aws, ngx_str_t *region)
{
    if (aws->region.len == 0) {
        aws->region = *region;
    }

    if (aws->region.len == 0
        && ngx_oof_env(cf, "AWS_REGION", &aws->region) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (aws->region.len == 0
        && ngx_oof_env(cf, "AWS_DEFAULT_REGION", &aws->region) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ngx_oof_is_word(&aws->region, NGX_OOF_AWS_REGION, "-")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no region of AWS is named: set \"region\", or "
                           "AWS_REGION in the environment");
        return NGX_ERROR;
    }

    return ngx_oof_aws_find(cf, aws);
}


static ngx_int_t
ngx_oof_aws_find(ngx_conf_t *cf, ngx_oof_aws_t *aws)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    if (aws->source != NGX_OOF_AWS_AUTO) {
        rc = ngx_oof_aws_finds[aws->source](cf, aws);

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"credentials %V\": there are none, see the "
                               "documentation for what names them",
                               &ngx_oof_aws_sources[aws->source]);
            return NGX_ERROR;
        }

        return ngx_oof_aws_found(cf, aws, rc);
    }

    for (i = NGX_OOF_AWS_ENV; ngx_oof_aws_finds[i]; i++) {
        rc = ngx_oof_aws_finds[i](cf, aws);

        if (rc != NGX_DECLINED) {
            aws->source = i;
            return ngx_oof_aws_found(cf, aws, rc);
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "no credentials of AWS are found: neither in the "
                       "environment, nor in a file, nor of a pod, and the "
                       "instance's are disabled");

    return NGX_ERROR;
}


/* keys that no header may carry */

static ngx_int_t
ngx_oof_aws_found(ngx_conf_t *cf, ngx_oof_aws_t *aws, ngx_int_t rc)
{
    ngx_oof_aws_keys_t  *keys;

    keys = &aws->fixed;

    if (rc != NGX_OK || keys->id.len == 0) {
        return rc;
    }

    if (!ngx_oof_renew_printable(&keys->id)
        || !ngx_oof_renew_printable(&keys->secret)
        || (keys->token.len && !ngx_oof_renew_printable(&keys->token)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the credentials of AWS (%V) have a character that "
                           "none has", &ngx_oof_aws_sources[aws->source]);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_oof_aws_find_env(ngx_conf_t *cf, ngx_oof_aws_t *aws)
{
    ngx_oof_aws_keys_t  *keys;

    keys = &aws->fixed;

    if (ngx_oof_env(cf, "AWS_ACCESS_KEY_ID", &keys->id) != NGX_OK
        || ngx_oof_env(cf, "AWS_SECRET_ACCESS_KEY", &keys->secret) != NGX_OK
        || ngx_oof_env(cf, "AWS_SESSION_TOKEN", &keys->token) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (keys->id.len && keys->secret.len) {
        return NGX_OK;
    }

    /* what is "fixed" decides whether anything is fetched */

    ngx_memzero(keys, sizeof(ngx_oof_aws_keys_t));

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_aws_find_web(ngx_conf_t *cf, ngx_oof_aws_t *aws)
{
    if (ngx_oof_env(cf, "AWS_WEB_IDENTITY_TOKEN_FILE", &aws->token_file)
        != NGX_OK
        || ngx_oof_env(cf, "AWS_ROLE_SESSION_NAME", &aws->session) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (aws->role.len == 0
        && ngx_oof_env(cf, "AWS_ROLE_ARN", &aws->role) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (aws->token_file.len == 0 || aws->role.len == 0) {
        return NGX_DECLINED;
    }

    if (aws->session.len == 0) {
        ngx_str_set(&aws->session, "oof");
    }

    return ngx_oof_aws_sts(cf, aws);
}


static ngx_int_t
ngx_oof_aws_sts(ngx_conf_t *cf, ngx_oof_aws_t *aws)
{
    const char  *end;

    aws->url = aws->sts;

    if (aws->url.len == 0
        && ngx_oof_env(cf, "AWS_ENDPOINT_URL_STS", &aws->url) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (aws->url.len == 0) {
        end = ngx_strncmp(aws->region.data, "cn-", 3) == 0
              ? ".amazonaws.com.cn/" : ".amazonaws.com/";

        if (ngx_oof_aws_join(cf, &aws->url, "https://sts.", &aws->region, end)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_oof_fetch_prepare(cf, &aws->url, &aws->addrs);
}


static ngx_int_t
ngx_oof_aws_find_file(ngx_conf_t *cf, ngx_oof_aws_t *aws)
{
    ngx_str_t        home;
    ngx_file_info_t  fi;

    if (aws->profile.len == 0
        && ngx_oof_env(cf, "AWS_PROFILE", &aws->profile) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (aws->profile.len == 0) {
        ngx_str_set(&aws->profile, "default");
    }

    if (aws->file.len) {
        return ngx_oof_aws_shared(cf, aws);
    }

    if (ngx_oof_env(cf, "AWS_SHARED_CREDENTIALS_FILE", &aws->file) != NGX_OK) {
        return NGX_ERROR;
    }

    if (aws->file.len) {
        return ngx_oof_aws_shared(cf, aws);
    }

    if (ngx_oof_env(cf, "HOME", &home) != NGX_OK) {
        return NGX_ERROR;
    }

    if (home.len == 0) {
        return NGX_DECLINED;
    }

    if (ngx_oof_aws_join(cf, &aws->file, "", &home, "/.aws/credentials")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_file_info(aws->file.data, &fi) == NGX_FILE_ERROR) {
        return NGX_DECLINED;
    }

    return ngx_oof_aws_shared(cf, aws);
}


static ngx_int_t
ngx_oof_aws_find_container(ngx_conf_t *cf, ngx_oof_aws_t *aws)
{
    ngx_str_t  relative, full;

    if (ngx_oof_env(cf, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", &relative)
        != NGX_OK
        || ngx_oof_env(cf, "AWS_CONTAINER_CREDENTIALS_FULL_URI", &full)
           != NGX_OK
        || ngx_oof_env(cf, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                       &aws->token_file)
           != NGX_OK
        || ngx_oof_env(cf, "AWS_CONTAINER_AUTHORIZATION_TOKEN", &aws->token)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (relative.len) {
        return ngx_oof_aws_join(cf, &aws->url, NGX_OOF_AWS_ECS, &relative, "");
    }

    if (full.len == 0) {
        return NGX_DECLINED;
    }

    if (!ngx_oof_aws_trusted(&full)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "AWS_CONTAINER_CREDENTIALS_FULL_URI must begin with "
                           "\"https://\", or name the host itself or an "
                           "address of ECS or EKS: the token would go to "
                           "whoever it names");
        return NGX_ERROR;
    }

    aws->url = full;

    return ngx_oof_fetch_prepare(cf, &aws->url, &aws->addrs);
}


/* whom the SDKs trust with a token that is not encrypted */

static ngx_uint_t
ngx_oof_aws_trusted(ngx_str_t *url)
{
    size_t        len;
    u_char       *p;
    ngx_uint_t    i;

    static const char  *hosts[] = {
        "http://169.254.170.2", "http://169.254.170.23",
        "http://[fd00:ec2::23]", "http://127.0.0.1", "http://[::1]",
        "http://localhost", NULL
    };

    if (ngx_strncmp(url->data, "https://", 8) == 0) {
        return 1;
    }

    for (i = 0; hosts[i]; i++) {
        len = ngx_strlen(hosts[i]);

        if (url->len < len || ngx_strncmp(url->data, hosts[i], len) != 0) {
            continue;
        }

        p = url->data + len;

        if (*p == '\0' || *p == '/' || *p == ':' || *p == '?') {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_oof_aws_find_instance(ngx_conf_t *cf, ngx_oof_aws_t *aws)
{
    ngx_str_t  off;

    if (ngx_oof_env(cf, "AWS_EC2_METADATA_DISABLED", &off) != NGX_OK) {
        return NGX_ERROR;
    }

    if (off.len == 4
        && ngx_strncasecmp(off.data, (u_char *) "true", 4) == 0)
    {
        return NGX_DECLINED;
    }

    aws->url = aws->metadata;

    if (aws->url.len == 0
        && ngx_oof_env(cf, "AWS_EC2_METADATA_SERVICE_ENDPOINT", &aws->url)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (aws->url.len == 0) {
        ngx_str_set(&aws->url, NGX_OOF_AWS_METADATA);
    }

    while (aws->url.len && aws->url.data[aws->url.len - 1] == '/') {
        aws->url.len--;
    }

    return ngx_oof_fetch_prepare(cf, &aws->url, &aws->addrs);
}


/* "[profile]", and "name = value" under it */

static ngx_int_t
ngx_oof_aws_shared(ngx_conf_t *cf, ngx_oof_aws_t *aws)
{
    u_char      *p, *end, *last;
    ngx_str_t    text, line;
    ngx_uint_t   ours;

    ngx_memzero(&aws->fixed, sizeof(ngx_oof_aws_keys_t));

    if (ngx_oof_fetch_file(cf, &aws->file, NGX_OOF_RENEW_TEXT, &text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ours = 0;
    end = text.data + text.len;

    for (p = text.data; p < end; p = last + 1) {

        for (last = p; last < end && *last != '\n'; last++) { /* void */ }

        line.data = p;
        line.len = last - p;

        ngx_oof_aws_entry(aws, &line, &ours);
    }

    if (aws->fixed.id.len == 0 || aws->fixed.secret.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has no \"aws_access_key_id\" and "
                           "\"aws_secret_access_key\" under \"[%V]\"",
                           &aws->file, &aws->profile);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_oof_aws_entry(ngx_oof_aws_t *aws, ngx_str_t *line, ngx_uint_t *ours)
{
    u_char     *sign;
    ngx_str_t   name, value;

    ngx_oof_aws_trim(line);

    if (line->len == 0 || line->data[0] == '#' || line->data[0] == ';') {
        return;
    }

    if (line->data[0] == '[') {
        name.data = line->data + 1;
        name.len = line->len - 1
                   - (line->data[line->len - 1] == ']' && line->len > 1);

        ngx_oof_aws_trim(&name);

        *ours = name.len == aws->profile.len
                && ngx_strncmp(name.data, aws->profile.data, name.len) == 0;
        return;
    }

    sign = ngx_strlchr(line->data, line->data + line->len, '=');

    if (!*ours || sign == NULL) {
        return;
    }

    name.data = line->data;
    name.len = sign - line->data;

    value.data = sign + 1;
    value.len = line->len - name.len - 1;

    ngx_oof_aws_trim(&name);
    ngx_oof_aws_trim(&value);

    if (name.len == sizeof("aws_access_key_id") - 1
        && ngx_strncmp(name.data, "aws_access_key_id", name.len) == 0)
    {
        aws->fixed.id = value;

    } else if (name.len == sizeof("aws_secret_access_key") - 1
               && ngx_strncmp(name.data, "aws_secret_access_key", name.len)
                  == 0)
    {
        aws->fixed.secret = value;

    } else if (name.len == sizeof("aws_session_token") - 1
               && ngx_strncmp(name.data, "aws_session_token", name.len) == 0)
    {
        aws->fixed.token = value;
    }
}


static void
ngx_oof_aws_trim(ngx_str_t *text)
{
    while (text->len && text->data[text->len - 1] <= ' ') {
        text->len--;
    }

    while (text->len && text->data[0] <= ' ') {
        text->data++;
        text->len--;
    }
}


static ngx_int_t
ngx_oof_aws_join(ngx_conf_t *cf, ngx_str_t *to, const char *begin,
    ngx_str_t *middle, const char *end)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, ngx_strlen(begin) + middle->len
                              + ngx_strlen(end) + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    to->data = p;
    to->len = ngx_sprintf(p, "%s%V%s%Z", begin, middle, end) - p - 1;

    return NGX_OK;
}


ngx_str_t *
ngx_oof_aws_region(ngx_oof_aws_t *aws)
{
    return &aws->region;
}
