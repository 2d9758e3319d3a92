
/*
 * Copyright (C) oof authors
 */


#include <ngx_oof.h>
#include <ngx_oof_common_sql.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>


#define NGX_OOF_SEAL_VERSION    1
#define NGX_OOF_NONCE_LEN       12
#define NGX_OOF_TAG_LEN         16
#define NGX_OOF_TABLE_MAX       64

/* portions grow to the largest, so that short lives waste little */
#define NGX_OOF_PORTION_MIN     4096
#define NGX_OOF_PORTION_MAX     65536

#define NGX_OOF_KEY_LIMIT       2147483648LL
#define NGX_OOF_KEY_WARN        (NGX_OOF_KEY_LIMIT / 4 * 3)

#define NGX_OOF_ASK_DEADLINE    1500       /* ms */
#define NGX_OOF_ASK_AGAIN       2000       /* whoever asked may be dead */
#define NGX_OOF_ASK_RETRY       100
#define NGX_OOF_ASK_LOOK        10         /* while somebody waits */
#define NGX_OOF_ASK_FULL        60000


typedef struct {
    ngx_str_t                id;
    ngx_str_t                name;         /* "keys/id" */
    u_char                   secret[NGX_OOF_KEY_LEN];
    u_char                   fingerprint[NGX_OOF_KEY_FINGERPRINT];

    /* in a worker: with the key set, one of the two kinds */
    EVP_CIPHER_CTX          *enc;
    EVP_CIPHER_CTX          *dec;
    EVP_MAC_CTX             *mac;
} ngx_oof_key_t;


/* the first key of a block in one of the databases that its values go to */

typedef struct {
    ngx_oof_key_t           *key;
    ngx_oof_database_t      *db;
    ngx_uint_t               series;

    /* in a worker */
    ngx_oof_key_pool_t      *pool;
    ngx_atomic_uint_t        portion;      /* asked for */
    ngx_event_t              timer;
    ngx_queue_t              waiting;      /* of ngx_oof_crypt_wait_t */
    time_t                   complained;
    unsigned                 asking:1;
} ngx_oof_key_use_t;


struct ngx_oof_keys_s {
    ngx_str_t                name;
    ngx_array_t              encrypt;      /* of ngx_oof_key_t */
    ngx_array_t              lookup;       /* of ngx_oof_key_t */
    ngx_array_t              uses;         /* of ngx_oof_key_use_t * */
};


static char *ngx_oof_keys_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_oof_keys_add(ngx_conf_t *cf, ngx_oof_keys_t *keys,
    ngx_array_t *list);
static char *ngx_oof_key_id(ngx_str_t *id);
static char *ngx_oof_key_once(ngx_conf_t *cf, ngx_oof_keys_t *keys,
    ngx_array_t *list, ngx_oof_key_t *key);
static ngx_int_t ngx_oof_key_load(ngx_conf_t *cf, ngx_str_t *file,
    u_char *secret);
static ngx_int_t ngx_oof_key_read(ngx_conf_t *cf, ngx_str_t *file, u_char *buf,
    size_t size, size_t *len);
static ngx_int_t ngx_oof_key_hex(u_char *buf, size_t len, u_char *secret);
static ngx_int_t ngx_oof_key_fingerprint(ngx_conf_t *cf, ngx_oof_key_t *key);
static void ngx_oof_keys_cleanup(void *data);
static ngx_oof_key_pool_t *ngx_oof_key_pool(ngx_oof_key_pool_t *pool,
    ngx_oof_key_use_t *use);

static ngx_int_t ngx_oof_crypt_key_init(ngx_oof_key_t *key, EVP_CIPHER *aes,
    EVP_MAC *hmac);
static ngx_oof_key_use_t *ngx_oof_crypt_use(ngx_oof_keys_t *keys,
    ngx_oof_database_t *db);
static ngx_int_t ngx_oof_crypt_take(ngx_oof_key_use_t *use);
static ngx_int_t ngx_oof_crypt_encrypt(ngx_oof_key_t *key, u_char *nonce,
    u_char *aad, size_t aad_len, ngx_str_t *plain, u_char *out);
static ngx_int_t ngx_oof_crypt_decrypt(ngx_oof_key_t *key, u_char *nonce,
    u_char *aad, size_t aad_len, u_char *p, size_t len, u_char *out);
static size_t ngx_oof_crypt_aad(u_char *aad, const char *table, u_char *id,
    ngx_str_t *key_id);

static void ngx_oof_crypt_start(ngx_event_t *ev);
static void ngx_oof_crypt_ask(ngx_oof_key_use_t *use);
static void ngx_oof_crypt_told(ngx_oof_pg_unit_t *u);
static void ngx_oof_crypt_wake(ngx_oof_key_use_t *use);


static ngx_oof_metric_t  ngx_oof_crypt_sealed;


