
/*
 * Copyright (C) oof authors
 */


/*
 * Sealed values: what opens them and what does not, and that a use is taken
 * before a value is sealed.
 *
 * link: -Wl,--wrap=ngx_oof_pg_unit
 */

#include "tap.h"


static char                 prefix[] = "/tmp/oof-crypt-XXXXXX/";

static ngx_oof_keys_t      *one;        /* keys a, b and c */
static ngx_oof_keys_t      *two;        /* keys b and a: rotated */
static ngx_oof_keys_t      *three;      /* others under the same ids */
static ngx_oof_database_t  *db;
static ngx_oof_shared_t    *shared;
static ngx_uint_t           asked;

static u_char  id1[] = "0123456789abcdef";
static u_char  id2[] = "0123456789abcdeg";


/* no lane here: a portion that is asked for does not come */

ngx_oof_pg_unit_t *
__wrap_ngx_oof_pg_unit(ngx_oof_database_t *database, ngx_uint_t class)
{
    asked++;

    return NULL;
}


static void
put(const char *name, const char *text)
{
    char   path[256];
    FILE  *f;

    snprintf(path, sizeof(path), "%s%s", prefix, name);

    f = fopen(path, "w");

    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0
        || chmod(path, 0600) != 0)
    {
        tap_bail(path);
    }
}


static void
put_key(const char *name, int seed)
{
    char        text[NGX_OOF_KEY_LEN * 2 + 1];
    ngx_uint_t  i;

    for (i = 0; i < NGX_OOF_KEY_LEN; i++) {
        snprintf(text + 2 * i, 3, "%02x", (unsigned) (seed + i * 7) & 0xff);
    }

    put(name, text);
}


static void
configure(void)
{
    char                   path[256];
    ngx_conf_t             cf;
    ngx_uint_t             i;
    ngx_cycle_t           *cycle;
    ngx_oof_keys_t       **keys;
    ngx_oof_database_t   **databases;
    ngx_oof_main_conf_t   *omcf;

    prefix[sizeof(prefix) - 2] = '\0';

    if (mkdtemp(prefix) == NULL) {
        tap_bail("mkdtemp() failed");
    }

    prefix[sizeof(prefix) - 2] = '/';

    snprintf(path, sizeof(path), "%slogs", prefix);
    (void) mkdir(path, 0700);

    put_key("a", 1);
    put_key("b", 2);
    put_key("c", 3);
    put_key("x", 4);
    put_key("y", 5);
    put_key("l", 6);
    put_key("m", 7);

    put("nginx.conf",
        "events { }\n"
        "http {\n"
        "    oof_database main { connect 'host=/nonexistent dbname=x'; }\n"
        "    oof_keys one { encrypt a a; encrypt b b; encrypt c c;\n"
        "                   lookup l l; lookup m m; }\n"
        "    oof_keys two { encrypt b b; encrypt a a; lookup m m; }\n"
        "    oof_keys three { encrypt a x; encrypt b y; lookup l l; }\n"
        "}\n");

    snprintf(path, sizeof(path), "%snginx.conf", prefix);

    cycle = tap_configure(prefix, path);

    if (cycle == NULL) {
        tap_bail("no configuration");
    }

    omcf = ngx_oof_main_conf(cycle);

    keys = omcf->keys.elts;
    one = keys[0];
    two = keys[1];
    three = keys[2];

    databases = omcf->databases.elts;
    db = databases[0];

    shared = omcf->zone->data;

    ngx_memzero(&cf, sizeof(ngx_conf_t));
    cf.pool = cycle->pool;
    cf.cycle = cycle;
    cf.log = cycle->log;

    for (i = 0; i < omcf->keys.nelts; i++) {
        (void) ngx_oof_keys_bind(&cf, keys[i], db);
        (void) ngx_oof_keys_bind(&cf, keys[i], db);
    }

    ngx_worker = 1;

    if (ngx_event_timer_init(cycle->log) != NGX_OK
        || ngx_oof_crypt_init_zone(&omcf->keys, shared->shpool, &shared->keys,
                                   NULL)
           != NGX_OK
        || ngx_oof_crypt_init_process(cycle) != NGX_OK)
    {
        tap_bail("no keys");
    }
}


static ngx_uint_t
pools(void)
{
    ngx_uint_t           n;
    ngx_oof_key_pool_t  *pool;

    n = 0;

    for (pool = shared->keys; pool; pool = pool->next) {
        pool->left = 1000000;
        n++;
    }

    return n;
}