char *
ngx_oof_keys_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_oof_main_conf_t *omcf = conf;

    char                *rv;
    ngx_str_t           *value;
    ngx_conf_t           save;
    ngx_oof_keys_t      *keys, **kp;
    ngx_pool_cleanup_t  *cln;

    value = cf->args->elts;

    if (ngx_oof_block_name(cf, cmd) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_oof_keys_find(cf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_keys %V\" is there twice", &value[1]);
        return NGX_CONF_ERROR;
    }

    keys = ngx_pcalloc(cf->pool, sizeof(ngx_oof_keys_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);
    kp = ngx_array_push(&omcf->keys);

    if (keys == NULL || cln == NULL || kp == NULL
        || ngx_array_init(&keys->encrypt, cf->pool, 8, sizeof(ngx_oof_key_t))
           != NGX_OK
        || ngx_array_init(&keys->lookup, cf->pool, 8, sizeof(ngx_oof_key_t))
           != NGX_OK
        || ngx_array_init(&keys->uses, cf->pool, 2, sizeof(void *)) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    *kp = keys;
    keys->name = value[1];

    cln->handler = ngx_oof_keys_cleanup;
    cln->data = keys;

    save = *cf;
    cf->handler = ngx_oof_keys_line;
    cf->handler_conf = (char *) keys;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (keys->encrypt.nelts == 0 || keys->lookup.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_keys %V\" needs an \"encrypt ID FILE;\" and "
                           "a \"lookup ID FILE;\"", &keys->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_oof_keys_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_oof_keys_t *keys = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[0].data, "include") == 0) {
        return ngx_conf_include(cf, dummy, conf);
    }

    if (cf->args->nelts == 3) {

        if (ngx_strcmp(value[0].data, "encrypt") == 0) {
            return ngx_oof_keys_add(cf, keys, &keys->encrypt);
        }

        if (ngx_strcmp(value[0].data, "lookup") == 0) {
            return ngx_oof_keys_add(cf, keys, &keys->lookup);
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"oof_keys\" takes \"encrypt ID FILE;\" and \"lookup "
                       "ID FILE;\", not \"%V\"", &value[0]);

    return NGX_CONF_ERROR;
}


static char *
ngx_oof_keys_add(ngx_conf_t *cf, ngx_oof_keys_t *keys, ngx_array_t *list)
{
    char           *why;
    ngx_str_t      *value;
    ngx_oof_key_t  *key;

    value = cf->args->elts;

    why = ngx_oof_key_id(&value[1]);

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "key id \"%V\" %s",
                           &value[1], why);
        return NGX_CONF_ERROR;
    }

    /* the array would leave a copy of the keys behind when it grows */

    if (list->nelts == list->nalloc) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"oof_keys %V\" has more than %ui keys of a kind: "
                           "take out those that no value is left of",
                           &keys->name, list->nalloc);
        return NGX_CONF_ERROR;
    }

    key = ngx_array_push(list);

    ngx_memzero(key, sizeof(ngx_oof_key_t));

    key->id = value[1];
    key->name.len = keys->name.len + 1 + key->id.len;
    key->name.data = ngx_pnalloc(cf->pool, key->name.len);

    if (key->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_sprintf(key->name.data, "%V/%V", &keys->name, &key->id);

    if (ngx_oof_key_load(cf, &value[2], key->secret) != NGX_OK
        || ngx_oof_key_fingerprint(cf, key) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_oof_key_once(cf, keys, list, key);
}


static char *
ngx_oof_key_id(ngx_str_t *id)
{
    u_char      c;
    ngx_uint_t  i;

    if (id->len == 0 || id->len > NGX_OOF_KEY_ID_MAX) {
        return "must have 1 to 16 characters";
    }

    for (i = 0; i < id->len; i++) {
        c = id->data[i];

        if ((c < '0' || c > '9') && ((c | 0x20) < 'a' || (c | 0x20) > 'z')) {
            return "may have letters and digits only";
        }
    }

    return NULL;
}


/* a key has one id and one purpose */

static char *
ngx_oof_key_once(ngx_conf_t *cf, ngx_oof_keys_t *keys, ngx_array_t *list,
    ngx_oof_key_t *key)
{
    ngx_uint_t      i, k;
    ngx_array_t    *lists[2];
    ngx_oof_key_t  *other;

    lists[0] = &keys->encrypt;
    lists[1] = &keys->lookup;

    for (i = 0; i < 2; i++) {
        other = lists[i]->elts;

        for (k = 0; k < lists[i]->nelts; k++) {

            if (&other[k] == key) {
                continue;
            }

            if (lists[i] == list && other[k].id.len == key->id.len
                && ngx_memcmp(other[k].id.data, key->id.data, key->id.len)
                   == 0)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "key id \"%V\" is there twice", &key->id);
                return NGX_CONF_ERROR;
            }

            if (CRYPTO_memcmp(other[k].secret, key->secret, NGX_OOF_KEY_LEN)
                == 0)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "keys \"%V\" and \"%V\" are the same: make "
                                   "one of its own for each",
                                   &other[k].id, &key->id);
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_oof_key_load(ngx_conf_t *cf, ngx_str_t *file, u_char *secret)
{
    size_t     len;
    u_char     buf[NGX_OOF_KEY_LEN * 2 + 16];
    ngx_int_t  rc;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_oof_key_read(cf, file, buf, sizeof(buf), &len);

    if (rc == NGX_OK) {
        rc = ngx_oof_key_hex(buf, len, secret);

        if (rc != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is not a key: it must have 64 random "
                               "hexadecimal digits (openssl rand -hex 32)",
                               file);
        }
    }

    OPENSSL_cleanse(buf, sizeof(buf));

    return rc;
}