static ngx_int_t
seal(ngx_oof_keys_t *keys, const char *text, ngx_str_t *sealed)
{
    ngx_str_t  plain;

    plain = str(text);

    return ngx_oof_crypt_seal(keys, db, tap_pool, "oof_consent", id1, &plain,
                              sealed);
}


static void
opens(void)
{
    ngx_str_t   big, plain, sealed, other;
    ngx_uint_t  i, bad;

    is_int(seal(one, "{\"cpf\":\"48847377765\"}", &sealed), NGX_OK, "sealed");

    is_int(sealed.len, 2 + 1 + 12 + 21 + 16, "with what its length must be");
    ok(sealed.data[0] == 1 && sealed.data[1] == 1 && sealed.data[2] == 'a',
       "version, length of the id, id of the first key");

    is_int(ngx_oof_crypt_open(one, tap_pool, "oof_consent", id1, &sealed,
                              &plain),
           NGX_OK, "opened");
    is_str(&plain, "{\"cpf\":\"48847377765\"}", "and as it was");

    is_int(ngx_oof_crypt_open(two, tap_pool, "oof_consent", id1, &sealed,
                              &plain),
           NGX_OK, "opened where the key is not the first any more");
    is_str(&plain, "{\"cpf\":\"48847377765\"}", "and as it was");

    (void) seal(one, "{\"cpf\":\"48847377765\"}", &other);
    ok(ngx_memcmp(sealed.data + 3, other.data + 3, 12) != 0,
       "another nonce for the same text");
    ok(ngx_memcmp(sealed.data + 15, other.data + 15, 21) != 0,
       "which does not look the same");

    (void) seal(two, "x", &other);
    is_int(other.data[2], 'b', "a rotated block seals with its first key");
    is_int(ngx_oof_crypt_open(one, tap_pool, "oof_consent", id1, &other,
                              &plain),
           NGX_OK, "which the other one opens");

    is_int(seal(one, "", &other), NGX_OK, "an empty text is sealed");
    is_int(ngx_oof_crypt_open(one, tap_pool, "oof_consent", id1, &other,
                              &plain),
           NGX_OK, "and opened");
    is_int(plain.len, 0, "and is empty");

    big.len = 65536;
    big.data = ngx_palloc(tap_pool, big.len);
    ngx_memset(big.data, 'x', big.len);

    bad = 0;

    for (i = 0; i < 50; i++) {
        if (ngx_oof_crypt_seal(one, db, tap_pool, "t", id2, &big, &other)
            != NGX_OK
            || ngx_oof_crypt_open(one, tap_pool, "t", id2, &other, &plain)
               != NGX_OK
            || plain.len != big.len
            || ngx_memcmp(plain.data, big.data, big.len) != 0)
        {
            bad++;
        }
    }

    is_int(bad, 0, "65536 bytes, again and again");
}


static void
refuses(void)
{
    ngx_str_t   plain, sealed, cut;
    ngx_uint_t  i, bad;

    (void) seal(one, "secret", &sealed);

    is_int(ngx_oof_crypt_open(one, tap_pool, "oof_consent", id2, &sealed,
                              &plain),
           NGX_DECLINED, "not in another row");
    is_int(ngx_oof_crypt_open(one, tap_pool, "oof_payment", id1, &sealed,
                              &plain),
           NGX_DECLINED, "not in another table");
    is_int(ngx_oof_crypt_open(one, tap_pool, "oof_consen", id1, &sealed,
                              &plain),
           NGX_DECLINED, "not in one whose name is shorter");
    is_int(ngx_oof_crypt_open(three, tap_pool, "oof_consent", id1, &sealed,
                              &plain),
           NGX_DECLINED, "not with another key of the same id");

    bad = 0;

    for (i = 0; i < sealed.len * 8; i++) {
        sealed.data[i / 8] ^= 1 << (i % 8);

        if (ngx_oof_crypt_open(one, tap_pool, "oof_consent", id1, &sealed,
                               &plain)
            != NGX_DECLINED)
        {
            bad++;
        }

        sealed.data[i / 8] ^= 1 << (i % 8);
    }

    is_int(bad, 0, "not with any bit changed");

    bad = 0;

    for (i = 0; i < sealed.len; i++) {

        /* where a read past the end would be seen */

        cut.len = i;
        cut.data = malloc(i + 1);
        ngx_memcpy(cut.data, sealed.data, i);

        if (ngx_oof_crypt_open(one, tap_pool, "oof_consent", id1, &cut, &plain)
            != NGX_DECLINED)
        {
            bad++;
        }

        free(cut.data);
    }

    is_int(bad, 0, "not when it was cut off anywhere");

    is_int(ngx_oof_crypt_open(one, tap_pool, "oof_consent", id1, &sealed,
                              &plain),
           NGX_OK, "but as it is");
    is_int(ERR_peek_error(), 0, "and no error is left for others to find");
}