static ngx_int_t
ngx_oof_key_read(ngx_conf_t *cf, ngx_str_t *file, u_char *buf, size_t size,
    size_t *len)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", file);
        return NGX_ERROR;
    }

    n = -1;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", file);
        goto done;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a regular file", file);
        goto done;
    }

    if (ngx_file_access(&fi) & S_IROTH) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "key file \"%V\" can be read by everybody: "
                           "chmod o-r", file);
    }

    n = ngx_read_fd(fd, buf, size);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", file);
    }

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", file);
    }

    if (n == -1) {
        return NGX_ERROR;
    }

    *len = n;

    return NGX_OK;
}


/* 64 digits and at most a line end; one byte all over is a placeholder */

static ngx_int_t
ngx_oof_key_hex(u_char *buf, size_t len, u_char *secret)
{
    ngx_int_t   n;
    ngx_uint_t  i, same;

    while (len && (buf[len - 1] == LF || buf[len - 1] == CR)) {
        len--;
    }

    if (len != NGX_OOF_KEY_LEN * 2) {
        return NGX_ERROR;
    }

    same = 0;

    for (i = 0; i < NGX_OOF_KEY_LEN; i++) {
        n = ngx_hextoi(buf + 2 * i, 2);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        secret[i] = (u_char) n;
        same += (secret[i] == secret[0]);
    }

    return same == NGX_OOF_KEY_LEN ? NGX_ERROR : NGX_OK;
}


/*
 * What the key is counted under: a function of the key alone, from which the
 * key cannot be found.
 */

static ngx_int_t
ngx_oof_key_fingerprint(ngx_conf_t *cf, ngx_oof_key_t *key)
{
    size_t       len;
    u_char       md[NGX_OOF_LOOKUP_LEN];
    static char  text[] = "oof key fingerprint";

    if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key->secret,
                  NGX_OOF_KEY_LEN, (u_char *) text, sizeof(text) - 1,
                  md, sizeof(md), &len)
        == NULL)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0, "EVP_Q_mac() failed");
        return NGX_ERROR;
    }

    ngx_hex_dump(key->fingerprint, md, NGX_OOF_KEY_FINGERPRINT / 2);

    return NGX_OK;
}


static void
ngx_oof_keys_cleanup(void *data)
{
    ngx_oof_keys_t *keys = data;

    if (keys->encrypt.elts) {
        OPENSSL_cleanse(keys->encrypt.elts,
                        keys->encrypt.nalloc * keys->encrypt.size);
    }

    if (keys->lookup.elts) {
        OPENSSL_cleanse(keys->lookup.elts,
                        keys->lookup.nalloc * keys->lookup.size);
    }
}