static void
counts(void)
{
    ngx_str_t            sealed;
    ngx_oof_key_pool_t  *pool;

    (void) pools();

    is_int(seal(one, "x", &sealed), NGX_OK, "a value");

    for (pool = shared->keys; pool; pool = pool->next) {
        if (pool->left != 1000000) {
            break;
        }
    }

    if (pool == NULL) {
        tap_bail("nothing was taken");
    }

    is_int(pool->left, 999999, "takes one use");

    pool->left = 2;
    asked = 0;

    is_int(seal(one, "x", &sealed), NGX_OK, "the last but one");
    is_int(asked, 1, "the next portion is asked for");
    is_int(seal(one, "x", &sealed), NGX_OK, "the last one");
    is_int(seal(one, "x", &sealed), NGX_BUSY, "none is left: busy");
    is_int(seal(one, "x", &sealed), NGX_BUSY, "and again");
    is_int(pool->left, 0, "nothing is owed");
    is_int(asked, 1, "nobody asks while somebody has just asked");

    pool->full = 1;
    is_int(seal(one, "x", &sealed), NGX_DECLINED, "at the limit: declined");
    is_int(seal(two, "x", &sealed), NGX_OK, "other keys serve");

    pool->left = 1;
    is_int(seal(one, "x", &sealed), NGX_OK, "what was reserved still serves");
    pool->full = 0;
}


static void
lookups(void)
{
    size_t      len;
    u_char      a[NGX_OOF_LOOKUP_LEN], b[NGX_OOF_LOOKUP_LEN];
    u_char      want[NGX_OOF_LOOKUP_LEN], key[NGX_OOF_KEY_LEN];
    u_char      text[] = "consent.cpf\0" "48847377765";
    ngx_str_t   cpf, more;
    ngx_uint_t  i;

    cpf = str("48847377765");
    more = str(".cpf");

    for (i = 0; i < NGX_OOF_KEY_LEN; i++) {
        key[i] = (u_char) (6 + i * 7);
    }

    (void) EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, sizeof(key),
                     text, sizeof(text) - 1, want, sizeof(want), &len);

    is_int(ngx_oof_crypt_lookup(one, 0, "consent.cpf", &cpf, a), NGX_OK,
           "a look-up value");
    is_mem(a, want, NGX_OOF_LOOKUP_LEN, "is the HMAC that it should be");

    is_int(ngx_oof_crypt_lookup(one, 0, "consent.cpf", &cpf, b), NGX_OK,
           "and once more");
    is_mem(a, b, NGX_OOF_LOOKUP_LEN, "is the same");

    (void) ngx_oof_crypt_lookup(one, 0, "consent.cnpj", &cpf, b);
    ok(ngx_memcmp(a, b, NGX_OOF_LOOKUP_LEN) != 0, "another in another domain");

    (void) ngx_oof_crypt_lookup(one, 0, "consent", &more, a);
    more = str("");
    (void) ngx_oof_crypt_lookup(one, 0, "consent.cpf", &more, b);
    ok(ngx_memcmp(a, b, NGX_OOF_LOOKUP_LEN) != 0,
       "domain and value cannot be shifted");

    (void) ngx_oof_crypt_lookup(one, 1, "consent.cpf", &cpf, a);
    ok(ngx_memcmp(a, want, NGX_OOF_LOOKUP_LEN) != 0, "another under key 1");
    (void) ngx_oof_crypt_lookup(two, 0, "consent.cpf", &cpf, b);
    is_mem(a, b, NGX_OOF_LOOKUP_LEN, "which is key 0 elsewhere");

    is_int(ngx_oof_crypt_lookup(one, 2, "consent.cpf", &cpf, a), NGX_DECLINED,
           "there is no key 2");
}


int
main(int argc, char *const *argv)
{
    char  command[256];

    tap_start(argc, argv);

    configure();

    is_int(pools(), 3, "a pool for each first key");

    opens();
    refuses();
    counts();
    lookups();

    ngx_oof_crypt_exit_process((ngx_cycle_t *) ngx_cycle);

    snprintf(command, sizeof(command), "rm -r %s", prefix);
    ok(system(command) == 0, "cleaned up");

    return tap_done();
}