ngx_oof_keys_t *
ngx_oof_keys_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t             i;
    ngx_oof_keys_t       **keys;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    keys = omcf->keys.elts;

    for (i = 0; i < omcf->keys.nelts; i++) {
        if (keys[i]->name.len == name->len
            && ngx_memcmp(keys[i]->name.data, name->data, name->len) == 0)
        {
            return keys[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_oof_keys_count(ngx_oof_keys_t *keys, ngx_uint_t lookup)
{
    return lookup ? keys->lookup.nelts : keys->encrypt.nelts;
}


ngx_str_t *
ngx_oof_keys_id(ngx_oof_keys_t *keys, ngx_uint_t lookup, ngx_uint_t n)
{
    ngx_oof_key_t  *key;

    key = lookup ? keys->lookup.elts : keys->encrypt.elts;

    return &key[n].id;
}


ngx_str_t *
ngx_oof_keys_name(ngx_oof_keys_t *keys)
{
    return &keys->name;
}


ngx_oof_keys_t *
ngx_oof_keys_named(ngx_cycle_t *cycle, ngx_str_t *name)
{
    ngx_uint_t             i;
    ngx_oof_keys_t       **keys;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_oof_main_conf(cycle);

    keys = omcf->keys.elts;

    for (i = 0; i < omcf->keys.nelts; i++) {
        if (keys[i]->name.len == name->len
            && ngx_memcmp(keys[i]->name.data, name->data, name->len) == 0)
        {
            return keys[i];
        }
    }

    return NULL;
}


void
ngx_oof_keys_target(ngx_oof_keys_t *keys, u_char *target)
{
    ngx_oof_key_t  *encrypt, *lookup;

    encrypt = keys->encrypt.elts;
    lookup = keys->lookup.elts;

    target = ngx_cpymem(target, encrypt->fingerprint, NGX_OOF_KEY_FINGERPRINT);
    ngx_memcpy(target, lookup->fingerprint, NGX_OOF_KEY_FINGERPRINT);
}


ngx_int_t
ngx_oof_keys_bind(ngx_conf_t *cf, ngx_oof_keys_t *keys, ngx_oof_database_t *db)
{
    ngx_oof_key_use_t  *use, **up;

    if (ngx_oof_crypt_use(keys, db)) {
        return NGX_OK;
    }

    use = ngx_pcalloc(cf->pool, sizeof(ngx_oof_key_use_t));
    up = ngx_array_push(&keys->uses);

    if (use == NULL || up == NULL) {
        return NGX_ERROR;
    }

    use->key = keys->encrypt.elts;
    use->db = db;

    *up = use;

    return NGX_OK;
}


ngx_int_t
ngx_oof_crypt_init(ngx_conf_t *cf)
{
    ngx_int_t              series;
    ngx_str_t              label, *db;
    ngx_uint_t             i, k;
    ngx_oof_keys_t       **keys;
    ngx_oof_key_use_t    **uses;
    ngx_oof_main_conf_t   *omcf;

    omcf = ngx_http_conf_get_module_main_conf(cf, ngx_oof_module);

    if (omcf->keys.nelts == 0) {
        return NGX_OK;
    }

    if (ngx_oof_metric_add(cf, &ngx_oof_crypt_sealed, "oof_key_sealed_total",
                           "Values encrypted with a personal-data key.",
                           NGX_OOF_METRIC_COUNTER)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    keys = omcf->keys.elts;

    for (i = 0; i < omcf->keys.nelts; i++) {
        uses = keys[i]->uses.elts;

        for (k = 0; k < keys[i]->uses.nelts; k++) {
            db = ngx_oof_database_name(uses[k]->db);

            label.len = sizeof("key=\"\",database=\"\"") - 1
                        + uses[k]->key->name.len + db->len;
            label.data = ngx_pnalloc(cf->pool, label.len);

            if (label.data == NULL) {
                return NGX_ERROR;
            }

            ngx_sprintf(label.data, "key=\"%V\",database=\"%V\"",
                        &uses[k]->key->name, db);

            series = ngx_oof_metric_series(cf, &ngx_oof_crypt_sealed, &label);

            if (series == NGX_ERROR) {
                return NGX_ERROR;
            }

            uses[k]->series = series;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_crypt_init_zone(ngx_array_t *array, ngx_slab_pool_t *shpool,
    ngx_oof_key_pool_t **pools, ngx_oof_key_pool_t *old)
{
    ngx_str_t             *db;
    ngx_uint_t             i, k;
    ngx_oof_keys_t       **keys;
    ngx_atomic_int_t       n;
    ngx_oof_key_use_t    **uses;
    ngx_oof_key_pool_t    *pool, *from;

    keys = array->elts;

    for (i = 0; i < array->nelts; i++) {
        uses = keys[i]->uses.elts;

        for (k = 0; k < keys[i]->uses.nelts; k++) {

            if (ngx_oof_key_pool(*pools, uses[k])) {
                continue;
            }

            pool = ngx_slab_calloc(shpool, sizeof(ngx_oof_key_pool_t));
            if (pool == NULL) {
                return NGX_ERROR;
            }

            db = ngx_oof_database_name(uses[k]->db);

            ngx_memcpy(pool->fingerprint, uses[k]->key->fingerprint,
                       NGX_OOF_KEY_FINGERPRINT);
            ngx_memcpy(pool->database, db->data,
                       ngx_min(db->len, sizeof(pool->database)));

            pool->portion = NGX_OOF_PORTION_MIN;

            from = ngx_oof_key_pool(old, uses[k]);

            if (from) {
                n = (ngx_atomic_int_t) from->left / 2;

                if (n > 0) {
                    (void) ngx_atomic_fetch_add(&from->left, -n);
                    pool->left = n;
                }

                pool->portion = from->portion;
            }

            pool->next = *pools;
            *pools = pool;
        }
    }

    return NGX_OK;
}


static ngx_oof_key_pool_t *
ngx_oof_key_pool(ngx_oof_key_pool_t *pool, ngx_oof_key_use_t *use)
{
    size_t      len;
    ngx_str_t  *db;

    db = ngx_oof_database_name(use->db);
    len = ngx_min(db->len, sizeof(pool->database));

    for ( /* void */ ; pool; pool = pool->next) {
        if (ngx_memcmp(pool->fingerprint, use->key->fingerprint,
                       NGX_OOF_KEY_FINGERPRINT)
            == 0
            && ngx_memcmp(pool->database, db->data, len) == 0
            && (len == sizeof(pool->database) || pool->database[len] == '\0'))
        {
            return pool;
        }
    }

    return NULL;
}


ngx_int_t
ngx_oof_crypt_init_process(ngx_cycle_t *cycle)
{
    EVP_MAC              *hmac;
    ngx_int_t             rc;
    EVP_CIPHER           *aes;
    ngx_uint_t            i, k;
    ngx_oof_key_t        *key;
    ngx_oof_keys_t      **keys;
    ngx_oof_shared_t     *shared;
    ngx_oof_key_use_t   **uses;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_oof_main_conf(cycle);
    shared = omcf->zone->data;

    aes = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

    rc = (aes && hmac) ? NGX_OK : NGX_ERROR;

    keys = omcf->keys.elts;

    for (i = 0; rc == NGX_OK && i < omcf->keys.nelts; i++) {

        key = keys[i]->encrypt.elts;

        for (k = 0; rc == NGX_OK && k < keys[i]->encrypt.nelts; k++) {
            rc = ngx_oof_crypt_key_init(&key[k], aes, NULL);
        }

        key = keys[i]->lookup.elts;

        for (k = 0; rc == NGX_OK && k < keys[i]->lookup.nelts; k++) {
            rc = ngx_oof_crypt_key_init(&key[k], NULL, hmac);
        }

        uses = keys[i]->uses.elts;

        for (k = 0; k < keys[i]->uses.nelts; k++) {
            uses[k]->pool = ngx_oof_key_pool(shared->keys, uses[k]);

            uses[k]->timer.handler = ngx_oof_crypt_start;
            uses[k]->timer.data = uses[k];
            uses[k]->timer.log = cycle->log;
            uses[k]->timer.cancelable = 1;

            ngx_queue_init(&uses[k]->waiting);

            if (ngx_worker == 0) {
                ngx_add_timer(&uses[k]->timer, 1);
            }
        }
    }

    if (rc != NGX_OK) {
        ngx_ssl_error(NGX_LOG_EMERG, cycle->log, 0,
                      "OpenSSL cannot AES-256-GCM or HMAC-SHA-256");
    }

    /* the contexts have references of their own */

    EVP_CIPHER_free(aes);
    EVP_MAC_free(hmac);

    return rc;
}


static ngx_int_t
ngx_oof_crypt_key_init(ngx_oof_key_t *key, EVP_CIPHER *aes, EVP_MAC *hmac)
{
    OSSL_PARAM  params[2];

    if (aes) {
        key->enc = EVP_CIPHER_CTX_new();
        key->dec = EVP_CIPHER_CTX_new();

        if (key->enc == NULL || key->dec == NULL
            || EVP_EncryptInit_ex2(key->enc, aes, key->secret, NULL, NULL) != 1
            || EVP_DecryptInit_ex2(key->dec, aes, key->secret, NULL, NULL)
               != 1)
        {
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    params[0] = OSSL_PARAM_construct_utf8_string("digest", "SHA256", 0);
    params[1] = OSSL_PARAM_construct_end();

    key->mac = EVP_MAC_CTX_new(hmac);

    if (key->mac == NULL
        || EVP_MAC_init(key->mac, key->secret, NGX_OOF_KEY_LEN, params) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_oof_crypt_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t            i, k;
    ngx_oof_key_t        *key;
    ngx_oof_keys_t      **keys;
    ngx_oof_main_conf_t  *omcf;

    omcf = ngx_oof_main_conf(cycle);
    keys = omcf->keys.elts;

    for (i = 0; i < omcf->keys.nelts; i++) {

        key = keys[i]->encrypt.elts;

        for (k = 0; k < keys[i]->encrypt.nelts; k++) {
            EVP_CIPHER_CTX_free(key[k].enc);
            EVP_CIPHER_CTX_free(key[k].dec);
            key[k].enc = NULL;
            key[k].dec = NULL;
        }

        key = keys[i]->lookup.elts;

        for (k = 0; k < keys[i]->lookup.nelts; k++) {
            EVP_MAC_CTX_free(key[k].mac);
            key[k].mac = NULL;
        }

        ngx_oof_keys_cleanup(keys[i]);
    }
}


ngx_int_t
ngx_oof_crypt_seal(ngx_oof_keys_t *keys, ngx_oof_database_t *db,
    ngx_pool_t *pool, const char *table, u_char *id, ngx_str_t *plain,
    ngx_str_t *sealed)
{
    size_t              aad_len;
    u_char             *p, aad[NGX_OOF_TABLE_MAX + 64];
    ngx_int_t           rc;
    ngx_oof_key_t      *key;
    ngx_oof_key_use_t  *use;

    use = ngx_oof_crypt_use(keys, db);

    if (use == NULL || use->pool == NULL) {
        ngx_log_error(NGX_LOG_ALERT, pool->log, 0,
                      "keys \"%V\" are not bound to a database", &keys->name);
        return NGX_ERROR;
    }

    key = use->key;

    aad_len = ngx_oof_crypt_aad(aad, table, id, &key->id);

    if (aad_len == 0 || plain->len > 0x7fffffff) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, plain->len + NGX_OOF_SEAL_OVERHEAD);
    if (p == NULL) {
        return NGX_ERROR;
    }

    sealed->data = p;

    *p++ = NGX_OOF_SEAL_VERSION;
    *p++ = (u_char) key->id.len;
    p = ngx_cpymem(p, key->id.data, key->id.len);

    sealed->len = p - sealed->data + NGX_OOF_NONCE_LEN + plain->len
                  + NGX_OOF_TAG_LEN;

    rc = ngx_oof_crypt_take(use);

    if (rc != NGX_OK) {
        return rc;
    }

    if (RAND_bytes(p, NGX_OOF_NONCE_LEN) != 1
        || ngx_oof_crypt_encrypt(key, p, aad, aad_len, plain,
                                 p + NGX_OOF_NONCE_LEN)
           != NGX_OK)
    {
        ngx_ssl_error(NGX_LOG_CRIT, pool->log, 0, "encryption failed");
        return NGX_ERROR;
    }

    ngx_oof_metric_inc(&ngx_oof_crypt_sealed, use->series, 1);

    return NGX_OK;
}


static ngx_oof_key_use_t *
ngx_oof_crypt_use(ngx_oof_keys_t *keys, ngx_oof_database_t *db)
{
    ngx_uint_t           i;
    ngx_oof_key_use_t  **uses;

    uses = keys->uses.elts;

    for (i = 0; i < keys->uses.nelts; i++) {
        if (uses[i]->db == db) {
            return uses[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_oof_keys_ready(ngx_oof_keys_t *keys)
{
    ngx_uint_t           i;
    ngx_oof_key_use_t  **uses;

    uses = keys->uses.elts;

    for (i = 0; i < keys->uses.nelts; i++) {

        if (uses[i]->pool
            && (ngx_atomic_int_t) uses[i]->pool->left <= 0
            && !uses[i]->pool->full)
        {
            return 0;
        }
    }

    return 1;
}


/* one use of the key; asks for the next portion in time */

static ngx_int_t
ngx_oof_crypt_take(ngx_oof_key_use_t *use)
{
    ngx_atomic_int_t     left;
    ngx_oof_key_pool_t  *pool;

    pool = use->pool;

    left = (ngx_atomic_int_t) ngx_atomic_fetch_add(&pool->left, -1);

    if (left <= (ngx_atomic_int_t) pool->portion / 2) {
        ngx_oof_crypt_ask(use);
    }

    if (left > 0) {
        return NGX_OK;
    }

    (void) ngx_atomic_fetch_add(&pool->left, 1);

    if (!pool->full) {
        return NGX_BUSY;
    }

    if (ngx_time() - use->complained >= 60) {
        use->complained = ngx_time();

        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "key \"%V\" has encrypted as many values as it may: add "
                      "a new one before it in \"oof_keys\" and reload",
                      &use->key->name);
    }

    return NGX_DECLINED;
}


static size_t
ngx_oof_crypt_aad(u_char *aad, const char *table, u_char *id,
    ngx_str_t *key_id)
{
    size_t   len;
    u_char  *p;

    len = ngx_strlen(table);

    if (len > NGX_OOF_TABLE_MAX) {
        return 0;
    }

    p = ngx_cpymem(aad, table, len);
    *p++ = '\0';
    p = ngx_cpymem(p, id, NGX_OOF_UUID_LEN);
    p = ngx_cpymem(p, key_id->data, key_id->len);

    return p - aad;
}


static ngx_int_t
ngx_oof_crypt_encrypt(ngx_oof_key_t *key, u_char *nonce, u_char *aad,
    size_t aad_len, ngx_str_t *plain, u_char *out)
{
    int  n;

    if (EVP_EncryptInit_ex2(key->enc, NULL, NULL, nonce, NULL) != 1
        || EVP_EncryptUpdate(key->enc, NULL, &n, aad, (int) aad_len) != 1)
    {
        return NGX_ERROR;
    }

    if (plain->len
        && EVP_EncryptUpdate(key->enc, out, &n, plain->data, (int) plain->len)
           != 1)
    {
        return NGX_ERROR;
    }

    if (EVP_EncryptFinal_ex(key->enc, out + plain->len, &n) != 1
        || EVP_CIPHER_CTX_ctrl(key->enc, EVP_CTRL_AEAD_GET_TAG,
                               NGX_OOF_TAG_LEN, out + plain->len)
           != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_crypt_open(ngx_oof_keys_t *keys, ngx_pool_t *pool, const char *table,
    u_char *id, ngx_str_t *sealed, ngx_str_t *plain)
{
    size_t          len, aad_len;
    u_char         *p, aad[NGX_OOF_TABLE_MAX + 64];
    ngx_int_t       i;
    ngx_oof_key_t  *key;

    i = ngx_oof_crypt_sealed_with(keys, sealed);

    if (i == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    key = keys->encrypt.elts;
    key += i;

    p = sealed->data + 2 + key->id.len;
    len = sealed->data + sealed->len - p - NGX_OOF_NONCE_LEN - NGX_OOF_TAG_LEN;

    if (len > 0x7fffffff) {
        return NGX_DECLINED;
    }

    aad_len = ngx_oof_crypt_aad(aad, table, id, &key->id);

    plain->len = len;
    plain->data = ngx_pnalloc(pool, len + 1);

    if (plain->data == NULL || aad_len == 0) {
        return NGX_ERROR;
    }

    return ngx_oof_crypt_decrypt(key, p, aad, aad_len,
                                 p + NGX_OOF_NONCE_LEN, len, plain->data);
}


ngx_int_t
ngx_oof_crypt_sealed_with(ngx_oof_keys_t *keys, ngx_str_t *sealed)
{
    u_char         *p;
    ngx_str_t       id;
    ngx_uint_t      i;
    ngx_oof_key_t  *key;

    p = sealed->data;

    if (sealed->len < 2 || *p++ != NGX_OOF_SEAL_VERSION) {
        return NGX_DECLINED;
    }

    id.len = *p++;
    id.data = p;

    if (id.len == 0 || id.len > NGX_OOF_KEY_ID_MAX
        || sealed->len < 2 + id.len + NGX_OOF_NONCE_LEN + NGX_OOF_TAG_LEN)
    {
        return NGX_DECLINED;
    }

    key = keys->encrypt.elts;

    for (i = 0; i < keys->encrypt.nelts; i++) {
        if (key[i].id.len == id.len
            && ngx_memcmp(key[i].id.data, id.data, id.len) == 0)
        {
            return i;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_oof_crypt_decrypt(ngx_oof_key_t *key, u_char *nonce, u_char *aad,
    size_t aad_len, u_char *p, size_t len, u_char *out)
{
    int        n;
    ngx_int_t  rc;

    rc = NGX_DECLINED;

    if (EVP_DecryptInit_ex2(key->dec, NULL, NULL, nonce, NULL) != 1
        || EVP_DecryptUpdate(key->dec, NULL, &n, aad, (int) aad_len) != 1
        || (len && EVP_DecryptUpdate(key->dec, out, &n, p, (int) len) != 1)
        || EVP_CIPHER_CTX_ctrl(key->dec, EVP_CTRL_AEAD_SET_TAG,
                               NGX_OOF_TAG_LEN, p + len)
           != 1)
    {
        rc = NGX_ERROR;

    } else if (EVP_DecryptFinal_ex(key->dec, out + len, &n) == 1) {
        return NGX_OK;
    }

    /* what was not authentic was not decrypted, for nobody to see */

    OPENSSL_cleanse(out, len);
    ERR_clear_error();

    return rc;
}


ngx_int_t
ngx_oof_crypt_lookup(ngx_oof_keys_t *keys, ngx_uint_t n, const char *domain,
    ngx_str_t *value, u_char *out)
{
    size_t          len;
    ngx_oof_key_t  *key;

    if (n >= keys->lookup.nelts) {
        return NGX_DECLINED;
    }

    key = keys->lookup.elts;
    key += n;

    /* the terminator of the domain parts it from the value */

    if (EVP_MAC_init(key->mac, NULL, 0, NULL) != 1
        || EVP_MAC_update(key->mac, (u_char *) domain, ngx_strlen(domain) + 1)
           != 1
        || EVP_MAC_update(key->mac, value->data, value->len) != 1
        || EVP_MAC_final(key->mac, out, &len, NGX_OOF_LOOKUP_LEN) != 1)
    {
        ngx_ssl_error(NGX_LOG_CRIT, ngx_cycle->log, 0, "HMAC failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_oof_crypt_wait(ngx_oof_keys_t *keys, ngx_oof_database_t *db,
    ngx_oof_crypt_wait_t *wait)
{
    ngx_oof_key_use_t  *use;

    use = ngx_oof_crypt_use(keys, db);

    if (use == NULL || use->pool == NULL
        || (ngx_atomic_int_t) use->pool->left > 0
        || use->pool->full)
    {
        return NGX_OK;
    }

    ngx_oof_crypt_ask(use);

    /* it may be another worker who has asked */

    if (!use->timer.timer_set) {
        ngx_add_timer(&use->timer, NGX_OOF_ASK_LOOK);
    }

    ngx_queue_insert_tail(&use->waiting, &wait->queue);

    return NGX_AGAIN;
}


/* at start, and while somebody waits, until a portion is there */

static void
ngx_oof_crypt_start(ngx_event_t *ev)
{
    ngx_oof_key_use_t *use = ev->data;

    if ((ngx_atomic_int_t) use->pool->left > 0 || use->pool->full) {
        ngx_oof_crypt_wake(use);
    }

    if (ngx_exiting && ngx_queue_empty(&use->waiting)) {
        return;
    }

    if ((ngx_atomic_int_t) use->pool->left
        > (ngx_atomic_int_t) use->pool->portion / 2
        || use->pool->full)
    {
        return;
    }

    ngx_oof_crypt_ask(use);

    if (!ev->timer_set) {
        ngx_add_timer(ev, ngx_queue_empty(&use->waiting) ? NGX_OOF_ASK_RETRY
                                                         : NGX_OOF_ASK_LOOK);
    }
}


static void
ngx_oof_crypt_ask(ngx_oof_key_use_t *use)
{
    ngx_str_t            fingerprint;
    ngx_msec_t           wait;
    ngx_atomic_uint_t    asked, now;
    ngx_oof_pg_unit_t   *u;
    ngx_oof_key_pool_t  *pool;

    pool = use->pool;

    now = (ngx_atomic_uint_t) ngx_current_msec + 1;
    asked = pool->asked;
    wait = pool->full ? NGX_OOF_ASK_FULL : NGX_OOF_ASK_AGAIN;

    if (use->asking
        || (asked && now - asked < wait)
        || !ngx_atomic_cmp_set(&pool->asked, asked, now))
    {
        return;
    }

    u = ngx_oof_pg_unit(use->db, NGX_OOF_PG_SOLO);
    if (u == NULL) {
        return;
    }

    use->portion = pool->portion;

    u->handler = ngx_oof_crypt_told;
    u->data = use;
    u->deadline = ngx_current_msec + NGX_OOF_ASK_DEADLINE;

    fingerprint.len = NGX_OOF_KEY_FINGERPRINT;
    fingerprint.data = use->key->fingerprint;

    ngx_oof_pg_statement(u, &ngx_oof_sql_key_reserve);
    ngx_oof_pg_text(u, &fingerprint);
    ngx_oof_pg_text(u, &use->key->name);
    ngx_oof_pg_int8(u, (int64_t) use->portion);
    ngx_oof_pg_time(u, ngx_oof_clock_real());

    if (ngx_oof_pg_send(u) == NGX_OK) {
        use->asking = 1;
    }
}


static void
ngx_oof_crypt_told(ngx_oof_pg_unit_t *u)
{
    int64_t              reserved;
    ngx_oof_key_use_t   *use;
    ngx_oof_key_pool_t  *pool;

    use = u->data;
    pool = use->pool;

    use->asking = 0;

    if (u->rc != NGX_OOF_PG_OK || ngx_oof_pg_rows(u, 0) != 1) {

        /* not at once again, but soon */

        pool->asked = (ngx_atomic_uint_t) ngx_current_msec + 1
                      - (NGX_OOF_ASK_AGAIN - NGX_OOF_ASK_RETRY);

        ngx_oof_crypt_wake(use);
        return;
    }

    reserved = ngx_oof_pg_get_int(u, 0, 0, 1);

    if (reserved < 0) {
        pool->full = 1;

        ngx_oof_crypt_wake(use);
        return;
    }

    (void) ngx_atomic_fetch_add(&pool->left, use->portion);

    pool->portion = ngx_min(use->portion * 2, NGX_OOF_PORTION_MAX);
    pool->full = 0;
    pool->asked = 0;

    if (reserved >= NGX_OOF_KEY_WARN) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "key \"%V\" has %L of 2147483648 values left: add a new "
                      "one before it in \"oof_keys\"",
                      &use->key->name, NGX_OOF_KEY_LIMIT - reserved);
    }

    ngx_oof_crypt_wake(use);
}


/* one that goes on may end others, and wait again */

static void
ngx_oof_crypt_wake(ngx_oof_key_use_t *use)
{
    ngx_queue_t           *q, woken;
    ngx_oof_crypt_wait_t  *wait;

    if (ngx_queue_empty(&use->waiting)) {
        return;
    }

    ngx_queue_init(&woken);
    ngx_queue_add(&woken, &use->waiting);
    ngx_queue_init(&use->waiting);

    while (!ngx_queue_empty(&woken)) {
        q = ngx_queue_head(&woken);
        ngx_queue_remove(q);

        wait = ngx_queue_data(q, ngx_oof_crypt_wait_t, queue);
        wait->handler(wait->data);
    }
}
